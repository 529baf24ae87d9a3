//! Google Cloud: `fix-collector` alone, and two projects with the supervisor, against the fake of `tests/clouds`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};

use fixworker_tests::gcp::{GcpCloud, collect, collect_with, count, node, some};
use fixworker_tests::graph::Export;
use fixworker_tests::oneshot::Oneshot;
use fixworker_tests::recording::Recording;
use serde_json::{Value, json};

const DONE: i32 = 0;
const PASSING: i32 = 75;
const CREDENTIALS: i32 = 77;
const FAULTS: i32 = 79;

/// The edges between two nodes, by type.
fn edges(graph: &Export, from: &Value, to: &Value) -> BTreeSet<String> {
    let edges = graph.edges.iter().filter(|(start, end, _)| *start == from["id"] && *end == to["id"]);
    edges.map(|(_, _, kind)| kind.clone()).collect()
}

#[test]
fn a_project_is_collected_with_what_costs_the_python_worker_all_of_it() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(DONE);
    // Groups and disks in regions, and their types.
    let group = node(&graph, "gcp_instance_group", "instance-group-us-east1-0");
    let instance = node(&graph, "gcp_instance", "instance-us-east1-b-0");
    assert_eq!(edges(&graph, group, instance), BTreeSet::from(["default".to_owned()]));
    let region = node(&graph, "gcp_region", "us-east1");
    assert!(!edges(&graph, region, node(&graph, "gcp_disk", "disk-us-east1-0")).is_empty());
    let types = graph.nodes.values().filter(|node| node["reported"]["kind"] == "gcp_disk_type");
    let links: BTreeSet<&str> = types.filter_map(|node| node["reported"]["link"].as_str()).collect();
    assert!(links.iter().any(|link| link.contains("/regions/us-east1/diskTypes/")), "{links:?}");
    // A bucket with a lifecycle in days.
    node(&graph, "gcp_bucket", "fake-bucket-0");
    // No call is made twice.
    let calls = cloud.fake.calls_with_queries();
    let mut seen = BTreeMap::new();
    for call in &calls {
        *seen.entry(call).or_insert(0) += 1;
    }
    let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    // But for tokens of each part, the first look at the project, and quotas.
    let known = ["/token\"", "/v1/projects\"", "/regions\""];
    assert!(twice.iter().all(|(call, _)| known.iter().any(|path| call.contains(path))), "{twice:?}");
}

#[test]
fn only_what_is_wanted_is_asked_for() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    let (ran, graph) = collect_with(&cloud, &json!({"collect": ["gcp_disk"]}));
    ran.expect_code(DONE);
    assert!(count(&graph, "gcp_disk") > 0 && count(&graph, "gcp_instance") == 0);
    let calls = cloud.fake.calls();
    let asked = calls.iter().any(|call| call.contains("/instances") || call.contains("findings"));
    assert!(!asked, "{calls:?}");
}

#[test]
fn projects_are_listed_and_narrowed() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    let ran = cloud.run(&["accounts"]);
    ran.expect_code(DONE);
    assert!(ran.output.contains("demo-project") && ran.output.contains("second-project"), "{}", ran.output);
    assert!(!ran.output.contains("sys-0001"), "{}", ran.output);
    let ran = cloud.run_with(&json!({"project": ["second-project"]}), &["accounts"]);
    assert!(!ran.output.contains("demo-project") && ran.output.contains("second-project"), "{}", ran.output);
}

#[test]
fn credentials_that_may_not_list_projects_collect_their_own() {
    let Some(cloud) = GcpCloud::start(&["--fault", "cloudresourcemanager.projects.list@=denied"]) else {
        return;
    };
    let key = cloud.service_account().display().to_string();
    let ran = cloud.run_with(&json!({"service_account": [key]}), &["accounts"]);
    ran.expect_words("only demo-project is collected");
    assert!(ran.output.contains("demo-project") && !ran.output.contains("second-project"), "{}", ran.output);
}

#[test]
fn troubles_are_told_and_no_project_is_taken_for_empty() {
    for (fault, code, words) in [
        ("compute.instances.aggregatedList@*=denied", FAULTS, "roles/viewer"),
        ("compute.instances.aggregatedList@*=endless", FAULTS, "the listing does not end"),
        ("compute.instances.aggregatedList@*=repeated", FAULTS, "goes round in circles"),
        ("compute.instances.aggregatedList@*=truncated", FAULTS, "instances.aggregatedList"),
        ("compute.instances.aggregatedList@*=html", FAULTS, "which is not of the service"),
        ("compute.instances.aggregatedList@*=inside", FAULTS, "instances.aggregatedList"),
        ("container.projects.locations.clusters.list@*=partial", FAULTS, "nothing is known of nowhere-1"),
        ("compute.regions.list@*=denied", CREDENTIALS, "roles/viewer"),
        ("compute.regions.list@*=expired", CREDENTIALS, "the credential file"),
    ] {
        let Some(cloud) = GcpCloud::start(&["--fault", fault]) else { return };
        let args = ["collect", "--account", "demo-project", "-o", "graph.ndjson"];
        let ran = cloud.run_with(&some(), &args);
        assert_eq!(ran.code, code, "{fault}: {}", ran.errors);
        ran.expect_words(words);
        assert!(!ran.errors.contains("s3cret") && !ran.errors.contains("ya29"), "{fault}: a secret is shown");
        if code == FAULTS {
            // What was there before the trouble, and everything else.
            node(&cloud.fake.graph("graph.ndjson"), "gcp_bucket", "fake-bucket-0");
        }
    }
}

#[test]
fn what_passes_costs_nothing() {
    for fault in ["throttled:2", "unavailable:1", "reset:1", "empty:0", "expired:1"] {
        let fault = format!("compute.instances.aggregatedList@*={fault}");
        let Some(cloud) = GcpCloud::start(&["--fault", &fault]) else { return };
        let (ran, graph) = collect_with(&cloud, &some());
        ran.expect_code(DONE);
        node(&graph, "gcp_instance", "instance-us-east1-b-0");
    }
}

#[test]
fn an_api_that_is_not_enabled_is_told_once_and_is_no_trouble() {
    let Some(cloud) = GcpCloud::start(&["--fault", "container.*=disabled"]) else { return };
    let (ran, graph) = collect_with(&cloud, &some());
    ran.expect_code(DONE);
    assert_eq!(count(&graph, "gcp_container_cluster"), 0);
    node(&graph, "gcp_bucket", "fake-bucket-0");
    // Nor is a region without Vertex AI.
    for fault in ["nowhere", "gone"] {
        let fault = format!("aiplatform.*.list@*={fault}");
        let Some(cloud) = GcpCloud::start(&["--fault", &fault]) else { return };
        let wanted = json!({"collect": ["gcp_vertex_ai_model", "gcp_vertex_ai_dataset", "gcp_bucket"]});
        let (ran, graph) = collect_with(&cloud, &wanted);
        ran.expect_code(DONE);
        assert_eq!((count(&graph, "gcp_vertex_ai_model"), count(&graph, "gcp_bucket")), (0, 2));
    }
    // Without Compute Engine there are no places; what is global is collected all the same.
    let Some(cloud) = GcpCloud::start(&["--fault", "compute.*=disabled"]) else { return };
    let (ran, graph) = collect_with(&cloud, &some());
    ran.expect_code(DONE);
    assert_eq!(count(&graph, "gcp_region"), 1);
    node(&graph, "gcp_bucket", "fake-bucket-0");
}

#[test]
fn who_cannot_be_reached_leaves_everything_as_it_was() {
    let Some(mut cloud) = GcpCloud::start(&[]) else { return };
    for (name, address) in &mut cloud.variables {
        if name.ends_with("_COMPUTE") {
            "http://127.0.0.1:1/compute/v1".clone_into(address);
        }
    }
    let ran = cloud.run_with(&some(), &["collect", "--account", "demo-project", "-o", "graph.ndjson"]);
    ran.expect_code(PASSING).expect_words("demo-project");
    assert!(!cloud.fake.folder().join("graph.ndjson").exists());
}

#[test]
fn a_project_that_the_credentials_do_not_reach_is_refused() {
    let Some(cloud) = GcpCloud::start(&["--deny-project", "second-project"]) else { return };
    let ran = cloud.run(&["collect", "--account", "second-project", "-o", "graph.ndjson"]);
    assert!(ran.code != DONE && ran.code != FAULTS, "{}", ran.errors);
    ran.expect_words("second-project");
}

#[test]
fn two_projects_of_one_service_account_go_through_the_supervisor() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    let key = cloud.service_account().display().to_string();
    let mut oneshot = Oneshot::new("gcp")
        .set(&format!("gcp.service_account={key}"))
        .set("gcp.collect=gcp_instance,gcp_disk,gcp_bucket");
    for (name, value) in &cloud.variables {
        oneshot = oneshot.env(name, value);
    }
    let finished = oneshot.run();
    finished.expect_code(DONE);
    let graph = finished.graph();
    assert_eq!(count(&graph, "gcp_project"), 2, "{}", finished.errors);
    let instances = graph.nodes.values().filter(|node| node["reported"]["kind"] == "gcp_instance");
    let links: BTreeSet<&str> = instances.filter_map(|node| node["reported"]["link"].as_str()).collect();
    for project in ["demo-project", "second-project"] {
        assert!(links.iter().any(|link| link.contains(&format!("/projects/{project}/"))), "{links:?}");
    }
    assert!(!finished.errors.contains("PRIVATE KEY"));
}

#[test]
fn a_recording_is_collected_without_the_cloud_and_holds_no_secret() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    let recorded =
        cloud.run(&["collect", "--account", "demo-project", "-o", "graph.ndjson", "--record", "recording"]);
    assert!([DONE, FAULTS].contains(&recorded.code), "{}", recorded.errors);
    let recording = Recording::of(&cloud.fake.folder().join("recording"));
    assert!(!recording.text().contains("s3cret"));
    recording.inspect();
    let calls = cloud.fake.calls().len();
    let (replayed, graph) = recording.replay();
    assert_eq!(replayed.code, recorded.code, "{}", replayed.errors);
    assert_eq!(recording.replay().1, graph, "two replays");
    recording.assert_same_but_for_secrets(&cloud.fake.graph("graph.ndjson"));
    assert_eq!(cloud.fake.calls().len(), calls, "the cloud was asked");
}
