//! What is kept of an account graph in memory while it is staged: compact ids and edges.

use std::collections::HashSet;

use ipc_proto::graph::{EdgeType, Role};

use crate::id::{CompactId, IdMap};

/// Position of a node in an index.
pub(crate) type Slot = u32;
/// An end of a deferred edge that is a search.
pub(crate) const BY_SEARCH: Slot = Slot::MAX;

const DIVERTED: u8 = 0x80;

/// Ids and edges of one account graph: per node 20 bytes in a hash table and 1 for its role, per edge 9.
#[derive(Debug, Default)]
pub(crate) struct GraphIndex {
    slots: IdMap<Slot>,
    roles: Vec<Option<Role>>,
    /// Defined ids that no rule explains.
    doubtful: HashSet<Slot>,
    edges: Vec<[Slot; 2]>,
    edge_types: Vec<u8>,
    deferred: Vec<DeferredEnds>,
    defined: usize,
}

/// A deferred edge as the index knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeferredEnds {
    pub(crate) from: Slot,
    pub(crate) to: Slot,
    pub(crate) edge_type: EdgeType,
    /// What the search at its end may find, if it is one.
    pub(crate) finds: Finds,
}

/// What a search may find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finds {
    /// Resources, of any account.
    Resources,
    /// Accounts.
    Accounts,
    /// Anything, or the search is not of the form that passes.
    Anything,
}

/// How an account claims one of its ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) id: CompactId,
    /// Other accounts may have the same node.
    pub(crate) shared: bool,
    /// The id can be of no other account.
    pub(crate) sure: bool,
}

/// An edge as the index knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexedEdge {
    pub(crate) from: Slot,
    pub(crate) to: Slot,
    pub(crate) edge_type: EdgeType,
    /// Its line is not in the edge buffer, but among the shared ones.
    pub(crate) diverted: bool,
}

impl GraphIndex {
    /// The slot of `id`, made when it is first mentioned.
    fn slot(&mut self, id: CompactId) -> Slot {
        // The limits of staging keep the count far below.
        let next = Slot::try_from(self.roles.len()).unwrap_or(BY_SEARCH - 1);
        let slot = *self.slots.entry(id).or_insert(next);
        if slot == next {
            self.roles.push(None);
        }
        slot
    }

    /// Defines a node; false if there is one with this id already.
    pub(crate) fn define(&mut self, id: CompactId, role: Role) -> bool {
        let slot = self.slot(id) as usize;
        let fresh = self.roles[slot].is_none();
        if fresh {
            self.roles[slot] = Some(role);
            self.defined += 1;
        }
        fresh
    }

    /// Adds an edge. Both ends being known as shared nodes by now, its line is diverted: returns true.
    pub(crate) fn add_edge(&mut self, [from, to]: [CompactId; 2], edge_type: EdgeType) -> bool {
        let ends = [self.slot(from), self.slot(to)];
        let diverted = ends.iter().all(|slot| self.role(*slot).is_some_and(is_shared));
        self.edges.push(ends);
        self.edge_types.push(type_number(edge_type) | if diverted { DIVERTED } else { 0 });
        diverted
    }

    /// Says of a node that was just defined that its id may be of another account.
    pub(crate) fn doubt(&mut self, id: CompactId) {
        let slot = self.slot(id);
        self.doubtful.insert(slot);
    }

    /// Ids that were mentioned and not defined.
    pub(crate) fn unknown(&self) -> usize {
        self.roles.len() - self.defined
    }

    /// Adds a deferred edge; `None` is a search, which may find what `finds` says.
    pub(crate) fn add_deferred(&mut self, ends: [Option<CompactId>; 2], edge_type: EdgeType, finds: Finds) {
        let [from, to] = ends.map(|end| end.map_or(BY_SEARCH, |id| self.slot(id)));
        self.deferred.push(DeferredEnds { from, to, edge_type, finds });
    }

    /// The role of the node in `slot`; `None` if it was mentioned only.
    pub(crate) fn role(&self, slot: Slot) -> Option<Role> {
        self.roles.get(slot as usize).copied().flatten()
    }

    /// How many slots there are.
    pub(crate) fn slot_count(&self) -> usize {
        self.roles.len()
    }

    /// How many nodes are defined.
    pub(crate) fn defined(&self) -> usize {
        self.defined
    }

    /// The defined nodes with `role`.
    pub(crate) fn with_role(&self, role: Role) -> impl Iterator<Item = Slot> + '_ {
        (0..).zip(&self.roles).filter(move |(_, found)| **found == Some(role)).map(|(slot, _)| slot)
    }

    /// All slots of defined nodes.
    pub(crate) fn defined_slots(&self) -> impl Iterator<Item = (Slot, Role)> + '_ {
        (0..).zip(&self.roles).filter_map(|(slot, role)| Some((slot, (*role)?)))
    }

    /// How many edges there are.
    pub(crate) fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// All edges in the order of their arrival.
    pub(crate) fn edges(&self) -> impl Iterator<Item = IndexedEdge> + '_ {
        self.edges.iter().zip(&self.edge_types).map(|([from, to], number)| IndexedEdge {
            from: *from,
            to: *to,
            edge_type: type_of(number & !DIVERTED),
            diverted: number & DIVERTED != 0,
        })
    }

    /// All deferred edges in the order of their arrival.
    pub(crate) fn deferred(&self) -> &[DeferredEnds] {
        &self.deferred
    }

    /// The defined ids.
    pub(crate) fn claims(&self) -> impl Iterator<Item = Claim> + Clone + '_ {
        self.slots.iter().filter_map(|(id, slot)| {
            let shared = is_shared(self.role(*slot)?);
            Some(Claim { id: *id, shared, sure: !self.doubtful.contains(slot) })
        })
    }

    /// The ids in `slots`, by a scan of everything: for reports only.
    pub(crate) fn ids_of(&self, slots: &[Slot]) -> Vec<CompactId> {
        let wanted: IdOfSlot = self
            .slots
            .iter()
            .filter(|(_, slot)| slots.contains(slot))
            .map(|(id, slot)| (*slot, *id))
            .collect();
        slots.iter().filter_map(|slot| wanted.get(slot).copied()).collect()
    }
}

type IdOfSlot = std::collections::HashMap<Slot, CompactId>;

/// Whether nodes of this role belong to no account.
pub(crate) fn is_shared(role: Role) -> bool {
    match role {
        Role::Root | Role::Cloud | Role::Organization => true,
        Role::Account | Role::Region | Role::Resource => false,
    }
}

fn type_number(edge_type: EdgeType) -> u8 {
    match edge_type {
        EdgeType::Default => 0,
        EdgeType::Delete => 1,
        EdgeType::Iam => 2,
    }
}

fn type_of(number: u8) -> EdgeType {
    match number {
        0 => EdgeType::Default,
        1 => EdgeType::Delete,
        _ => EdgeType::Iam,
    }
}
