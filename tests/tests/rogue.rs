//! Every rogue child, by the table in `fixworker_tests::expect`: what it costs, and that it costs nobody else.
//!
//! Modes whose end needs a short timer run apart from healthy ones, which a short timer could hit on a slow machine.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;

use fixworker_tests::expect::{self, Expectation, State, VOLUMES, ids};
use fixworker_tests::oneshot::{Finished, Oneshot};
use fixworker_tests::procfs;

/// Two attempts for each, everything at once.
fn run(modes: &[&str], settings: &[&str]) -> Finished {
    let oneshot = Oneshot::rogue(modes).set_all(&["supervisor.max_attempts=2", "fixworker.pool_size=20"]);
    let scratch = oneshot.scratch().path().to_owned();
    let finished = oneshot.set_all(settings).run();
    assert_eq!(procfs::mentioning(&scratch), [], "processes are left");
    finished
}

fn check(finished: &Finished, modes: &[&str]) {
    for row in expect::among(modes) {
        check_row(finished, row);
    }
    let expected = match modes.iter().filter(|mode| expect::of(mode).unwrap().state == State::Done).count() {
        0 => 4,
        done if done == modes.len() => 0,
        _ => 3,
    };
    finished.expect_code(expected);
}

fn check_row(finished: &Finished, row: &Expectation) {
    let account = finished.account(row.name);
    assert_eq!(account["cloud"], "rogue");
    assert_eq!(account["name"], format!("Rogue {}", row.name));
    assert_eq!(account["attempts"], row.attempts, "{account}");
    let error = &account["error"];
    match row.state {
        State::Done => {
            assert_eq!(account["state"], "done", "{account}");
            let nodes = account["nodes"].as_u64().unwrap();
            assert!(nodes > VOLUMES as u64, "{account}");
        }
        State::Failed => {
            assert_eq!(account["state"], "failed", "{account}");
            if !row.kind.is_empty() {
                assert_eq!(error["kind"], row.kind, "{account}");
            }
            let said = format!("{} {}", error["message"].as_str().unwrap(), error["hint"]);
            assert!(row.says.iter().all(|part| said.contains(part)), "{:?} not in {said:?}", row.says);
        }
    }
    let is_in_graph = finished.has_graph() && finished.graph().nodes.contains_key(&ids::account(row.name));
    assert_eq!(is_in_graph, row.state == State::Done, "{} in the graph", row.name);
}

/// What the supervisor must not take from a child, whatever the child says.
#[test]
fn poison_costs_only_the_account_that_sent_it() {
    let modes = [
        "good",
        "poisoned_replace",
        "poisoned_top_replace",
        "poisoned_ancestors",
        "poisoned_exported_at",
        "foreign_account",
        "two_accounts",
        "id_mismatch",
        "unknown_kind",
        "invalid_json",
        "raw_newline",
        "detached",
        "cycle",
    ];
    let finished = run(&modes, &[]);
    check(&finished, &modes);
    let graph = finished.graph();
    assert_eq!(graph.of_kind("example_account").len(), 1);
    assert_eq!(graph.of_kind("example_volume").len(), VOLUMES);
    for node in graph.nodes.values() {
        let is_account = node["reported"]["kind"] == "example_account";
        assert_eq!(node["metadata"].get("replace").is_some(), is_account, "{node}");
        assert_eq!(node["metadata"].get("exported_at").is_some(), is_account, "{node}");
        assert!(node.get("ancestors").is_none() && node.get("replace").is_none(), "{node}");
    }
}

/// One process at a time, so that `good` has claimed its ids when `stolen_id` comes.
#[test]
fn an_id_of_another_account_is_refused() {
    let modes = ["good", "stolen_id"];
    check(&run(&modes, &["fixworker.pool_size=1"]), &modes);
}

#[test]
fn what_is_announced_has_to_come() {
    let modes = ["good", "seq_gap", "totals_lie", "digest_lie"];
    check(&run(&modes, &[]), &modes);
}

#[test]
fn every_way_to_end_has_its_policy() {
    let modes = [
        "good",
        "crash",
        "kill_self",
        "end_early",
        "exit_65",
        "exit_70",
        "exit_75",
        "exit_77",
        "exit_78",
        "fatal_credentials",
        "fatal_unavailable",
        "exit_after_done",
        "flaky",
    ];
    let finished = run(&modes, &[]);
    check(&finished, &modes);
    let hint = &finished.account("fatal_credentials")["error"]["hint"];
    assert_eq!(hint, "ask the cloud");
}

#[test]
fn broken_frames_are_refused() {
    let modes = ["good", "junk", "oversize", "empty", "truncated"];
    check(&run(&modes, &[]), &modes);
}

#[test]
fn noise_faults_and_things_left_behind_cost_nothing() {
    let modes = ["good", "noisy", "faults", "grandchild", "linger", "dangling"];
    let finished = run(&modes, &[]);
    check(&finished, &modes);
    let noise = fs::metadata(finished.scratch.path().join("fixworker.log")).unwrap().len();
    assert!(noise < 4 << 20, "20 MB of noise became {noise} bytes of log");
}

#[test]
fn silence_is_noticed() {
    let modes = ["silent"];
    check(&run(&modes, &["supervisor.stall_timeout=1.5"]), &modes);
}

#[test]
fn a_child_that_only_lives_is_noticed() {
    let modes = ["stuck"];
    check(&run(&modes, &["supervisor.no_progress_timeout=1.5"]), &modes);
}

/// At most two of these at once: three different accounts that fail before Ready would open the breaker.
#[test]
fn a_child_has_to_become_ready() {
    for modes in
        [["never_ready", "never_connect"], ["never_hello", "bad_magic"], ["wrong_version", "never_ready"]]
    {
        check(&run(&modes, &["supervisor.handshake_timeout=1.5"]), &modes);
    }
}

#[test]
fn an_attempt_has_a_deadline() {
    let finished = run(&["hold"], &["supervisor.account_timeout=1.5"]);
    let account = finished.account("hold");
    assert_eq!((&account["state"], &account["attempts"]), (&"failed".into(), &1.into()), "{account}");
    assert_eq!(account["error"]["kind"], "deadline", "{account}");
    finished.expect_code(4);
}

/// The fleet is told apart from the account: when nothing becomes ready, the binary or the host is bad.
#[test]
fn three_failures_before_ready_open_the_breaker() {
    let modes = ["bad_magic-1", "bad_magic-2", "bad_magic-3", "bad_magic-4", "bad_magic-5"];
    let oneshot = Oneshot::rogue(&modes).set_all(&["supervisor.max_attempts=2", "fixworker.pool_size=1"]);
    let mut running = oneshot.start();
    fixworker_tests::wait::until("the breaker opens and says so", || {
        running.process.errors().contains("60 s")
    });
    let started = |running: &fixworker_tests::oneshot::RunningOneshot| running.process.errors().len();
    let before = started(&running);
    fixworker_tests::wait::idle(std::time::Duration::from_secs(3));
    assert!(started(&running) < before + 4096, "it goes on starting children");
    running.process.stop();
    assert_eq!(running.scratch.collectors(), []);
}
