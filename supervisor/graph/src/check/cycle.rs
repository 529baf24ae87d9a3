//! Cycles among the edges of one type.

use ipc_proto::graph::EdgeType;

use super::StructureError;
use super::adjacency::Adjacency;
use crate::index::Slot;

/// Refuses a cycle and shows it.
pub(crate) fn check(adjacency: &Adjacency, edge_type: EdgeType) -> Result<(), StructureError<Slot>> {
    match find(adjacency) {
        Some(nodes) => Err(StructureError::Cycle { edge_type: edge_type.name(), length: nodes.len(), nodes }),
        None => Ok(()),
    }
}

/// The nodes of one cycle in their order, if there is any. Linear, without recursion.
fn find(adjacency: &Adjacency) -> Option<Vec<Slot>> {
    let mut incoming = vec![0_u32; adjacency.slot_count()];
    for target in adjacency.targets() {
        incoming[*target as usize] += 1;
    }
    let mut open: Vec<Slot> =
        (0..).zip(&incoming).filter(|(_, count)| **count == 0).map(|(slot, _)| slot).collect();
    let mut left = adjacency.slot_count();
    while let Some(slot) = open.pop() {
        left -= 1;
        for next in adjacency.successors(slot) {
            incoming[*next as usize] -= 1;
            if incoming[*next as usize] == 0 {
                open.push(*next);
            }
        }
    }
    (left > 0).then(|| walk(adjacency, &incoming))
}

/// What has incoming edges left is on a cycle or behind one: going backwards from it must come around.
fn walk(adjacency: &Adjacency, incoming: &[u32]) -> Vec<Slot> {
    let remains = |slot: Slot| incoming[slot as usize] > 0;
    let mut before = vec![None; incoming.len()];
    for slot in (0..).take(incoming.len()).filter(|slot| remains(*slot)) {
        for next in adjacency.successors(slot) {
            before[*next as usize] = Some(slot);
        }
    }
    let mut position = vec![usize::MAX; incoming.len()];
    let mut path: Vec<Slot> = Vec::new();
    let mut next = (0..).take(incoming.len()).find(|slot| remains(*slot));
    while let Some(slot) = next {
        if position[slot as usize] != usize::MAX {
            path.drain(..position[slot as usize]);
            break;
        }
        position[slot as usize] = path.len();
        path.push(slot);
        next = before[slot as usize];
    }
    path.reverse();
    path
}
