//! Whole lines.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use inventory::{Ancestors, KindTable, NodeBuilder, Role, Value};
use proptest::prelude::*;
use serde_json::json;

fn table() -> KindTable {
    KindTable::load(&["base", "example"]).unwrap()
}

#[test]
fn all_sections_in_their_order() {
    let table = table();
    let mut builder = NodeBuilder::new(&table);
    let mut node = builder.node("example_volume", "v1").unwrap();
    node.name("a \"name\"").tag("gone", Value::Null).tag("a", "1").tag("b", 2).tag("a", "3");
    node.set("volume_status", "in-use").set("volume_size", "20").set("mtime", "2026-01-02T03:04:05+01:00");
    node.usage("volume_read_count", &[("min", 0.0), ("avg", 1.5), ("max", 3e20)]);
    node.usage("volume_write_count", &[("avg", 1e-7)]).cleaned(true).protected(true).clean(true);
    node.provider_link("https://example.com/?v=v1")
        .assessments(&json!([{"provider": "x", "findings": [null]}]));
    let ancestors = Ancestors { cloud: Some("example"), ..Ancestors::default() };
    let node = node.finish(&ancestors);
    assert_eq!((node.kind, node.role), ("example_volume", Role::Resource));
    insta::assert_snapshot!(std::str::from_utf8(node.json).unwrap());
    assert_eq!(builder.take_faults(), []);
}

#[test]
fn the_time_of_creation_is_in_the_tag() {
    let table = table();
    let mut builder = NodeBuilder::new(&table);
    let mut ctime = |tag: Value<'_>, set: Value<'_>| {
        let mut node = builder.node("example_volume", "v1").unwrap();
        node.tag("fix:ctime", tag).set("ctime", set);
        let line: serde_json::Value =
            serde_json::from_slice(node.finish(&Ancestors::default()).json).unwrap();
        line["reported"]["ctime"].as_str().map(ToOwned::to_owned)
    };
    let set = Value::Text("2020-01-01");
    assert_eq!(ctime("2019-09-05T10:40:11+00:00".into(), set).unwrap(), "2019-09-05T10:40:11Z");
    assert_eq!(ctime("yesterday".into(), set).unwrap(), "2020-01-01T00:00:00Z");
    assert_eq!(ctime("".into(), set).unwrap(), "2020-01-01T00:00:00Z");
    assert_eq!(ctime(Value::Null, Value::Null), None);
}

#[test]
fn the_name_falls_back_to_the_id() {
    let table = table();
    let mut builder = NodeBuilder::new(&table);
    for (name, expected) in [(Value::Null, "i"), ("".into(), ""), ("n".into(), "n")] {
        let mut node = builder.node("instance_type", "i").unwrap();
        node.name(name);
        let line: serde_json::Value =
            serde_json::from_slice(node.finish(&Ancestors::default()).json).unwrap();
        assert_eq!(line["reported"]["name"], expected);
        assert_eq!(line["reported"]["instance_type"], "i");
    }
}

#[test]
fn constructors_do_what_they_do_in_python() {
    let table = table();
    let mut builder = NodeBuilder::new(&table);
    let mut reported = |kind: &str, set: &[(&str, Value<'_>)]| {
        let mut node = builder.node(kind, "x").unwrap();
        for (property, value) in set {
            node.set(property, *value);
        }
        let line: serde_json::Value =
            serde_json::from_slice(node.finish(&Ancestors::default()).json).unwrap();
        line["reported"].clone()
    };
    let quota = reported("instance_quota", &[("quota", 5.into()), ("instance_type", "ignored".into())]);
    assert_eq!(quota["quota"].to_string(), "5.0");
    assert_eq!(quota["instance_type"], "x");
    assert_eq!(quota["quota_type"], "standard");
    assert_eq!(reported("dns_record", &[("record_type", "aaaa".into())])["record_type"], "AAAA");
    assert_eq!(
        reported("instance_type", &[("ondemand_cost", "1".into())])["ondemand_cost"].to_string(),
        "1.0"
    );
}

#[test]
fn keys_have_what_the_kind_needs() {
    let table = table();
    let mut builder = NodeBuilder::new(&table);
    let ancestors = Ancestors {
        cloud: Some("example"),
        account: Some("Example Account"),
        region: Some("elsewhere"),
        zone: None,
    };
    let mut region = builder.node("example_region", "us-west").unwrap();
    region.name("US West");
    // A region is its own ancestor, and its name is part of the key.
    assert_eq!(region.finish(&ancestors).id.as_str(), "q-ewFfplOZDQGF3A65lR2w");
    let mut key = inventory::NodeKey::new();
    for part in
        ["dns_record", "example", "Example Account", "elsewhere", "undefined", "undefined", "r", "n", "A"]
    {
        key.push(part);
    }
    key.push_optional(None);
    let mut record = builder.node("dns_record", "r").unwrap();
    record.key_dns_zone(None).key("n").key("A").key_optional(None);
    assert_eq!(record.finish(&ancestors).id, key.id());
}

#[test]
fn numbers_without_json_text_are_faults() {
    let table = table();
    let mut builder = NodeBuilder::new(&table);
    let mut node = builder.node("example_instance", "i").unwrap();
    node.set("instance_cores", f64::NAN).usage("cpu_percent", &[("min", 1.0), ("max", f64::INFINITY)]);
    let line = String::from_utf8(node.finish(&Ancestors::default()).json.to_vec()).unwrap();
    // Like every property that was refused, the one with a default is not there at all.
    assert!(!line.contains("instance_cores") && !line.contains("usage"), "{line}");
    let faults: Vec<_> = builder.take_faults().into_iter().map(|fault| fault.property).collect();
    assert_eq!(faults, ["instance_cores", "usage.cpu_percent.max"]);
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let scalar = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
        "[0-9:TZ+-]{0,20}".prop_map(Into::into),
        "[0-9]{0,3}[a-z ]{0,4}[PTDHM]?".prop_map(Into::into),
    ];
    scalar.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::vec((".{0,8}", inner), 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

proptest! {
    #[test]
    fn a_line_is_always_one_valid_object(
        id in ".*",
        name in proptest::option::of(".*"),
        tags in proptest::collection::vec((".{0,6}", any_json()), 0..6),
        sets in proptest::collection::vec((0..80_usize, any_json()), 0..12),
        verbatim: bool,
    ) {
        let mut table = KindTable::load(&["base"]).unwrap();
        table.add("vectors", include_str!("vectors/kinds.json")).unwrap();
        let kind = table.kind("vector_resource").unwrap();
        let mut builder = NodeBuilder::new(&table);
        let mut node = builder.node("vector_resource", &id).unwrap();
        if verbatim {
            node.verbatim();
        }
        node.name(name.as_deref());
        for (key, value) in &tags {
            node.tag(key, value);
        }
        for (index, value) in &sets {
            node.set(kind.fields().get(*index).map_or("unknown", |field| field.name), value);
        }
        let node = node.finish(&Ancestors::default());
        prop_assert!(node.json.iter().all(|byte| (b' '..=b'~').contains(byte)));
        let line: serde_json::Value = serde_json::from_slice(node.json).unwrap();
        prop_assert_eq!(&line["id"], node.id.as_str());
        prop_assert_eq!(&line["reported"]["id"], &without_nul(&id));
        prop_assert_eq!(line["reported"].as_object().unwrap().keys().next_back().unwrap(), "kind");
        let nulls = line["reported"].as_object().unwrap().values().any(serde_json::Value::is_null);
        prop_assert!(!nulls);
    }

    #[test]
    fn strings_read_back_the_same_but_for_nul(text in ".*") {
        let mut out = Vec::new();
        inventory::json::write_string(&mut out, &text);
        prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), without_nul(&text));
    }

    #[test]
    fn floats_read_back_the_same(number: f64) {
        let mut out = Vec::new();
        if inventory::json::write_float(&mut out, number) {
            let back: f64 = std::str::from_utf8(&out).unwrap().parse().unwrap();
            prop_assert_eq!(back.to_bits(), number.to_bits());
        } else {
            prop_assert!(!number.is_finite() && out.is_empty());
        }
    }
}
