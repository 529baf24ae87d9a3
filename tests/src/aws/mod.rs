//! Mock clouds of AWS (`tests/aws`), and the child alone in them.
//!
//! The account of a request to the shape mock is in its access key: [`MockCloud::key_of`]. So one mock serves
//! many cases of a table, each with an account and faults of its own.

mod alone;
mod cleanup;
mod deletable;
mod twins;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

pub use alone::{AwsAlone, Ended};
pub use cleanup::CleanupCloud;
pub use deletable::{DeletableCloud, Made};
pub use twins::{TWINS, TwinCloud};

use crate::binaries::repository;
use crate::process::{Invocation, Process};
use crate::scratch::Scratch;
use crate::{requirements, wait};

/// The regions of the mock clouds.
pub const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
/// The role that can be assumed in every account.
pub const ROLE: &str = "CollectRole";
/// Four accounts.
pub const ACCOUNTS: [&str; 4] = ["100000000001", "100000000002", "100000000003", "100000000004"];
/// The secret of every access key.
pub const SECRET: &str = "a-secret-that-nobody-may-see";

/// A running mock cloud.
#[derive(Debug)]
pub struct MockCloud {
    process: Process,
    scratch: Scratch,
    url: String,
}

impl MockCloud {
    /// The cloud that answers everything from the published shapes, with these faults: the form is
    /// `SERVICE.OPERATION[@REGION][/ACCOUNT]=KIND[:TIMES]`, see `tests/aws/README.md`. `None` if the test is to be
    /// skipped.
    #[track_caller]
    pub fn shapes<S: AsRef<str>>(faults: impl IntoIterator<Item = S>) -> Option<Self> {
        let scratch = Scratch::new();
        let log = scratch.path().join("calls.jsonl");
        let mut args = vec!["--regions".to_owned(), REGIONS.join(",")];
        args.extend(["--log".to_owned(), log.display().to_string()]);
        for fault in faults {
            args.extend(["--fault".to_owned(), fault.as_ref().to_owned()]);
        }
        Self::start(scratch, "shape_mock.py", &args)
    }

    /// moto, with an estate in these accounts: half a minute for each. `None` if the test is to be skipped.
    #[track_caller]
    pub fn moto(accounts: &[&str]) -> Option<Self> {
        let cloud = Self::start(Scratch::new(), "moto_cloud.py", &[])?;
        let python = requirements::aws_python()?;
        let seed = Invocation::new(python).arg("-B").arg(script("seed.py")).args(["--endpoint", &cloud.url]);
        let seed = seed.args(["--accounts", &accounts.join(",")]).args(["--regions", &REGIONS.join(",")]);
        let mut seeding = seed.start("seed", cloud.scratch.path());
        assert_eq!(seeding.exit_code(), 0, "seeding: {}", seeding.errors());
        Some(cloud)
    }

    #[track_caller]
    fn start(scratch: Scratch, name: &str, args: &[String]) -> Option<Self> {
        let python = requirements::aws_python()?;
        let invocation = Invocation::new(python).arg("-B").arg(script(name)).args(["--port", "0"]).args(args);
        let mut process = invocation.env("HOME", scratch.dir("home")).start("cloud", scratch.path());
        let port = wait::eventually("the mock cloud says its port", || {
            assert!(process.ended().is_none(), "the mock cloud ended: {}", process.errors());
            process.output().strip_suffix('\n').map(str::to_owned)
        });
        Some(Self { process, scratch, url: format!("http://127.0.0.1:{port}") })
    }

    /// What goes into `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// An access key of this account, on the shape mock.
    pub fn key_of(account: &str) -> String {
        format!("AKIA{account}ROOT")
    }

    /// The variables that lead to this cloud, with the keys of this account and nothing from this machine.
    pub fn environment(&self, account: &str) -> Vec<(String, String)> {
        let key = Self::key_of(account);
        let variables = [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_ACCESS_KEY_ID", &key),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// A file of profiles, each with keys of an account and called after it: `of-123456789012`.
    #[track_caller]
    pub fn profiles(&self, accounts: &[String]) -> String {
        let profile = |account: &String| {
            let key = Self::key_of(account);
            format!("[profile of-{account}]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET}\n")
        };
        let text: String = accounts.iter().map(profile).collect();
        self.scratch.file("profiles", text).display().to_string()
    }

    /// All calls so far to the shape mock: `service`, `operation`, `region`, `account`, `key`, `params`.
    #[track_caller]
    pub fn calls(&self) -> Vec<Value> {
        read_calls(&self.scratch.path().join("calls.jsonl"))
    }

    /// How often an operation was called for an account on the shape mock.
    #[track_caller]
    pub fn count(&self, service: &str, operation: &str, account: &str) -> usize {
        let is = |call: &&Value| {
            call["service"] == service && call["operation"] == operation && call["account"] == account
        };
        self.calls().iter().filter(is).count()
    }

    /// The accounts that something was asked about on the shape mock.
    #[track_caller]
    pub fn asked_accounts(&self) -> BTreeSet<String> {
        let calls = self.calls();
        calls.iter().filter_map(|call| call["account"].as_str().map(str::to_owned)).collect()
    }

    /// Panics if the mock itself had trouble, or was asked for what it does not know.
    #[track_caller]
    pub fn expect_sound(&self) {
        assert_eq!(self.process.errors(), "", "the mock cloud has faults of its own");
    }
}

fn read_calls(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The last line may be half written.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).expect("a call is JSON")).collect()
}

fn script(name: &str) -> std::path::PathBuf {
    repository().join("tests/aws").join(name)
}
