//! What the Python worker makes of nasty input, recorded by `scripts/vectors.py`.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use inventory::{Ancestors, KindTable, NodeBuilder, NodeKey, Value, duration, json, time};
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(text: &str) -> Vec<T> {
    serde_json::from_str(text).unwrap()
}

fn vector_table() -> KindTable {
    let mut table = KindTable::load(&["base"]).unwrap();
    table.add("vectors", include_str!("vectors/kinds.json")).unwrap();
    table
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<String> {
    let mut out = Vec::new();
    write(&mut out).then(|| String::from_utf8(out).unwrap())
}

#[test]
fn ids() {
    let vectors: Vec<(Vec<Option<String>>, String)> = read(include_str!("vectors/ids.json"));
    assert!(vectors.len() > 100);
    for (parts, expected) in vectors {
        let mut key = NodeKey::new();
        for part in &parts {
            key.push_optional(part.as_deref());
        }
        assert_eq!(key.id().as_str(), expected, "{parts:?}");
    }
}

#[test]
fn floats() {
    let vectors: Vec<(String, String)> = read(include_str!("vectors/floats.json"));
    assert!(vectors.len() > 500);
    for (bits, expected) in vectors {
        let number = f64::from_bits(u64::from_str_radix(&bits, 16).unwrap());
        assert_eq!(written(|out| json::write_float(out, number)), Some(expected));
    }
}

#[test]
fn times() {
    let vectors: Vec<(String, [Option<String>; 3])> =
        read::<[Option<String>; 4]>(include_str!("vectors/times.json"))
            .into_iter()
            .map(|[text, rest @ ..]| (text.unwrap(), rest))
            .collect();
    for (text, [api, tag, day]) in vectors {
        let normal = |time: Option<_>| time.and_then(|time| written(|out| time::write(out, time)));
        assert_eq!(normal(time::parse(&text)), api, "isoparse {text}");
        assert_eq!(normal(time::parse_tag(&text)), tag, "fromisoformat {text}");
        let date = time::parse_date(&text).and_then(|date| written(|out| time::write_date(out, date)));
        assert_eq!(date, day, "date {text}");
    }
}

#[test]
fn durations() {
    let vectors: Vec<(String, Option<String>)> = read(include_str!("vectors/durations.json"));
    for (text, expected) in vectors {
        let normal = duration::parse(&text).and_then(|duration| {
            written(|out| {
                duration::write(out, duration);
                true
            })
        });
        assert_eq!(normal, expected, "{text}");
    }
}

#[test]
fn encoding() {
    let vectors: Vec<(String, serde_json::Value, Option<String>)> =
        read(include_str!("vectors/encoding.json"));
    assert!(vectors.len() > 1000);
    let table = vector_table();
    let mut builder = NodeBuilder::new(&table);
    let mut wrong = Vec::new();
    for (property, value, expected) in &vectors {
        let mut draft = builder.node("vector_resource", "v").unwrap();
        draft.set(property, value);
        let node = draft.finish(&Ancestors::default());
        let line = std::str::from_utf8(node.json).unwrap().to_owned();
        let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
        let faults = builder.take_faults();
        // No database for nodes has whole numbers of more than 64 bits; the Python worker sends them all the same.
        let too_large = |number: f64| value.is_f64() && number.abs() >= 2f64.powi(63);
        let too_large = property == "maybe_number" && value.as_f64().is_some_and(too_large);
        let fits = match expected.as_ref().filter(|_| !too_large) {
            None => !faults.is_empty(),
            Some(text) if text.is_empty() => faults.is_empty() && parsed["reported"].get(property).is_none(),
            Some(text) => faults.is_empty() && line.contains(&format!("\"{property}\": {text}, \"")),
        };
        if !fits {
            wrong.push(format!(
                "{property} = {value}\n  expected {expected:?}\n  line {line}\n  faults {faults:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

#[test]
fn a_refused_item_costs_itself_only() {
    let table = vector_table();
    let mut builder = NodeBuilder::new(&table);
    let value =
        serde_json::json!([{"label": "x", "size": "four", "unknown": 1, "weights": [1, "y", null]}, 5]);
    let mut draft = builder.node("vector_resource", "v").unwrap();
    draft.set("inners", &value).set("no_such_property", 1).set("no_such_null", Value::Null);
    let node = draft.finish(&Ancestors::default());
    let line = std::str::from_utf8(node.json).unwrap();
    // The property that does not fit is gone, not replaced by a default that would look like a fact.
    assert!(line.contains(r#""inners": [{"label": "x", "weights": [1.0, null]}]"#), "{line}");
    let faults: Vec<_> = builder.take_faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "inners[0].size of vector_resource `v` should be int64 but is `four`",
            "inners[0].weights[1] of vector_resource `v` should be double but is `y`",
            "inners[0].unknown of vector_resource `v` is not in the model; it is whole number",
            "inners[1] of vector_resource `v` should be vector_inner but is whole number",
            "no_such_property of vector_resource `v` is not in the model; it is whole number",
        ]
    );
}

#[test]
fn null_is_not_set() {
    let table = vector_table();
    let mut builder = NodeBuilder::new(&table);
    let mut draft = builder.node("vector_resource", "v").unwrap();
    draft.set("number", 5).set("number", Value::Null).set("texts", &serde_json::json!([null, "a"]));
    let node = draft.finish(&Ancestors::default());
    let line = std::str::from_utf8(node.json).unwrap();
    assert!(line.contains(r#""number": 0,"#) && line.contains(r#""texts": [null, "a"]"#), "{line}");
    assert_eq!(builder.take_faults(), []);
}
