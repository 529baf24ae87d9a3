//! Cycles among edges of one type. fixcore refuses a whole account for one, so the edges that close a cycle are
//! left out.

use super::{Edge, EdgeType, NodeIndex};

/// Removes edges until there is no cycle among those of each type, and returns them. Edges that come first stay.
/// Linear, without recursion.
pub(crate) fn break_cycles(edges: &mut Vec<Edge>, nodes: usize) -> Vec<Edge> {
    let mut removed = Vec::new();
    for edge_type in [EdgeType::Default, EdgeType::Delete] {
        for back in back_edges(edges, nodes, edge_type).into_iter().rev() {
            removed.push(edges.remove(back));
        }
    }
    removed
}

/// Positions of the edges of a type that lead back to a node whose descendants are being visited, ascending.
fn back_edges(edges: &[Edge], nodes: usize, edge_type: EdgeType) -> Vec<usize> {
    let next = successors(edges, nodes, edge_type);
    let mut state = vec![State::New; nodes];
    let mut back = Vec::new();
    let mut path: Vec<(NodeIndex, usize)> = Vec::new();
    for start in 0..nodes {
        if state[start] != State::New {
            continue;
        }
        state[start] = State::Open;
        path.push((start, next.start(start)));
        while let Some((node, at)) = path.last_mut() {
            if *at == next.end(*node) {
                state[*node] = State::Done;
                path.pop();
                continue;
            }
            let edge = next.edges[*at];
            *at += 1;
            let to = edges[edge].to;
            match state[to] {
                State::New => {
                    state[to] = State::Open;
                    path.push((to, next.start(to)));
                }
                State::Open => back.push(edge),
                State::Done => {}
            }
        }
    }
    back.sort_unstable();
    back
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

/// Edges by the node they begin at.
struct Successors {
    /// Where the edges of each node begin in `edges`; one more at the end.
    starts: Vec<usize>,
    edges: Vec<usize>,
}

impl Successors {
    fn start(&self, node: NodeIndex) -> usize {
        self.starts[node]
    }

    fn end(&self, node: NodeIndex) -> usize {
        self.starts[node + 1]
    }
}

fn successors(edges: &[Edge], nodes: usize, edge_type: EdgeType) -> Successors {
    let mut starts = vec![0; nodes + 1];
    let chosen = || edges.iter().enumerate().filter(|(_, edge)| edge.edge_type == edge_type);
    for (_, edge) in chosen() {
        starts[edge.from + 1] += 1;
    }
    for node in 0..nodes {
        starts[node + 1] += starts[node];
    }
    let mut free = starts.clone();
    let mut ordered = vec![0; starts[nodes]];
    for (index, edge) in chosen() {
        ordered[free[edge.from]] = index;
        free[edge.from] += 1;
    }
    Successors { starts, edges: ordered }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(of: &[(usize, usize)]) -> Vec<Edge> {
        of.iter().map(|(from, to)| Edge { from: *from, to: *to, edge_type: EdgeType::Default }).collect()
    }

    #[test]
    fn a_graph_without_cycle_stays() {
        let mut tree = edges(&[(0, 1), (0, 2), (1, 3), (2, 3)]);
        let before = tree.clone();
        assert!(break_cycles(&mut tree, 4).is_empty());
        assert_eq!(tree, before);
    }

    #[test]
    fn one_edge_of_each_cycle_goes() {
        let mut ring = edges(&[(0, 1), (1, 2), (2, 0), (3, 4), (4, 3), (5, 5)]);
        let removed = break_cycles(&mut ring, 6);
        assert_eq!(removed.len(), 3);
        assert!(break_cycles(&mut ring, 6).is_empty());
        assert_eq!(ring, edges(&[(0, 1), (1, 2), (3, 4)]));
    }

    #[test]
    fn types_are_graphs_of_their_own() {
        let mut both = edges(&[(0, 1)]);
        both.push(Edge { from: 1, to: 0, edge_type: EdgeType::Delete });
        assert!(break_cycles(&mut both, 2).is_empty());
    }

    #[test]
    fn a_long_path_needs_no_stack() {
        let mut path: Vec<Edge> =
            (0..200_000).map(|n| Edge { from: n, to: n + 1, edge_type: EdgeType::Delete }).collect();
        assert!(break_cycles(&mut path, 200_001).is_empty());
    }
}
