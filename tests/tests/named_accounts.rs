//! Clouds whose accounts are names in the settings (Docker Hub, PostHog, Scarf): `fix-collector` alone and below the
//! supervisor against the fakes of `tests/clouds/rest`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::oneshot::Oneshot;
use fixworker_tests::rest::{Lead, RestCloud};
use serde_json::{Value, json};

const DONE: i32 = 0;
const TRY_AGAIN: i32 = 75;
const CREDENTIALS: i32 = 77;
const CONFIG: i32 = 78;
const FAULTS: i32 = 79;
/// Of the supervisor.
const SOME_FAILED: i32 = 3;

const DOCKERHUB: Lead = Lead {
    collector: "dockerhub",
    account: "demo",
    variables: &[("DOCKERHUB_API_URL", "/v2")],
    secrets: &[],
};
const POSTHOG: Lead = Lead {
    collector: "posthog",
    account: "017e4d1c-0000-0000-0000-000000000001",
    variables: &[],
    secrets: &["phx-demo"],
};
const SCARF: Lead = Lead {
    collector: "scarf",
    account: "demo-org",
    variables: &[("SCARF_API_URL", "/api/v1"), ("SCARF_INTERNAL_API_URL", "/internal")],
    secrets: &["scarf-secret", "token-1"],
};

fn namespaces(names: &[&str]) -> Value {
    json!({"dockerhub": {"namespaces": names}})
}

fn projects(url: &str, names: &[&str]) -> Value {
    json!({"posthog": {"api_key": "phx-demo", "url": url, "projects": names}})
}

fn organizations(names: &[&str]) -> Value {
    json!({"scarf": {"email": "me@demo.example.com", "password": "scarf-secret", "organizations": names}})
}

#[test]
fn what_the_python_worker_cannot_bear_costs_nothing() {
    let Some(cloud) = RestCloud::start("dockerhub", &["odd=1"], &[]) else { return };
    let (ran, graph) = DOCKERHUB.graph(&cloud, &namespaces(&["demo"]));
    ran.expect_code(DONE);
    assert_eq!(graph.ids("dockerhub_repository"), ["api", "bare", "base", "plain", "tool", "web"]);
    assert_eq!(graph.node("dockerhub_repository", "plain")["reported"]["mtime"], "2024-05-01T08:00:00Z");
    assert_eq!(graph.node("dockerhub_namespace", "demo")["reported"]["count"], 6);

    let Some(cloud) = RestCloud::start("posthog", &["odd=1"], &[]) else { return };
    let (ran, graph) = POSTHOG.graph(&cloud, &projects(&cloud.url, &["Demo"]));
    ran.expect_code(DONE);
    let count = |number: u32| {
        let id = format!("018e4d1c-0000-0000-0000-00000000000{number}");
        graph.node("posthog_event", &id)["reported"]["count"].clone()
    };
    assert_eq!((count(1), count(4), count(5)), (json!(41), json!(0), json!(5)));

    let Some(cloud) = RestCloud::start("scarf", &["odd=1"], &[]) else { return };
    let (ran, graph) = SCARF.graph(&cloud, &organizations(&["demo-org"]));
    ran.expect_code(DONE);
    let packages = graph.of_kind("scarf_package");
    let mut names: Vec<&str> =
        packages.iter().map(|node| node["reported"]["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["bare", "dated", "plain", "tool"]);
    // Those of others are not asked for.
    assert!(!cloud.calls().iter().any(|call| call.contains("/foreign/") || call.contains("/second-org/")));
    let logins = cloud.calls().iter().filter(|call| call.contains("/login")).count();
    assert_eq!(logins, 1, "{:?}", cloud.calls());
}

#[test]
fn a_name_that_nobody_knows_costs_itself() {
    let Some(cloud) = RestCloud::start("dockerhub", &[], &[]) else { return };
    let both = namespaces(&["no-such", "demo", " demo ", ""]);
    DOCKERHUB.collect(&cloud, &both).expect_code(DONE);
    let lost = Lead { account: "no-such", ..DOCKERHUB };
    lost.collect(&cloud, &both).expect_code(CONFIG).expect_words("dockerhub.namespaces");
    let finished = Oneshot::new("dockerhub")
        .set_all(&["dockerhub.namespaces=no-such,demo,empty"])
        .env("DOCKERHUB_API_URL", &format!("{}/v2", cloud.url))
        .run();
    finished.expect_code(SOME_FAILED).expect_said(&["no-such", "Docker Hub has no namespace no-such"]);
    assert_eq!(finished.account("demo")["state"], "done");
    assert_eq!(finished.account("empty")["state"], "done");
    assert_eq!(finished.graph().of_kind("dockerhub_repository").len(), 4);

    let Some(cloud) = RestCloud::start("posthog", &[], &[]) else { return };
    let both = projects(&cloud.url, &["No such", "Demo", "Bare"]);
    POSTHOG
        .run(&cloud, &both, &["accounts"])
        .expect_code(FAULTS)
        .expect_words("no project No such")
        .expect_words("017e4d1c-0000-0000-0000-000000000003");
    let bare = Lead { account: "017e4d1c-0000-0000-0000-000000000003", ..POSTHOG };
    let (_, graph) = bare.graph(&cloud, &both);
    assert!(graph.node("posthog_project", bare.account)["reported"].get("app_urls").is_none());

    let Some(cloud) = RestCloud::start("scarf", &[], &[]) else { return };
    let both = organizations(&["no-such", "demo-org", "second-org"]);
    SCARF.collect(&cloud, &both).expect_code(DONE);
    let lost = Lead { account: "no-such", ..SCARF };
    lost.collect(&cloud, &both).expect_code(CONFIG).expect_words("scarf.organizations");
    let (_, graph) = Lead { account: "second-org", ..SCARF }.graph(&cloud, &both);
    assert_eq!(graph.of_kind("scarf_package").len(), 1);
}

#[test]
fn a_list_that_cannot_be_read_is_not_empty() {
    let repositories = "GET /v2/repositories/demo";
    DOCKERHUB.each_fault(
        |_| namespaces(&["demo"]),
        TRY_AGAIN,
        &[
            (&format!("{repositories}=500"), "the service had errors of its own"),
            (&format!("{repositories}=bare::2"), "it has no list at `results`"),
            (&format!("{repositories}=html"), "which is not of the service"),
            (&format!("{repositories}=reset"), "look whether the worker reaches hub.docker.com"),
            (&format!("{repositories}=truncated::2"), "dockerhub"),
        ],
    );
    POSTHOG.each_fault(
        |url| projects(url, &["Demo"]),
        TRY_AGAIN,
        &[
            ("GET /api/projects=500", "the service had errors of its own"),
            ("GET /api/projects=reset", "look whether the worker reaches the address in posthog.url"),
            ("GET /api/projects/1/event_definitions=bare", "it has no list at `results`"),
            ("GET /api/projects/1/event_definitions=500", "the service had errors of its own"),
        ],
    );
    SCARF.each_fault(
        |_| organizations(&["demo-org"]),
        TRY_AGAIN,
        &[
            ("GET /api/v1/packages=500::1", "the service had errors of its own"),
            ("GET /api/v1/packages=bare::1", "it has no list at `.`"),
            ("POST /internal/login=503", "the service had errors of its own"),
            ("POST /internal/login=bare", "the answer has no token"),
            ("GET /api/v1/organizations/demo-org=empty", "has no name"),
        ],
    );
}

#[test]
fn troubles_of_pages_and_items_are_told() {
    DOCKERHUB.each_fault(
        |_| namespaces(&["demo"]),
        FAULTS,
        &[
            ("GET /v2/repositories/demo*=endless:50:2", "the listing does not end"),
            ("GET /v2/repositories/demo*=repeated:50:2", "goes round in circles"),
            ("GET /v2/repositories/demo*=elsewhere:50:2", "another host"),
            ("GET /v2/repositories/demo*=mixed:50:2", "dockerhub_repository"),
        ],
    );
    POSTHOG.each_fault(
        |url| projects(url, &["Demo"]),
        FAULTS,
        &[
            ("GET /api/projects/1/event_definitions=repeated", "goes round in circles"),
            ("GET /api/projects/1/event_definitions=403", "event_definition:read"),
            ("GET /api/projects/1/insights/*=403", "insight:read"),
            ("GET /api/projects/1/event_definitions=mixed", "posthog_event"),
        ],
    );
    SCARF.each_fault(
        |_| organizations(&["demo-org"]),
        FAULTS,
        &[("GET /internal/insights/*=403", "make the user a member of the organization")],
    );
}

#[test]
fn credentials_that_do_not_work_are_told_and_what_passes_costs_nothing() {
    let wrong = json!({"scarf": {"email": "me@demo.example.com", "password": "another", "organizations": ["demo-org"]}});
    let Some(cloud) = RestCloud::start("scarf", &[], &[]) else { return };
    SCARF.collect(&cloud, &wrong).expect_code(CREDENTIALS).expect_words("scarf.password");
    let half = json!({"scarf": {"email": "me@demo.example.com", "organizations": ["demo-org"]}});
    SCARF.collect(&cloud, &half).expect_code(CONFIG).expect_words("not scarf.password");
    POSTHOG.each_fault(
        |url| projects(url, &["Demo"]),
        CREDENTIALS,
        &[("GET /api/projects/1=401", "posthog.api_key"), ("GET /api/projects=401", "posthog.api_key")],
    );
    SCARF.each_fault(
        |_| organizations(&["demo-org"]),
        DONE,
        &[("GET /api/v1/packages=throttled:2", ""), ("GET /internal/insights/*=401:1", "")],
    );
    POSTHOG.each_fault(
        |url| projects(url, &["Demo"]),
        DONE,
        &[("GET /api/projects/1/insights/*=throttled:2", ""), ("GET /api/projects=503:1", "")],
    );
}
