//! Finishing the graph and sending it.

use std::collections::{BTreeSet, HashSet};

use collector::{Failure, Sink, SinkExt, wire_role};
use inventory::{PropertyFault, Role};
use ipc_proto::graph::{DeferredEdge, Edge as WireEdge, Node as WireNode, Selector};
use serde_json::Value;

use super::cycle::break_cycles;
use super::unused::{Unused, unused};
use super::{Deferred, Edge, EdgeType, End, Graph, Home, NodeIndex, edit};
use crate::regions::RegionIndex;

/// What was left out of the graph when it was finished.
#[derive(Debug, Default)]
pub struct LeftOut {
    /// Edges that would have closed a cycle, as kinds and type.
    pub cycles: Vec<(&'static str, &'static str, EdgeType)>,
    /// Changed properties that do not fit the model.
    pub misfits: Vec<PropertyFault>,
    /// Regions in which nobody made anything.
    pub regions: Vec<RegionIndex>,
}

impl Graph {
    /// The nodes that a default edge of their tables leads to; none where nobody asks (see `below_edges`).
    fn led_by_default(&self) -> HashSet<NodeIndex> {
        if self.below_edges.is_empty() {
            return HashSet::new();
        }
        self.edges.iter().filter(|edge| edge.edge_type == EdgeType::Default).map(|edge| edge.to).collect()
    }

    /// Makes the edges that hold for every graph: the account above its regions, each region above what is in
    /// it. `regions` are the nodes of the regions by position.
    pub fn connect_hierarchy(&mut self, account: NodeIndex, regions: &[NodeIndex]) {
        let led = self.led_by_default();
        for node in 0..self.nodes.len() {
            if self.below_edges.contains(&node) && led.contains(&node) {
                continue;
            }
            let above = match self.nodes[node].home {
                Home::Top | Home::Cloud => continue,
                Home::Account => Some(account),
                Home::Region(_) if self.nodes[node].role == Role::Region => Some(account),
                Home::Zone { zone, .. } if !self.facts.below_region => {
                    self.zone_nodes.get(zone.position()).copied()
                }
                Home::Region(region) | Home::Zone { region, .. } => regions.get(region.position()).copied(),
            };
            if let Some(above) = above {
                self.edge(above, node, EdgeType::Default);
            }
        }
    }

    /// Grants the wishes of kind tables for edges.
    pub(crate) fn connect_wishes(&mut self) {
        for wish in std::mem::take(&mut self.wishes) {
            self.grant(&wish);
        }
    }

    /// Removes what is not worth keeping, and cycles. With `keep_regions` all regions stay.
    pub fn finish(&mut self, keep_regions: bool) -> LeftOut {
        self.edges.sort_unstable();
        self.edges.dedup();
        let Unused { mut nodes, in_use, regions } = unused(self);
        for region in in_use {
            self.set(region, "region_in_use", Value::Bool(true));
        }
        // What belongs to no region is not asked for by the name of one.
        let goes = |region: &RegionIndex| !keep_regions || *region == RegionIndex::GLOBAL;
        let regions: Vec<RegionIndex> = regions.into_iter().filter(goes).collect();
        let gone = |node: &super::Node| node.home.region().is_some_and(|region| regions.contains(&region));
        nodes.extend(self.nodes.iter().enumerate().filter(|(_, node)| gone(node)).map(|(at, _)| at));
        self.remove(&nodes);
        let closing = break_cycles(&mut self.edges, self.nodes.len());
        let kind = |node: NodeIndex| self.nodes[node].kind;
        let cycles = closing.iter().map(|edge| (kind(edge.from), kind(edge.to), edge.edge_type)).collect();
        let misfits = self.work_in_changes();
        LeftOut { cycles, misfits, regions }
    }

    /// Removes nodes, with all edges from and to them.
    fn remove(&mut self, removed: &BTreeSet<NodeIndex>) {
        if removed.is_empty() {
            return;
        }
        let mut moved: Vec<Option<NodeIndex>> = Vec::with_capacity(self.nodes.len());
        let mut left = 0;
        for node in 0..self.nodes.len() {
            let stays = !removed.contains(&node);
            moved.push(stays.then_some(left));
            left += usize::from(stays);
        }
        let mut index = 0;
        self.nodes.retain(|_| {
            index += 1;
            moved[index - 1].is_some()
        });
        let mut edges = std::mem::take(&mut self.edges);
        edges.retain_mut(|edge| match (moved[edge.from], moved[edge.to]) {
            (Some(from), Some(to)) => {
                *edge = Edge { from, to, ..*edge };
                true
            }
            _ => false,
        });
        self.edges = edges;
        self.deferred.retain_mut(|edge| {
            [&mut edge.from, &mut edge.to].into_iter().all(|end| match end {
                End::Node(node) => moved[*node].is_some_and(|new| {
                    *node = new;
                    true
                }),
                End::Search(_) => true,
            })
        });
        let changes = std::mem::take(&mut self.changes);
        self.changes =
            changes.into_iter().filter_map(|(node, change)| Some((moved[node]?, change))).collect();
        // Positions in these are those of before.
        self.by_node_id.clear();
        self.indexes = super::Indexes::default();
        self.kept.clear();
        self.zone_nodes.clear();
        self.by_cloud.clear();
        self.below_edges.clear();
    }

    fn work_in_changes(&mut self) -> Vec<PropertyFault> {
        let mut changes: Vec<_> = std::mem::take(&mut self.changes).into_iter().collect();
        // Lines that stand together are read together.
        changes.sort_unstable_by_key(|(node, _)| *node);
        for (node, change) in changes {
            let node = &mut self.nodes[node];
            let old = self.lines.get(node.line);
            let new = edit::rewrite(&old, node.kind, &node.id, &change, &mut self.builder);
            drop(old);
            node.line = self.lines.push(&new);
        }
        self.builder.take_faults()
    }

    /// Sends everything: nodes, edges, deferred edges.
    pub(crate) async fn send(&self, sink: &dyn Sink) -> Result<(), Failure> {
        for node in &self.nodes {
            let line = self.lines.get(node.line);
            let node = WireNode {
                id: node.node_id.as_str(),
                kind: node.kind,
                role: wire_role(node.role),
                json: &line,
            };
            sink.node(node).await?;
        }
        for edge in &self.edges {
            let [from, to] = [edge.from, edge.to].map(|node| self.nodes[node].node_id.as_str());
            sink.edge(WireEdge { from, to, edge_type: edge.edge_type, reported: None }).await?;
        }
        for Deferred { from, to, edge_type } in &self.deferred {
            let edge =
                DeferredEdge { from: self.selector(from), to: self.selector(to), edge_type: *edge_type };
            sink.deferred_edge(edge).await?;
        }
        Ok(())
    }

    fn selector<'a>(&'a self, end: &'a End) -> Selector<'a> {
        match end {
            End::Node(node) => Selector::NodeId(self.nodes[*node].node_id.as_str()),
            End::Search(criteria) => Selector::Search(criteria),
        }
    }
}
