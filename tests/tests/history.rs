//! What the runs were: kept by the daemon, shown by its web server and by `fixworker history`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::binaries;
use fixworker_tests::core::Fixcore;
use fixworker_tests::process::Invocation;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};
use serde_json::Value;

/// `fixworker history` with these arguments: its exit code, and what it prints.
fn history(worker: &Worker, arguments: &[&str]) -> (i32, String, String) {
    let logs = worker.scratch().dir(&format!("history{}", arguments.concat().replace('/', "_")));
    let mut process = Invocation::new(binaries::fixworker())
        .env("XDG_STATE_HOME", worker.scratch().dir("state"))
        .arg("history")
        .args(arguments)
        .start("history", &logs);
    (process.exit_code(), process.output(), process.errors())
}

fn runs(worker: &Worker, count: usize) -> Vec<Value> {
    wait::eventually(&format!("{count} runs are kept"), || {
        worker.get("/runs").json().as_array().cloned().filter(|runs| runs.len() == count)
    })
}

#[test]
fn each_run_leaves_a_report_that_outlives_the_worker() {
    let Some(core) = Fixcore::http() else { return };
    let options = WorkerOptions::new(&core, "rogue").rogue(&["good", "faults", "fatal_credentials"]);
    let mut worker = options.set("supervisor.history_runs=2").start(&core);
    let (exit, _, said) = history(&worker, &[]);
    assert_eq!(exit, 4, "{said}");
    assert!(said.contains("no run is kept in") && said.contains("--spool-dir"), "{said}");

    let task = core.collect()["id"].as_str().unwrap().to_owned();
    let first = runs(&worker, 1).remove(0);
    assert_eq!((&first["outcome"], &first["kind"]), (&"some_failed".into(), &"collect".into()));
    assert!(first["task"].as_str().unwrap().contains(&task), "{first}");
    let id = first["id"].as_str().unwrap().to_owned();
    let record = worker.get(&format!("/runs/{id}")).expect_success().json();
    assert_eq!(record["exit_code"], 3);
    assert_eq!(record["accounts"].as_array().unwrap().len(), 3, "{record}");
    assert_eq!(record["faults"].as_array().unwrap().len(), 1, "{record}");
    assert!(record["started"].as_str() < record["ended"].as_str(), "{record}");
    assert_eq!(worker.get("/runs/20260101T000000Z-collect").status, 404);

    let (exit, table, _) = history(&worker, &[]);
    assert_eq!(exit, 3, "{table}");
    assert!(table.contains(&id) && table.contains("2 of 3"), "{table}");
    let (exit, table, _) = history(&worker, &["fatal_credentials"]);
    assert_eq!(exit, 3, "{table}");
    assert!(table.contains("failed: [credentials]"), "{table}");
    assert_eq!(history(&worker, &["good"]).0, 0);
    let (exit, _, said) = history(&worker, &["goood"]);
    assert_eq!(exit, 4);
    assert!(said.contains("did you mean good?"), "{said}");
    let (exit, json, _) = history(&worker, &["--run", &id, "--json"]);
    assert_eq!((exit, serde_json::from_str::<Value>(&json).unwrap()), (3, record));

    core.collect();
    core.collect();
    wait::until("the oldest run is gone", || worker.get(&format!("/runs/{id}")).status == 404);
    assert_eq!(worker.stop(), 0);
    worker.start_again(&core);
    assert_eq!(runs(&worker, 2)[0]["outcome"], "some_failed");
    assert_eq!(worker.stop(), 0);
}
