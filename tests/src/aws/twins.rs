//! moto with two accounts that have a log group, a role and a table of the same names, each with keys of its own.

use serde_json::{Value, json};

use super::cleanup::ask_estate;
use super::{AwsAlone, MockCloud};
use crate::core::Fixcore;
use crate::scratch::Scratch;
use crate::worker::{Worker, WorkerOptions};

/// The two accounts.
pub const TWINS: [&str; 2] = ["100000000001", "100000000002"];
const KINDS: [&str; 3] = ["aws_cloudwatch_log_group", "aws_iam_role", "aws_dynamodb_table"];

/// A running moto with the two accounts in it.
#[derive(Debug)]
pub struct TwinCloud {
    cloud: MockCloud,
    keys: Value,
}

impl TwinCloud {
    /// `None` if the test is to be skipped.
    #[track_caller]
    pub fn start() -> Option<Self> {
        let cloud = MockCloud::start(Scratch::new(), "moto_cloud.py", &[])?;
        let mut this = Self { cloud, keys: Value::Null };
        this.keys = ask_estate(&this.cloud, "twins");
        Some(this)
    }

    /// What an account has: `log group`, `role` and `table`, each with its tags.
    #[track_caller]
    pub fn left(&self, account: &str) -> Value {
        ask_estate(&self.cloud, "twins-left")[account].clone()
    }

    /// Panics unless an account has everything, untagged, as in the beginning.
    #[track_caller]
    pub fn expect_untouched(&self, account: &str) {
        assert_eq!(self.left(account), json!({"log group": {}, "role": {}, "table": {}}), "{account}");
    }

    /// The variables that lead to this cloud with the keys of this account.
    pub fn environment(&self, account: &str) -> Vec<(String, String)> {
        let keys = &self.keys[account];
        let own = [
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
        ];
        let own = own.map(|(name, key)| (name.to_owned(), keys[key].as_str().expect("a key").to_owned()));
        let mut variables = self.cloud.environment(account);
        variables.retain(|(name, _)| !own.iter().any(|(known, _)| known == name));
        variables.extend(own);
        variables
    }

    /// The child alone with the keys of this account.
    pub fn alone(&self, account: &str) -> AwsAlone {
        let alone = AwsAlone::new(&self.cloud, account).set("collect", KINDS.to_vec());
        self.environment(account).iter().fold(alone, |alone, (name, value)| alone.env(name, value))
    }

    /// A daemon with the keys of this account and its own name, that collects the account and cleans up.
    #[track_caller]
    pub fn worker(&self, core: &Fixcore, account: &str, subscriber: &str, settings: &[&str]) -> Worker {
        let mut options = WorkerOptions::new(core, "aws").subscriber(subscriber).set_all(&[
            "aws.region=us-east-1,eu-west-1",
            &format!("aws.collect={}", KINDS.join(",")),
            "aws.collect_usage_metrics=false",
            "fixworker.cleanup=true",
            "fixworker.cleanup_dry_run=false",
            "supervisor.cleanup_pause=0.1",
        ]);
        for (name, value) in self.environment(account) {
            options = options.env(&name, &value);
        }
        options.set_all(settings).start(core)
    }
}
