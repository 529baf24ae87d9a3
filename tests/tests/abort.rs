//! Runs that are called off: by fixcore, by another run, by a signal.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::{Duration, Instant};

use fixworker_tests::core::Fixcore;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};
use nix::sys::signal::Signal;
use serde_json::json;

/// Grace is one second; two more are what the design allows, the rest is for a slow machine.
const GONE: Duration = Duration::from_secs(13);

fn holding(core: &Fixcore) -> (Worker, String) {
    let worker = WorkerOptions::new(core, "rogue").rogue(&["hold-1", "hold-2", "hold_deaf"]).start(core);
    let task = core.start_workflow("collect");
    worker.await_children(3);
    (worker, task)
}

fn release(worker: &Worker) {
    worker.scratch().file("markers/release", "");
}

fn await_gone(worker: &Worker, pids: &[i32]) {
    wait::within(GONE, "the children of the run are gone", || {
        let left = worker.children().into_iter().any(|child| pids.contains(&child.pid));
        (!left).then_some(())
    });
}

fn pids(worker: &Worker) -> Vec<i32> {
    worker.children().iter().map(|child| child.pid).collect()
}

fn abort(core: &Fixcore) {
    let (mut worker, task) = holding(core);
    let old = pids(&worker);
    core.stop_workflow(&task);
    let next = core.start_workflow("collect");
    await_gone(&worker, &old);
    assert_eq!(core.merges().len(), 0, "nothing of the old run is sent");
    release(&worker);
    core.await_workflow(&next);
    assert_eq!(core.graph().accounts(), ["hold-1", "hold-2", "hold_deaf"]);
    assert_eq!(core.answers(&task), [], "fixcore has ended the run: there is nothing to answer");
    assert_eq!(core.answers(&next), [("collect".to_owned(), "action_done".to_owned())]);
    assert!(core.merges().iter().all(|merge| merge["task_id"] == next.as_str()));
    assert_eq!(worker.stop(), 0);
}

#[test]
fn abort_and_a_new_run_at_once_over_http() {
    let Some(core) = Fixcore::http() else { return };
    abort(&core);
}

#[test]
fn abort_and_a_new_run_at_once_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    abort(&core);
}

#[test]
fn a_run_of_another_workflow_takes_over() {
    let Some(core) = Fixcore::http() else { return };
    let (mut worker, old) = holding(&core);
    let before = pids(&worker);
    let new = core.start_workflow("collect_and_cleanup");
    await_gone(&worker, &before);
    worker.await_children(3);
    release(&worker);
    wait::until("the new run is answered", || {
        core.answers(&new).contains(&("collect".to_owned(), "action_done".to_owned()))
    });
    assert_eq!(core.answers(&old), []);
    assert_eq!(core.graph().accounts(), ["hold-1", "hold-2", "hold_deaf"]);
    assert_eq!(worker.stop(), 0);
}

/// A worker whose only account is collected, and whose upload waits in fixcore.
fn sending(core: &Fixcore, setting: &str) -> (Worker, String) {
    let worker = WorkerOptions::new(core, "rogue").rogue(&["good"]).set(setting).start(core);
    core.fault(&json!({"do": "wait", "when": "before"}));
    let task = core.start_workflow("collect");
    wait::until("the upload waits", || core.stats()["waiting"] == 1);
    (worker, task)
}

fn abort_while_sending(core: &Fixcore, stop: impl FnOnce(&str) -> String) {
    let (mut worker, old) = sending(core, "supervisor.max_attempts=1");
    let new = stop(&old);
    core.clear_faults();
    wait::until("the new run is answered", || {
        core.answers(&new).contains(&("collect".to_owned(), "action_done".to_owned()))
    });
    assert_eq!(core.answers(&old), []);
    assert_eq!(core.graph().accounts(), ["good"]);
    let merges = core.merged();
    assert!(merges.iter().any(|merge| merge["task_id"] == new.as_str()), "{merges:?}");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn abort_while_sending_and_a_new_run_at_once() {
    let Some(core) = Fixcore::http() else { return };
    abort_while_sending(&core, |old| {
        core.stop_workflow(old);
        core.start_workflow("collect")
    });
}

#[test]
fn a_run_of_another_workflow_takes_over_while_sending() {
    let Some(core) = Fixcore::http() else { return };
    abort_while_sending(&core, |_| core.start_workflow("collect_and_cleanup"));
}

#[test]
fn a_sigterm_while_sending_waits_for_the_upload() {
    let Some(core) = Fixcore::http() else { return };
    let (mut worker, _) = sending(&core, "supervisor.shutdown_timeout=60");
    worker.process().signal(Signal::SIGTERM);
    wait::idle(Duration::from_secs(1));
    assert!(worker.process().ended().is_none(), "it waits: {}", worker.log());
    core.clear_faults();
    assert_eq!(worker.process().exit_code(), 0, "{}", worker.log());
    assert_eq!(core.graph().accounts(), ["good"]);
}

#[test]
fn a_sigterm_does_not_wait_for_ever_for_an_upload() {
    let Some(core) = Fixcore::http() else { return };
    let (mut worker, _) = sending(&core, "supervisor.shutdown_timeout=2");
    worker.process().signal(Signal::SIGTERM);
    assert_eq!(worker.process().exit_code(), 6, "{}", worker.log());
    core.clear_faults();
}

#[test]
fn one_sigterm_ends_in_good_order() {
    let Some(core) = Fixcore::http() else { return };
    let (mut worker, task) = holding(&core);
    worker.process().signal(Signal::SIGTERM);
    assert_eq!(worker.process().exit_code(), 0, "{}", worker.log());
    assert_eq!(worker.scratch().collectors(), []);
    assert_eq!(core.answers(&task), [], "the next start takes the run up again");
    let closes = core.get("/harness/messages");
    let closes = closes.as_array().unwrap().iter().filter(|entry| entry["message"] == "close 1000").count();
    assert!(closes >= 2, "websockets are closed, not dropped");
}

#[test]
fn a_second_sigterm_kills() {
    let Some(core) = Fixcore::http() else { return };
    let options = WorkerOptions::new(&core, "rogue").rogue(&["hold_deaf"]).unset("supervisor.grace");
    let settings = ["supervisor.grace=600", "supervisor.shutdown_timeout=900"];
    let mut worker = options.set_all(&settings).start(&core);
    core.start_workflow("collect");
    worker.await_children(1);
    worker.process().signal(Signal::SIGTERM);
    wait::idle(Duration::from_secs(2));
    assert!(worker.process().ended().is_none(), "it waits for its child");
    worker.await_log("hold_deaf");
    worker.process().signal(Signal::SIGTERM);
    assert_eq!(worker.process().exit_code(), 6, "{}", worker.log());
    assert_eq!(worker.scratch().collectors(), []);
}

#[test]
fn a_shutdown_has_one_budget() {
    let Some(core) = Fixcore::http() else { return };
    let options = WorkerOptions::new(&core, "rogue").rogue(&["hold_deaf"]).unset("supervisor.grace");
    let settings = ["supervisor.grace=600", "supervisor.shutdown_timeout=2"];
    let mut worker = options.set_all(&settings).start(&core);
    core.start_workflow("collect");
    worker.await_children(1);
    let asked = Instant::now();
    worker.process().signal(Signal::SIGTERM);
    assert_eq!(worker.process().exit_code(), 6, "{}", worker.log());
    assert!(asked.elapsed() < Duration::from_mins(1), "two seconds were allowed");
    assert_eq!(worker.scratch().collectors(), []);
}
