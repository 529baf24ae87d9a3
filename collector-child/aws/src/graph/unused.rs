//! What is not worth keeping: regions in which nothing was made by hand, with what is in them.

use std::collections::HashSet;

use super::{Edge, EdgeType, NodeIndex};

/// A region with at most this many resources of its own is not in use: AWS makes some in every region.
const EMPTY_REGION: usize = 3;

/// Kinds that exist in every region without anybody having made them.
const MADE_BY_AWS: [&str; 7] = [
    "aws_athena_work_group",
    "aws_cloud_trail",
    "aws_ec2_internet_gateway",
    "aws_ec2_network_acl",
    "aws_ec2_route_table",
    "aws_ec2_security_group",
    "aws_ec2_subnet",
];

/// The part a node plays here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A region.
    Region,
    /// Counts as a resource that somebody made.
    Counts,
    /// Kept only if something hangs below it.
    OnlyAsParent,
    /// Neither.
    Other,
}

/// Whether a resource of this kind counts: no phantom, and not made by AWS.
pub(crate) fn part_of(kind: &str, phantom: bool, default_vpc: bool) -> Part {
    match kind {
        "aws_region" => Part::Region,
        "aws_bedrock_foundation_model" => Part::OnlyAsParent,
        _ if phantom || default_vpc || MADE_BY_AWS.contains(&kind) => Part::Other,
        _ => Part::Counts,
    }
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unused {
    /// Nodes to leave out.
    pub(crate) nodes: HashSet<NodeIndex>,
    /// Regions that stay.
    pub(crate) regions_in_use: Vec<NodeIndex>,
}

/// Finds what to leave out: foundation models with nothing below them, then regions that are not in use, each
/// with the nodes directly below it.
pub(crate) fn unused(parts: &[Part], edges: &[Edge]) -> Unused {
    let below = Below::new(parts.len(), edges);
    let mut found = Unused::default();
    for (node, part) in parts.iter().enumerate() {
        if *part == Part::OnlyAsParent && below.of(node).is_empty() {
            found.nodes.insert(node);
        }
    }
    let mut empty = Vec::new();
    for (node, part) in parts.iter().enumerate() {
        if *part == Part::Region {
            if in_use(node, parts, &below, &found.nodes) {
                found.regions_in_use.push(node);
            } else {
                empty.push(node);
            }
        }
    }
    for region in empty {
        found.nodes.insert(region);
        found.nodes.extend(below.of(region));
    }
    found
}

fn in_use(region: NodeIndex, parts: &[Part], below: &Below, removed: &HashSet<NodeIndex>) -> bool {
    let mut seen = HashSet::from([region]);
    let mut waiting = vec![region];
    let mut counted = 0;
    while let Some(node) = waiting.pop() {
        for next in below.of(node) {
            if removed.contains(next) || !seen.insert(*next) {
                continue;
            }
            counted += usize::from(matches!(parts[*next], Part::Counts | Part::OnlyAsParent));
            if counted > EMPTY_REGION {
                return true;
            }
            waiting.push(*next);
        }
    }
    false
}

/// Which nodes are directly below which, by default edges.
struct Below {
    starts: Vec<usize>,
    nodes: Vec<NodeIndex>,
}

impl Below {
    fn new(nodes: usize, edges: &[Edge]) -> Self {
        let mut pairs: Vec<(NodeIndex, NodeIndex)> = edges
            .iter()
            .filter(|edge| edge.edge_type == EdgeType::Default)
            .map(|edge| (edge.from, edge.to))
            .collect();
        pairs.sort_unstable();
        let mut starts = vec![0; nodes + 1];
        for (from, _) in &pairs {
            starts[from + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        Self { starts, nodes: pairs.into_iter().map(|(_, to)| to).collect() }
    }

    fn of(&self, node: NodeIndex) -> &[NodeIndex] {
        &self.nodes[self.starts[node]..self.starts[node + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default(from: usize, to: usize) -> Edge {
        Edge { from, to, edge_type: EdgeType::Default }
    }

    #[test]
    fn a_region_needs_four_resources_that_somebody_made() {
        // 0 is the region; 1 to 3 count and 4 does not; 5 hangs below 4.
        let mut parts =
            vec![Part::Region, Part::Counts, Part::Counts, Part::Counts, Part::Other, Part::Other];
        let edges: Vec<Edge> = (1..5).map(|to| default(0, to)).chain([default(4, 5)]).collect();
        let found = unused(&parts, &edges);
        assert_eq!(found.nodes, HashSet::from([0, 1, 2, 3, 4]), "what is not directly below it stays");
        assert!(found.regions_in_use.is_empty());
        parts[5] = Part::Counts;
        let found = unused(&parts, &edges);
        assert_eq!((found.nodes.len(), found.regions_in_use), (0, vec![0]));
    }

    #[test]
    fn delete_edges_do_not_count() {
        let parts = vec![Part::Region, Part::Counts, Part::Counts, Part::Counts, Part::Counts];
        let mut edges: Vec<Edge> = (1..4).map(|to| default(0, to)).collect();
        edges.push(Edge { from: 0, to: 4, edge_type: EdgeType::Delete });
        assert!(unused(&parts, &edges).regions_in_use.is_empty());
        edges.push(default(3, 4));
        assert_eq!(unused(&parts, &edges).regions_in_use, [0]);
    }

    #[test]
    fn models_that_nobody_uses_go_first_and_do_not_keep_a_region() {
        let mut parts = vec![Part::Region];
        parts.extend([Part::OnlyAsParent; 5]);
        parts.push(Part::Counts);
        let mut edges: Vec<Edge> = (1..7).map(|to| default(0, to)).collect();
        edges.push(default(1, 6));
        let found = unused(&parts, &edges);
        assert!(found.nodes.is_superset(&HashSet::from([2, 3, 4, 5])));
        assert!(found.regions_in_use.is_empty());
    }

    #[test]
    fn cycles_end() {
        let parts = vec![Part::Region, Part::Counts, Part::Counts];
        let edges = [default(0, 1), default(1, 2), default(2, 1), default(2, 0)];
        assert_eq!(unused(&parts, &edges).nodes, HashSet::from([0, 1]));
    }

    #[test]
    fn kinds_play_their_parts() {
        assert_eq!(part_of("aws_ec2_instance", false, false), Part::Counts);
        assert_eq!(part_of("aws_vpc", false, true), Part::Other);
        assert_eq!(part_of("aws_ec2_subnet", false, false), Part::Other);
        assert_eq!(part_of("aws_service_quota", true, false), Part::Other);
        assert_eq!(part_of("aws_region", true, false), Part::Region);
    }
}
