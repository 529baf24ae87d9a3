//! What is not worth keeping: regions in which nobody made anything, and models that nobody uses.
//!
//! The Python worker drops every region with three resources or fewer. Here one resource of one's own keeps its region,
//! because whoever has only a forgotten volume somewhere wants to see just that.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{EdgeType, Graph, Home, NodeIndex};
use crate::regions::RegionIndex;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unused {
    /// Nodes to leave out in any case.
    pub(super) nodes: BTreeSet<NodeIndex>,
    /// Nodes of the regions in which somebody made something.
    pub(super) in_use: Vec<NodeIndex>,
    /// The other regions.
    pub(super) regions: Vec<RegionIndex>,
}

/// Finds models with nothing below them, and regions with nothing in them but what the cloud makes by itself.
pub(super) fn unused(graph: &Graph) -> Unused {
    let mut found = Unused { nodes: unused_models(graph), ..Unused::default() };
    if !graph.facts.drops_unused {
        return found;
    }
    let used = used_regions(graph, &found.nodes);
    for (at, node) in graph.nodes.iter().enumerate() {
        if let Home::Region(region) = node.home
            && node.kind == graph.facts.region_kind
        {
            if used.contains(&region) {
                found.in_use.push(at);
            } else {
                found.regions.push(region);
            }
        }
    }
    found
}

fn unused_models(graph: &Graph) -> BTreeSet<NodeIndex> {
    let models = graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| graph.facts.only_above.contains(&node.kind))
        .map(|(at, _)| at);
    let mut models: BTreeSet<NodeIndex> = models.collect();
    if !models.is_empty() {
        for edge in graph.edges.iter().filter(|edge| edge.edge_type == EdgeType::Default) {
            models.remove(&edge.from);
        }
    }
    models
}

fn used_regions(graph: &Graph, removed: &BTreeSet<NodeIndex>) -> HashSet<RegionIndex> {
    let mut used = HashSet::new();
    let mut phantoms: HashMap<&str, bool> = HashMap::new();
    let made_by_cloud = (graph.facts.made_by_cloud)(graph);
    for (at, node) in graph.nodes.iter().enumerate() {
        let Some(region) = node.home.region() else { continue };
        if used.contains(&region) || node.kind == graph.facts.region_kind || removed.contains(&at) {
            continue;
        }
        let is_phantom = || graph.table().is_a(node.kind, "phantom_resource");
        let phantom = *phantoms.entry(node.kind).or_insert_with(is_phantom);
        if !phantom && !graph.by_cloud.contains(&at) && !made_by_cloud(at) {
            used.insert(region);
        }
    }
    used
}
