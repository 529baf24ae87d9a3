//! Programs as collectors, and plugins of the Python worker as programs.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fixworker_tests::binaries;
use fixworker_tests::core::Fixcore;
use fixworker_tests::graph::Export;
use fixworker_tests::oneshot::{Finished, Oneshot};
use fixworker_tests::requirements::fixcore_python;
use fixworker_tests::scratch::Scratch;
use fixworker_tests::worker::{Worker, WorkerOptions};
use serde_json::{Value, json};

const PEER_EXAMPLE: &str = include_str!("../data/example-merge.ndjson");
const EXTERNAL_DIR: &str = "FIXWORKER_EXTERNAL_DIR";
/// A program without anything: three accounts, of which one dies on the first attempt and one on each.
const SHELL: &str = r#"#!/bin/sh
cd "$(dirname "$0")"
read -r request
account() { echo "{\"account\": {\"id\": \"$1\"}}"; }
case "$request" in
*'"do":"accounts"'*) account calm; account twice; account never ;;
*)
    id=$(echo "$request" | sed 's/.*"account":{[^}]*"id":"\([a-z]*\)".*/\1/')
    node=$(echo "$request" | sed 's/.*"node_id":"\([^"]*\)".*/\1/')
    echo $$ >> "asked-$id"
    case "$id" in
    never) echo "it is broken" >&2; exit 3 ;;
    twice) [ "$(wc -l < asked-twice)" -gt 1 ] || kill -9 $$ ;;
    esac
    echo "{\"id\": \"$node\", \"reported\": {\"kind\": \"sh_account\", \"id\": \"$id\", \"name\": \"$id\"}}"
    echo "{\"id\": \"disk-$id\", \"reported\": {\"kind\": \"sh_disk\", \"id\": \"disk\", \"secret\": \"$(id -u)\"}}"
    echo "{\"from\": \"$node\", \"to\": \"disk-$id\"}"
    ;;
esac
echo '{"done": {}}'
"#;

fn shell(scratch: &Scratch) -> PathBuf {
    let folder = scratch.dir("external");
    let program = scratch.dir("program").join("sh-collector");
    std::fs::write(&program, SHELL).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let description = json!({
        "protocol": 1, "collector": "sh", "command": [program], "clouds": ["sh"], "account_kinds": ["sh_account"],
        "kinds": [
            {"fqn": "sh_account", "bases": ["account"], "properties": [], "allow_unknown_props": false},
            {"fqn": "sh_disk", "bases": ["resource"], "properties": [], "allow_unknown_props": true},
        ],
        "paths": [{"path": program.parent().unwrap(), "access": "write"}],
    });
    std::fs::write(folder.join("sh.json"), description.to_string()).unwrap();
    folder
}

/// The description of a plugin, as the bridge writes it into a folder.
fn bridged(python: &Path, folder: &Path, plugin: &str, args: &[&str]) {
    let bridge = binaries::repository().join("collector-child/bridge/fix_plugin_bridge.py");
    #[expect(clippy::disallowed_methods, reason = "it is no child of the worker")]
    let mut command = Command::new(python);
    command.arg("-B").arg(bridge).args(["describe", plugin]).args(args).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("PYTHONPATH", binaries::repository().join("tests/external")).stderr(Stdio::piped());
    let told = command.output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let mut told: Value = serde_json::from_slice(&told.stdout).unwrap();
    // What is beside the environment of this Python is found by its own path.
    let own = binaries::repository().join("tests/external/run.py");
    if plugin == "own_plugin" {
        told["command"][1] = json!(own);
    }
    let name = told["collector"].as_str().unwrap().to_owned();
    std::fs::write(folder.join(format!("{name}.json")), told.to_string()).unwrap();
}

#[test]
fn each_account_of_a_program_is_a_process_that_is_tried_again() {
    let options = Oneshot::new("sh").set("supervisor.max_attempts=2").set("supervisor.backoff_initial=0.1");
    let folder = shell(options.scratch());
    let finished = options.env(EXTERNAL_DIR, folder.to_str().unwrap()).run();
    finished.expect_code(3);
    let attempts = |id: &str| finished.account(id)["attempts"].as_u64().unwrap();
    assert_eq!((attempts("calm"), attempts("twice"), attempts("never")), (1, 2, 2));
    assert_eq!(finished.account("never")["state"], "failed");
    finished.expect_said(&["the program of sh ended before it was done (exit status: 3): it is broken"]);
    let graph = finished.graph();
    assert_eq!(graph.ids("sh_account").len(), 2);
    assert_eq!(graph.ids("sh_disk").len(), 2);
}

#[test]
fn the_example_of_the_python_worker_goes_through_the_bridge_as_it_is() {
    let Some(python) = fixcore_python() else { return };
    let options = Oneshot::new("own-example");
    let folder = options.scratch().dir("external");
    bridged(&python, &folder, "fix_plugin_example_collector", &["--name", "own-example"]);
    let finished: Finished = options.env(EXTERNAL_DIR, folder.to_str().unwrap()).run();
    finished.expect_code(0);
    assert_eq!(finished.graph().steady(), Export::parse(PEER_EXAMPLE).steady());
}

/// A worker with a plugin of a user, whose cloud is a file.
fn own(core: &Fixcore, python: &Path, crashes: &[&str], more: &[&str]) -> Worker {
    let options = WorkerOptions::new(core, "own").set_all(more);
    let folder = options.scratch().dir("external");
    let estate = json!({"north": {"a": {"team": "x"}, "b": {}}, "south": {"c": {}}});
    let estate = options.scratch().file("estate.json", estate.to_string());
    bridged(python, &folder, "own_plugin", &["--identity", "trusted"]);
    let path = folder.join("own.json");
    let mut told: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    told["paths"].as_array_mut().unwrap().push(json!({"path": estate, "access": "write"}));
    std::fs::write(&path, told.to_string()).unwrap();
    let crashes = serde_json::to_string(crashes).unwrap();
    let settings = [format!("own.estate={}", estate.display()), format!("own.crashes={crashes}")];
    options.set(&settings[0]).set(&settings[1]).env(EXTERNAL_DIR, folder.to_str().unwrap()).start(core)
}

fn estate(worker: &Worker) -> Value {
    serde_json::from_slice(&std::fs::read(worker.scratch().path().join("estate.json")).unwrap()).unwrap()
}

fn disk(core: &Fixcore, name: &str) -> String {
    let graph = core.graph();
    let is = |node: &Value| node["reported"]["kind"] == "own_disk" && node["reported"]["id"] == name;
    graph.nodes.iter().find(|(_, node)| is(node)).unwrap().0.clone()
}

#[test]
fn an_own_plugin_collects_tags_and_cleans_on_fixcore() {
    let (Some(core), Some(python)) = (Fixcore::http(), fixcore_python()) else { return };
    let cleanup =
        ["fixworker.cleanup=true", "fixworker.cleanup_dry_run=false", "supervisor.cleanup_pause=0.1"];
    let mut worker = own(&core, &python, &[], &cleanup);
    core.await_task("tag", Some("own"));
    let run = core.collect();
    assert_eq!(run["has_error"], false, "{run}");
    let id = disk(&core, "a");
    assert_eq!(core.node(&id)["reported"]["tags"]["team"], "x");
    core.cli(&format!("search id({id}) | tag update owner me"));
    assert_eq!(core.node(&id)["reported"]["tags"]["owner"], "me");
    core.cli(&format!("search id({id}) | tag delete team"));
    assert_eq!(estate(&worker)["north"]["a"], json!({"owner": "me"}));
    core.cli(&format!("search id({id}) | clean \"not needed\""));
    let task = core.start_workflow("cleanup");
    core.await_workflow(&task);
    assert_eq!(core.node(&id)["metadata"]["cleaned"], true, "{}", worker.log());
    assert_eq!(estate(&worker), json!({"north": {"b": {}}, "south": {"c": {}}}));
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_plugin_that_crashes_costs_its_account() {
    let (Some(core), Some(python)) = (Fixcore::http(), fixcore_python()) else { return };
    let more = ["supervisor.max_attempts=2", "supervisor.backoff_initial=0.1"];
    let worker = own(&core, &python, &["north"], &more);
    core.collect();
    let graph = core.graph();
    assert_eq!(graph.accounts().len(), 1, "the other one is there");
    core.await_reported(&["own:North (north)", "the program of own ended before it was done"]);
    drop(worker);
}
