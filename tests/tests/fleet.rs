//! Beside and after the Python worker: the same config, the same graph.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::core::Fixcore;
use fixworker_tests::graph::Export;
use fixworker_tests::oneshot::Alone;
use fixworker_tests::requirements;
use fixworker_tests::wait;
use fixworker_tests::worker::WorkerOptions;
use serde_json::json;

const PEER_EXAMPLE: &str = include_str!("../data/example-merge.ndjson");
const SMALL: [&str; 2] = ["random.accounts=2", "random.resources_per_account=50"];

/// The day the worker is swapped: fixcore sees the same resources, and the way back is open.
fn swap(core: &Fixcore) {
    let Some(python) = requirements::python_worker() else { return };
    let peer = || WorkerOptions::new(core, "example").python(python.clone());

    let mut worker = peer().start(core);
    core.collect();
    wait::until("the graph of the Python worker is stored", || core.graph().accounts().len() == 1);
    worker.process().stop();
    let theirs = core.graph();
    let before = core.config().unwrap();

    let mut worker = WorkerOptions::new(core, "example").start(core);
    let run = core.collect();
    assert_eq!(run["has_error"], false, "{run}");
    let merge = core.merged().pop().unwrap();
    assert_eq!(merge["wait_for_result"], true, "this one is ours");
    let update = &merge["update"];
    for counter in ["nodes_created", "nodes_deleted", "edges_created", "edges_deleted"] {
        assert_eq!(update[counter], 0, "{counter}: the same resources and edges: {update}");
    }
    let ours = core.graph();
    assert_eq!(ours.nodes.keys().collect::<Vec<_>>(), theirs.nodes.keys().collect::<Vec<_>>());
    assert_eq!(ours.edges, theirs.edges);
    assert_eq!(worker.stop(), 0);
    let after = core.config().unwrap();
    assert_eq!(after["fixworker"], before["fixworker"], "the section of both is as it was");

    let mut worker = peer().start(core);
    core.collect();
    wait::until("the Python worker has merged again", || core.merged().len() >= 3);
    assert_eq!(core.graph().edges, theirs.edges);
    worker.process().stop();
}

#[test]
fn swap_over_http() {
    let Some(core) = Fixcore::http() else { return };
    swap(&core);
}

#[test]
fn swap_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    swap(&core);
}

/// Both at once: the Python worker replaces the model by its own with each run, and ours lands all the same.
#[test]
fn side_by_side() {
    let Some(core) = Fixcore::http() else { return };
    let Some(python) = requirements::python_worker() else { return };
    let peer = WorkerOptions::new(&core, "example").python(python).subscriber("python.worker");
    let mut peer = peer.start(&core);
    let mut ours = WorkerOptions::new(&core, "random").set_all(&SMALL).start(&core);
    let expected = Alone::collect_all("random", &SMALL).and(Export::parse(PEER_EXAMPLE));
    for _ in 0..3 {
        let run = core.collect();
        assert_eq!(run["has_error"], false, "{run}");
        wait::until("both graphs are stored", || core.graph().accounts().len() == 3);
        core.graph().assert_is(&expected);
    }
    assert_eq!(ours.stop(), 0);
    peer.process().stop();
}

/// A collector that only the Python worker has: its config is kept, its graph untouched.
#[test]
fn collectors_that_we_do_not_have_are_left_alone() {
    let Some(core) = Fixcore::http() else { return };
    core.post("/graph/fix", &json!(null));
    core.put_peer_model();
    let body = Some(("application/x-ndjson", PEER_EXAMPLE.to_owned()));
    core.call("POST", "/graph/fix/merge?wait_for_result=true", body).expect_success();
    core.put_config(
        &json!({"fixworker": {"collector": ["homemade", "random"]}, "homemade": {"account": ["123"]}}),
    );

    let mut worker = WorkerOptions::unconfigured(&core).set_all(&SMALL).start(&core);
    let run = core.collect();
    core.await_reported(&["homemade"]);
    let graph = core.graph();
    graph.assert_has(&Export::parse(PEER_EXAMPLE));
    assert_eq!(graph.accounts().len(), 3);
    let config = core.config().unwrap();
    assert_eq!(config["homemade"], json!({"account": ["123"]}));
    assert_eq!(config["fixworker"]["collector"], json!(["homemade", "random"]));
    let tasks = core.get("/harness/subscribers")["worker_tasks"].to_string();
    assert!(!tasks.contains("homemade"), "no handler for what we cannot do: {tasks}");
    let task = run["id"].as_str().unwrap();
    assert_eq!(core.answers(task), [("collect".to_owned(), "action_done".to_owned())]);
    assert_eq!(worker.stop(), 0);
}

/// The default of `fixworker.collector`: those with credentials. Nothing here has any.
#[test]
fn without_credentials_nothing_is_collected_by_default() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::unconfigured(&core).start(&core);
    let config = wait::eventually("the config document is there", || core.config());
    assert_eq!(config["fixworker"]["collector"], json!([]));
    let run = core.collect();
    assert_eq!(run["done"], true);
    assert_eq!(core.merges().len(), 0);
    // An empty list of handlers makes fixcore drop the connection: a Python worker then reconnects every second.
    let before = core.count_requests("GET", "/work/queue");
    wait::idle(std::time::Duration::from_secs(3));
    assert!(core.count_requests("GET", "/work/queue") <= before + 1);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn overrides_take_comma_lists_and_the_old_name() {
    let Some(core) = Fixcore::http() else { return };
    let options =
        WorkerOptions::unconfigured(&core).set_all(&SMALL).set("resotoworker.collector=example,random");
    let mut worker = options.start(&core);
    core.collect();
    assert_eq!(core.graph().accounts().len(), 3);
    assert_eq!(worker.stop(), 0);
}
