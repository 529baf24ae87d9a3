//! When collected accounts go to fixcore: pure, the time comes from outside.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Bounds of a batch; it closes at the first.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// `supervisor.merge_batch_nodes`.
    pub nodes: u64,
    /// `supervisor.merge_batch_seconds`, counted from its first account.
    pub wait: Duration,
    /// `supervisor.merge_batch_cost`: (clouds + accounts + regions + zones) x nodes.
    pub cost: u64,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { nodes: 20_000, wait: Duration::from_secs(5), cost: 2_000_000 }
    }
}

/// What an account adds to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// Nodes.
    pub nodes: u64,
    /// Regions and zones.
    pub regions: u64,
    /// It must not share an upload, because it holds an organization.
    pub alone: bool,
}

#[derive(Debug)]
struct Open<T> {
    items: Vec<T>,
    nodes: u64,
    /// The cloud, accounts, regions and zones.
    scopes: u64,
    since: Instant,
}

impl<T> Open<T> {
    fn is_beyond(&self, limits: &BatchLimits) -> bool {
        self.nodes > limits.nodes || self.scopes.saturating_mul(self.nodes) > limits.cost
    }

    fn is_full(&self, limits: &BatchLimits) -> bool {
        self.nodes >= limits.nodes || self.scopes.saturating_mul(self.nodes) >= limits.cost
    }
}

/// Gathers accounts into batches, one open batch per cloud.
#[derive(Debug)]
pub struct Batcher<T> {
    limits: BatchLimits,
    open: BTreeMap<String, Open<T>>,
}

impl<T> Batcher<T> {
    /// Nothing gathered yet.
    pub fn new(limits: BatchLimits) -> Self {
        Self { limits, open: BTreeMap::new() }
    }

    /// Adds an account below the cloud node `cloud`; returns the batches that close by it, in order.
    ///
    /// An account that would push the open batch over a bound begins the next one: a batch exceeds a bound only
    /// if a single account does.
    pub fn add(&mut self, cloud: &str, item: T, weight: Weight, now: Instant) -> Vec<Vec<T>> {
        if weight.alone {
            return vec![vec![item]];
        }
        let mut closed = Vec::new();
        let fresh = || Open { items: Vec::new(), nodes: 0, scopes: 1, since: now };
        let mut batch = self.open.remove(cloud).unwrap_or_else(fresh);
        let grow = |batch: &mut Open<T>| {
            batch.nodes += weight.nodes;
            batch.scopes += 1 + weight.regions;
        };
        grow(&mut batch);
        if batch.is_beyond(&self.limits) && !batch.items.is_empty() {
            closed.push(batch.items);
            batch = fresh();
            grow(&mut batch);
        }
        batch.items.push(item);
        if batch.is_full(&self.limits) {
            closed.push(batch.items);
        } else {
            self.open.insert(cloud.to_owned(), batch);
        }
        closed
    }

    /// The batches whose time is up.
    pub fn due(&mut self, now: Instant) -> Vec<Vec<T>> {
        let wait = self.limits.wait;
        let due = self.open.extract_if(.., |_, batch| now.saturating_duration_since(batch.since) >= wait);
        due.map(|(_, batch)| batch.items).collect()
    }

    /// When to ask for [`Batcher::due`] again.
    pub fn next_due(&self) -> Option<Instant> {
        self.open.values().map(|batch| batch.since + self.limits.wait).min()
    }

    /// All that is left: the run ends.
    pub fn flush(&mut self) -> Vec<Vec<T>> {
        std::mem::take(&mut self.open).into_values().map(|batch| batch.items).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn weight(nodes: u64, regions: u64) -> Weight {
        Weight { nodes, regions, alone: false }
    }

    #[test]
    fn the_measured_case_closes_by_cost() {
        // 40 accounts of 200 nodes and 20 regions cost fixcore 17 s in one upload.
        let mut batcher = Batcher::new(BatchLimits::default());
        let now = Instant::now();
        let mut closed: Vec<Vec<u32>> = Vec::new();
        for account in 0..40 {
            closed.extend(batcher.add("c", account, weight(200, 20), now));
        }
        closed.extend(batcher.flush());
        assert_eq!(closed.concat(), (0..40).collect::<Vec<_>>());
        for batch in &closed {
            let count = batch.len() as u64;
            assert!((1 + count * 21) * count * 200 <= 2_000_000, "{count} accounts");
        }
        assert_eq!(closed.len(), 2);
    }

    #[test]
    fn nodes_time_and_clouds_are_bounds() {
        let limits = BatchLimits { nodes: 100, wait: Duration::from_secs(5), cost: u64::MAX };
        let mut batcher = Batcher::new(limits);
        let start = Instant::now();
        assert!(batcher.add("a", 1, weight(60, 0), start).is_empty());
        assert!(batcher.add("b", 2, weight(60, 0), start + Duration::from_secs(1)).is_empty());
        assert_eq!(batcher.add("a", 3, weight(60, 0), start + Duration::from_secs(2)), [[1]]);
        assert_eq!(batcher.add("a", 4, weight(40, 0), start), [[3, 4]]);
        assert_eq!(batcher.add("a", 5, weight(1000, 0), start), [[5]]);
        assert_eq!(batcher.next_due(), Some(start + Duration::from_secs(6)));
        assert!(batcher.due(start + Duration::from_secs(5)).is_empty());
        assert_eq!(batcher.due(start + Duration::from_secs(6)), [[2]]);
        assert_eq!(batcher.next_due(), None);
    }

    #[test]
    fn an_organization_goes_alone() {
        let mut batcher = Batcher::new(BatchLimits::default());
        let now = Instant::now();
        assert!(batcher.add("a", 1, weight(1, 0), now).is_empty());
        assert_eq!(batcher.add("a", 2, Weight { alone: true, ..weight(1, 0) }, now), [[2]]);
        assert_eq!(batcher.flush(), [[1]]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_bounds_hold(
            accounts in prop::collection::vec((0_u64..3000, 0_u64..30, 0_u8..3), 0..60),
        ) {
            let limits = BatchLimits { nodes: 5000, wait: Duration::from_secs(5), cost: 100_000 };
            let mut batcher = Batcher::new(limits);
            let now = Instant::now();
            let mut closed = Vec::new();
            for (number, (nodes, regions, cloud)) in accounts.iter().enumerate() {
                closed.extend(batcher.add(&cloud.to_string(), number, weight(*nodes, *regions), now));
            }
            closed.extend(batcher.flush());
            for batch in &closed {
                prop_assert!(batch.iter().all(|number| accounts[*number].2 == accounts[batch[0]].2));
                let nodes: u64 = batch.iter().map(|number| accounts[*number].0).sum();
                let scopes: u64 = 1 + batch.iter().map(|number| 1 + accounts[*number].1).sum::<u64>();
                prop_assert!(batch.len() == 1 || (nodes <= limits.nodes && nodes * scopes <= limits.cost));
            }
            let mut all = closed.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..accounts.len()).collect::<Vec<_>>());
        }
    }
}
