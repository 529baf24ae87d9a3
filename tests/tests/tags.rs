//! Tags, from fixcore's command line to the child and back into its database.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::thread;

use fixworker_tests::core::{Fixcore, PSK};
use fixworker_tests::expect::ids;
use fixworker_tests::http::Http;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const PEER_EXAMPLE: &str = include_str!("../data/example-merge.ndjson");

/// A worker whose child does with a tag what its value says, and the graph of one account in fixcore.
fn rogue(core: &Fixcore) -> Worker {
    rogue_with(core, &[])
}

fn rogue_with(core: &Fixcore, settings: &[&str]) -> Worker {
    let worker = WorkerOptions::new(core, "rogue").rogue(&["good"]).set_all(settings).start(core);
    core.await_task("tag", Some("rogue"));
    let run = core.collect();
    assert_eq!(run["has_error"], false, "{run}");
    worker
}

fn volume() -> String {
    ids::volume("good", 0)
}

fn set(core: &Fixcore, value: &str) -> Value {
    core.task_on(&volume(), "tag", &json!({"update": {"do": value}}))
}

fn assert_works(core: &Fixcore) {
    let done = set(core, "well");
    assert_eq!(done["result"]["reported"]["tags"]["do"], "well", "{done}");
}

/// Process and value of each job that children were given.
fn jobs(worker: &Worker) -> Vec<(i32, String)> {
    let path = worker.scratch().path().join("markers/tasks");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(pid, what)| (pid.parse().unwrap(), what.to_owned()))
        .collect()
}

fn release(worker: &Worker) {
    worker.scratch().file("markers/release", "");
}

/// What a user gives and reads; a resource is as it was but for its tags.
fn from_the_command_line(core: &Fixcore) {
    let mut worker = WorkerOptions::new(core, "example").start(core);
    core.await_task("tag", Some("example"));
    assert_eq!(offered(core), serde_json::from_str::<Value>(PEER_OFFER).unwrap());
    core.collect();
    let (id, before) = a_volume(core);
    core.patch_metadata(&id, &json!({"provider_link": "https://example.org/volume"}));
    let before = json!({"reported": before["reported"], "metadata": core.node(&id)["metadata"]});
    assert_eq!(before["metadata"]["provider_link"], "https://example.org/volume");

    let said = core.cli(&format!("search id({id}) | tag update owner \"me and you\""));
    assert!(!said.contains("rror"), "{said}");
    let mut expected = stored(&before);
    expected["reported"]["tags"]["owner"] = json!("me and you");
    assert_eq!(stored(&core.node(&id)), expected);

    core.cli(&format!("search id({id}) | tag delete owner"));
    assert_eq!(stored(&core.node(&id)), stored(&before), "nothing is lost");

    core.cli(&format!("search id({id}) | tag update nameonly"));
    assert_eq!(core.node(&id)["reported"]["tags"]["nameonly"], "");

    let said = core.cli(&format!("search id({id}) | tag delete nonsense"));
    assert!(said.contains("Error executing task") && said.contains("nonsense"), "{said}");
    assert_eq!(worker.stop(), 0);
}

/// What the Python worker offers with the example collector, but for words that nobody reads.
const PEER_OFFER: &str = r#"[{"name":"tag","filter":{"cloud":["example"]},"expect_node_result":true,"args_description":{},"allowed_on_kind":null}]"#;

/// The list that came first on the work queue, without its words.
fn offered(core: &Fixcore) -> Value {
    let messages = core.get("/harness/messages");
    let list = messages.as_array().unwrap().iter().find(|entry| entry["message"].is_array());
    let mut list = list.expect("a worker offers something")["message"].clone();
    for words in ["info", "description"] {
        assert!(list[0].as_object_mut().unwrap().remove(words).is_some_and(|text| text.is_string()));
    }
    list
}

/// The first volume of the example graph.
fn a_volume(core: &Fixcore) -> (String, Value) {
    let graph = core.graph();
    let (id, _) = graph
        .nodes
        .iter()
        .find(|(_, node)| node["reported"]["kind"] == "example_volume")
        .expect("the example has volumes");
    (id.clone(), core.node(id))
}

/// What fixcore has stored of a node: without computed ages, and without the revision.
fn stored(node: &Value) -> Value {
    let mut node = json!({"reported": node["reported"], "metadata": node["metadata"]});
    for computed in ["age", "last_update", "last_access"] {
        node["reported"].as_object_mut().unwrap().remove(computed);
    }
    node
}

#[test]
fn from_the_command_line_over_http() {
    let Some(core) = Fixcore::http() else { return };
    from_the_command_line(&core);
}

#[test]
fn from_the_command_line_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    from_the_command_line(&core);
}

/// The kind says what a node is, not the class that the Python worker noted.
#[test]
fn nodes_of_the_python_worker_keep_what_it_wrote() {
    let Some(core) = Fixcore::http() else { return };
    core.post("/graph/fix", &json!(null));
    core.put_peer_model();
    let body = Some(("application/x-ndjson", PEER_EXAMPLE.to_owned()));
    core.call("POST", "/graph/fix/merge?wait_for_result=true", body).expect_success();
    let mut worker = WorkerOptions::new(&core, "example").start(&core);
    core.await_task("tag", Some("example"));
    let (id, before) = a_volume(&core);
    assert!(before["metadata"]["python_type"].is_string(), "{before}");
    core.cli(&format!("search id({id}) | tag update owner me"));
    let after = core.node(&id);
    assert_eq!(after["metadata"], before["metadata"]);
    assert_eq!(after["reported"]["tags"]["owner"], "me");
    assert_eq!(worker.stop(), 0);
}

/// Each task fails with words, and the next one works.
#[test]
fn whatever_a_child_does_costs_its_task_only() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = rogue(&core);
    let before = core.node(&volume());
    for (value, expected) in [
        ("crash", "killed by SIGABRT; whether it took effect is not known"),
        ("exit", "ended before the job was done"),
        ("never-ready", "ended before the job was done"),
        ("junk", "broke the protocol"),
        ("wrong-answer", "broke the protocol: it answered a job that it was not given"),
        ("no-answer", "broke the protocol: it ended the job without an answer"),
        ("twice", "broke the protocol: it answered twice"),
        ("other-node", "another node than it was asked about: its id differs"),
        ("other-section", "the section \"desired\", which it must not change"),
        ("denied", "you are not allowed to do that (ask the cloud)"),
    ] {
        let failed = set(&core, value);
        let error = failed["error"].as_str().unwrap_or_else(|| panic!("{value} works: {failed}"));
        assert!(error.starts_with("Error executing task: example_volume "), "{value}: {error}");
        assert!(error.contains(expected), "{value}: {error}");
        assert_eq!(core.node(&volume())["reported"]["tags"], before["reported"]["tags"], "{value}");
        assert_works(&core);
    }
    let text = worker.get("/metrics").text;
    for line in [
        "fixworker_tasks_total{task=\"tag\",result=\"failed\"} 10",
        "fixworker_tasks_total{task=\"tag\",result=\"done\"} 10",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_child_has_no_say_in_metadata() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = rogue(&core);
    let before = core.node(&volume());
    let said = core.cli(&format!("search id({}) | tag update do poisoned-metadata", volume()));
    assert!(!said.contains("rror"), "{said}");
    let after = core.node(&volume());
    assert_eq!(after["metadata"], before["metadata"]);
    assert_eq!(after["reported"]["tags"]["do"], "poisoned-metadata");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_child_that_denies_goes_on_and_one_that_died_is_replaced() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = rogue(&core);
    for value in ["well", "denied", "well", "exit-after", "well"] {
        set(&core, value);
    }
    let jobs = jobs(&worker);
    let pids: Vec<_> = jobs.iter().map(|(pid, _)| *pid).collect();
    assert_eq!(jobs.len(), 5, "{jobs:?}");
    assert!(pids[..4].iter().all(|pid| *pid == pids[0]), "one child for one account: {jobs:?}");
    assert_ne!(pids[4], pids[0], "and another when it is gone: {jobs:?}");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn what_must_not_or_cannot_be_done_is_told() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = rogue(&core);
    core.patch_metadata(&volume(), &json!({"protected": true}));
    let said = core.cli(&format!("search id({}) | tag update owner me", volume()));
    assert!(said.contains("Error executing task") && said.contains("is protected"), "{said}");
    core.patch_metadata(&volume(), &json!({"protected": null}));

    let node = core.task_on(&volume(), "tag", &json!({"update": {"do": "well"}}))["result"].take();
    let attrs = json!({"cloud": "rogue"});
    for (data, expected) in [
        (json!({"update": {"a": "b"}}), "it has no node"),
        (json!({"node": node}), "it names no tag"),
        (json!({"update": [], "node": node}), "its update is no object"),
        (json!({"delete": ["do", "do"], "node": node}), "it names the tag do twice"),
    ] {
        let answer = core.task(&json!({"name": "tag", "attrs": attrs, "data": data}));
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.contains("the task makes no sense") && error.contains(expected), "{data}: {answer}");
    }
    assert_eq!(jobs(&worker).len(), 1, "no child was asked");
    assert_eq!(worker.stop(), 0);
}

/// Fixcore sends up to a hundred of one command at once.
#[test]
fn a_hundred_tags_take_at_most_twenty_children() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = rogue(&core);
    thread::scope(|scope| {
        let tasks: Vec<_> = (0..100).map(|_| scope.spawn(|| set(&core, "well"))).collect();
        for task in tasks {
            let done = task.join().unwrap();
            assert_eq!(done["result"]["reported"]["tags"]["do"], "well", "{done}");
        }
    });
    let jobs = jobs(&worker);
    assert_eq!(jobs.len(), 100);
    let children: BTreeSet<_> = jobs.iter().map(|(pid, _)| *pid).collect();
    assert!(children.len() <= 20, "{} children", children.len());
    worker.scratch().await_no_collectors();
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_hundred_resources_of_a_real_collector() {
    let Some(core) = Fixcore::http() else { return };
    let settings = ["random.accounts=2", "random.resources_per_account=150"];
    let mut worker = WorkerOptions::new(&core, "random").set_all(&settings).start(&core);
    core.await_task("tag", Some("random"));
    core.collect();
    let said = core.cli("search is(random_instance) or is(random_volume) limit 100 | tag update owner me");
    assert!(!said.contains("rror"), "{said}");
    let graph = core.graph();
    let tagged = graph.nodes.values().filter(|node| node["reported"]["tags"]["owner"] == "me").count();
    let there = graph
        .nodes
        .values()
        .filter(|node| {
            ["random_instance", "random_volume"].iter().any(|kind| node["reported"]["kind"] == *kind)
        })
        .count();
    assert_eq!(tagged, there.min(100));
    assert!(tagged > 20, "{tagged}");
    assert_eq!(worker.stop(), 0);
}

/// An answer over another connection would be ignored; what had not begun is not done for nobody.
#[test]
fn a_lost_connection_costs_the_tasks_that_it_brought() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = rogue(&core);
    thread::scope(|scope| {
        let tasks: Vec<_> = (0..25).map(|_| scope.spawn(|| set(&core, "hold"))).collect();
        wait::until("twenty run", || jobs(&worker).len() == 20);
        let shown = worker.shown_children();
        let held = shown.as_array().unwrap().iter().filter(|child| child["account"] == "good").count();
        assert_eq!(held, 20, "{shown}");
        core.drop_connections("/work/queue");
        for task in tasks {
            let lost = task.join().unwrap();
            assert!(lost["error"].as_str().unwrap().contains("Could not finish the task"), "{lost}");
        }
    });
    core.await_task("tag", Some("rogue"));
    release(&worker);
    assert_works(&core);
    worker.scratch().await_no_collectors();
    let jobs = jobs(&worker);
    assert_eq!(jobs.iter().filter(|(_, what)| what == "hold").count(), 20, "{jobs:?}");
    let text = worker.get("/metrics").text;
    let lost = "fixworker_tasks_total{task=\"tag\",result=\"lost\"} 25";
    assert!(text.lines().any(|found| found == lost), "{text}");
    let late = worker_answers(&core);
    assert_eq!(late, 1, "only the last one was answered");
    assert_eq!(worker.stop(), 0);
}

/// How many answers to tasks fixcore has heard.
fn worker_answers(core: &Fixcore) -> usize {
    let messages = core.get("/harness/messages");
    let from_worker = messages.as_array().unwrap().iter().filter(|entry| entry["direction"] == "from_worker");
    from_worker.filter(|entry| entry["message"]["task_id"].is_string()).count()
}

#[test]
fn a_shutdown_waits_for_what_runs_and_refuses_the_rest() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = rogue(&core);
    thread::scope(|scope| {
        let running = scope.spawn(|| set(&core, "hold"));
        wait::until("it runs", || !jobs(&worker).is_empty());
        worker.process().signal(Signal::SIGTERM);
        worker.await_log("1 tasks go on, 0 that wait are refused");
        let refused = set(&core, "well");
        assert!(refused["error"].as_str().unwrap().contains("the worker is shutting down"), "{refused}");
        release(&worker);
        let done = running.join().unwrap();
        assert_eq!(done["result"]["reported"]["tags"]["do"], "hold", "{done}");
    });
    assert_eq!(worker.process().exit_code(), 0);
    assert_eq!(worker.scratch().collectors(), []);
    assert_eq!(jobs(&worker).len(), 1);
}

#[test]
fn a_task_that_outlives_the_shutdown_is_answered_with_words() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = rogue_with(&core, &["supervisor.shutdown_timeout=1"]);
    thread::scope(|scope| {
        let running = scope.spawn(|| set(&core, "hold"));
        wait::until("it runs", || !jobs(&worker).is_empty());
        worker.process().signal(Signal::SIGTERM);
        let failed = running.join().unwrap();
        let error = failed["error"].as_str().unwrap_or_else(|| panic!("{failed}"));
        assert!(error.contains("the worker had to shut down before it was done"), "{error}");
    });
    assert_eq!(worker.process().exit_code(), 6);
    assert_eq!(worker.scratch().collectors(), []);
}

/// Nothing to offer: no connection. A config that brings a collector brings its handler.
#[test]
fn a_new_collector_brings_its_tasks() {
    let Some(core) = Fixcore::https() else { return };
    assert_eq!(core.psk(), Some(PSK));
    let mut worker = WorkerOptions::unconfigured(&core).start(&core);
    wait::until("the config document is there", || core.config().is_some());
    assert_eq!(core.offered_tasks()["tag"], json!(null));
    assert!(!worker.log().contains("the websocket of tasks"), "nothing to offer, nothing to connect for");
    let health = Http::new().get(&worker.web("https", "/health"));
    assert_eq!(health.status, 200, "{health:?}");
    core.patch_config(&json!({"fixworker": {"collector": ["example"]}}));
    core.await_task("tag", Some("example"));
    core.patch_config(&json!({"fixworker": {"collector": ["random", "example"]}}));
    core.await_task("tag", Some("random"));
    core.await_task("tag", Some("example"));
    worker.await_connected(&core);
    assert_eq!(worker.stop(), 0);
}
