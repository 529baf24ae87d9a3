//! What to start next and what follows from each end: accounts, pools and breaker in one pure machine.

use std::time::{Duration, Instant};

use decisions::attempt::{Class, GiveUp, Policy};

use crate::account::{Account, Event, State, Step};
use crate::breaker::{Breaker, Gate, Notice};
use crate::pools::{Bounds, Candidate, Pools};

/// How an attempt ended, as far as the schedule cares.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attempt {
    Completed,
    /// Suspicious if it may mean that the program or the host is bad.
    Failed {
        class: Class,
        suspicious: bool,
    },
}

/// What follows from the end of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Retry(Duration),
    Ended(Result<(), GiveUp>),
}

/// One run.
#[derive(Debug)]
pub(crate) struct Schedule {
    accounts: Vec<Account>,
    pools: Pools,
    breaker: Breaker,
    policy: Policy,
    /// Accounts whose pause has an end.
    backing_off: usize,
    open: usize,
}

impl Schedule {
    pub(crate) fn new(candidates: &[Candidate], bounds: Bounds, policy: Policy, breaker: Breaker) -> Self {
        Self {
            accounts: vec![Account::default(); candidates.len()],
            pools: Pools::new(bounds, candidates),
            breaker,
            policy,
            backing_off: 0,
            open: candidates.len(),
        }
    }

    fn step(&mut self, account: usize, event: Event, now: Instant) -> Step {
        let before = std::mem::take(&mut self.accounts[account]);
        let was_backing_off = matches!(before.state(), State::BackingOff { .. });
        let (after, step) = before.step(event, self.policy, now);
        let is_backing_off = matches!(after.state(), State::BackingOff { .. });
        self.backing_off = self.backing_off + usize::from(is_backing_off) - usize::from(was_backing_off);
        self.open -= usize::from(matches!(step, Step::End(_)));
        self.accounts[account] = after;
        step
    }

    /// The next account to start, and the number of its attempt.
    pub(crate) fn start(&mut self, now: Instant) -> Option<(usize, u32)> {
        self.queue_the_due(now);
        if self.breaker.gate(now) != Gate::Open {
            return None;
        }
        let account = self.pools.take()?;
        self.breaker.started();
        self.step(account, Event::Started, now);
        Some((account, self.accounts[account].attempts()))
    }

    fn queue_the_due(&mut self, now: Instant) {
        if self.backing_off == 0 {
            return;
        }
        for account in 0..self.accounts.len() {
            if self.step(account, Event::Due, now) == Step::Queue {
                self.pools.enqueue(account);
            }
        }
    }

    /// A child said Ready.
    pub(crate) fn ready(&mut self, account: usize) -> Notice {
        self.pools.started(account);
        self.breaker.ready()
    }

    /// An attempt ended. Its process may still be there: see [`Schedule::release`].
    pub(crate) fn ended(
        &mut self,
        account: usize,
        attempt: Attempt,
        jitter: f64,
        now: Instant,
    ) -> (Next, Notice) {
        self.pools.started(account);
        let (event, suspicious) = match attempt {
            Attempt::Completed => (Event::Completed, false),
            Attempt::Failed { class, suspicious } => (Event::Failed { class, jitter }, suspicious),
        };
        let notice = if suspicious {
            self.breaker.failed(account, now)
        } else {
            // After a Ready this says nothing new; without one it must not leave the breaker waiting.
            self.breaker.proved_nothing(now);
            Notice::Nothing
        };
        let next = match self.step(account, event, now) {
            Step::Retry(pause) => Next::Retry(pause),
            Step::End(end) => Next::Ended(end),
            // Only a running account has attempts that end.
            Step::Nothing | Step::Queue => Next::Ended(Err(GiveUp::Cancelled)),
        };
        (next, notice)
    }

    /// The process of an attempt is gone, or its part of a shared one.
    pub(crate) fn release(&mut self, account: usize) {
        self.pools.release(account);
    }

    /// Starts nothing any more. The accounts that end by this at once; running ones end with their attempt.
    pub(crate) fn call_off(&mut self, now: Instant) -> Vec<usize> {
        (0..self.accounts.len())
            .filter(|&account| {
                self.pools.remove(account);
                matches!(self.step(account, Event::CalledOff, now), Step::End(_))
            })
            .collect()
    }

    /// How many attempts of an account were started.
    pub(crate) fn attempts(&self, account: usize) -> u32 {
        self.accounts[account].attempts()
    }

    /// Whether an attempt of it runs, or its end was not told.
    pub(crate) fn is_running(&self, account: usize) -> bool {
        self.accounts[account].state() == State::Running
    }

    /// How many accounts of a collector have a process or a part of one.
    pub(crate) fn running_of(&self, collector: &str) -> usize {
        self.pools.running_of(collector)
    }

    /// Whether all accounts have ended.
    pub(crate) fn is_over(&self) -> bool {
        self.open == 0
    }

    /// When something can be started that cannot be now, if nothing else happens.
    pub(crate) fn next_wake(&self, now: Instant) -> Option<Instant> {
        let breaker = match self.breaker.gate(now) {
            Gate::ShutUntil(until) if !self.is_over() => Some(until),
            Gate::Open | Gate::ShutUntil(_) | Gate::Trying => None,
        };
        let pauses = self.accounts.iter().filter_map(|account| match account.state() {
            State::BackingOff { until } => Some(until),
            State::Pending | State::Running | State::Done | State::Held(_) => None,
        });
        let pauses = if self.backing_off == 0 { None } else { pauses.min() };
        [breaker, pauses].into_iter().flatten().filter(|at| *at > now).min()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy {
        max_attempts: 3,
        backoff_initial: Duration::from_secs(1),
        backoff_max: Duration::from_mins(5),
    };

    fn schedule(accounts: usize, pool_size: usize) -> Schedule {
        let candidates = vec![Candidate { collector: "a".into(), last_duration: None }; accounts];
        let collectors = BTreeMap::new();
        let bounds = Bounds { pool_size, collectors, max_children: None, max_starting: 8, shared: false };
        Schedule::new(&candidates, bounds, POLICY, Breaker::new(3, Duration::from_mins(1)))
    }

    const CRASH: Attempt = Attempt::Failed { class: Class::Passing, suspicious: false };
    const STILLBORN: Attempt = Attempt::Failed { class: Class::Passing, suspicious: true };

    #[test]
    fn a_failed_account_comes_back_after_its_pause() {
        let now = Instant::now();
        let mut schedule = schedule(1, 1);
        assert_eq!(schedule.start(now), Some((0, 1)));
        assert_eq!(schedule.start(now), None);
        let (next, _) = schedule.ended(0, CRASH, 1.0, now);
        assert_eq!(next, Next::Retry(Duration::from_secs(1)));
        schedule.release(0);
        assert_eq!(schedule.start(now), None);
        let wake = schedule.next_wake(now).unwrap();
        assert_eq!(wake, now + Duration::from_secs(1));
        assert_eq!(schedule.start(wake), Some((0, 2)));
        assert_eq!(schedule.ended(0, Attempt::Completed, 1.0, wake).0, Next::Ended(Ok(())));
        assert!(schedule.is_over());
    }

    #[test]
    fn a_bad_program_stops_the_spawning() {
        let now = Instant::now();
        let mut schedule = schedule(10, 1);
        let mut notices = Vec::new();
        for _ in 0..3 {
            let (account, _) = schedule.start(now).unwrap();
            notices.push(schedule.ended(account, STILLBORN, 1.0, now).1);
            schedule.release(account);
        }
        assert_eq!(notices, [Notice::Nothing, Notice::Nothing, Notice::Opened]);
        assert_eq!(schedule.start(now), None);
        assert_eq!(schedule.start(now + Duration::from_secs(59)), None);
        let shut = now + Duration::from_mins(1);
        let (account, _) = schedule.start(shut).unwrap();
        assert_eq!(schedule.start(shut), None, "one is tried");
        assert_eq!(schedule.ready(account), Notice::Closed);
    }

    #[test]
    fn calling_off_ends_who_waits_and_spares_who_runs() {
        let now = Instant::now();
        let mut schedule = schedule(4, 2);
        schedule.start(now).unwrap();
        schedule.start(now).unwrap();
        assert_eq!(schedule.call_off(now), [2, 3]);
        assert_eq!(schedule.start(now), None);
        assert_eq!(schedule.ended(0, Attempt::Completed, 1.0, now).0, Next::Ended(Ok(())));
        assert_eq!(schedule.ended(1, CRASH, 1.0, now).0, Next::Ended(Err(GiveUp::Cancelled)));
        assert!(schedule.is_over());
    }

    #[test]
    fn a_try_that_proves_nothing_is_followed_by_another() {
        let now = Instant::now();
        let mut schedule = schedule(10, 1);
        for _ in 0..3 {
            let (account, _) = schedule.start(now).unwrap();
            schedule.ended(account, STILLBORN, 1.0, now);
            schedule.release(account);
        }
        let shut = now + Duration::from_mins(1);
        let (account, _) = schedule.start(shut).unwrap();
        // Its sink could not be made: it never came to a Ready, and the program is not to blame.
        schedule.ended(account, CRASH, 1.0, shut);
        schedule.release(account);
        assert!(schedule.start(shut).is_some());
    }

    #[derive(Debug, Clone, Copy)]
    enum Fate {
        Completes,
        Crashes,
        IsStillborn,
        IsRefused,
        RunsOutOfMemory,
    }

    fn fate() -> impl Strategy<Value = Fate> {
        prop::sample::select(vec![
            Fate::Completes,
            Fate::Crashes,
            Fate::IsStillborn,
            Fate::IsRefused,
            Fate::RunsOutOfMemory,
        ])
    }

    proptest! {
        /// Whatever happens to the attempts, and whenever the run is called off: each account ends once, and
        /// the schedule never waits for nothing.
        #[test]
        fn each_account_ends_exactly_once(
            accounts in 0_usize..12,
            pool_size in 1_usize..4,
            fates in prop::collection::vec(fate(), 40),
            called_off in prop::option::of(0_usize..40),
        ) {
            let mut now = Instant::now();
            let mut schedule = schedule(accounts, pool_size);
            let mut ends = vec![0; accounts];
            let mut running = Vec::new();
            let mut fates = fates.into_iter().cycle();
            for round in 0..1000 {
                if called_off == Some(round) {
                    schedule.call_off(now).into_iter().for_each(|account| ends[account] += 1);
                }
                while let Some((account, _)) = schedule.start(now) {
                    running.push(account);
                }
                prop_assert!(running.len() <= pool_size);
                if running.is_empty() {
                    match schedule.next_wake(now) {
                        Some(at) => now = at,
                        None => break,
                    }
                    continue;
                }
                let account = running.remove(0);
                let attempt = match fates.next().unwrap() {
                    Fate::Completes => Attempt::Completed,
                    Fate::Crashes => CRASH,
                    Fate::IsStillborn => STILLBORN,
                    Fate::IsRefused => Attempt::Failed { class: Class::Lasting, suspicious: false },
                    Fate::RunsOutOfMemory => Attempt::Failed { class: Class::OutOfMemory, suspicious: false },
                };
                if !matches!(attempt, Attempt::Failed { suspicious: true, .. }) {
                    schedule.ready(account);
                }
                if let (Next::Ended(_), _) = schedule.ended(account, attempt, 1.0, now) {
                    ends[account] += 1;
                }
                schedule.release(account);
            }
            prop_assert!(schedule.is_over());
            prop_assert!(ends.iter().all(|count| *count == 1), "{:?}", ends);
        }
    }
}
