//! moto with one resource of each kind that can be deleted (`tests/aws/deletable.py`), behind a log.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ACCOUNTS, AwsAlone, MockCloud, ROLE, read_calls, script};
use crate::process::Invocation;
use crate::requirements;
use crate::scratch::Scratch;

/// The account of the keys, from which the role is assumed.
const ROOT: &str = "999999999999";
const REGION: &str = "eu-west-1";

/// A resource of a kind.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its id, name or ARN.
    pub id: String,
    /// The operations by which it goes, in their order; others may come between.
    pub calls: Vec<String>,
}

/// A running moto with them.
#[derive(Debug)]
pub struct DeletableCloud {
    cloud: MockCloud,
    /// The resources by kind.
    pub made: BTreeMap<String, Made>,
    told: String,
    seeding: usize,
}

impl DeletableCloud {
    /// `None` if the test is to be skipped.
    #[track_caller]
    pub fn start() -> Option<Self> {
        let scratch = Scratch::new();
        let log = scratch.path().join("calls.jsonl").display().to_string();
        let cloud = MockCloud::start(scratch, "moto_faults.py", &["--log".to_owned(), log])?;
        let mut this = Self { cloud, made: BTreeMap::new(), told: String::new(), seeding: 0 };
        this.told = this.ask(&["make"]);
        this.made = made(&this.told);
        this.seeding = this.calls().len();
        Some(this)
    }

    /// The kinds whose resource is still there, as boto3 sees it.
    #[track_caller]
    pub fn left(&self) -> Vec<String> {
        let scratch = Scratch::new();
        let made = scratch.file("made.json", self.told.clone()).display().to_string();
        serde_json::from_str(&self.ask(&["left", "--made", &made])).expect("a list of kinds")
    }

    #[track_caller]
    fn ask(&self, args: &[&str]) -> String {
        let python = requirements::aws_python().expect("it was there a moment ago");
        let scratch = Scratch::new();
        let ask = Invocation::new(python).arg("-B").arg(script("deletable.py")).args(args);
        let mut process = ask.args(["--endpoint", self.cloud.url()]).start("deletable", scratch.path());
        assert_eq!(process.exit_code(), 0, "{args:?}: {}", process.errors());
        process.output()
    }

    /// The operations called since everything was made, in their order.
    #[track_caller]
    pub fn calls(&self) -> Vec<String> {
        let calls = read_calls(&self.cloud.scratch.path().join("calls.jsonl")).split_off(self.seeding);
        calls.iter().filter_map(|call| call["operation"].as_str().map(str::to_owned)).collect()
    }

    /// The child alone, that may collect and change these kinds.
    pub fn alone(&self) -> AwsAlone {
        let kinds: Vec<&str> = self.made.keys().map(String::as_str).collect();
        AwsAlone::new(&self.cloud, ROOT)
            .set("role", ROLE)
            .set("account", vec![ACCOUNTS[0]])
            .set("region", vec![REGION])
            .set("collect", [kinds, vec!["aws_apigateway_*", "aws_ecs_*"]].concat())
    }
}

fn made(told: &str) -> BTreeMap<String, Made> {
    let made: BTreeMap<String, Value> = serde_json::from_str(told).expect("what was made is told in JSON");
    let read = |(kind, it): (String, Value)| {
        let calls = it["calls"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let id = it["id"].as_str().expect("an id").to_owned();
        (kind, Made { id, calls: calls.map(str::to_owned).collect() })
    };
    made.into_iter().map(read).collect()
}
