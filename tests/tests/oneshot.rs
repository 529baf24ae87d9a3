//! `fixworker collect`: the pipeline without fixcore.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;

use fixworker_tests::graph::Export;
use fixworker_tests::oneshot::{Alone, Oneshot};
use fixworker_tests::{procfs, wait};
use nix::sys::signal::Signal;

const PEER_EXAMPLE: &str = include_str!("../data/example-merge.ndjson");
const SMALL: [&str; 2] = ["random.accounts=3", "random.resources_per_account=60"];

#[test]
fn the_example_graph_is_that_of_the_python_worker() {
    let finished = Oneshot::new("example").run();
    finished.expect_code(0);
    assert_eq!(finished.graph().steady(), Export::parse(PEER_EXAMPLE).steady());
    let account = finished.account("Example Account");
    assert_eq!(account["state"], "done");
    assert_eq!(account["cloud"], "example");
    assert_eq!(account["error"], serde_json::Value::Null);
}

#[test]
fn the_graph_is_what_the_children_send() {
    let finished = Oneshot::new("random").set_all(&SMALL).run();
    finished.expect_code(0);
    let alone = Alone::collect_all("random", &SMALL);
    assert_eq!(finished.graph().steady(), alone.steady());
    assert_eq!(finished.accounts().len(), 3);
    for account in finished.accounts() {
        assert_eq!(account["attempts"], 1, "{account}");
        assert!(account["nodes"].as_u64().unwrap() >= 60, "{account}");
        assert!(account["edges"].as_u64().unwrap() > 0, "{account}");
        assert!(account["duration_s"].as_f64().unwrap() > 0.0, "{account}");
        assert!(account["peak_rss_bytes"].as_u64().unwrap() > 0, "{account}");
    }
    assert_eq!(procfs::mentioning(finished.scratch.path()), [], "no process is left");
}

#[test]
fn the_same_seed_gives_the_same_estate() {
    let run = |seed: &str| {
        let finished = Oneshot::new("random").set_all(&SMALL).set(seed).run();
        finished.expect_code(0);
        finished.graph().steady()
    };
    let first = run("random.seed=7");
    assert_eq!(first, run("random.seed=7"));
    assert_ne!(first, run("random.seed=8"));
}

#[test]
fn chosen_accounts_are_collected_and_others_are_not() {
    let ids = Alone::accounts("random", &SMALL);
    let finished = Oneshot::new("random").set_all(&SMALL).args(&["--account", &ids[1]]).run();
    finished.expect_code(0);
    assert_eq!(finished.graph().steady(), Alone::collect("random", &ids[1], &SMALL).steady());
    assert_eq!(finished.accounts().len(), 1);
}

#[test]
fn several_collectors_share_one_root() {
    let finished = Oneshot::new("example,random").set_all(&SMALL).run();
    finished.expect_code(0);
    let graph = finished.graph();
    assert_eq!(graph.of_kind("graph_root").len(), 1);
    assert_eq!(graph.of_kind("cloud").len(), 2);
    let expected = Alone::collect_all("random", &SMALL).and(Export::parse(PEER_EXAMPLE));
    assert_eq!(graph.steady(), expected.steady());
}

#[test]
fn exit_codes_tell_how_much_was_collected() {
    let some = Oneshot::rogue(&["good", "exit_77"]).run();
    some.expect_code(3).expect_said(&["exit_77"]);
    assert_eq!(some.graph().of_kind("example_account").len(), 1);
    assert_eq!(some.account("exit_77")["state"], "failed");

    let none = Oneshot::rogue(&["exit_77", "exit_78"]).run();
    none.expect_code(4);
    assert!(
        !none.has_graph() || none.graph().nodes.is_empty(),
        "nothing was collected, so nothing is written"
    );

    Oneshot::bare().run().expect_code(2);
    Oneshot::new("random").args(&["--no-such-flag"]).run().expect_code(2);
}

#[test]
fn the_output_can_go_to_standard_output() {
    let finished = Oneshot::new("example").args(&["--output", "-"]).run();
    finished.expect_code(0);
    assert_eq!(Export::parse(&finished.output).steady(), Export::parse(PEER_EXAMPLE).steady());
}

/// An export of one account, made by a child alone, comes back through the collector `file`.
#[test]
fn files_of_accounts_come_back_as_they_were() {
    let oneshot = Oneshot::new("file").set("supervisor.max_attempts=1");
    let ids = Alone::accounts("random", &SMALL);
    let mut paths = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        let path = oneshot.scratch().path().join(format!("account-{number}.ndjson"));
        let args = ["collect", "--collector", "random", "--account", id, "--output", path.to_str().unwrap()];
        let args: Vec<_> = args.into_iter().chain(["--override"]).chain(SMALL).collect();
        let alone = Alone::run(oneshot.scratch(), &args);
        assert_eq!(alone.code, 0, "{}", alone.errors);
        paths.push(path.display().to_string());
    }
    paths.push(oneshot.scratch().file("example.ndjson", PEER_EXAMPLE).display().to_string());
    let finished = oneshot.set(&format!("file.paths={}", paths.join(","))).run();
    finished.expect_code(0);
    let expected = Alone::collect_all("random", &SMALL).and(Export::parse(PEER_EXAMPLE));
    let graph = finished.graph();
    assert_eq!(graph.clone().steady_beside(&expected), expected.steady_beside(&graph));
    assert_eq!(finished.accounts().len(), 4);
}

#[test]
fn a_broken_line_names_file_and_line() {
    let broken = PEER_EXAMPLE.replace("\"id\": \"someVolume1\"", "\"id\": someVolume1");
    let line = 1 + PEER_EXAMPLE.lines().position(|line| line.contains("\"id\": \"someVolume1\"")).unwrap();
    let oneshot = Oneshot::new("file");
    let path = oneshot.scratch().file("broken.ndjson", broken);
    let finished = oneshot.set(&format!("file.paths={}", path.display())).run();
    finished.expect_code(4).expect_said(&["broken.ndjson", &line.to_string()]);
}

#[test]
fn a_config_file_has_the_shape_of_the_document_in_fixcore() {
    let oneshot = Oneshot::new("random");
    let config = r#"{"random": {"seed": 3, "accounts": 2, "resources_per_account": 40}}"#;
    let path = oneshot.scratch().file("config.json", config);
    let finished = oneshot.args(&["--config", path.to_str().unwrap()]).set("random.accounts=1").run();
    finished.expect_code(0);
    let settings = ["random.seed=3", "random.accounts=1", "random.resources_per_account=40"];
    assert_eq!(finished.graph().steady(), Alone::collect_all("random", &settings).steady());
}

#[test]
fn placeholders_come_from_the_environment() {
    let oneshot = Oneshot::new("random");
    let config =
        r#"{"random": {"accounts": "$(HOW_MANY)", "resources_per_account": 40, "seed": "$(NOT_SET)"}}"#;
    let path = oneshot.scratch().file("config.json", config);
    let finished = oneshot.args(&["--config", path.to_str().unwrap()]).env("HOW_MANY", "2").run();
    finished.expect_code(0).expect_said(&["random.seed", "NOT_SET"]);
    assert_eq!(finished.accounts().len(), 2);
}

#[test]
fn a_signal_ends_it_without_leaving_anything() {
    let mut running = Oneshot::rogue(&["good", "hold-1", "hold-2"]).start();
    wait::until("children run", || running.scratch.collectors().len() >= 2);
    running.process.signal(Signal::SIGTERM);
    running.process.wait();
    assert_eq!(running.scratch.collectors(), []);
    assert_eq!(fs::read_dir(running.scratch.dir("tmp")).unwrap().count(), 0, "temporary files are left");
}

/// One child serves all accounts of a collector.
#[test]
fn without_fork_the_graph_is_the_same() {
    let finished = Oneshot::new("random").set_all(&SMALL).set("fixworker.fork_process=false").run();
    finished.expect_code(0);
    assert_eq!(finished.graph().steady(), Alone::collect_all("random", &SMALL).steady());
}

#[test]
fn the_child_alone_says_what_it_is() {
    let scratch = fixworker_tests::scratch::Scratch::new();
    let described = Alone::run(&scratch, &["describe", "--collector", "random"]);
    assert_eq!(described.code, 0, "{}", described.errors);
    assert!(
        described.output.contains("random_account") && described.output.contains("resources_per_account")
    );
    assert_eq!(Alone::run(&scratch, &["collect", "--collector", "unheard-of"]).code, 64);
    assert_eq!(Alone::run(&scratch, &["--no-such-flag"]).code, 64);
}
