//! The checks of a complete account graph: all that fixcore would refuse is found here first, because a refused
//! merge leaves traces there.
//!
//! | found | then |
//! |---|---|
//! | an edge from or between unknown nodes, or a default edge to one | dropped, told as a fault |
//! | a delete or iam edge to a node outside of the account | becomes a deferred edge by node id |
//! | the same edge twice | the first stays |
//! | a deferred edge that does not start in the account, or may reach above it or (default) into another | dropped, told as a fault |
//! | no root, cloud or account, or not connected | the account fails |
//! | an edge into the root, from above past the account, from below into the shared part, or one of the shared part that is not a default edge | the account fails |
//! | a node that no default edge reaches from the account | the account fails: fixcore would never remove it |
//! | a cycle of default or delete edges | the account fails |

mod adjacency;
mod cycle;
mod structure;

pub use structure::StructureError;

use ipc_proto::graph::{EdgeType, Role};

use crate::index::{BY_SEARCH, DeferredEnds, Finds, GraphIndex, IndexedEdge, Slot, is_shared};
use adjacency::Adjacency;

/// What happens to an edge that does not simply stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It does not start in the account, or is a default edge that leaves it.
    Dangling,
    /// It ends outside of the account.
    Deferred,
    /// The same edge came before.
    Duplicate,
    /// Between shared nodes, but it came before they were known to be shared.
    Shared,
}

/// The edges that do not simply stay, by their number in the order of arrival, ascending.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sorted {
    pub(crate) edges: Vec<(u32, Fate)>,
    pub(crate) foreign_deferred: Vec<u32>,
}

/// Checks the graph in `index`.
pub(crate) fn check(index: &GraphIndex) -> Result<Sorted, StructureError<Slot>> {
    structure::check_edges(index)?;
    let mut edges = sort_edges(index);
    for edge_type in EdgeType::ALL {
        let adjacency = Adjacency::new(index, edge_type);
        edges.extend(adjacency.duplicates().map(|number| (number, Fate::Duplicate)));
        match edge_type {
            EdgeType::Default => {
                structure::check_reach(index, &adjacency)?;
                cycle::check(&adjacency, edge_type)?;
            }
            EdgeType::Delete => cycle::check(&adjacency, edge_type)?,
            EdgeType::Iam => {}
        }
    }
    edges.sort_by_key(|(number, fate)| (*number, *fate != Fate::Duplicate));
    // A duplicate is dropped, wherever its first went.
    edges.dedup_by_key(|(number, _)| *number);
    Ok(Sorted { edges, foreign_deferred: foreign_deferred(index) })
}

fn sort_edges(index: &GraphIndex) -> Vec<(u32, Fate)> {
    let fate = |edge: IndexedEdge| match [index.role(edge.from), index.role(edge.to)] {
        [Some(from), None] if !is_shared(from) && edge.edge_type != EdgeType::Default => Some(Fate::Deferred),
        [None, _] | [_, None] => Some(Fate::Dangling),
        [Some(a), Some(b)] => (!edge.diverted && is_shared(a) && is_shared(b)).then_some(Fate::Shared),
    };
    (0..).zip(index.edges()).filter_map(|(number, edge)| Some((number, fate(edge)?))).collect()
}

/// The deferred edges that are not the business of the account.
fn foreign_deferred(index: &GraphIndex) -> Vec<u32> {
    (0..)
        .zip(index.deferred())
        .filter(|(_, edge)| !may_defer(index, edge))
        .map(|(number, _)| number)
        .collect()
}

/// Whether the account may have this deferred edge: it starts at a node of its own, ends in nothing that all share,
/// and puts no node of another account below its own. A search may find resources of other accounts (a trail of the
/// organization), and an organization leads to its accounts: both is what the clouds are like.
fn may_defer(index: &GraphIndex, edge: &DeferredEnds) -> bool {
    let role = |slot| if slot == BY_SEARCH { None } else { index.role(slot) };
    let Some(from) = role(edge.from).filter(|from| !matches!(from, Role::Root | Role::Cloud)) else {
        return false;
    };
    let is_default = edge.edge_type == EdgeType::Default;
    match (edge.to, role(edge.to)) {
        (BY_SEARCH, _) => match edge.finds {
            Finds::Resources => is_default || !is_shared(from),
            Finds::Accounts => is_default && from == Role::Organization,
            Finds::Anything => false,
        },
        (_, Some(to)) => !is_shared(from) && !is_shared(to),
        (_, None) => !is_shared(from) && !is_default,
    }
}

#[cfg(test)]
mod tests;
