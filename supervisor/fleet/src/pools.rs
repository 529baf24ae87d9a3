//! Who may run at the same time, and who is next. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The bounds of one run. Zero means one everywhere: nothing could ever run otherwise.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// `fixworker.pool_size`: collectors at work at once; also the bound on the accounts of each collector
    /// that has no setting of its own.
    pub pool_size: usize,
    /// Accounts at once, for collectors with a setting of their own (`aws.account_pool_size`, ...).
    pub collectors: BTreeMap<String, usize>,
    /// `supervisor.max_children`: processes at once over all collectors.
    pub max_children: Option<usize>,
    /// Children on their way from spawn to Ready at once.
    pub max_starting: usize,
    /// One process for each collector instead of one for each account.
    pub shared: bool,
}

/// What is needed to place an account in the queue.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its collector.
    pub collector: String,
    /// How long it took in the last run; `None` if that is unknown.
    pub last_duration: Option<Duration>,
}

/// The queue, and what runs. Accounts are named by their number in the run.
#[derive(Debug)]
pub struct Pools {
    bounds: Bounds,
    collector_of: Vec<String>,
    rank_of: Vec<usize>,
    queue: BTreeMap<String, BTreeSet<(usize, usize)>>,
    running: BTreeMap<String, usize>,
    starting: BTreeSet<usize>,
}

impl Pools {
    /// Queues all candidates: unknown ones first, because they may be the longest, then the slowest of the
    /// last run, otherwise in the order given.
    pub fn new(bounds: Bounds, candidates: &[Candidate]) -> Self {
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by_key(|&account| {
            let last = candidates[account].last_duration;
            (last.is_some(), Reverse(last))
        });
        let mut rank_of = vec![0; candidates.len()];
        for (rank, &account) in order.iter().enumerate() {
            rank_of[account] = rank;
        }
        let collector_of = candidates.iter().map(|candidate| candidate.collector.clone()).collect();
        let mut pools = Self {
            bounds,
            collector_of,
            rank_of,
            queue: BTreeMap::new(),
            running: BTreeMap::new(),
            starting: BTreeSet::new(),
        };
        (0..candidates.len()).for_each(|account| pools.enqueue(account));
        pools
    }

    /// Puts an account (back) into the queue, at the place it always had.
    pub fn enqueue(&mut self, account: usize) {
        let place = (self.rank_of[account], account);
        self.queue.entry(self.collector_of[account].clone()).or_default().insert(place);
    }

    /// Takes an account out of the queue.
    pub fn remove(&mut self, account: usize) {
        if let Some(queue) = self.queue.get_mut(&self.collector_of[account]) {
            queue.remove(&(self.rank_of[account], account));
        }
    }

    /// The next account that may run, taken out of the queue and counted as running and starting.
    pub fn take(&mut self) -> Option<usize> {
        if self.starting.len() >= self.bounds.max_starting.max(1) {
            return None;
        }
        let heads = self.queue.iter().filter_map(|(collector, queue)| Some((*queue.first()?, collector)));
        let ((_, account), _) = heads.filter(|(_, collector)| self.admits(collector)).min()?;
        self.remove(account);
        *self.running.entry(self.collector_of[account].clone()).or_default() += 1;
        self.starting.insert(account);
        Some(account)
    }

    fn admits(&self, collector: &str) -> bool {
        let running = self.running_of(collector);
        let pool_size = self.bounds.pool_size.max(1);
        let own = self.bounds.collectors.get(collector).copied().unwrap_or(pool_size).max(1);
        let active = self.running.len();
        let new_collector = running == 0;
        let (children, new_child) =
            if self.bounds.shared { (active, new_collector) } else { (self.running.values().sum(), true) };
        running < own
            && (!new_collector || active < pool_size)
            && (!new_child || self.bounds.max_children.is_none_or(|max| children < max.max(1)))
    }

    /// How many accounts of a collector run.
    pub fn running_of(&self, collector: &str) -> usize {
        self.running.get(collector).copied().unwrap_or(0)
    }

    /// The account is past its start.
    pub fn started(&mut self, account: usize) {
        self.starting.remove(&account);
    }

    /// The account's process, or its part of one, is gone.
    pub fn release(&mut self, account: usize) {
        self.starting.remove(&account);
        let collector = &self.collector_of[account];
        if let Some(running) = self.running.get_mut(collector) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(collector);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bounds(pool_size: usize) -> Bounds {
        Bounds {
            pool_size,
            collectors: BTreeMap::new(),
            max_children: None,
            max_starting: 100,
            shared: false,
        }
    }

    fn candidates(names: &str) -> Vec<Candidate> {
        names.chars().map(|name| Candidate { collector: name.to_string(), last_duration: None }).collect()
    }

    fn drain(pools: &mut Pools) -> Vec<usize> {
        std::iter::from_fn(|| pools.take()).collect()
    }

    #[test]
    fn unknown_and_slow_accounts_go_first() {
        let seconds = [Some(5), None, Some(90), Some(90), None, Some(7)];
        let candidates: Vec<_> = seconds
            .iter()
            .map(|s| Candidate { collector: "a".into(), last_duration: s.map(Duration::from_secs) })
            .collect();
        assert_eq!(drain(&mut Pools::new(bounds(10), &candidates)), [1, 4, 2, 3, 5, 0]);
    }

    #[test]
    fn pool_size_bounds_collectors_and_their_accounts() {
        let mut pools = Pools::new(bounds(2), &candidates("aaabbbc"));
        assert_eq!(drain(&mut pools), [0, 1, 3, 4], "two collectors with two accounts each");
        pools.release(0);
        assert_eq!(drain(&mut pools), [2]);
        pools.release(1);
        pools.release(2);
        assert_eq!(drain(&mut pools), [6], "a is done, so c may begin");
    }

    #[test]
    fn a_setting_of_the_collector_overrides_pool_size() {
        let collectors = BTreeMap::from([("a".to_owned(), 3), ("b".to_owned(), 0)]);
        let mut pools = Pools::new(Bounds { collectors, ..bounds(2) }, &candidates("aaaabb"));
        assert_eq!(drain(&mut pools), [0, 1, 2, 4]);
    }

    #[test]
    fn max_children_bounds_processes() {
        let forked = Bounds { max_children: Some(3), ..bounds(5) };
        assert_eq!(drain(&mut Pools::new(forked, &candidates("aaabbb"))).len(), 3);
        let shared = Bounds { max_children: Some(1), shared: true, ..bounds(5) };
        assert_eq!(drain(&mut Pools::new(shared, &candidates("aaabbb"))), [0, 1, 2]);
    }

    #[test]
    fn only_some_start_at_once() {
        let mut pools = Pools::new(Bounds { max_starting: 2, ..bounds(9) }, &candidates("aaaa"));
        assert_eq!(drain(&mut pools), [0, 1]);
        pools.started(0);
        assert_eq!(drain(&mut pools), [2]);
        pools.release(1);
        assert_eq!(drain(&mut pools), [3]);
    }

    #[test]
    fn a_retry_keeps_its_place_and_a_removed_account_does_not_run() {
        let mut pools = Pools::new(Bounds { max_starting: 1, ..bounds(9) }, &candidates("aaa"));
        assert_eq!(drain(&mut pools), [0]);
        pools.release(0);
        pools.enqueue(0);
        pools.remove(1);
        assert_eq!(drain(&mut pools), [0]);
        pools.release(0);
        assert_eq!(drain(&mut pools), [2]);
    }

    proptest! {
        /// Whatever ends in whatever order, the bounds hold and everybody gets a turn.
        #[test]
        fn everybody_runs_within_the_bounds(
            names in "[a-e]{0,40}",
            pool_size in 0_usize..4,
            own in 0_usize..4,
            max_children in prop::option::of(0_usize..5),
            max_starting in 0_usize..4,
            shared: bool,
            picks in prop::collection::vec(any::<prop::sample::Index>(), 100),
        ) {
            let collectors = BTreeMap::from([("a".to_owned(), own)]);
            let bounds = Bounds { pool_size, collectors, max_children, max_starting, shared };
            let mut pools = Pools::new(bounds, &candidates(&names));
            let (mut running, mut ran) = (Vec::new(), 0);
            for pick in picks {
                let next = drain(&mut pools);
                ran += next.len();
                running.extend(next);
                let collectors: BTreeSet<_> = running.iter().map(|&a| names.as_bytes()[a]).collect();
                prop_assert!(collectors.len() <= pool_size.max(1));
                let children = if shared { collectors.len() } else { running.len() };
                prop_assert!(max_children.is_none_or(|max| children <= max.max(1)));
                for collector in collectors {
                    let bound = if collector == b'a' { own } else { pool_size };
                    let count = running.iter().filter(|&&a| names.as_bytes()[a] == collector).count();
                    prop_assert!(count <= bound.max(1));
                }
                if running.is_empty() {
                    break;
                }
                pools.release(running.swap_remove(pick.index(running.len())));
            }
            prop_assert_eq!(ran, names.len());
        }
    }
}
