//! The checks of a complete account graph: all that fixcore would refuse is found here first, because a refused
//! merge leaves traces there.
//!
//! | found | then |
//! |---|---|
//! | an edge between two unknown nodes | dropped, told as a fault |
//! | an edge with one end outside of the account | becomes a deferred edge by node id |
//! | the same edge twice | the first stays |
//! | a deferred edge with no end in this graph | dropped, told as a fault |
//! | no root, cloud or account, or not connected | the account fails |
//! | an edge into the root, from above past the account, or a default edge from below into the shared part | the account fails |
//! | a node that no default edge reaches from the account | the account fails: fixcore would never remove it |
//! | a cycle of default or delete edges | the account fails |

mod adjacency;
mod cycle;
mod structure;

pub use structure::StructureError;

use ipc_proto::graph::EdgeType;

use crate::index::{BY_SEARCH, GraphIndex, Slot, is_shared};
use adjacency::Adjacency;

/// What happens to an edge that does not simply stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Neither end is known.
    Dangling,
    /// One end is outside of the account.
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
    let fate = |[from, to]: [Slot; 2], diverted: bool| match [index.role(from), index.role(to)] {
        [None, None] => Some(Fate::Dangling),
        [None, Some(_)] | [Some(_), None] => Some(Fate::Deferred),
        [Some(a), Some(b)] => (!diverted && is_shared(a) && is_shared(b)).then_some(Fate::Shared),
    };
    (0..)
        .zip(index.edges())
        .filter_map(|(number, edge)| Some((number, fate([edge.from, edge.to], edge.diverted)?)))
        .collect()
}

/// A deferred edge must start or end in the graph of its account: others are not its business.
fn foreign_deferred(index: &GraphIndex) -> Vec<u32> {
    let known = |slot: &Slot| *slot != BY_SEARCH && index.role(*slot).is_some();
    (0..)
        .zip(index.deferred())
        .filter(|(_, ends)| !ends.iter().any(known))
        .map(|(number, _)| number)
        .collect()
}

#[cfg(test)]
mod tests;
