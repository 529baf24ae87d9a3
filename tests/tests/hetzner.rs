//! Hetzner Cloud: `fix-collector` alone against the fake of `tests/clouds/rest`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use fixworker_tests::graph::Export;
use fixworker_tests::rest::{Ran, RestCloud};
use serde_json::{Value, json};

const DONE: i32 = 0;
const TRY_AGAIN: i32 = 75;
const CREDENTIALS: i32 = 77;
const CONFIG: i32 = 78;
const FAULTS: i32 = 79;

/// The settings with these projects and tokens.
fn settings(projects: &[(&str, &str)]) -> Value {
    let names: Vec<&str> = projects.iter().map(|(name, _)| *name).collect();
    let tokens: Vec<&str> = projects.iter().map(|(_, token)| *token).collect();
    json!({"hetzner": {"hcloud_project_names": names, "hcloud_tokens": tokens}})
}

fn run_with(cloud: &RestCloud, projects: &[(&str, &str)], args: &[&str]) -> Ran {
    let endpoint = format!("{}/v1", cloud.url);
    let args: Vec<&str> =
        args[..1].iter().copied().chain(["-c", "hetzner"]).chain(args[1..].iter().copied()).collect();
    cloud.run(&settings(projects), &[("HCLOUD_ENDPOINT", &endpoint)], &args)
}

fn run(cloud: &RestCloud, args: &[&str]) -> Ran {
    run_with(cloud, &[("demo-project", "hcloud-token"), ("other", "other-token")], args)
}

fn collect(cloud: &RestCloud) -> (Ran, Export) {
    let ran = run(cloud, &["collect", "--account", "demo-project", "-o", "graph.ndjson"]);
    let graph = cloud.graph("graph.ndjson");
    (ran, graph)
}

#[track_caller]
fn node<'g>(graph: &'g Export, kind: &str, id: &str) -> &'g Value {
    let is = |node: &&Value| node["reported"]["kind"] == kind && node["reported"]["id"] == id;
    graph.nodes.values().find(is).unwrap_or_else(|| panic!("no {kind} {id}"))
}

/// The edges between two nodes, by type.
fn edges(graph: &Export, from: &Value, to: &Value) -> BTreeSet<String> {
    let edges = graph.edges.iter().filter(|(start, end, _)| *start == from["id"] && *end == to["id"]);
    edges.map(|(_, _, kind)| kind.clone()).collect()
}

#[test]
fn what_the_python_worker_gives_a_project_up_for_costs_nothing() {
    let Some(cloud) = RestCloud::start("hetzner", &["odd=1"], &[]) else { return };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(DONE);
    // A firewall without rules has none, and is joined with what its labels choose.
    let firewall = node(&graph, "hcloud_firewall", "no-rules");
    assert_eq!(firewall["reported"]["firewall_rules"], json!([]));
    let web = node(&graph, "hcloud_server", "web");
    assert_eq!(edges(&graph, firewall, web), BTreeSet::from(["default".to_owned(), "delete".to_owned()]));
    // An address that is gone, one without datacenter, and one in a location that nobody knows.
    node(&graph, "hcloud_server", "lone");
    let location = node(&graph, "hcloud_location", "nbg1");
    assert!(!edges(&graph, location, node(&graph, "hcloud_primary_ip", "131.232.99.9")).is_empty());
    let project = node(&graph, "hcloud_project", "demo-project");
    assert!(!edges(&graph, project, node(&graph, "hcloud_floating_ip", "2001:db8:1::")).is_empty());
    node(&graph, "hcloud_iso", "32");
    // Images of the project belong to their servers; those of everybody are left out.
    assert!(!edges(&graph, web, node(&graph, "hcloud_image", "2")).is_empty());
    let images = graph.nodes.values().filter(|node| node["reported"]["kind"] == "hcloud_image");
    assert_eq!(images.count(), 2);
}

#[test]
fn every_page_is_read_once_and_nothing_is_asked_for_each_resource() {
    let Some(cloud) = RestCloud::start("hetzner", &[], &[]) else { return };
    collect(&cloud).0.expect_code(DONE);
    let calls = cloud.calls();
    assert!(calls.iter().all(|call| call.starts_with("GET /v1/") && call.ends_with(" 200")), "{calls:?}");
    let single = |call: &&String| {
        call.split(' ').nth(1).is_some_and(|path| path.ends_with(|last: char| last.is_ascii_digit()))
    };
    assert_eq!(calls.iter().find(single), None);
    assert_eq!(calls.iter().filter(|call| call.starts_with("GET /v1/servers ")).count(), 2, "{calls:?}");
}

#[test]
fn a_project_without_datacenters_hangs_below_its_locations() {
    let Some(cloud) = RestCloud::start("hetzner", &["without_datacenters=1"], &[]) else { return };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(DONE);
    let (location, web) = (node(&graph, "hcloud_location", "fsn1"), node(&graph, "hcloud_server", "web"));
    assert_eq!(edges(&graph, location, web), BTreeSet::from(["default".to_owned()]));
}

#[test]
fn troubles_are_told_and_no_account_is_taken_for_empty() {
    for (fault, code, words) in [
        ("GET /v1/servers=403", FAULTS, "access denied"),
        ("GET /v1/servers=500", FAULTS, "the service had errors of its own"),
        ("GET /v1/servers=endless", FAULTS, "the listing does not end"),
        ("GET /v1/servers=repeated", FAULTS, "goes round in circles"),
        ("GET /v1/servers=html", FAULTS, "which is not of the service"),
        ("GET /v1/servers=truncated", FAULTS, "servers"),
        ("GET /v1/servers=bare", FAULTS, "it has no list at `servers`"),
        ("GET /v1/locations=bare", TRY_AGAIN, "it has no list at `locations`"),
        ("GET /v1/locations=401", CREDENTIALS, "make a new token in the project demo-project"),
        ("GET /v1/volumes=401:9:0", FAULTS, "the credentials are not valid"),
    ] {
        let Some(cloud) = RestCloud::start("hetzner", &[], &[fault]) else { return };
        let ran = run(&cloud, &["collect", "--account", "demo-project", "-o", "graph.ndjson"]);
        ran.expect_code(code).expect_words(words);
        assert!(!ran.errors.contains("hcloud-token"), "{fault}: the token is shown");
    }
}

#[test]
fn what_passes_costs_nothing() {
    for fault in ["GET /v1/servers=throttled:2", "GET /v1/servers=503:1", "GET /v1/servers=reset:1"] {
        let Some(cloud) = RestCloud::start("hetzner", &[], &[fault]) else { return };
        let (ran, graph) = collect(&cloud);
        ran.expect_code(DONE);
        node(&graph, "hcloud_server", "web");
    }
}

#[test]
fn a_dry_run_changes_nothing_and_a_real_one_keeps_the_order() {
    let Some(cloud) = RestCloud::start("hetzner", &[], &[]) else { return };
    collect(&cloud).0.expect_code(DONE);
    let chosen = ["web", "data", "web-rules", "131.232.99.1", "db", "mynet", "empty"];
    let mut args = vec!["clean", "--input", "graph.ndjson"];
    for id in chosen {
        args.extend(["--id", id]);
    }
    let dry: Vec<&str> = args.iter().copied().chain(["--dry-run"]).collect();
    run(&cloud, &dry);
    assert_eq!(cloud.changes(), Vec::<String>::new());
    args.push("--yes");
    let ran = run(&cloud, &args);
    let changes = cloud.changes();
    let at = |call: &str| {
        changes
            .iter()
            .position(|made| made == call)
            .unwrap_or_else(|| panic!("no {call} in {changes:?}; {}", ran.errors))
    };
    let server = at("DELETE /v1/servers/100 204");
    for after in
        ["DELETE /v1/volumes/4711 204", "DELETE /v1/firewalls/38 204", "DELETE /v1/primary_ips/42 404"]
    {
        assert!(at(after) > server, "{changes:?}");
    }
    at("DELETE /v1/networks/4715 204");
    // What is protected stays, and so does what waits for it.
    assert!(
        !changes.iter().any(|call| call.contains("servers/101") || call.contains("networks/4712")),
        "{changes:?}"
    );
    ran.expect_words("it is protected against deletion");
}

/// The node of the server as a task of fixcore brings it.
fn task(cloud: &RestCloud, graph: &Export) -> String {
    let mut server = node(graph, "hcloud_server", "web").clone();
    server["ancestors"] = json!({
        "cloud": {"reported": {"id": "hetzner"}},
        "account": node(graph, "hcloud_project", "demo-project"),
        "region": node(graph, "hcloud_location", "fsn1"),
    });
    cloud.file("node.json", server.to_string()).display().to_string()
}

#[test]
fn labels_are_changed_and_the_others_stay() {
    let Some(cloud) = RestCloud::start("hetzner", &[], &[]) else { return };
    let (_, graph) = collect(&cloud);
    let file = task(&cloud, &graph);
    let ran = run(&cloud, &["tag", "--node", &file, "--set", "new=label", "--remove", "team"]);
    ran.expect_code(DONE);
    let changed: Value = serde_json::from_str(&ran.output).unwrap();
    assert_eq!(changed["reported"]["tags"], json!({"env": "test", "new": "label"}));
    let (_, graph) = collect(&cloud);
    assert_eq!(
        node(&graph, "hcloud_server", "web")["reported"]["tags"],
        json!({"env": "test", "new": "label"})
    );
}

#[test]
fn a_change_never_reaches_another_project() {
    let Some(cloud) = RestCloud::start("hetzner", &[], &[]) else { return };
    let (_, graph) = collect(&cloud);
    let file = task(&cloud, &graph);
    let tag = ["tag", "--node", &file, "--set", "a=b"];
    let clean = ["clean", "--input", "graph.ndjson", "--id", "web", "--yes"];
    // The tokens stand in the wrong order: what the other project does not know is not taken for gone.
    let swapped = [("demo-project", "other-token"), ("other", "hcloud-token")];
    run_with(&cloud, &swapped, &tag).expect_words("or it is the token of another project");
    run_with(&cloud, &swapped, &clean).expect_words("or it is the token of another project");
    // A project that the settings do not have, a token that may only read, and names without tokens.
    run_with(&cloud, &[("other", "other-token")], &tag)
        .expect_words("the settings have no token of the project demo-project");
    run_with(&cloud, &[("demo-project", "read-token")], &tag)
        .expect_words("give the project demo-project a token that may read and write");
    let uneven = json!({"hetzner": {"hcloud_project_names": ["a", "b"], "hcloud_tokens": ["t"]}});
    cloud.run(&uneven, &[], &["accounts", "-c", "hetzner"]).expect_code(CONFIG).expect_words("has 2 names");
    let refused: Vec<String> = cloud.changes().into_iter().filter(|call| !call.ends_with(" 403")).collect();
    assert_eq!(refused, Vec::<String>::new());
}
