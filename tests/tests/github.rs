//! GitHub: `fix-collector` alone and below the supervisor against the fake of `tests/clouds/rest`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::graph::Export;
use fixworker_tests::oneshot::Oneshot;
use fixworker_tests::rest::{Lead, RestCloud};
use serde_json::{Value, json};

const DONE: i32 = 0;
const TRY_AGAIN: i32 = 75;
const CREDENTIALS: i32 = 77;
const CONFIG: i32 = 78;
const FAULTS: i32 = 79;

const GITHUB: Lead = Lead {
    collector: "github",
    account: "GitHub",
    variables: &[("GITHUB_API_URL", "")],
    secrets: &["ghp_demo"],
};

/// These settings besides the token.
fn settings(more: &Value) -> Value {
    let mut section = json!({"access_token": "ghp_demo", "pull_request_state": "all"});
    section.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"github": section})
}

fn repositories(names: &[&str]) -> Value {
    settings(&json!({"repos": names}))
}

/// The ids of the nodes above a node.
fn above(graph: &Export, node: &Value) -> Vec<String> {
    let leads = graph.edges.iter().filter(|(_, to, kind)| *to == node["id"] && kind == "default");
    leads.map(|(from, ..)| graph.nodes[from]["reported"]["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn only_what_would_collide_has_another_node_id() {
    let Some(cloud) = RestCloud::start("github", &[], &[]) else { return };
    let alone = ["demo-org/demo-repo", "lone-user/lone-repo"];
    let (ran, graph) = GITHUB.graph(&cloud, &repositories(&alone));
    ran.expect_code(DONE);
    let both = ["demo-org/demo-repo", "lone-user/lone-repo", "other-org/demo-repo"];
    let (ran, with_both) = GITHUB.graph(&cloud, &repositories(&both));
    ran.expect_code(DONE);
    assert_eq!(with_both.ids("github_repo"), ["demo-repo", "demo-repo", "lone-repo"]);
    assert_eq!(with_both.ids("github_pull_request"), ["1", "12", "2", "2", "3", "4", "5", "7"]);
    for kind in ["github_repo", "github_pull_request"] {
        for node in graph.of_kind(kind) {
            let id = node["id"].as_str().unwrap();
            let collides = node["reported"]["name"] == "demo-repo" || node["reported"]["number"] == 2;
            assert_eq!(with_both.nodes.contains_key(id), !collides, "{node}");
        }
    }
    // Each hangs below its own, and nowhere else.
    for node in with_both.of_kind("github_repo") {
        let name = node["reported"]["full_name"].as_str().unwrap();
        assert_eq!(above(&with_both, node), [name.split_once('/').unwrap().0], "{node}");
    }
    for node in with_both.of_kind("github_pull_request") {
        let repository = with_both.edges.iter().find(|(_, to, _)| *to == node["id"]).unwrap();
        let link = with_both.nodes[&repository.0]["reported"]["url"].as_str().unwrap();
        assert!(node["reported"]["url"].as_str().unwrap().starts_with(&format!("{link}/pulls/")), "{node}");
    }
}

#[test]
fn names_are_the_same_in_any_case_of_letters_and_what_has_moved_is_found() {
    let Some(cloud) = RestCloud::start("github", &[], &[]) else { return };
    let wanted = json!({"organizations": ["Demo-Org"], "users": ["LONE-USER"], "repos": ["DEMO-ORG/Demo-Repo", "demo-org/demo-repo", "lone-user/lone-repo", "demo-org/old-name", "demo-org/new-name"]});
    let (ran, graph) = GITHUB.graph(&cloud, &settings(&wanted));
    ran.expect_code(DONE);
    assert_eq!(graph.ids("github_org"), ["demo-org"]);
    assert_eq!(graph.ids("github_user"), ["lone-user"]);
    assert_eq!(graph.ids("github_repo"), ["demo-repo", "lone-repo", "new-name"]);
    assert_eq!(above(&graph, graph.node("github_repo", "new-name")), ["demo-org"]);
    // Who may not push is not told about traffic, and that is no trouble.
    let lone = &graph.node("github_repo", "lone-repo")["reported"];
    assert_eq!((&lone["top_paths"], lone.get("clones_traffic")), (&json!([]), None));
}

#[test]
fn an_enterprise_server_has_its_address() {
    let Some(cloud) = RestCloud::start("github", &[], &[]) else { return };
    let enterprise = Lead { variables: &[("GITHUB_API_URL", "/api/v3/")], ..GITHUB };
    let (ran, graph) = enterprise.graph(&cloud, &repositories(&["demo-org/demo-repo"]));
    ran.expect_code(DONE);
    assert_eq!(graph.of_kind("github_pull_request").len(), 5);
    assert!(cloud.calls().iter().all(|call| call.contains(" /api/v3/")), "{:?}", cloud.calls());
    // Some of them are without limits, and know no address that tells them.
    let Some(cloud) = RestCloud::start("github", &[], &["GET /rate_limit=404"]) else { return };
    GITHUB.collect(&cloud, &repositories(&["demo-org/demo-repo"])).expect_code(DONE);
}

#[test]
fn as_many_pull_requests_as_the_settings_say() {
    let Some(cloud) = RestCloud::start("github", &[], &[]) else { return };
    let pulls = |more: Value| {
        let mut wanted = json!({"repos": ["demo-org/demo-repo"]});
        wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (ran, graph) = GITHUB.graph(&cloud, &settings(&wanted));
        ran.expect_code(DONE);
        graph.ids("github_pull_request")
    };
    assert_eq!(pulls(json!({"pull_request_state": "open"})), ["2", "3", "4", "5"]);
    assert_eq!(pulls(json!({"pull_request_state": "closed"})), ["1"]);
    assert_eq!(pulls(json!({"pull_request_limit": 3})), ["3", "4", "5"]);
    assert_eq!(pulls(json!({"pull_request_limit": 3, "pull_request_direction": "asc"})), ["1", "2", "3"]);
    assert_eq!(pulls(json!({"pull_request_limit": 0})), [""; 0]);
    assert_eq!(pulls(json!({"pull_request_age": "1h"})), [""; 0], "they are of 2024");
    // What is not wanted is not asked for one by one.
    let before = cloud.calls().len();
    pulls(json!({"pull_request_age": "1h"}));
    assert!(!cloud.calls()[before..].iter().any(|call| call.contains("/pulls/")), "{:?}", cloud.calls());
}

#[test]
fn a_name_that_nobody_knows_costs_itself() {
    let Some(cloud) = RestCloud::start("github", &[], &[]) else { return };
    let wanted = json!({
        "organizations": ["no-such-org", "demo-org"], "users": ["no-such-user", "demo-user"],
        "repos": ["demo-org/no-such", "nobody/nothing", "no-name", "demo-org/demo-repo"],
    });
    let (ran, graph) = GITHUB.graph(&cloud, &settings(&wanted));
    ran.expect_code(FAULTS);
    for words in [
        "no organization no-such-org",
        "github.organizations",
        "no user no-such-user",
        "no repository demo-org/no-such",
        "no repository nobody/nothing",
        "no user nobody",
        "github.users or github.repos",
        "no-name, which is no name of a repository",
    ] {
        ran.expect_words(words);
    }
    assert_eq!(graph.ids("github_org"), ["demo-org"]);
    assert_eq!(graph.ids("github_user"), ["demo-user"]);
    assert_eq!(graph.ids("github_repo"), ["demo-repo"]);
}

#[test]
fn wrong_settings_are_told() {
    let Some(cloud) = RestCloud::start("github", &[], &[]) else { return };
    for (wrong, words) in [
        (json!({"pull_request_state": "ajar"}), "must be one of open, closed, all"),
        (json!({"pull_request_age": "old"}), "github.pull_request_age is no duration"),
    ] {
        GITHUB.run(&cloud, &settings(&wrong), &["accounts"]).expect_code(CONFIG).expect_words(words);
    }
    let none = GITHUB.run(&cloud, &json!({"github": {"organizations": ["demo-org"]}}), &["accounts"]);
    none.expect_code(DONE);
    assert!(!none.output.contains("GitHub"), "without a token there is no account: {}", none.output);
    assert_eq!(cloud.calls(), [""; 0]);
}

#[test]
fn an_allowance_that_is_used_up_ends_it_and_tells_until_when() {
    // It ends between names, among pull requests, and before anything.
    for limit in ["limit=0", "limit=1", "limit=7"] {
        let Some(cloud) = RestCloud::start("github", &[limit], &[]) else { return };
        let ran = GITHUB.collect(&cloud, &repositories(&["demo-org/demo-repo", "lone-user/lone-repo"]));
        ran.expect_code(TRY_AGAIN).expect_words("no more calls are allowed until 20");
        assert!(!cloud.folder().join("graph.ndjson").exists(), "{limit}: the rest looks as if it were gone");
        let refused = cloud.calls().iter().filter(|call| call.ends_with(" 403")).count();
        assert!(
            (1..=4).contains(&refused),
            "{limit}: what is under way, and nothing more: {:?}",
            cloud.calls()
        );
    }
}

#[test]
fn what_passes_costs_nothing() {
    let wanted = |_: &str| repositories(&["demo-org/demo-repo", "lone-user/lone-repo"]);
    GITHUB.each_fault(
        wanted,
        DONE,
        &[
            ("GET /repos/*=throttled:3", ""),
            ("GET /orgs/*=503:1", ""),
            ("GET /repos/demo-org/demo-repo/pulls=reset:1", ""),
        ],
    );
    let Some(cloud) = RestCloud::start("github", &["secondary=2"], &[]) else { return };
    GITHUB.collect(&cloud, &wanted("")).expect_code(DONE);
}

#[test]
fn troubles_are_told() {
    let one = |_: &str| repositories(&["demo-org/demo-repo"]);
    let pulls = "GET /repos/demo-org/demo-repo/pulls";
    GITHUB.each_fault(
        one,
        FAULTS,
        &[
            (&format!("{pulls}=endless:50:1"), "the listing does not end"),
            (&format!("{pulls}=repeated:50:1"), "goes round in circles"),
            (&format!("{pulls}=elsewhere:50:1"), "another host"),
            (&format!("{pulls}=mixed"), "github_pull_request"),
            (&format!("{pulls}=500"), "the service had errors of its own"),
            (&format!("{pulls}=bare"), "an answer has no list of them"),
            (&format!("{pulls}=403"), "Contents, Pull requests and Metadata"),
            (&format!("{pulls}/3=truncated"), "github"),
            ("GET /repos/demo-org/demo-repo=bare", "has no full_name"),
            ("GET /repos/demo-org/demo-repo=403", "for repository demo-org/demo-repo"),
            ("GET /repos/demo-org/demo-repo=401", "github.access_token"),
            ("GET /orgs/demo-org=bare", "github_org"),
            ("GET /orgs/demo-org=451", "for organization demo-org"),
        ],
    );
    GITHUB.each_fault(
        one,
        TRY_AGAIN,
        &[
            ("GET /*=500", "the service had errors of its own"),
            ("GET /*=html", "which is not of the service"),
            ("GET /*=reset", "what GITHUB_API_URL names"),
            ("GET /rate_limit=503", "the service had errors of its own"),
        ],
    );
    GITHUB.each_fault(one, CREDENTIALS, &[("GET /*=401", "github.access_token")]);
}

#[test]
fn it_is_collected_below_the_supervisor() {
    let Some(cloud) = RestCloud::start("github", &[], &[]) else { return };
    let finished = Oneshot::new("github")
        .set_all(&[
            "github.access_token=ghp_demo",
            "github.organizations=demo-org",
            "github.repos=demo-org/demo-repo,lone-user/lone-repo",
        ])
        .env("GITHUB_API_URL", &cloud.url)
        .run();
    finished.expect_code(0);
    assert_eq!(finished.account("GitHub")["state"], "done");
    assert_eq!(finished.graph().of_kind("github_pull_request").len(), 5);
}
