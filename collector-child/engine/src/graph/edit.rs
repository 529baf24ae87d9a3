//! Changes to nodes whose line was written already.

use inventory::{KindTable, NodeBuilder, json};
use serde_json::{Map, Value};

use super::member::member;

/// What changes about a node.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Change {
    /// Properties; null unsets one.
    pub(super) properties: Map<String, Value>,
    /// Measured values.
    pub(super) usage: Map<String, Value>,
    /// Findings by provider.
    pub(super) assessments: Vec<Value>,
}

impl Change {
    /// Adds findings; those of a provider that has some already are joined.
    pub(super) fn assess(&mut self, mut assessment: Value) {
        let known =
            self.assessments.iter_mut().find(|known| known.get("provider") == assessment.get("provider"));
        let more = assessment.get_mut("findings").map(Value::take);
        match (known.and_then(|known| known.get_mut("findings")), more) {
            (Some(Value::Array(findings)), Some(Value::Array(more))) => findings.extend(more),
            (_, Some(more)) => {
                assessment["findings"] = more;
                self.assessments.push(assessment);
            }
            (_, None) => {}
        }
    }
}

/// What the node of a line reports, with a change.
pub(super) fn reported(line: &[u8], change: Option<&Change>) -> Map<String, Value> {
    let mut reported = match parse(line).remove("reported") {
        Some(Value::Object(reported)) => reported,
        _ => Map::new(),
    };
    for (name, value) in change.into_iter().flat_map(|change| &change.properties) {
        if value.is_null() {
            reported.shift_remove(name);
        } else {
            reported.insert(name.clone(), value.clone());
        }
    }
    reported
}

/// One property of what the node of a line reports, with a change.
pub(super) fn property(line: &[u8], change: Option<&Change>, name: &str) -> Option<Value> {
    match change.and_then(|change| change.properties.get(name)) {
        Some(changed) => (!changed.is_null()).then(|| changed.clone()),
        None => member(line, &["reported", name]),
    }
}

/// The line of a node with a change worked in. Properties are converted and checked as those of a new node are;
/// misfits stay in `builder`.
pub(super) fn rewrite(
    line: &[u8],
    kind: &str,
    id: &str,
    change: &Change,
    builder: &mut NodeBuilder<'static>,
) -> Vec<u8> {
    let mut node = parse(line);
    if let Some(Value::Object(reported)) = node.get_mut("reported") {
        let converted = converted(kind, id, &change.properties, builder);
        for (name, value) in &change.properties {
            match converted.get(name) {
                Some(new) if !value.is_null() => drop(reported.insert(name.clone(), new.clone())),
                // Unset: the default, if it has one.
                Some(default) => drop(reported.insert(name.clone(), default.clone())),
                None => drop(reported.shift_remove(name)),
            }
        }
        *reported = in_order(std::mem::take(reported), kind, builder.table());
    }
    if !change.assessments.is_empty()
        && let Some(Value::Object(metadata)) = node.get_mut("metadata")
    {
        metadata.insert("assessments".to_owned(), Value::Array(change.assessments.clone()));
    }
    if !change.usage.is_empty() {
        node.insert("usage".to_owned(), Value::Object(change.usage.clone()));
    }
    let mut text = Vec::with_capacity(line.len() + 64);
    json::write_value(&mut text, &Value::Object(node));
    text
}

fn parse(line: &[u8]) -> Map<String, Value> {
    // The builder wrote it, so it is an object.
    serde_json::from_slice(line).unwrap_or_default()
}

/// The properties as a node of that kind reports them.
fn converted(
    kind: &str,
    id: &str,
    properties: &Map<String, Value>,
    builder: &mut NodeBuilder<'static>,
) -> Map<String, Value> {
    let Ok(mut draft) = builder.node(kind, id) else { return Map::new() };
    for (name, value) in properties {
        draft.set(name, value);
    }
    let finished = draft.finish(&inventory::Ancestors::default());
    reported(finished.json, None)
}

/// The properties in the order of their kind; `kind` comes last.
fn in_order(mut reported: Map<String, Value>, kind: &str, table: &KindTable) -> Map<String, Value> {
    let mut ordered = Map::new();
    let fields = table.kind(kind).map_or(&[][..], |kind| kind.fields());
    for field in fields {
        if let Some((name, value)) = reported.swap_remove_entry(field.name) {
            ordered.insert(name, value);
        }
    }
    ordered.extend(reported);
    ordered
}
