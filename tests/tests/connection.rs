//! Connections come and go, fixcore restarts: a run survives all of it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use fixworker_tests::core::Fixcore;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};
use serde_json::json;

const ALL: [&str; 3] = ["good", "hold-1", "hold-2"];

/// A worker in the middle of a run: one account stored, two that wait for [`release`].
fn in_the_middle(core: &Fixcore) -> (Worker, String) {
    let worker = WorkerOptions::new(core, "rogue").rogue(&ALL).start(core);
    let task = core.start_workflow("collect");
    wait::until("the good account is stored", || core.graph().accounts() == ["good"]);
    worker.await_children(2);
    (worker, task)
}

fn release(worker: &Worker) {
    worker.scratch().file("markers/release", "");
}

fn attempts(worker: &Worker, account: &str) -> usize {
    let path = worker.scratch().path().join("markers").join(account);
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

fn reconnect_idle(core: &Fixcore) {
    let mut worker = WorkerOptions::new(core, "example").start(core);
    for _ in 0..2 {
        core.drop_connections("");
        wait::idle(Duration::from_millis(500));
        worker.await_connected(core);
    }
    let run = core.collect();
    assert_eq!(run["has_error"], false, "{run}");
    assert_eq!(core.graph().accounts(), ["Example Account"]);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn reconnect_while_idle_over_http() {
    let Some(core) = Fixcore::http() else { return };
    reconnect_idle(&core);
}

#[test]
fn reconnect_while_idle_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    reconnect_idle(&core);
}

/// fixcore sends the action again on the new connection; it is the same run, and is answered once.
fn reconnect_in_action(core: &Fixcore) {
    let (mut worker, task) = in_the_middle(core);
    core.drop_connections("/handle");
    let actions = || {
        let all = core.get("/harness/messages");
        let all = all.as_array().unwrap();
        all.iter()
            .filter(|entry| entry["direction"] == "to_worker" && entry["message"]["kind"] == "action")
            .count()
    };
    wait::until("the action was sent again", || actions() >= 2);
    wait::idle(Duration::from_millis(500));
    assert_eq!(core.answers(&task), [], "a duplicate is not answered");
    release(&worker);
    core.await_workflow(&task);
    assert_eq!(core.answers(&task), [("collect".to_owned(), "action_done".to_owned())]);
    assert_eq!(core.graph().accounts(), ALL);
    for account in ALL {
        assert_eq!(attempts(&worker, account), 1, "{account} was collected once");
    }
    assert_eq!(worker.stop(), 0);
}

#[test]
fn reconnect_in_action_over_http() {
    let Some(core) = Fixcore::http() else { return };
    reconnect_in_action(&core);
}

#[test]
fn reconnect_in_action_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    reconnect_in_action(&core);
}

/// The accounts are done while there is no fixcore to take them.
#[test]
fn what_is_collected_waits_for_fixcore() {
    let Some(mut core) = Fixcore::http() else { return };
    let (mut worker, _) = in_the_middle(&core);
    core.crash();
    release(&worker);
    worker.scratch().await_no_collectors();
    core.start_again();
    worker.await_connected(&core);
    await_all(&core);
    assert_eq!(worker.stop(), 0);
}

/// A restarted fixcore has forgotten its subscribers and goes on with the next step at once, so nobody waits for
/// an answer; what is collected is welcome all the same.
fn await_all(core: &Fixcore) {
    wait::until("all accounts are stored", || core.graph().accounts() == ALL);
}

fn restart_in_action(core: &mut Fixcore, crash: bool) {
    let (mut worker, _) = in_the_middle(core);
    if crash {
        core.crash_and_restart();
    } else {
        core.restart();
    }
    worker.await_connected(core);
    release(&worker);
    await_all(core);
    for account in ALL {
        assert_eq!(attempts(&worker, account), 1, "{account} was collected once");
    }
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_restart_of_fixcore_in_action_over_http() {
    let Some(mut core) = Fixcore::http() else { return };
    restart_in_action(&mut core, false);
}

#[test]
fn a_crash_of_fixcore_in_action_over_https_with_psk() {
    let Some(mut core) = Fixcore::https() else { return };
    restart_in_action(&mut core, true);
}

/// The upload is on its way when fixcore dies: it is sent again to the new one.
#[test]
fn a_fixcore_that_dies_in_a_merge_gets_it_again() {
    let Some(mut core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "random").set_all(&["random.accounts=3"]).start(&core);
    core.fault(&json!({"do": "wait", "when": "before", "count": 100}));
    core.start_workflow("collect");
    wait::until("an upload waits", || core.stats()["waiting"].as_u64().unwrap() > 0);
    core.crash_and_restart();
    wait::until("all accounts are stored", || core.graph().accounts().len() == 3);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_worker_waits_for_a_fixcore_that_is_not_there_yet() {
    let Some(mut core) = Fixcore::http() else { return };
    core.stop_hard();
    let mut worker = WorkerOptions::new(&core, "example").launch();
    wait::idle(Duration::from_secs(3));
    assert!(worker.process().ended().is_none(), "it waits: {}", worker.log());
    core.start_again();
    worker.await_connected(&core);
    assert_eq!(worker.stop(), 0);
}
