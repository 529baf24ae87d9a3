//! The breaker of the fleet. Different accounts that fail one after the other before they are ready do not
//! prove that these accounts are bad, but that the program or the host is. Pure.

use std::time::{Duration, Instant};

/// Whether a child may be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Yes.
    Open,
    /// Not before this moment.
    ShutUntil(Instant),
    /// Not before the one that is being tried has told.
    Trying,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Different accounts that failed in a row.
    Closed(Vec<usize>),
    Open(Instant),
    Trying,
}

/// What people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Nothing new.
    Nothing,
    /// Spawning has stopped.
    Opened,
    /// Spawning goes on.
    Closed,
}

/// Counts failures before Ready. Accounts are named by their number in the run.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: State,
    threshold: usize,
    pause: Duration,
}

impl Breaker {
    /// Opens after `threshold` different accounts in a row (at least 1), for `pause`.
    pub fn new(threshold: usize, pause: Duration) -> Self {
        Self { state: State::Closed(Vec::new()), threshold: threshold.max(1), pause }
    }

    /// Whether a child may be started now.
    pub fn gate(&self, now: Instant) -> Gate {
        match self.state {
            State::Closed(_) => Gate::Open,
            State::Open(until) if now >= until => Gate::Open,
            State::Open(until) => Gate::ShutUntil(until),
            State::Trying => Gate::Trying,
        }
    }

    /// A child is started, which the gate allowed.
    pub fn started(&mut self) {
        if matches!(self.state, State::Open(_)) {
            self.state = State::Trying;
        }
    }

    /// Some child is ready: program and host are fine.
    pub fn ready(&mut self) -> Notice {
        match std::mem::replace(&mut self.state, State::Closed(Vec::new())) {
            State::Closed(_) => Notice::Nothing,
            State::Open(_) | State::Trying => Notice::Closed,
        }
    }

    /// An attempt of this account failed before it was ready.
    pub fn failed(&mut self, account: usize, now: Instant) -> Notice {
        match &mut self.state {
            State::Closed(accounts) => {
                if !accounts.contains(&account) {
                    accounts.push(account);
                }
                if accounts.len() < self.threshold {
                    return Notice::Nothing;
                }
                self.state = State::Open(now + self.pause);
                Notice::Opened
            }
            // Children that were on their way when it opened.
            State::Open(_) => Notice::Nothing,
            State::Trying => {
                self.state = State::Open(now + self.pause);
                Notice::Nothing
            }
        }
    }

    /// An attempt ended before it was ready, for reasons that prove nothing (called off, our disk is full): the
    /// next one may try.
    pub fn proved_nothing(&mut self, now: Instant) {
        if self.state == State::Trying {
            self.state = State::Open(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_mins(1);

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(3, PAUSE);
        assert_eq!(breaker.failed(1, now), Notice::Nothing);
        assert_eq!(breaker.failed(2, now), Notice::Nothing);
        assert_eq!(breaker.failed(3, now), Notice::Opened);
        breaker
    }

    #[test]
    fn three_different_accounts_open_it_once() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.gate(now), Gate::ShutUntil(now + PAUSE));
        assert_eq!(breaker.failed(4, now), Notice::Nothing, "said once");
    }

    #[test]
    fn one_bad_account_does_not() {
        let now = Instant::now();
        let mut breaker = Breaker::new(3, PAUSE);
        for _ in 0..10 {
            assert_eq!(breaker.failed(1, now), Notice::Nothing);
        }
        assert_eq!(breaker.failed(2, now), Notice::Nothing);
        assert_eq!(breaker.ready(), Notice::Nothing);
        assert_eq!(breaker.failed(3, now), Notice::Nothing, "a ready child broke the row");
        assert_eq!(breaker.gate(now), Gate::Open);
    }

    #[test]
    fn after_the_pause_one_is_tried() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let later = now + PAUSE;
        assert_eq!(breaker.gate(later), Gate::Open);
        breaker.started();
        assert_eq!(breaker.gate(later), Gate::Trying);
        assert_eq!(breaker.failed(1, later), Notice::Nothing, "it is still the same trouble");
        assert_eq!(breaker.gate(later), Gate::ShutUntil(later + PAUSE));
        let again = later + PAUSE;
        breaker.started();
        assert_eq!(breaker.ready(), Notice::Closed);
        assert_eq!(breaker.gate(again), Gate::Open);
    }

    #[test]
    fn a_try_that_proves_nothing_lets_the_next_one_try() {
        let now = Instant::now();
        let mut breaker = opened(now);
        breaker.started();
        breaker.proved_nothing(now + PAUSE);
        assert_eq!(breaker.gate(now + PAUSE), Gate::Open);
    }

    #[test]
    fn a_late_ready_closes_it() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.ready(), Notice::Closed);
        assert_eq!(breaker.gate(now), Gate::Open);
    }
}
