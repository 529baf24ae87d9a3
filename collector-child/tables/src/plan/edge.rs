//! Edges between nodes.

use serde::{Deserialize, Serialize};

use super::call::is_default;
use super::condition::Condition;
use super::mapping::Extractor;

/// Edges from or to other nodes, found by what the document (or a property) says about them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EdgeRule {
    /// Whether this node is where the edge begins.
    pub direction: Direction,
    /// What the other node is.
    pub other: Other,
    /// What of the other node `value` is compared with. Not used with [`Other::Parent`].
    pub by: Lookup,
    /// Text or list of texts to look for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub value: Extractor,
    /// The edge.
    #[serde(default, skip_serializing_if = "is_default")]
    pub edge: EdgeType,
    /// A delete edge besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<DeleteEdge>,
    /// Other regions of the account are searched too.
    #[serde(default, skip_serializing_if = "is_default")]
    pub any_region: bool,
    /// The other node is in another account: a deferred edge ([`EdgeRule::criteria`]).
    #[serde(default, skip_serializing_if = "is_default")]
    pub deferred: bool,
    /// Made only if all of these hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    /// Letters are compared in any case.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fold: bool,
    /// Properties of this node that become those of the other one, where it has none of its own: own name, other name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copy: Vec<(String, String)>,
    /// The property of the other node that becomes the number of nodes which this rule joins with it; `true` if it is a
    /// truth value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<String>,
}

/// Which end of an edge this node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From this node to the other.
    To,
    /// From the other node to this.
    From,
}

/// What the other node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Other {
    /// A node of this kind, or of a kind that has it among its bases.
    Kind(String),
    /// A node of any kind.
    Any,
    /// The node of the parent, whose item this was made of or listed for.
    Parent,
    /// The node of the zone, or else of the region, where this node hangs.
    Place,
}

/// What of the other node is compared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lookup {
    /// Its id.
    #[default]
    Id,
    /// Its arn.
    Arn,
    /// Its name.
    Name,
    /// Another property.
    Property(String),
}

/// The type of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeType {
    /// Belongs to, uses.
    #[default]
    Default,
    /// Is deleted before.
    Delete,
    /// None, only what [`EdgeRule::delete`] says.
    None,
}

/// The direction of a delete edge besides a default edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteEdge {
    /// Opposite to the default edge.
    Reverse,
    /// Like the default edge.
    Same,
}

impl Lookup {
    /// The property that it is.
    pub fn property(&self) -> &str {
        match self {
            Self::Id => "id",
            Self::Arn => "arn",
            Self::Name => "name",
            Self::Property(name) => name,
        }
    }
}

impl EdgeRule {
    /// Whether the other node is looked up by a value; otherwise it is known without.
    pub fn is_looked_up(&self) -> bool {
        matches!(self.other, Other::Kind(_) | Other::Any)
    }

    /// The query that finds the other node in the graph of fixcore. `resource` is the base of all kinds of the cloud.
    pub fn criteria(&self, value: &str, resource: &str) -> String {
        let kind = match &self.other {
            Other::Kind(kind) => kind.as_str(),
            Other::Any | Other::Parent | Other::Place => resource,
        };
        let value = serde_json::Value::from(value);
        format!("is({kind}) and reported.{}=={value}", self.by.property())
    }
}
