//! Graphs for the tests of this crate.

use std::sync::Arc;

use ipc_proto::graph::{Chunk, DeferredEdge, Edge, EdgeType, Node, Role, Selector, Tally};
use ipc_proto::job::Account;
use ipc_proto::message::Done;
use serde_json::Value;

use crate::id::ROOT_NODE_ID;
use crate::kinds::KindTable;
use crate::merge::StagedAccount;
use crate::owners::Owners;
use crate::rule::cloud_node_id;
use crate::spool::{MemoryLimits, SpoolDir};
use crate::staging::{Staging, StagingError, StagingLimits};

pub(crate) struct TestNode {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) role: Role,
    pub(crate) json: String,
}

impl TestNode {
    pub(crate) fn frame(&self) -> Node<'_> {
        Node { id: &self.id, kind: &self.kind, role: self.role, json: self.json.as_bytes() }
    }
}

#[derive(Clone)]
pub(crate) enum Sel {
    Id(String),
    Search(String),
}

/// An account graph that can be spoilt before it is sent.
pub(crate) struct TestGraph {
    pub(crate) account: Account,
    pub(crate) nodes: Vec<TestNode>,
    pub(crate) edges: Vec<(String, String, EdgeType, Option<String>)>,
    pub(crate) deferred: Vec<(Sel, Sel, EdgeType)>,
}

pub(crate) fn spool() -> (tempfile::TempDir, SpoolDir) {
    spool_with(MemoryLimits::default())
}

pub(crate) fn spool_with(limits: MemoryLimits) -> (tempfile::TempDir, SpoolDir) {
    let temp = tempfile::tempdir().unwrap();
    let dir = SpoolDir::open(&temp.path().join("spool"), limits).unwrap();
    (temp, dir)
}

impl TestGraph {
    /// The node id of the cloud `test`.
    pub(crate) fn cloud() -> String {
        cloud_node_id("test").unwrap()
    }

    /// Root, cloud `test` and the account `id` with the node id `account-<id>`.
    pub(crate) fn account(id: &str) -> Self {
        let node_id = format!("account-{id}");
        let account = Account {
            cloud: "test".into(),
            id: id.into(),
            name: format!("name of {id}"),
            node_id: node_id.clone(),
            scope: Vec::new().into(),
        };
        let mut graph = Self { account, nodes: Vec::new(), edges: Vec::new(), deferred: Vec::new() };
        graph.node(ROOT_NODE_ID, "graph_root", Role::Root, "root");
        graph.node(&Self::cloud(), "cloud", Role::Cloud, "test");
        graph.node(&node_id, "test_account", Role::Account, id);
        graph.edge(ROOT_NODE_ID, &Self::cloud(), EdgeType::Default);
        graph.edge(&Self::cloud(), &node_id, EdgeType::Default);
        graph
    }

    /// The same with `count` resources below the account, of which every tenth is a region.
    pub(crate) fn with_resources(id: &str, count: usize) -> Self {
        let mut graph = Self::account(id);
        for number in 0..count {
            let (kind, role) = if number % 10 == 0 {
                ("test_region", Role::Region)
            } else {
                ("test_volume", Role::Resource)
            };
            let node = format!("{id}-{number}");
            graph.node(&node, kind, role, &format!("r{number}"));
            graph.edge(&format!("account-{id}"), &node, EdgeType::Default);
        }
        graph
    }

    pub(crate) fn node(&mut self, id: &str, kind: &str, role: Role, reported_id: &str) {
        let json = format!(
            r#"{{"id": "{id}", "reported": {{"id": "{reported_id}", "name": "name {reported_id}", "kind": "{kind}"}}, "metadata": {{"categories": []}}}}"#
        );
        self.nodes.push(TestNode { id: id.into(), kind: kind.into(), role, json });
    }

    pub(crate) fn edge(&mut self, from: &str, to: &str, edge_type: EdgeType) {
        self.edges.push((from.into(), to.into(), edge_type, None));
    }

    /// Reads an upload of the peer: one account with its marks, which are taken off.
    pub(crate) fn from_ndjson(text: &str) -> Self {
        let mut graph = Self::account("unused");
        (graph.nodes, graph.edges) = (Vec::new(), Vec::new());
        for line in text.lines() {
            let json: Value = serde_json::from_str(line).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let edge_type = json["edge_type"].as_str().unwrap_or("default");
            let edge_type = EdgeType::from_name(edge_type).unwrap();
            if json.get("id").is_some() {
                graph.node_line(line, &json);
            } else if json.get("from").is_some() {
                graph.edges.push((text(&json["from"]), text(&json["to"]), edge_type, None));
            } else {
                let selector = |value: &Value| match value.get("node_id") {
                    Some(id) => Sel::Id(text(id)),
                    None => Sel::Search(text(&value["search_criteria"])),
                };
                let ends = (selector(&json["from_selector"]), selector(&json["to_selector"]));
                graph.deferred.push((ends.0, ends.1, edge_type));
            }
        }
        graph
    }

    fn node_line(&mut self, line: &str, json: &Value) {
        let kind = json["reported"]["kind"].as_str().unwrap();
        let role = match kind {
            "graph_root" => Role::Root,
            "cloud" => Role::Cloud,
            kind if kind.ends_with("_account") => Role::Account,
            kind if kind.ends_with("_region") => Role::Region,
            _ => Role::Resource,
        };
        let id = json["id"].as_str().unwrap();
        let reported_id = json["reported"]["id"].as_str().unwrap();
        match role {
            Role::Cloud => self.account.cloud = reported_id.to_owned(),
            Role::Account => {
                self.account.id = reported_id.to_owned();
                self.account.node_id = id.to_owned();
            }
            _ => {}
        }
        let json = match line.find(", \"replace\": true") {
            Some(at) => format!("{}}}}}", &line[..at]),
            None => line.to_owned(),
        };
        self.nodes.push(TestNode { id: id.into(), kind: kind.into(), role, json });
    }

    /// The chunks of the graph with at most `size` items each.
    pub(crate) fn chunks(&self, size: usize) -> Vec<Chunk<'_>> {
        fn selector(sel: &Sel) -> Selector<'_> {
            match sel {
                Sel::Id(id) => Selector::NodeId(id),
                Sel::Search(search) => Selector::Search(search),
            }
        }
        let mut chunks = Vec::new();
        for part in self.nodes.chunks(size) {
            chunks.push(Chunk { nodes: part.iter().map(TestNode::frame).collect(), ..Chunk::default() });
        }
        for part in self.edges.chunks(size) {
            let edges = part.iter().map(|(from, to, edge_type, reported)| Edge {
                from,
                to,
                edge_type: *edge_type,
                reported: reported.as_ref().map(String::as_bytes),
            });
            chunks.push(Chunk { edges: edges.collect(), ..Chunk::default() });
        }
        for part in self.deferred.chunks(size) {
            let deferred = part.iter().map(|(from, to, edge_type)| DeferredEdge {
                from: selector(from),
                to: selector(to),
                edge_type: *edge_type,
            });
            chunks.push(Chunk { deferred: deferred.collect(), ..Chunk::default() });
        }
        for (chunk, seq) in chunks.iter_mut().zip(0..) {
            chunk.seq = seq;
        }
        chunks
    }

    /// Receives `chunks` as a child would have sent them.
    pub(crate) fn receive(
        &self,
        dir: &SpoolDir,
        chunks: &[Chunk<'_>],
    ) -> Result<(Staging, Done), StagingError> {
        let kinds = Arc::new(KindTable::open());
        let mut staging = Staging::new(dir, kinds, &self.account, StagingLimits::default());
        let mut tally = Tally::default();
        for chunk in chunks {
            tally.add(chunk);
            staging.chunk(chunk)?;
        }
        Ok((staging, Done { totals: tally.totals(), faults: 0 }))
    }

    pub(crate) fn stage(
        &self,
        dir: &SpoolDir,
        owners: &mut Owners,
    ) -> Result<Arc<StagedAccount>, StagingError> {
        let (staging, done) = self.receive(dir, &self.chunks(7))?;
        staging.finish(&done)?.claim(owners)
    }
}
