//! Whole collect runs: what arrives in fixcore is what the children sent.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::fs;

use fixworker_tests::core::Fixcore;
use fixworker_tests::expect::{VOLUMES, ids};
use fixworker_tests::graph::Export;
use fixworker_tests::oneshot::Alone;
use fixworker_tests::worker::WorkerOptions;
use serde_json::Value;

const PEER_EXAMPLE: &str = include_str!("../data/example-merge.ndjson");
const SMALL: [&str; 3] = ["random.accounts=5", "random.resources_per_account=80", "random.seed=11"];

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn replaced(merges: &[Value]) -> BTreeSet<String> {
    merges.iter().flat_map(|merge| merge["replaced"].as_array().unwrap()).map(text).collect()
}

fn by_account(core: &Fixcore) {
    let mut worker = WorkerOptions::new(core, "random").set_all(&SMALL).start(core);
    let run = core.collect();
    assert_eq!(run["has_error"], false, "{run}");
    let expected = Alone::collect_all("random", &SMALL);
    core.graph().assert_is(&expected);

    let merges = core.merged();
    let accounts: BTreeSet<_> =
        expected.of_kind("random_account").iter().map(|node| text(&node["id"])).collect();
    assert_eq!(accounts.len(), 5);
    assert_eq!(replaced(&merges), accounts, "each account is replaced, and nothing else");
    for merge in &merges {
        assert_eq!(merge["wait_for_result"], true, "the outcome is known");
        assert_eq!(merge["task_id"], run["id"]);
        let headers = &merge["headers"];
        assert_eq!(headers["fix-worker-nodes"], merge["nodes"].to_string(), "{headers}");
        assert!(headers["fix-worker-edges"].is_string(), "{headers}");
    }
    let task = text(&run["id"]);
    assert_eq!(core.answers(&task), [("collect".to_owned(), "action_done".to_owned())]);
    assert!(!core.messages("action_progress").is_empty());

    let again = core.collect();
    assert_eq!(again["has_error"], false);
    core.graph().assert_is(&expected);
    assert_eq!(worker.stop(), 0);
}

fn by_cloud(core: &Fixcore) {
    let worker = WorkerOptions::new(core, "random").set_all(&SMALL).set("fixworker.graph_merge_kind=cloud");
    let mut worker = worker.start(core);
    core.collect();
    let expected = Alone::collect_all("random", &SMALL);
    core.graph().assert_is(&expected);
    let cloud = text(&expected.of_kind("cloud")[0]["id"]);
    assert_eq!(replaced(&core.merged()), BTreeSet::from([cloud]));
    assert_eq!(worker.stop(), 0);
}

#[test]
fn by_account_over_http() {
    let Some(core) = Fixcore::http() else { return };
    by_account(&core);
}

#[test]
fn by_account_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    by_account(&core);
}

#[test]
fn by_cloud_over_http() {
    let Some(core) = Fixcore::http() else { return };
    by_cloud(&core);
}

#[test]
fn by_cloud_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    by_cloud(&core);
}

/// Replacing the whole cloud removes accounts that are gone, but only if every account is known to be gone.
#[test]
fn with_merge_kind_cloud_a_failed_account_keeps_what_fixcore_has() {
    let Some(core) = Fixcore::http() else { return };
    let cloud = "fixworker.graph_merge_kind=cloud";
    let mut worker = WorkerOptions::new(&core, "rogue").rogue(&["good-1", "good-2", "flaky"]).set(cloud);
    worker = worker.set("supervisor.max_attempts=2");
    let mut running = worker.start(&core);
    core.collect();
    assert_eq!(core.graph().accounts(), ["flaky", "good-1", "good-2"]);
    assert_eq!(running.stop(), 0);

    let worker = WorkerOptions::new(&core, "rogue").rogue(&["good-1", "crash"]).set(cloud);
    let mut running = worker.set("supervisor.max_attempts=1").start(&core);
    core.collect();
    assert_eq!(core.graph().accounts(), ["flaky", "good-1", "good-2"], "one failed, so nothing is removed");
    assert_eq!(running.stop(), 0);

    let mut running = WorkerOptions::new(&core, "rogue").rogue(&["good-1"]).set(cloud).start(&core);
    core.collect();
    assert_eq!(core.graph().accounts(), ["good-1"], "all succeeded: what was not listed is gone");
    assert_eq!(running.stop(), 0);
}

#[test]
fn the_example_graph_equals_that_of_the_python_worker() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "example").start(&core);
    core.collect();
    core.graph().assert_is(&Export::parse(PEER_EXAMPLE));
    let merges = core.merged();
    assert_eq!(merges.len(), 1);
    let sent = Export::of(core.merge_lines(1));
    assert_eq!(sent.steady(), Export::parse(PEER_EXAMPLE).steady());
    assert_eq!(worker.stop(), 0);
}

#[test]
fn fifty_accounts_in_a_whole_workflow() {
    let Some(core) = Fixcore::http() else { return };
    let settings = ["random.accounts=50", "random.resources_per_account=60"];
    let mut worker =
        WorkerOptions::new(&core, "random").set_all(&settings).set("fixworker.pool_size=8").start(&core);
    let run = core.collect();
    assert_eq!(run["has_error"], false, "{run}");
    let graph = core.graph();
    assert_eq!(graph.accounts().len(), 50);
    // The run as a whole is compared with a run without fixcore: one child alone for each of 50 takes too long.
    let oneshot = fixworker_tests::oneshot::Oneshot::new("random").set_all(&settings).run();
    oneshot.expect_code(0);
    graph.assert_is(&oneshot.graph());
    assert!(core.merged().len() < 50, "accounts share uploads");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn an_account_with_too_many_resources_is_reported_and_keeps_what_fixcore_has() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "random").set_all(&SMALL).start(&core);
    core.collect();
    let before = core.graph();
    assert_eq!(worker.stop(), 0);

    let limited = WorkerOptions::new(&core, "random,example").set_all(&SMALL);
    let mut worker = limited.set("fixworker.max_resources_per_account=40").start(&core);
    core.collect();
    core.await_reported(&["40"]);
    let after = core.graph();
    assert_eq!(after.accounts().len(), 6, "the small account of example landed");
    for id in before.accounts() {
        assert_eq!(after.below(&id), before.below(&id));
    }
    assert_eq!(worker.stop(), 0);
}

#[test]
fn debug_dumps_hold_what_was_uploaded() {
    let Some(core) = Fixcore::http() else { return };
    let options = WorkerOptions::new(&core, "example");
    let place = options.scratch().dir("dumps");
    let options = options.set("fixworker.debug_dump_json=true");
    let mut worker = options.set(&format!("fixworker.tempdir={}", place.display())).start(&core);
    core.collect();
    assert_eq!(worker.stop(), 0);
    let files = files_below(&place);
    let graphs: Vec<_> =
        files.iter().filter(|path| path.extension().is_some_and(|e| e == "ndjson")).collect();
    assert_eq!(graphs.len(), 1, "{files:?}");
    assert_eq!(Export::read(graphs[0]).steady(), Export::of(core.merge_lines(1)).steady());
}

#[test]
fn without_debug_dumps_nothing_is_left_in_the_temporary_directory() {
    let Some(core) = Fixcore::http() else { return };
    let options = WorkerOptions::new(&core, "example");
    let place = options.scratch().dir("elsewhere");
    let mut worker = options.set(&format!("fixworker.tempdir={}", place.display())).start(&core);
    core.collect();
    assert_eq!(worker.stop(), 0);
    assert_eq!(files_below(&place), Vec::<std::path::PathBuf>::new());
}

fn files_below(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] });
    found.collect()
}

/// A poisoned child can neither mark nodes for replacement nor hang them below another account.
#[test]
fn poison_does_not_reach_fixcore() {
    let Some(core) = Fixcore::http() else { return };
    let modes = ["good", "poisoned_replace", "poisoned_top_replace", "poisoned_ancestors", "foreign_account"];
    let worker = WorkerOptions::new(&core, "rogue").rogue(&modes);
    let mut worker = worker.set("supervisor.max_attempts=1").start(&core);
    core.collect();
    let graph = core.graph();
    assert_eq!(graph.accounts(), ["good"]);
    assert_eq!(replaced(&core.merges()), BTreeSet::from([ids::account("good")]));
    let volumes: BTreeSet<_> = (0..VOLUMES).map(|number| ids::volume("good", number)).collect();
    assert!(graph.below("good").is_superset(&volumes));
    assert_eq!(graph.below("good").len(), VOLUMES + 1, "the account and its volumes, nothing slipped in");
    for mode in &modes[1..] {
        core.await_reported(&[&format!("Rogue {mode}"), mode]);
    }
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_run_without_any_success_is_an_error() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "rogue").rogue(&["exit_77", "exit_78"]).start(&core);
    let run = core.collect();
    let task = text(&run["id"]);
    assert_eq!(core.answers(&task), [("collect".to_owned(), "action_error".to_owned())]);
    assert_eq!(core.merges().len(), 0);
    core.await_reported(&["Rogue exit_77", "exit_77", "credentials"]);
    assert_eq!(worker.stop(), 0);
}
