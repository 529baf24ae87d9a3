//! Microsoft Azure: what is deleted and tagged, by `fix-collector` alone against the fake of `tests/clouds`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use fixworker_tests::azure::{AzureCloud, SUBSCRIPTION, collect_with, node, some};
use fixworker_tests::graph::Export;
use serde_json::{Value, json};

const DONE: i32 = 0;

/// A node as a task of fixcore brings it.
fn task(cloud: &AzureCloud, graph: &Export, node: &Value) -> String {
    let account = graph.nodes.values().find(|node| node["reported"]["kind"] == "azure_subscription").unwrap();
    let mut found = node.clone();
    found["ancestors"] = json!({"cloud": {"reported": {"id": "azure"}}, "account": account});
    cloud.fake.file("node.json", found.to_string()).display().to_string()
}

#[test]
fn one_tag_is_changed_and_the_others_stay() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let (_, graph) = collect_with(&cloud, &some());
    let disk = node(&graph, "azure_compute_disk", "compute-disk-1");
    let before = disk["reported"]["tags"].clone();
    let file = task(&cloud, &graph, disk);
    cloud.run(&["tag", "--node", &file, "--set", "new=one"]).expect_code(DONE);
    let (_, after) = collect_with(&cloud, &some());
    let tags = node(&after, "azure_compute_disk", "compute-disk-1")["reported"]["tags"].clone();
    assert_eq!(tags, json!({"env": before["env"], "new": "one"}));
    // One that is there, with the value that it has now, and one that is not.
    cloud.run(&["tag", "--node", &file, "--remove", "env"]).expect_code(DONE);
    let (_, after) = collect_with(&cloud, &some());
    let tags = node(&after, "azure_compute_disk", "compute-disk-1")["reported"]["tags"].clone();
    assert_eq!(tags, json!({"new": "one"}));
    // Never a PUT of the resource.
    assert!(cloud.changes().iter().all(|call| call.starts_with("PATCH ")), "{:?}", cloud.changes());
}

#[test]
fn a_dry_run_changes_nothing_and_a_real_one_deletes_in_order() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let (_, graph) = collect_with(&cloud, &some());
    let chosen: Vec<&str> = [
        node(&graph, "azure_compute_disk", "compute-disk-1"),
        node(&graph, "azure_compute_virtual_machine", "virtual-machine-1"),
        node(&graph, "azure_network_interface", "network-interface-1"),
    ]
    .iter()
    .filter_map(|node| node["reported"]["id"].as_str())
    .collect();
    let mut args = vec!["clean", "--input", "graph.ndjson"];
    args.extend(chosen.iter().flat_map(|id| ["--id", id]));
    let dry: Vec<&str> = args.iter().copied().chain(["--dry-run"]).collect();
    cloud.run(&dry);
    assert_eq!(cloud.changes(), Vec::<String>::new());
    args.push("--yes");
    let ran = cloud.run(&args);
    let changes = cloud.changes();
    let at = |end: &str| {
        changes
            .iter()
            .position(|call| call.contains(&format!("{end} 202")))
            .unwrap_or_else(|| panic!("{end} in {changes:?}: {}", ran.errors))
    };
    assert!(at("virtual-machine-1") < at("compute-disk-1"));
    assert!(at("virtual-machine-1") < at("network-interface-1"));
    // It was waited for: each operation was asked until it had succeeded.
    let asked = cloud.fake.calls().iter().filter(|call| call.contains("Microsoft.Fake/operations")).count();
    assert_eq!(asked, 6, "{:?}", cloud.fake.calls());
    let (_, after) = collect_with(&cloud, &some());
    let left: Vec<&str> = after.nodes.values().filter_map(|node| node["reported"]["id"].as_str()).collect();
    assert!(chosen.iter().all(|id| !left.contains(id)), "{left:?}");
}

#[test]
fn a_resource_group_with_something_in_it_stays() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let (_, graph) = collect_with(&cloud, &some());
    let group = node(&graph, "azure_resource_group", "rg-one")["reported"]["id"].as_str().unwrap().to_owned();
    let ran = cloud.run(&["clean", "--input", "graph.ndjson", "--id", &group, "--yes", "--patience", "1"]);
    ran.expect_words("is in it");
    assert_eq!(cloud.changes(), Vec::<String>::new());
}

#[test]
fn an_id_that_leads_elsewhere_changes_nothing() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let (_, graph) = collect_with(&cloud, &some());
    let mut disk = node(&graph, "azure_compute_disk", "compute-disk-1").clone();
    let id = disk["reported"]["id"].as_str().unwrap().replace(SUBSCRIPTION, fixworker_tests::azure::OTHER);
    disk["reported"]["id"] = id.into();
    let file = task(&cloud, &graph, &disk);
    let ran = cloud.run(&["tag", "--node", &file, "--set", "a=b"]);
    ran.expect_words("is no address in the subscription");
    assert_eq!(cloud.changes(), Vec::<String>::new());
}

#[test]
fn nothing_is_changed_in_a_subscription_that_the_credentials_do_not_reach() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let (_, graph) = collect_with(&cloud, &some());
    let disk = node(&graph, "azure_compute_disk", "compute-disk-1");
    let file = task(&cloud, &graph, disk);
    let Some(other) = AzureCloud::start(&["--deny-project", SUBSCRIPTION]) else { return };
    other.run(&["tag", "--node", &file, "--set", "a=b"]).expect_words("may not see the subscription");
    assert_eq!(other.changes(), Vec::<String>::new());
}

#[test]
fn everything_that_can_be_deleted_is() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let (ran, graph) = collect_with(&cloud, &json!({}));
    ran.expect_code(DONE);
    let mut args = vec!["clean", "--input", "graph.ndjson"];
    args.extend(graph.nodes.keys().flat_map(|id| ["--id", id]));
    args.push("--yes");
    let ran = cloud.run(&args);
    ran.expect_words("0 failed");
    let (_, after) = collect_with(&cloud, &json!({}));
    let kinds = |graph: &Export| -> BTreeSet<String> {
        let kinds = graph.nodes.values().filter_map(|node| node["reported"]["kind"].as_str());
        kinds.map(str::to_owned).collect()
    };
    let gone: BTreeSet<String> = kinds(&graph).difference(&kinds(&after)).cloned().collect();
    assert!(gone.len() >= 125, "{} {gone:?}", gone.len());
}
