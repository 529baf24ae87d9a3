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
    let names: Vec<&str> =
        all.as_array().unwrap().iter().map(|one| one["collector"].as_str().unwrap()).collect();
    let clouds = names.strip_suffix(&["example", "random", "file"]).expect("what has no cloud is last");
    assert!(clouds.is_sorted() && clouds.contains(&"aws"), "{clouds:?}");
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

/// The graph of the example in a file; `change` may change its lines.
fn example_file(folder: &Path, change: impl Fn(&mut Value)) -> String {
    let path = folder.join("example.ndjson");
    let text: Vec<String> = lines(&succeed(&["collect", "--collector", "example"]))
        .into_iter()
        .map(|mut line| {
            change(&mut line);
            line.to_string()
        })
        .collect();
    fs::write(&path, text.join("\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn mark(line: &mut Value, ids: &[&str]) {
    if ids.iter().any(|id| line["reported"]["id"] == *id) {
        line["desired"] = json!({"clean": true});
    }
}

/// Cloud id, pass and outcome of each line.
fn outcomes(lines: &[Value]) -> Vec<(String, u64, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines
        .iter()
        .map(|line| (text(&line["cloud_id"]), line["pass"].as_u64().unwrap(), text(&line["outcome"])))
        .collect()
}

fn outcome(id: &str, pass: u64, outcome: &str) -> (String, u64, String) {
    (id.to_owned(), pass, outcome.to_owned())
}

const MARKED: [&str; 4] = ["someNetwork1", "someInstance1", "someVolume1", "us-west"];

#[test]
fn a_plan_goes_from_the_leaves_and_refuses_what_is_no_thing() {
    let folder = tempfile::tempdir().unwrap();
    let file = example_file(folder.path(), |line| mark(line, &MARKED));
    let arguments = ["clean", "--collector", "example", "--input", &file, "--dry-run"];
    let output = run(&[&arguments[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(79), "{}", stderr(&output));
    let plan = lines(&stdout(&output));
    let expected = [
        outcome("us-west", 0, "refused"),
        outcome("someInstance1", 1, "planned"),
        outcome("someNetwork1", 2, "planned"),
        outcome("someVolume1", 2, "planned"),
    ];
    assert_eq!(outcomes(&plan), expected);
    assert_eq!(plan[0]["reason"], "resources of kind example_region are not things that can be deleted");
    assert_eq!(plan[1]["account"], "Example Account");
    assert_eq!(plan[1]["log"], json!([{"message": "would be deleted in us-west", "failed": false}]));
    assert!(stderr(&output).contains("3 would be deleted, 1 refused"), "{}", stderr(&output));
    let table = stdout(&run(&arguments));
    assert!(
        table.contains("example_instance someInstance1") && table.contains("Example Account / US West"),
        "{table}"
    );
}

#[test]
fn what_waits_for_something_that_stays_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let file = example_file(folder.path(), |line| {
        mark(line, &MARKED[..3]);
        if line["reported"]["id"] == "someInstance1" {
            line["metadata"]["protected"] = json!(true);
        }
    });
    let output = run(&["clean", "-c", "example", "--input", &file, "--yes", "--json"]);
    assert_eq!(output.status.code(), Some(79));
    let done = lines(&stdout(&output));
    assert!(outcomes(&done).iter().all(|(_, pass, outcome)| (*pass, outcome.as_str()) == (0, "refused")));
    let reasons: Vec<_> = done.iter().map(|line| line["reason"].as_str().unwrap()).collect();
    let waits = "example_instance someInstance1 depends on it and cannot be deleted";
    assert_eq!(reasons.iter().filter(|reason| **reason == waits).count(), 2, "{reasons:?}");
    assert!(reasons.contains(&"it is protected"));
}

#[test]
fn cycles_are_named_and_the_rest_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let file = example_file(folder.path(), |line| mark(line, &[&MARKED[..3], &["someVolume2"]].concat()));
    let text = fs::read_to_string(&file).unwrap();
    let node = |id: &str| {
        lines(&text).iter().find(|line| line["reported"]["id"] == id).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let back = json!({"from": node("someInstance1"), "to": node("someVolume1"), "edge_type": "delete"});
    fs::write(&file, format!("{text}\n{back}\n")).unwrap();
    let output = run(&["clean", "-c", "example", "--input", &file, "--yes", "--json"]);
    assert_eq!(output.status.code(), Some(79));
    let done = lines(&stdout(&output));
    let named = |id: &str| done.iter().find(|line| line["cloud_id"] == id).unwrap();
    let cycle = "it depends on itself in a circle of delete edges: example_instance someInstance1 -> \
                 example_volume someVolume1 -> example_instance someInstance1";
    assert_eq!(named("someInstance1")["reason"], cycle);
    assert_eq!(named("someVolume1")["reason"], cycle);
    assert_eq!(named("someNetwork1")["outcome"], "refused");
    assert_eq!(
        (&named("someVolume2")["outcome"], &named("someVolume2")["pass"]),
        (&json!("gone"), &json!(1))
    );
}

#[test]
fn nothing_is_deleted_unasked_and_names_choose() {
    let folder = tempfile::tempdir().unwrap();
    let file = example_file(folder.path(), |_| {});
    let clean =
        |rest: &[&'static str]| [&["clean", "-c", "example", "--input", file.as_str()], rest].concat();
    assert_eq!(succeed(&clean(&["--yes"])), "");
    let text = fail(64, &clean(&["--id", "someVolume1"]));
    assert!(text.contains("--dry-run, then give --yes"), "{text}");
    let done = lines(&succeed(&clean(&["--id", "someVolume1", "--yes", "--json"])));
    assert_eq!(outcomes(&done), [outcome("someVolume1", 1, "gone")]);
    let node_id = done[0]["id"].as_str().unwrap();
    let arguments =
        ["clean", "-c", "example", "--input", &file, "--id", node_id, "--id", "someVolume1", "-n", "--json"];
    assert_eq!(outcomes(&lines(&succeed(&arguments))), [outcome("someVolume1", 1, "planned")]);
    assert!(fail(64, &clean(&["--id", "nope"])).contains("the input has no node \"nope\""));
    let other = ["clean", "-c", "random", "--input", &file, "--id", "someVolume1", "-n", "--json"];
    let output = run(&other);
    assert_eq!(output.status.code(), Some(79));
    let refused = &lines(&stdout(&output))[0];
    assert_eq!(refused["reason"], "it belongs to the cloud example, not to random");
    let missing = fail(78, &["clean", "-c", "example", "--input", "/nonexistent", "-n"]);
    assert!(missing.contains("cannot read /nonexistent"), "{missing}");
}

#[test]
fn tags_and_commands_of_one_node() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.json");
    let node = json!({
        "id": "n", "reported": {"id": "v", "kind": "example_volume", "tags": {"Name": "x"}},
        "metadata": {"provider_link": "https://x"},
    });
    fs::write(&path, node.to_string()).unwrap();
    let path = path.to_str().unwrap();
    let tag = ["tag", "-c", "example", "--node", path, "--set", "owner=a=b", "--remove", "Name"];
    let tagged = &lines(&succeed(&tag))[0];
    assert_eq!(tagged["reported"]["tags"], json!({"owner": "a=b"}));
    assert_eq!(tagged["metadata"], node["metadata"]);
    let text = fail(78, &["tag", "-c", "example", "--node", path, "--remove", "nope"]);
    assert!(text.contains("there is no tag \"nope\" to remove"), "{text}");
    let text = fail(78, &["command", "-c", "example", "--node", path, "aws", "sts", "--x"]);
    assert!(text.contains("the collector example has no command \"aws\""), "{text}");
}
