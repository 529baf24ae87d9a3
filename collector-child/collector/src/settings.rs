//! The settings of a collector as one table: what fixcore shows, and what holds where nothing is set.

use ipc_proto::job::Section;
use serde_json::{Map, Value, json};

/// A setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    name: &'static str,
    kind: &'static str,
    default: Value,
    description: &'static str,
}

impl Setting {
    /// A setting of a kind that fixcore knows, or of one beside the section.
    pub fn new(name: &'static str, kind: &'static str, default: Value, description: &'static str) -> Self {
        Self { name, kind, default, description }
    }
}

/// The section with these settings, and the kinds that they need besides (choices, objects).
pub fn section(name: &str, settings: &[Setting], more: Vec<Value>) -> Section {
    let property = |setting: &Setting| json!({"name": setting.name, "kind": setting.kind, "required": false, "description": setting.description});
    let own = json!({
        "fqn": name,
        "bases": [],
        "properties": settings.iter().map(property).collect::<Vec<_>>(),
        "allow_unknown_props": false,
        "successor_kinds": null,
        "aggregate_root": true,
        "metadata": {"source": name},
    });
    let kinds: Vec<Value> = more.into_iter().chain([own]).collect();
    let default = |setting: &Setting| (setting.name.to_owned(), setting.default.clone());
    let defaults: Map<String, Value> = settings.iter().map(default).collect();
    Section {
        name: name.to_owned(),
        kinds_json: Value::Array(kinds).to_string(),
        defaults_json: Value::Object(defaults).to_string(),
    }
}

/// Names of a list as people write them: without spaces around, each once, none empty.
pub fn names(list: &[String]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::with_capacity(list.len());
    for name in list.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A text that is set: without spaces around, not empty.
pub fn set(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_once() {
        let list = [" a ", "", "b", "a"].map(str::to_owned);
        assert_eq!(names(&list), ["a", "b"]);
        assert_eq!(set(Some(&" ".to_owned())), None);
    }
}
