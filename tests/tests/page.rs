//! The status page in a real browser, in all states of the worker. What is looked at is in `tests/browser/look.py`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::PathBuf;

use fixworker_tests::binaries;
use fixworker_tests::core::{Fixcore, free_port};
use fixworker_tests::process::Invocation;
use fixworker_tests::requirements;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};

/// A browser, and what drives it.
struct Browser {
    python: PathBuf,
    chromium: PathBuf,
}

impl Browser {
    fn find() -> Option<Self> {
        let (python, chromium) = requirements::browser()?;
        Some(Self { python, chromium })
    }

    /// Looks at the page in this state. Pictures of it go to the folder that `LOOK_PICTURES` names, if it does.
    #[track_caller]
    fn look(&self, worker: &Worker, scheme: &str, state: &str) {
        let logs = worker.scratch().dir(&format!("look-{state}"));
        let script = binaries::repository().join("tests/browser/look.py");
        let mut looking = Invocation::new(&self.python)
            .env("HOME", worker.scratch().dir("home"))
            .arg(script)
            .arg(&self.chromium)
            .arg(worker.web(scheme, "/"))
            .arg(state)
            .args(std::env::var_os("LOOK_PICTURES"))
            .start("look", &logs);
        let exit = looking.exit_code();
        assert_eq!(exit, 0, "{state}: {}", looking.errors());
    }
}

#[test]
fn what_it_does_and_did_is_seen_in_a_browser() {
    let Some(browser) = Browser::find() else { return };
    let Some(mut core) = Fixcore::http() else { return };
    let options =
        WorkerOptions::new(&core, "rogue").rogue(&["good", "faults", "script", "fatal_credentials"]);
    let mut worker = options.start(&core);
    wait::until("it is ready", || worker.get("/ready").status == 200);
    browser.look(&worker, "http", "idle");
    core.collect();
    wait::until("the run is over", || worker.get("/").text.contains("some failed"));
    browser.look(&worker, "http", "failing");
    core.stop_hard();
    wait::until("fixcore is gone", || worker.get("/ready").status == 503);
    browser.look(&worker, "http", "away");
    assert_eq!(worker.get("/live").status, 200);
    worker.stop();
}

#[test]
fn thousands_of_accounts_are_no_burden_for_a_browser() {
    let Some(browser) = Browser::find() else { return };
    let Some(core) = Fixcore::http() else { return };
    let options = WorkerOptions::new(&core, "rogue").rogue(&["hold-1..5000"]).set("fixworker.pool_size=2");
    let mut worker = options.start(&core);
    core.start_workflow("collect");
    worker.await_children(2);
    browser.look(&worker, "http", "running");
    worker.stop();
}

#[test]
fn while_fixcore_is_away_it_answers_and_waits() {
    let Some(mut core) = Fixcore::https() else { return };
    core.stop_hard();
    let mut worker = WorkerOptions::new(&core, "rogue").rogue(&["good"]).launch();
    let live = || fixworker_tests::http::Http::new().try_get(&worker.web("https", "/live"));
    wait::until("it answers", || live().is_some_and(|answer| answer.status == 200));
    let http = fixworker_tests::http::Http::new();
    let ready = http.get(&worker.web("https", "/ready"));
    assert_eq!(ready.status, 503, "{ready:?}");
    assert!(ready.text.contains("it is not connected to fixcore yet"), "{ready:?}");
    let sick = wait::eventually("it says why", || {
        Some(http.get(&worker.web("https", "/health"))).filter(|answer| answer.text.contains("is not ready"))
    });
    assert_eq!(sick.status, 503);
    if let Some(browser) = Browser::find() {
        browser.look(&worker, "https", "starting");
    }
    core.start_again();
    worker.await_connected(&core);
    wait::until("it is ready", || http.get(&worker.web("https", "/ready")).status == 200);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn it_moves_to_the_port_of_the_configuration() {
    let Some(core) = Fixcore::http() else { return };
    let port = free_port();
    core.put_config(&serde_json::json!({"fixworker": {"web_host": "127.0.0.1", "web_port": port, "collector": ["rogue"]}}));
    let options = WorkerOptions::unconfigured(&core).rogue(&["good"]).unset("fixworker.web_port");
    let mut worker = options.start(&core);
    let http = fixworker_tests::http::Http::new();
    let url = format!("http://127.0.0.1:{port}/ready");
    wait::until("it listens where it shall", || {
        http.try_get(&url).is_some_and(|answer| answer.status == 200)
    });
    assert_eq!(worker.stop(), 0);
}
