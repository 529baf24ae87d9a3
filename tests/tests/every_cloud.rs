//! What holds for every cloud that `fix-collector` collects, against its fake. A new cloud gets a line in [`clouds`]; without
//! one a test fails.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fixworker_tests::aws::{MockCloud, REGIONS, SECRET};
use fixworker_tests::azure::{HOSTS, SUBSCRIPTION, application};
use fixworker_tests::binaries;
use fixworker_tests::core::{Fixcore, free_port};
use fixworker_tests::gcp::GcpCloud;
use fixworker_tests::graph::Export;
use fixworker_tests::process::Invocation;
use fixworker_tests::recording::{Recording, lines};
use fixworker_tests::rest::RestCloud;
use fixworker_tests::scratch::Scratch;
use fixworker_tests::worker::{Worker, WorkerOptions};
use serde_json::{Value, json};

const DONE: i32 = 0;
const TRY_AGAIN: i32 = 75;
const CREDENTIALS: i32 = 77;
const FAULTS: i32 = 79;

/// They need no cloud.
const OF_NO_CLOUD: [&str; 3] = ["example", "random", "file"];

/// What leads into a cloud, and what must not be seen of it.
struct Case {
    collector: &'static str,
    /// The account that is collected.
    account: &'static str,
    /// The config document for a fake at this address, with a secret that is good or one that is not. Files are in this folder.
    settings: fn(url: &str, folder: &Path, secret: &str) -> Value,
    /// Empty: nobody logs in.
    secret: &'static str,
    /// The variables for a fake at this address.
    variables: fn(url: &str, secret: &str) -> Vec<(&'static str, String)>,
    /// Files that the settings name, for a fake at this address.
    files: fn(url: &str, secret: &str) -> Vec<(&'static str, String)>,
    fake: Fake,
    /// How errors name the cloud, and the account where it is known before the cloud is asked.
    named: &'static [&'static str],
    /// How the cloud says that a secret is not good.
    refused: &'static str,
}

const NOT_VALID: &str = "credentials are not valid";

/// What most clouds have in common.
const USUAL: Case = Case {
    collector: "",
    account: "demo",
    settings: |_, _, _| Value::Null,
    secret: "",
    variables: |_, _| Vec::new(),
    files: |_, _| Vec::new(),
    fake: Fake::Rest,
    named: &[],
    refused: NOT_VALID,
};

enum Fake {
    /// A module of `tests/clouds/rest`.
    Rest,
    /// A cloud of `tests/clouds/cloud.py`.
    Program,
    Aws,
    Gcp,
}

/// Its credentials are a file.
fn google_cloud() -> Case {
    Case {
        collector: "gcp",
        account: "demo-project",
        settings: |_, folder, _| json!({"gcp": {"service_account": [folder.join("user.json").display().to_string()], "project": ["demo-project"], "collect": ["gcp_instance", "gcp_disk", "gcp_network", "gcp_bucket"]}}),
        secret: "1//s3cret",
        variables: |url, _| GcpCloud::variables_of(url).to_vec(),
        files: |url, secret| vec![("user.json", GcpCloud::person(url, secret).to_string())],
        fake: Fake::Gcp,
        named: &["oauth2"],
        // Whoever has taken a token back, or mistyped it, is told the same.
        refused: "the credentials have expired",
    }
}

fn azure() -> Case {
    Case {
        collector: "azure",
        account: SUBSCRIPTION,
        settings: |_, _, secret| json!({"azure": {"accounts": {"default": application(secret)}, "collect": ["azure_compute_*"]}}),
        secret: "s3cret",
        variables: |url, _| HOSTS.map(|(name, host)| (name, format!("{url}/_host/{host}"))).to_vec(),
        fake: Fake::Program,
        named: &["azure"],
        ..USUAL
    }
}

/// Its fake is of its own.
fn amazon_web_services() -> Case {
    Case {
        collector: "aws",
        account: "100000000001",
        settings: |_, _, _| json!({"aws": {"region": [REGIONS[0]], "collect": ["aws_kms_key", "aws_ec2_volume"], "collect_usage_metrics": false}}),
        secret: SECRET,
        variables: |url, secret| {
            vec![
                ("AWS_ENDPOINT_URL", url.to_owned()),
                ("AWS_ACCESS_KEY_ID", MockCloud::key_of("100000000001")),
                ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
                ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ]
        },
        fake: Fake::Aws,
        named: &["sts"],
        ..USUAL
    }
}

fn clouds() -> Vec<Case> {
    vec![
        amazon_web_services(),
        google_cloud(),
        azure(),
        Case {
            collector: "digitalocean",
            account: "1000",
            settings: |_, _, secret| json!({"digitalocean": {"api_tokens": [secret], "spaces_access_keys": ["access:s3-secret"]}}),
            secret: "do-token",
            variables: |url, _| {
                vec![
                    ("DIGITALOCEAN_API_URL", url.to_owned()),
                    ("SPACES_ENDPOINT_URL", format!("{url}/s3/{{{{.Region}}}}")),
                ]
            },
            named: &["digitalocean"],
            ..USUAL
        },
        Case {
            collector: "dockerhub",
            settings: |_, _, _| json!({"dockerhub": {"namespaces": ["demo"]}}),
            variables: |url, _| vec![("DOCKERHUB_API_URL", format!("{url}/v2"))],
            named: &["dockerhub", "demo"],
            ..USUAL
        },
        Case {
            collector: "github",
            account: "GitHub",
            settings: |_, _, secret| json!({"github": {"access_token": secret, "organizations": ["demo-org"], "repos": ["lone-user/lone-repo"]}}),
            secret: "ghp_demo",
            variables: |url, _| vec![("GITHUB_API_URL", url.to_owned())],
            named: &["github"],
            ..USUAL
        },
        Case {
            collector: "hetzner",
            account: "demo-project",
            settings: |_, _, secret| json!({"hetzner": {"hcloud_project_names": ["demo-project"], "hcloud_tokens": [secret]}}),
            secret: "hcloud-token",
            variables: |url, _| vec![("HCLOUD_ENDPOINT", format!("{url}/v1"))],
            named: &["hcloud", "demo-project"],
            ..USUAL
        },
        Case {
            collector: "k8s",
            settings: |url, _, secret| json!({"k8s": {"cluster": ["demo"], "apiserver": [url], "token": [secret]}}),
            secret: "k8s-token",
            named: &["k8s", "demo"],
            ..USUAL
        },
        Case {
            collector: "onelogin",
            account: "ol-client",
            settings: |_, _, secret| json!({"onelogin": {"client_id": "ol-client", "client_secret": secret}}),
            secret: "ol-secret",
            variables: |url, _| vec![("ONELOGIN_API_URL", url.to_owned())],
            named: &["onelogin", "ol-client"],
            ..USUAL
        },
        Case {
            collector: "posthog",
            account: "017e4d1c-0000-0000-0000-000000000001",
            settings: |url, _, secret| json!({"posthog": {"api_key": secret, "url": url, "projects": ["Demo"]}}),
            secret: "phx-demo",
            named: &["posthog"],
            ..USUAL
        },
        Case {
            collector: "scarf",
            account: "demo-org",
            settings: |_, _, secret| json!({"scarf": {"email": "me@demo.example.com", "password": secret, "organizations": ["demo-org"]}}),
            secret: "scarf-secret",
            variables: |url, _| {
                vec![
                    ("SCARF_API_URL", format!("{url}/api/v1")),
                    ("SCARF_INTERNAL_API_URL", format!("{url}/internal")),
                ]
            },
            named: &["scarf", "demo-org"],
            ..USUAL
        },
        Case {
            collector: "slack",
            account: "T1",
            settings: |_, _, secret| json!({"slack": {"bot_token": secret}}),
            secret: "xoxb-demo",
            variables: |url, _| vec![("SLACK_API_URL", format!("{url}/api"))],
            named: &["slack"],
            ..USUAL
        },
    ]
}

/// A fake that runs, or a place where none does.
enum Running {
    Rest(RestCloud),
    Aws(MockCloud),
    Gcp(GcpCloud),
    Nobody(String),
}

impl Running {
    fn url(&self) -> &str {
        match self {
            Self::Rest(cloud) => &cloud.url,
            Self::Aws(cloud) => cloud.url(),
            Self::Gcp(cloud) => &cloud.fake.url,
            Self::Nobody(url) => url,
        }
    }

    fn nobody() -> Self {
        Self::Nobody(format!("http://127.0.0.1:{}", free_port()))
    }
}

/// How a run ended.
struct Ran {
    code: i32,
    output: String,
    errors: String,
    scratch: Scratch,
}

impl Ran {
    fn file(&self) -> PathBuf {
        self.scratch.path().join("graph.ndjson")
    }

    /// Everything that anybody may read afterwards.
    fn all(&self) -> String {
        let graph = std::fs::read_to_string(self.file()).unwrap_or_default();
        [self.output.as_str(), &self.errors, &graph].join("\n")
    }
}

impl Case {
    /// The fake; `None` if the test is to be skipped. What a secret that is not good means, the fake of AWS is told by
    /// `wrong`: it does not look at signatures.
    fn start(&self, wrong: bool) -> Option<Running> {
        match self.fake {
            Fake::Program => RestCloud::program("tests/clouds/cloud.py", [self.collector]).map(Running::Rest),
            Fake::Rest => RestCloud::start(self.collector, &[], &[]).map(Running::Rest),
            Fake::Gcp => GcpCloud::start(&[]).map(Running::Gcp),
            Fake::Aws => {
                let faults: &[&str] = if wrong { &["*.*=SignatureDoesNotMatch"] } else { &[] };
                MockCloud::shapes(faults).map(Running::Aws)
            }
        }
    }

    fn run(&self, cloud: &Running, secret: &str, args: &[&str]) -> Ran {
        let scratch = Scratch::new();
        self.write_files(&scratch, cloud, secret);
        let settings = (self.settings)(cloud.url(), scratch.path(), secret);
        let config = scratch.file("config.json", settings.to_string());
        let (command, args) = args.split_at(1);
        let mut invocation = Invocation::new(binaries::fix_collector()).args(command);
        invocation = invocation.args(["--collector", self.collector]).arg("--config").arg(config).args(args);
        invocation = invocation.env("HOME", scratch.dir("home")).in_directory(scratch.path());
        for (name, value) in (self.variables)(cloud.url(), secret) {
            invocation = invocation.env(name, value);
        }
        let mut process = invocation.start("fix-collector", scratch.path());
        let code = process.exit_code();
        Ran { code, output: process.output(), errors: process.errors(), scratch }
    }

    fn write_files(&self, scratch: &Scratch, cloud: &Running, secret: &str) {
        for (name, text) in (self.files)(cloud.url(), secret) {
            scratch.file(name, text);
        }
    }

    fn collect(&self, cloud: &Running, secret: &str) -> Ran {
        self.run(cloud, secret, &["collect", "--account", self.account, "-o", "graph.ndjson"])
    }

    fn described(&self) -> Value {
        described(&["--collector", self.collector])
    }
}

/// Does it for all clouds at once: most of their time they wait before the next attempt.
fn each(test: impl Fn(&Case) + Sync) {
    each_of(&clouds(), test);
}

/// The same for those that somebody logs into.
fn each_with_a_secret(test: impl Fn(&Case) + Sync) {
    let clouds: Vec<Case> = clouds().into_iter().filter(|case| !case.secret.is_empty()).collect();
    each_of(&clouds, test);
}

fn each_of(clouds: &[Case], test: impl Fn(&Case) + Sync) {
    let test = &test;
    std::thread::scope(|scope| {
        for case in clouds {
            scope.spawn(|| test(case));
        }
    });
}

fn described(args: &[&str]) -> Value {
    let scratch = Scratch::new();
    let invocation = Invocation::new(binaries::fix_collector()).arg("describe").args(args);
    let mut process = invocation.start("fix-collector", scratch.path());
    assert_eq!(process.exit_code(), DONE, "{}", process.errors());
    serde_json::from_str(&process.output()).unwrap()
}

#[test]
fn every_cloud_of_the_build_is_here() {
    let all = described(&[]);
    let names = all.as_array().unwrap().iter().map(|one| one["collector"].as_str().unwrap());
    let names: BTreeSet<&str> = names.filter(|name| !OF_NO_CLOUD.contains(name)).collect();
    assert_eq!(names, clouds().iter().map(|case| case.collector).collect());
}

#[test]
fn variables_that_lead_into_the_cloud_are_told() {
    for case in clouds() {
        let told = case.described();
        let told: Vec<&str> =
            told["environment"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        for (name, _) in (case.variables)("http://127.0.0.1:1", "") {
            let is = |told: &&str| match told.strip_suffix('*') {
                Some(begin) => name.starts_with(begin),
                None => **told == *name,
            };
            assert!(told.iter().any(is), "{}: the supervisor keeps {name} from the child", case.collector);
        }
    }
}

#[test]
fn a_graph_is_whole_and_of_the_model() {
    each(|case| {
        let Some(cloud) = case.start(false) else { return };
        let ran = case.collect(&cloud, case.secret);
        assert!([DONE, FAULTS].contains(&ran.code), "{}: {} {}", case.collector, ran.code, ran.errors);
        let (graph, told) = (Export::read(&ran.file()), case.described());
        let kinds: BTreeSet<&str> =
            told["kinds"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
        let mut below = BTreeSet::new();
        for (from, to, kind) in &graph.edges {
            for end in [from, to] {
                assert!(
                    graph.nodes.contains_key(end),
                    "{}: an edge of {end}, which is no node",
                    case.collector
                );
            }
            if kind == "default" {
                below.insert(to);
            }
        }
        for (id, node) in &graph.nodes {
            let kind = node["reported"]["kind"].as_str().unwrap();
            assert!(kinds.contains(kind), "{}: {kind} is no kind of its model", case.collector);
            assert!(
                kind == "graph_root" || below.contains(id),
                "{}: nothing leads to {node}",
                case.collector
            );
        }
        let account_kind = told["account_kinds"][0].as_str().unwrap().split(' ').next().unwrap();
        let accounts = graph.of_kind(account_kind);
        assert_eq!(accounts.len(), 1, "{}", case.collector);
        assert_eq!(accounts[0]["reported"]["id"], case.account);
        assert_eq!(accounts[0]["metadata"]["replace"], true, "{}", case.collector);
    });
}

#[test]
fn no_secret_is_seen_however_much_is_logged() {
    each_with_a_secret(|case| {
        let Some(cloud) = case.start(false) else { return };
        let args = ["collect", "-vvv", "--account", case.account, "-o", "graph.ndjson"];
        for secret in [case.secret, "another-s3cret"] {
            let ran = case.run(&cloud, secret, &args);
            assert!(!ran.all().contains(secret), "{}: the secret is seen", case.collector);
        }
        let nobody = case.run(&Running::nobody(), case.secret, &args);
        assert!(!nobody.all().contains(case.secret), "{}: the secret is seen", case.collector);
    });
}

#[test]
fn a_recording_gives_the_same_graph_without_cloud_and_credentials_and_has_no_secret() {
    each(|case| {
        let Some(cloud) = case.start(false) else { return };
        let ran = case.run(
            &cloud,
            case.secret,
            &["collect", "--account", case.account, "-o", "graph.ndjson", "--record", "recording"],
        );
        assert!([DONE, FAULTS].contains(&ran.code), "{}: {}", case.collector, ran.errors);
        drop(cloud);
        let recording = Recording::of(&ran.scratch.path().join("recording"));
        let text = recording.text();
        assert!(case.secret.is_empty() || !text.contains(case.secret), "{}: {text}", case.collector);
        assert!(text.lines().count() > 3, "{}: {text}", case.collector);
        for _ in 0..2 {
            let (replayed, graph) = recording.replay();
            assert_eq!(replayed.code, ran.code, "{}: {}", case.collector, replayed.errors);
            assert_eq!(lines(&ran.file()), graph, "{}", case.collector);
        }
        recording.inspect();
    });
}

#[test]
fn a_dead_network_is_to_be_tried_again() {
    each(|case| {
        let ran = case.collect(&Running::nobody(), case.secret);
        assert_eq!(ran.code, TRY_AGAIN, "{}: {}", case.collector, ran.errors);
        for words in ["could not be reached", "hint:"].iter().chain(case.named) {
            assert!(ran.errors.contains(words), "{}: {words}: {}", case.collector, ran.errors);
        }
        assert!(!ran.file().exists(), "{}: a graph of nothing", case.collector);
    });
}

#[test]
fn credentials_that_are_not_accepted_are_told() {
    each_with_a_secret(|case| {
        let Some(cloud) = case.start(true) else { return };
        let ran = case.collect(&cloud, "another-s3cret");
        assert_eq!(ran.code, CREDENTIALS, "{}: {}", case.collector, ran.errors);
        for words in [case.refused, "hint:"].iter().chain(case.named) {
            assert!(ran.errors.contains(words), "{}: {words}: {}", case.collector, ran.errors);
        }
        assert!(!ran.file().exists(), "{}: a graph of nothing", case.collector);
    });
}

#[test]
fn an_account_of_somebody_else_is_not_collected() {
    each(|case| {
        let Some(cloud) = case.start(false) else { return };
        let ran =
            case.run(&cloud, case.secret, &["collect", "--account", "999999999999", "-o", "graph.ndjson"]);
        assert_ne!(ran.code, DONE, "{}", case.collector);
        assert!(
            ran.errors.contains("there is no account 999999999999"),
            "{}: {}",
            case.collector,
            ran.errors
        );
        assert!(!ran.file().exists(), "{}", case.collector);
    });
}

/// A worker for all clouds whose accounts are settings or told by the cloud, at these addresses.
fn worker(core: &Fixcore, clouds: &[(Case, Running)], scratch: &Scratch) -> Worker {
    let names: Vec<&str> = clouds.iter().map(|(case, _)| case.collector).collect();
    let mut options = WorkerOptions::new(core, &names.join(",")).set("supervisor.max_attempts=1");
    for (case, running) in clouds {
        case.write_files(scratch, running, case.secret);
        let settings = (case.settings)(running.url(), scratch.path(), case.secret);
        for (section, settings) in settings.as_object().unwrap() {
            for (name, value) in settings.as_object().unwrap() {
                let all: Vec<&str> = match value.as_array() {
                    Some(list) => list.iter().map(|one| one.as_str().unwrap()).collect(),
                    None => vec![value.as_str().unwrap()],
                };
                let value = all.join(",");
                options = options.set(&format!("{section}.{name}={value}"));
            }
        }
        for (name, value) in (case.variables)(running.url(), case.secret) {
            options = options.env(name, &value);
        }
    }
    options.start(core)
}

#[test]
fn what_fixcore_knows_stays_when_no_cloud_is_reached() {
    let Some(core) = Fixcore::http() else { return };
    let scratch = Scratch::new();
    let mut clouds_that_run = Vec::new();
    for case in clouds().into_iter().filter(|case| matches!(case.fake, Fake::Rest | Fake::Gcp)) {
        let Some(running) = case.start(false) else { return };
        clouds_that_run.push((case, running));
    }
    let alone = clouds_that_run.iter().map(|(case, running)| {
        let ran = case.collect(running, case.secret);
        assert_eq!(ran.code, DONE, "{}: {}", case.collector, ran.errors);
        Export::read(&ran.file())
    });
    let expected = alone.reduce(Export::and).unwrap();
    let mut reached = worker(&core, &clouds_that_run, &scratch);
    assert_eq!(core.collect()["has_error"], false);
    core.graph().assert_is(&expected);
    assert_eq!(reached.stop(), 0);

    let nobody: Vec<_> = clouds_that_run.into_iter().map(|(case, _)| (case, Running::nobody())).collect();
    let mut unreached = worker(&core, &nobody, &scratch);
    core.collect();
    core.graph().assert_is(&expected);
    for (case, _) in &nobody {
        core.await_reported(&[case.collector, "could not be reached"]);
    }
    assert_eq!(unreached.stop(), 0);
}
