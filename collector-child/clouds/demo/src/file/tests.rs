//! The collector as a whole, on files.

use std::fs;
use std::path::Path;

use ipc_proto::fault::Level;
use ipc_proto::graph::Role;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::random::Random;
use crate::testing::{Sent, collect_account, list, only_account, sentence};

const CAPTURE: &str = include_str!("../testing/example-merge.ndjson");

fn config(paths: &[&Path]) -> Value {
    json!({"paths": paths})
}

fn write(dir: &TempDir, name: &str, text: &str) -> std::path::PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// What the supervisor adds to the account.
fn without_export(line: &str) -> String {
    line.replace(", \"replace\": true, \"exported_at\": \"2026-11-22T11:30:17Z\"", "")
}

async fn collect(path: &Path) -> Result<Sent, Failure> {
    let collector = FileCollector::default();
    let account = only_account(&collector, config(&[path])).await;
    collect_account(&collector, config(&[path]), account).await
}

async fn refusal(path: &Path) -> String {
    let (accounts, faults) = list(&FileCollector::default(), config(&[path])).await;
    assert!(faults.is_empty(), "{faults:?}");
    sentence(&accounts.unwrap_err()).replace(&path.parent().unwrap().display().to_string(), "")
}

#[tokio::test]
async fn an_export_of_the_python_worker_goes_through() {
    let dir = TempDir::new().unwrap();
    let path = write(&dir, "fix-graph-2026-11-22.ndjson", CAPTURE);
    let account = only_account(&FileCollector::default(), config(&[&path])).await;
    assert_eq!((account.cloud.as_str(), account.id.as_str()), ("example", "Example Account"));
    assert_eq!(account.node_id, "vfKMDXmQWbiGi7RXMUAoKA");
    let sent = collect(&path).await.unwrap();
    let expected: Vec<String> = CAPTURE.lines().map(without_export).collect();
    assert_eq!(sent.lines(), expected);
    let roles: Vec<Role> = sent.nodes.iter().map(|node| node.role).take(5).collect();
    assert_eq!(roles, [Role::Root, Role::Cloud, Role::Account, Role::Region, Role::Region]);
    assert_eq!(sent.progress.last().map(|line| line.current), Some(100));
}

#[tokio::test]
async fn an_export_of_our_own_goes_through() {
    let settings = json!({"accounts": 1, "resources_per_account": 3000});
    let random = Random::default();
    let account = only_account(&random, settings.clone()).await;
    let made = collect_account(&random, settings, account.clone()).await.unwrap();
    let dir = TempDir::new().unwrap();
    let path = write(&dir, "a.ndjson", &(made.lines().join("\n") + "\n"));
    let found = only_account(&FileCollector::default(), config(&[dir.path()])).await;
    assert_eq!((found.id, found.name, found.node_id), (account.id, account.name, account.node_id));
    let sent = collect(&path).await.unwrap();
    assert_eq!((sent.nodes, sent.edges), (made.nodes, made.edges));
}

#[tokio::test]
async fn unknown_kinds_are_passed_on() {
    let dir = TempDir::new().unwrap();
    let text = CAPTURE.replace("example_volume", "aws_ec2_volume").replace("ExampleVolume", "AwsEc2Volume");
    let sent = collect(&write(&dir, "a.ndjson", &text)).await.unwrap();
    assert_eq!(sent.of_kind("aws_ec2_volume").count(), 2);
    assert_eq!(sent.lines(), text.lines().map(without_export).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_broken_line_costs_the_account() {
    let dir = TempDir::new().unwrap();
    for (text, expected) in [
        (
            CAPTURE.replacen("{\"from\"", "{\"from\": \"x\", \"from\"", 1),
            "line 13 of /a.ndjson is broken: duplicate field",
        ),
        (CAPTURE[..CAPTURE.len() - 20].to_owned(), "line 32 of /a.ndjson is broken: EOF while parsing"),
        (
            format!("{CAPTURE}{}", CAPTURE.lines().nth(2).unwrap().replace("vfKMD", "other")),
            "/a.ndjson holds a second account (line 33, node otherXmQWbiGi7RXMUAoKA)",
        ),
    ] {
        let failure = collect(&write(&dir, "a.ndjson", &text)).await.unwrap_err();
        let sentence = sentence(&failure).replace(&dir.path().display().to_string(), "");
        assert!(sentence.starts_with(expected), "{sentence}");
    }
}

#[tokio::test]
async fn what_is_no_export_is_said() {
    let dir = TempDir::new().unwrap();
    assert_eq!(refusal(&dir.path().join("none.ndjson")).await, "/none.ndjson does not exist");
    assert_eq!(refusal(&write(&dir, "empty", "")).await, "/empty is empty");
    assert_eq!(
        refusal(&write(&dir, "a.gz", "\u{1f}\u{0}")).await.split(':').next().unwrap(),
        "line 1 of /a.gz is broken"
    );
    let inner = dir.path().join("inner");
    fs::create_dir(&inner).unwrap();
    assert_eq!(refusal(&inner).await, "/inner is a directory without *.ndjson files");
    let (accounts, _) = list(&FileCollector::default(), json!({"paths": []})).await;
    assert_eq!(sentence(&accounts.unwrap_err()), "file.paths names no file");
    let (accounts, _) = list(&FileCollector::default(), json!({"paths": "/x"})).await;
    assert_eq!(sentence(&accounts.unwrap_err()), "the setting file.paths does not accept a text");
}

#[tokio::test]
async fn one_bad_file_does_not_cost_the_others() {
    let dir = TempDir::new().unwrap();
    let good = write(&dir, "good.ndjson", CAPTURE);
    let again = write(&dir, "again.ndjson", CAPTURE);
    let empty = write(&dir, "empty.ndjson", "");
    let paths = config(&[&good, &empty, &again, &good]);
    let (accounts, faults) = list(&FileCollector::default(), paths).await;
    assert_eq!(accounts.unwrap().len(), 1);
    let root = dir.path().display().to_string();
    let sentences: Vec<_> = faults.iter().map(|fault| fault.message.replace(&root, "")).collect();
    assert_eq!(
        sentences,
        [
            "/empty.ndjson is empty",
            "/again.ndjson holds the account Example Account again, which is taken from /good.ndjson",
            "/good.ndjson is named twice in file.paths",
        ]
    );
    assert_eq!(faults[2].level, Level::Info);
}

#[tokio::test]
async fn a_file_that_was_replaced_is_noticed() {
    let dir = TempDir::new().unwrap();
    let path = write(&dir, "a.ndjson", CAPTURE);
    let collector = FileCollector::default();
    let account = only_account(&collector, config(&[&path])).await;
    write(&dir, "a.ndjson", CAPTURE.lines().next().unwrap());
    let failure = collect_account(&collector, config(&[&path]), account.clone()).await.unwrap_err();
    assert!(sentence(&failure).ends_with("does not hold this account any more"));
    fs::remove_file(&path).unwrap();
    let failure = collect_account(&collector, config(&[&path]), account).await.unwrap_err();
    assert!(sentence(&failure).ends_with("does not exist"));
}
