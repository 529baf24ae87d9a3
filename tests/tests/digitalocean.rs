//! DigitalOcean: `fix-collector` alone against the fake of `tests/clouds/rest`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use fixworker_tests::graph::Export;
use fixworker_tests::rest::{Lead, Ran, RestCloud, at_once};
use serde_json::{Value, json};

const DONE: i32 = 0;
const TRY_AGAIN: i32 = 75;
const CREDENTIALS: i32 = 77;
const CONFIG: i32 = 78;
const FAULTS: i32 = 79;

const LEAD: Lead = Lead {
    collector: "digitalocean",
    account: "1000",
    variables: &[("DIGITALOCEAN_API_URL", ""), ("SPACES_ENDPOINT_URL", "/s3/{{.Region}}")],
    secrets: &["do-token", "other-token", "read-token", "s3-secret"],
};
const VOLUME: &str = "631f81d2-9fc1-11ec-800c-0a58ac14d197";
const CLUSTER: &str = "e1c48631-b382-4001-2168-c47c54795a26";

/// The settings with these tokens; all teams have the same keys.
fn settings(tokens: &[&str]) -> Value {
    let keys = json!({"access_key": "access", "secret_key": "s3-secret"});
    let credentials: Vec<Value> =
        tokens.iter().map(|token| json!({"api_token": token, "spaces_keys": keys})).collect();
    json!({"digitalocean": {"credentials": credentials}})
}

fn run(cloud: &RestCloud, args: &[&str]) -> Ran {
    LEAD.run(cloud, &settings(&["other-token", "do-token"]), args)
}

#[track_caller]
fn collect(cloud: &RestCloud) -> Export {
    LEAD.collect(cloud, &settings(&["do-token"])).expect_code(DONE);
    cloud.graph("graph.ndjson")
}

/// The edges between two nodes, by type.
fn edges(graph: &Export, from: &Value, to: &Value) -> BTreeSet<String> {
    let edges = graph.edges.iter().filter(|(start, end, _)| *start == from["id"] && *end == to["id"]);
    edges.map(|(_, _, kind)| kind.clone()).collect()
}

#[test]
fn every_token_is_asked_for_its_team_and_each_team_is_there_once() {
    let Some(cloud) = RestCloud::start("digitalocean", &[], &[]) else { return };
    let ran = LEAD.run(&cloud, &settings(&["do-token", "other-token", "second-token"]), &["accounts"]);
    ran.expect_code(DONE)
        .expect_words("the credentials number 3 are of the team 1000, as others before them");
    assert!(ran.output.contains("1000") && ran.output.contains("2000"), "{}", ran.output);
    // One token that is not good costs its team, and not the others.
    let ran = LEAD.run(&cloud, &settings(&["broken-token", "other-token"]), &["accounts"]);
    ran.expect_words("the credentials are not valid");
    assert!(ran.output.contains("2000"), "{}", ran.output);
    let ran = LEAD.run(&cloud, &settings(&["no-project"]), &["accounts"]);
    ran.expect_code(CREDENTIALS).expect_words("the token sees no project with an owner");
    let ran = LEAD.run(&cloud, &settings(&["do-token", "do-token"]), &["accounts"]);
    ran.expect_code(CONFIG)
        .expect_words("team number 2 of the section digitalocean has the token of another one");
    assert_eq!(cloud.changes(), Vec::<String>::new());
}

#[test]
fn a_team_with_nothing_and_one_with_odd_things_are_collected() {
    let Some(cloud) = RestCloud::start("digitalocean", &["bare=1"], &[]) else { return };
    let graph = collect(&cloud);
    assert_eq!(graph.of_kind("digitalocean_project").len(), 1);
    assert_eq!(graph.of_kind("digitalocean_region").len(), 0, "nobody has anything in one");

    let Some(cloud) = RestCloud::start("digitalocean", &["odd=1"], &[]) else { return };
    let graph = collect(&cloud);
    let odd = graph.node("digitalocean_droplet", "289110077");
    assert_eq!(odd["reported"]["droplet_backup_ids"], json!([]));
    let team = graph.node("digitalocean_team", "1000");
    let address = graph.node("digitalocean_floating_ip", "127.0.0.3");
    assert_eq!(edges(&graph, team, address), BTreeSet::from(["default".to_owned()]));
    assert_eq!(graph.of_kind("digitalocean_droplet_neighborhood").len(), 2);
}

#[test]
fn every_page_is_read_once() {
    let Some(cloud) = RestCloud::start("digitalocean", &["droplets=3"], &[]) else { return };
    let graph = collect(&cloud);
    assert_eq!(graph.of_kind("digitalocean_droplet").len(), 7);
    let calls = cloud.calls();
    assert_eq!(calls.iter().filter(|call| call.starts_with("GET /v2/droplets ")).count(), 4, "{calls:?}");
    let bad: Vec<_> =
        calls.iter().filter(|call| !call.starts_with("GET ") || !call.ends_with(" 200")).collect();
    assert!(bad.is_empty(), "{bad:?}");
    // Without keys nobody asks for Spaces.
    let Some(cloud) = RestCloud::start("digitalocean", &[], &[]) else { return };
    let ran = LEAD.collect(&cloud, &json!({"digitalocean": {"api_tokens": ["do-token"]}}));
    ran.expect_code(DONE);
    assert!(!cloud.calls().iter().any(|call| call.contains("/s3/")));
}

#[test]
fn troubles_are_told() {
    at_once(
        &[
            ("GET /v2/droplets=403", "access denied"),
            ("GET /v2/volumes=500", "the service had errors of its own"),
            ("GET /v2/volumes=endless", "the listing does not end"),
            ("GET /v2/volumes=repeated", "goes round in circles"),
            ("GET /v2/volumes=elsewhere", "another host"),
            ("GET /v2/databases=html", "which is not of the service"),
            ("GET /v2/vpcs=truncated", "vpcs"),
            ("GET /v2/firewalls=bare", "it has no list at `firewalls`"),
            ("GET /v2/reports/droplet_neighbors_ids=bare", "has no list at neighbor_ids"),
            ("GET /v2/droplets=mixed", "digitalocean_droplet"),
            ("GET /s3/fra1/=403", "Spaces"),
            ("GET /s3/fra1/=500", "ListBuckets"),
            ("GET /s3/nyc1/=bare", "ListBuckets"),
        ],
        |fault, words| {
            let Some(cloud) = RestCloud::start("digitalocean", &[], &[fault]) else { return };
            let ran = LEAD.collect(&cloud, &settings(&["do-token"]));
            ran.expect_code(FAULTS).expect_words(words);
        },
    );
    at_once(
        &[("GET /v2/regions=bare", "it has no list at `regions`"), ("GET /v2/regions=500", "regions")],
        |fault, words| {
            let Some(cloud) = RestCloud::start("digitalocean", &[], &[fault]) else { return };
            LEAD.collect(&cloud, &settings(&["do-token"])).expect_code(TRY_AGAIN).expect_words(words);
        },
    );
}

#[test]
fn what_passes_costs_nothing() {
    at_once(
        &[
            ("GET /v2/droplets=throttled:2", ""),
            ("GET /v2/droplets=503:1", ""),
            ("GET /s3/fra1/=reset:1", ""),
        ],
        |fault, _| {
            let Some(cloud) = RestCloud::start("digitalocean", &[], &[fault]) else { return };
            let graph = collect(&cloud);
            graph.node("digitalocean_droplet", "289110074");
            graph.node("digitalocean_space", "demo-space");
        },
    );
}

#[test]
fn a_dry_run_changes_nothing_and_a_real_one_keeps_the_order() {
    let Some(cloud) = RestCloud::start("digitalocean", &[], &[]) else { return };
    let graph = collect(&cloud);
    let chosen = [
        "289110074",
        "290075243",
        VOLUME,
        CLUSTER,
        "127.0.0.1",
        "demo-space",
        "do-plugin-test.fix",
        "300035871",
        "fix-do-plugin-test",
        "429199eb-e6c6-4ab3-bad6-f8f8c05d7f2d",
        "4edbbc3a-79a5-4950-b2d2-ae8f8f8e8e8c",
        "9625f517-75f0-4af8-a336-62374e68dc0d",
        "0d3176ad-41e0-4021-b831-0c5c45c60959",
        "101111514",
        "75088298-73bd-4c8f-ba4b-91fc220d0a01",
    ];
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
        let found = changes.iter().position(|made| made == call);
        found.unwrap_or_else(|| panic!("no {call} in {changes:#?}; {}", ran.errors))
    };
    let droplet = at("DELETE /v2/droplets/289110074 204");
    assert!(at(&format!("DELETE /v2/volumes/{VOLUME} 204")) > droplet);
    let certificate = at("DELETE /v2/certificates/429199eb-e6c6-4ab3-bad6-f8f8c05d7f2d 204");
    assert!(certificate > at("DELETE /v2/load_balancers/9625f517-75f0-4af8-a336-62374e68dc0d 204"));
    assert!(certificate > at("DELETE /v2/cdn/endpoints/4edbbc3a-79a5-4950-b2d2-ae8f8f8e8e8c 204"));
    at("DELETE /v2/registry 204");
    at("DELETE /v2/domains/do-plugin-test.fix 204");
    at("DELETE /v2/floating_ips/127.0.0.1 204");
    // A Space goes with all versions of its objects, and with what was never finished.
    let space = at("DELETE /s3/fra1/demo-space 204");
    assert!(changes[..space].iter().any(|call| call.starts_with("POST /s3/fra1/demo-space 200")));
    assert!(changes[..space].iter().any(|call| call == "DELETE /s3/fra1/demo-space/unfinished 204"));
    // Nodes go with their cluster, and the start of a zone with that.
    at(&format!("DELETE /v2/kubernetes/clusters/{CLUSTER} 204"));
    let never = ["droplets/290075243", "records/300035871", "vpcs/0d3176ad", "images/101111514", "projects/"];
    assert!(!changes.iter().any(|call| never.iter().any(|part| call.contains(part))), "{changes:#?}");
    for words in [
        "the default VPC of a region stays",
        "it is an image of DigitalOcean",
        "the default project of a team stays",
    ] {
        ran.expect_words(words);
    }
    assert_eq!(graph.of_kind("digitalocean_space").len(), 1);
}

#[test]
fn an_address_that_is_assigned_is_taken_away_first() {
    let Some(cloud) = RestCloud::start("digitalocean", &[], &[]) else { return };
    collect(&cloud);
    run(&cloud, &["clean", "--input", "graph.ndjson", "--id", "127.0.0.1", "--yes"]);
    let changes = cloud.changes();
    assert_eq!(changes.first().map(String::as_str), Some("DELETE /v2/floating_ips/127.0.0.1 422"));
    assert!(changes.contains(&"POST /v2/floating_ips/127.0.0.1/actions 201".to_owned()), "{changes:?}");
}

/// A node as a task of fixcore brings it.
fn task(cloud: &RestCloud, graph: &Export, kind: &str, id: &str) -> String {
    let mut node = graph.node(kind, id).clone();
    node["ancestors"] = json!({
        "cloud": {"reported": {"id": "digitalocean"}},
        "account": graph.node("digitalocean_team", "1000"),
        "region": graph.node("digitalocean_region", "fra1"),
    });
    cloud.file(&format!("{id}.json"), node.to_string()).display().to_string()
}

#[test]
fn tags_are_changed_and_the_others_stay() {
    let Some(cloud) = RestCloud::start("digitalocean", &[], &[]) else { return };
    let graph = collect(&cloud);
    for (kind, id) in [
        ("digitalocean_droplet", "289110074"),
        ("digitalocean_volume", VOLUME),
        ("digitalocean_database", "2848a998-e151-4d5a-9813-0904a44c2397"),
        // To tags an image.
        ("digitalocean_snapshot", "103198134"),
        ("digitalocean_snapshot", "6d9e4d4e-9fc1-11ec-9c6c-0a58ac14d1ee"),
        ("digitalocean_image", "101111700"),
    ] {
        let before = graph.node(kind, id)["reported"]["tags"].as_object().unwrap().clone();
        let file = task(&cloud, &graph, kind, id);
        run(&cloud, &["tag", "--node", &file, "--set", "env=new", "--set", "own="]).expect_code(DONE);
        let with: Value = collect(&cloud).node(kind, id)["reported"]["tags"].clone();
        let mut expected = before;
        expected.insert("env".to_owned(), json!("new"));
        expected.insert("own".to_owned(), json!(""));
        assert_eq!(with, Value::Object(expected.clone()), "{kind}");
        let file = task(&cloud, &collect(&cloud), kind, id);
        run(&cloud, &["tag", "--node", &file, "--remove", "env"]).expect_code(DONE);
        expected.shift_remove("env");
        assert_eq!(collect(&cloud).node(kind, id)["reported"]["tags"], Value::Object(expected), "{kind}");
    }
    let file = task(&cloud, &graph, "digitalocean_droplet", "289110074");
    run(&cloud, &["tag", "--node", &file, "--set", "a key=b"])
        .expect_words("letters, digits, colons, dashes");
    let file = task(&cloud, &graph, "digitalocean_vpc", "0d3176ad-41e0-4021-b831-0c5c45c60959");
    run(&cloud, &["tag", "--node", &file, "--set", "a=b"]).expect_words("have no tags that can be changed");
}

#[test]
fn a_change_never_reaches_another_team() {
    let Some(cloud) = RestCloud::start("digitalocean", &[], &[]) else { return };
    let graph = collect(&cloud);
    let file = task(&cloud, &graph, "digitalocean_droplet", "289110074");
    let tag = ["tag", "--node", &file, "--set", "a=b"];
    let clean = ["clean", "--input", "graph.ndjson", "--id", "289110074", "--yes"];
    for args in [&tag[..], &clean[..]] {
        LEAD.run(&cloud, &settings(&["other-token"]), args)
            .expect_words("none of the tokens in the section digitalocean is of the team 1000");
    }
    LEAD.run(&cloud, &settings(&["read-token"]), &tag).expect_words("give the token full access");
    let without = json!({"digitalocean": {"api_tokens": ["do-token"]}});
    let space = ["clean", "--input", "graph.ndjson", "--id", "demo-space", "--yes"];
    LEAD.run(&cloud, &without, &space).expect_words("the settings have no keys of Spaces for the team 1000");
    let made: Vec<String> = cloud.changes().into_iter().filter(|call| !call.ends_with(" 403")).collect();
    assert_eq!(made, Vec::<String>::new());
}
