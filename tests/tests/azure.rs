//! Microsoft Azure: `fix-collector` alone, and the supervisor, against the fake of `tests/clouds`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use fixworker_tests::azure::{
    AzureCloud, ORGANIZATION, OTHER, SUBSCRIPTION, application, collect_with, node, some,
};
use fixworker_tests::graph::Export;
use fixworker_tests::oneshot::Oneshot;
use fixworker_tests::recording::Recording;
use serde_json::{Value, json};

const DONE: i32 = 0;
const USAGE: i32 = 64;
const PASSING: i32 = 75;
const CREDENTIALS: i32 = 77;
const FAULTS: i32 = 79;

/// The edges between two nodes, by type.
fn edges(graph: &Export, from: &Value, to: &Value) -> BTreeSet<String> {
    let edges = graph.edges.iter().filter(|(start, end, _)| *start == from["id"] && *end == to["id"]);
    edges.map(|(_, _, kind)| kind.clone()).collect()
}

#[test]
fn a_subscription_is_collected_with_what_uses_what() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let (ran, graph) = collect_with(&cloud, &json!({}));
    ran.expect_code(DONE);
    let machine = node(&graph, "azure_compute_virtual_machine", "virtual-machine-1");
    let disk = node(&graph, "azure_compute_disk", "compute-disk-1");
    assert_eq!(machine["reported"]["instance_status"], "running");
    // The machine uses the disk, so it goes first.
    assert_eq!(edges(&graph, machine, disk), BTreeSet::from(["default".to_owned()]));
    assert_eq!(edges(&graph, disk, machine), BTreeSet::from(["delete".to_owned()]));
    // Its price is asked for without a token, which the fake would refuse there.
    let size = node(&graph, "azure_compute_virtual_machine_size", "Standard_D2s_v3");
    assert_eq!(size["reported"]["ondemand_cost"], 0.096);
    // What has no location of its own is where its parent is.
    let (location, subnet) =
        (node(&graph, "azure_location", "/eastus"), node(&graph, "azure_network_subnet", "subnet-00"));
    assert!(!edges(&graph, location, subnet).is_empty());
    let account = graph.nodes.values().find(|node| node["reported"]["kind"] == "azure_subscription").unwrap();
    assert_eq!(account["reported"]["name"], "Production");
    assert_eq!(account["reported"]["tags"], json!({"team": "platform"}));
    let text = graph.nodes.values().map(Value::to_string).collect::<String>();
    for secret in ["shared-key-1", "admin-password-1", "connection-string-1", "token-for-"] {
        assert!(!text.contains(secret), "{secret} is in the graph");
    }
}

#[test]
fn only_what_is_wanted_is_asked_for() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let wanted = json!({"collect": ["azure_compute_*"], "no_collect": ["azure_compute_virtual*"]});
    let (ran, graph) = collect_with(&cloud, &wanted);
    ran.expect_code(DONE);
    node(&graph, "azure_compute_disk", "compute-disk-1");
    let calls = cloud.fake.calls();
    assert!(
        !calls.iter().any(|call| call.contains("/virtualMachines") || call.contains("Microsoft.Web")),
        "{calls:?}"
    );
}

#[test]
fn subscriptions_are_listed_and_narrowed() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let ran = cloud.run(&["accounts"]);
    ran.expect_code(DONE);
    assert!(ran.output.contains(SUBSCRIPTION) && ran.output.contains(OTHER), "{}", ran.output);
    let mut only = application("s3cret");
    only["subscriptions"] = json!([OTHER]);
    let ran = cloud.run_as(&json!({"accounts": {"a": only}}), &[], &["accounts"]);
    assert!(!ran.output.contains(SUBSCRIPTION) && ran.output.contains(OTHER), "{}", ran.output);
}

#[test]
fn the_organization_is_an_account_of_its_own() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let ran = cloud.run(&["collect", "--account", ORGANIZATION, "-o", "graph.ndjson"]);
    ran.expect_code(DONE);
    let graph = cloud.fake.graph("graph.ndjson");
    let (group, user) =
        (node(&graph, "microsoft_graph_group", "1"), node(&graph, "microsoft_graph_user", "1"));
    assert!(!edges(&graph, group, user).is_empty());
    let root = node(&graph, "microsoft_graph_organization_root", "organization_root");
    assert!(!edges(&graph, root, user).is_empty());
    let policy = node(&graph, "microsoft_graph_policy", "authorizationPolicy");
    assert_eq!(policy["reported"]["policy"]["allow_invites_from"], "everyone");
    assert!(!cloud.fake.calls().iter().any(|call| call.contains("/subscriptions/")), "only what is of it");
    // Its tenant is that of the subscriptions, each of which belongs below it.
    let (_, graph) = collect_with(&cloud, &some());
    let deferred = serde_json::to_string(&graph.deferred).unwrap();
    assert!(deferred.contains("microsoft_graph_organization"), "{deferred}");
}

#[test]
fn an_organization_that_must_not_be_read_costs_itself_only() {
    let Some(cloud) = AzureCloud::start(&["--fault", "GET /v1.0/*=denied"]) else { return };
    let ran = cloud.run(&["accounts"]);
    assert!(ran.output.contains(SUBSCRIPTION) && !ran.output.contains(ORGANIZATION), "{}", ran.output);
    ran.expect_words("Directory.Read.All");
    let mut without = application("s3cret");
    without["collect_microsoft_graph"] = json!(false);
    let ran = cloud.run_as(&json!({"accounts": {"a": without}}), &[], &["accounts"]);
    ran.expect_code(DONE);
    assert!(!cloud.fake.calls().iter().rev().take(2).any(|call| call.contains("/v1.0/")));
}

#[test]
fn one_of_several_credentials_costs_its_own_subscriptions_only() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let accounts = json!({"accounts": {"broken": application("wrong"), "good": application("s3cret")}});
    let ran = cloud.run_as(&accounts, &[], &["accounts"]);
    assert!(ran.output.contains(SUBSCRIPTION), "{}", ran.output);
    ran.expect_words("the subscriptions of broken in azure.accounts cannot be listed");
    let ran = cloud.run_as(&json!({"accounts": {"broken": application("wrong")}}), &[], &["accounts"]);
    ran.expect_code(CREDENTIALS);
    ran.expect_words("Invalid client secret provided");
    assert!(!ran.errors.contains("wrong"), "{}", ran.errors);
}

#[test]
fn each_kind_of_credentials_leads_in() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let token = cloud.fake.file("token", "of-somebody-else").display().to_string();
    let certificate = cloud.certificate().display().to_string();
    let folder = cloud.logged_in();
    let path = format!("{folder}:/usr/bin:/bin");
    let application = [("AZURE_TENANT_ID", "11111111-1111-1111-1111-111111111111"), ("AZURE_CLIENT_ID", "c")];
    let own = json!({"accounts": {"default": {}}});
    for more in [
        vec![("AZURE_CLIENT_SECRET", "s3cret")],
        vec![("AZURE_CLIENT_CERTIFICATE_PATH", certificate.as_str())],
        vec![("AZURE_FEDERATED_TOKEN_FILE", token.as_str())],
        vec![("AZURE_CONFIG_DIR", folder.as_str()), ("PATH", path.as_str())],
        vec![],
    ] {
        let variables: Vec<(&str, &str)> = application.iter().copied().chain(more.iter().copied()).collect();
        let ran = cloud.run_as(&own, &variables, &["accounts"]);
        assert!(ran.output.contains(SUBSCRIPTION), "{more:?} {}", ran.errors);
    }
    let half = cloud.run_as(&own, &[("AZURE_CLIENT_SECRET", "s3cret")], &["accounts"]);
    half.expect_code(CREDENTIALS);
    half.expect_words("needs AZURE_TENANT_ID and AZURE_CLIENT_ID");
}

#[test]
fn a_subscription_that_is_not_theirs_is_not_collected() {
    let Some(cloud) = AzureCloud::start(&["--deny-project", SUBSCRIPTION]) else { return };
    let ran = cloud.run(&["collect", "--account", SUBSCRIPTION, "-o", "graph.ndjson"]);
    ran.expect_code(USAGE);
    ran.expect_words("there is no account");
}

#[test]
fn troubles_are_told_by_what_they_are() {
    let disks = format!("GET /subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/disks");
    for (kind, code, words) in [
        ("denied", FAULTS, "role Reader"),
        ("disabled", DONE, "does not use this"),
        ("throttled:2", DONE, ""),
        ("html", FAULTS, "not of the service"),
        ("truncated", FAULTS, "ends too early"),
        ("endless", FAULTS, "azure_compute_disk"),
        ("unavailable", FAULTS, "disks"),
    ] {
        let fault = format!("{disks}={kind}");
        let Some(cloud) = AzureCloud::start(&["--fault", &fault]) else { return };
        let (ran, graph) = collect_with(&cloud, &some());
        assert_eq!(ran.code, code, "{kind}: {}", ran.errors);
        if kind != "throttled:2" {
            assert!(format!("{}{}", ran.errors, ran.output).contains(words), "{kind}: {}", ran.errors);
        }
        node(&graph, "azure_compute_virtual_machine", "virtual-machine-1");
    }
    let Some(cloud) =
        AzureCloud::start(&["--fault", &format!("GET /subscriptions/{SUBSCRIPTION}/locations=unavailable")])
    else {
        return;
    };
    cloud.run(&["collect", "--account", SUBSCRIPTION, "-o", "graph.ndjson"]).expect_code(PASSING);
}

#[test]
fn both_subscriptions_are_collected_below_the_supervisor() {
    // A token that is not accepted any more is replaced by the broker, which alone has the secret.
    let fault = "GET */providers/Microsoft.Compute/disks=expired:1";
    let Some(cloud) = AzureCloud::start(&["--fault", fault]) else { return };
    let mut oneshot = Oneshot::new("azure")
        .args(&["-v"])
        .set("azure.collect=azure_compute_virtual_machine,azure_compute_disk")
        .env("AZURE_TENANT_ID", "11111111-1111-1111-1111-111111111111")
        .env("AZURE_CLIENT_ID", "22222222-2222-2222-2222-222222222222")
        .env("AZURE_CLIENT_SECRET", "s3cret");
    for (name, value) in &cloud.variables {
        oneshot = oneshot.env(name, value);
    }
    let finished = oneshot.run();
    finished.expect_code(DONE);
    let graph = finished.graph();
    let of_kind = |kind: &str| graph.nodes.values().filter(|node| node["reported"]["kind"] == kind).count();
    assert_eq!((of_kind("azure_subscription"), of_kind("azure_compute_disk")), (2, 4), "{}", finished.errors);
    assert!(!finished.errors.contains("s3cret") && !finished.errors.contains("token-for-"));
    finished.expect_said(&["is reached with a token of"]);
}

#[test]
fn usage_is_asked_for_once_for_each_resource() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let kinds = json!({"collect": ["azure_compute_virtual_machine", "azure_storage_account"]});
    let (ran, graph) = collect_with(&cloud, &kinds);
    ran.expect_code(DONE);
    let machine = node(&graph, "azure_compute_virtual_machine", "virtual-machine-1");
    let usage = &machine["usage"];
    for name in ["cpu_utilization_percent", "network_in_bytes", "disk_write_iops"] {
        for stat in ["min", "avg", "max"] {
            assert!(usage[name][stat].is_number(), "{name} {stat}: {machine}");
        }
    }
    let calls = cloud.fake.calls();
    let of = |part: &str| calls.iter().filter(|call| call.contains(part)).count();
    assert_eq!(of("/virtualMachines/compute-virtual-machine-1/providers/Microsoft.Insights/metrics"), 1);
    // The account, and its four services.
    assert_eq!(of("/storageAccounts/storage-account-1/"), 5, "{calls:?}");
    let (ran, _) = collect_with(&cloud, &json!({"collect": [], "collect_usage_metrics": false}));
    ran.expect_code(DONE);
    assert_eq!(
        cloud.fake.calls().iter().filter(|call| call.contains("Insights/metrics")).count(),
        of("Insights/metrics")
    );
}

#[test]
fn usage_that_may_not_be_asked_for_costs_the_usage_alone() {
    for (fault, code) in [("denied", FAULTS), ("gone", DONE), ("throttled:2", DONE)] {
        let fault = format!("GET */Microsoft.Insights/metrics={fault}");
        let Some(cloud) = AzureCloud::start(&["--fault", &fault]) else { return };
        let (ran, graph) = collect_with(&cloud, &some());
        ran.expect_code(code);
        node(&graph, "azure_compute_virtual_machine", "virtual-machine-1");
    }
}

#[test]
fn a_recording_is_collected_without_the_cloud_and_holds_no_secret() {
    let Some(cloud) = AzureCloud::start(&[]) else { return };
    let args = ["collect", "--account", SUBSCRIPTION, "-o", "graph.ndjson", "--record", "recording"];
    let recorded = cloud.run(&args);
    recorded.expect_code(DONE);
    let recording = Recording::of(&cloud.fake.folder().join("recording"));
    let text = recording.text();
    assert!(!text.contains("s3cret") && !text.contains("token-for-"));
    recording.inspect();
    let calls = cloud.fake.calls().len();
    let (replayed, graph) = recording.replay();
    assert_eq!(replayed.code, recorded.code, "{}", replayed.errors);
    recording.assert_same_but_for_secrets(&cloud.fake.graph("graph.ndjson"));
    assert!(!graph.is_empty());
    assert_eq!(cloud.fake.calls().len(), calls, "the cloud was asked");
}
