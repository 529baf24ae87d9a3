//! `fixworker check`: what stands in the way of a first run, and what to do.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::binaries;
use fixworker_tests::core::{Fixcore, free_port};
use fixworker_tests::process::Invocation;
use fixworker_tests::rest::RestCloud;
use fixworker_tests::scratch::Scratch;
use fixworker_tests::worker::WorkerOptions;
use serde_json::{Value, json};

/// A look, to be taken.
struct Check {
    scratch: Scratch,
    invocation: Invocation,
}

/// What it came to.
struct Checked {
    code: i32,
    text: String,
    errors: String,
}

impl Check {
    fn of(uri: &str, psk: Option<&str>) -> Self {
        Self::with(uri, psk, &binaries::fix_collector())
    }

    fn with(uri: &str, psk: Option<&str>, collector: &std::path::Path) -> Self {
        let scratch = Scratch::new();
        let mut invocation = Invocation::new(scratch.link(&binaries::fixworker()))
            .args(["check", "--fixcore-uri", uri, "--collector-bin"])
            .arg(scratch.link(collector))
            .env("HOME", scratch.dir("home"))
            .env("XDG_STATE_HOME", scratch.dir("state"))
            .in_directory(scratch.path());
        if let Some(psk) = psk {
            invocation = invocation.env("FIXWORKER_PSK", psk);
        }
        Self { scratch, invocation }
    }

    fn core(core: &Fixcore) -> Self {
        Self::of(&core.uri(), core.psk())
    }

    fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.invocation = self.invocation.env(name, value);
        self
    }

    fn args(mut self, args: &[&str]) -> Self {
        self.invocation = self.invocation.args(args);
        self
    }

    #[track_caller]
    fn run(self) -> Checked {
        let mut process = self.invocation.start("check", self.scratch.path());
        let code = process.exit_code();
        assert_eq!(self.scratch.collectors(), [], "children are left");
        Checked { code, text: process.output(), errors: process.errors() }
    }

    #[track_caller]
    fn findings(self) -> (i32, Vec<Value>) {
        let checked = self.args(&["--json"]).run();
        let found: Value = serde_json::from_str(&checked.text).expect("JSON");
        assert_eq!(found["exit_code"], checked.code, "{}", checked.errors);
        (checked.code, found["findings"].as_array().expect("a list").clone())
    }
}

impl Checked {
    #[track_caller]
    fn expect(&self, code: i32, lines: &[&[&str]]) -> &Self {
        assert_eq!(self.code, code, "{}{}", self.text, self.errors);
        for parts in lines {
            let says = |line: &str| parts.iter().all(|part| line.contains(part));
            assert!(self.text.lines().any(says), "no line has {parts:?}: {}", self.text);
        }
        self
    }
}

#[track_caller]
fn state_of<'f>(findings: &'f [Value], area: &str, subject: &str) -> (&'f str, &'f str) {
    let is =
        |finding: &&Value| finding["area"] == area && finding["subject"].as_str().unwrap().contains(subject);
    let found = findings.iter().find(is).unwrap_or_else(|| panic!("no {area} {subject}: {findings:?}"));
    (found["state"].as_str().unwrap(), found["said"].as_str().unwrap())
}

#[test]
fn before_the_first_run_everything_is_looked_at_and_nothing_is_changed() {
    let Some(core) = Fixcore::https() else { return };
    let check = Check::core(&core).args(&["--override", "fixworker.collector=example,random"]);
    let (exit, findings) = check.args(&["random.accounts=2"]).findings();
    assert_eq!(exit, 0, "{findings:?}");
    let (state, said) = state_of(&findings, "fixcore", &core.uri());
    assert_eq!(state, "ok");
    assert!(said.contains("proven by the pre-shared key"), "{said}");
    let (state, said) = state_of(&findings, "fixcore", "version");
    assert_eq!(state, "ok", "{said}");
    assert!(said.starts_with("4."), "{said}");
    assert_eq!(state_of(&findings, "clock", "").0, "ok");
    let (state, said) = state_of(&findings, "config", "document");
    assert_eq!(state, "note");
    assert!(said.contains("not there yet"), "{said}");
    assert!(state_of(&findings, "places", "spool").1.contains("can be written and locked"), "{findings:?}");
    assert!(state_of(&findings, "sandbox", "walls").1.starts_with("hold: "));
    assert_eq!(state_of(&findings, "collector", "example").1, "1 account: example:Example Account");
    assert_eq!(state_of(&findings, "account", "Example Account").0, "ok");
    assert_eq!(findings.iter().filter(|finding| finding["area"] == "account").count(), 3);
    assert_eq!(core.config(), None, "nothing was stored");
    assert_eq!(core.graph().accounts(), [""; 0]);
}

#[test]
fn a_fixcore_that_does_not_trust_the_worker_is_told_with_what_to_do() {
    let Some(core) = Fixcore::https() else { return };
    let example = ["--override", "fixworker.collector=example"];
    for psk in [None, Some("wrong")] {
        let checked = Check::of(&core.uri(), psk).args(&example).run();
        checked.expect(5, &[&["FAILED", "fixcore", "pre-shared key"], &["->", "FIXWORKER_PSK"]]);
        checked.expect(5, &[&["ok", "account", "Example Account"]]);
    }
    let missing = Check::core(&core).args(&example).args(&["--ca-cert", "/nowhere/ca.pem"]).run();
    missing.expect(2, &[&["FAILED", "fixcore", "/nowhere/ca.pem"]]);
}

#[test]
fn without_fixcore_the_rest_is_looked_at_with_a_file() {
    let uri = format!("http://127.0.0.1:{}", free_port());
    let check = Check::of(&uri, None);
    let document = json!({"fixworker": {"collector": ["example"]}});
    let file = check.scratch.file("worker.json", document.to_string());
    let checked = check.args(&["--config", file.to_str().unwrap()]).run();
    checked.expect(
        5,
        &[
            &["FAILED", "fixcore", "is not ready"],
            &["->", "--fixcore-uri"],
            &["ok", "config", "worker.json"],
            &["ok", "account", "Example Account"],
            &["there is no way to fixcore (exit code 5)"],
        ],
    );
    let checked = Check::of(&uri, None).args(&["--override", "fixworker.collector=example"]).run();
    checked.expect(5, &[&["skipped", "config", "defaults"], &["->", "--config FILE"]]);
}

#[test]
fn settings_and_places_that_cannot_be_used_come_first() {
    let Some(core) = Fixcore::http() else { return };
    core.put_config(&json!({
        "fixworker": {"collector": ["exmaple"], "timeout": "soon"},
        "random": {"acounts": 2},
    }));
    let checked = Check::core(&core).env("TMPDIR", "/nowhere").run();
    checked.expect(
        2,
        &[
            &["FAILED", "config", "fixworker.timeout", "soon"],
            &["FAILED", "config", "random.acounts", "did you mean accounts"],
            &["FAILED", "config", "exmaple", "did you mean example"],
            &["->", "fix.worker in fixcore"],
            &["FAILED", "places", "TMPDIR", "/nowhere"],
        ],
    );
    let checked = Check::core(&core).args(&["--override", "supervisor.spool_dir=/proc/no/spool"]).run();
    checked.expect(2, &[&["FAILED", "places", "spool", "/proc/no/spool"]]);
}

#[test]
fn each_account_is_asked_whether_the_credentials_get_into_it() {
    let Some(core) = Fixcore::http() else { return };
    let rogue = || {
        let check = Check::with(&core.uri(), None, &binaries::rogue_child());
        check.args(&["--override", "fixworker.collector=rogue"])
    };
    let some = rogue().args(&["rogue.modes=good,fatal_credentials"]).run();
    some.expect(
        3,
        &[&["ok", "account", "good"], &["FAILED", "account", "fatal_credentials", "the token has expired"]],
    );
    let none = rogue().args(&["rogue.modes=fatal_credentials"]).run();
    none.expect(4, &[&["nothing would be collected (exit code 4)"]]);
}

/// The kubeconfig names the cluster, so only the cluster itself can say that it lets nobody in.
#[test]
fn credentials_of_a_cloud_are_tried_on_the_cloud() {
    let Some(core) = Fixcore::http() else { return };
    let Some(cloud) = RestCloud::start("k8s", &[], &[]) else { return };
    let with = |url: &str, token: &str| {
        let kubeconfig = json!({
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "demo", "context": {"cluster": "c", "user": "u"}}],
        });
        let check = Check::core(&core);
        let document = json!({"fixworker": {"collector": ["k8s"]}, "k8s": {"configs": [kubeconfig]}});
        let file = check.scratch.file("worker.json", document.to_string());
        check.args(&["--config", file.to_str().unwrap()]).run()
    };
    with(&cloud.url, "k8s-token").expect(0, &[&["ok", "account", "demo"]]);
    with(&cloud.url, "wrong").expect(4, &[&["FAILED", "account", "demo"]]);
    let gone = format!("http://127.0.0.1:{}", free_port());
    with(&gone, "k8s-token").expect(4, &[&["ok", "collector", "k8s"], &["FAILED", "account", "demo"]]);
}

#[test]
fn beside_a_worker_that_runs_its_spool_is_left_alone() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "example").start(&core);
    let check = Check::core(&core).env("XDG_STATE_HOME", worker.scratch().dir("state"));
    let (exit, findings) = check.args(&["--override", "fixworker.collector=example"]).findings();
    assert_eq!(exit, 0, "{findings:?}");
    let (state, said) = state_of(&findings, "places", "spool");
    assert_eq!(state, "note");
    assert!(said.contains(&worker.pid().to_string()), "{said}");
    core.collect();
    assert_eq!(core.graph().accounts(), ["Example Account"]);
    assert_eq!(worker.stop(), 0);
}
