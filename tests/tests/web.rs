//! The web server: health, metrics, what runs now.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::core::Fixcore;
use fixworker_tests::http::Http;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};
use serde_json::Value;

#[test]
fn over_http_it_tells_how_things_are() {
    let Some(mut core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "rogue").rogue(&["good", "hold-1"]).start(&core);
    assert_eq!(worker.get("/health").status, 200);
    assert_eq!(worker.get("/info").status, 200);
    assert_eq!(worker.get("/nowhere").status, 404);

    let task = core.start_workflow("collect");
    worker.await_children(1);
    let entry = wait::eventually("the held account is shown", || entry_about(&worker, "hold-1"));
    assert!(entry.to_string().contains("rogue"), "{entry}");
    wait::until("the good account is stored", || core.graph().accounts() == ["good"]);
    worker.scratch().file("markers/release", "");
    core.await_workflow(&task);
    wait::until("nothing runs any more", || entry_about(&worker, "hold-1").is_none());

    let metrics = worker.get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.content_type.starts_with("text/plain"), "{metrics:?}");
    assert!(!metrics.text.contains("hold-1") && !metrics.text.contains("good"), "no account labels");
    assert!(metrics.text.lines().any(|line| line.starts_with("# TYPE ")), "{metrics:?}");

    core.stop_hard();
    let sick = wait::eventually("it says that fixcore is gone", || {
        Some(worker.get("/health")).filter(|answer| answer.status == 503)
    });
    assert!(sick.text.contains("CoreActions"), "it names what is wrong, as the Python worker does: {sick:?}");
    core.start_again();
    wait::until("it is healthy again", || worker.get("/health").status == 200);
    assert_eq!(worker.stop(), 0);
}

fn entry_about(worker: &Worker, account: &str) -> Option<Value> {
    let shown = worker.shown_children();
    let list = shown.as_array().or_else(|| shown["children"].as_array()).expect("a list of children");
    list.iter().find(|entry| entry.to_string().contains(account)).cloned()
}

#[test]
fn with_a_fixcore_on_https_it_has_a_certificate_of_its_authority() {
    let Some(core) = Fixcore::https() else { return };
    let mut worker = WorkerOptions::new(&core, "example").start(&core);
    let authority = core.call("GET", "/ca/cert", None).expect_success().text.clone();
    let trusting = Http::trusting(&authority);
    let url = worker.web("https", "/health");
    let answer = wait::eventually("it answers over https", || trusting.try_get(&url));
    assert_eq!(answer.status, 200);
    assert!(Http::new().try_get(&worker.web("http", "/health")).is_none(), "and only over https");
    // From loopback no token is needed; what a foreign client gets is tested beside the server.
    assert_eq!(trusting.get(&worker.web("https", "/children")).status, 200);
    assert_eq!(worker.stop(), 0);
}

/// fixcore hands anybody who asks for its certificate something that is signed with the psk.
#[test]
fn ca_proof_as_bearer() {
    let Some(core) = Fixcore::https() else { return };
    let mut worker = WorkerOptions::new(&core, "example").start(&core);
    let proof = core.call("GET", "/ca/cert", None).bearer.expect("fixcore proves its authority");
    let strangers = Http::new();
    let url = worker.web("https", "/children");
    wait::until("it answers over https", || strangers.try_get(&url).is_some());
    assert_eq!(strangers.get_through_proxy(&url, &proof).status, 401);
    assert_eq!(strangers.get_through_proxy(&url, &core.token().expect("a token of the psk")).status, 200);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn no_tls_and_web_path_are_honoured() {
    let Some(core) = Fixcore::https() else { return };
    let options =
        WorkerOptions::new(&core, "example").set("fixworker.no_tls=true").set("fixworker.web_path=/worker");
    let mut worker = options.start(&core);
    assert_eq!(worker.get("/worker/health").status, 200);
    assert_eq!(worker.get("/worker/metrics").status, 200);
    // The Python worker answers at the root as well, so probes keep working.
    assert_eq!(worker.get("/health").status, 200);
    assert_eq!(worker.stop(), 0);
}
