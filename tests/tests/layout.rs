//! The shape of the workspace, as the design fixes it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fixworker_tests::binaries;
use fixworker_tests::process::Invocation;
use fixworker_tests::scratch::Scratch;
use serde_json::Value;

/// What cargo knows about the workspace.
fn metadata() -> Value {
    let scratch = Scratch::new();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut metadata = Invocation::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .env("HOME", std::env::var_os("HOME").unwrap_or_default())
        .in_directory(binaries::repository())
        .start("cargo", scratch.path());
    assert_eq!(metadata.exit_code(), 0, "{}", metadata.errors());
    serde_json::from_str(&metadata.output()).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Workspace crates by name, each with the workspace crates it is built from.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
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
    let common = BTreeSet::from(["decisions", "ipc-proto"]);
    assert_eq!(shared, common, "the two share nothing but the protocol, and what they decide alike");
    assert!(!supervisor.contains("fix-collector") && !child.contains("fixworker"));
}

#[test]
fn the_protocol_knows_nobody() {
    assert_eq!(dependencies()["ipc-proto"], BTreeSet::new());
}

#[test]
fn what_both_sides_decide_alike_is_pure_and_knows_the_protocol_only() {
    let all = dependencies();
    assert_eq!(all["decisions"], BTreeSet::from(["ipc-proto".to_owned()]));
    let users = all.iter().filter(|(_, built_from)| built_from.contains("decisions"));
    let users: Vec<&str> = users.map(|(name, _)| name.as_str()).collect();
    assert_eq!(users, ["fix-collector", "fixworker", "fixworker-cleanup", "fixworker-fleet"]);

    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "decisions").unwrap();
    let foreign = package["dependencies"].as_array().unwrap().iter();
    let foreign: Vec<String> = foreign
        .filter(|dependency| dependency["kind"] != "dev")
        .map(|dependency| text(&dependency["name"]))
        .collect();
    assert_eq!(foreign, ["ipc-proto"], "no runtime, no serializer");
    let mut files = Vec::new();
    sources(&binaries::repository().join("ipc-proto/decisions/src"), &mut files);
    let is_test = |file: &PathBuf| file.ends_with("tests.rs") || file.ends_with("properties.rs");
    for file in files.iter().filter(|file| !is_test(file)) {
        let text = fs::read_to_string(file).unwrap();
        let doors = ["std::fs", "std::io", "std::net", "std::process", "std::env", "std::thread", "::now()"];
        let open: Vec<&str> = doors.into_iter().filter(|door| text.contains(door)).collect();
        assert!(open.is_empty(), "{}: {open:?}", file.display());
    }
}

/// The cloud that each crate of one is about.
fn clouds() -> BTreeMap<String, String> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let cloud = |package: &Value| {
        let path = text(&package["manifest_path"]);
        let (_, below) = path.split_once("/collector-child/clouds/")?;
        Some((text(&package["name"]), below.split('/').next()?.to_owned()))
    };
    packages.iter().filter_map(cloud).collect()
}

/// The floors of the child below the clouds, from the ground up: a crate is built from crates of lower floors only.
const FLOORS: [&[&str]; 5] = [
    &["ipc-proto"],
    &["decisions", "inventory", "shapes"],
    &["collector", "http-client", "tables"],
    &["engine"],
    &["rest-client", "s3"],
];

#[test]
fn the_child_is_built_in_floors() {
    let all = dependencies();
    let clouds = clouds();
    let floor = |name: &str| match FLOORS.iter().position(|floor| floor.contains(&name)) {
        Some(floor) => floor,
        None if clouds.contains_key(name) => FLOORS.len(),
        None => FLOORS.len() + 1,
    };
    let of_child = reachable(&all, "fix-collector");
    for name in FLOORS.concat() {
        assert!(of_child.contains(name), "{name} is no part of the child any more");
    }
    assert!(clouds.len() > 2, "{clouds:?}");
    for name in of_child.iter().map(String::as_str).chain(["fix-collector"]) {
        for below in &all[name] {
            match (clouds.get(name), clouds.get(below)) {
                (Some(own), Some(other)) => assert_eq!(own, other, "{name} knows {below}"),
                _ => {
                    assert!(
                        floor(below) < floor(name),
                        "{name} is built from {below}, which is not below it"
                    );
                }
            }
        }
    }
}

/// Parts of words that name a cloud.
const NAMES: [&str; 10] = [
    "amazon",
    "azure",
    "boto",
    "digitalocean",
    "dockerhub",
    "google",
    "hetzner",
    "kubernetes",
    "onelogin",
    "posthog",
];
/// Words that do; as parts they are in other words, too.
const SHORT_NAMES: [&str; 5] = ["aws", "gcp", "k8s", "scarf", "slack"];

/// Libraries that are called so whoever uses them: for crypto, and for signatures.
const LIBRARIES: [&str; 5] =
    ["aws_lc_rs", "aws-lc-rs", "aws_sigv4", "aws_credential_types", "aws_smithy_runtime_api"];

/// The name of a cloud in a line, if there is one.
fn named(line: &str) -> Option<String> {
    let line = LIBRARIES.iter().fold(line.to_lowercase(), |line, library| line.replace(library, ""));
    let words = line.split(|letter: char| !letter.is_ascii_alphanumeric());
    let mut named = words.filter(|word| {
        NAMES.iter().any(|name| word.contains(name)) || SHORT_NAMES.iter().any(|name| word.starts_with(name))
    });
    named.next().map(str::to_owned)
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn below_the_clouds_no_source_names_one() {
    assert_eq!(named("the AwsConfig of it").as_deref(), Some("awsconfig"));
    assert_eq!(named("kind: aws_vpc").as_deref(), Some("aws"));
    assert_eq!(named("laws of aws_lc_rs, draws"), None);
    let mut wrong = Vec::new();
    for name in ["collector", "engine", "http", "rest", "s3", "shapes", "tables"] {
        let mut files = Vec::new();
        sources(&binaries::repository().join("collector-child").join(name).join("src"), &mut files);
        assert!(files.len() > 1, "{name}");
        for file in files {
            for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
                if let Some(word) = named(line) {
                    wrong.push(format!("{}:{}: {word}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The modules of the supervisor that each do one kind of work.
const WORKS: [&str; 3] = ["collect", "cleanup", "tasks"];

#[test]
fn collect_runs_cleanups_and_tasks_know_nothing_of_each_other() {
    let mut wrong = Vec::new();
    for own in WORKS.into_iter().chain(["work"]) {
        let mut files = Vec::new();
        sources(&binaries::repository().join("supervisor/src").join(own), &mut files);
        assert!(files.len() > 2, "{own}");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let others = WORKS.into_iter().filter(|work| *work != own);
            let known = others.filter(|work| text.contains(&format!("crate::{work}")));
            wrong.extend(known.map(|work| format!("{} knows {work}", file.display())));
            assert!(!text.contains("use crate::{"), "{}: one line per module, please", file.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
