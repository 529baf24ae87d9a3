//! What a child answers, before fixcore gets it. Pure.
//!
//! Fixcore stores every section that the answer to a tag task has, for whatever node it names. So only the node of
//! the task may be in it, and its metadata are those that the task brought: whatever wrote them, nothing of
//! them is lost, and a child has no way to `replace` or `protected`.

use serde_json::{Map, Value};

/// Metadata that fixcore computes when it reads a node; it stores others.
const COMPUTED: [&str; 1] = ["exported_age"];
/// The sections of an answer.
const SECTIONS: [&str; 3] = ["id", "reported", "metadata"];

/// The answer to a tag task about `node`. Err: what the child has done wrong, to be put after "it".
pub(super) fn tagged(node: &Map<String, Value>, text: &str) -> Result<Value, String> {
    let answer: Value = serde_json::from_str(text)
        .map_err(|error| format!("answered with something that is not JSON: {error}"))?;
    let Value::Object(mut answer) = answer else {
        return Err("answered with something that is no node".to_owned());
    };
    if let Some(unknown) = answer.keys().find(|key| !SECTIONS.contains(&key.as_str())) {
        return Err(format!("answered with the section {unknown:?}, which it must not change"));
    }
    let Some(reported @ Value::Object(_)) = answer.remove("reported") else {
        return Err("answered with a node without reported".to_owned());
    };
    for (name, theirs, ours) in [
        ("id", answer.get("id"), node.get("id")),
        ("reported.id", reported.get("id"), node.get("reported").and_then(|one| one.get("id"))),
        ("reported.kind", reported.get("kind"), node.get("reported").and_then(|one| one.get("kind"))),
    ] {
        if theirs != ours {
            return Err(format!("answered with another node than it was asked about: its {name} differs"));
        }
    }
    let mut metadata = node.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    metadata.retain(|key, _| !COMPUTED.contains(&key.as_str()));
    let id = node.get("id").cloned().unwrap_or_default();
    let sections = [("id", id), ("reported", reported), ("metadata", Value::Object(metadata))];
    Ok(Value::Object(sections.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
}

/// The answer to a command. Err: what the child has done wrong, to be put after "it".
pub(super) fn output(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("answered with something that is not JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node() -> Map<String, Value> {
        let node = json!({
            "id": "n1", "type": "node", "revision": "r",
            "reported": {"id": "v1", "kind": "volume", "tags": {}, "age": "4s"},
            "metadata": {"python_type": "x.V", "provider_link": "https://x", "exported_age": "5s", "replace": true},
            "ancestors": {},
        });
        node.as_object().unwrap().clone()
    }

    fn answer() -> Value {
        json!({"id": "n1", "reported": {"id": "v1", "kind": "volume", "tags": {"a": "b"}}, "metadata": {}})
    }

    fn problem(answer: &Value) -> String {
        tagged(&node(), &answer.to_string()).unwrap_err()
    }

    #[test]
    fn the_metadata_are_those_of_the_task() {
        let mut forged = answer();
        forged["metadata"] = json!({"replace": false, "protected": true});
        let expected = json!({
            "id": "n1",
            "reported": {"id": "v1", "kind": "volume", "tags": {"a": "b"}},
            "metadata": {"python_type": "x.V", "provider_link": "https://x", "replace": true},
        });
        for answer in [answer(), forged] {
            assert_eq!(tagged(&node(), &answer.to_string()).unwrap(), expected);
        }
    }

    #[test]
    fn another_node_or_section_is_refused() {
        let with = |path: &str, value: Value| {
            let mut answer = answer();
            *answer.pointer_mut(path).unwrap() = value;
            problem(&answer)
        };
        assert!(with("/id", json!("n2")).contains("its id differs"));
        assert!(with("/reported/id", json!("v2")).contains("its reported.id differs"));
        assert!(with("/reported/kind", json!("account")).contains("its reported.kind differs"));
        assert!(with("/reported", json!([])).contains("without reported"));
        let mut more = answer();
        more["desired"] = json!({"clean": true});
        assert!(problem(&more).contains("the section \"desired\""));
        assert!(problem(&json!("text")).contains("is no node"));
        assert!(tagged(&node(), "{").unwrap_err().contains("not JSON"));
    }

    #[test]
    fn a_command_answers_any_json() {
        assert_eq!(output("[1, null]").unwrap(), json!([1, null]));
        assert_eq!(output("null").unwrap(), Value::Null);
        assert!(output("").unwrap_err().contains("not JSON"));
    }
}
