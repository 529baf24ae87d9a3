//! fixcore refuses, stumbles or answers nothing: what was good lands, what was bad is named.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use fixworker_tests::core::Fixcore;
use fixworker_tests::expect::ids;
use fixworker_tests::oneshot::Alone;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};
use serde_json::{Value, json};

const SMALL: [&str; 2] = ["random.accounts=3", "random.resources_per_account=50"];
const MERGE: &str = "/graph/fix/merge";

fn random_worker(core: &Fixcore) -> Worker {
    WorkerOptions::new(core, "random").set_all(&SMALL).start(core)
}

/// Everything is stored in the end, and the run is a success.
fn assert_landed(core: &Fixcore, task: &str) {
    let run = core.await_workflow(task);
    core.graph().assert_is(&Alone::collect_all("random", &SMALL));
    assert_eq!(core.answers(task), [("collect".to_owned(), "action_done".to_owned())], "{run}");
}

fn await_waiting_merge(core: &Fixcore, seen: usize) {
    wait::until("an upload waits", || core.stats()["waiting"].as_u64().unwrap() > seen as u64);
}

fn passing_trouble(core: &Fixcore) {
    let mut worker = random_worker(core);
    for (status, text) in [
        (500, "Internal Server Error"),
        (503, "shutting down"),
        (429, "slow down"),
        (408, "too slow"),
        (400, "Error: ValueError\nMessage: did not receive any data for more than 90 seconds"),
        (401, "401: Unauthorized"),
    ] {
        core.fault(&json!({"do": "answer", "status": status, "text": text}));
        let task = core.start_workflow("collect");
        assert_landed(core, &task);
    }
    assert_eq!(worker.stop(), 0);
}

#[test]
fn passing_trouble_is_tried_again_over_http() {
    let Some(core) = Fixcore::http() else { return };
    passing_trouble(&core);
}

#[test]
fn passing_trouble_is_tried_again_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    passing_trouble(&core);
}

#[test]
fn trouble_before_the_first_upload_is_tried_again() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = random_worker(&core);
    core.fault(&json!({"do": "answer", "status": 500, "path": "/graph/fix", "method": "POST"}));
    core.fault(&json!({"do": "answer", "status": 503, "path": "/graph/fix/model"}));
    let task = core.start_workflow("collect");
    assert_landed(&core, &task);
    assert_eq!(worker.stop(), 0);
}

/// fixcore names no account, so the batch is cut in half until the guilty one is alone.
#[test]
fn one_rejected_account_among_many_is_found_and_the_rest_lands() {
    let Some(core) = Fixcore::http() else { return };
    let good: Vec<_> = (1..=11).map(|number| format!("good-{number}")).collect();
    let mut modes: Vec<_> = good.iter().map(String::as_str).collect();
    modes.insert(6, "wrong_type");
    let mut worker =
        WorkerOptions::new(&core, "rogue").rogue(&modes).set("fixworker.pool_size=12").start(&core);
    let run = core.collect();
    let mut expected = good.clone();
    expected.sort();
    let mut accounts = core.graph().accounts();
    // The node of the refused account may be there: fixcore does not roll back.
    accounts.retain(|id| id != "wrong_type");
    assert_eq!(accounts, expected);
    assert!(!core.graph().nodes.contains_key(&ids::volume("wrong_type", 0)));
    let error = core.await_reported(&["Rogue wrong_type", "wrong_type"]);
    assert!(error.contains("volume_size"), "in fixcore's own words: {error}");
    let task = run["id"].as_str().unwrap();
    assert_eq!(core.answers(task), [("collect".to_owned(), "action_done".to_owned())]);
    assert!(!core.refused().is_empty());
    assert_eq!(worker.stop(), 0);
}

#[test]
fn an_account_that_fixcore_refuses_keeps_what_fixcore_has() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "rogue").rogue(&["good-1", "good-2"]).start(&core);
    core.collect();
    let before = core.graph();
    core.fault(&json!({"do": "answer", "status": 400, "count": 100,
        "text": "Error: ImportAborted\nMessage: AttributeError('made up')"}));
    let run = core.collect();
    let task = run["id"].as_str().unwrap();
    assert_eq!(core.answers(task), [("collect".to_owned(), "action_error".to_owned())]);
    core.await_reported(&["made up"]);
    assert_eq!(core.graph().nodes, before.nodes);
    assert_eq!(worker.stop(), 0);
}

/// What a Python worker does when its run starts while ours sends.
#[test]
fn a_model_replaced_by_a_python_worker_is_sent_again() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = random_worker(&core);
    core.fault(&json!({"do": "wait", "when": "before", "count": 100}));
    let task = core.start_workflow("collect");
    await_waiting_merge(&core, 0);
    core.put_peer_model();
    core.clear_faults();
    assert_landed(&core, &task);
    let refused = core.refused();
    assert!(
        refused.iter().all(|merge| text(&merge["error"]).contains("No kind definition found")),
        "{refused:?}"
    );
    assert!(!refused.is_empty(), "the model was really gone");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_fixcore_that_comes_back_empty_gets_model_graph_and_accounts() {
    let Some(mut core) = Fixcore::http() else { return };
    let worker = WorkerOptions::new(&core, "rogue").rogue(&["good", "hold"]).start(&core);
    core.start_workflow("collect");
    wait::until("the good account is stored", || core.graph().accounts() == ["good"]);
    core.restart_empty();
    worker.scratch().file("markers/release", "");
    // The run is unknown to the new fixcore, yet what was collected is welcome.
    wait::until("the held account is stored", || core.graph().accounts().contains(&"hold".to_owned()));
    core.await_subscriber("fix.worker");
    let run = core.collect();
    assert_eq!(run["has_error"], false, "{run}");
    assert_eq!(core.graph().accounts(), ["good", "hold"]);
}

#[test]
fn a_conflicting_change_is_waited_for() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "rogue").rogue(&["good-1", "good-2"]).start(&core);
    core.post("/graph/fix", &Value::Null);
    core.post("/harness/in_progress", &json!({"ids": [ids::account("good-1")]}));
    let task = core.start_workflow("collect");
    wait::until("fixcore refused for the mark", || {
        core.refused().iter().any(|merge| text(&merge["error"]).contains("ConflictingChangeInProgress"))
    });
    core.call("DELETE", "/harness/in_progress", None).expect_success();
    core.await_workflow(&task);
    assert_eq!(core.graph().accounts(), ["good-1", "good-2"]);
    assert_eq!(core.answers(&task), [("collect".to_owned(), "action_done".to_owned())]);
    assert_eq!(worker.stop(), 0);
}

/// The merge landed, but the answer was lost: only the same bytes may be sent again.
#[test]
fn while_an_outcome_is_unknown_only_the_same_bytes_are_sent() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = random_worker(&core);
    core.fault(&json!({"do": "drop", "when": "after"}));
    let task = core.start_workflow("collect");
    assert_landed(&core, &task);
    let merges = core.merges();
    let first: Vec<_> = merges[0]["replaced"].as_array().unwrap().clone();
    let again = merges.iter().skip(1).position(|merge| merge["replaced"].as_array() == Some(&first));
    let again = again.expect("the accounts of the lost answer are sent again") + 2;
    assert_eq!(core.merge_lines(1), core.merge_lines(again));
    assert_eq!(worker.stop(), 0);
}

#[test]
fn an_upload_cut_before_it_was_read_is_sent_again() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = random_worker(&core);
    core.fault(&json!({"do": "drop", "when": "instead"}));
    core.fault(&json!({"do": "drop", "when": "before"}));
    let task = core.start_workflow("collect");
    assert_landed(&core, &task);
    assert_eq!(worker.stop(), 0);
}

/// A proxy with an idle limit cuts every request that waits: then the outcome cannot be known.
#[test]
fn an_answer_lost_twice_is_queued_without_waiting_and_said_so() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "rogue").rogue(&["good"]).start(&core);
    core.fault(&json!({"do": "drop", "when": "after", "count": 2}));
    let task = core.start_workflow("collect");
    core.await_workflow(&task);
    let queries = core.requests().into_iter().filter(|request| request["path"] == MERGE);
    let queries: Vec<_> = queries.map(|request| text(&request["query"]).to_lowercase()).collect();
    assert_eq!(queries.len(), 3, "{queries:?}");
    assert!(queries[..2].iter().all(|query| query.contains("wait_for_result=true")), "{queries:?}");
    assert!(queries[2].contains("wait_for_result=false"), "{queries:?}");
    worker.await_log("outcome unknown");
    wait::until("the account is stored", || core.graph().accounts() == ["good"]);
    assert_eq!(worker.stop(), 0);
}

/// fixcore moves on when the timeout of the step is over: what is committed is sent before.
#[test]
fn a_run_ends_in_time_and_sends_what_it_has() {
    let Some(core) = Fixcore::http() else { return };
    let worker = WorkerOptions::new(&core, "rogue").rogue(&["good", "hold"]).set("fixworker.timeout=20");
    let mut worker = worker.start(&core);
    let started = std::time::Instant::now();
    let run = core.collect();
    let task = run["id"].as_str().unwrap();
    assert_eq!(core.answers(task), [("collect".to_owned(), "action_done".to_owned())], "it answered itself");
    assert!(started.elapsed() >= Duration::from_secs(10), "it used its time");
    assert_eq!(core.graph().accounts(), ["good"]);
    core.await_reported(&["Rogue hold"]);
    assert_eq!(worker.scratch().collectors(), []);
    assert_eq!(worker.stop(), 0);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
