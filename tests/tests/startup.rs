//! First start, later starts, and changes of the config document.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::core::{Fixcore, SUBSCRIBER};
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};
use serde_json::{Value, json};

/// How often a worker has gone through its start, of which sending the model is a part.
fn starts(core: &Fixcore) -> usize {
    core.count_requests("PATCH", "/configs/model")
}

fn await_starts(core: &Fixcore, count: usize) {
    wait::until(&format!("the worker has started {count} times"), || starts(core) >= count);
}

/// Collects until there are so many accounts: a change of the config takes a moment. More than before, as a run does
/// not remove accounts that are not listed any more.
fn await_accounts(core: &Fixcore, count: usize) {
    wait::until(&format!("a run gives {count} accounts"), || {
        core.collect();
        core.graph().accounts().len() == count
    });
}

/// A document as a user has it: settings changed, sections and keys of others in it.
fn document(accounts: u32) -> Value {
    json!({
        "fixworker": {"collector": ["random"], "timeout": 3600},
        "random": {"seed": 5, "accounts": accounts, "resources_per_account": 40},
        "homemade": {"account": ["1", "2"], "nested": {"z": 1.50, "a": null}, "profiles": null},
        "someone_else": {"list": [1, 2.0, "three"], "text": "\u{e9}\u{1f680}"},
    })
}

fn first_start(core: &Fixcore) {
    assert_eq!(core.config(), None);
    let mut worker = WorkerOptions::unconfigured(core).start(core);
    let config = wait::eventually("the config document is there", || core.config());
    assert_eq!(config["fixworker"]["timeout"], 10800);
    assert_eq!(config["fixworker"]["graph_merge_kind"], "account");
    assert_eq!(config["fixworker"]["web_port"], 9956, "an override is not stored");
    assert_eq!(config["supervisor"]["max_attempts"], 3);
    assert_eq!(config["supervisor"]["grace"], 10, "an override is not stored");
    assert_eq!(config["random"]["seed"], 0);
    assert!(config["file"]["paths"].is_array());

    let model = core.get("/configs/model");
    for kind in ["fixworker", "supervisor", "random", "file"] {
        assert!(model["kinds"].get(kind).is_some(), "the kind {kind} is in the model");
    }
    let subscribers = core.get("/harness/subscribers");
    let subscribers = subscribers["subscribers"].as_array().unwrap();
    let id = format!("{SUBSCRIBER}-collector");
    let ours = subscribers.iter().find(|subscriber| subscriber["id"] == id.as_str()).unwrap();
    let collect = &ours["subscriptions"]["collect"];
    assert_eq!(collect["wait_for_completion"], true, "{ours}");
    assert_eq!(worker.stop(), 0);
}

fn second_start(core: &Fixcore) {
    core.put_config(&document(2));
    let before = core.config().unwrap();
    let mut worker = WorkerOptions::unconfigured(core).start(core);
    wait::until("the config document is completed", || core.config().unwrap().get("supervisor").is_some());
    let config = core.config().unwrap();
    assert_eq!(config["fixworker"]["timeout"], 3600);
    assert_eq!(config["fixworker"]["pool_size"], 5, "what was missing has its default");
    assert_eq!(config["random"]["accounts"], 2);
    for foreign in ["homemade", "someone_else"] {
        assert_eq!(
            config[foreign].to_string(),
            before[foreign].to_string(),
            "{foreign} is kept byte for byte"
        );
    }
    assert_eq!(worker.stop(), 0);

    worker.start_again(core);
    assert_eq!(core.config().unwrap(), config, "another start changes nothing");
    core.collect();
    assert_eq!(core.graph().accounts().len(), 2);
    assert_eq!(worker.stop(), 0);
}

fn live_change(core: &Fixcore, worker: &Worker) {
    let before = starts(core);
    core.patch_config(&json!({"random": {"accounts": 3}}));
    await_accounts(core, 3);
    assert_eq!(starts(core), before, "no restart for a value that does not need one");
    assert!(worker.scratch().collectors().is_empty());
}

fn change_that_needs_a_restart(core: &Fixcore, worker: &mut Worker) {
    let (before, pid) = (starts(core), worker.pid());
    core.patch_config(&json!({"fixworker": {"collector": ["random", "example"]}}));
    await_starts(core, before + 1);
    worker.await_connected(core);
    await_accounts(core, 4);
    assert!(worker.process().ended().is_none(), "it replaced itself: the process {pid} is the same");
}

fn config_changes(core: &Fixcore) {
    core.put_config(&document(2));
    let mut worker = WorkerOptions::unconfigured(core).start(core);
    await_accounts(core, 2);
    live_change(core, &worker);
    change_that_needs_a_restart(core, &mut worker);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn first_start_over_http() {
    let Some(core) = Fixcore::http() else { return };
    first_start(&core);
}

#[test]
fn first_start_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    first_start(&core);
}

#[test]
fn second_start_over_http() {
    let Some(core) = Fixcore::http() else { return };
    second_start(&core);
}

#[test]
fn second_start_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    second_start(&core);
}

#[test]
fn config_changes_over_http() {
    let Some(core) = Fixcore::http() else { return };
    config_changes(&core);
}

#[test]
fn config_changes_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    config_changes(&core);
}

/// Without a key anybody could answer in place of fixcore. That is told with what ends it.
#[test]
fn an_authority_that_nothing_proves_is_told_until_its_fingerprint_is_given() {
    const TOLD: &str = "start with --ca-fingerprint ";
    let Some(core) = Fixcore::https_without_psk() else { return };
    core.put_config(&document(1));
    let mut trusting = WorkerOptions::new(&core, "random").start(&core);
    let log = trusting.log();
    let fingerprint = log.split(TOLD).nth(1).expect("it is told").split(' ').next().unwrap().to_owned();
    assert_eq!(log.matches(TOLD).count(), 1, "once: {log}");
    assert_eq!(trusting.stop(), 0);

    let pinned = WorkerOptions::new(&core, "random").arg("--ca-fingerprint").arg(&fingerprint);
    let mut pinned = pinned.start(&core);
    core.collect();
    assert!(!pinned.log().contains(TOLD), "{}", pinned.log());
    assert_eq!(pinned.stop(), 0);

    let other = if fingerprint.starts_with("AB") { "CD" } else { "AB" };
    let other = format!("{other}{}", &fingerprint[2..]);
    let mut wrong = WorkerOptions::new(&core, "random").arg("--ca-fingerprint").arg(&other).launch();
    wrong.await_log(&format!("is {fingerprint}, but --ca-fingerprint says"));
    assert!(!core.is_connected(SUBSCRIBER), "it talks to nobody");
    wrong.process().kill_hard();
}

/// The Python worker compares with the values after `--override`, and restarts on every config update.
#[test]
fn an_overridden_value_does_not_restart() {
    let Some(core) = Fixcore::http() else { return };
    core.put_config(&document(1));
    let mut worker = WorkerOptions::new(&core, "random").start(&core);
    let before = starts(&core);
    core.patch_config(&json!({"fixworker": {"collector": ["example"]}, "random": {"accounts": 2}}));
    await_accounts(&core, 2);
    assert_eq!(starts(&core), before);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_document_that_does_not_parse_costs_what_is_wrong_in_it() {
    let Some(core) = Fixcore::http() else { return };
    let mut wrong = document(2);
    wrong["fixworker"]["timeout"] = json!("soon");
    core.put_config(&wrong);
    let mut worker = WorkerOptions::unconfigured(&core).start(&core);
    worker.await_log("fixworker.timeout");
    core.collect();
    assert_eq!(core.graph().accounts().len(), 2, "the rest works");
    let stored = core.config().unwrap();
    assert_eq!(stored["fixworker"]["timeout"], "soon", "what the user wrote is not thrown away");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn files_for_the_home_directory_stay_in_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(core) = Fixcore::http() else { return };
    let mut config = document(1);
    let files = json!({".aws/credentials": "secret", "../outside": "no", "/etc/fixworker-test": "no"});
    config["fixworker"]["files_in_home_dir"] = files;
    core.put_config(&config);
    let mut worker = WorkerOptions::unconfigured(&core).start(&core);
    let home = worker.scratch().dir("home");
    let path = home.join(".aws/credentials");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "secret");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!home.parent().unwrap().join("outside").exists());
    assert!(!std::path::Path::new("/etc/fixworker-test").exists());
    worker.await_log("outside");
    assert_eq!(worker.stop(), 0);
}

/// fixcore resolves `$(NAME)` from its own environment first; what is left is ours, and is never written back.
#[test]
fn placeholders_are_resolved_here_and_not_written_back() {
    let Some(core) = Fixcore::http() else { return };
    let mut config = document(1);
    config["random"]["accounts"] = json!("$(ACCOUNTS_OF_THE_TEST)");
    config["random"]["seed"] = json!("$(NOT_SET_ANYWHERE)");
    core.put_config(&config);
    let mut worker = WorkerOptions::unconfigured(&core).env("ACCOUNTS_OF_THE_TEST", "2").start(&core);
    worker.await_log("NOT_SET_ANYWHERE");
    core.collect();
    assert_eq!(core.graph().accounts().len(), 2);
    let raw = core.get(&format!("/config/{SUBSCRIBER}?resolve_env_vars=false"));
    assert_eq!(raw["random"]["accounts"], "$(ACCOUNTS_OF_THE_TEST)");
    assert_eq!(raw["random"]["seed"], "$(NOT_SET_ANYWHERE)");
    assert_eq!(worker.stop(), 0);
}
