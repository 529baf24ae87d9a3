//! The daemon: `fixworker`, with a home and state of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::binaries;
use crate::core::{Fixcore, SUBSCRIBER, free_port};
use crate::http::{Answer, Http};
use crate::process::{Invocation, Process};
use crate::procfs::Proc;
use crate::scratch::Scratch;
use crate::wait;

/// A daemon to be started.
#[derive(Debug)]
pub struct WorkerOptions {
    scratch: Scratch,
    program: PathBuf,
    uri: String,
    psk: Option<String>,
    subscriber: String,
    /// Its name at fixcore, if not the subscriber id.
    listener: Option<String>,
    collector_bin: Option<PathBuf>,
    collector_name: Option<String>,
    overrides: Vec<String>,
    args: Vec<OsString>,
    environment: Vec<(String, String)>,
    file_size: Option<u64>,
    web_port: u16,
}

impl WorkerOptions {
    /// A daemon of this fixcore with these collectors (comma separated); short timers for a test.
    pub fn new(core: &Fixcore, collectors: &str) -> Self {
        let options = Self::unconfigured(core);
        options.set(&format!("fixworker.collector={collectors}"))
    }

    /// A daemon whose collectors come from fixcore's config document, or from the default.
    pub fn unconfigured(core: &Fixcore) -> Self {
        let web_port = free_port();
        Self {
            scratch: Scratch::new(),
            program: binaries::fixworker(),
            uri: core.uri(),
            psk: core.psk().map(str::to_owned),
            subscriber: SUBSCRIBER.into(),
            listener: None,
            collector_bin: None,
            collector_name: None,
            overrides: vec![
                "fixworker.web_host=127.0.0.1".into(),
                format!("fixworker.web_port={web_port}"),
                "supervisor.grace=1".into(),
                "supervisor.backoff_initial=0.1".into(),
            ],
            args: Vec::new(),
            environment: Vec::new(),
            file_size: None,
            web_port,
        }
    }

    /// The Python worker instead of ours.
    #[must_use]
    pub fn python(mut self, program: PathBuf) -> Self {
        self.program = program;
        self.overrides.retain(|setting| !setting.starts_with("supervisor."));
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
        settings.iter().fold(self, |options, setting| options.set(setting))
    }

    /// Takes back the settings that start with `prefix`.
    #[must_use]
    pub fn unset(mut self, prefix: &str) -> Self {
        self.overrides.retain(|setting| !setting.starts_with(prefix));
        self
    }

    /// Adds a command line argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
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

    /// The child that misbehaves, with one account for each mode.
    #[must_use]
    pub fn rogue(self, modes: &[&str]) -> Self {
        let markers = self.scratch.dir("markers");
        let options = self.collector_bin(&binaries::rogue_child());
        options
            .set(&format!("rogue.modes={}", modes.join(",")))
            .set(&format!("rogue.markers={}", markers.display()))
    }

    /// Another subscriber id.
    #[must_use]
    pub fn subscriber(mut self, id: &str) -> Self {
        self.subscriber = id.into();
        self
    }

    /// One of `count` workers that share the accounts.
    #[must_use]
    pub fn shard(mut self, index: u32, count: u32) -> Self {
        self.listener = Some(format!("{}.{index}", self.subscriber));
        self.arg("--shard").arg(format!("{index}/{count}"))
    }

    /// Another key, or none.
    #[must_use]
    pub fn psk(mut self, psk: Option<&str>) -> Self {
        self.psk = psk.map(str::to_owned);
        self
    }

    /// Another address of fixcore.
    #[must_use]
    pub fn uri(mut self, uri: &str) -> Self {
        self.uri = uri.into();
        self
    }

    /// Files of the supervisor cannot grow above so many bytes.
    #[must_use]
    pub fn file_size_limit(mut self, bytes: u64) -> Self {
        self.file_size = Some(bytes);
        self
    }

    /// The directory of this worker.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The port of its web server.
    pub fn web_port(&self) -> u16 {
        self.web_port
    }

    /// Starts it; it may well end at once.
    #[track_caller]
    pub fn launch(self) -> Worker {
        let process = self.invocation().start("fixworker", self.scratch.path());
        Worker { options: self, process }
    }

    /// Starts it and waits until it listens for actions.
    #[track_caller]
    pub fn start(self, core: &Fixcore) -> Worker {
        let mut worker = self.launch();
        worker.await_connected(core);
        worker
    }

    fn listener(&self) -> &str {
        self.listener.as_deref().unwrap_or(&self.subscriber)
    }

    fn invocation(&self) -> Invocation {
        let home = self.scratch.dir("home");
        let mut invocation = Invocation::new(&self.program)
            .env("HOME", &home)
            .env("TMPDIR", self.scratch.dir("tmp"))
            .env("XDG_RUNTIME_DIR", self.scratch.dir("run"))
            .env("XDG_STATE_HOME", self.scratch.dir("state"))
            .in_directory(&home)
            .args(["--fixcore-uri", &self.uri, "--subscriber-id", &self.subscriber, "--verbose"]);
        for (name, value) in &self.environment {
            invocation = invocation.env(name, value);
        }
        if let Some(psk) = &self.psk {
            // By environment: a key does not belong on a command line.
            invocation = invocation.env("FIXWORKER_PSK", psk);
        }
        // By a path in the scratch directory, so that its children can be told from all others. The Python worker has none.
        if self.program == binaries::fixworker() || self.collector_bin.is_some() {
            let program = self.collector_bin.clone().unwrap_or_else(binaries::fix_collector);
            let link = self.scratch.link_as(&program, self.collector_name.as_deref());
            invocation = invocation.arg("--collector-bin").arg(link);
        }
        if let Some(bytes) = self.file_size {
            invocation = invocation.file_size_limit(bytes);
        }
        invocation.args(&self.args).arg("--override").args(&self.overrides)
    }
}

/// A running daemon.
#[derive(Debug)]
pub struct Worker {
    options: WorkerOptions,
    process: Process,
}

impl Worker {
    /// Waits until it listens for actions; panics if it ends before.
    #[track_caller]
    pub fn await_connected(&mut self, core: &Fixcore) {
        let subscriber = self.options.listener().to_owned();
        wait::until(&format!("{subscriber} is connected"), || {
            if let Some(status) = self.process.ended() {
                panic!("fixworker ended ({status}): {}", self.process.errors());
            }
            core.is_connected(&subscriber)
        });
    }

    /// How it ended, or `None` once it listens for actions.
    #[track_caller]
    pub fn ended_or_connected(&mut self, core: &Fixcore) -> Option<ExitStatus> {
        wait::eventually("it ends or works", || match self.process.ended() {
            Some(status) => Some(Some(status)),
            None => core.is_connected(self.options.listener()).then_some(None),
        })
    }

    /// Starts it again in the same directory, after it ended.
    #[track_caller]
    pub fn start_again(&mut self, core: &Fixcore) {
        assert!(self.process.ended().is_some(), "the worker still runs");
        self.process = self.options.invocation().start("fixworker", self.options.scratch.path());
        self.await_connected(core);
    }

    /// Its directory.
    pub fn scratch(&self) -> &Scratch {
        &self.options.scratch
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Its log so far, of all its lives.
    pub fn log(&self) -> String {
        self.process.errors()
    }

    /// Waits until the log holds `text`.
    #[track_caller]
    pub fn await_log(&self, text: &str) {
        wait::until(&format!("the log says {text:?}"), || self.log().contains(text));
    }

    /// The children it has for accounts now.
    pub fn children(&self) -> Vec<Proc> {
        let of_accounts = |process: &Proc| process.label().is_some_and(|label| !label.ends_with("/-"));
        self.scratch().collectors().into_iter().filter(of_accounts).collect()
    }

    /// Waits until at least `count` children for accounts run at once, and returns them.
    #[track_caller]
    pub fn await_children(&self, count: usize) -> Vec<Proc> {
        wait::eventually(&format!("{count} children run"), || {
            Some(self.children()).filter(|children| children.len() >= count)
        })
    }

    /// SIGTERM; waits for the end, checks that no child is left, and returns the exit code.
    #[track_caller]
    pub fn stop(&mut self) -> i32 {
        self.process.signal(Signal::SIGTERM);
        let code = self.process.exit_code();
        assert_eq!(self.scratch().collectors(), [], "children are left after a shutdown");
        code
    }

    /// The address of its web server.
    pub fn web(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://127.0.0.1:{}{path}", self.options.web_port)
    }

    /// GET on its web server, plain http.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        let (http, url) = (Http::new(), self.web("http", path));
        wait::eventually(&format!("{url} answers"), || http.try_get(&url))
    }

    /// What `/children` shows.
    #[track_caller]
    pub fn shown_children(&self) -> Value {
        self.get("/children").expect_success().json()
    }
}
