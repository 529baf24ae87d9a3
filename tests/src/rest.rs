//! Fakes of the clouds that speak plain JSON (`tests/clouds/rest`), and the child alone in them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binaries::{self, repository};
use crate::graph::Export;
use crate::process::{Invocation, Process};
use crate::requirements;
use crate::scratch::Scratch;
use crate::wait::until;

/// A fake cloud. It ends with this value.
#[derive(Debug)]
pub struct RestCloud {
    /// Its address.
    pub url: String,
    log: PathBuf,
    _process: Process,
    scratch: Scratch,
}

/// Tries all cases at once: most of their time they wait before the next attempt. A case is a fault and what is said of it.
pub fn at_once(cases: &[(&str, &str)], case: impl Fn(&str, &str) + Sync) {
    std::thread::scope(|scope| {
        for (fault, words) in cases {
            scope.spawn(|| case(fault, words));
        }
    });
}

/// How a run of the child alone ended.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl RestCloud {
    /// The fake `tests/clouds/rest/NAME.py` with these options (`odd=1`) and faults; `None` if this test is to be skipped.
    #[track_caller]
    pub fn start(name: &str, options: &[&str], faults: &[&str]) -> Option<Self> {
        let python = requirements::aws_python()?;
        let scratch = Scratch::new();
        let log = scratch.path().join("calls.jsonl");
        let fake = repository().join("tests/clouds/rest/fake.py");
        let mut invocation = Invocation::new(python).arg("-B").arg(fake).arg(name).arg("--log").arg(&log);
        for option in options {
            invocation = invocation.args(["--set", option]);
        }
        for fault in faults {
            invocation = invocation.args(["--fault", fault]);
        }
        let process = invocation.start("fake", scratch.path());
        let mut url = String::new();
        until("the fake cloud tells its address", || {
            process.output().trim().clone_into(&mut url);
            url.starts_with("http")
        });
        Some(Self { url, log, _process: process, scratch })
    }

    /// `fix-collector COMMAND ARGS` with this config document and these variables.
    #[track_caller]
    pub fn run(&self, config: &Value, variables: &[(&str, &str)], args: &[&str]) -> Ran {
        let config = self.scratch.file("config.json", config.to_string());
        let (command, args) = args.split_at(1);
        let mut invocation =
            Invocation::new(binaries::fix_collector()).args(command).arg("--config").arg(config).args(args);
        invocation = invocation.env("HOME", self.scratch.dir("home")).in_directory(self.scratch.path());
        for (name, value) in variables {
            invocation = invocation.env(name, value);
        }
        let mut process = invocation.start("fix-collector", self.scratch.path());
        let code = process.exit_code();
        Ran { code, output: process.output(), errors: process.errors() }
    }

    /// A file beside the runs.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        self.scratch.file(name, content)
    }

    /// The graph that a run has written.
    #[track_caller]
    pub fn graph(&self, name: &str) -> Export {
        Export::read(&self.scratch.path().join(name))
    }

    /// The folder of the runs.
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// All calls so far, as `METHOD PATH STATUS`.
    pub fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let call = |line: &str| {
            let call: Value = serde_json::from_str(line).unwrap_or_default();
            let word = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", word("method"), word("path"), call["status"])
        };
        text.lines().map(call).collect()
    }

    /// Those that change something.
    pub fn changes(&self) -> Vec<String> {
        self.calls().into_iter().filter(|call| !call.starts_with("GET ")).collect()
    }
}

impl Ran {
    /// Panics unless it ended with `code`.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit code; it said: {}", self.errors);
        self
    }

    /// Panics unless it said this.
    #[track_caller]
    pub fn expect_words(&self, words: &str) -> &Self {
        assert!(self.errors.contains(words), "it does not say {words:?}: {}", self.errors);
        self
    }
}
