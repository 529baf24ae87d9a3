//! Commands that a collector brings to fixcore's command line.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::core::Fixcore;
use fixworker_tests::expect::ids;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};
use serde_json::{Value, json};

fn rogue(core: &Fixcore) -> Worker {
    let worker = WorkerOptions::new(core, "rogue").rogue(&["good"]).start(core);
    core.await_task("rogue", None);
    let run = core.collect();
    assert_eq!(run["has_error"], false, "{run}");
    worker
}

fn run(core: &Fixcore, args: &[&str]) -> Value {
    core.task(&json!({"name": "rogue", "attrs": {}, "data": {"args": args}}))
}

fn from_the_command_line(core: &Fixcore) {
    let mut worker = rogue(core);
    let said = core.cli("rogue echo two --words 3");
    assert!(["echo", "two", "--words", "3"].iter().all(|word| said.contains(word)), "{said}");
    let said = core.cli("search is(example_volume) sort id | rogue echo {id}");
    for number in 0..3 {
        assert!(said.contains(&ids::volume("good", number)), "{said}");
    }
    let said = core.cli("search is(example_account) | rogue echo {id}");
    assert!(!said.contains("echo"), "not allowed on this kind: {said}");
    let info = core.get("/cli/info")["alias_templates"].take();
    let ours = info.as_array().unwrap().iter().find(|template| template["name"] == "rogue").unwrap();
    assert_eq!(ours["info"], "Does what its first argument says");
    assert_eq!(ours["args"][0]["name"], "what", "{ours}");
    assert!(ours["help"].as_str().unwrap().contains("Long words about it."), "{ours}");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn from_the_command_line_over_http() {
    let Some(core) = Fixcore::http() else { return };
    from_the_command_line(&core);
}

#[test]
fn from_the_command_line_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    from_the_command_line(&core);
}

#[test]
fn errors_reach_the_user_in_words() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = rogue(&core);
    for (what, expected) in [
        ("denied", "command rogue: you are not allowed to do that (ask the cloud)"),
        ("crash", "killed by SIGABRT"),
        ("no-json", "answered with something that is not JSON"),
        ("large", "fixcore takes at most 4194303"),
    ] {
        let failed = run(&core, &[what]);
        let error =
            failed["error"].as_str().unwrap_or_else(|| panic!("{what} works: {:.200}", failed.to_string()));
        assert!(error.starts_with("Error executing task: ") && error.contains(expected), "{what}: {error}");
        let done = run(&core, &["echo"]);
        assert_eq!(done["result"]["args"], json!(["echo"]), "{done}");
    }
    let connected = worker.log().matches("the websocket of tasks is connected").count();
    assert_eq!(connected, 1, "none of it cost the connection");
    assert_eq!(worker.stop(), 0);
}

/// Fixcore waits ten seconds for a command; the words have to be there before.
#[test]
fn a_command_that_hangs_is_given_up_in_time() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = rogue(&core);
    let said = core.call("POST", "/cli/execute?graph=fix", Some(("text/plain", "rogue hang".to_owned())));
    assert!(said.text.contains("it took too long and was stopped"), "{said:?}");
    wait::until("the child is gone", || worker.children().is_empty());
    assert_eq!(run(&core, &["echo"])["result"]["args"], json!(["echo"]));
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_command_on_a_resource_of_another_cloud_is_refused() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "rogue,example").rogue(&["good"]).start(&core);
    core.await_task("rogue", None);
    let node = json!({"id": "x", "reported": {"id": "v1", "name": "v1", "kind": "example_volume"}});
    let task =
        json!({"name": "rogue", "attrs": {"cloud": "example"}, "data": {"args": ["echo"], "node": node}});
    let error = core.task(&task)["error"].take();
    let expected =
        "example_volume v1 is a resource of cloud example, and the command rogue is for cloud rogue";
    assert!(error.as_str().unwrap().contains(expected), "{error}");
    assert_eq!(worker.stop(), 0);
}
