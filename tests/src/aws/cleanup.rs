//! moto with an account that is to be cleaned up (`tests/aws/cleanup_estate.py`), before it faults and a log.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ACCOUNTS, AwsAlone, MockCloud, REGIONS, ROLE, read_calls, script};
use crate::core::Fixcore;
use crate::process::Invocation;
use crate::requirements;
use crate::scratch::Scratch;
use crate::worker::{Worker, WorkerOptions};

/// The account of the keys, from which the role is assumed.
const ROOT: &str = "999999999999";
/// What the estate has.
const KINDS: &str = "aws_ec2_instance,aws_ec2_volume,aws_ec2_subnet,aws_ec2_security_group,aws_ec2_route_table,\
    aws_ec2_network_acl,aws_ec2_network_interface,aws_ec2_internet_gateway,aws_ec2_nat_gateway,aws_ec2_elastic_ip,\
    aws_vpc,aws_vpc_endpoint,aws_iam_*,aws_s3_bucket,aws_route53_zone";
/// Operations that change nothing begin with one of these.
const READS: [&str; 6] = ["Describe", "Get", "List", "Head", "Assume", "Generate"];
/// What the estate calls everything that is to go: the VPC with all below it, what has the tag, and what cannot have
/// tags, or not in moto.
const MARKED: [&str; 2] = [
    "search (is(aws_vpc) and tags.fate=go) -[0:]-> | clean",
    "search tags.fate=go or (is(aws_iam_group) and name=people) or (is(aws_iam_instance_profile) and name=profile) \
     or (is(aws_iam_policy) and name=shared) or (is(access_key) and name=leaver) | clean",
];

/// A running moto with the estate in it.
#[derive(Debug)]
pub struct CleanupCloud {
    cloud: MockCloud,
    made: Value,
    /// So many calls are those of the estate.
    seeding: usize,
}

impl CleanupCloud {
    /// With these faults: the form is `SERVICE.OPERATION[@REGION]=KIND[:TIMES]`, see `tests/aws/moto_faults.py`.
    /// `None` if the test is to be skipped.
    #[track_caller]
    pub fn with_faults(faults: &[&str]) -> Option<Self> {
        let scratch = Scratch::new();
        let log = scratch.path().join("calls.jsonl");
        let mut args = vec!["--log".to_owned(), log.display().to_string()];
        args.extend(faults.iter().flat_map(|fault| ["--fault".to_owned(), (*fault).to_owned()]));
        let cloud = MockCloud::start(scratch, "moto_faults.py", &args)?;
        let mut this = Self { cloud, made: json!({}), seeding: 0 };
        this.made = ask_estate(&this.cloud, "make");
        this.seeding = this.all_calls().len();
        Some(this)
    }

    /// The id of `vpc`, `nat`, `instance`, `group` (which others let in), or `stays` (an instance).
    #[track_caller]
    pub fn id(&self, what: &str) -> &str {
        self.made[what].as_str().unwrap_or_else(|| panic!("the estate has no {what}"))
    }

    /// What has to be there after everything marked is gone, by id or name.
    #[track_caller]
    pub fn kept(&self) -> Vec<String> {
        texts(&self.made["kept"])
    }

    /// What is there now.
    #[track_caller]
    pub fn left(&self) -> Vec<String> {
        texts(&ask_estate(&self.cloud, "left"))
    }

    /// The tags of instances, of the bucket `bucket-stays` and of the role `machine`.
    #[track_caller]
    pub fn tags(&self) -> BTreeMap<String, Value> {
        serde_json::from_value(ask_estate(&self.cloud, "tags")).expect("an object")
    }

    fn all_calls(&self) -> Vec<Value> {
        read_calls(&self.cloud.scratch.path().join("calls.jsonl"))
    }

    /// The calls after the estate was made that change something: `service`, `operation`, `params`, `fault`. What is
    /// not understood counts unless it is a GET.
    #[track_caller]
    pub fn changes(&self) -> Vec<Value> {
        let calls = self.all_calls().split_off(self.seeding);
        let changes = calls.into_iter().filter(|call| match call["operation"].as_str() {
            Some(operation) => !READS.iter().any(|read| operation.starts_with(read)),
            None => !call["unknown"].as_str().unwrap_or_default().starts_with("GET "),
        });
        changes.collect()
    }

    /// How often this operation has met its fault.
    #[track_caller]
    pub fn strikes(&self, operation: &str) -> usize {
        let struck = |call: &&Value| call["operation"] == operation && !call["fault"].is_null();
        self.changes().iter().filter(struck).count()
    }

    /// The child alone, that may collect and change this account.
    pub fn alone(&self) -> AwsAlone {
        let kinds: Vec<&str> = KINDS.split(',').collect();
        AwsAlone::new(&self.cloud, ROOT)
            .set("role", ROLE)
            .set("account", vec![ACCOUNTS[0]])
            .set("collect", kinds)
    }

    /// A daemon that collects this account, and cleans it up (a dry run, unless a setting says otherwise).
    #[track_caller]
    pub fn worker(&self, core: &Fixcore, settings: &[&str]) -> Worker {
        let mut options = WorkerOptions::new(core, "aws").set_all(&[
            "aws.role=CollectRole",
            "aws.account=100000000001",
            &format!("aws.region={}", REGIONS.join(",")),
            &format!("aws.collect={KINDS}"),
            "aws.collect_usage_metrics=false",
            "fixworker.cleanup=true",
            "supervisor.cleanup_pause=0.1",
        ]);
        for (name, value) in self.cloud.environment(ROOT) {
            options = options.env(&name, &value);
        }
        options.set_all(settings).start(core)
    }

    /// Marks everything that is to go, as a user does.
    #[track_caller]
    pub fn mark(&self, core: &Fixcore) {
        for command in MARKED {
            let said = core.cli(command);
            assert!(!said.contains("rror"), "{command}: {said}");
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    serde_json::from_value(list.clone()).expect("a list of texts")
}

/// What the script of the estates says to `what` about a cloud.
#[track_caller]
pub(super) fn ask_estate(cloud: &MockCloud, what: &str) -> Value {
    let python = requirements::aws_python().expect("it was there a moment ago");
    let scratch = Scratch::new();
    let ask = Invocation::new(python).arg("-B").arg(script("cleanup_estate.py")).arg(what);
    let mut process = ask.args(["--endpoint", cloud.url()]).start("estate", scratch.path());
    assert_eq!(process.exit_code(), 0, "{what}: {}", process.errors());
    serde_json::from_str(&process.output()).expect("the estate speaks JSON")
}
