//! What fixcore has found, line by line: nodes and the edges between them.

use std::collections::HashMap;

use ipc_proto::graph::EdgeType;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// A line that cannot be used.
#[derive(Debug, Error)]
pub enum LineError {
    /// It is not what fixcore sends.
    #[error("it is not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// An edge came before its nodes.
    #[error("an edge leads to {0}, which did not come before")]
    UnknownNode(String),
}

/// A node, looked into as far as cleanup needs it.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its id in the graph.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its id in the cloud.
    pub cloud_id: String,
    /// Its name, or an empty text.
    pub name: String,
    /// Marked for cleanup.
    pub clean: bool,
    /// Deleted by an earlier run.
    pub cleaned: bool,
    /// Must not be changed.
    pub protected: bool,
    /// The id of its cloud; `None` above clouds.
    pub cloud: Option<String>,
    /// Id and name of its account.
    pub account: Option<Place>,
    /// Id and name of its region.
    pub region: Option<Place>,
    /// Id and name of its zone.
    pub zone: Option<Place>,
    /// What happened to it in earlier runs, as it is stored.
    pub event_log: Vec<Value>,
    /// The whole line.
    pub json: Box<str>,
}

impl Node {
    /// The name for people: `kind name (id)`, or `kind id` if the name says no more.
    pub fn display_name(&self) -> String {
        if self.name.is_empty() || self.name == self.cloud_id {
            format!("{} {}", self.kind, self.cloud_id)
        } else {
            format!("{} {} ({})", self.kind, self.name, self.cloud_id)
        }
    }
}

/// What a node says of one of its ancestors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its id in the cloud.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// An edge between nodes, which are named by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Where it begins.
    pub from: usize,
    /// Where it leads.
    pub to: usize,
    /// Default or delete.
    pub edge: EdgeType,
}

/// The result of a search.
#[derive(Debug, Default)]
pub struct Found {
    nodes: Vec<Node>,
    links: Vec<Link>,
    by_id: HashMap<String, usize>,
}

impl Found {
    /// Takes in one line.
    pub fn line(&mut self, line: &str) -> Result<(), LineError> {
        let parsed: Line = serde_json::from_str(line)?;
        match parsed.what.as_str() {
            "edge" => self.edge(&parsed),
            "node" => {
                self.node(parsed, line);
                Ok(())
            }
            // Nothing else is sent today, and nothing else can matter for an order.
            _ => Ok(()),
        }
    }

    /// The nodes, in the order they came.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The default and delete edges, in the order they came.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// A node may be found on several ways; it is the same.
    fn node(&mut self, line: Line, json: &str) {
        if self.by_id.contains_key(&line.id) {
            return;
        }
        self.by_id.insert(line.id.clone(), self.nodes.len());
        let (reported, metadata) = (line.reported, line.metadata.unwrap_or_default());
        let reported = reported.unwrap_or_default();
        let ancestors = line.ancestors.unwrap_or_default();
        self.nodes.push(Node {
            id: line.id,
            kind: text(reported.kind),
            cloud_id: text(reported.id),
            name: text(reported.name),
            clean: line.desired.is_some_and(|desired| is_true(desired.clean.as_ref())),
            cleaned: is_true(metadata.cleaned.as_ref()),
            protected: is_true(metadata.protected.as_ref()),
            cloud: ancestors.cloud.and_then(place).map(|cloud| cloud.id),
            account: ancestors.account.and_then(place),
            region: ancestors.region.and_then(place),
            zone: ancestors.zone.and_then(place),
            event_log: match metadata.event_log {
                Some(Value::Array(entries)) => entries,
                Some(_) | None => Vec::new(),
            },
            json: json.into(),
        });
    }

    fn edge(&mut self, line: &Line) -> Result<(), LineError> {
        let edge = match line.edge_type.as_deref() {
            Some("default") | None => EdgeType::Default,
            Some("delete") => EdgeType::Delete,
            Some(_) => return Ok(()),
        };
        let find =
            |id: &str| self.by_id.get(id).copied().ok_or_else(|| LineError::UnknownNode(id.to_owned()));
        let (from, to) = (find(&line.from)?, find(&line.to)?);
        self.links.push(Link { from, to, edge });
        Ok(())
    }
}

/// Everything is optional, and values of unexpected types count as missing where that is harmless.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type", default)]
    what: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    edge_type: Option<String>,
    #[serde(default)]
    reported: Option<Reported>,
    #[serde(default)]
    desired: Option<Desired>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    ancestors: Option<Ancestors>,
}

#[derive(Default, Deserialize)]
struct Reported {
    id: Option<Value>,
    name: Option<Value>,
    kind: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Desired {
    clean: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    cleaned: Option<Value>,
    protected: Option<Value>,
    event_log: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Ancestors {
    cloud: Option<Ancestor>,
    account: Option<Ancestor>,
    region: Option<Ancestor>,
    zone: Option<Ancestor>,
}

#[derive(Default, Deserialize)]
struct Ancestor {
    reported: Option<Reported>,
}

fn place(ancestor: Ancestor) -> Option<Place> {
    let reported = ancestor.reported?;
    let (id, name) = (text(reported.id), text(reported.name));
    (!id.is_empty()).then_some(Place { id, name })
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
    }
}

fn is_true(value: Option<&Value>) -> bool {
    value.is_some_and(|value| *value == Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = r#"{"id": "n1", "type": "node", "revision": "_h1", "reported": {"id": "someVolume1", "name":
        "Volume", "kind": "example_volume", "age": "4s"}, "desired": {"clean": true}, "metadata": {"event_log":
        [{"msg": "old"}]}, "ancestors": {"cloud": {"reported": {"name": "example", "id": "example"}}, "account":
        {"reported": {"name": "A", "id": "a"}}, "region": {"reported": {"name": "US West", "id": "us-west"}}}}"#;

    #[test]
    fn nodes_are_looked_into_as_far_as_needed() {
        let mut found = Found::default();
        found.line(NODE).unwrap();
        let node = &found.nodes()[0];
        assert_eq!(node.display_name(), "example_volume Volume (someVolume1)");
        assert_eq!((node.clean, node.cleaned, node.protected), (true, false, false));
        assert_eq!(node.cloud.as_deref(), Some("example"));
        assert_eq!(node.account, Some(Place { id: "a".into(), name: "A".into() }));
        assert_eq!((node.region.as_ref().unwrap().id.as_str(), &node.zone), ("us-west", &None));
        assert_eq!((node.event_log.len(), &*node.json), (1, NODE));
    }

    #[test]
    fn odd_values_count_as_missing() {
        let mut found = Found::default();
        let line = r#"{"type": "node", "id": "n", "reported": null, "desired": {"clean": "yes"}, "metadata":
            {"cleaned": 1, "protected": true, "event_log": {}}, "ancestors": {"cloud": {}, "account": null}}"#;
        found.line(line).unwrap();
        let node = &found.nodes()[0];
        assert_eq!((node.clean, node.cleaned, node.protected), (false, false, true));
        assert_eq!((&node.cloud, &node.account, node.event_log.len()), (&None, &None, 0));
        found.line(r#"{"type": "weather"}"#).unwrap();
        assert!(matches!(found.line("{"), Err(LineError::Json(_))));
        found.line(line).unwrap();
        assert_eq!(found.nodes().len(), 1, "the same node");
    }

    #[test]
    fn edges_need_their_nodes_and_other_types_do_not_matter() {
        let mut found = Found::default();
        let edge =
            |to: &str, kind: &str| format!(r#"{{"type":"edge","from":"n1","to":"{to}","edge_type":{kind}}}"#);
        found.line(NODE).unwrap();
        found.line(&edge("n1", "\"delete\"")).unwrap();
        found.line(&edge("n1", "null")).unwrap();
        found.line(&edge("n1", "\"iam\"")).unwrap();
        let link = |edge| Link { from: 0, to: 0, edge };
        assert_eq!(found.links(), [link(EdgeType::Delete), link(EdgeType::Default)]);
        assert!(matches!(found.line(&edge("x", "null")), Err(LineError::UnknownNode(id)) if id == "x"));
    }
}
