//! The plan of one kind, and of one file of kinds.

use serde::{Deserialize, Serialize};

use super::call::{BatchCall, Call, DeletePlan, FollowUp, ListCall, NodeCall, TagPlan, is_default};
use super::condition::Condition;
use super::edge::EdgeRule;
use super::mapping::{Extractor, Mapping};
use super::metric::MetricRule;
use super::path::Path;
use super::template::Template;

/// All kinds of one file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FilePlan {
    /// Name of the file without its ending.
    pub name: String,
    /// In the order of the file.
    pub kinds: Vec<KindPlan>,
}

/// How the resources of one kind are collected, connected, tagged and deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KindPlan {
    /// The kind.
    pub kind: String,
    /// The service that the kind belongs to, by its name in the catalog.
    pub service: String,
    /// Where it is collected.
    pub scope: KindScope,
    /// Where its items come from.
    pub source: Source,
    /// Only items of which all this holds become nodes. Looked at when their documents are complete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Condition>,
    /// After listing, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub batches: Vec<BatchCall>,
    /// For each item, in this order, after the batches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<FollowUp>,
    /// How its document becomes properties.
    pub mapping: Mapping,
    /// The arn of nodes whose mapping gives none. Sees the properties (`@id`, `@name`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<Template>,
    /// The link into the console ([`Template::fill_quoted`]). Sees the properties, the arn among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Template>,
    /// What makes the id of the node.
    #[serde(default, skip_serializing_if = "is_default")]
    pub key: KeyPlan,
    /// Its nodes are places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<PlaceKind>,
    /// Where its nodes hang.
    #[serde(default, skip_serializing_if = "is_default")]
    pub home: HomePlan,
    /// Nodes that nobody made: a region with nothing else in it is not in use.
    #[serde(default, skip_serializing_if = "is_default")]
    pub made_by_cloud: MadeByCloud,
    /// Nodes stay only if a default edge begins at them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub only_as_parent: bool,
    /// What leads to its nodes by default are their edges: the place only where there is none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub below_edges: bool,
    /// Edges to and from other nodes, made when all nodes of the account are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<EdgeRule>,
    /// Measured values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricRule>,
    /// Written in Rust: name of the hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    /// How its tags are changed; `None`: they cannot be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<TagPlan>,
    /// How it is deleted; `None`: it cannot be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<DeletePlan>,
}

impl KindPlan {
    /// All calls that change its nodes, and those that look before that.
    pub fn changes(&self) -> impl Iterator<Item = &Call> {
        let tags = self.tag.iter().flat_map(|tag| tag.set.iter().chain(&tag.remove));
        let deletions = self.delete.iter().flat_map(|delete| delete.before.iter().chain(&delete.calls));
        let looks = self.delete.iter().flat_map(|delete| &delete.holds).map(|hold| &hold.list.call);
        tags.chain(deletions).flat_map(NodeCall::calls).chain(looks)
    }
}

/// Where a kind is collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindScope {
    /// In each region.
    #[default]
    Region,
    /// Once, in the partition's global region; nodes hang below the region named `global`.
    Global,
    /// In each region and once more globally.
    Both,
    /// In each zone of each region.
    Zone,
}

/// What the nodes of a kind are for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// The regions of the account.
    Region,
    /// Its zones.
    Zone,
}

/// Where the nodes of a kind hang.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HomePlan {
    /// Where they were listed.
    #[default]
    Listed,
    /// Below the account.
    Account,
    /// Below the cloud.
    Cloud,
    /// In the first place that one of these values names; else where they were listed.
    Named {
        /// What names a place. Sees the document and the properties.
        values: Vec<Extractor>,
        /// Letters are compared in any case.
        #[serde(default, skip_serializing_if = "is_default")]
        fold: bool,
        /// If none does, where the node of its parent hangs.
        #[serde(default, skip_serializing_if = "is_default")]
        parent: bool,
    },
}

/// Which nodes of a kind the cloud makes by itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MadeByCloud {
    /// None.
    #[default]
    Never,
    /// All.
    Always,
    /// Those of which all of one of these lists hold.
    When(Vec<Vec<Condition>>),
}

/// Where the items of a kind come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Calls; the items of one after those of the other. With a parent they are made for each of its items.
    List {
        /// The kind whose items the calls are made for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<String>,
        /// The calls.
        calls: Vec<ListCall>,
    },
    /// Part of the document of another kind.
    Elements {
        /// The kind whose documents have them.
        parent: String,
        /// Where in the document: a list is one item each, an object is one item ([`Path::take`]).
        items: Path,
    },
    /// Only the hook knows.
    Hook,
    /// Nothing collects it by itself: the engine or the hook of another kind makes its nodes.
    Elsewhere,
}

/// What makes the id of a node, besides kind, ancestors and id: first the arn, then `parts`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KeyPlan {
    /// The arn is no part of it, although there may be one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub without_arn: bool,
    /// More parts, behind the arn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<KeyPart>,
}

/// A part of a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyPart {
    /// Its value, from the properties of the node.
    pub value: Extractor,
    /// Without a value it is a part that is null; otherwise there is no such part.
    #[serde(default, skip_serializing_if = "is_default")]
    pub null: bool,
}

impl KindPlan {
    /// The kind whose items this one is made of or listed for.
    pub fn parent(&self) -> Option<&str> {
        match &self.source {
            Source::List { parent, .. } => parent.as_deref(),
            Source::Elements { parent, .. } => Some(parent),
            Source::Hook | Source::Elsewhere => None,
        }
    }
}
