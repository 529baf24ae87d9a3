//! Cleanup as it should go: order, dry run, another try, what must stay, what people hear.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::core::Fixcore;
use fixworker_tests::estate::Estate;
use fixworker_tests::worker::{Worker, WorkerOptions};
use serde_json::{Value, json};

const SETTINGS: [&str; 5] = [
    "fixworker.cleanup=true",
    "fixworker.cleanup_dry_run=false",
    "supervisor.cleanup_pause=0.1",
    "supervisor.cleanup_patience=5",
    "supervisor.max_attempts=3",
];

/// A worker whose child deletes what `orders` say; `extra` are further settings.
fn worker(core: &Fixcore, orders: &Value, extra: &[&str]) -> Worker {
    // A setting that is given twice would be an error, so the first gives way.
    let is_changed =
        |setting: &&str| extra.iter().any(|other| other.split('=').next() == setting.split('=').next());
    let settings: Vec<_> = SETTINGS.into_iter().filter(|setting| !is_changed(setting)).collect();
    let options = WorkerOptions::new(core, "rogue").rogue(&["good"]).set_all(&settings).set_all(extra);
    options.scratch().file("markers/orders.json", orders.to_string());
    options.start(core)
}

/// Runs a cleanup to its end, and returns the kind of the answer.
#[track_caller]
fn clean(core: &Fixcore) -> String {
    let task = core.start_workflow("cleanup");
    core.await_workflow(&task);
    let answers = core.answers(&task);
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, "cleanup");
    answers[0].1.clone()
}

fn is_cleaned(core: &Fixcore, id: &str) -> bool {
    core.node(id)["metadata"]["cleaned"] == true
}

#[track_caller]
fn assert_cleaned(core: &Fixcore, cleaned: &[&str], others: &[&str]) {
    for id in cleaned {
        assert!(is_cleaned(core, id), "{id}: {}", core.node(id));
    }
    for id in others {
        assert!(!is_cleaned(core, id), "{id}: {}", core.node(id));
    }
}

/// The questions that children were asked: process and node id.
fn asked(worker: &Worker) -> Vec<(i32, String)> {
    let text = std::fs::read_to_string(worker.scratch().path().join("markers/asked")).unwrap_or_default();
    let lines = text.lines().map(|line| line.split_once(' ').unwrap());
    lines.map(|(pid, id)| (pid.parse().unwrap(), id.to_owned())).collect()
}

fn asked_ids(worker: &Worker) -> Vec<String> {
    asked(worker).into_iter().map(|(_, id)| id).collect()
}

/// The texts of `action_info` messages of this level.
fn infos(core: &Fixcore, level: &str) -> Vec<String> {
    let infos = core.messages("action_info").into_iter().filter(|info| info["data"]["level"] == level);
    infos.map(|info| info["data"]["message"].as_str().unwrap().to_owned()).collect()
}

fn log_of(core: &Fixcore, id: &str) -> Vec<String> {
    let log = core.node(id)["metadata"]["event_log"].as_array().cloned().unwrap_or_default();
    log.iter().map(|entry| entry["msg"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_example_collector_deletes_its_marked_resources() {
    let Some(core) = Fixcore::https() else { return };
    let mut worker = WorkerOptions::new(&core, "example").set_all(&SETTINGS).start(&core);
    core.collect();
    let graph = core.graph();
    let id = |kind: &str| graph.of_kind(kind)[0]["id"].as_str().unwrap().to_owned();
    let (instance, volume) = (id("example_instance"), id("example_volume"));
    core.post("/harness/mark_clean", &json!({"ids": [instance, volume]}));

    assert_eq!(clean(&core), "action_done");
    assert_cleaned(&core, &[&instance, &volume], &[&id("example_network")]);
    let entry = &core.node(&volume)["metadata"]["event_log"][0];
    assert!(entry["timestamp"].as_str().unwrap().ends_with('Z') && entry["exception"].is_null(), "{entry}");

    let patches = core.count_requests("PATCH", "/graph/fix/nodes");
    assert_eq!(clean(&core), "action_done");
    assert_eq!(core.count_requests("PATCH", "/graph/fix/nodes"), patches, "there was nothing left to do");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn resources_go_pass_by_pass_in_one_child() {
    let Some(core) = Fixcore::http() else { return };
    let estate = Estate::rogue().account("good").marked("net").marked("vm").marked("disk").unmarked("other");
    estate.needs("net", &["vm", "disk"]).needs("disk", &["vm"]).needs("vm", &["other"]).put(&core);
    let mut worker = worker(&core, &json!({}), &[]);
    assert_eq!(clean(&core), "action_done");
    assert_eq!(asked_ids(&worker), ["vm", "disk", "net"]);
    let pids: Vec<_> = asked(&worker).into_iter().map(|(pid, _)| pid).collect();
    assert!(pids.iter().all(|pid| *pid == pids[0]), "one child lives through all passes: {pids:?}");
    assert_cleaned(&core, &["net", "vm", "disk"], &["other"]);
    assert_eq!(log_of(&core, "vm"), ["the cloud took it", "deleted"]);
    assert!(infos(&core, "info").iter().any(|text| text.contains("3 deleted")), "{:?}", infos(&core, "info"));
    assert_eq!(worker.stop(), 0);
}

#[test]
fn accounts_are_cleaned_side_by_side_within_the_pool_and_other_clouds_are_left_alone() {
    let Some(core) = Fixcore::http() else { return };
    Estate::of_cloud("foreign").account("faults").marked("foreign").put(&core);
    let estate = Estate::rogue().account("good-1").marked("a").account("good-2").marked("b");
    estate.account("good-3").marked("c").put(&core);
    let hold = json!({"*": ["hold*"]});
    let mut worker = worker(&core, &hold, &["fixworker.cleanup_pool_size=2"]);
    let task = core.start_workflow("cleanup");
    let children = worker.await_children(2);
    let labels: Vec<_> = children.iter().filter_map(|child| child.label()).collect();
    assert!(labels.iter().all(|label| label.starts_with("rogue/good-")), "{labels:?}");
    assert_eq!(worker.shown_children()[0]["collector"], "rogue");
    assert_eq!(worker.children().len(), 2);
    worker.scratch().file("markers/release", "");
    core.await_workflow(&task);
    assert_cleaned(&core, &["a", "b", "c"], &["foreign"]);
    assert_eq!(asked(&worker).len(), 3);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_dry_run_tells_the_order_and_changes_nothing() {
    let Some(core) = Fixcore::http() else { return };
    let estate = Estate::rogue().account("good").marked("net").marked("vm").needs("net", &["vm"]);
    estate.put(&core);
    let mut worker = worker(&core, &json!({}), &["fixworker.cleanup_dry_run=true"]);
    assert_eq!(clean(&core), "action_done");
    assert_eq!(asked_ids(&worker), ["vm", "net"]);
    assert!(!worker.scratch().path().join("markers/deleted").exists());
    assert_cleaned(&core, &[], &["net", "vm"]);
    assert_eq!(core.count_requests("PATCH", "/graph/fix/nodes"), 0);
    let told = infos(&core, "info").into_iter().find(|text| text.contains("dry run")).unwrap();
    let vm =
        told.find("1. example_volume vm: detach it, 1. then delete it").unwrap_or_else(|| panic!("{told}"));
    let net = told.find("2. example_volume net").unwrap_or_else(|| panic!("{told}"));
    assert!(vm < net && told.starts_with("[rogue:good] "), "{told}");
    assert!(
        worker.log().contains("example_volume vm would be deleted: detach it; delete it"),
        "{}",
        worker.log()
    );
    assert_eq!(worker.stop(), 0);
}

#[test]
fn what_could_not_go_yet_goes_later() {
    let Some(core) = Fixcore::http() else { return };
    Estate::rogue().account("good").marked("gateway").marked("net").put(&core);
    let orders = json!({"gateway": ["later", "later", "later", "gone"]});
    let mut worker = worker(&core, &orders, &[]);
    assert_eq!(clean(&core), "action_done");
    assert_eq!(asked_ids(&worker).iter().filter(|id| *id == "gateway").count(), 4);
    assert_cleaned(&core, &["gateway", "net"], &[]);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn what_never_can_go_is_given_up_and_names_what_is_in_the_way() {
    let Some(core) = Fixcore::http() else { return };
    let estate = Estate::rogue().account("good").marked("net").unmarked("vm").marked("free");
    estate.needs("net", &["vm"]).put(&core);
    let mut worker = worker(&core, &json!({"net": ["later*"]}), &["supervisor.cleanup_patience=1"]);
    assert_eq!(clean(&core), "action_done");
    let text = core.await_reported(&["the cloud says later", "example_volume net", "example_volume vm"]);
    assert!(text.contains("not marked for cleanup"), "{text}");
    assert_cleaned(&core, &["free"], &["net"]);
    assert!(log_of(&core, "net").iter().any(|text| text.contains("the cloud says later")));
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_failed_deletion_keeps_what_it_depends_on_and_everybody_hears_why() {
    let Some(core) = Fixcore::http() else { return };
    let estate = Estate::rogue().account("good").marked("net").marked("subnet").marked("vm").marked("free");
    estate.needs("net", &["subnet"]).needs("subnet", &["vm"]).put(&core);
    let mut worker = worker(&core, &json!({"vm": ["fail"]}), &[]);
    assert_eq!(clean(&core), "action_done", "something was deleted");
    let mut ids = asked_ids(&worker);
    ids.sort();
    assert_eq!(ids, ["free", "vm"], "the cloud is not asked for the others");
    assert_cleaned(&core, &["free"], &["net", "subnet", "vm"]);
    core.await_reported(&["[rogue:good] not deleted (the cloud says fail): example_volume vm"]);
    core.await_reported(&["not touched (example_volume vm depends on it", "example_volume subnet"]);
    core.await_reported(&["not touched (example_volume subnet depends on it", "example_volume net"]);
    assert_eq!(log_of(&core, "vm"), ["denied", "not deleted: the cloud says fail"]);
    assert!(log_of(&core, "net")[0].starts_with("not touched: "));
    let metrics = worker.get("/metrics").expect_success().text.clone();
    assert!(metrics.contains("resource_cleanup_exceptions_total{cloud=\"rogue\",kind=\"example_volume\"} 1"));
    assert!(metrics.contains("fix_cleanup_seconds_count 1"), "{metrics}");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn the_action_fails_if_nothing_could_be_deleted() {
    let Some(core) = Fixcore::http() else { return };
    Estate::rogue().account("good").marked("vm").put(&core);
    let mut worker = worker(&core, &json!({"vm": ["credentials*"]}), &[]);
    assert_eq!(clean(&core), "action_error");
    core.await_reported(&["Failed to cleanup", "the token has expired", "ask the cloud"]);
    assert_eq!(asked(&worker).len(), 1, "no second try with the same credentials");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn protected_resources_and_phantoms_stay_with_what_they_need() {
    let Some(core) = Fixcore::http() else { return };
    let marked = json!({"desired": {"clean": true}});
    let guarded = json!({"desired": {"clean": true}, "metadata": {"protected": true}});
    let estate =
        Estate::rogue().account("good").marked("net").resource("guarded", "example_volume", &guarded);
    let estate =
        estate.needs("net", &["guarded"]).resource("region", "example_region", &marked).marked("free");
    estate.put(&core);
    let mut worker = worker(&core, &json!({}), &[]);
    assert_eq!(clean(&core), "action_done");
    assert_eq!(asked_ids(&worker), ["free"]);
    assert_cleaned(&core, &["free"], &["net", "guarded", "region"]);
    core.await_reported(&["example_region", "cannot be deleted"]);
    core.await_reported(&["not touched", "example_volume guarded depends on it", "example_volume net"]);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn circles_are_named_and_the_rest_is_deleted() {
    let Some(core) = Fixcore::http() else { return };
    let estate = Estate::rogue().account("good").marked("a").marked("b").marked("leaf").marked("above");
    estate.needs("a", &["b"]).needs("b", &["a", "leaf"]).needs("above", &["a"]).put(&core);
    let mut worker = worker(&core, &json!({}), &[]);
    assert_eq!(clean(&core), "action_done");
    assert_eq!(asked_ids(&worker), ["leaf"]);
    core.await_reported(&["circle", "example_volume a -> example_volume b -> example_volume a"]);
    assert_cleaned(&core, &["leaf"], &["a", "b", "above"]);
    assert_eq!(worker.stop(), 0);
}

#[test]
fn long_lists_are_split_between_names() {
    let Some(core) = Fixcore::http() else { return };
    let name = |number: usize| format!("a-volume-with-quite-a-long-name-so-that-few-fit-{number:03}");
    let estate = (0..60).fold(Estate::rogue().account("good"), |estate, number| estate.marked(&name(number)));
    estate.put(&core);
    let mut worker = worker(&core, &json!({"*": ["fail*"]}), &[]);
    assert_eq!(clean(&core), "action_error");
    let texts = infos(&core, "error");
    assert!(texts.len() > 5, "{texts:?}");
    for text in &texts {
        assert!(text.chars().count() <= 500, "{text}");
        assert!(text.starts_with("[rogue:good] not deleted (the cloud says fail)"), "{text}");
    }
    let all = texts.join(", ");
    for number in 0..60 {
        assert_eq!(all.matches(&format!("example_volume {}", name(number))).count(), 1, "{number}");
    }
    assert_eq!(worker.stop(), 0);
}

#[test]
fn cleanup_that_is_not_enabled_is_done_at_once_until_the_config_says_otherwise() {
    let Some(core) = Fixcore::http() else { return };
    Estate::rogue().account("good").marked("vm").put(&core);
    let options = WorkerOptions::new(&core, "rogue").rogue(&["good"]);
    let mut worker = options.start(&core);
    assert_eq!(clean(&core), "action_done");
    assert_eq!((asked(&worker).len(), is_cleaned(&core, "vm")), (0, false));
    core.patch_config(&json!({"fixworker": {"cleanup": true, "cleanup_dry_run": false}}));
    worker.await_log("new values in use: fixworker.cleanup");
    assert_eq!(clean(&core), "action_done");
    assert_cleaned(&core, &["vm"], &[]);
    assert_eq!(worker.stop(), 0);
}
