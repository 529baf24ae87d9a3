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
        let options = options.iter().flat_map(|option| ["--set", option]);
        let faults = faults.iter().flat_map(|fault| ["--fault", fault]);
        Self::program("tests/clouds/rest/fake.py", [name].into_iter().chain(options).chain(faults))
    }

    /// Another program of a fake cloud, with these arguments. It takes `--log FILE`, and prints its port or address.
    #[track_caller]
    pub fn program<'a>(program: &str, args: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let python = requirements::aws_python()?;
        let scratch = Scratch::new();
        let log = scratch.path().join("calls.jsonl");
        let fake = repository().join(program);
        let invocation = Invocation::new(python).arg("-B").arg(fake).args(args).arg("--log").arg(&log);
        let process = invocation.start("fake", scratch.path());
        let mut url = String::new();
        until("the fake cloud tells its address", || {
            let output = process.output();
            let Some(told) = output.strip_suffix('\n') else { return false };
            let is_port = told.parse::<u16>().is_ok();
            url = if is_port { format!("http://127.0.0.1:{told}") } else { told.to_owned() };
            true
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
        let ran = Ran { code, output: process.output(), errors: process.errors() };
        for kind in ["log", "out.log"] {
            drop(std::fs::remove_file(self.scratch.path().join(format!("fix-collector.{kind}"))));
        }
        ran
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

    /// The same, with what was asked: `METHOD HOST PATH QUERY BODY`.
    pub fn calls_with_queries(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let call = |line: &str| {
            let call: Value = serde_json::from_str(line).unwrap_or_default();
            let told = ["method", "host", "path", "query", "body"].map(|name| call[name].to_string());
            told.join(" ")
        };
        text.lines().map(call).collect()
    }

    /// Those that change something.
    pub fn changes(&self) -> Vec<String> {
        self.calls().into_iter().filter(|call| !call.starts_with("GET ")).collect()
    }
}

/// How a collector is led into its fake: what the tests of all such clouds begin with.
#[derive(Debug, Clone, Copy)]
pub struct Lead {
    /// Its name.
    pub collector: &'static str,
    /// The account that is collected.
    pub account: &'static str,
    /// Variables with the address of the fake, and the path behind it.
    pub variables: &'static [(&'static str, &'static str)],
    /// What must never be seen.
    pub secrets: &'static [&'static str],
}

impl Lead {
    /// `fix-collector COMMAND -c COLLECTOR ARGS`.
    #[track_caller]
    pub fn run(&self, cloud: &RestCloud, settings: &Value, args: &[&str]) -> Ran {
        let named: Vec<_> =
            self.variables.iter().map(|(name, path)| (*name, format!("{}{path}", cloud.url))).collect();
        let variables: Vec<_> = named.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (command, args) = args.split_at(1);
        let args = [command, &["-c", self.collector], args].concat();
        let ran = cloud.run(settings, &variables, &args);
        for secret in self.secrets {
            assert!(!ran.errors.contains(secret) && !ran.output.contains(secret), "a secret is shown");
        }
        ran
    }

    /// Collects the account into `graph.ndjson`.
    #[track_caller]
    pub fn collect(&self, cloud: &RestCloud, settings: &Value) -> Ran {
        self.run(cloud, settings, &["collect", "--account", self.account, "-o", "graph.ndjson"])
    }

    /// The same, and the graph.
    #[track_caller]
    pub fn graph(&self, cloud: &RestCloud, settings: &Value) -> (Ran, Export) {
        let ran = self.collect(cloud, settings);
        let graph = cloud.graph("graph.ndjson");
        (ran, graph)
    }

    /// What a fault must lead to, for many faults at once: this exit code, these words, and no graph if nothing is known.
    pub fn each_fault(&self, settings: impl Fn(&str) -> Value + Sync, code: i32, cases: &[(&str, &str)]) {
        at_once(cases, |fault, words| {
            let Some(cloud) = RestCloud::start(self.collector, &[], &[fault]) else { return };
            let ran = self.collect(&cloud, &settings(&cloud.url));
            ran.expect_code(code).expect_words(words);
            let is_there = cloud.folder().join("graph.ndjson").exists();
            assert_eq!(is_there, matches!(code, 0 | 79), "{fault}: a graph without what was not read");
        });
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
        let says = self.errors.contains(words) || self.output.contains(words);
        assert!(says, "it does not say {words:?}: {} {}", self.output, self.errors);
        self
    }
}
