//! What is written back: nothing is lost, nothing is written for nothing.

mod support;

use fixworker_settings::document::read_config_file;
use fixworker_settings::{Fetched, Overrides, RawDocument};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use support::{Load, json as parse, sections};

#[test]
fn the_unknown_survives_byte_for_byte() {
    let unknown =
        r#"{"z": 123456789012345678901234567890, "a": [1e5, 1.10, "\u00e9"],   "k": {"b":1,"a":2}}"#;
    let stored = format!(r#"{{"custom": {unknown}, "fixworker": {{"later": {unknown}, "pool_size": 3}}}}"#);
    let filled = RawDocument::parse(&stored).expect("document").fill_defaults(&sections());
    let written = filled.document.to_json();
    assert_eq!(written.matches(unknown).count(), 2, "{written}");
    assert!(written.find("custom") < written.find("fixworker"), "the order is kept");
    assert!(written.find("later") < written.find("pool_size"), "the order is kept");
    assert!(filled.changed && filled.has_unknown_keys);
}

#[test]
fn nothing_missing_is_nothing_to_write() {
    let first = RawDocument::default().fill_defaults(&sections());
    assert!(first.changed && !first.has_unknown_keys);
    let again = first.document.fill_defaults(&sections());
    assert!(!again.changed);
    assert_eq!(first.document.to_json(), again.document.to_json());
}

#[test]
fn answers_of_fixcore_are_read() {
    let body = r#"{"config": {"fixworker": {"pool_size": 4}}, "overrides": {"fixworker": {"pool_size": 4}},
                   "raw_config": {"fixworker": {"pool_size": "$(POOL)"}}}"#;
    let fetched = Fetched::parse(body).expect("an answer");
    assert_eq!(fetched.effective["fixworker"]["pool_size"], 4);
    let written = fetched.raw.fill_defaults(&sections()).document.to_json();
    assert_eq!(parse(&written)["fixworker"]["pool_size"], "$(POOL)", "resolved values are not written back");
    assert!(!format!("{fetched:?} {:?}", fetched.raw).contains("POOL"));
    for (body, expected) in
        [("", "not a JSON object"), ("[]", "not a JSON object"), ("{\"config\": 5}", "not a")]
    {
        assert!(Fetched::parse(body).expect_err("refused").to_string().contains(expected));
    }
    let empty = Fetched::parse(r#"{"config": null, "raw_config": null}"#).expect("an empty answer");
    assert!(empty.is_empty() && Fetched::nothing().is_empty() && !fetched.is_empty());
    let long = " ".repeat(fixworker_settings::document::MAX_DOCUMENT + 1);
    assert!(Fetched::parse(&long).expect_err("refused").to_string().contains("more than 16 MiB"));
}

#[test]
fn config_files_are_read_or_named() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("worker.json");
    let missing = read_config_file(&path).expect_err("missing").to_string();
    assert!(missing.contains("cannot read the config file") && missing.contains("worker.json"), "{missing}");
    std::fs::write(&path, "fixworker:\n  pool_size: 5\n").expect("write");
    let yaml = read_config_file(&path).expect_err("YAML").to_string();
    assert!(yaml.contains("worker.json") && yaml.contains("as JSON"), "{yaml}");
    std::fs::write(&path, r#"{"fixworker": {"pool_size": 5}}"#).expect("write");
    assert_eq!(read_config_file(&path).expect("a document")["fixworker"]["pool_size"], 5);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no infinity", |f| f.is_finite()).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        "(\\$\\([A-C]\\)|x){0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_key(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,6}",
        prop::sample::select(vec![
            "fixworker",
            "supervisor",
            "aws",
            "random",
            "pool_size",
            "collector",
            "files_in_home_dir",
            "shard",
            "write_files_to_home_dir",
            "account",
            "resource_pool_tasks_per_service",
            "graph_merge_kind",
            "grace",
        ])
        .prop_map(str::to_owned),
    ]
}

fn any_document() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((any_key(), any_json()), 0..6).prop_map(|entries| entries.into_iter().collect())
}

/// Every value of the left that is not null is the same on the right, at any depth of objects.
fn is_kept(stored: &Value, written: &Value) -> bool {
    match (stored, written) {
        (Value::Null, _) => true,
        (Value::Object(stored), Value::Object(written)) => {
            stored.iter().all(|(key, value)| written.get(key).is_some_and(|written| is_kept(value, written)))
        }
        _ => stored == written,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn filling_keeps_everything_and_is_idempotent(document in any_document()) {
        let stored = Value::Object(document);
        let first = RawDocument::parse(&stored.to_string()).expect("document").fill_defaults(&sections());
        let written = parse(&first.document.to_json());
        prop_assert!(is_kept(&stored, &written), "{stored} {written}");
        let keys = |value: &Value| value.as_object().expect("object").keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(&keys(&written)[..keys(&stored).len()], &keys(&stored)[..]);
        let again = first.document.fill_defaults(&sections());
        prop_assert!(!again.changed);
        prop_assert_eq!(again.document.to_json(), first.document.to_json());
    }

    #[test]
    fn any_document_loads(document in any_document(), overrides in prop::collection::vec(any_override(), 0..4)) {
        let overrides: Vec<&str> = overrides.iter().map(String::as_str).collect();
        let variables = [("A", "1"), ("B", "x,y")];
        let load = Load { document: Value::Object(document), overrides: &overrides, variables: &variables };
        let running = load.run(None);
        // What was taken is complete and fits: loading it again finds nothing wrong but unknown keys.
        let taken = json!({
            "fixworker": running.section("fixworker"), "supervisor": running.section("supervisor"),
        });
        let again = Load { document: taken, overrides: &[], variables: &variables }.run(None);
        let wrong: Vec<_> =
            again.problems().iter().map(ToString::to_string).filter(|p| !p.contains("unknown setting")).collect();
        // A value that an override or a variable brought may itself look like a placeholder.
        prop_assert!(wrong.iter().all(|problem| problem.contains("environment variable")), "{wrong:?}");
    }

    #[test]
    fn overrides_never_panic(text in any_override()) {
        let load = Load { document: json!({}), overrides: &[&text], variables: &[] };
        let debug = format!("{:?}", Overrides::parse(&[&text]));
        prop_assert!(debug.len() < 400);
        load.run(None);
    }
}

fn any_override() -> impl Strategy<Value = String> {
    let path = prop::collection::vec(any_key(), 0..4).prop_map(|keys| keys.join("."));
    let value = prop_oneof![".{0,10}", any_json().prop_map(|value| value.to_string()), "[0-9_.,+-]{0,8}"];
    (path, prop_oneof![Just("="), Just("")], value)
        .prop_map(|(path, sign, value)| format!("{path}{sign}{value}"))
}
