//! The shape of the hierarchy: root, cloud, organization, account, and everything else below the account.

use std::fmt::Display;

use ipc_proto::graph::{EdgeType, Role};
use thiserror::Error;

use super::adjacency::Adjacency;
use crate::index::{GraphIndex, Slot, is_shared};

/// How many nodes a report names.
const EXAMPLES: usize = 5;
/// How many nodes of a cycle a report names.
const CYCLE_SHOWN: usize = 20;

/// Why fixcore would refuse an account graph, or keep parts of it for ever. The fault is the collector's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StructureError<N: Display> {
    /// One of the three nodes that every account graph has.
    #[error("the graph has no {0} node")]
    Missing(&'static str),
    /// An edge that enters the root.
    #[error("an edge of type {edge_type} leads from {from} into the root, which must have no incoming edge")]
    IntoRoot {
        /// Where it starts.
        from: N,
        /// Its type.
        edge_type: &'static str,
    },
    /// An edge from the shared part to a resource.
    #[error("an edge of type {edge_type} leads from {from} past the account to {to}")]
    PastAccount {
        /// Where it starts.
        from: N,
        /// Where it ends.
        to: N,
        /// Its type.
        edge_type: &'static str,
    },
    /// An edge from the account, or from below, into the shared part.
    #[error("an edge leads from {from} up to {to}, which is above the account")]
    Upward {
        /// Where it starts.
        from: N,
        /// Where it ends.
        to: N,
    },
    /// Another edge than a default one from a shared node.
    #[error("an edge of type {edge_type} leads from {from}, which is above the account, to {to}")]
    Shared {
        /// Where it starts.
        from: N,
        /// Where it ends.
        to: N,
        /// Its type.
        edge_type: &'static str,
    },
    /// The root does not lead to the cloud.
    #[error("no default edge leads from the root to the cloud")]
    CloudUnconnected,
    /// Nodes that no path of default edges reaches.
    #[error("{count} nodes cannot be reached by default edges from the {from}, for example {}", list(.examples))]
    Unreachable {
        /// `cloud` or `account`.
        from: &'static str,
        /// How many there are.
        count: usize,
        /// Some of them.
        examples: Vec<N>,
    },
    /// A cycle.
    #[error("{length} nodes form a cycle of {edge_type} edges: {}", cycle(.nodes))]
    Cycle {
        /// The type of the edges.
        edge_type: &'static str,
        /// How many nodes it has.
        length: usize,
        /// The nodes in their order; not all of a long one.
        nodes: Vec<N>,
    },
}

fn list<N: Display>(nodes: &[N]) -> String {
    nodes.iter().map(N::to_string).collect::<Vec<_>>().join(", ")
}

fn cycle<N: Display>(nodes: &[N]) -> String {
    let arrow = " -> ";
    let shown = nodes.iter().take(CYCLE_SHOWN).map(N::to_string).collect::<Vec<_>>().join(arrow);
    match nodes.first() {
        Some(first) if nodes.len() <= CYCLE_SHOWN => format!("{shown}{arrow}{first}"),
        _ => format!("{shown}{arrow}..."),
    }
}

impl<N: Display> StructureError<N> {
    /// Names the nodes in another way.
    pub(crate) fn map<M: Display>(self, mut name: impl FnMut(N) -> M) -> StructureError<M> {
        match self {
            Self::Missing(role) => StructureError::Missing(role),
            Self::IntoRoot { from, edge_type } => StructureError::IntoRoot { from: name(from), edge_type },
            Self::PastAccount { from, to, edge_type } => {
                StructureError::PastAccount { from: name(from), to: name(to), edge_type }
            }
            Self::Upward { from, to } => StructureError::Upward { from: name(from), to: name(to) },
            Self::Shared { from, to, edge_type } => {
                StructureError::Shared { from: name(from), to: name(to), edge_type }
            }
            Self::CloudUnconnected => StructureError::CloudUnconnected,
            Self::Unreachable { from, count, examples } => StructureError::Unreachable {
                from,
                count,
                examples: examples.into_iter().map(name).collect(),
            },
            Self::Cycle { edge_type, length, nodes } => {
                // One more than is shown, so that a cut can be seen.
                let nodes = nodes.into_iter().take(CYCLE_SHOWN + 1).map(name).collect();
                StructureError::Cycle { edge_type, length, nodes }
            }
        }
    }

    /// The nodes it names.
    pub(crate) fn nodes(&self) -> Vec<&N> {
        match self {
            Self::Missing(_) | Self::CloudUnconnected => Vec::new(),
            Self::IntoRoot { from, .. } => vec![from],
            Self::PastAccount { from, to, .. }
            | Self::Upward { from, to }
            | Self::Shared { from, to, .. } => {
                vec![from, to]
            }
            Self::Unreachable { examples, .. } => examples.iter().collect(),
            Self::Cycle { nodes, .. } => nodes.iter().take(CYCLE_SHOWN + 1).collect(),
        }
    }
}

/// Refuses edges that break the hierarchy, whatever else the graph holds.
pub(crate) fn check_edges(index: &GraphIndex) -> Result<(), StructureError<Slot>> {
    for edge in index.edges() {
        let (Some(from_role), Some(to_role)) = (index.role(edge.from), index.role(edge.to)) else {
            continue;
        };
        let (from, to, edge_type) = (edge.from, edge.to, edge.edge_type.name());
        match (is_shared(from_role), is_shared(to_role)) {
            _ if to_role == Role::Root => return Err(StructureError::IntoRoot { from, edge_type }),
            (true, false) if to_role != Role::Account => {
                return Err(StructureError::PastAccount { from, to, edge_type });
            }
            (false, true) => return Err(StructureError::Upward { from, to }),
            (true, _) if edge.edge_type != EdgeType::Default => {
                return Err(StructureError::Shared { from, to, edge_type });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Demands that default edges lead from the root to the cloud, and from there to everything else.
pub(crate) fn check_reach(index: &GraphIndex, default: &Adjacency) -> Result<(), StructureError<Slot>> {
    let only = |role, name| index.with_role(role).next().ok_or(StructureError::Missing(name));
    let root = only(Role::Root, "graph_root")?;
    let cloud = only(Role::Cloud, "cloud")?;
    let account = only(Role::Account, "account")?;
    if !default.successors(root).contains(&cloud) {
        return Err(StructureError::CloudUnconnected);
    }
    let mut above = default.reach(cloud);
    above[root as usize] = true;
    let shared = |role: Role| is_shared(role) || role == Role::Account;
    demand(index, &above, "cloud", shared)?;
    demand(index, &default.reach(account), "account", |role| !is_shared(role))
}

fn demand(
    index: &GraphIndex,
    reached: &[bool],
    from: &'static str,
    applies: impl Fn(Role) -> bool,
) -> Result<(), StructureError<Slot>> {
    let missed = || index.defined_slots().filter(|(slot, role)| applies(*role) && !reached[*slot as usize]);
    match missed().count() {
        0 => Ok(()),
        count => {
            let examples = missed().take(EXAMPLES).map(|(slot, _)| slot).collect();
            Err(StructureError::Unreachable { from, count, examples })
        }
    }
}
