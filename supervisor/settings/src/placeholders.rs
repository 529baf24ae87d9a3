//! Placeholders `$(NAME)` in strings, filled from the environment after fixcore has filled those it knows.
//!
//! The rules are the peer's: a name is made of letters, digits and underscores, several may stand in one
//! string, an empty variable counts as not set, keys of objects are left alone, there is no way to escape one,
//! and a value that was put in is not looked at again. A string with a placeholder that cannot be filled
//! disappears: the setting gets its default, an item leaves its list, an entry its dictionary.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::environment::Environment;
use crate::problem::SettingPath;

/// What became of the placeholders of a value.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// Strings that hold something from the environment now.
    pub(crate) filled: BTreeSet<SettingPath>,
    /// Strings that disappeared, with the first variable that is not set.
    pub(crate) unresolved: Vec<(SettingPath, String)>,
    /// The variables that were put in, with their values.
    pub(crate) used: BTreeMap<String, String>,
}

/// Whether a variable is one of the worker's own secrets, which no setting may take: what a setting holds shows in
/// messages, and goes to a child.
pub(crate) fn is_withheld(variable: &str) -> bool {
    let upper = variable.to_uppercase();
    let ours =
        ["FIXWORKER_", "RESOTOWORKER_", "FIXCORE_"].iter().any(|beginning| upper.starts_with(beginning));
    ours || upper.contains("PSK")
}

/// Fills the placeholders of a section.
pub(crate) fn resolve(
    section: &Map<String, Value>,
    path: &SettingPath,
    environment: &Environment,
) -> (Map<String, Value>, Resolved) {
    let mut resolved = Resolved::default();
    let values = object(section, path, environment, &mut resolved);
    (values, resolved)
}

fn object(
    entries: &Map<String, Value>,
    path: &SettingPath,
    environment: &Environment,
    out: &mut Resolved,
) -> Map<String, Value> {
    entries
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), walk(value, &path.key(key), environment, out)?)))
        .collect()
}

fn walk(
    value: &Value,
    path: &SettingPath,
    environment: &Environment,
    resolved: &mut Resolved,
) -> Option<Value> {
    match value {
        Value::Object(entries) => Some(Value::Object(object(entries, path, environment, resolved))),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let kept = items.filter_map(|(i, item)| walk(item, &path.index(i), environment, resolved));
            Some(Value::Array(kept.collect()))
        }
        Value::String(text) => match fill(text, environment, &mut resolved.used) {
            Ok(None) => Some(value.clone()),
            Ok(Some(filled)) => {
                resolved.filled.insert(path.clone());
                Some(Value::String(filled))
            }
            Err(variable) => {
                resolved.unresolved.push((path.clone(), variable));
                None
            }
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.clone()),
    }
}

/// The text with its placeholders filled, `None` if it has none, or the name of a variable that is not set or not to
/// be had.
fn fill(
    text: &str,
    environment: &Environment,
    used: &mut BTreeMap<String, String>,
) -> Result<Option<String>, String> {
    let mut filled = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(start) = text[at..].find("$(").map(|found| at + found) {
        let Some((name, end)) = name_at(text, start + 2) else {
            at = start + 2;
            continue;
        };
        let value = environment.get(name).filter(|value| !value.is_empty() && !is_withheld(name));
        let value = value.ok_or_else(|| name.to_owned())?;
        used.insert(name.to_owned(), value.to_owned());
        filled.push_str(&text[copied..start]);
        filled.push_str(value);
        copied = end;
        at = end;
    }
    if copied == 0 {
        return Ok(None);
    }
    filled.push_str(&text[copied..]);
    Ok(Some(filled))
}

/// The name that begins at `start`, and where the text goes on behind its parenthesis.
fn name_at(text: &str, start: usize) -> Option<(&str, usize)> {
    let rest = &text[start..];
    let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    (len > 0 && rest[len..].starts_with(')')).then(|| (&rest[..len], start + len + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_as_the_peer_does() {
        let vectors: Value =
            serde_json::from_str(include_str!("../tests/vectors/placeholders.json")).expect("JSON");
        let variables = vectors["env"].as_object().expect("variables").iter();
        let environment: Environment =
            variables.map(|(n, v)| (n.as_str(), v.as_str().expect("text"))).collect();
        for case in vectors["cases"].as_array().expect("cases") {
            let section = Map::from_iter([("x".to_owned(), case[0].clone())]);
            let (values, _) = resolve(&section, &SettingPath::section("s"), &environment);
            assert_eq!(Value::Object(values), case[1], "{case}");
        }
    }

    #[test]
    fn secrets_of_the_worker_are_not_to_be_had() {
        let names =
            ["FIXWORKER_PSK", "FIXWORKER_CERT_KEY_PASS", "fixworker_override", "MY_PSK_2", "FIXCORE_X"];
        let environment: Environment = names.into_iter().map(|name| (name, "top-secret")).collect();
        for name in names {
            let section = Map::from_iter([("x".to_owned(), format!("a$({name})b").into())]);
            let (values, resolved) = resolve(&section, &SettingPath::section("s"), &environment);
            assert!(values.is_empty() && resolved.used.is_empty(), "{name}");
            assert_eq!(resolved.unresolved[0].1, name);
        }
    }

    #[test]
    fn names_path_and_variable() {
        let environment: Environment = [("A", "1")].into_iter().collect();
        let section = serde_json::json!({"a": "$(A)", "l": ["$(A)", {"k": "x$(NOPE)$(ALSO)"}]});
        let section = section.as_object().expect("object").clone();
        let (_, resolved) = resolve(&section, &SettingPath::section("s"), &environment);
        assert_eq!(resolved.used, BTreeMap::from([("A".to_owned(), "1".to_owned())]));
        let filled: Vec<_> = resolved.filled.iter().map(SettingPath::as_str).collect();
        assert_eq!(filled, ["s.a", "s.l[0]"]);
        let unresolved: Vec<_> = resolved.unresolved.iter().map(|(p, v)| (p.as_str(), v.as_str())).collect();
        assert_eq!(unresolved, [("s.l[1].k", "NOPE")]);
    }
}
