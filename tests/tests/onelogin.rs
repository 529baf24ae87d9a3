//! OneLogin: `fix-collector` alone and below the supervisor against the fake of `tests/clouds/rest`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::graph::Export;
use fixworker_tests::oneshot::Oneshot;
use fixworker_tests::rest::{Ran, RestCloud, at_once};
use serde_json::{Value, json};

const DONE: i32 = 0;
const TRY_AGAIN: i32 = 75;
const CREDENTIALS: i32 = 77;
const CONFIG: i32 = 78;
const FAULTS: i32 = 79;

const SECRET: &str = "ol-secret";
const USERS: &str = "GET /api/2/users ";
const TOKENS: &str = "POST /auth/oauth2/v2/token ";

fn settings(id: &str, secret: &str) -> Value {
    json!({"onelogin": {"client_id": id, "client_secret": secret}})
}

fn run(cloud: &RestCloud, settings: &Value, args: &[&str]) -> Ran {
    let args: Vec<&str> =
        args[..1].iter().copied().chain(["-c", "onelogin"]).chain(args[1..].iter().copied()).collect();
    let ran = cloud.run(settings, &[("ONELOGIN_API_URL", &cloud.url)], &args);
    for secret in [SECRET, "token-1"] {
        assert!(!ran.errors.contains(secret) && !ran.output.contains(secret), "a secret is shown");
    }
    ran
}

const COLLECT: [&str; 5] = ["collect", "--account", "ol-client", "-o", "graph.ndjson"];

fn collect(cloud: &RestCloud) -> Ran {
    run(cloud, &settings("ol-client", SECRET), &COLLECT)
}

#[track_caller]
fn user<'g>(graph: &'g Export, id: &str) -> &'g Value {
    let users = graph.of_kind("onelogin_user");
    users.into_iter().find(|node| node["reported"]["id"] == id).unwrap_or_else(|| panic!("no user {id}"))
}

fn count(cloud: &RestCloud, call: &str) -> usize {
    cloud.calls().iter().filter(|made| made.starts_with(call)).count()
}

#[test]
fn all_pages_are_read_with_one_token() {
    let Some(cloud) = RestCloud::start("onelogin", &["odd=1"], &[]) else { return };
    collect(&cloud).expect_code(DONE);
    let graph = cloud.graph("graph.ndjson");
    assert_eq!(graph.of_kind("onelogin_user").len(), 5);
    // The Python worker loses a user whose manager is a number, as the API tells it.
    assert_eq!(user(&graph, "3")["reported"]["manager_user_id"], "1");
    assert_eq!(user(&graph, "2")["reported"]["role_ids"], json!([]));
    assert_eq!(count(&cloud, TOKENS), 1, "{:?}", cloud.calls());
}

#[test]
fn a_token_that_ends_is_renewed() {
    // The first one ends while the pages are read; the service says so before we expect it.
    let Some(cloud) = RestCloud::start("onelogin", &[], &["GET /api/2/users=401:1:2"]) else { return };
    collect(&cloud).expect_code(DONE);
    assert_eq!(cloud.graph("graph.ndjson").of_kind("onelogin_user").len(), 5);
    assert_eq!(count(&cloud, TOKENS), 2, "{:?}", cloud.calls());
}

#[test]
fn users_that_cannot_be_read_are_not_gone() {
    at_once(
        &[
            ("GET /api/2/users=500::1", "the service had errors of its own"),
            ("GET /api/2/users=bare::1", "it has no list at `.`"),
            ("GET /api/2/users=empty::1", "it has no list at `.`"),
            ("GET /api/2/users=html::1", "which is not of the service"),
            ("POST /auth/*=500", "the service had errors of its own"),
            ("POST /auth/*=bare", "the answer has no token"),
            ("POST /auth/*=reset", "look whether the worker reaches the API of onelogin.region"),
        ],
        |fault, words| {
            let Some(cloud) = RestCloud::start("onelogin", &[], &[fault]) else { return };
            collect(&cloud).expect_code(TRY_AGAIN).expect_words(words);
            assert!(
                !cloud.folder().join("graph.ndjson").exists(),
                "{fault}: a graph without what was not read"
            );
        },
    );
}

#[test]
fn troubles_of_pages_and_users_are_told() {
    for (fault, words) in [
        ("GET /api/2/users=endless", "the listing does not end"),
        ("GET /api/2/users=repeated", "goes round in circles"),
        ("GET /api/2/users=mixed", "onelogin_user"),
        ("GET /api/2/users=403::1", "give the API client the scope \"Read users\""),
    ] {
        let Some(cloud) = RestCloud::start("onelogin", &[], &[fault]) else { return };
        collect(&cloud).expect_code(FAULTS).expect_words(words);
    }
}

#[test]
fn credentials_that_do_not_work_are_told() {
    let Some(cloud) = RestCloud::start("onelogin", &[], &[]) else { return };
    let ran = run(&cloud, &settings("ol-client", "another"), &COLLECT);
    ran.expect_code(CREDENTIALS)
        .expect_words("Authentication Failure")
        .expect_words("onelogin.client_secret")
        .expect_words("ol-client");
    assert_eq!(count(&cloud, USERS), 0, "{:?}", cloud.calls());
    // A token that is not accepted although it is new: no endless renewal.
    let Some(cloud) = RestCloud::start("onelogin", &[], &["GET /api/2/users=401"]) else { return };
    collect(&cloud).expect_code(CREDENTIALS);
    assert!(count(&cloud, TOKENS) <= 3, "{:?}", cloud.calls());
}

#[test]
fn settings_that_make_no_sense_are_told() {
    let Some(cloud) = RestCloud::start("onelogin", &[], &[]) else { return };
    run(&cloud, &json!({"onelogin": {}}), &["accounts"]).expect_code(DONE);
    run(&cloud, &json!({"onelogin": {"client_id": "ol-client"}}), &["accounts"])
        .expect_code(CONFIG)
        .expect_words("onelogin.client_id is set, but not onelogin.client_secret");
    let elsewhere = json!({"onelogin": {"region": "evil.example/", "client_id": "a", "client_secret": "b"}});
    run(&cloud, &elsewhere, &["accounts"]).expect_code(CONFIG).expect_words("which is no region");
    // Accounts of other API clients are not collected with this one.
    run(&cloud, &settings("another", SECRET), &COLLECT).expect_words("there is no account ol-client");
    assert_eq!(cloud.calls(), Vec::<String>::new());
}

#[test]
fn what_passes_costs_nothing() {
    for fault in ["GET /api/2/users=throttled:2", "POST /auth/*=503:1", "GET /api/2/users=bare:1"] {
        let Some(cloud) = RestCloud::start("onelogin", &[], &[fault]) else { return };
        collect(&cloud).expect_code(DONE);
        assert_eq!(cloud.graph("graph.ndjson").of_kind("onelogin_user").len(), 5);
    }
}

#[test]
fn the_supervisor_gets_the_same_graph() {
    let Some(cloud) = RestCloud::start("onelogin", &[], &[]) else { return };
    collect(&cloud).expect_code(DONE);
    let finished = Oneshot::new("onelogin")
        .set_all(&["onelogin.client_id=ol-client", &format!("onelogin.client_secret={SECRET}")])
        .env("ONELOGIN_API_URL", &cloud.url)
        .run();
    finished.expect_code(DONE);
    assert_eq!(finished.graph().steady(), cloud.graph("graph.ndjson").steady());
    assert_eq!(finished.account("ol-client")["state"], "done");
}
