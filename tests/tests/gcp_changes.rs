//! Google Cloud: what is deleted and labelled, by `fix-collector` alone against the fake of `tests/clouds`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use fixworker_tests::gcp::{GcpCloud, collect, collect_with, node, some};
use fixworker_tests::graph::Export;
use serde_json::{Value, json};

const DONE: i32 = 0;

/// A node as a task of fixcore brings it.
fn task(cloud: &GcpCloud, graph: &Export, kind: &str, id: &str) -> String {
    let mut found = node(graph, kind, id).clone();
    let zone = node(graph, "gcp_zone", "us-east1-b").clone();
    found["ancestors"] = json!({
        "cloud": {"reported": {"id": "gcp"}},
        "account": node(graph, "gcp_project", "demo-project"),
        "region": node(graph, "gcp_region", "us-east1"),
        "zone": zone,
    });
    cloud.fake.file("node.json", found.to_string()).display().to_string()
}

#[test]
fn labels_are_changed_by_their_fingerprint_and_the_others_stay() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    let (_, graph) = collect_with(&cloud, &some());
    for (kind, id) in [("gcp_disk", "disk-us-east1-b-0"), ("gcp_bucket", "fake-bucket-0")] {
        let file = task(&cloud, &graph, kind, id);
        let ran = cloud.run(&["tag", "--node", &file, "--set", "new=label", "--remove", "owner"]);
        ran.expect_code(DONE);
        let (_, after) = collect_with(&cloud, &some());
        let tags = node(&after, kind, id)["reported"]["tags"].clone();
        assert_eq!(tags, json!({"env": "prod", "new": "label"}), "{kind}");
    }
}

#[test]
fn a_dry_run_changes_nothing_and_a_real_one_deletes() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    collect_with(&cloud, &some()).0.expect_code(DONE);
    let before = cloud.changes().len();
    let chosen = ["instance-us-east1-b-0", "disk-us-east1-b-0", "disk-us-east1-0"];
    let mut args = vec!["clean", "--input", "graph.ndjson"];
    args.extend(chosen.iter().flat_map(|id| ["--id", id]));
    let dry: Vec<&str> = args.iter().copied().chain(["--dry-run"]).collect();
    cloud.run(&dry);
    assert_eq!(cloud.changes().len(), before, "{:?}", cloud.changes());
    args.push("--yes");
    let ran = cloud.run(&args);
    let changes = cloud.changes();
    let at = |path: &str| {
        let made = format!("DELETE /compute/v1/projects/demo-project/{path} 200");
        changes
            .iter()
            .position(|call| *call == made)
            .unwrap_or_else(|| panic!("no {made} in {changes:?}; {} {}", ran.output, ran.errors))
    };
    // The machine uses the disk.
    assert!(
        at("zones/us-east1-b/instances/instance-us-east1-b-0")
            < at("zones/us-east1-b/disks/disk-us-east1-b-0")
    );
    at("regions/us-east1/disks/disk-us-east1-0");
}

#[test]
fn everything_that_can_be_deleted_is() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(DONE);
    let mut args = vec!["clean", "--input", "graph.ndjson"];
    args.extend(graph.nodes.keys().flat_map(|id| ["--id", id]));
    args.push("--yes");
    let ran = cloud.run(&args);
    ran.expect_words("0 failed, 0 still waiting, 0 not answered");
    // The one of these is named in nodes by the bucket of storage behind it.
    let buckets = cloud.changes().into_iter().filter(|call| call.contains("/backendBuckets/"));
    let buckets: BTreeSet<String> = buckets.map(|call| call.replace(" 200", "")).collect();
    let path = "DELETE /compute/v1/projects/demo-project/global/backendBuckets/backend-bucket-global";
    assert_eq!(buckets, BTreeSet::from([format!("{path}-0"), format!("{path}-1")]));
    let (_, after) = collect(&cloud);
    let kinds = |graph: &Export| -> BTreeSet<String> {
        let kinds = graph.nodes.values().filter_map(|node| node["reported"]["kind"].as_str());
        kinds.map(str::to_owned).collect()
    };
    let gone: BTreeSet<String> = kinds(&graph).difference(&kinds(&after)).cloned().collect();
    assert!(gone.len() >= 80, "{} {gone:?}", gone.len());
}

/// A node with the places that the edges lead through, as a task of fixcore brings it.
fn placed(graph: &Export, node: &Value) -> Value {
    let mut task = node.clone();
    task["ancestors"] = json!({
        "cloud": {"reported": {"id": "gcp"}},
        "account": self::node(graph, "gcp_project", "demo-project"),
    });
    let above = |id: &Value| {
        let default = graph.edges.iter().filter(|(_, to, kind)| to == id && kind == "default");
        default.filter_map(|(from, ..)| graph.nodes.get(from)).collect::<Vec<_>>()
    };
    let is = |node: &&&Value, kind: &str| node["reported"]["kind"] == kind;
    let mut region = above(&node["id"]).iter().find(|node| is(node, "gcp_region")).copied();
    if let Some(zone) = above(&node["id"]).iter().find(|node| is(node, "gcp_zone")) {
        task["ancestors"]["zone"] = (*zone).clone();
        region = above(&zone["id"]).iter().find(|node| is(node, "gcp_region")).copied();
    }
    task["ancestors"]["region"] = region.cloned().unwrap_or_default();
    task
}

#[test]
fn every_kind_with_labels_can_be_labelled_wherever_it_is() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    let (_, graph) = collect(&cloud);
    let (mut tried, mut labelled) = (BTreeSet::new(), Vec::new());
    for node in graph.nodes.values() {
        let task = placed(&graph, node);
        let place = [&task["ancestors"]["zone"], &task["ancestors"]["region"]["reported"]["id"]];
        let place = (place[0].is_null(), place[1] == "global");
        let kind = node["reported"]["kind"].as_str().unwrap().to_owned();
        if node["reported"]["tags"].get("env").is_none() || !tried.insert((kind.clone(), place)) {
            continue;
        }
        let file = cloud.fake.file("node.json", task.to_string()).display().to_string();
        let ran = cloud.run(&["tag", "--node", &file, "--set", "new=label", "--remove", "owner"]);
        // Those of jobs, which have run.
        if ran.errors.contains("have no tags that can be changed") {
            continue;
        }
        assert_eq!(ran.code, DONE, "{kind}: {}", ran.errors);
        let changed: Value = serde_json::from_str(&ran.output).unwrap();
        let expected = json!({"env": node["reported"]["tags"]["env"], "new": "label"});
        assert_eq!(changed["reported"]["tags"], expected, "{kind}");
        labelled.push(kind);
    }
    assert_eq!(labelled.iter().collect::<BTreeSet<_>>().len(), 34, "{labelled:?}");
    let (_, after) = collect(&cloud);
    let kept = after.nodes.values().filter(|node| node["reported"]["tags"]["new"] == "label");
    assert_eq!(kept.count(), labelled.len());
}

#[test]
fn nothing_is_changed_in_a_project_that_the_credentials_do_not_reach() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    let (_, graph) = collect_with(&cloud, &some());
    let file = task(&cloud, &graph, "gcp_disk", "disk-us-east1-b-0");
    let input = cloud.fake.folder().join("graph.ndjson").display().to_string();
    let Some(other) = GcpCloud::start(&["--deny-project", "demo-project"]) else { return };
    other.run(&["tag", "--node", &file, "--set", "a=b"]).expect_words("may not see the project demo-project");
    other.run(&["clean", "--input", &input, "--id", "disk-us-east1-b-0", "--yes"]);
    assert_eq!(other.changes(), Vec::<String>::new());
}
