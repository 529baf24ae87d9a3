//! The same answers as the Python worker 4.2, from `vectors/`, and where they differ on purpose.

mod support;

use fixworker_settings::home_files::{Done, HomeFilePolicy, write_home_files};
use fixworker_settings::{Change, HomeFile, RawDocument};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use support::{Load, json as parse, load, object, problems, sections, sections_of_the_peer};

fn without_descriptions(mut kind: Value) -> Value {
    if let Some(Value::Array(properties)) = kind.get_mut("properties") {
        for property in properties {
            property.as_object_mut().expect("a property").shift_remove("description");
        }
    }
    kind
}

#[test]
fn the_kinds_of_fixworker_are_the_peers() {
    let ours = sections().model().to_vec();
    let theirs = sections_of_the_peer()["fixworker"]["kinds"].as_array().expect("kinds").clone();
    for kind in theirs {
        let same = ours.iter().find(|ours| ours["fqn"] == kind["fqn"]).cloned().map(without_descriptions);
        assert_eq!(same, Some(kind));
    }
    for property in ours[0]["properties"].as_array().expect("properties") {
        assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{property}");
    }
}

#[test]
fn the_defaults_of_fixworker_are_the_peers_in_the_same_order() {
    let filled = RawDocument::default().fill_defaults(&sections());
    let ours: Value = parse(&filled.document.to_json());
    // The peer asked a machine with another number of processors.
    let mut theirs = sections_of_the_peer()["fixworker"]["defaults"].clone();
    theirs["cleanup_pool_size"] = json!(4);
    assert_eq!(ours["fixworker"].to_string(), theirs.to_string());
}

#[test]
fn stored_documents_are_filled_as_the_peer_does_but_keep_what_is_unknown() {
    for case in parse(include_str!("vectors/stored.json")).as_array().expect("cases") {
        let stored = object(&case["stored"]);
        let filled = RawDocument::parse(&case["stored"].to_string()).expect("document");
        let filled = filled.fill_defaults(&sections());
        let mut ours = object(&parse(&filled.document.to_json()));
        // What the peer loses or does not have.
        let mut theirs = object(&case["written"]);
        theirs["fixworker"]["cleanup_pool_size"] = json!(4);
        assert!(ours.shift_remove("supervisor").is_some());
        for (section, value) in &stored {
            if !theirs.contains_key(section) {
                assert_eq!(ours.shift_remove(section).as_ref(), Some(value));
                continue;
            }
            for (key, value) in value.as_object().into_iter().flatten() {
                if theirs[section].get(key).is_none() {
                    let ours = ours[section].as_object_mut().expect("a section");
                    assert_eq!(ours.shift_remove(key).as_ref(), Some(value));
                    assert!(filled.has_unknown_keys);
                }
            }
        }
        assert_eq!(Value::Object(ours), Value::Object(theirs), "{stored:?}");
    }
}

/// What an override changes in the settings in use.
fn effect(text: &str) -> (Map<String, Value>, Vec<String>) {
    let before = load(json!({}));
    let after = Load { document: json!({}), overrides: &[text], variables: &[] }.run(None);
    let change = Change::between(&before, &after);
    let changed = change.restart.iter().chain(&change.reload).map(|path| {
        let (section, key) = path.as_str().split_once('.').expect("a key");
        (path.to_string(), after.section(section).expect("a section")[key].clone())
    });
    (changed.collect(), problems(&after))
}

#[test]
fn overrides_do_what_they_do_in_the_peer() {
    // Where the peer goes on with a value of the wrong type, a typo, or nothing at all, we do better.
    let better = [
        ("fixworker.collector=aws, gcp", json!({"fixworker.collector": ["aws", "gcp"]})),
        ("fixworker.collector=", json!({})),
        ("fixworker.collector=aws,", json!({"fixworker.collector": ["aws"]})),
        ("fixworker.tempdir=null", json!({})),
        (
            "aws.resource_pool_tasks_per_service.nope=9",
            json!({"aws.resource_pool_tasks_per_service": {"sagemaker": 6, "elb": 6, "nope": 9}}),
        ),
    ];
    let refused = [
        "fixworker.pool_size=five",
        "fixworker.pool_size=1.5",
        "fixworker.cleanup=on",
        "fixworker.cleanup_dry_run=ture",
        "fixworker.graph_merge_kind=nope",
        "fixworker.files_in_home_dir=x",
        "random.size=x",
    ];
    let mut seen = 0;
    for case in parse(include_str!("vectors/overrides.json")).as_array().expect("cases") {
        let text = case["override"].as_str().expect("text");
        let (changed, problems) = effect(text);
        if let Some((_, expected)) = better.iter().find(|(better, _)| *better == text) {
            assert_eq!((&Value::Object(changed), problems.len()), (expected, 0), "{text}");
            seen += 1;
        } else if refused.contains(&text) {
            assert_eq!((changed.len(), problems.len()), (0, 1), "{text}: {problems:?}");
            seen += 1;
        } else {
            assert_eq!(Value::Object(changed), case["changed"], "{text}");
            assert_eq!(!problems.is_empty(), case["refused"] == true, "{text}: {problems:?}");
        }
    }
    assert_eq!(seen, better.len() + refused.len(), "the vectors have lost a case");
}

#[test]
fn restarts_are_needed_where_the_peer_needs_them() {
    for case in parse(include_str!("vectors/restarts.json")).as_array().expect("cases") {
        let settings = |value: &Value| load(json!({"fixworker": value}));
        let (old, new) = (settings(&case["old"]), settings(&case["new"]));
        assert!(problems(&new).is_empty(), "{:?}", problems(&new));
        let change = Change::between(&old, &new);
        assert_eq!(!change.restart.is_empty(), case["restart"] == true, "{case}");
        assert_eq!(change.is_empty(), old.section("fixworker") == new.section("fixworker"), "{case}");
    }
}

#[test]
fn files_go_where_the_peer_puts_them() {
    for case in parse(include_str!("vectors/home_files.json")).as_array().expect("cases") {
        let base = tempfile::tempdir().expect("directory");
        let (home, outside) = (base.path().join("home"), base.path().join("outside"));
        std::fs::create_dir_all(home.join("dir")).expect("home");
        std::fs::create_dir_all(&outside).expect("outside");
        for link in case["links"].as_array().expect("links") {
            let target = link[1].as_str().expect("target").replace("OUTSIDE", &outside.to_string_lossy());
            std::os::unix::fs::symlink(target, home.join(link[0].as_str().expect("name"))).expect("link");
        }
        let path = case["path"].as_str().expect("path").replace("HOME", &home.to_string_lossy());
        let file = HomeFile { path, content: SecretString::from("x") };
        let all = HomeFilePolicy::new(vec!["**".into()], true);
        let outcomes = write_home_files(&home, std::slice::from_ref(&file), &all);
        match case["written"].as_str() {
            Some(written) => {
                assert_eq!(outcomes[0].result.as_ref().ok(), Some(&Done::Written), "{case} {outcomes:?}");
                assert_eq!(std::fs::read_to_string(home.join(written)).expect("file"), "x");
            }
            None => assert!(outcomes[0].result.is_err(), "{case}"),
        }
        assert_eq!(std::fs::read_dir(&outside).expect("outside").count(), 0, "{case}");
    }
}
