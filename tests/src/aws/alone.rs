//! `fix-collector` with the collector `aws`, by hand.

use std::path::Path;

use serde_json::{Value, json};

use super::{MockCloud, REGIONS};
use crate::binaries;
use crate::graph::Export;
use crate::process::{Invocation, Process};
use crate::scratch::Scratch;

/// A run of the child alone, to be started. Its environment has nothing but what leads to the cloud.
#[derive(Debug)]
pub struct AwsAlone {
    scratch: Scratch,
    environment: Vec<(String, String)>,
    section: Value,
}

impl AwsAlone {
    /// With the keys of this account, in the regions of the mock, without usage metrics.
    pub fn new(cloud: &MockCloud, account: &str) -> Self {
        let section = json!({"region": REGIONS, "collect_usage_metrics": false});
        Self { scratch: Scratch::new(), environment: cloud.environment(account), section }
    }

    /// Changes the config section `aws`.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.section[name] = value.into();
        self
    }

    /// Adds or changes an environment variable.
    #[must_use]
    pub fn env(self, name: &str, value: &str) -> Self {
        let mut changed = self.without(&[name]);
        changed.environment.push((name.to_owned(), value.to_owned()));
        changed
    }

    /// Takes variables away.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.environment.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }

    /// `fix-collector collect`; the account has to be named if there is more than one.
    #[track_caller]
    pub fn collect(self, account: Option<&str>) -> Ended {
        let account = account.map(|account| ["--account", account]);
        let args = ["collect", "--output", "graph.ndjson"];
        let args: Vec<&str> = args.into_iter().chain(account.into_iter().flatten()).collect();
        self.run(&args)
    }

    /// `fix-collector ARGS` with the config.
    #[track_caller]
    pub fn run(self, args: &[&str]) -> Ended {
        let (scratch, mut process) = self.start(args);
        let code = process.exit_code();
        Ended { code, output: process.output(), errors: process.errors(), scratch }
    }

    #[track_caller]
    fn start(self, args: &[&str]) -> (Scratch, Process) {
        let config = self.scratch.file("config.json", json!({"aws": self.section}).to_string());
        // In front of the arguments of a command, which takes everything that follows its name.
        let (command, args) = args.split_at(1);
        let mut invocation = Invocation::new(binaries::fix_collector()).args(command);
        invocation = invocation.args(["--collector", "aws"]).arg("--config").arg(config).args(args);
        invocation = invocation.env("HOME", self.scratch.dir("home")).in_directory(self.scratch.path());
        for (name, value) in &self.environment {
            invocation = invocation.env(name, value);
        }
        let process = invocation.start("fix-collector", self.scratch.path());
        (self.scratch, process)
    }
}

/// How a run of the child alone ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
    scratch: Scratch,
}

impl Ended {
    /// Panics unless it ended with `code`.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit code; it said: {}", self.errors);
        self
    }

    /// The troubles it told, each with its hint: lines that begin with `fault:`, `note:` or `error:`.
    pub fn troubles(&self) -> Vec<String> {
        let mut troubles: Vec<String> = Vec::new();
        for line in self.errors.lines() {
            if ["fault:", "note:", "error:"].iter().any(|head| line.starts_with(head)) {
                troubles.push(line.to_owned());
            } else if let (Some(hint), Some(last)) = (line.strip_prefix("  hint:"), troubles.last_mut()) {
                last.push_str(" hint:");
                last.push_str(hint);
            }
        }
        troubles
    }

    /// Where it ran.
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The graph it wrote.
    #[track_caller]
    pub fn graph(&self) -> Export {
        Export::read(&self.scratch.path().join("graph.ndjson"))
    }

    /// Whether it wrote a graph.
    pub fn has_graph(&self) -> bool {
        self.scratch.path().join("graph.ndjson").exists()
    }
}
