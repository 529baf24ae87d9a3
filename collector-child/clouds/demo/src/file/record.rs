//! What a line of an export says.

use std::borrow::Cow;

use inventory::json::{self, Object};
use ipc_proto::graph::{EdgeType, Selector};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// What the supervisor sets; a child must not.
const SET_BY_SUPERVISOR: [&str; 2] = ["replace", "exported_at"];

/// A line of an export.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    Node(NodeRecord<'a>),
    Edge { from: String, to: String, edge_type: EdgeType, reported: Option<&'a RawValue> },
    Deferred { from: SelectorRecord, to: SelectorRecord, edge_type: EdgeType },
}

/// A node.
#[derive(Debug)]
pub(crate) struct NodeRecord<'a> {
    pub(crate) id: String,
    pub(crate) kind: Cow<'a, str>,
    reported: &'a RawValue,
    metadata: Option<&'a RawValue>,
    usage: Option<&'a RawValue>,
    desired: Option<&'a RawValue>,
}

/// Names a node.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum SelectorRecord {
    #[serde(rename = "node_id")]
    NodeId(String),
    #[serde(rename = "search_criteria")]
    Search(String),
}

impl SelectorRecord {
    /// As it is sent.
    pub(crate) fn wire(&self) -> Selector<'_> {
        match self {
            Self::NodeId(id) => Selector::NodeId(id),
            Self::Search(query) => Selector::Search(query),
        }
    }
}

#[derive(Deserialize)]
struct RawLine<'a> {
    id: Option<String>,
    #[serde(borrow)]
    reported: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    desired: Option<&'a RawValue>,
    from: Option<String>,
    to: Option<String>,
    edge_type: Option<String>,
    from_selector: Option<SelectorRecord>,
    to_selector: Option<SelectorRecord>,
}

#[derive(Deserialize)]
struct KindOf<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Identity {
    id: String,
    name: Option<String>,
}

impl<'a> Record<'a> {
    /// Reads a line. The error says what is wrong with it.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
        if !text.starts_with('{') {
            return Err("it is not a JSON object".to_owned());
        }
        let line: RawLine<'a> = serde_json::from_str(text).map_err(|error| what(&error))?;
        let edge_type = || match line.edge_type.as_deref() {
            None => Ok(EdgeType::Default),
            Some(name) => EdgeType::from_name(name).ok_or_else(|| format!("there is no edge type `{name}`")),
        };
        match (line.id, line.from, line.to, line.from_selector, line.to_selector) {
            (Some(id), None, None, None, None) => {
                let reported = line.reported.ok_or_else(|| "the node has no `reported`".to_owned())?;
                let KindOf { kind } = serde_json::from_str(reported.get())
                    .map_err(|error| format!("reported: {}", what(&error)))?;
                let NodeSections { metadata, usage, desired } =
                    NodeSections::objects(line.metadata, line.usage, line.desired)?;
                Ok(Self::Node(NodeRecord { id, kind, reported, metadata, usage, desired }))
            }
            (None, Some(from), Some(to), None, None) => {
                let edge_type = edge_type()?;
                let reported = line.reported.filter(|_| edge_type == EdgeType::Iam);
                Ok(Self::Edge { from, to, edge_type, reported: object("reported", reported)? })
            }
            (None, None, None, Some(from), Some(to)) => {
                Ok(Self::Deferred { from, to, edge_type: edge_type()? })
            }
            _ => Err("it is neither a node (`id`) nor an edge (`from`, `to`) nor a deferred edge \
                      (`from_selector`, `to_selector`)"
                .to_owned()),
        }
    }
}

struct NodeSections<'a> {
    metadata: Option<&'a RawValue>,
    usage: Option<&'a RawValue>,
    desired: Option<&'a RawValue>,
}

impl<'a> NodeSections<'a> {
    fn objects(
        metadata: Option<&'a RawValue>,
        usage: Option<&'a RawValue>,
        desired: Option<&'a RawValue>,
    ) -> Result<Self, String> {
        Ok(Self {
            metadata: object("metadata", metadata)?,
            usage: object("usage", usage)?,
            desired: object("desired", desired)?,
        })
    }
}

/// A section that has to be an object; null is none.
fn object<'a>(name: &str, section: Option<&'a RawValue>) -> Result<Option<&'a RawValue>, String> {
    match section.map(RawValue::get) {
        None | Some("null") => Ok(None),
        Some(text) if text.starts_with('{') => Ok(section),
        Some(_) => Err(format!("`{name}` is not an object")),
    }
}

impl NodeRecord<'_> {
    /// When it was exported: only accounts have that.
    pub(crate) fn is_exported_account(&self) -> bool {
        self.metadata.is_some_and(|metadata| metadata.get().contains("\"exported_at\""))
            && self.metadata_map().is_some_and(|metadata| metadata.contains_key("exported_at"))
    }

    /// The id in the cloud, and the name, which falls back to it.
    pub(crate) fn identity(&self) -> Result<(String, String), String> {
        let Identity { id, name } = serde_json::from_str(self.reported.get())
            .map_err(|error| format!("reported: {}", what(&error)))?;
        let name = name.unwrap_or_else(|| id.clone());
        Ok((id, name))
    }

    /// The node as a line without what the supervisor sets, and without what fixcore or others have added.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut line = Object::open(out);
        line.member(out, "id");
        json::write_string(out, &self.id);
        line.member(out, "reported");
        out.extend_from_slice(self.reported.get().as_bytes());
        if let Some(metadata) = self.metadata {
            line.member(out, "metadata");
            self.write_metadata(out, metadata);
        }
        for (name, section) in [("usage", self.usage), ("desired", self.desired)] {
            if let Some(section) = section {
                line.member(out, name);
                out.extend_from_slice(section.get().as_bytes());
            }
        }
        line.close(out);
    }

    fn write_metadata(&self, out: &mut Vec<u8>, raw: &RawValue) {
        // An escaped name would not be seen here, so a backslash means to look closer.
        let suspicious =
            raw.get().contains('\\') || SET_BY_SUPERVISOR.iter().any(|name| raw.get().contains(name));
        match self.metadata_map().filter(|_| suspicious) {
            None => out.extend_from_slice(raw.get().as_bytes()),
            Some(mut metadata) => {
                metadata.retain(|name, _| !SET_BY_SUPERVISOR.contains(&name.as_str()));
                json::write_value(out, &Value::Object(metadata));
            }
        }
    }

    fn metadata_map(&self) -> Option<Map<String, Value>> {
        serde_json::from_str(self.metadata?.get()).ok()
    }
}

/// The sentence of a JSON error with the column only: the line is always 1.
fn what(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let sentence = text.split(" at line ").next().unwrap_or(&text);
    format!("{sentence} (column {})", error.column())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rewritten(line: &str) -> String {
        let Record::Node(node) = Record::parse(line.as_bytes()).unwrap() else { panic!("a node") };
        let mut out = Vec::new();
        node.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_the_supervisor_sets_is_taken_away() {
        let line = r#"{"id": "a", "replace": true, "reported": {"kind": "aws_account", "x":[1.50]}, "ancestors": {"cloud": {}}, "metadata": {"python_type": "A", "replace": true, "exported_at": "2026-01-01T00:00:00Z", "n": 1e+16}, "revision": "1", "desired": {"clean": true}, "usage": null}"#;
        assert_eq!(
            rewritten(line),
            r#"{"id": "a", "reported": {"kind": "aws_account", "x":[1.50]}, "metadata": {"python_type": "A", "n": 1e+16}, "desired": {"clean": true}}"#
        );
        let hidden = r#"{"id": "a", "reported": {"kind": "k"}, "metadata": {"repl\u0061ce": true}}"#;
        assert_eq!(rewritten(hidden), r#"{"id": "a", "reported": {"kind": "k"}, "metadata": {}}"#);
    }

    #[test]
    fn the_rest_is_kept_to_the_character() {
        let line = r#"{"id": "a", "reported": {"kind": "k", "f": 1.0, "u": "\u00e9"}, "metadata": {"python_type": "A", "categories":["x"]}}"#;
        assert_eq!(rewritten(line), line);
    }

    #[test]
    fn broken_lines_say_what_is_wrong() {
        let errors = [
            ("[]", "it is not a JSON object"),
            ("{\"id\": \"a\"", "EOF while parsing an object (column 10)"),
            ("{}", "it is neither a node"),
            (r#"{"id": "a"}"#, "the node has no `reported`"),
            (r#"{"id": "a", "reported": {}}"#, "reported: missing field `kind`"),
            (r#"{"id": "a", "reported": {"kind": 1}}"#, "reported: invalid type"),
            (r#"{"id": "a", "reported": {"kind": "k"}, "metadata": []}"#, "`metadata` is not an object"),
            (r#"{"from": "a", "to": "b", "edge_type": "odd"}"#, "there is no edge type `odd`"),
            (r#"{"from": "a"}"#, "it is neither a node"),
            (r#"{"id": "a", "id": "b", "reported": {"kind": "k"}}"#, "duplicate field `id`"),
            (r#"{"from_selector": {"x": "a"}, "to_selector": {"node_id": "b"}}"#, "unknown variant `x`"),
        ];
        for (line, expected) in errors {
            let error = Record::parse(line.as_bytes()).unwrap_err();
            assert!(error.starts_with(expected), "{line}: {error}");
        }
        assert_eq!(Record::parse(b"{\"id\": \"\xff\"}").unwrap_err(), "it is not UTF-8");
    }

    proptest! {
        #[test]
        fn any_line_is_refused_or_rewritten_soundly(line in r#"\{("(id|from|to|reported|metadata|kind)": ?("[a-z\\"]{0,3}"|\{"kind": "[a-z]"\}|null|[0-9]),? ?){0,4}\}"#) {
            if let Ok(Record::Node(node)) = Record::parse(line.as_bytes()) {
                let mut out = Vec::new();
                node.write(&mut out);
                let value: Value = serde_json::from_slice(&out).unwrap();
                prop_assert_eq!(&value["id"], node.id.as_str());
                prop_assert!(!out.contains(&b'\n'));
            }
        }
    }
}
