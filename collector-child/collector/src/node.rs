//! Nodes as fixcore stores them, read back: for the jobs that change a cloud.
//!
//! Nodes written by the Python worker and by us look the same here: `reported.kind` says what a node is.

use ipc_proto::fault::FaultKind;
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::fault::{Failure, fault};

/// Properties that fixcore computes when it shows a node (`age` from `ctime`, and so on). They are not stored.
const COMPUTED: [&str; 3] = ["age", "last_update", "last_access"];
/// The same of the metadata.
const COMPUTED_METADATA: &str = "exported_age";

/// Text that is no node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NodeError {
    /// It is no JSON object with a node's parts. The text is not quoted.
    #[error("it is no node: {0}")]
    Malformed(String),
    /// A part that every node has is missing or empty.
    #[error("the node has no {0}")]
    Missing(&'static str),
}

/// A change of tags that makes no sense for this node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TagError {
    /// There is nothing to remove.
    #[error("there is no tag {0:?} to remove")]
    NoSuchTag(String),
    /// A tag needs a name.
    #[error("a tag without a name cannot be set")]
    NoName,
    /// Nothing is asked for.
    #[error("no tag to set or to remove is given")]
    Nothing,
}

/// A node of fixcore.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredNode {
    /// The node id.
    pub id: String,
    /// `reported.kind`.
    pub kind: String,
    /// The properties, without those that fixcore computes.
    pub reported: Map<String, Value>,
    /// The metadata, without what fixcore computes.
    pub metadata: Map<String, Value>,
    /// `desired.clean`: marked for cleanup.
    pub marked: bool,
    /// Where it belongs.
    pub ancestors: Lineage,
}

/// The ancestors of a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lineage {
    /// The cloud.
    pub cloud: Option<Ancestor>,
    /// The account.
    pub account: Option<Ancestor>,
    /// The region.
    pub region: Option<Ancestor>,
    /// The zone.
    pub zone: Option<Ancestor>,
}

/// An ancestor: of a tag task the complete node, of a search id and name only.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ancestor {
    /// The node id, if known.
    pub node_id: Option<String>,
    /// Its properties; at least `id` in general.
    pub reported: Map<String, Value>,
}

/// Tags to remove and to set, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagChange {
    /// Names of tags to remove.
    pub remove: Vec<String>,
    /// Names and values of tags to set.
    pub set: Vec<(String, String)>,
}

impl StoredNode {
    /// The id of the account that it is in, or an error for people; `noun` is what its cloud calls an account.
    pub fn account_id(&self, noun: &str) -> Result<&str, Failure> {
        let id = self.ancestors.account.as_ref().map(Ancestor::id).filter(|id| !id.is_empty());
        id.ok_or_else(|| {
            fault(FaultKind::Resource, format!("the node does not say which {noun} it is in")).into()
        })
    }

    /// Reads the JSON text of a node. Keys that are not needed are passed over.
    pub fn parse(json: &str) -> Result<Self, NodeError> {
        let raw: RawNode = serde_json::from_str(json).map_err(|error| malformed(&error))?;
        Self::from_raw(raw)
    }

    /// The same from a value.
    pub fn from_value(value: Value) -> Result<Self, NodeError> {
        let raw = RawNode::deserialize(value).map_err(|error| malformed(&error))?;
        Self::from_raw(raw)
    }

    fn from_raw(raw: RawNode) -> Result<Self, NodeError> {
        let mut reported = raw.reported.unwrap_or_default();
        let mut metadata = raw.metadata.unwrap_or_default();
        for computed in COMPUTED {
            reported.shift_remove(computed);
        }
        metadata.shift_remove(COMPUTED_METADATA);
        let id = raw.id.filter(|id| !id.is_empty()).ok_or(NodeError::Missing("id"))?;
        let kind = reported.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        if kind.is_empty() {
            return Err(NodeError::Missing("kind"));
        }
        let marked = raw.desired.unwrap_or_default().get("clean") == Some(&Value::Bool(true));
        let above = raw.ancestors.unwrap_or_default();
        let ancestors = Lineage {
            cloud: Ancestor::from_raw(above.cloud),
            account: Ancestor::from_raw(above.account),
            region: Ancestor::from_raw(above.region),
            zone: Ancestor::from_raw(above.zone),
        };
        Ok(Self { id, kind, reported, metadata, marked, ancestors })
    }

    /// The id in the cloud: `reported.id`.
    pub fn cloud_id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    /// The name for people; without one the id.
    pub fn name(&self) -> &str {
        self.text("name").filter(|name| !name.is_empty()).unwrap_or_else(|| self.cloud_id())
    }

    /// A property that is text.
    pub fn text(&self, property: &str) -> Option<&str> {
        self.reported.get(property).and_then(Value::as_str)
    }

    /// Kind, name and id, for messages.
    pub fn title(&self) -> String {
        let (kind, name, id) = (&self.kind, self.name(), self.cloud_id());
        if name == id { format!("{kind} {id}") } else { format!("{kind} {name} ({id})") }
    }

    /// `metadata.protected`: nothing may change it.
    pub fn is_protected(&self) -> bool {
        self.metadata.get("protected") == Some(&Value::Bool(true))
    }

    /// `metadata.cleaned`: it was deleted, fixcore just has not heard yet that it is gone.
    pub fn is_cleaned(&self) -> bool {
        self.metadata.get("cleaned") == Some(&Value::Bool(true))
    }

    /// The value of a tag; a tag may have none.
    pub fn tag(&self, name: &str) -> Option<&Value> {
        self.reported.get("tags").and_then(|tags| tags.get(name))
    }

    /// Whether a change of tags makes sense.
    pub fn check_tags(&self, change: &TagChange) -> Result<(), TagError> {
        if change.remove.is_empty() && change.set.is_empty() {
            return Err(TagError::Nothing);
        }
        if change.set.iter().any(|(name, _)| name.is_empty()) {
            return Err(TagError::NoName);
        }
        match change.remove.iter().find(|name| self.tag(name).is_none()) {
            Some(missing) => Err(TagError::NoSuchTag(missing.clone())),
            None => Ok(()),
        }
    }

    /// Changes its tags, as they were changed in the cloud.
    pub fn change_tags(&mut self, change: &TagChange) {
        let tags = self.reported.entry("tags").or_insert_with(|| Value::Object(Map::new()));
        if !tags.is_object() {
            *tags = Value::Object(Map::new());
        }
        let Value::Object(tags) = tags else { return };
        for name in &change.remove {
            tags.shift_remove(name);
        }
        for (name, value) in &change.set {
            tags.insert(name.clone(), Value::String(value.clone()));
        }
    }

    /// The parts that fixcore replaces when a task is done: `id`, `reported`, `metadata`.
    pub fn into_answer(self) -> Value {
        let mut answer = Map::new();
        answer.insert("id".to_owned(), Value::String(self.id));
        answer.insert("reported".to_owned(), Value::Object(self.reported));
        answer.insert("metadata".to_owned(), Value::Object(self.metadata));
        Value::Object(answer)
    }
}

impl Lineage {
    /// Puts the complete nodes in place of those that have only id and name. One with another id in the cloud
    /// is never taken.
    pub fn complete(&mut self, account_node: &str, nodes: &[StoredNode]) {
        if let Some(account) = &mut self.account {
            let id = account.id().to_owned();
            account.complete(nodes.iter().find(|node| node.id == account_node && node.cloud_id() == id));
        }
        for level in [&mut self.region, &mut self.zone].into_iter().flatten() {
            let id = level.id().to_owned();
            level.complete(nodes.iter().find(|node| node.id != account_node && node.cloud_id() == id));
        }
    }

    /// The id of the account in its cloud.
    pub fn account_id(&self) -> Option<&str> {
        self.account.as_ref().map(Ancestor::id)
    }

    /// The id of the region.
    pub fn region_id(&self) -> Option<&str> {
        self.region.as_ref().map(Ancestor::id)
    }
}

impl Ancestor {
    /// An ancestor with all properties of `node`.
    pub fn of(node: &StoredNode) -> Self {
        Self { node_id: Some(node.id.clone()), reported: node.reported.clone() }
    }

    fn from_raw(raw: Option<RawAncestor>) -> Option<Self> {
        let RawAncestor { id, reported } = raw?;
        Some(Self { node_id: id, reported: reported.unwrap_or_default() })
    }

    fn complete(&mut self, node: Option<&StoredNode>) {
        if let Some(node) = node {
            *self = Self::of(node);
        }
    }

    /// The id in the cloud.
    pub fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    /// The name for people; without one the id.
    pub fn name(&self) -> &str {
        self.text("name").filter(|name| !name.is_empty()).unwrap_or_else(|| self.id())
    }

    /// A property that is text.
    pub fn text(&self, property: &str) -> Option<&str> {
        self.reported.get(property).and_then(Value::as_str)
    }
}

fn malformed(error: &serde_json::Error) -> NodeError {
    // The error itself may quote the text.
    let what = match error.classify() {
        serde_json::error::Category::Data => "a part is not of its type",
        _ => "it is not valid JSON",
    };
    NodeError::Malformed(format!("{what}, line {}, column {}", error.line(), error.column()))
}

#[derive(Deserialize)]
struct RawNode {
    id: Option<String>,
    reported: Option<Map<String, Value>>,
    metadata: Option<Map<String, Value>>,
    desired: Option<Map<String, Value>>,
    ancestors: Option<RawLineage>,
}

#[derive(Default, Deserialize)]
struct RawLineage {
    cloud: Option<RawAncestor>,
    account: Option<RawAncestor>,
    region: Option<RawAncestor>,
    zone: Option<RawAncestor>,
}

#[derive(Deserialize)]
struct RawAncestor {
    id: Option<String>,
    reported: Option<Map<String, Value>>,
}

#[cfg(test)]
mod tests {
    use inventory::KindTable;
    use serde_json::json;

    use super::*;

    /// As a tag task of the real fixcore brings it.
    fn task_node() -> Value {
        json!({
            "id": "27C24lN1MusHq2K-di8EpA", "type": "node", "revision": "_h00000be---",
            "reported": {"id": "someVolume1", "tags": {"Name": "Example Volume 1"}, "name": "someVolume1",
                "volume_size": 0, "kind": "example_volume", "ctime": "2026-11-22T11:30:18Z", "age": "4s",
                "last_update": "4s"},
            "metadata": {"python_type": "fix_plugin_example_collector.ExampleVolume", "categories": ["storage"],
                "provider_link": "https://x", "exported_age": "5s"},
            "ancestors": {
                "cloud": {"id": "c", "reported": {"id": "example", "name": "example", "kind": "cloud"}},
                "account": {"id": "a", "reported": {"id": "42", "name": "Example Account", "role": "reader"}},
                "region": {"id": "r", "reported": {"id": "us-west", "name": "US West"}},
                "zone": null,
            },
        })
    }

    fn node() -> StoredNode {
        StoredNode::parse(&task_node().to_string()).unwrap()
    }

    fn change(remove: &[&str], set: &[(&str, &str)]) -> TagChange {
        TagChange {
            remove: remove.iter().map(|name| (*name).to_owned()).collect(),
            set: set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn the_answer_keeps_everything_but_what_fixcore_computes() {
        let mut node = node();
        let change = change(&["Name"], &[("owner", "me"), ("empty", "")]);
        node.check_tags(&change).unwrap();
        node.change_tags(&change);
        let expected = json!({
            "id": "27C24lN1MusHq2K-di8EpA",
            "reported": {"id": "someVolume1", "tags": {"owner": "me", "empty": ""}, "name": "someVolume1",
                "volume_size": 0, "kind": "example_volume", "ctime": "2026-11-22T11:30:18Z"},
            "metadata": {"python_type": "fix_plugin_example_collector.ExampleVolume", "categories": ["storage"],
                "provider_link": "https://x"},
        });
        assert_eq!(node.into_answer().to_string(), expected.to_string(), "the order of keys as well");
    }

    #[test]
    fn what_is_left_out_is_what_the_model_calls_synthetic() {
        let files: Vec<&str> = KindTable::available().collect();
        let table = KindTable::load(&files).unwrap();
        let model: Value = serde_json::from_str(&table.export_model().unwrap()).unwrap();
        for kind in model.as_array().unwrap() {
            for property in kind["properties"].as_array().into_iter().flatten() {
                let name = property["name"].as_str().unwrap();
                let synthetic = property.get("synthetic").is_some_and(|synthetic| !synthetic.is_null());
                let node = kind["aggregate_root"] == true;
                assert!(
                    !(synthetic || node) || synthetic == COMPUTED.contains(&name),
                    "{}.{name}",
                    kind["fqn"]
                );
            }
        }
    }

    #[test]
    fn tags_are_checked_before_the_cloud_is_asked() {
        let node = node();
        assert_eq!(node.check_tags(&change(&[], &[])), Err(TagError::Nothing));
        assert_eq!(node.check_tags(&change(&[], &[("", "x")])), Err(TagError::NoName));
        let missing = node.check_tags(&change(&["Name", "nope"], &[])).unwrap_err();
        assert_eq!(missing.to_string(), "there is no tag \"nope\" to remove");
        let mut bare = StoredNode { reported: Map::new(), ..node };
        assert!(bare.check_tags(&change(&["Name"], &[])).is_err());
        bare.change_tags(&change(&[], &[("a", "b")]));
        assert_eq!(bare.tag("a"), Some(&json!("b")));
        bare.reported.insert("tags".to_owned(), Value::Null);
        bare.change_tags(&change(&[], &[("a", "c")]));
        assert_eq!(bare.tag("a"), Some(&json!("c")));
    }

    #[test]
    fn flags_and_names_are_read() {
        let node = node();
        assert_eq!(node.title(), "example_volume someVolume1");
        assert_eq!((node.marked, node.is_protected(), node.is_cleaned()), (false, false, false));
        let mut value = task_node();
        value["reported"]["name"] = json!("My Volume");
        value["metadata"]["protected"] = json!(true);
        value["metadata"]["cleaned"] = json!(true);
        value["desired"] = json!({"clean": true});
        let node = StoredNode::from_value(value).unwrap();
        assert_eq!(node.title(), "example_volume My Volume (someVolume1)");
        assert_eq!((node.marked, node.is_protected(), node.is_cleaned()), (true, true, true));
        assert_eq!(node.ancestors.account_id(), Some("42"));
        assert_eq!(node.ancestors.account.unwrap().text("role"), Some("reader"));
        assert_eq!(node.ancestors.zone, None);
    }

    #[test]
    fn ancestors_of_a_search_are_completed() {
        let full = |id: &str, cloud_id: &str, more: &str| {
            let json = json!({"id": id, "reported": {"kind": "k", "id": cloud_id, "more": more}});
            StoredNode::from_value(json).unwrap()
        };
        // The account and the region have the same id in the cloud.
        let nodes = [full("a", "us-west", "account"), full("r", "us-west", "region")];
        let thin =
            |id: &str| Some(Ancestor { reported: Map::from_iter([("id".into(), id.into())]), node_id: None });
        let mut above =
            Lineage { account: thin("us-west"), region: thin("us-west"), zone: thin("z"), cloud: None };
        above.complete("a", &nodes);
        assert_eq!(above.account.unwrap().text("more"), Some("account"));
        let mut other = Lineage { account: thin("eu"), ..Lineage::default() };
        other.complete("a", &nodes);
        assert_eq!(other.account_id(), Some("eu"), "the account of another node stays what it is");
        assert_eq!(above.region.unwrap().text("more"), Some("region"));
        assert_eq!(above.zone.unwrap().text("more"), None);
    }

    #[test]
    fn text_that_is_no_node_is_refused_and_not_quoted() {
        let error = |text: &str| StoredNode::parse(text).unwrap_err().to_string();
        assert_eq!(error("{\"id\": secret}"), "it is no node: it is not valid JSON, line 1, column 8");
        assert_eq!(
            error("{\"id\": {\"a\": 1}}"),
            "it is no node: a part is not of its type, line 1, column 7"
        );
        assert_eq!(error("{\"reported\": {\"kind\": \"k\"}}"), "the node has no id");
        assert_eq!(error("{\"id\": \"x\", \"reported\": null}"), "the node has no kind");
        assert_eq!(error("{\"id\": \"x\", \"reported\": {\"kind\": 3}}"), "the node has no kind");
    }
}
