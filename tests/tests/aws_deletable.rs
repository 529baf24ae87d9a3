//! Each kind that can be deleted, where moto can hold it: its resource is gone from moto, by the calls that it takes and in
//! their order. What moto cannot hold is listed with the reason (`tests/aws/not-in-moto.toml`).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use fixworker_tests::aws::{DeletableCloud, Made};
use fixworker_tests::binaries::repository;
use fixworker_tests::graph::Export;
use fixworker_tests::scratch::Scratch;
use serde_json::Value;

/// The kinds whose tables say how they are deleted.
fn deletable() -> BTreeSet<String> {
    let files = fs::read_dir(repository().join("collector-child/clouds/aws/kinds")).unwrap();
    let tables = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let names = |table: String| -> Vec<String> {
        let headers = table.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(".delete]"));
        headers.map(str::to_owned).collect()
    };
    tables.flat_map(names).collect()
}

fn not_in_moto() -> BTreeMap<String, String> {
    let text = fs::read_to_string(repository().join("tests/aws/not-in-moto.toml")).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(" = "));
    lines.map(|(kind, reason)| (kind.to_owned(), reason.trim_matches('"').to_owned())).collect()
}

/// The id of the node of each kind.
fn nodes(graph: &Export, made: &BTreeMap<String, Made>) -> BTreeMap<String, String> {
    let of_kind = |(kind, it): (&String, &Made)| {
        let is_it = |node: &&Value| {
            let reported = &node["reported"];
            let named = ["id", "name", "arn"].iter().any(|property| reported[*property] == it.id.as_str());
            reported["kind"] == kind.as_str() && named
        };
        let node = graph.nodes.values().find(is_it);
        let id = node.unwrap_or_else(|| panic!("no {kind} {} was collected", it.id))["id"].as_str().unwrap();
        (id.to_owned(), kind.clone())
    };
    made.iter().map(of_kind).collect()
}

/// Whether all of `wanted` were called, in this order.
fn in_order(calls: &[String], wanted: &[String]) -> bool {
    let mut open = wanted.iter().peekable();
    for call in calls {
        open.next_if_eq(&call);
    }
    open.peek().is_none()
}

#[test]
fn every_kind_that_can_be_deleted_is_gone_from_the_cloud() {
    let Some(cloud) = DeletableCloud::start() else { return };
    let elsewhere = not_in_moto();
    let proved: BTreeSet<String> = cloud.made.keys().chain(elsewhere.keys()).cloned().collect();
    assert_eq!(proved, deletable(), "each kind is either made by deletable.py or in not-in-moto.toml");
    let both: Vec<&String> = cloud.made.keys().filter(|kind| elsewhere.contains_key(*kind)).collect();
    assert_eq!(both, Vec::<&String>::new());

    let scratch = Scratch::new();
    let file = scratch.path().join("graph.ndjson").display().to_string();
    // Not all that moto is asked for is served, so there may be faults.
    cloud.alone().run(&["collect", "--account", "100000000001", "--output", &file]);
    let nodes = nodes(&Export::read(file.as_ref()), &cloud.made);
    let before = cloud.calls().len();

    let ids = nodes.keys().flat_map(|id| ["--id", id]);
    let args = ["clean", "--json", "--yes", "--input", &file, "--patience", "30"];
    let ended = cloud.alone().run(&args.into_iter().chain(ids).collect::<Vec<_>>());
    let stays: Vec<&str> =
        ended.output.lines().filter(|line| !line.contains(r#""outcome":"gone""#)).collect();
    assert_eq!((ended.code, stays), (0, Vec::new()), "{}", ended.errors);
    assert_eq!(cloud.left(), Vec::<String>::new());

    let calls = cloud.calls().split_off(before);
    for (kind, it) in &cloud.made {
        assert!(in_order(&calls, &it.calls), "{kind}: {:?} are not in {calls:?} in this order", it.calls);
    }
}
