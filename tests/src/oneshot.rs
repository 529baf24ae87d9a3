//! Runs without fixcore: `fixworker collect`, and the child alone.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binaries;
use crate::graph::Export;
use crate::process::{Invocation, Process};
use crate::scratch::Scratch;

/// `fixworker collect`, to be run.
#[derive(Debug)]
pub struct Oneshot {
    scratch: Scratch,
    args: Vec<String>,
    overrides: Vec<String>,
    collector_bin: Option<PathBuf>,
    collector_name: Option<String>,
    environment: Vec<(String, String)>,
    file_size: Option<u64>,
}

impl Oneshot {
    /// `fixworker collect --collector COLLECTORS`, with short timers for a test.
    pub fn new(collectors: &str) -> Self {
        Self::bare().args(&["--collector", collectors])
    }

    /// `fixworker collect` without a collector.
    pub fn bare() -> Self {
        Self {
            scratch: Scratch::new(),
            args: Vec::new(),
            overrides: vec!["supervisor.grace=1".into(), "supervisor.backoff_initial=0.1".into()],
            collector_bin: None,
            collector_name: None,
            environment: Vec::new(),
            file_size: None,
        }
    }

    /// The child that misbehaves, with one account for each mode.
    pub fn rogue(modes: &[&str]) -> Self {
        let oneshot = Self::new("rogue");
        let markers = oneshot.scratch.dir("markers");
        let oneshot = oneshot.collector_bin(&binaries::rogue_child());
        oneshot
            .set(&format!("rogue.modes={}", modes.join(",")))
            .set(&format!("rogue.markers={}", markers.display()))
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(ToString::to_string));
        self
    }

    /// Adds `--override SETTING`.
    #[must_use]
    pub fn set(mut self, setting: &str) -> Self {
        self.overrides.push(setting.into());
        self
    }

    /// Adds several settings.
    #[must_use]
    pub fn set_all(self, settings: &[&str]) -> Self {
        settings.iter().fold(self, |oneshot, setting| oneshot.set(setting))
    }

    /// Another child program.
    #[must_use]
    pub fn collector_bin(mut self, program: &Path) -> Self {
        self.collector_bin = Some(program.into());
        self
    }

    /// The child program under another name, which it may look at.
    #[must_use]
    pub fn collector_name(mut self, name: &str) -> Self {
        self.collector_name = Some(name.into());
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Files of the supervisor cannot grow above so many bytes.
    #[must_use]
    pub fn file_size_limit(mut self, bytes: u64) -> Self {
        self.file_size = Some(bytes);
        self
    }

    /// Its directory.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Starts it.
    #[track_caller]
    pub fn start(self) -> RunningOneshot {
        let mut invocation = Invocation::new(binaries::fixworker())
            .env("HOME", self.scratch.dir("home"))
            .env("TMPDIR", self.scratch.dir("tmp"))
            .env("XDG_RUNTIME_DIR", self.scratch.dir("run"))
            .env("XDG_STATE_HOME", self.scratch.dir("state"))
            .in_directory(self.scratch.path())
            .arg("collect")
            .args(&self.args);
        if !self.args.iter().any(|arg| arg == "--output") {
            invocation = invocation.args(["--output", "graph.ndjson"]);
        }
        if !self.args.iter().any(|arg| arg == "--report") {
            invocation = invocation.args(["--report", "report.json"]);
        }
        for (name, value) in &self.environment {
            invocation = invocation.env(name, value);
        }
        // By a path in the scratch directory, so that its children can be told from all others.
        if !self.args.iter().any(|arg| arg == "--collector-bin") {
            let program = self.collector_bin.clone().unwrap_or_else(binaries::fix_collector);
            let link = self.scratch.link_as(&program, self.collector_name.as_deref());
            invocation = invocation.arg("--collector-bin").arg(link);
        }
        if let Some(bytes) = self.file_size {
            invocation = invocation.file_size_limit(bytes);
        }
        let invocation = invocation.arg("--override").args(&self.overrides);
        let process = invocation.start("fixworker", self.scratch.path());
        RunningOneshot { scratch: self.scratch, process }
    }

    /// Runs it to its end, and checks that no child is left.
    #[track_caller]
    pub fn run(self) -> Finished {
        self.start().finish()
    }
}

/// A running one-shot.
#[derive(Debug)]
pub struct RunningOneshot {
    /// Its directory.
    pub scratch: Scratch,
    /// The process.
    pub process: Process,
}

impl RunningOneshot {
    /// Waits for its end, and checks that no child is left.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        let code = self.process.exit_code();
        assert_eq!(self.scratch.collectors(), [], "children are left after the run");
        let (output, errors) = (self.process.output(), self.process.errors());
        Finished { code, output, errors, scratch: self.scratch }
    }
}

/// A one-shot that ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
    /// Its directory.
    pub scratch: Scratch,
}

impl Finished {
    /// Panics unless it ended with `code`.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit code; it said: {}", self.errors);
        self
    }

    /// Panics unless it said all of `parts` in one line on standard error.
    #[track_caller]
    pub fn expect_said(&self, parts: &[&str]) -> &Self {
        let says = |line: &str| parts.iter().all(|part| line.contains(part));
        assert!(self.errors.lines().any(says), "no line has {parts:?}: {}", self.errors);
        self
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

    /// The report it wrote.
    #[track_caller]
    pub fn report(&self) -> Value {
        let path = self.scratch.path().join("report.json");
        let text = std::fs::read_to_string(&path);
        let text = text.unwrap_or_else(|error| panic!("no report ({error}); it said: {}", self.errors));
        serde_json::from_str(&text).expect("the report is JSON")
    }

    /// The entries of the report, one for each account.
    #[track_caller]
    pub fn accounts(&self) -> Vec<Value> {
        let report = self.report();
        let list = report.get("accounts").unwrap_or(&report);
        list.as_array().unwrap_or_else(|| panic!("no list of accounts: {report}")).clone()
    }

    /// The entry of one account.
    #[track_caller]
    pub fn account(&self, id: &str) -> Value {
        let accounts = self.accounts();
        let found = accounts.iter().find(|account| account["id"] == id);
        found.unwrap_or_else(|| panic!("account {id} is not in the report: {accounts:?}")).clone()
    }
}

/// What the child alone writes: `fix-collector collect`.
#[derive(Debug)]
pub struct Alone {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl Alone {
    /// Runs `fix-collector ARGS` in a directory.
    #[track_caller]
    pub fn run(directory: &Scratch, args: &[&str]) -> Self {
        let name = format!("fix-collector-{}", args.len());
        let invocation =
            Invocation::new(binaries::fix_collector()).env("HOME", directory.dir("home")).args(args);
        let mut process = invocation.in_directory(directory.path()).start(&name, directory.path());
        let code = process.exit_code();
        let alone = Self { code, output: process.output(), errors: process.errors() };
        for kind in ["log", "out.log"] {
            drop(std::fs::remove_file(directory.path().join(format!("{name}.{kind}"))));
        }
        alone
    }

    /// The accounts that the child lists.
    #[track_caller]
    pub fn accounts(collector: &str, overrides: &[&str]) -> Vec<String> {
        let scratch = Scratch::new();
        let args = with_overrides(&["accounts", "--json", "--collector", collector], overrides);
        let alone = Self::run(&scratch, &args);
        assert_eq!(alone.code, 0, "accounts: {}", alone.errors);
        let entries = alone.output.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"))
        });
        let entries: Vec<_> = entries.collect();
        let ids = entries.iter().filter_map(|entry| entry["id"].as_str().map(str::to_owned));
        let ids: Vec<_> = ids.collect();
        assert!(!ids.is_empty(), "no accounts in {:?}", alone.output);
        ids
    }

    /// The graph of one account, as the child writes it without any supervisor.
    #[track_caller]
    pub fn collect(collector: &str, account: &str, overrides: &[&str]) -> Export {
        let scratch = Scratch::new();
        let args = ["collect", "--collector", collector, "--account", account, "--output", "-"];
        let alone = Self::run(&scratch, &with_overrides(&args, overrides));
        assert_eq!(alone.code, 0, "collect: {}", alone.errors);
        Export::parse(&alone.output)
    }

    /// The graphs of all accounts in one.
    #[track_caller]
    pub fn collect_all(collector: &str, overrides: &[&str]) -> Export {
        let ids = Self::accounts(collector, overrides);
        ids.iter().fold(Export::default(), |all, id| all.and(Self::collect(collector, id, overrides)))
    }
}

fn with_overrides<'a>(args: &[&'a str], overrides: &[&'a str]) -> Vec<&'a str> {
    let mut all = args.to_vec();
    if !overrides.is_empty() {
        all.push("--override");
        all.extend(overrides);
    }
    all
}
