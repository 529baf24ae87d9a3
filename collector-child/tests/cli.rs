//! The program by hand.
#![expect(clippy::disallowed_methods, reason = "tests start the program under test")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fix-collector")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs a command that must succeed, and returns its standard output.
fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

/// Runs a command that must fail with `code`, and returns its standard error.
fn fail(code: i32, arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
    assert_eq!(stdout(&output), "", "a failure writes nothing to standard output");
    stderr(&output)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Nodes, then edges, then deferred edges; every edge joins two nodes; one marked account.
fn assert_graph(lines: &[Value]) {
    let stage = |line: &Value| match (line.get("id"), line.get("from"), line.get("from_selector")) {
        (Some(_), None, None) => 0,
        (None, Some(_), None) => 1,
        (None, None, Some(_)) => 2,
        _ => panic!("{line}"),
    };
    assert!(lines.is_sorted_by_key(stage), "nodes, edges, deferred edges");
    let ids: HashSet<&Value> = lines.iter().filter_map(|line| line.get("id")).collect();
    for end in lines.iter().filter(|line| stage(line) == 1).flat_map(|line| [&line["from"], &line["to"]]) {
        assert!(ids.contains(end), "{end}");
    }
    let marked: Vec<&Value> = lines.iter().filter(|line| line["metadata"]["replace"] == true).collect();
    assert_eq!(marked.len(), 1);
    let exported_at = marked[0]["metadata"]["exported_at"].as_str().unwrap();
    exported_at.parse::<jiff::Timestamp>().unwrap();
    assert_eq!(exported_at.len(), "2026-01-01T00:00:00Z".len());
}

#[test]
fn without_arguments_it_explains_itself() {
    let text = fail(64, &[]);
    assert!(text.contains("fixworker starts this program") && text.contains("Exit codes:"), "{text}");
    assert!(succeed(&["--help"]).contains("fix-collector accounts --collector random"));
    assert!(succeed(&["--version"]).starts_with("fix-collector "));
    fail(64, &["collect"]);
    fail(64, &["no-such-command"]);
}

#[test]
fn describe_lists_collectors_and_their_settings() {
    let all: Value = serde_json::from_str(&succeed(&["describe"])).unwrap();
    let names: Vec<&Value> = all.as_array().unwrap().iter().map(|one| &one["collector"]).collect();
    assert_eq!(names, ["example", "random", "file"]);
    let random: Value = serde_json::from_str(&succeed(&["describe", "--collector", "random"])).unwrap();
    assert_eq!(random["config"]["random"]["seed"]["type"], "int64");
    assert!(random["kinds"].as_array().unwrap().contains(&json!("random_instance")));
    let verbose: Value =
        serde_json::from_str(&succeed(&["describe", "--collector", "random", "-v"])).unwrap();
    assert!(verbose["kinds"][0]["fqn"].is_string());
}

#[test]
fn accounts_are_a_table_or_lines() {
    let arguments = ["accounts", "--collector", "random", "--override", "random.accounts=3"];
    assert!(succeed(&arguments).contains("Random Account 2"));
    let accounts = lines(&succeed(&[&arguments[..], &["--json"]].concat()));
    assert_eq!(accounts.len(), 3);
    assert!(accounts.iter().all(|account| account["cloud"] == "random" && account.get("scope").is_none()));
}

#[test]
fn the_only_account_goes_to_standard_output() {
    let output = run(&["collect", "--collector", "example"]);
    assert_eq!(output.status.code(), Some(0));
    let lines = lines(&stdout(&output));
    assert_graph(&lines);
    assert_eq!(lines.iter().filter(|line| line.get("from_selector").is_some()).count(), 1);
    let summary = stderr(&output);
    assert!(summary.contains("example/Example Account: 12 nodes, 19 edges"), "{summary}");
}

#[test]
fn one_of_several_accounts_goes_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    fs::write(
        &config,
        json!({"random": {"seed": 5, "accounts": 3, "resources_per_account": 800}}).to_string(),
    )
    .unwrap();
    let config = config.to_str().unwrap();
    let accounts = lines(&succeed(&["accounts", "--collector", "random", "--config", config, "--json"]));
    let id = accounts[1]["id"].as_str().unwrap();
    let path = folder.path().join("out.ndjson");
    let target = path.to_str().unwrap();
    let arguments =
        ["collect", "--collector", "random", "--config", config, "--account", id, "--output", target];
    assert_eq!(succeed(&arguments), "");
    let graph = lines(&fs::read_to_string(&path).unwrap());
    assert_graph(&graph);
    let account = graph.iter().find(|line| line["metadata"]["replace"] == true).unwrap();
    assert_eq!((&account["reported"]["id"], &account["id"]), (&accounts[1]["id"], &accounts[1]["node_id"]));
    assert_eq!(names(folder.path()).len(), 2, "no temporary file is left");

    let text = fail(64, &["collect", "--collector", "random", "--config", config]);
    assert!(text.contains("there are 3 accounts: choose one with --account") && text.contains(id), "{text}");
    let text = fail(64, &["collect", "--collector", "random", "--config", config, "--account", "nope"]);
    assert!(text.contains("there is no account nope"), "{text}");
}

#[test]
fn an_export_can_be_collected_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("example.ndjson");
    succeed(&["collect", "--collector", "example", "--output", path.to_str().unwrap()]);
    let paths = format!("file.paths={}", path.display());
    let again = lines(&succeed(&["collect", "--collector", "file", "--override", &paths]));
    assert_graph(&again);
    let ids = |lines: &[Value]| -> HashSet<String> {
        lines.iter().filter_map(|line| line["id"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(ids(&again), ids(&lines(&fs::read_to_string(&path).unwrap())));
}

#[test]
fn a_failure_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.ndjson");
    fs::write(&path, "old").unwrap();
    let target = path.to_str().unwrap();
    let limit = "fixworker.max_resources_per_account=3";
    let text = fail(70, &["collect", "--collector", "example", "--output", target, "--override", limit]);
    assert!(text.contains("more resources than the limit of 3"), "{text}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(folder.path()), ["out.ndjson"]);
    let text = fail(75, &["collect", "--collector", "example", "--output", "/nonexistent/out"]);
    assert!(text.contains("cannot write /nonexistent/out"), "{text}");
}

#[test]
fn mistakes_get_a_sentence_and_the_documented_code() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let broken = file("broken.json", "{\"random\": {\"seed\": hunter2}}");
    let unknown = file("unknown.json", "{\"random\": {\"sede\": 1}}");
    let wrong = file("wrong.json", "{\"random\": {\"seed\": \"hunter2\"}}");
    let random = |rest: &[&'static str]| [&["accounts", "--collector", "random"], rest].concat();
    for (code, arguments, expected) in [
        (64, vec!["accounts", "--collector", "randm"], "did you mean random?"),
        (64, random(&["--override", "random.sede=1"]), "did you mean seed?"),
        (64, random(&["--override", "random.seed=hunter2"]), "random.seed must be an integer"),
        (78, random(&["--config", "/nonexistent"]), "cannot read the config file /nonexistent"),
        (78, [random(&["--config"]), vec![broken.as_str()]].concat(), "line 1, column 21"),
        (78, [random(&["--config"]), vec![unknown.as_str()]].concat(), "unknown setting random.sede"),
        (78, [random(&["--config"]), vec![wrong.as_str()]].concat(), "random.seed must be an integer"),
    ] {
        let text = fail(code, &arguments);
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn placeholders_come_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    fs::write(
        &config,
        json!({"random": {"accounts": "$(FIX_TEST_ACCOUNTS)", "seed": "$(FIX_TEST_UNSET)"}}).to_string(),
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fix-collector"))
        .args(["accounts", "--collector", "random", "--json", "--config", config.to_str().unwrap()])
        .env("FIX_TEST_ACCOUNTS", "4")
        .output()
        .unwrap();
    assert_eq!(lines(&stdout(&output)).len(), 4);
    let warning = "warning: random.seed needs the environment variable FIX_TEST_UNSET, which is not set";
    assert!(stderr(&output).contains(warning), "{}", stderr(&output));
}
