//! Slack: `fix-collector` alone and below the supervisor against the fake of `tests/clouds/rest`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::graph::Export;
use fixworker_tests::oneshot::Oneshot;
use fixworker_tests::rest::{Ran, RestCloud, at_once};
use serde_json::{Value, json};

const DONE: i32 = 0;
const TRY_AGAIN: i32 = 75;
const CREDENTIALS: i32 = 77;
const FAULTS: i32 = 79;
/// Of the supervisor: nothing was collected.
const NOTHING: i32 = 4;

const TOKEN: &str = "xoxb-demo";

fn settings(token: &str) -> Value {
    json!({"slack": {"bot_token": token}})
}

fn run(cloud: &RestCloud, settings: &Value, args: &[&str]) -> Ran {
    let endpoint = format!("{}/api", cloud.url);
    let args: Vec<&str> =
        args[..1].iter().copied().chain(["-c", "slack"]).chain(args[1..].iter().copied()).collect();
    let ran = cloud.run(settings, &[("SLACK_API_URL", &endpoint)], &args);
    assert!(!ran.errors.contains(TOKEN) && !ran.output.contains(TOKEN), "the token is shown");
    ran
}

const COLLECT: [&str; 5] = ["collect", "--account", "T1", "-o", "graph.ndjson"];

fn collect(cloud: &RestCloud) -> (Ran, Export) {
    let ran = run(cloud, &settings(TOKEN), &COLLECT);
    let graph = cloud.graph("graph.ndjson");
    (ran, graph)
}

#[track_caller]
fn node<'g>(graph: &'g Export, kind: &str, id: &str) -> &'g Value {
    let is = |node: &&Value| node["reported"]["kind"] == kind && node["reported"]["id"] == id;
    graph.nodes.values().find(is).unwrap_or_else(|| panic!("no {kind} {id}"))
}

/// The ids of the nodes of a kind to which edges lead.
fn below(graph: &Export, from: &Value, kind: &str) -> Vec<String> {
    let ends = graph.edges.iter().filter(|(start, ..)| *start == from["id"]).map(|(_, end, _)| end);
    let ends = ends.filter_map(|end| graph.nodes.values().find(|node| node["id"] == **end));
    let ends = ends.filter(|node| node["reported"]["kind"] == kind);
    let mut ids: Vec<String> = ends.map(|node| node["reported"]["id"].as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn the_team_is_that_of_the_token() {
    let Some(cloud) = RestCloud::start("slack", &[], &[]) else { return };
    let accounts = run(&cloud, &settings(TOKEN), &["accounts"]);
    accounts.expect_code(DONE);
    assert!(accounts.output.contains("T1") && accounts.output.contains("Demo"), "{}", accounts.output);
    run(&cloud, &json!({"slack": {}}), &["accounts"]).expect_code(DONE);
    run(&cloud, &settings("xoxb-other"), &COLLECT).expect_words("there is no account T1");
}

#[test]
fn nothing_of_another_team_gets_into_the_graph() {
    let Some(cloud) = RestCloud::start("slack", &["moves=1"], &[]) else { return };
    let ran = run(&cloud, &settings(TOKEN), &COLLECT);
    ran.expect_words("T2").expect_words("put the bot token of the team into slack.bot_token");
    assert!(!cloud.folder().join("graph.ndjson").exists());
    assert!(!cloud.calls().iter().any(|call| call.contains("list")), "{:?}", cloud.calls());
}

#[test]
fn every_list_is_read_to_its_end() {
    let Some(cloud) = RestCloud::start("slack", &["page_size=1", "odd=1"], &[]) else { return };
    let (ran, graph) = collect(&cloud);
    // All that is told is of what is odd.
    ran.expect_code(FAULTS).expect_words("tz_offset of slack_user");
    for id in ["U1", "U2", "U3", "U4", "U5", "U6", "U7"] {
        node(&graph, "slack_user", id);
    }
    assert_eq!(graph.of_kind("slack_user").len(), 7, "one that was listed twice is one");
    // Members come in two pages; the one of another team is not here.
    let general = node(&graph, "slack_conversation", "C1");
    assert_eq!(below(&graph, general, "slack_user"), ["U1", "U2", "U3", "U4", "U5"]);
    let secret = node(&graph, "slack_conversation", "C2");
    assert_eq!(secret["reported"]["topic"], "");
    assert_eq!(secret["reported"]["previous_names"], json!([]));
    assert_eq!(node(&graph, "slack_user", "U7")["reported"]["is_bot"], false);
    assert_eq!(below(&graph, node(&graph, "slack_usergroup", "S1"), "slack_user"), Vec::<String>::new());
    let calls = cloud.calls();
    let of =
        |method: &str| calls.iter().filter(|call| call.starts_with(&format!("GET /api/{method} "))).count();
    assert_eq!((of("users.list"), of("conversations.list"), of("usergroups.list")), (8, 3, 1), "{calls:?}");
    assert_eq!(of("conversations.members"), 4, "{calls:?}");
}

#[test]
fn archived_channels_are_a_setting() {
    let Some(cloud) = RestCloud::start("slack", &[], &[]) else { return };
    let wanted = json!({"slack": {"bot_token": TOKEN, "include_archived": true, "do_not_verify_ssl": true}});
    run(&cloud, &wanted, &COLLECT).expect_code(DONE);
    node(&cloud.graph("graph.ndjson"), "slack_conversation", "C3");
    run(&cloud, &wanted, &["accounts"]).expect_words("certificates are always verified");
    collect(&cloud).0.expect_code(DONE);
    assert_eq!(cloud.graph("graph.ndjson").of_kind("slack_conversation").len(), 3);
}

#[test]
fn a_list_that_cannot_be_read_is_not_empty() {
    at_once(
        &[
            ("GET /api/users.list=500", "the service had errors of its own"),
            ("GET /api/users.list=empty", "neither that the call was good nor what was wrong"),
            ("GET /api/users.list=bare", "neither that the call was good nor what was wrong"),
            ("GET /api/users.list=truncated", "users.list"),
            ("GET /api/conversations.list=html", "which is not of the service"),
            ("GET /api/usergroups.list=reset", "could not be reached"),
            ("GET /api/team.info=reset", "look whether the worker reaches slack.com"),
        ],
        |fault, words| {
            let Some(cloud) = RestCloud::start("slack", &[], &[fault]) else { return };
            let ran = run(&cloud, &settings(TOKEN), &COLLECT);
            ran.expect_code(TRY_AGAIN).expect_words(words);
            assert!(
                !cloud.folder().join("graph.ndjson").exists(),
                "{fault}: a graph without what was not read"
            );
        },
    );
}

#[test]
fn troubles_of_one_list_are_told() {
    for (fault, words) in [
        ("GET /api/usergroups.list=403", "some:scope"),
        ("GET /api/usergroups.list=403", "usergroups:read"),
        ("GET /api/conversations.members=400", "invalid_arguments"),
        ("GET /api/users.list=endless", "the listing does not end"),
        ("GET /api/users.list=repeated", "goes round in circles"),
        ("GET /api/users.list=mixed", "slack_user"),
    ] {
        let Some(cloud) = RestCloud::start("slack", &[], &[fault]) else { return };
        let (ran, graph) = collect(&cloud);
        ran.expect_code(FAULTS).expect_words(words);
        node(&graph, "slack_user", "U1");
        node(&graph, "slack_conversation", "C1");
    }
}

#[test]
fn credentials_that_do_not_work_are_told() {
    for fault in ["GET /api/team.info=401", "GET /api/users.list=401", "GET /api/conversations.list=401::1"] {
        let Some(cloud) = RestCloud::start("slack", &[], &[fault, "GET /api/auth.test=401::1"]) else {
            return;
        };
        let ran = run(&cloud, &settings(TOKEN), &COLLECT);
        ran.expect_code(CREDENTIALS).expect_words("invalid_auth").expect_words("slack.bot_token");
    }
}

#[test]
fn what_passes_costs_nothing() {
    for fault in
        ["GET /api/users.list=throttled:2", "GET /api/users.list=503:1", "GET /api/users.list=bare:1"]
    {
        let Some(cloud) = RestCloud::start("slack", &[], &[fault]) else { return };
        let (ran, graph) = collect(&cloud);
        ran.expect_code(DONE);
        assert_eq!(graph.of_kind("slack_user").len(), 5);
    }
}

#[test]
fn a_team_is_collected_at_the_pace_that_is_allowed() {
    let Some(cloud) = RestCloud::start("slack", &["page_size=100", "channels=30", "rate=8"], &[]) else {
        return;
    };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(DONE);
    assert_eq!(graph.of_kind("slack_conversation").len(), 33);
    assert_eq!(below(&graph, node(&graph, "slack_conversation", "C39"), "slack_user"), ["U1", "U2"]);
    assert!(cloud.calls().iter().any(|call| call.ends_with(" 429")), "it was never asked to slow down");
}

#[test]
fn the_supervisor_gets_the_same_graph_and_keeps_the_old_one_in_trouble() {
    let Some(cloud) = RestCloud::start("slack", &[], &[]) else { return };
    let (_, alone) = collect(&cloud);
    let endpoint = format!("{}/api", cloud.url);
    let finished =
        Oneshot::new("slack").set(&format!("slack.bot_token={TOKEN}")).env("SLACK_API_URL", &endpoint).run();
    finished.expect_code(DONE);
    assert_eq!(finished.graph().steady(), alone.steady());
    assert_eq!(finished.account("T1")["state"], "done");
    let finished = Oneshot::new("slack")
        .set(&format!("slack.bot_token={TOKEN}"))
        .env("SLACK_API_URL", "http://127.0.0.1:9/api")
        .run();
    finished.expect_code(NOTHING);
    assert!(!finished.has_graph(), "nothing replaces what fixcore has");
}
