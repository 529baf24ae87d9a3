//! Several workers that share the accounts of one fixcore.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use fixworker_tests::binaries;
use fixworker_tests::core::Fixcore;
use fixworker_tests::process::Invocation;
use fixworker_tests::scratch::Scratch;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};
use serde_json::{Value, json};

const ACCOUNTS: usize = 12;
const SETTINGS: [&str; 6] = [
    "random.accounts=12",
    "random.resources_per_account=20",
    "fixworker.cleanup=true",
    "fixworker.cleanup_dry_run=false",
    "supervisor.cleanup_pause=0.1",
    "supervisor.cleanup_patience=5",
];
/// So long that something can happen meanwhile, and no run ends by itself before.
const FOREVER: &str = "random.seconds_per_account=1000";

fn options(core: &Fixcore, index: u32, count: u32) -> WorkerOptions {
    WorkerOptions::new(core, "random").set_all(&SETTINGS).shard(index, count)
}

fn workers(core: &Fixcore, count: u32) -> Vec<Worker> {
    (1..=count).map(|index| options(core, index, count).start(core)).collect()
}

/// The accounts that were merged from merge `since` on, each as often as it was.
fn collected(core: &Fixcore, since: usize) -> Vec<String> {
    let merges = core.merged().into_iter().skip(since);
    let mut accounts: Vec<String> = merges
        .flat_map(|merge| merge["replaced"].as_array().cloned().unwrap_or_default())
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    accounts.sort();
    accounts
}

/// A run in which each account is collected once.
#[track_caller]
fn collect_each_once(core: &Fixcore) {
    let since = core.merged().len();
    let run = core.collect();
    assert_eq!(run["has_error"], false, "{run}");
    let accounts = collected(core, since);
    assert_eq!(accounts.len(), ACCOUNTS, "{accounts:?}");
    assert_eq!(accounts.iter().collect::<BTreeSet<_>>().len(), ACCOUNTS, "twice: {accounts:?}");
    assert_eq!(core.graph().accounts().len(), ACCOUNTS);
}

fn subscribers(core: &Fixcore) -> BTreeSet<String> {
    let subscribers = core.get("/harness/subscribers")["subscribers"].take();
    let names = subscribers.as_array().unwrap().iter();
    let names = names.map(|subscriber| subscriber["id"].as_str().unwrap().to_owned());
    names.filter(|name| name.starts_with("fix.worker")).collect()
}

/// `fixworker unsubscribe` of a worker that is gone; what it prints.
#[track_caller]
fn unsubscribe(core: &Fixcore, arguments: &[&str]) -> String {
    let scratch = Scratch::new();
    let invocation = Invocation::new(binaries::fixworker()).arg("unsubscribe").args(arguments);
    let invocation = invocation.args(["--fixcore-uri", &core.uri()]).env("HOME", scratch.dir("home"));
    let invocation = invocation.env("FIXWORKER_PSK", core.psk().unwrap_or_default());
    let mut process = invocation.start("unsubscribe", scratch.path());
    assert_eq!(process.exit_code(), 0, "{}", process.errors());
    process.output()
}

#[test]
fn three_workers_collect_each_account_once_and_have_one_config_document() {
    let Some(core) = Fixcore::http() else { return };
    let mut workers = workers(&core, 3);
    let names = ["fix.worker.1-collector", "fix.worker.2-collector", "fix.worker.3-collector"];
    assert_eq!(subscribers(&core), BTreeSet::from(names.map(str::to_owned)));
    assert!(core.config().is_some(), "all read fix.worker");
    for number in 1..=3 {
        let own = core.call("GET", &format!("/config/fix.worker.{number}"), None);
        assert_eq!(own.status, 404, "no document of its own");
    }
    collect_each_once(&core);
    collect_each_once(&core);
    for worker in &mut workers {
        assert_eq!(worker.stop(), 0);
    }
}

/// A worker that is killed comes back under its name, gets what it had to do again, and the run ends as if nothing had been.
#[test]
fn a_killed_worker_that_comes_back_takes_up_its_share() {
    let Some(core) = Fixcore::http() else { return };
    let (mut first, mut second) = (options(&core, 1, 3).start(&core), options(&core, 2, 3).start(&core));
    let mut third = options(&core, 3, 3).set(FOREVER).start(&core);
    let task = core.start_workflow("collect");
    third.await_children(1);
    wait::until("the others are done", || core.answers(&task).len() == 2);
    third.process().kill_hard();
    assert_eq!(core.workflow(&task)["done"], false, "fixcore waits for the third");

    let mut again = options(&core, 3, 3).start(&core);
    let run = core.await_workflow(&task);
    assert_eq!(run["has_error"], false, "{run}");
    let accounts = collected(&core, 0);
    assert_eq!(accounts.iter().collect::<BTreeSet<_>>().len(), ACCOUNTS);
    assert_eq!(accounts.len(), ACCOUNTS, "each once: {accounts:?}");
    for worker in [&mut first, &mut second, &mut again] {
        assert_eq!(worker.stop(), 0);
    }
}

/// More and fewer workers, in the middle of a run.
#[test]
fn workers_are_added_and_taken_away() {
    let Some(core) = Fixcore::https() else { return };
    let mut three = workers(&core, 3);
    collect_each_once(&core);

    // A fourth while a run is on, then the others learn of it one by one, as in a rolling update.
    for worker in &mut three {
        assert_eq!(worker.stop(), 0);
    }
    let mut all: Vec<_> = (1..=3).map(|index| options(&core, index, 4).start(&core)).collect();
    let task = core.start_workflow("collect");
    all.push(options(&core, 4, 4).start(&core));
    let run = core.await_workflow(&task);
    assert_eq!(run["has_error"], false, "{run}");
    assert_eq!(core.graph().accounts().len(), ACCOUNTS, "nothing is lost meanwhile");
    collect_each_once(&core);

    // The fourth is killed for good in the middle of a run. No run after it is unsubscribed waits for it; fixcore looks at
    // the one that is on only when somebody else answers, so that one is stopped.
    assert_eq!(all.pop().unwrap().stop(), 0);
    let mut doomed = options(&core, 4, 4).set(FOREVER).start(&core);
    let task = core.start_workflow("collect");
    doomed.await_children(1);
    wait::until("the others are done", || core.answers(&task).len() == 3);
    doomed.process().kill_hard();
    assert_eq!(core.workflow(&task)["done"], false, "fixcore waits for a worker that is gone");
    let said = unsubscribe(&core, &["--shard", "4/4"]);
    assert!(said.contains("fix.worker.4-collector is unsubscribed"), "{said}");
    core.stop_workflow(&task);
    let run = core.collect();
    assert_eq!(run["has_error"], false, "{run}");
    assert_eq!(core.graph().accounts().len(), ACCOUNTS, "what the fourth had collected stays");
    assert_eq!(subscribers(&core).len(), 3);
    let said = unsubscribe(&core, &["--shard", "fixworker-3/4"]);
    assert!(said.contains("was not subscribed"), "{said}");

    // The three that are left learn that they are three.
    for worker in &mut all {
        assert_eq!(worker.stop(), 0);
    }
    let mut three = workers(&core, 3);
    collect_each_once(&core);
    for worker in &mut three {
        assert_eq!(worker.stop(), 0);
    }
}

#[test]
fn a_worker_that_goes_for_good_unsubscribes_if_it_is_told_to() {
    let Some(core) = Fixcore::http() else { return };
    let mut stays = options(&core, 1, 2).start(&core);
    let mut goes = options(&core, 2, 2).arg("--unsubscribe-at-exit").set(FOREVER).start(&core);
    let task = core.start_workflow("collect");
    goes.await_children(1);
    assert_eq!(goes.stop(), 0);
    core.await_workflow(&task);
    let answers = core.answers(&task);
    assert_eq!(answers.len(), 1, "nobody waits for the one that goes: {answers:?}");
    assert_eq!(subscribers(&core), BTreeSet::from(["fix.worker.1-collector".to_owned()]));
    assert_eq!(stays.stop(), 0);
    assert_eq!(subscribers(&core).len(), 1, "one that was not told to comes back");
}

/// Each resource is deleted by the worker that its account belongs to, each tag is set by one.
#[test]
fn cleanup_and_tags_are_done_once() {
    let Some(core) = Fixcore::http() else { return };
    let mut workers = workers(&core, 3);
    collect_each_once(&core);
    let graph = core.graph();
    let volumes: Vec<String> = graph
        .of_kind("random_volume")
        .into_iter()
        .map(|volume| volume["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(volumes.len() >= ACCOUNTS, "{} volumes", volumes.len());

    let tag = json!({"update": {"owner": "me"}});
    core.await_task("tag", Some("random"));
    let answer = core.task_on(&volumes[0], "tag", &tag);
    assert_eq!(answer["result"]["reported"]["tags"]["owner"], "me", "{answer}");

    core.post("/harness/mark_clean", &json!({"ids": volumes}));
    let task = core.start_workflow("cleanup");
    core.await_workflow(&task);
    let answers = core.answers(&task);
    assert_eq!(answers.len(), 3, "{answers:?}");
    let fates: Vec<(bool, usize)> = volumes.iter().map(|id| fate(&core.node(id))).collect();
    assert!(fates.iter().all(|(cleaned, deleted)| usize::from(*cleaned) == *deleted), "{fates:?}");
    let gone = fates.iter().filter(|(cleaned, _)| *cleaned).count();
    assert!(gone >= ACCOUNTS, "{gone} of {} are gone", volumes.len());
    for worker in &mut workers {
        assert_eq!(worker.stop(), 0);
    }
}

/// Whether it is gone, and how often somebody says to have deleted it.
fn fate(node: &Value) -> (bool, usize) {
    let log = node["metadata"]["event_log"].as_array().cloned().unwrap_or_default();
    let deleted = log.iter().filter(|entry| entry["msg"] == "deleted").count();
    (node["metadata"]["cleaned"] == true, deleted)
}
