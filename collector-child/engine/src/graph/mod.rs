//! The graph of one account while it is being made.
//!
//! Of each resource only its final line is kept, with what is needed to find it and to connect it; the documents
//! that the cloud sent are gone by then. What changes later (usage, time of last use) is kept beside the lines
//! and worked in when the graph is sent.

mod cycle;
mod edit;
mod emit;
mod index;
mod lines;
mod member;
mod unused;
mod wishes;

use std::collections::{HashMap, HashSet};

use inventory::{Ancestors, KindTable, NodeBuilder, NodeFault, NodeId, PropertyFault, Role};
pub use ipc_proto::graph::EdgeType;
use serde_json::{Map, Value};
use tables::plan::{EdgeRule, Lookup, Properties};

use crate::facts::CloudFacts;
use crate::regions::{RegionIndex, ZoneIndex};
pub(crate) use edit::Change;
pub use emit::LeftOut;
use index::Indexes;
pub use index::Target;
use lines::{LineAt, Lines, is_repaired};

/// Names a node of the graph: its position.
pub type NodeIndex = usize;

/// Where a node hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// The graph root and the cloud.
    Top,
    /// Below the cloud, in no account: organizations.
    Cloud,
    /// The account.
    Account,
    /// In a region of the account.
    Region(RegionIndex),
    /// In a zone.
    Zone {
        /// The zone.
        zone: ZoneIndex,
        /// Its region.
        region: RegionIndex,
    },
}

impl Home {
    /// The region, if it is in one.
    pub fn region(self) -> Option<RegionIndex> {
        match self {
            Self::Region(region) | Self::Zone { region, .. } => Some(region),
            Self::Top | Self::Cloud | Self::Account => None,
        }
    }
}

/// A node of the graph.
#[derive(Debug)]
pub struct Node {
    /// Its kind.
    pub kind: &'static str,
    /// Where it hangs.
    pub home: Home,
    /// Its id in the cloud.
    pub id: Box<str>,
    /// Its name; the id if it has none.
    pub name: Box<str>,
    /// Its arn.
    pub arn: Option<Box<str>>,
    /// Its id in the graph.
    pub node_id: NodeId,
    role: Role,
    line: LineAt,
}

/// A node to be added.
#[derive(Debug)]
pub struct NewNode<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// Where it hangs.
    pub home: Home,
    /// Its id in the cloud.
    pub id: &'a str,
    /// Set before the others are: `id` among them is left out.
    pub properties: &'a Properties<'a>,
    /// The arn is part of the key.
    pub arn_in_key: bool,
    /// More parts of the key; `None` is one that has no value.
    pub key: &'a [Option<String>],
    /// The DNS zone in the key.
    pub dns_zone: DnsZone<'a>,
    /// A link into the console.
    pub link: Option<&'a str>,
    /// Findings of security services.
    pub assessments: Option<&'a Value>,
}

/// Whether the DNS zone is part of the key of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DnsZone<'a> {
    /// It is not.
    #[default]
    NotInKey,
    /// It is: the id of the zone, if it is in one.
    InKey(Option<&'a str>),
}

/// What became of a node.
#[derive(Debug)]
pub struct Added {
    /// Its place; that of the first one if it was there already.
    pub node: NodeIndex,
    /// Whether it is new.
    pub new: bool,
    /// Properties that do not fit the model.
    pub misfits: Vec<PropertyFault>,
    /// Some of its texts had to be repaired.
    pub repaired: bool,
}

/// An edge between two nodes of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// Where it begins.
    pub from: NodeIndex,
    /// Where it ends.
    pub to: NodeIndex,
    /// What it means.
    pub edge_type: EdgeType,
}

/// One end of an edge that fixcore resolves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// A node of the graph.
    Node(NodeIndex),
    /// A search that must find exactly one node.
    Search(String),
}

/// An edge that fixcore resolves: into another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred {
    /// Where it begins.
    pub from: End,
    /// Where it ends.
    pub to: End,
    /// What it means.
    pub edge_type: EdgeType,
}

/// Edges that a rule of a kind table wants, once all nodes are known.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) node: NodeIndex,
    pub(crate) rule: &'static EdgeRule,
    pub(crate) values: Values,
}

/// Some texts in one piece of memory: there are more wishes than nodes.
#[derive(Debug)]
pub(crate) struct Values(Box<str>);

impl Values {
    /// Between two texts; no id has it.
    const BETWEEN: &'static str = "\0";

    pub(crate) fn new(values: &[String]) -> Self {
        Self(values.join(Self::BETWEEN).into())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(Self::BETWEEN).filter(|value| !value.is_empty())
    }
}

/// The graph of one account.
#[derive(Debug)]
pub struct Graph {
    facts: &'static CloudFacts,
    builder: NodeBuilder<'static>,
    account: String,
    /// Ids of the regions by position.
    regions: Vec<String>,
    /// Ids of the zones by position.
    zones: Vec<String>,
    /// Their nodes, until something is left out.
    pub(crate) zone_nodes: Vec<NodeIndex>,
    /// Nodes that the cloud has made by itself, as their tables say.
    by_cloud: HashSet<NodeIndex>,
    /// Nodes whose place is their parent only where nothing else is.
    below_edges: HashSet<NodeIndex>,
    nodes: Vec<Node>,
    lines: Lines,
    by_node_id: HashMap<NodeId, NodeIndex>,
    edges: Vec<Edge>,
    deferred: Vec<Deferred>,
    wishes: Vec<Wish>,
    changes: HashMap<NodeIndex, Change>,
    kept: HashMap<NodeIndex, Value>,
    indexes: Indexes,
}

impl Graph {
    /// An empty graph. `regions` are the ids of the account's regions by position.
    pub fn new(
        table: &'static KindTable,
        facts: &'static CloudFacts,
        account: &str,
        regions: Vec<String>,
    ) -> Self {
        Self {
            facts,
            builder: NodeBuilder::new(table),
            account: account.to_owned(),
            regions,
            zones: Vec::new(),
            zone_nodes: Vec::new(),
            by_cloud: HashSet::new(),
            below_edges: HashSet::new(),
            nodes: Vec::new(),
            lines: Lines::default(),
            by_node_id: HashMap::new(),
            edges: Vec::new(),
            deferred: Vec::new(),
            wishes: Vec::new(),
            changes: HashMap::new(),
            kept: HashMap::new(),
            indexes: Indexes::default(),
        }
    }

    /// With zones: their ids by position.
    #[must_use]
    pub fn with_zones(mut self, zones: Vec<String>) -> Self {
        self.zones = zones;
        self
    }

    /// Notes that a node hangs below what its edges begin at, not below its place.
    pub(crate) fn below_edges(&mut self, node: NodeIndex) {
        self.below_edges.insert(node);
    }

    /// Notes that the cloud has made a node by itself.
    pub(crate) fn made_by_cloud(&mut self, node: NodeIndex) {
        self.by_cloud.insert(node);
    }

    /// Adds a node. One that is there already (the same id in the graph) stays as it is.
    pub fn add(&mut self, new: &NewNode<'_>) -> Result<Added, NodeFault> {
        let Self { facts, builder, account, regions, zones, .. } = self;
        let mut draft = builder.node(new.kind, new.id)?;
        for (name, value) in new.properties.iter().filter(|(name, _)| *name != "id") {
            draft.set(name, value);
        }
        let arn = new.properties.text("arn");
        if let Some(arn) = arn.filter(|_| new.arn_in_key) {
            draft.key(arn);
        }
        match new.dns_zone {
            DnsZone::NotInKey => {}
            DnsZone::InKey(zone) => drop(draft.key_dns_zone(zone)),
        }
        for part in new.key {
            draft.key_optional(part.as_deref());
        }
        if let Some(link) = new.link {
            draft.provider_link(link);
        }
        if let Some(assessments) = new.assessments {
            draft.assessments(assessments);
        }
        let cloud = match new.home {
            Home::Region(_) | Home::Zone { .. } => facts.below_accounts.unwrap_or(facts.cloud),
            Home::Top | Home::Cloud | Home::Account => facts.cloud,
        };
        let ancestors = ancestors(cloud, new.home, account, (regions, zones));
        let finished = draft.finish(&ancestors);
        let node_id = finished.id;
        if let Some(known) = self.by_node_id.get(&node_id) {
            let known = *known;
            drop(self.builder.take_faults());
            return Ok(Added { node: known, new: false, misfits: Vec::new(), repaired: false });
        }
        let repaired = is_repaired(finished.json);
        let node = Node {
            kind: finished.kind,
            home: new.home,
            id: new.id.into(),
            name: new.properties.text("name").unwrap_or(new.id).into(),
            arn: arn.map(Into::into),
            node_id,
            role: finished.role,
            line: self.lines.push(finished.json),
        };
        let misfits = self.builder.take_faults();
        let index = self.nodes.len();
        self.nodes.push(node);
        self.by_node_id.insert(node_id, index);
        Ok(Added { node: index, new: true, misfits, repaired })
    }

    /// Makes a wish for edges.
    pub(crate) fn wish(&mut self, wish: Wish) {
        self.wishes.push(wish);
    }

    /// Keeps something with a node for the stage `connect` of its hook.
    pub fn keep(&mut self, node: NodeIndex, value: Value) {
        self.kept.insert(node, value);
    }

    /// What was kept with a node; once.
    pub fn take_kept(&mut self, node: NodeIndex) -> Option<Value> {
        self.kept.remove(&node)
    }

    /// All nodes with something kept, by kind.
    pub fn kept_of(&self, kind: &str) -> Vec<NodeIndex> {
        let mut nodes: Vec<NodeIndex> =
            self.kept.keys().copied().filter(|node| self.nodes[*node].kind == kind).collect();
        nodes.sort_unstable();
        nodes
    }

    /// A node.
    pub fn node(&self, node: NodeIndex) -> &Node {
        &self.nodes[node]
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All nodes of a kind, or of a kind that has it among its bases.
    pub fn of_kind(&self, kind: &str) -> Vec<NodeIndex> {
        let table = self.builder.table();
        let mut kinds: HashMap<&str, bool> = HashMap::new();
        let wanted = |node: &Node| *kinds.entry(node.kind).or_insert_with(|| table.is_a(node.kind, kind));
        self.nodes.iter().map(wanted).enumerate().filter(|(_, is_a)| *is_a).map(|(node, _)| node).collect()
    }

    /// The region a node is in.
    pub fn region_of(&self, node: NodeIndex) -> Option<RegionIndex> {
        self.nodes[node].home.region()
    }

    /// The node that `target` has with this value: in the region `near` if there is one, else among what belongs
    /// to no region, else, with `any_region` or by arn, which says its region itself, in another one.
    pub fn find(
        &mut self,
        target: Target<'_>,
        by: &Lookup,
        value: &str,
        near: Option<RegionIndex>,
        any_region: bool,
    ) -> Option<NodeIndex> {
        self.find_folded(target, by, (value, false), near, any_region)
    }

    /// The same; with `true` beside the value in any case of letters.
    pub(crate) fn find_folded(
        &mut self,
        target: Target<'_>,
        by: &Lookup,
        value: (&str, bool),
        near: Option<RegionIndex>,
        any_region: bool,
    ) -> Option<NodeIndex> {
        let Self { facts, nodes, lines, indexes, builder, changes, .. } = self;
        let found =
            indexes.find(index::All { nodes, lines, changes }, (builder.table(), facts), target, by, value);
        let any_region = any_region || *by == Lookup::Arn;
        index::choose(nodes, &found, near, any_region)
    }

    /// Adds an edge; one that is there already, or from a node to itself, changes nothing.
    pub fn edge(&mut self, from: NodeIndex, to: NodeIndex, edge_type: EdgeType) {
        if from != to {
            self.edges.push(Edge { from, to, edge_type });
        }
    }

    /// Adds an edge into another account.
    pub fn deferred_edge(&mut self, edge: Deferred) {
        self.deferred.push(edge);
    }

    /// What the node reports now, changes included.
    pub fn properties(&self, node: NodeIndex) -> Map<String, Value> {
        edit::reported(&self.lines.get(self.nodes[node].line), self.changes.get(&node))
    }

    /// One property of a node, changes included.
    pub fn property(&self, node: NodeIndex, name: &str) -> Option<Value> {
        edit::property(&self.lines.get(self.nodes[node].line), self.changes.get(&node), name)
    }

    /// Changes a property of a node; null unsets it. Id, name, arn and tags that decide about the id of the node
    /// stay.
    pub fn set(&mut self, node: NodeIndex, property: &str, value: Value) {
        self.changes.entry(node).or_default().properties.insert(property.to_owned(), value);
    }

    /// Adds a measured value: `metric` is a name with its unit, `stats` are `min`, `avg`, `max`.
    pub fn usage(&mut self, node: NodeIndex, metric: &str, stats: &[(&str, f64)]) {
        let stats = stats.iter().map(|(stat, number)| ((*stat).to_owned(), Value::from(*number))).collect();
        self.changes.entry(node).or_default().usage.insert(metric.to_owned(), Value::Object(stats));
    }

    /// The measured values of a node: metric to statistic to number.
    pub fn usage_of(&self, node: NodeIndex) -> impl Iterator<Item = (&str, &Value)> {
        let usage = self.changes.get(&node).map(|change| &change.usage);
        usage.into_iter().flatten().map(|(metric, stats)| (metric.as_str(), stats))
    }

    /// Adds findings of a security service: `{provider, findings: [...]}`. Findings of the same provider are
    /// joined.
    pub fn assess(&mut self, node: NodeIndex, assessment: Value) {
        self.changes.entry(node).or_default().assess(assessment);
    }

    /// What is the same for all accounts of the cloud.
    pub(crate) fn facts(&self) -> &'static CloudFacts {
        self.facts
    }

    /// The id of a region of the account.
    pub fn region_id(&self, region: RegionIndex) -> Option<&str> {
        self.regions.get(region.position()).map(String::as_str)
    }

    /// All nodes with their numbers.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeIndex, &Node)> {
        self.nodes.iter().enumerate()
    }

    /// All edges between nodes.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// All edges that fixcore resolves.
    pub fn deferred(&self) -> &[Deferred] {
        &self.deferred
    }

    /// The line of a node, as it was made.
    pub fn line(&self, node: NodeIndex) -> Vec<u8> {
        self.lines.get(self.nodes[node].line).to_vec()
    }

    /// Where to look for the kinds.
    pub fn table(&self) -> &'static KindTable {
        self.builder.table()
    }
}

fn ancestors<'a>(
    cloud: &'a str,
    home: Home,
    account: &'a str,
    (regions, zones): (&'a [String], &'a [String]),
) -> Ancestors<'a> {
    let cloud = Some(cloud);
    let region_id = |region: RegionIndex| regions.get(region.position()).map(String::as_str);
    let in_account = Ancestors { cloud, account: Some(account), ..Ancestors::default() };
    match home {
        Home::Top => Ancestors::default(),
        Home::Cloud => Ancestors { cloud, ..Ancestors::default() },
        Home::Account => in_account,
        Home::Region(region) => Ancestors { region: region_id(region), ..in_account },
        Home::Zone { zone, region } => Ancestors {
            region: region_id(region),
            zone: zones.get(zone.position()).map(String::as_str),
            ..in_account
        },
    }
}
