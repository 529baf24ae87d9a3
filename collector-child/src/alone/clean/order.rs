//! Which resources may be deleted now: a resource goes only after everything that has to go before it. Pure.

use std::collections::{HashMap, HashSet};

/// What became of a resource, as far as the order is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be deleted.
    Open,
    /// Deleted.
    Gone,
    /// It stays.
    Stays,
}

/// Resources by number, and which of them wait for which.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// For each resource those that have to go first.
    waits: Vec<Vec<usize>>,
    states: Vec<State>,
}

impl Order {
    /// `count` resources; of an edge the first can go only after the second.
    pub(super) fn new(count: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut waits = vec![Vec::new(); count];
        for (from, to) in edges {
            if !waits[from].contains(&to) {
                waits[from].push(to);
            }
        }
        Self { waits, states: vec![State::Open; count] }
    }

    /// `from` can go only after `to` as well, unless `to` waits for `from` already.
    pub(super) fn wait(&mut self, from: usize, to: usize) {
        let (mut open, mut seen) = (vec![to], HashSet::new());
        while let Some(at) = open.pop() {
            if at == from {
                return;
            }
            open.extend(self.waits[at].iter().copied().filter(|next| seen.insert(*next)));
        }
        if !self.waits[from].contains(&to) {
            self.waits[from].push(to);
        }
    }

    /// What may be deleted now, none of which waits for another one.
    pub(super) fn ready(&self) -> Vec<usize> {
        self.open()
            .filter(|one| self.waits[*one].iter().all(|other| self.states[*other] == State::Gone))
            .collect()
    }

    /// It is deleted.
    pub(super) fn gone(&mut self, one: usize) {
        self.states[one] = State::Gone;
    }

    /// It stays. Returns what has to stay with it, directly or not, each with the one that it waits for.
    pub(super) fn stays(&mut self, one: usize) -> Vec<(usize, usize)> {
        self.states[one] = State::Stays;
        let mut stays_too = Vec::new();
        let mut because = vec![one];
        while let Some(first) = because.pop() {
            let waiting: Vec<_> = self.open().filter(|other| self.waits[*other].contains(&first)).collect();
            for other in waiting {
                self.states[other] = State::Stays;
                stays_too.push((other, first));
                because.push(other);
            }
        }
        stays_too
    }

    /// A cycle among what is to be deleted, in the order of its edges; nothing in it could ever go first.
    pub(super) fn cycle(&self) -> Option<Vec<usize>> {
        let never = self.never_ready();
        let mut at = never.iter().position(|never| *never)?;
        let mut places = HashMap::new();
        let mut path = Vec::new();
        loop {
            if let Some(begin) = places.insert(at, path.len()) {
                return Some(path.split_off(begin));
            }
            path.push(at);
            at = self.waits[at].iter().copied().find(|next| never[*next])?;
        }
    }

    /// What would not be ready even if every deletion succeeded.
    fn never_ready(&self) -> Vec<bool> {
        let mut ahead = self.clone();
        loop {
            let ready = ahead.ready();
            if ready.is_empty() {
                return ahead.states.iter().map(|state| *state == State::Open).collect();
            }
            for one in ready {
                ahead.gone(one);
            }
        }
    }

    fn open(&self) -> impl Iterator<Item = usize> + '_ {
        let states = self.states.iter().enumerate();
        states.filter(|(_, state)| **state == State::Open).map(|(one, _)| one)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn passes_go_from_the_leaves() {
        // A network and a volume wait for the instance, the account for all.
        let mut order = Order::new(4, [(0, 2), (1, 2), (3, 0), (3, 1), (3, 2), (3, 2)]);
        assert_eq!(order.cycle(), None);
        assert_eq!(order.ready(), [2]);
        order.gone(2);
        assert_eq!(order.ready(), [0, 1]);
        order.gone(0);
        assert_eq!(order.ready(), [1], "the account still waits for the volume");
        order.gone(1);
        assert_eq!(order.ready(), [3]);
        order.gone(3);
        assert!(order.ready().is_empty());
    }

    #[test]
    fn whatever_waits_for_what_stays_has_to_stay() {
        let mut order = Order::new(5, [(0, 1), (1, 2), (3, 4)]);
        assert_eq!(order.stays(2), [(1, 2), (0, 1)]);
        assert_eq!(order.ready(), [4]);
        assert!(order.stays(1).is_empty(), "nobody is told twice");
    }

    #[test]
    fn cycles_are_found_one_by_one_without_what_only_waits_for_them() {
        // 0 waits for the cycle 1, 2, 3; 4 waits for itself.
        let mut order = Order::new(6, [(0, 1), (1, 2), (2, 3), (3, 1), (4, 4)]);
        assert_eq!(order.ready(), [5]);
        assert_eq!(order.cycle(), Some(vec![1, 2, 3]));
        assert_eq!(order.stays(1), [(0, 1), (3, 1), (2, 3)]);
        assert_eq!(order.cycle(), Some(vec![4]));
        order.stays(4);
        assert_eq!(order.cycle(), None);
    }

    #[test]
    fn an_order_that_would_close_a_circle_is_none() {
        let mut order = Order::new(3, [(0, 1)]);
        order.wait(1, 0);
        order.wait(2, 2);
        order.wait(2, 0);
        assert_eq!((order.cycle(), order.ready()), (None, vec![1]));
        order.gone(1);
        assert_eq!(order.ready(), [0]);
    }

    proptest! {
        #[test]
        fn everything_goes_or_is_named(edges in proptest::collection::vec((0..12usize, 0..12usize), 0..30)) {
            let mut order = Order::new(12, edges.clone());
            let mut stays = std::collections::BTreeSet::new();
            while let Some(cycle) = order.cycle() {
                for (at, one) in cycle.iter().enumerate() {
                    let next = cycle[(at + 1) % cycle.len()];
                    prop_assert!(edges.contains(&(*one, next)), "{cycle:?} follows the edges");
                }
                for one in cycle {
                    if stays.insert(one) {
                        stays.extend(order.stays(one).into_iter().map(|(other, _)| other));
                    }
                }
            }
            let mut gone = std::collections::BTreeSet::new();
            loop {
                let ready = order.ready();
                if ready.is_empty() {
                    break;
                }
                for one in ready {
                    for (_, first) in edges.iter().filter(|(from, _)| *from == one) {
                        prop_assert!(gone.contains(first), "{one} before {first}");
                    }
                    prop_assert!(!stays.contains(&one));
                    order.gone(one);
                    gone.insert(one);
                    // What became ready by this is for the next pass.
                }
            }
            prop_assert_eq!(gone.len() + stays.len(), 12);
        }
    }
}
