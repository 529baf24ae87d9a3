//! What one child cannot do to the accounts of others and to the supervisor, with nothing but well-formed messages.
//!
//! The rogue child says it, by the table in `fixworker_tests::expect`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::core::Fixcore;
use fixworker_tests::expect::{self, State, VOLUMES, ids};
use fixworker_tests::oneshot::{Finished, Oneshot, RunningOneshot};
use fixworker_tests::worker::WorkerOptions;
use fixworker_tests::{binaries, procfs, wait};
use serde_json::{Value, json};

/// One process at a time, in this order.
fn one_by_one(modes: &[&str]) -> Finished {
    Oneshot::rogue(modes).set_all(&["supervisor.max_attempts=2", "fixworker.pool_size=1"]).run()
}

#[track_caller]
fn check(finished: &Finished, modes: &[&str]) {
    for row in expect::among(modes) {
        let account = finished.account(row.name);
        let is_done = row.state == State::Done;
        assert_eq!(account["state"], if is_done { "done" } else { "failed" }, "{account}");
        assert_eq!(account["attempts"], row.attempts, "{account}");
        if !is_done {
            assert_eq!(account["error"]["kind"], row.kind, "{account}");
            let said = account["error"]["message"].as_str().unwrap();
            assert!(row.says.iter().all(|part| said.contains(part)), "{:?} not in {said:?}", row.says);
            assert!(!said.contains("it the") && !said.contains("it it"), "{said:?}");
        }
        let is_in_graph =
            finished.has_graph() && finished.graph().nodes.contains_key(&ids::account(row.name));
        assert_eq!(is_in_graph, is_done, "{} in the graph", row.name);
    }
}

/// The victim is whole, and everything of it hangs where it belongs.
#[track_caller]
fn good_is_unharmed(finished: &Finished) {
    let graph = finished.graph();
    let account = &graph.nodes[&ids::account("good")];
    assert_eq!(
        account["reported"],
        json!({"id": "good", "tags": {}, "name": "good", "kind": "example_account"})
    );
    for number in 0..VOLUMES {
        let volume = &graph.nodes[&ids::volume("good", number)];
        assert_eq!(volume["reported"]["id"], ids::volume_name("good", number));
        assert_eq!(volume["reported"]["kind"], "example_volume");
    }
}

/// Whoever comes first: ids that follow the rule are of one account only.
#[test]
fn steal_ids() {
    let finished = one_by_one(&["good", "stolen_id"]);
    check(&finished, &["good", "stolen_id"]);
    good_is_unharmed(&finished);

    let finished = one_by_one(&["stolen_id", "good"]);
    check(&finished, &["good"]);
    let thief = finished.account("stolen_id");
    assert_eq!(
        (&thief["state"], &thief["error"]["kind"]),
        (&json!("failed"), &json!("contested")),
        "{thief}"
    );
    good_is_unharmed(&finished);
    assert_eq!(finished.graph().of_kind("example_account").len(), 1);
}

/// The thief comes before the victim, and cannot take what the run knows.
#[test]
fn steal_account_foreign_cloud_node_org_takes_account() {
    let modes = ["steal_account", "foreign_cloud_node", "org_takes_account", "good"];
    let finished = one_by_one(&modes);
    check(&finished, &modes);
    good_is_unharmed(&finished);
    assert_eq!(finished.graph().of_kind("example_account").len(), 1);
    assert_eq!(finished.graph().of_kind("organizational_unit").len(), 0);
}

#[test]
fn an_id_that_nothing_explains_and_two_claim_is_of_neither() {
    let modes = ["contested-1", "good", "contested-2"];
    let finished = one_by_one(&modes);
    for (one, other) in [("contested-1", "contested-2"), ("contested-2", "contested-1")] {
        let account = finished.account(one);
        assert_eq!((&account["state"], &account["error"]["kind"]), (&json!("failed"), &json!("contested")));
        assert!(account["error"]["message"].as_str().unwrap().contains(other), "{account}");
    }
    check(&finished, &["good"]);
    good_is_unharmed(&finished);
    assert!(!finished.graph().nodes.contains_key("nobody-knows-whose"));
}

#[test]
fn an_id_that_nothing_explains_and_one_claims_is_sent() {
    let finished = one_by_one(&["contested-1", "good"]);
    assert_eq!(finished.account("contested-1")["state"], "done");
    assert!(finished.graph().nodes.contains_key("nobody-knows-whose"));
    finished.expect_code(0);
}

/// Of accounts that are not in the run only fixcore knows whose an id is.
#[test]
fn what_fixcore_knows_in_another_account_is_not_overwritten() {
    let Some(core) = Fixcore::http() else { return };
    let run = |modes: &[&str]| {
        let options = WorkerOptions::new(&core, "rogue").rogue(modes).set("supervisor.max_attempts=1");
        let mut worker = options.start(&core);
        core.collect();
        assert_eq!(worker.stop(), 0);
        worker.log()
    };
    run(&["good", "contested-1"]);
    // What it has itself it may send again.
    run(&["good", "contested-1"]);
    let before = core.graph();
    assert!(before.nodes.contains_key("nobody-knows-whose"));
    for (thief, victim) in [("stolen_id", "good"), ("contested-2", "contested-1")] {
        let log = run(&[thief]);
        let line = log.lines().find(|line| line.contains("which fixcore knows as one of"));
        assert!(line.is_some_and(|line| line.contains(victim)), "{thief}: {log}");
    }
    let after = core.graph();
    assert_eq!((after.nodes.len(), &after.edges), (before.nodes.len(), &before.edges));
    assert_eq!(after.accounts(), before.accounts());
}

#[test]
fn shared_lines() {
    let modes = ["shared_lines", "marked_cloud", "marked_account", "good"];
    let finished = one_by_one(&modes);
    check(&finished, &modes);
    let graph = finished.graph();
    let line = |id: &str, name: &str, kind: &str, class: &str| {
        json!({
            "id": id, "reported": {"id": name, "tags": {}, "name": name, "kind": kind},
            "metadata": {"python_type": format!("fixlib.baseresources.{class}"), "categories": ["management"]},
        })
    };
    assert_eq!(graph.nodes[ids::ROOT], line(ids::ROOT, "root", "graph_root", "GraphRoot"));
    assert_eq!(graph.nodes[ids::CLOUD], line(ids::CLOUD, "rogue", "cloud", "Cloud"));
}

#[test]
fn edges_start_in_the_account_and_put_nobody_below_it() {
    let finished = one_by_one(&["good", "foreign_edges"]);
    check(&finished, &["good", "foreign_edges"]);
    let text = std::fs::read_to_string(finished.scratch.path().join("graph.ndjson")).unwrap();
    let (own, theirs) = (ids::volume("foreign_edges", 0), ids::volume("good", 0));
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut deferred: Vec<_> = lines.filter(|line| line.get("from_selector").is_some()).collect();
    deferred.sort_by_key(|line| line["edge_type"].to_string());
    let expected = ["delete", "iam"].map(|edge_type| {
        json!({"from_selector": {"node_id": own}, "to_selector": {"node_id": theirs}, "edge_type": edge_type})
    });
    assert_eq!(deferred, expected);
    assert!(!text.contains(&format!("{{\"from\": \"{theirs}\"")), "an edge of another account");
}

#[test]
fn listing_other_cloud() {
    for mode in ["listing_other_cloud", "listing_other_node"] {
        let finished = one_by_one(&["good", mode]);
        let row = expect::of(mode).unwrap();
        finished
            .expect_code(4)
            .expect_said(&["the child broke the protocol: it listed account", row.says[0]]);
        assert!(!finished.has_graph(), "nothing of such a listing is believed");
    }
}

/// What a collector says about itself says nothing about others.
#[test]
fn describe_star() {
    for (order, says) in [
        ("star", "wants the variables"),
        ("psk", "FIXWORKER_PSK"),
        ("section", "wants the section"),
        ("sign", "to run by the sign of others"),
        ("kinds", "otherwise than it is"),
        ("tasks", "wants the task"),
        ("many", "more than 16777216 bytes"),
    ] {
        let oneshot = Oneshot::new("rogue").collector_bin(&binaries::rogue_child());
        let oneshot = oneshot.collector_name(&format!("describe-{order}"));
        let finished = oneshot.env("FIXWORKER_PSK", "top-secret-psk").run();
        assert_ne!(finished.code, 0, "{order}");
        finished.expect_said(&["broke the protocol: it ", says]);
        assert!(!finished.errors.contains("top-secret-psk"), "{}", finished.errors);
    }
}

/// What the supervisor may use at most, whatever a child says.
const MEMORY: u64 = 64 << 20;

/// Runs `modes` beside an account that holds the run until the others have ended; returns the peak of the
/// supervisor then.
fn peak(modes: &[&str]) -> (u64, Finished) {
    let mut all = vec!["hold"];
    all.extend(modes);
    let oneshot = Oneshot::rogue(&all).set_all(&["supervisor.max_attempts=1", "fixworker.pool_size=2"]);
    let running = oneshot.start();
    let over = |running: &RunningOneshot| {
        let labels: Vec<_> =
            running.scratch.collectors().iter().filter_map(|p| p.label().map(str::to_owned)).collect();
        labels == ["rogue/hold"]
            && modes.iter().all(|mode| running.scratch.path().join("markers").join(mode).exists())
    };
    wait::until("only the account that holds is left", || over(&running));
    let peak = procfs::memory(running.process.pid(), "VmHWM").unwrap();
    running.scratch.file("markers/release", "");
    (peak, running.finish())
}

#[track_caller]
fn stays_small(modes: &[&str]) -> Finished {
    let (peak, finished) = peak(modes);
    assert!(peak < MEMORY, "{modes:?}: {} MiB", peak >> 20);
    assert!(finished.errors.len() < 8 << 20, "{} bytes of log", finished.errors.len());
    finished
}

#[test]
fn big_account_name() {
    let modes: Vec<_> = (1..=60).map(|number| format!("big_account_name-{number}")).collect();
    let finished = stays_small(&modes.iter().map(String::as_str).collect::<Vec<_>>());
    let name = finished.account("big_account_name-7")["name"].as_str().unwrap().to_owned();
    assert!(name.len() <= 256 && name.starts_with("Rogue big_account_name-7nnn"), "{name}");
}

#[test]
fn big_fault() {
    let finished = stays_small(&["big_faults"]);
    assert_eq!(finished.account("big_faults")["state"], "done");
    assert!(!finished.errors.contains('\u{1b}'), "a terminal obeys it");
    assert!(!finished.errors.lines().any(|line| line.starts_with("forged")), "a line of its own");
}

#[test]
fn many_faults() {
    assert_eq!(stays_small(&["many_faults"]).account("many_faults")["state"], "done");
}

#[test]
fn progress_is_bounded() {
    assert_eq!(stays_small(&["big_progress", "many_progress"]).account("many_progress")["state"], "done");
}

#[test]
fn edges_that_lead_nowhere_are_bounded() {
    let finished = stays_small(&["unknown_ends"]);
    let account = finished.account("unknown_ends");
    assert_eq!(account["state"], "failed", "{account}");
    assert!(
        account["error"]["message"].as_str().unwrap().contains("edge ends that are no nodes"),
        "{account}"
    );
}
