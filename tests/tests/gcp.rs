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
fn odd_content_costs_values_and_no_page() {
    for call in ["compute.instances.aggregatedList", "compute.disks.aggregatedList", "storage.buckets.list"] {
        let fault = format!("{call}@*=odd");
        let Some(cloud) = GcpCloud::start(&["--fault", &fault]) else { return };
        let (ran, graph) = collect_with(&cloud, &some());
        ran.expect_code(FAULTS);
        let (_, right) = collect_with(&GcpCloud::start(&[]).unwrap(), &some());
        for kind in ["gcp_instance", "gcp_disk", "gcp_bucket"] {
            assert_eq!(count(&graph, kind), count(&right, kind), "{fault}: {}", ran.errors);
        }
    }
}

#[test]
fn what_was_deleted_in_between_is_left_out_and_not_told() {
    let fault = "compute.instanceGroups.listInstances@*=gone";
    let Some(cloud) = GcpCloud::start(&["--fault", fault]) else { return };
    let (ran, graph) = collect_with(&cloud, &json!({"collect": ["gcp_instance_group", "gcp_bucket"]}));
    ran.expect_code(DONE);
    assert!(!ran.errors.contains("listInstances"), "{}", ran.errors);
    assert!(count(&graph, "gcp_bucket") > 0);
}

/// The measured values of a node: of this metric minimum, average and maximum.
fn usage(node: &Value, metric: &str) -> [f64; 3] {
    ["min", "avg", "max"]
        .map(|stat| node["usage"][metric][stat].as_f64().unwrap_or_else(|| panic!("no {metric} in {node}")))
}

#[test]
fn usage_is_asked_for_once_for_all_resources() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(DONE);
    let running = node(&graph, "gcp_instance", "instance-us-east1-b-0");
    for metric in ["cpu_utilization_percent", "network_in_bytes", "disk_read_iops", "disk_write_bytes"] {
        let [min, avg, max] = usage(running, metric);
        assert!(0.0 < min && min < avg && avg < max, "{metric}: {min} {avg} {max}");
    }
    assert!(node(&graph, "gcp_instance", "instance-us-east1-b-1")["usage"].is_null(), "it is stopped");
    usage(node(&graph, "gcp_disk", "disk-us-east1-b-1"), "volume_queue_length_count");
    usage(node(&graph, "gcp_sql_database_instance", "instance-demo-project-1"), "database_connections_count");
    let rule = node(&graph, "gcp_forwarding_rule", "forwarding-rule-us-east1-0");
    let parts = [usage(rule, "request_bytes_count"), usage(rule, "response_bytes_count")];
    for (at, sum) in usage(rule, "processed_bytes").into_iter().enumerate() {
        assert!((parts[0][at] + parts[1][at] - sum).abs() < 1.0, "{sum} of {parts:?}");
    }
    let functions = graph.nodes.values().filter(|node| node["reported"]["kind"] == "gcp_cloud_function");
    functions.for_each(|function| {
        usage(function, "duration_milliseconds");
        let [fine, failed] = ["invocations_count", "errors_count"].map(|metric| usage(function, metric)[1]);
        assert!((fine - failed).abs() > f64::EPSILON, "{fine} {failed}");
    });
    // First pages only: each metric and statistic once.
    let calls = cloud.fake.calls_with_queries();
    let asked = calls.iter().filter(|call| call.contains("/timeSeries") && !call.contains("pageToken"));
    let asked = asked.count();
    assert!((40..=80).contains(&asked), "{asked}");
    let (_, without) = collect_with(&cloud, &json!({"collect_usage_metrics": false}));
    assert!(without.nodes.values().all(|node| node["usage"].is_null()));
}

#[test]
fn usage_that_may_not_be_asked_for_costs_the_usage_alone() {
    for (fault, code) in [("denied", FAULTS), ("disabled", DONE), ("throttled:2", DONE)] {
        let fault = format!("monitoring.*={fault}");
        let Some(cloud) = GcpCloud::start(&["--fault", &fault]) else { return };
        let (ran, graph) = collect_with(&cloud, &some());
        ran.expect_code(code);
        node(&graph, "gcp_instance", "instance-us-east1-b-0");
    }
}

#[test]
fn types_cost_what_the_price_list_says() {
    let Some(cloud) = GcpCloud::start(&[]) else { return };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(DONE);
    let of = |kind: &str, name: &str, region: &str| {
        let is = |node: &&Value| {
            let told = &node["reported"];
            let link = told["link"].as_str().unwrap_or_default();
            told["kind"] == kind && told["name"] == name && link.contains(region)
        };
        graph.nodes.values().find(is).unwrap_or_else(|| panic!("no {kind} {name}")).clone()
    };
    let balanced = of("gcp_disk_type", "pd-balanced", "/zones/us-east1-b/");
    assert_eq!(balanced["reported"]["ondemand_cost"], 0.1);
    assert_eq!(of("gcp_disk_type", "pd-standard", "/regions/us-east1/")["reported"]["ondemand_cost"], 0.08);
    let machine = of("gcp_machine_type", "e2-medium", "/zones/us-east1-b/");
    let memory = machine["reported"]["instance_memory"].as_f64().unwrap();
    let cost = (21_811_590.0 + memory * 2_923_530.0).round() / 1e9;
    assert_eq!(machine["reported"]["ondemand_cost"], cost, "one shared processor is charged");
    let elsewhere = of("gcp_disk_type", "pd-balanced", "/zones/europe-west1-b/");
    assert!(elsewhere["reported"]["ondemand_cost"].is_null(), "no price is known there");
    // The service is above the prices, and they are above what is sold.
    let service = node(&graph, "gcp_service", "6F81-5844-456A");
    let skus: Vec<&Value> =
        graph.nodes.values().filter(|node| node["reported"]["kind"] == "gcp_sku").collect();
    assert_eq!(skus.len(), 5, "{skus:?}");
    assert!(skus.iter().all(|sku| !edges(&graph, service, sku).is_empty()));
    let above = |node: &Value| skus.iter().filter(|sku| !edges(&graph, sku, node).is_empty()).count();
    assert_eq!((above(&balanced), above(&machine), above(&elsewhere)), (1, 2, 0));
    // Nobody who does not want them asks for them.
    let asked = cloud.fake.calls().len();
    collect_with(&cloud, &json!({"no_collect": ["gcp_service", "gcp_sku"]}));
    assert!(
        !cloud.fake.calls()[asked..]
            .iter()
            .any(|call| call.contains("/skus") || call.contains("/v1/services"))
    );
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
    // A token that is not accepted any more is replaced by the broker, which alone has the key.
    let fault = "compute.disks.aggregatedList@*=expired:1";
    let Some(cloud) = GcpCloud::start(&["--fault", fault]) else { return };
    let key = cloud.service_account().display().to_string();
    let mut oneshot = Oneshot::new("gcp")
        .args(&["-v"])
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
    assert!(!finished.errors.contains("PRIVATE KEY") && !finished.errors.contains("ya29"));
    finished.expect_said(&["is reached with a token of"]);
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
