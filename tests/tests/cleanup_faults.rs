//! Cleanup when things break: children, the worker, fixcore. What was deleted is never forgotten, nor asked for
//! again.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use fixworker_tests::core::Fixcore;
use fixworker_tests::estate::Estate;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// Grace is one second; two more are what the design allows, the rest is for a slow machine.
const GONE: Duration = Duration::from_secs(13);
const PATCH: &str = "/graph/fix/nodes";

fn options(core: &Fixcore, orders: &Value) -> WorkerOptions {
    let options = WorkerOptions::new(core, "rogue").rogue(&["hold"]);
    options.scratch().file("markers/orders.json", orders.to_string());
    options.set_all(&[
        "fixworker.cleanup=true",
        "fixworker.cleanup_dry_run=false",
        "supervisor.cleanup_pause=0.1",
        "supervisor.cleanup_patience=5",
    ])
}

fn chain() -> Estate {
    let estate = Estate::rogue().account("good").marked("net").marked("subnet").marked("vm");
    estate.needs("net", &["subnet"]).needs("subnet", &["vm"])
}

fn is_cleaned(core: &Fixcore, id: &str) -> bool {
    core.node(id)["metadata"]["cleaned"] == true
}

fn await_cleaned(core: &Fixcore, ids: &[&str]) {
    wait::until(&format!("{ids:?} are cleaned"), || ids.iter().all(|id| is_cleaned(core, id)));
}

/// Node ids in the order in which children were asked for them.
fn asked(worker: &Worker) -> Vec<String> {
    let text = std::fs::read_to_string(worker.scratch().path().join("markers/asked")).unwrap_or_default();
    text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
}

fn release(worker: &Worker) {
    worker.scratch().file("markers/release", "");
}

fn finish(core: &Fixcore, task: &str) -> Vec<(String, String)> {
    core.await_workflow(task);
    core.answers(task)
}

fn done() -> [(String, String); 1] {
    [("cleanup".to_owned(), "action_done".to_owned())]
}

#[test]
fn a_child_that_is_killed_in_every_pass_is_replaced_until_all_is_gone() {
    let Some(core) = Fixcore::http() else { return };
    let estate = chain().marked("disk").marked("ip").needs("net", &["disk", "ip"]);
    estate.put(&core);
    // Before it did anything, after it deleted and before it could say so, and in between.
    let orders = json!({"vm": ["die"], "subnet": ["die_after"], "disk": ["gone"], "ip": ["die_after"], "net": ["die"]});
    let mut worker = options(&core, &orders).set("supervisor.max_attempts=2").start(&core);
    let task = core.start_workflow("cleanup");
    assert_eq!(finish(&core, &task), done());
    await_cleaned(&core, &["net", "subnet", "vm", "disk", "ip"]);
    let asked = asked(&worker);
    assert_eq!(
        asked.iter().filter(|id| *id == "disk").count(),
        1,
        "what is gone is not asked for again: {asked:?}"
    );
    let log = core.node("subnet")["metadata"]["event_log"].to_string();
    assert!(log.contains("it was not found"), "{log}");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_resource_that_kills_every_child_fails_and_the_others_go() {
    let Some(core) = Fixcore::http() else { return };
    chain().marked("poison").put(&core);
    let mut worker =
        options(&core, &json!({"poison": ["die*"]})).set("supervisor.max_attempts=2").start(&core);
    let task = core.start_workflow("cleanup");
    assert_eq!(finish(&core, &task), done());
    core.await_reported(&["example_volume poison", "while it was working on it"]);
    await_cleaned(&core, &["net", "subnet", "vm"]);
    assert!(!is_cleaned(&core, "poison"));
    assert_eq!(worker.stop(), 0);
}

#[test]
fn children_that_break_the_protocol_are_not_believed() {
    let Some(core) = Fixcore::http() else { return };
    let accounts = [("good-1", "silent"), ("good-2", "another"), ("good-3", "plan")];
    let estate = accounts
        .iter()
        .fold(Estate::rogue(), |estate, (account, order)| estate.account(account).marked(order));
    estate.put(&core);
    let orders = json!({"silent": ["silent*"], "another": ["another*"], "plan": ["plan*"]});
    let mut worker = options(&core, &orders)
        .set("supervisor.max_attempts=1")
        .set("supervisor.stall_timeout=2")
        .start(&core);
    let task = core.start_workflow("cleanup");
    assert_eq!(finish(&core, &task), [("cleanup".to_owned(), "action_error".to_owned())]);
    core.await_reported(&["example_volume silent"]);
    core.await_reported(&["example_volume another", "not asked for"]);
    core.await_reported(&["example_volume plan", "no dry run"]);
    for (_, id) in accounts {
        assert!(!is_cleaned(&core, id), "{id}");
    }
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_worker_that_is_killed_goes_on_where_it_was() {
    let Some(core) = Fixcore::http() else { return };
    chain().put(&core);
    let mut worker = options(&core, &json!({"subnet": ["hold*"]})).start(&core);
    let task = core.start_workflow("cleanup");
    // The first pass is patched while the second is in work.
    await_cleaned(&core, &["vm"]);
    wait::until("the second pass begins", || asked(&worker).len() == 2);
    worker.process().kill_hard();
    worker.scratch().await_no_collectors();
    release(&worker);
    worker.start_again(&core);
    assert_eq!(finish(&core, &task), done());
    assert_eq!(asked(&worker), ["vm", "subnet", "subnet", "net"], "the first one is not asked for again");
    await_cleaned(&core, &["net", "subnet", "vm"]);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn what_fixcore_could_not_be_told_is_told_after_the_next_start() {
    let Some(core) = Fixcore::http() else { return };
    chain().put(&core);
    let mut worker = options(&core, &json!({"subnet": ["hold*"]})).start(&core);
    core.fault(&json!({"do": "answer", "path": PATCH, "status": 503, "count": 1000}));
    let task = core.start_workflow("cleanup");
    wait::until("fixcore was asked", || core.count_requests("PATCH", PATCH) > 0);
    worker.process().kill_hard();
    core.stop_workflow(&task);
    core.clear_faults();
    assert!(!is_cleaned(&core, "vm"));
    worker.start_again(&core);
    await_cleaned(&core, &["vm"]);
    assert!(!is_cleaned(&core, "subnet"));
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_fixcore_that_is_away_gets_everything_later() {
    let Some(core) = Fixcore::http() else { return };
    chain().put(&core);
    core.fault(&json!({"do": "answer", "path": "/graph/fix/search/graph", "status": 503, "count": 2}));
    core.fault(&json!({"do": "drop", "when": "after", "path": PATCH, "count": 1}));
    core.fault(&json!({"do": "answer", "path": PATCH, "status": 500, "count": 1}));
    let mut worker = options(&core, &json!({})).start(&core);
    let task = core.start_workflow("cleanup");
    assert_eq!(finish(&core, &task), done());
    assert_eq!(asked(&worker), ["vm", "subnet", "net"]);
    assert!(["net", "subnet", "vm"].iter().all(|id| is_cleaned(&core, id)), "told before the answer");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_change_that_fixcore_refuses_does_not_keep_the_others() {
    let Some(core) = Fixcore::http() else { return };
    Estate::rogue().account("good").marked("a").marked("b").marked("c").put(&core);
    // All three, then the first alone.
    core.fault(
        &json!({"do": "answer", "path": PATCH, "status": 400, "text": "Error: X\nMessage: no", "count": 2}),
    );
    let mut worker = options(&core, &json!({})).start(&core);
    let task = core.start_workflow("cleanup");
    assert_eq!(finish(&core, &task), done());
    let cleaned = ["a", "b", "c"].iter().filter(|id| is_cleaned(&core, id)).count();
    assert_eq!(cleaned, 2);
    assert!(worker.log().contains("is not in fixcore"), "{}", worker.log());
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_search_that_fixcore_refuses_fails_the_action() {
    let Some(core) = Fixcore::http() else { return };
    chain().put(&core);
    let refusal = json!({"do": "answer", "path": "/graph/fix/search/graph", "status": 400, "text": "Error: X\nMessage: no"});
    core.fault(&refusal);
    let mut worker = options(&core, &json!({})).start(&core);
    let task = core.start_workflow("cleanup");
    assert_eq!(finish(&core, &task), [("cleanup".to_owned(), "action_error".to_owned())]);
    core.await_reported(&["Failed to cleanup", "X: no"]);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn an_abort_stops_the_children_and_what_was_deleted_is_told() {
    let Some(core) = Fixcore::http() else { return };
    chain().put(&core);
    let mut worker = options(&core, &json!({"subnet": ["hold*"]})).start(&core);
    let task = core.start_workflow("cleanup");
    wait::until("the second pass begins", || asked(&worker).len() == 2);
    let old: Vec<i32> = worker.children().iter().map(|child| child.pid).collect();
    core.stop_workflow(&task);
    wait::within(GONE, "the child is gone", || {
        let left = worker.children().into_iter().any(|child| old.contains(&child.pid));
        (!left).then_some(())
    });
    await_cleaned(&core, &["vm"]);
    assert_eq!(core.answers(&task), [], "fixcore has ended the run: there is nothing to answer");
    release(&worker);
    let next = core.start_workflow("cleanup");
    assert_eq!(finish(&core, &next), done());
    await_cleaned(&core, &["net", "subnet"]);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_sigterm_tells_what_was_deleted_and_the_next_start_goes_on() {
    let Some(core) = Fixcore::http() else { return };
    chain().put(&core);
    let mut worker = options(&core, &json!({"subnet": ["hold*"]})).start(&core);
    let task = core.start_workflow("cleanup");
    wait::until("the second pass begins", || asked(&worker).len() == 2);
    worker.process().signal(Signal::SIGTERM);
    assert_eq!(worker.process().exit_code(), 0, "{}", worker.log());
    assert_eq!(worker.scratch().collectors(), []);
    assert!(is_cleaned(&core, "vm"));
    assert_eq!(core.answers(&task), []);
    release(&worker);
    worker.start_again(&core);
    assert_eq!(finish(&core, &task), done());
    await_cleaned(&core, &["net", "subnet"]);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_run_that_is_out_of_time_says_so() {
    let Some(core) = Fixcore::http() else { return };
    chain().put(&core);
    let mut worker = options(&core, &json!({"subnet": ["hold*"]})).set("fixworker.timeout=20").start(&core);
    let task = core.start_workflow("cleanup");
    assert_eq!(finish(&core, &task), [("cleanup".to_owned(), "action_error".to_owned())]);
    core.await_reported(&["2 of 3 resources", "fixworker.timeout"]);
    assert!(is_cleaned(&core, "vm") && !is_cleaned(&core, "subnet"));
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_cleanup_runs_beside_a_collect_run_of_another_task() {
    let Some(core) = Fixcore::http() else { return };
    chain().put(&core);
    let mut worker = options(&core, &json!({})).start(&core);
    let collect = core.start_workflow("collect");
    worker.await_children(1);
    let cleanup = core.start_workflow("cleanup");
    assert_eq!(finish(&core, &cleanup), done());
    assert_eq!(asked(&worker).len(), 3);
    release(&worker);
    core.await_workflow(&collect);
    assert_eq!(core.answers(&collect), [("collect".to_owned(), "action_done".to_owned())]);
    assert_eq!(worker.stop(), 0);
}
