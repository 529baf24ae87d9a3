//! The graph of an account of the rogue collector, healthy or poisoned.

use std::borrow::Cow;

use ipc_proto::graph::{Chunk, DeferredEdge, Edge, EdgeType, Node, Role, Selector};
use serde_json::{Value, json};

use super::describe::NAME;
use crate::expect::{Mode, VOLUMES, ids};

/// A node before it is put into a frame.
#[derive(Debug, Clone)]
pub(super) struct OwnedNode {
    id: String,
    kind: String,
    role: Role,
    json: Vec<u8>,
}

/// A graph before it is put into frames.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnedGraph {
    nodes: Vec<OwnedNode>,
    edges: Vec<(String, String, EdgeType)>,
    deferred: Vec<(String, To, EdgeType)>,
}

/// Where a deferred edge leads.
#[derive(Debug, Clone)]
enum To {
    Node(String),
    Search(&'static str),
}

impl OwnedGraph {
    /// The graph of `account`, with what the mode does to it.
    pub(super) fn of(account: &str, mode: Mode) -> Self {
        let mut graph = Self::default();
        graph.hierarchy(account, mode);
        for number in 0..VOLUMES {
            graph.volume(account, &ids::volume_name(account, number), json!({}));
        }
        graph.poison(account, mode);
        graph
    }

    fn hierarchy(&mut self, account: &str, mode: Mode) {
        self.node(ids::ROOT, "graph_root", Role::Root, "root", json!({}));
        if mode == Mode::SharedLines {
            self.last_json(|text| text.replace("\"name\":\"root\"", "\"name\":\"PWNED\""));
        }
        let cloud = if mode == Mode::ForeignCloudNode { ids::account("good") } else { ids::CLOUD.to_owned() };
        let mark = if mode == Mode::MarkedCloud { json!({"desired": {"clean": true}}) } else { json!({}) };
        self.node(&cloud, "cloud", Role::Cloud, NAME, mark);
        if mode == Mode::SharedLines {
            self.last_json(|text| text.replace("\"tags\":{}", "\"tags\":{\"PWNED\":\"yes\"}"));
        }
        let mark =
            if mode == Mode::MarkedAccount { json!({"metadata": {"protected": true}}) } else { json!({}) };
        let owner = if mode == Mode::ForeignAccount { "good" } else { account };
        self.node(&ids::account(owner), "example_account", Role::Account, owner, mark);
        self.edge(ids::ROOT, ids::CLOUD, EdgeType::Default);
        self.edge(ids::CLOUD, &ids::account(owner), EdgeType::Default);
    }

    fn poison(&mut self, account: &str, mode: Mode) {
        let bad = format!("rogue-bad-{account}");
        let other = json!({"account": {"reported": {"id": "good", "name": "Rogue good"}}});
        match mode {
            Mode::PoisonedReplace => self.volume(account, &bad, json!({"metadata": {"replace": true}})),
            Mode::PoisonedTopReplace => self.volume(account, &bad, json!({"replace": true})),
            Mode::PoisonedAncestors => self.volume(account, &bad, json!({"ancestors": other})),
            Mode::PoisonedExportedAt => {
                self.volume(account, &bad, json!({"metadata": {"exported_at": "2020-01-01T00:00:00Z"}}));
            }
            Mode::TwoAccounts => {
                self.node(&ids::account("other"), "example_account", Role::Account, "other", json!({}));
                self.edge(ids::CLOUD, &ids::account("other"), EdgeType::Default);
            }
            Mode::StolenId => self.below(account, &ids::volume("good", 0), &ids::volume_name("good", 0)),
            Mode::StolenAccount => self.below(account, &ids::account("good"), "good"),
            Mode::OrgTakesAccount => {
                self.node(
                    &ids::account("good"),
                    "organizational_unit",
                    Role::Organization,
                    "good",
                    json!({}),
                );
                self.edge(ids::CLOUD, &ids::account("good"), EdgeType::Default);
            }
            Mode::Contested => self.below(account, "nobody-knows-whose", "contested"),
            Mode::ForeignEdges => self.foreign_edges(account),
            Mode::IdMismatch => {
                self.volume(account, &bad, json!({}));
                let id = ids::named(account, &bad);
                self.last_json(|text| text.replace(&id, "rogue-worse"));
            }
            Mode::UnknownKind => {
                self.node(&bad, "rogue_nonsense", Role::Resource, &bad, json!({}));
                self.edge(&ids::account(account), &bad, EdgeType::Default);
            }
            Mode::InvalidJson => {
                self.volume(account, &bad, json!({}));
                self.last_json(|text| text.replace("\"reported\":", "\"reported\""));
            }
            Mode::RawNewline => {
                self.volume(account, &bad, json!({}));
                self.last_json(|text| text.replacen(',', ",\n", 1));
            }
            Mode::Detached => self.node(&bad, "example_volume", Role::Resource, "detached", json!({})),
            Mode::Cycle => {
                let (one, two) = (ids::volume(account, 0), ids::volume(account, 1));
                self.edge(&one, &two, EdgeType::Delete);
                self.edge(&two, &one, EdgeType::Delete);
            }
            Mode::WrongType => {
                self.volume(account, &bad, json!({}));
                self.last_json(|text| text.replace("\"volume_size\":10", "\"volume_size\":\"ten\""));
            }
            Mode::Dangling => self.edge(&ids::volume(account, 0), "nowhere", EdgeType::Default),
            _ => {}
        }
    }

    fn volume(&mut self, account: &str, name: &str, extra: Value) {
        let id = ids::named(account, name);
        self.node(&id, "example_volume", Role::Resource, name, extra);
        self.edge(&ids::account(account), &id, EdgeType::Default);
    }

    /// A volume with any id.
    fn below(&mut self, account: &str, id: &str, name: &str) {
        self.node(id, "example_volume", Role::Resource, name, json!({}));
        self.edge(&ids::account(account), id, EdgeType::Default);
    }

    fn foreign_edges(&mut self, account: &str) {
        let (own, theirs) = (ids::volume(account, 0), ids::volume("good", 0));
        let their_account = ids::account("good");
        for edge_type in EdgeType::ALL {
            // What starts at others is never ours to say, as an edge and as a deferred one.
            self.edge(&theirs, &own, edge_type);
            for from in [theirs.as_str(), &their_account, ids::ROOT, ids::CLOUD] {
                self.deferred.push((from.into(), To::Node(own.clone()), edge_type));
                self.deferred.push((from.into(), To::Search("is(example_volume)"), edge_type));
            }
            for to in [ids::ROOT, ids::CLOUD] {
                self.deferred.push((own.clone(), To::Node(to.into()), edge_type));
            }
            for search in ["is(account)", "is(resource)", "all", "is(example_volume) or is(account)"] {
                self.deferred.push((own.clone(), To::Search(search), edge_type));
            }
        }
        self.edge(&own, &theirs, EdgeType::Default);
        self.deferred.push((own.clone(), To::Node(theirs.clone()), EdgeType::Default));
        // The only ones that pass.
        self.edge(&own, &theirs, EdgeType::Delete);
        self.deferred.push((own, To::Node(theirs), EdgeType::Iam));
    }

    /// `extra` holds further top-level keys; `metadata` in it is merged.
    fn node(&mut self, id: &str, kind: &str, role: Role, name: &str, mut extra: Value) {
        let mut reported = json!({"id": name, "tags": {}, "name": name, "kind": kind});
        if kind == "example_volume" {
            reported["volume_size"] = json!(10);
        }
        let mut metadata = json!({"python_type": "rogue.Rogue", "categories": []});
        if let Some(Value::Object(more)) = extra.as_object_mut().and_then(|extra| extra.remove("metadata")) {
            metadata.as_object_mut().expect("an object").extend(more);
        }
        let mut line = json!({"id": id, "reported": reported, "metadata": metadata});
        line.as_object_mut().expect("an object").extend(extra.as_object().cloned().unwrap_or_default());
        let json = line.to_string().into_bytes();
        self.nodes.push(OwnedNode { id: id.into(), kind: kind.into(), role, json });
    }

    fn edge(&mut self, from: &str, to: &str, edge_type: EdgeType) {
        self.edges.push((from.into(), to.into(), edge_type));
    }

    /// Changes the text of the node that was added last.
    fn last_json(&mut self, change: impl FnOnce(Cow<'_, str>) -> String) {
        if let Some(node) = self.nodes.last_mut() {
            node.json = change(String::from_utf8_lossy(&node.json)).into_bytes();
        }
    }

    /// Root, cloud and account, and nothing below.
    pub(super) fn without_resources(account: &str) -> Self {
        let mut graph = Self::default();
        graph.hierarchy(account, Mode::Bulk);
        graph
    }

    /// One chunk for the nodes, one for the edges.
    pub(super) fn chunks(&self) -> [Chunk<'_>; 2] {
        let nodes = self.nodes.iter();
        let nodes =
            nodes.map(|node| Node { id: &node.id, kind: &node.kind, role: node.role, json: &node.json });
        let edges = self.edges.iter();
        let edges =
            edges.map(|(from, to, edge_type)| Edge { from, to, edge_type: *edge_type, reported: None });
        let deferred = self.deferred.iter().map(|(from, to, edge_type)| DeferredEdge {
            from: Selector::NodeId(from),
            to: match to {
                To::Node(id) => Selector::NodeId(id),
                To::Search(search) => Selector::Search(search),
            },
            edge_type: *edge_type,
        });
        let nodes = Chunk { seq: 0, nodes: nodes.collect(), ..Chunk::default() };
        let (edges, deferred) = (edges.collect(), deferred.collect());
        [nodes, Chunk { seq: 1, edges, deferred, ..Chunk::default() }]
    }
}
