//! The harness itself: the real fixcore merges, refuses, restarts and misbehaves as the other tests rely on.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::core::Fixcore;
use fixworker_tests::graph::Export;
use fixworker_tests::http::Answer;
use serde_json::{Value, json};

const EXAMPLE: &str = include_str!("../data/example-merge.ndjson");
const ACCOUNT: &str = "vfKMDXmQWbiGi7RXMUAoKA";

fn merge(core: &Fixcore, lines: &str, query: &str) -> Answer {
    let path = format!("/graph/fix/merge?{query}");
    core.call("POST", &path, Some(("application/x-ndjson", lines.to_owned())))
}

fn with_model() -> Option<Fixcore> {
    let core = Fixcore::http()?;
    core.post("/graph/fix", &Value::Null);
    core.put_peer_model();
    Some(core)
}

#[test]
fn merges_replace_one_account_and_name_what_is_wrong() {
    let Some(core) = with_model() else { return };
    assert_eq!(merge(&core, EXAMPLE, "wait_for_result=true").status, 200);
    core.graph().assert_is(&Export::parse(EXAMPLE));
    assert_eq!(core.merges()[0]["replaced"], json!([ACCOUNT]));
    assert_eq!(core.merge_lines(1).len(), EXAMPLE.lines().count());

    let without_volume: Vec<_> =
        EXAMPLE.lines().filter(|line| !line.contains("27C24lN1MusHq2K-di8EpA")).collect();
    let answer = merge(&core, &without_volume.join("\n"), "wait_for_result=true");
    assert_eq!(answer.expect_success().json()["nodes_deleted"], 1);

    let unknown = EXAMPLE.replace("\"kind\": \"example_volume\"", "\"kind\": \"nope\"");
    let answer = merge(&core, &unknown, "wait_for_result=true");
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("No kind definition found for nope"), "{answer:?}");
    assert_eq!(merge(&core, &unknown, "wait_for_result=false").status, 204, "the outcome is not told");

    core.post("/harness/in_progress", &json!({"ids": [ACCOUNT]}));
    let answer = merge(&core, EXAMPLE, "wait_for_result=true");
    assert!(answer.status == 400 && answer.text.contains("ConflictingChangeInProgress"), "{answer:?}");
    core.call("DELETE", "/harness/in_progress", None).expect_success();
    assert_eq!(merge(&core, EXAMPLE, "wait_for_result=true").status, 200);
}

#[test]
fn faults_happen_once_and_as_ordered() {
    let Some(core) = with_model() else { return };
    core.fault(&json!({"do": "answer", "status": 503, "text": "shutting down"}));
    assert_eq!(merge(&core, EXAMPLE, "wait_for_result=true").status, 503);
    assert_eq!(core.merges().len(), 0, "fixcore has not seen it");

    core.fault(&json!({"do": "wait", "when": "before", "seconds": 0.1}));
    assert_eq!(merge(&core, EXAMPLE, "wait_for_result=true").status, 200);
    assert_eq!(core.merged().len(), 1);
    assert!(core.stats()["merge_cpu_s"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_restart_keeps_the_database_and_an_empty_one_does_not() {
    let Some(mut core) = with_model() else { return };
    assert_eq!(merge(&core, EXAMPLE, "wait_for_result=true").status, 200);
    let before = core.graph();

    core.restart();
    assert_eq!(core.graph().nodes, before.nodes);
    core.crash_and_restart();
    assert_eq!(core.graph().edges, before.edges);
    assert_eq!(merge(&core, EXAMPLE, "wait_for_result=true").status, 200, "the model is still there");

    core.restart_empty();
    assert!(core.graph().nodes.is_empty());
}

#[test]
fn https_wants_a_token() {
    let Some(core) = Fixcore::https() else { return };
    assert_eq!(core.get("/graph"), json!([]));
    let http = fixworker_tests::http::Http::new();
    assert_eq!(http.get(&format!("{}/graph", core.uri())).status, 401);
    assert!(core.cli("workflows list").contains("collect"));
}
