//! The edges of one type, grouped by their start.

use ipc_proto::graph::EdgeType;

use crate::index::{GraphIndex, Slot};

/// Successors of each slot in one array; edges with an unknown end are left out.
#[derive(Debug)]
pub(crate) struct Adjacency {
    starts: Vec<u32>,
    targets: Vec<Slot>,
    numbers: Vec<u32>,
}

impl Adjacency {
    /// Groups the edges of `edge_type`. Linear: two passes over all edges.
    pub(crate) fn new(index: &GraphIndex, edge_type: EdgeType) -> Self {
        let known = |slot| index.role(slot).is_some();
        let edges = || {
            (0_u32..)
                .zip(index.edges())
                .filter(|(_, edge)| edge.edge_type == edge_type && known(edge.from) && known(edge.to))
        };
        let mut starts = vec![0_u32; index.slot_count() + 1];
        for (_, edge) in edges() {
            starts[edge.from as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let count = starts.last().map_or(0, |count| *count as usize);
        let mut next = starts.clone();
        let (mut targets, mut numbers) = (vec![0; count], vec![0; count]);
        for (number, edge) in edges() {
            let at = &mut next[edge.from as usize];
            targets[*at as usize] = edge.to;
            numbers[*at as usize] = number;
            *at += 1;
        }
        Self { starts, targets, numbers }
    }

    /// How many slots there are.
    pub(crate) fn slot_count(&self) -> usize {
        self.starts.len() - 1
    }

    fn range(&self, slot: Slot) -> std::ops::Range<usize> {
        self.starts[slot as usize] as usize..self.starts[slot as usize + 1] as usize
    }

    /// Where the edges of `slot` lead to.
    pub(crate) fn successors(&self, slot: Slot) -> &[Slot] {
        &self.targets[self.range(slot)]
    }

    /// All targets of all edges.
    pub(crate) fn targets(&self) -> &[Slot] {
        &self.targets
    }

    /// The numbers of edges that repeat an earlier one.
    pub(crate) fn duplicates(&self) -> impl Iterator<Item = u32> + '_ {
        // The last start that led to each slot, counted from 1.
        let mut seen_from = vec![0_u32; self.slot_count()];
        (0..).take(self.slot_count()).flat_map(move |slot: Slot| {
            let repeated: Vec<u32> = self
                .range(slot)
                .filter(|at| {
                    std::mem::replace(&mut seen_from[self.targets[*at] as usize], slot + 1) == slot + 1
                })
                .map(|at| self.numbers[at])
                .collect();
            repeated
        })
    }

    /// Marks all slots that can be reached from `start`, which is one of them.
    pub(crate) fn reach(&self, start: Slot) -> Vec<bool> {
        let mut reached = vec![false; self.slot_count()];
        reached[start as usize] = true;
        let mut open = vec![start];
        while let Some(slot) = open.pop() {
            for next in self.successors(slot) {
                if !std::mem::replace(&mut reached[*next as usize], true) {
                    open.push(*next);
                }
            }
        }
        reached
    }
}
