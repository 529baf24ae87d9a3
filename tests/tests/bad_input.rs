//! Bad input: one clear sentence with the remedy, the documented exit code, and nothing lost in fixcore.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fixworker_tests::core::{Fixcore, free_port};
use fixworker_tests::oneshot::Oneshot;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};

// The one-shot: everything that cannot be meant is exit 2.

#[test]
fn oneshot_unknown_names() {
    Oneshot::new("exmaple").run().expect_code(2).expect_said(&["exmaple", "example"]);
    Oneshot::new("random").args(&["--coler"]).run().expect_code(2).expect_said(&["--coler"]);
    let key = Oneshot::new("random").set("random.acounts=3").run();
    key.expect_code(2).expect_said(&["random.acounts", "accounts"]);
    Oneshot::new("random").set("randm.accounts=3").run().expect_code(2).expect_said(&["randm"]);
    Oneshot::new("random").set("random.accounts=many").run().expect_code(2).expect_said(&["random.accounts"]);
    Oneshot::new("random").set("no assignment").run().expect_code(2).expect_said(&["no assignment"]);
    let account = Oneshot::new("random").args(&["--account", "nobody"]).run();
    account.expect_said(&["nobody"]);
    assert!([2, 4].contains(&account.code), "exit code {}", account.code);
    let close = Oneshot::new("example").args(&["--account", "Exmaple Account"]).run();
    close.expect_code(4).expect_said(&["Exmaple Account", "did you mean Example Account?"]);
}

#[test]
fn oneshot_config_files() {
    let missing = Oneshot::new("random").args(&["--config", "not-there.json"]).run();
    missing.expect_code(2).expect_said(&["not-there.json"]);
    let wrong = [
        (r#"{"random": "#, "line"),
        ("[]", "config.json"),
        (r#"{"random": {"seed": "x"}}"#, "random.seed"),
        (r#"{"random": {"sede": 1}}"#, "random.sede"),
        (r#"{"nowhere": {}}"#, "nowhere"),
    ];
    for (content, says) in wrong {
        let oneshot = Oneshot::new("random");
        let path = oneshot.scratch().file("config.json", content);
        oneshot.args(&["--config", path.to_str().unwrap()]).run().expect_code(2).expect_said(&[says]);
    }
}

#[test]
fn oneshot_child_binaries() {
    let missing = Oneshot::new("random").args(&["--collector-bin", "/nowhere/fix-collector"]).run();
    missing.expect_said(&["/nowhere/fix-collector"]);
    assert_eq!(missing.code, 2, "{}", missing.errors);

    let oneshot = Oneshot::new("random");
    let path = oneshot.scratch().file("not-executable", "#!/bin/sh\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let plain = oneshot.args(&["--collector-bin", path.to_str().unwrap()]).run();
    plain.expect_said(&["not-executable"]);
    assert_eq!(plain.code, 2, "{}", plain.errors);

    // A child of another release: even Describe cannot be agreed on.
    let other = Oneshot::rogue(&["wrong_version"]).set("supervisor.max_attempts=1").run();
    other.expect_code(4).expect_said(&["999"]).expect_said(&["same release"]);

    let stranger =
        Oneshot::new("random").collector_bin(Path::new("/bin/true")).set("supervisor.max_attempts=1");
    let stranger = stranger.run();
    assert!([1, 2, 4].contains(&stranger.code), "{}: {}", stranger.code, stranger.errors);
    assert!(!stranger.errors.is_empty());
}

#[test]
fn oneshot_places_that_cannot_be_written() {
    let output = Oneshot::new("example").args(&["--output", "/nowhere/graph.ndjson"]).run();
    output.expect_said(&["/nowhere/graph.ndjson"]);
    assert_eq!(output.code, 2, "{}", output.errors);
    let report = Oneshot::new("example").args(&["--report", "/nowhere/report.json"]).run();
    report.expect_said(&["/nowhere/report.json"]);
    assert_ne!(report.code, 0);
    let spool = Oneshot::new("example").set("supervisor.spool_dir=/proc/no/spool").run();
    spool.expect_said(&["/proc/no/spool"]);
    assert_ne!(spool.code, 0);
}

// The daemon at its start: what can never become right ends it at once.

#[track_caller]
fn expect_end(mut worker: Worker, code: i32, says: &[&str]) {
    assert_eq!(worker.process().exit_code(), code, "{}", worker.log());
    let log = worker.log();
    assert!(
        log.lines().any(|line| says.iter().all(|part| line.contains(part))),
        "no line has {says:?}: {log}"
    );
    assert_eq!(worker.scratch().collectors(), []);
}

#[test]
fn daemon_a_wrong_key_is_final() {
    let Some(core) = Fixcore::https() else { return };
    expect_end(WorkerOptions::new(&core, "example").psk(Some("wrong")).launch(), 5, &["pre-shared key"]);
    expect_end(WorkerOptions::new(&core, "example").psk(None).launch(), 5, &["pre-shared key"]);
    assert_eq!(core.config(), None, "nothing was written");
    let Some(open) = Fixcore::http() else { return };
    let plain = WorkerOptions::new(&open, "example").psk(Some("not wanted")).start(&open);
    drop(plain);
}

#[test]
fn daemon_certificates() {
    let Some(core) = Fixcore::https() else { return };
    let Some(other) = Fixcore::https() else { return };
    let options = || WorkerOptions::new(&core, "example");
    expect_end(options().arg("--ca-cert").arg("/nowhere/ca.pem").launch(), 2, &["/nowhere/ca.pem"]);

    let unreadable = options();
    let junk = unreadable.scratch().file("junk.pem", "not a certificate");
    expect_end(unreadable.arg("--ca-cert").arg(&junk).launch(), 2, &["junk.pem"]);

    let foreign = options();
    let authority = other.call("GET", "/ca/cert", None).expect_success().text.clone();
    let path = foreign.scratch().file("foreign.pem", authority);
    expect_end(foreign.arg("--ca-cert").arg(&path).launch(), 5, &["certificate"]);

    // The same wrong authority, with the check turned off.
    let unchecked = options();
    let authority = other.call("GET", "/ca/cert", None).expect_success().text.clone();
    let path = unchecked.scratch().file("foreign.pem", authority);
    let mut unchecked = unchecked.arg("--ca-cert").arg(&path).arg("--no-verify-certs").start(&core);
    assert_eq!(unchecked.stop(), 0);

    let fitting = options();
    let authority = core.call("GET", "/ca/cert", None).expect_success().text.clone();
    let path = fitting.scratch().file("own.pem", authority);
    assert_eq!(fitting.arg("--ca-cert").arg(&path).start(&core).stop(), 0);
}

/// An encrypted key as OpenSSL and Python write it. The passphrase is `open sesame`.
const ENCRYPTED_KEY: &str = include_str!("../data/encrypted-key.pem");
const LEGACY_KEY: &str = include_str!("../data/encrypted-key-legacy.pem");
const CERTIFICATE: &str = include_str!("../data/certificate.pem");
const AUTHORITY: &str = include_str!("../data/authority.pem");

fn with_key(core: &Fixcore, key: &str, passphrase: Option<&str>) -> WorkerOptions {
    let options = WorkerOptions::new(core, "example");
    let certificate = options.scratch().file("certificate.pem", CERTIFICATE);
    let key = options.scratch().file("key.pem", key);
    let options = options.arg("--cert").arg(certificate).arg("--cert-key").arg(key);
    match passphrase {
        Some(passphrase) => options.env("FIXWORKER_CERT_KEY_PASS", passphrase),
        None => options,
    }
}

#[test]
fn daemon_encrypted_keys() {
    let Some(core) = Fixcore::https() else { return };
    for key in [ENCRYPTED_KEY, LEGACY_KEY] {
        expect_end(with_key(&core, key, Some("wrong")).launch(), 2, &["passphrase"]);
        expect_end(with_key(&core, key, None).launch(), 2, &["passphrase"]);
        let mut worker = with_key(&core, key, Some("open sesame")).start(&core);
        let url = worker.web("https", "/health");
        let http = fixworker_tests::http::Http::trusting(AUTHORITY);
        let answer = wait::eventually("it answers with the given certificate", || http.try_get(&url));
        assert_eq!(answer.status, 200);
        assert_eq!(worker.stop(), 0);
    }
}

#[test]
fn daemon_a_fixcore_that_is_no_fixcore() {
    let Some(core) = Fixcore::http() else { return };
    expect_end(WorkerOptions::new(&core, "example").uri("not a uri").launch(), 2, &["not a uri"]);
}

#[test]
fn daemon_command_lines() {
    let Some(core) = Fixcore::http() else { return };
    expect_end(WorkerOptions::new(&core, "example").arg("--no-such-flag").launch(), 2, &["--no-such-flag"]);
    let missing = WorkerOptions::new(&core, "example").arg("--collector-bin").arg("/nowhere/fix-collector");
    expect_end(missing.launch(), 2, &["/nowhere/fix-collector"]);
}

#[test]
fn daemon_an_idle_worker_can_be_told_to_end() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "example").arg("--idle-timeout").arg("2").launch();
    worker.process().wait();
    assert!(worker.log().contains("idle"), "{}", worker.log());
    assert_eq!(worker.scratch().collectors(), []);
}

/// In the daemon unknown names are one logged error, and the rest works.
#[test]
fn daemon_unknown_names_cost_only_themselves() {
    let Some(core) = Fixcore::http() else { return };
    let options = WorkerOptions::new(&core, "example,nonsense").set("random.acounts=3").set("nowhere.to=go");
    let mut worker = options.start(&core);
    worker.await_log("random.acounts");
    worker.await_log("nowhere.to");
    let run = core.collect();
    core.await_reported(&["nonsense"]);
    assert_eq!(core.graph().accounts(), ["Example Account"]);
    let task = run["id"].as_str().unwrap();
    assert_eq!(core.answers(task), [("collect".to_owned(), "action_done".to_owned())]);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn daemon_a_port_in_use_does_not_stop_collecting() {
    let Some(core) = Fixcore::http() else { return };
    let taken = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let options = WorkerOptions::new(&core, "example").set(&format!("fixworker.web_port={port}"));
    let mut worker = options.launch();
    wait::until("the port is named", || worker.log().contains(&port));
    // Either it ends with one sentence, or it works without its web server.
    if let Some(status) = worker.ended_or_connected(&core) {
        assert_eq!(status.code(), Some(2), "{}", worker.log());
    } else {
        core.collect();
        assert_eq!(core.graph().accounts(), ["Example Account"]);
        assert_eq!(worker.stop(), 0);
    }
}
