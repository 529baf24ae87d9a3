//! Kubernetes: `fix-collector` alone against the fake of `tests/clouds/rest`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use fixworker_tests::graph::Export;
use fixworker_tests::oneshot::{Finished, Oneshot};
use fixworker_tests::recording::Recording;
use fixworker_tests::rest::{Ran, RestCloud, at_once};
use serde_json::{Value, json};

const DONE: i32 = 0;
const TRY_AGAIN: i32 = 75;
const CREDENTIALS: i32 = 77;
const CONFIG: i32 = 78;
const FAULTS: i32 = 79;

/// A kubeconfig of the fake, with this user.
fn kubeconfig(cloud: &RestCloud, user: &Value) -> Value {
    json!({
        "clusters": [{"name": "c", "cluster": {"server": cloud.url}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "demo", "context": {"cluster": "c", "user": "u"}}],
    })
}

fn run_as(cloud: &RestCloud, user: &Value, args: &[&str]) -> Ran {
    run_with(cloud, &json!({"configs": [kubeconfig(cloud, user)]}), args)
}

fn run_with(cloud: &RestCloud, section: &Value, args: &[&str]) -> Ran {
    let args: Vec<&str> =
        args[..1].iter().copied().chain(["-c", "k8s"]).chain(args[1..].iter().copied()).collect();
    cloud.run(&json!({"k8s": section}), &[], &args)
}

fn run(cloud: &RestCloud, args: &[&str]) -> Ran {
    run_as(cloud, &json!({"token": "k8s-token"}), args)
}

fn collect(cloud: &RestCloud) -> (Ran, Export) {
    let ran = run(cloud, &["collect", "--account", "demo", "-o", "graph.ndjson"]);
    let graph = cloud.graph("graph.ndjson");
    (ran, graph)
}

#[track_caller]
fn node<'g>(graph: &'g Export, kind: &str, name: &str) -> &'g Value {
    let is = |node: &&Value| node["reported"]["kind"] == kind && node["reported"]["name"] == name;
    graph.nodes.values().find(is).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The edges between two nodes, by type.
fn edges(graph: &Export, from: &Value, to: &Value) -> BTreeSet<String> {
    let edges = graph.edges.iter().filter(|(start, end, _)| *start == from["id"] && *end == to["id"]);
    edges.map(|(_, _, kind)| kind.clone()).collect()
}

#[test]
fn what_the_python_worker_gives_a_cluster_up_for_costs_nothing() {
    let Some(cloud) = RestCloud::start("k8s", &["odd=1"], &[]) else { return };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(DONE);
    // Something in a namespace that was made after the namespaces were listed.
    let cluster = node(&graph, "kubernetes_cluster", "demo");
    assert!(!edges(&graph, cluster, node(&graph, "kubernetes_config_map", "new")).is_empty());
    // Quantities with exponents, members that are null, and nothing at all.
    let capacity = &node(&graph, "kubernetes_node", "node-2")["reported"];
    assert_eq!(
        (capacity["instance_cores"].as_f64(), capacity["instance_memory"].as_f64()),
        (Some(10.0), Some(8e9 / 1_073_741_824.0))
    );
    assert_eq!(node(&graph, "kubernetes_pod", "bare")["reported"]["tags"], json!({}));
    node(&graph, "kubernetes_persistent_volume", "pv-odd");
    // Selectors and names end at the namespace; kinds of others are not taken for those of Kubernetes.
    let service = node(&graph, "kubernetes_service", "web");
    assert_eq!(service["reported"]["backends"], json!(["web-6b7f-a", "web-6b7f-b"]));
    let foreign = node(&graph, "kubernetes_pod", "web-of-others");
    assert!(edges(&graph, service, foreign).is_empty());
    let secrets = graph.nodes.values().filter(|node| node["reported"]["name"] == "web-secret");
    let pod = node(&graph, "kubernetes_pod", "web-6b7f-a");
    for secret in secrets {
        let joined = !edges(&graph, pod, secret).is_empty();
        assert_eq!(joined, secret["reported"]["namespace"] == "shop", "{secret}");
    }
}

#[test]
fn nothing_secret_is_in_the_graph() {
    let Some(cloud) = RestCloud::start("k8s", &["odd=1"], &[]) else { return };
    let args = ["collect", "--account", "demo", "-o", "graph.ndjson", "--record", "recording"];
    run(&cloud, &args).expect_code(DONE);
    let graph = cloud.graph("graph.ndjson");
    let all: String = graph.nodes.values().map(Value::to_string).collect();
    assert!(!all.contains("last-applied-configuration"));
    let recorded = Recording::of(&cloud.folder().join("recording")).text();
    for secret in ["czNjcmV0LXZhbHVl", "in plain text", "k8s-token"] {
        assert!(!all.contains(secret), "{secret}");
        assert!(!recorded.contains(secret), "the recording has {secret}");
    }
}

#[test]
fn lists_are_read_in_pages_and_begin_anew_when_the_cluster_forgets_them() {
    let Some(cloud) = RestCloud::start("k8s", &["pods=30", "page_size=10"], &["GET /api/v1/pods=410:1:2"])
    else {
        return;
    };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(DONE);
    assert_eq!(graph.of_kind("kubernetes_pod").len(), 36);
    let calls = cloud.calls_with_queries();
    let pods: Vec<_> = calls.iter().filter(|call| call.contains("\"/api/v1/pods\"")).collect();
    // Two pages, one that is forgotten, and all four from the beginning.
    assert_eq!(pods.len(), 7, "{pods:?}");
    assert!(pods.iter().all(|call| call.contains("limit")), "{pods:?}");
    // Nothing is asked for each object, and no group that serves nothing of ours.
    assert!(!calls.iter().any(|call| call.contains("serving.example.dev")), "{calls:?}");
}

#[test]
fn a_list_that_is_always_forgotten_is_told() {
    let Some(cloud) = RestCloud::start("k8s", &[], &["GET /api/v1/pods=410"]) else { return };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(FAULTS).expect_words("Expired");
    node(&graph, "kubernetes_deployment", "web");
}

#[test]
fn what_is_forbidden_or_not_served_costs_itself() {
    let Some(cloud) = RestCloud::start("k8s", &["deny=secrets,nodes", "without=Job,PodTemplate"], &[]) else {
        return;
    };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(FAULTS).expect_words("docs/kubernetes.yaml");
    assert!(graph.of_kind("kubernetes_secret").is_empty() && graph.of_kind("kubernetes_job").is_empty());
    node(&graph, "kubernetes_pod", "web-6b7f-a");
    // Without namespaces nothing is lost.
    let Some(cloud) = RestCloud::start("k8s", &["deny=namespaces"], &[]) else { return };
    let (ran, graph) = collect(&cloud);
    ran.expect_code(FAULTS).expect_words("what is in namespaces hangs below the cluster");
    let (cluster, pod) =
        (node(&graph, "kubernetes_cluster", "demo"), node(&graph, "kubernetes_pod", "web-6b7f-a"));
    assert!(!edges(&graph, cluster, pod).is_empty());
}

#[test]
fn troubles_are_told_and_no_cluster_is_taken_for_empty() {
    let codes = [
        ("GET /api/v1/namespaces=bare", TRY_AGAIN),
        ("GET /apis=503", TRY_AGAIN),
        ("GET /version=401", CREDENTIALS),
    ];
    let cases = [
        ("GET /api/v1/pods=500", "the service had errors of its own"),
        ("GET /api/v1/pods=endless", "the listing does not end"),
        ("GET /api/v1/pods=repeated", "goes round in circles"),
        ("GET /api/v1/pods=html", "which is not of the service"),
        ("GET /api/v1/pods=bare", "it has no list at `items`"),
        ("GET /api/v1/namespaces=bare", "it has no list at `items`"),
        ("GET /apis/apps/v1=503", "it is not known what apps/v1 serves"),
        ("GET /apis=503", "apis"),
        ("GET /version=401", "kubectl --context demo"),
    ];
    at_once(&cases, |fault, words| {
        let Some(cloud) = RestCloud::start("k8s", &[], &[fault]) else { return };
        let code = codes.iter().find(|(of, _)| *of == fault).map_or(FAULTS, |(_, code)| *code);
        let ran = run(&cloud, &["collect", "--account", "demo", "-o", "graph.ndjson"]);
        ran.expect_code(code).expect_words(words);
        assert!(!ran.errors.contains("k8s-token"), "{fault}: the token is shown");
    });
}

#[test]
fn credentials_come_from_files_and_programs() {
    let Some(cloud) = RestCloud::start("k8s", &[], &[]) else { return };
    let token = cloud.file("token", "k8s-token\n");
    let accounts =
        |section: &Value| run_with(&cloud, section, &["collect", "--account", "demo", "-o", "graph.ndjson"]);
    let program = json!({"exec": {"command": "/bin/sh", "args": ["-c", "echo '{\"status\": {\"token\": \"k8s-token\"}}'"]}});
    let file = |name: &str, user: &Value| {
        let path = cloud.file(name, kubeconfig(&cloud, user).to_string());
        json!({"config_files": [{"path": path, "all_contexts": false, "contexts": ["demo"]}]})
    };
    accounts(&file("absolute", &json!({"tokenFile": token}))).expect_code(DONE);
    accounts(&file("relative", &json!({"tokenFile": "token"}))).expect_code(DONE);
    accounts(&file("program", &program)).expect_code(DONE);
    // Never for what comes from fixcore.
    let inline = accounts(&json!({"configs": [kubeconfig(&cloud, &program)]}));
    inline.expect_words("starts the program /bin/sh, which is only done for files");
    let inline = accounts(&json!({"configs": [kubeconfig(&cloud, &json!({"tokenFile": token}))]}));
    inline.expect_words("reads credentials from a file of this machine, which is only done for files");
    run_with(&cloud, &json!({"config_files": [{"path": "/no/such/file"}]}), &["accounts"])
        .expect_code(CONFIG)
        .expect_words("/no/such/file: it cannot be read");
    run_as(&cloud, &json!({"token": "wrong"}), &["collect", "--account", "demo", "-o", "graph.ndjson"])
        .expect_code(CREDENTIALS);
}

/// `fixworker collect` of a kubeconfig with this user, whose children are behind walls.
fn behind_walls(cloud: &RestCloud, user: &Value, section: impl Fn(String) -> Value) -> Finished {
    let oneshot = Oneshot::new("k8s");
    let text = kubeconfig(cloud, user).to_string();
    let path = oneshot.scratch().file("kubeconfig", text).display().to_string();
    let config = oneshot.scratch().file("config.json", json!({"k8s": section(path)}).to_string());
    oneshot.args(&["--config", &config.display().to_string()]).run()
}

#[test]
fn behind_walls_a_child_reaches_what_its_kubeconfig_names_and_no_more() {
    let Some(cloud) = RestCloud::start("k8s", &[], &[]) else { return };
    let of_files = |path: String| json!({"config_files": [{"path": path}]});
    let token = json!({"token": "k8s-token"});
    behind_walls(&cloud, &token, of_files).expect_code(0);
    // The first version of the section.
    behind_walls(&cloud, &token, |path| json!({"config": [path], "context": ["demo"]})).expect_code(0);
    let program = json!({"exec": {"command": "/bin/sh", "args": ["-c", "echo '{\"status\": {\"token\": \"k8s-token\"}}'"]}});
    behind_walls(&cloud, &program, of_files).expect_code(0);
    // Not what lies somewhere else; where the kernel has no such wall it is read.
    let beside = json!({"tokenFile": cloud.file("token", "k8s-token")});
    let finished = behind_walls(&cloud, &beside, of_files);
    if finished.code != 0 {
        finished.expect_said(&["add it to supervisor.child_paths"]);
    }
}

/// The node of an object as a task of fixcore brings it.
fn task(cloud: &RestCloud, graph: &Export, kind: &str, name: &str) -> String {
    let mut own = node(graph, kind, name).clone();
    own["ancestors"] = json!({
        "cloud": {"reported": {"id": "k8s"}},
        "account": node(graph, "kubernetes_cluster", "demo"),
        "region": node(graph, "kubernetes_namespace", "shop"),
    });
    cloud.file("node.json", own.to_string()).display().to_string()
}

#[test]
fn annotations_are_changed_and_the_others_stay() {
    let Some(cloud) = RestCloud::start("k8s", &[], &[]) else { return };
    let (_, graph) = collect(&cloud);
    for (kind, name) in [("kubernetes_pod", "web-6b7f-a"), ("kubernetes_secret", "web-secret")] {
        let file = task(&cloud, &graph, kind, name);
        let mut args = vec!["tag", "--node", &file, "--set", "a/b=c"];
        if kind == "kubernetes_pod" {
            args.extend(["--remove", "empty"]);
        }
        run(&cloud, &args).expect_code(DONE);
    }
    let (_, graph) = collect(&cloud);
    let tags = |kind, name| node(&graph, kind, name)["reported"]["tags"].clone();
    assert_eq!(tags("kubernetes_pod", "web-6b7f-a"), json!({"prometheus.io/scrape": "true", "a/b": "c"}));
    assert_eq!(tags("kubernetes_secret", "web-secret"), json!({"a/b": "c"}));
}

#[test]
fn what_owns_goes_before_what_it_would_make_anew() {
    let Some(cloud) = RestCloud::start("k8s", &[], &[]) else { return };
    let (_, graph) = collect(&cloud);
    let chosen = [
        ("kubernetes_deployment", "web"),
        ("kubernetes_replica_set", "web-6b7f"),
        ("kubernetes_pod", "web-6b7f-a"),
        ("kubernetes_namespace", "kube-system"),
        ("kubernetes_runtime_class", "gvisor"),
    ];
    let mut args = vec!["clean", "--input", "graph.ndjson"];
    for (kind, name) in chosen {
        args.extend(["--id", node(&graph, kind, name)["reported"]["id"].as_str().unwrap()]);
    }
    let dry: Vec<&str> = args.iter().copied().chain(["--dry-run"]).collect();
    run(&cloud, &dry);
    assert_eq!(cloud.changes(), Vec::<String>::new());
    args.push("--yes");
    let ran = run(&cloud, &args);
    let changes = cloud.changes();
    let at = |path: &str| {
        let call = format!("DELETE {path} 200");
        changes
            .iter()
            .position(|made| *made == call)
            .unwrap_or_else(|| panic!("no {call} in {changes:?}; {}", ran.errors))
    };
    let apps = "/apis/apps/v1/namespaces/shop";
    let (pod, set) =
        (at("/api/v1/namespaces/shop/pods/web-6b7f-a"), at(&format!("{apps}/replicasets/web-6b7f")));
    // What makes pods anew goes before them.
    assert!(at(&format!("{apps}/deployments/web")) < set && set < pod, "{changes:?}");
    at("/apis/node.k8s.io/v1/runtimeclasses/gvisor");
    // Everything that is in it would go with it.
    ran.expect_words("are not things that can be deleted");
}

#[test]
fn a_change_never_reaches_another_cluster() {
    let Some(cloud) = RestCloud::start("k8s", &[], &[]) else { return };
    let Some(other) = RestCloud::start("k8s", &["another=1"], &[]) else { return };
    let (_, graph) = collect(&cloud);
    let file = task(&cloud, &graph, "kubernetes_pod", "web-6b7f-a");
    let elsewhere = json!({"configs": [kubeconfig(&other, &json!({"token": "k8s-token"}))]});
    let uid = node(&graph, "kubernetes_pod", "web-6b7f-a")["reported"]["id"].as_str().unwrap();
    let told = "or it is another cluster";
    run_with(&cloud, &elsewhere, &["tag", "--node", &file, "--set", "a=b"]).expect_words(told);
    run_with(&cloud, &elsewhere, &["clean", "--input", "graph.ndjson", "--id", uid, "--yes"])
        .expect_words(told);
    assert_eq!(other.changes(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_changed_is_told_before_anything_is_called() {
    let Some(cloud) = RestCloud::start("k8s", &["without=RuntimeClass"], &[]) else { return };
    let Some(whole) = RestCloud::start("k8s", &[], &[]) else { return };
    let (_, graph) = collect(&whole);
    let file = task(&cloud, &graph, "kubernetes_runtime_class", "gvisor");
    run(&cloud, &["tag", "--node", &file, "--set", "a=b"])
        .expect_words("does not serve kubernetes_runtime_class as it was collected");
    let file = task(&cloud, &graph, "kubernetes_cluster", "demo");
    run(&cloud, &["tag", "--node", &file, "--set", "a=b"]).expect_words("have no tags that can be changed");
    // A group that does not answer is no group that serves nothing.
    let Some(ill) = RestCloud::start("k8s", &[], &["GET /apis/node.k8s.io/v1=503"]) else { return };
    let file = task(&ill, &graph, "kubernetes_runtime_class", "gvisor");
    run(&ill, &["tag", "--node", &file, "--set", "a=b"])
        .expect_words("it is not known what node.k8s.io/v1 serves");
    assert_eq!((cloud.changes(), ill.changes()), (Vec::<String>::new(), Vec::<String>::new()));
}
