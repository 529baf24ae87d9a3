//! One account within one run, across its attempts. Pure.
//!
//! ```text
//! Pending -> Running -> Done
//!    ^          |  \--> Held (no further attempt in this run)
//!    |          v
//!    +---- BackingOff
//! ```
//!
//! Timers and processes belong to the attempt; what survives an attempt is here: the tally of failures and the
//! pause before the next one. Each account ends exactly once.

use std::time::{Duration, Instant};

use decisions::attempt::{Class, GiveUp, Policy, Tally, Verdict, decide};

/// Where an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for its turn.
    Pending,
    /// An attempt runs.
    Running,
    /// Waits after a failed attempt.
    BackingOff {
        /// When it may run again.
        until: Instant,
    },
    /// Completed.
    Done,
    /// Given up in this run.
    Held(GiveUp),
}

/// What can happen to an account.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// An attempt begins.
    Started,
    /// The attempt was successful.
    Completed,
    /// The attempt failed.
    Failed {
        /// How.
        class: Class,
        /// A factor in (0.5, 1] for the pause.
        jitter: f64,
    },
    /// Time has passed.
    Due,
    /// The run is stopped.
    CalledOff,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing to tell.
    Nothing,
    /// It waits for its turn (again).
    Queue,
    /// It will try again after this pause.
    Retry(Duration),
    /// It has ended, by success or not.
    End(Result<(), GiveUp>),
}

/// One account within one run.
#[derive(Debug, Clone)]
pub struct Account {
    state: State,
    tally: Tally,
    started: u32,
    called_off: bool,
}

impl Default for Account {
    fn default() -> Self {
        Self { state: State::Pending, tally: Tally::default(), started: 0, called_off: false }
    }
}

impl Account {
    /// Where it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// How many attempts were started.
    pub fn attempts(&self) -> u32 {
        self.started
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Done | State::Held(_))
    }

    /// The account after `event`, and what follows from it.
    pub fn step(mut self, event: Event, policy: Policy, now: Instant) -> (Self, Step) {
        let step = match self.state {
            State::Pending => self.pending(event),
            State::Running => self.running(event, policy, now),
            State::BackingOff { until } => self.backing_off(event, until, now),
            State::Done | State::Held(_) => Step::Nothing,
        };
        (self, step)
    }

    fn pending(&mut self, event: Event) -> Step {
        match event {
            Event::Started => {
                self.state = State::Running;
                self.started += 1;
                Step::Nothing
            }
            Event::CalledOff => self.hold(GiveUp::Cancelled),
            Event::Completed | Event::Failed { .. } | Event::Due => Step::Nothing,
        }
    }

    fn running(&mut self, event: Event, policy: Policy, now: Instant) -> Step {
        match event {
            Event::Completed => {
                self.state = State::Done;
                Step::End(Ok(()))
            }
            Event::Failed { class, jitter } => {
                self.tally.failed += 1;
                self.tally.out_of_memory += u32::from(class == Class::OutOfMemory);
                match decide(policy, self.tally, class, jitter) {
                    Verdict::Retry(_) if self.called_off => self.hold(GiveUp::Cancelled),
                    Verdict::Retry(pause) => {
                        self.state = State::BackingOff { until: now + pause };
                        Step::Retry(pause)
                    }
                    Verdict::GiveUp(why) => self.hold(why),
                }
            }
            Event::CalledOff => {
                self.called_off = true;
                Step::Nothing
            }
            Event::Started | Event::Due => Step::Nothing,
        }
    }

    fn backing_off(&mut self, event: Event, until: Instant, now: Instant) -> Step {
        match event {
            Event::Due if now >= until => {
                self.state = State::Pending;
                Step::Queue
            }
            Event::CalledOff => self.hold(GiveUp::Cancelled),
            Event::Due | Event::Started | Event::Completed | Event::Failed { .. } => Step::Nothing,
        }
    }

    fn hold(&mut self, why: GiveUp) -> Step {
        self.state = State::Held(why);
        Step::End(Err(why))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy {
        max_attempts: 3,
        backoff_initial: Duration::from_secs(1),
        backoff_max: Duration::from_mins(5),
    };

    fn failed(class: Class) -> Event {
        Event::Failed { class, jitter: 1.0 }
    }

    #[test]
    fn three_failures_hold_an_account() {
        let now = Instant::now();
        let mut account = Account::default();
        for pause in [1, 2] {
            account = account.step(Event::Started, POLICY, now).0;
            let step;
            (account, step) = account.step(failed(Class::Passing), POLICY, now);
            assert_eq!(step, Step::Retry(Duration::from_secs(pause)));
            assert_eq!(account.clone().step(Event::Due, POLICY, now).1, Step::Nothing, "too early");
            let later = now + Duration::from_secs(pause);
            (account, _) = account.step(Event::Due, POLICY, later);
            assert_eq!(account.state(), State::Pending);
        }
        account = account.step(Event::Started, POLICY, now).0;
        let (account, step) = account.step(failed(Class::Passing), POLICY, now);
        assert_eq!(step, Step::End(Err(GiveUp::Attempts)));
        assert_eq!(account.attempts(), 3);
    }

    #[test]
    fn a_failure_after_the_run_was_stopped_is_not_retried() {
        let now = Instant::now();
        let account = Account::default().step(Event::Started, POLICY, now).0;
        let (account, step) = account.step(Event::CalledOff, POLICY, now);
        assert_eq!(step, Step::Nothing, "its attempt is asked to end first");
        let (_, step) = account.step(failed(Class::Passing), POLICY, now);
        assert_eq!(step, Step::End(Err(GiveUp::Cancelled)));
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => Just(Event::Started),
            1 => Just(Event::Completed),
            4 => prop::sample::select(vec![
                Class::Passing, Class::Lasting, Class::Deadline, Class::OutOfMemory, Class::Cancelled,
                Class::Unkillable,
            ]).prop_map(failed),
            4 => Just(Event::Due),
            1 => Just(Event::CalledOff),
        ]
    }

    proptest! {
        #[test]
        fn it_ends_exactly_once(events in prop::collection::vec(event(), 0..60)) {
            let mut now = Instant::now();
            let mut account = Account::default();
            let mut ends = 0;
            for event in events {
                now += Duration::from_secs(400);
                let over = account.is_over();
                let step;
                (account, step) = account.step(event, POLICY, now);
                ends += u32::from(matches!(step, Step::End(_)));
                prop_assert!(!over || step == Step::Nothing);
                prop_assert_eq!(ends == 1, account.is_over());
                prop_assert!(account.attempts() <= POLICY.max_attempts);
            }
        }
    }
}
