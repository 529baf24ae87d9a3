//! The shape of the workspace, as the design fixes it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};

use fixworker_tests::binaries;
use fixworker_tests::process::Invocation;
use fixworker_tests::scratch::Scratch;
use serde_json::Value;

/// Workspace crates by name, each with the workspace crates it is built from.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let scratch = Scratch::new();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut metadata = Invocation::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .env("HOME", std::env::var_os("HOME").unwrap_or_default())
        .in_directory(binaries::repository())
        .start("cargo", scratch.path());
    assert_eq!(metadata.exit_code(), 0, "{}", metadata.errors());
    let metadata: Value = serde_json::from_str(&metadata.output()).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names: BTreeSet<_> = packages.iter().map(|package| text(&package["name"])).collect();
    let built_from = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        let built = all.filter(|dependency| dependency["kind"] != "dev");
        built.map(|dependency| text(&dependency["name"])).filter(|name| names.contains(name)).collect()
    };
    packages.iter().map(|package| (text(&package["name"]), built_from(package))).collect()
}

fn reachable(all: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        for next in &all[&name] {
            if found.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    found
}

#[test]
fn neither_binary_depends_on_the_other() {
    let all = dependencies();
    let supervisor = reachable(&all, "fixworker");
    let child = reachable(&all, "fix-collector");
    assert!(supervisor.contains("ipc-proto") && child.contains("ipc-proto"));
    let shared: BTreeSet<_> = supervisor.intersection(&child).map(String::as_str).collect();
    assert_eq!(shared, BTreeSet::from(["ipc-proto"]), "the two share nothing but the protocol");
    assert!(!supervisor.contains("fix-collector") && !child.contains("fixworker"));
}

#[test]
fn the_protocol_knows_nobody() {
    assert_eq!(dependencies()["ipc-proto"], BTreeSet::new());
}
