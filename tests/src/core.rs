//! The real fixcore, one for each test that wants it.

mod inside;
mod tasks;
mod workflows;

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::binaries::repository;
use crate::http::{Answer, Http};
use crate::process::{Invocation, Process};
use crate::scratch::Scratch;
use crate::{requirements, wait};

/// The key of a fixcore that wants one.
pub const PSK: &str = "correct horse battery staple";
/// The subscriber id that workers have by default.
pub const SUBSCRIBER: &str = "fix.worker";

/// A port nobody listens on now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A running fixcore with its database in memory.
#[derive(Debug)]
pub struct Fixcore {
    process: Process,
    scratch: Scratch,
    python: PathBuf,
    port: u16,
    control_port: u16,
    psk: Option<String>,
    tls: bool,
    http: Http,
}

impl Fixcore {
    /// Plain http, no authorization. `None` if the test is to be skipped.
    #[track_caller]
    pub fn http() -> Option<Self> {
        Some(Self::start(requirements::fixcore_python()?, false, None))
    }

    /// https with a certificate of its own authority, and [`PSK`]. `None` if the test is to be skipped.
    #[track_caller]
    pub fn https() -> Option<Self> {
        Some(Self::start(requirements::fixcore_python()?, true, Some(PSK.into())))
    }

    /// https with a certificate of its own authority, which nothing proves. `None` if the test is to be skipped.
    #[track_caller]
    pub fn https_without_psk() -> Option<Self> {
        Some(Self::start(requirements::fixcore_python()?, true, None))
    }

    #[track_caller]
    fn start(python: PathBuf, tls: bool, psk: Option<String>) -> Self {
        let scratch = Scratch::new();
        let port = free_port();
        let control_port = if tls { free_port() } else { port };
        let process = Self::launch(&python, &scratch, port, control_port, tls, psk.as_deref());
        let mut core = Self { process, scratch, python, port, control_port, psk, tls, http: Http::new() };
        core.await_ready();
        core
    }

    fn launch(
        python: &PathBuf,
        scratch: &Scratch,
        port: u16,
        control_port: u16,
        tls: bool,
        psk: Option<&str>,
    ) -> Process {
        let script = repository().join("tests/harness/run_fixcore.py");
        let mut invocation = Invocation::new(python).arg(script).arg("--port").arg(port.to_string());
        invocation = invocation.arg("--dump-dir").arg(scratch.dir("dump"));
        invocation = invocation.arg("--state").arg(scratch.path().join("state.json"));
        if tls {
            invocation = invocation.arg("--tls").arg("--control-port").arg(control_port.to_string());
        }
        if let Some(psk) = psk {
            invocation = invocation.arg("--psk").arg(psk);
        }
        let invocation = invocation.env("HOME", scratch.dir("home")).env("TMPDIR", scratch.dir("tmp"));
        invocation.start("fixcore", scratch.path())
    }

    #[track_caller]
    fn await_ready(&mut self) {
        let url = self.control("/system/ready");
        wait::eventually("fixcore is ready", || {
            assert!(self.process.ended().is_none(), "fixcore ended: {}", self.process.errors());
            self.http.try_get(&url).filter(|answer| answer.status == 200)
        });
    }

    /// What a worker gives as `--fixcore-uri`.
    pub fn uri(&self) -> String {
        format!("{}://127.0.0.1:{}", if self.tls { "https" } else { "http" }, self.port)
    }

    /// The key a worker needs.
    pub fn psk(&self) -> Option<&str> {
        self.psk.as_deref()
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    fn control(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.control_port)
    }

    // Restarts.

    /// Ends in an orderly way and starts again with the same database.
    #[track_caller]
    pub fn restart(&mut self) {
        self.process.stop();
        self.start_again();
    }

    /// Dies as it is now and starts again with the database of this moment: unfinished merges leave their marks.
    #[track_caller]
    pub fn crash_and_restart(&mut self) {
        self.crash();
        self.start_again();
    }

    /// Dies as it is now; the database of this moment is there when it starts again.
    #[track_caller]
    pub fn crash(&mut self) {
        let state = self.scratch.path().join("state.json");
        self.post(&format!("/harness/save?path={}", state.display()), &json!({}));
        self.stop_hard();
    }

    /// Dies and comes back with an empty database: no graph, no model, no config, no subscription.
    #[track_caller]
    pub fn restart_empty(&mut self) {
        self.stop_hard();
        drop(fs::remove_file(self.scratch.path().join("state.json")));
        self.start_again();
    }

    /// Dies.
    #[track_caller]
    pub fn stop_hard(&mut self) {
        self.process.signal(Signal::SIGKILL);
        self.process.wait();
    }

    /// Comes back after [`Self::stop_hard`].
    #[track_caller]
    pub fn start_again(&mut self) {
        let psk = self.psk.as_deref();
        self.process = Self::launch(&self.python, &self.scratch, self.port, self.control_port, self.tls, psk);
        self.await_ready();
    }

    // Requests.

    /// GET on the harness or on the real API (with a token).
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.call("GET", path, None).expect_success().json()
    }

    /// POST with a JSON body.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let answer = self.call("POST", path, Some(("application/json", body.to_string())));
        answer.expect_success();
        answer
    }

    /// A token as clients of fixcore make it, if there is a pre-shared key.
    #[track_caller]
    pub fn token(&self) -> Option<String> {
        self.psk.as_ref()?;
        let token = self.http.get(&self.control("/harness/token")).json();
        token["token"].as_str().map(str::to_owned)
    }

    /// Any request, with a token if fixcore wants one.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<(&str, String)>) -> Answer {
        let token = if path.starts_with("/harness") { None } else { self.token() };
        self.http.send(method, &self.control(path), token.as_deref(), body)
    }

    /// A command on fixcore's command line.
    #[track_caller]
    pub fn cli(&self, command: &str) -> String {
        let body = Some(("text/plain", command.to_owned()));
        self.call("POST", "/cli/execute?graph=fix", body).expect_success().text.clone()
    }

    // Misbehaviour.

    /// Adds a fault; `tests/harness/fixcore_harness/faults.py` says which there are.
    #[track_caller]
    pub fn fault(&self, fault: &Value) {
        self.post("/harness/faults", fault);
    }

    /// Forgets all faults and lets waiting requests go on.
    #[track_caller]
    pub fn clear_faults(&self) {
        self.call("DELETE", "/harness/faults", None).expect_success();
    }

    /// Cuts websockets whose path holds `path`, without a close frame.
    #[track_caller]
    pub fn drop_connections(&self, path: &str) {
        self.post(&format!("/harness/drop_connections?path={path}"), &json!({}));
    }

    /// Replaces the model by that of a Python worker with the example collector only, as its run does.
    #[track_caller]
    pub fn put_peer_model(&self) {
        let model = include_str!("../data/example-model.json").to_owned();
        self.call("PUT", "/graph/fix/model", Some(("application/json", model))).expect_success();
    }
}
