//! The graph of an account of the rogue collector, healthy or poisoned.

use std::borrow::Cow;

use ipc_proto::graph::{Chunk, Edge, EdgeType, Node, Role};
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
}

impl OwnedGraph {
    /// The graph of `account`, with what the mode does to it.
    pub(super) fn of(account: &str, mode: Mode) -> Self {
        let mut graph = Self::default();
        graph.hierarchy(account, mode);
        for number in 0..VOLUMES {
            graph.volume(account, &ids::volume(account, number), json!({}));
        }
        graph.poison(account, mode);
        graph
    }

    fn hierarchy(&mut self, account: &str, mode: Mode) {
        self.node(ids::ROOT, "graph_root", Role::Root, "root", json!({}));
        self.node(ids::CLOUD, "cloud", Role::Cloud, NAME, json!({}));
        let owner = if mode == Mode::ForeignAccount { "good" } else { account };
        self.node(&ids::account(owner), "example_account", Role::Account, owner, json!({}));
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
            Mode::StolenId => self.volume(account, &ids::volume("good", 0), json!({})),
            Mode::IdMismatch => {
                self.volume(account, &bad, json!({}));
                self.last_json(|text| text.replace("rogue-bad", "rogue-worse"));
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

    fn volume(&mut self, account: &str, id: &str, extra: Value) {
        self.node(id, "example_volume", Role::Resource, id, extra);
        self.edge(&ids::account(account), id, EdgeType::Default);
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
        let nodes = Chunk { seq: 0, nodes: nodes.collect(), ..Chunk::default() };
        [nodes, Chunk { seq: 1, edges: edges.collect(), ..Chunk::default() }]
    }
}
