//! Services that are broken in a region: given up after a few calls whose retries were used up.
//!
//! Counted are calls that ended with server errors or without any connection, after all their attempts; throttling,
//! denials and every other answer are signs of life or nothing. A call counts only if nothing was answered since it
//! began: one broken bucket among healthy ones never adds up. What was given up is asked again after a rest.
//!
//! All times are since some fixed moment of the process.

use std::collections::HashMap;
use std::time::Duration;

/// Calls that were in vain, one after the other, before no more are made.
const IN_VAIN: u32 = 3;
/// How long nothing is asked of what was given up; then a single call finds out.
const REST: Duration = Duration::from_mins(1);

/// What one account knows about one service in one region.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breaker {
    service: Health,
    operations: HashMap<String, Health>,
    /// Calls in vain since a retry last helped.
    retried_in_vain: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Health {
    /// Calls in vain since the last sign of life.
    in_vain: u32,
    alive_at: Option<Duration>,
    rests_until: Option<Duration>,
}

impl Breaker {
    /// Whether a call may be made. After the rest one may, and the others wait for what becomes of it.
    pub(crate) fn admits(&mut self, now: Duration, operation: &str) -> bool {
        let own = self.operations.get_mut(operation);
        let resting = |health: &Health| health.rests_until.is_some_and(|until| now < until);
        if resting(&self.service) || own.as_deref().is_some_and(resting) {
            return false;
        }
        for health in own.into_iter().chain([&mut self.service]) {
            if health.rests_until.is_some() {
                health.rests_until = Some(now + REST);
            }
        }
        true
    }

    /// Whether another attempt of a call makes sense: not for what was given up meanwhile, and not for an operation
    /// that has never answered where retries have not helped so far.
    pub(crate) fn may_retry(&self, operation: &str) -> bool {
        let own = self.operations.get(operation);
        let given_up = |health: &Health| health.rests_until.is_some();
        if given_up(&self.service) || own.is_some_and(given_up) {
            return false;
        }
        self.retried_in_vain < IN_VAIN || own.is_some_and(|health| health.alive_at.is_some())
    }

    /// The service answered, be it with a refusal.
    pub(crate) fn alive(&mut self, now: Duration, operation: &str) {
        let well = Health { alive_at: Some(now), ..Health::default() };
        self.service = well;
        match self.operations.get_mut(operation) {
            Some(own) => *own = well,
            None => drop(self.operations.insert(operation.to_owned(), well)),
        }
    }

    /// A call succeeded that had failed before.
    pub(crate) fn retry_helped(&mut self) {
        self.retried_in_vain = 0;
    }

    /// A call that began at `began` has used up its attempts.
    pub(crate) fn in_vain(&mut self, began: Duration, now: Duration, operation: &str) {
        self.retried_in_vain = self.retried_in_vain.saturating_add(1);
        let own = self.operations.entry(operation.to_owned()).or_default();
        for health in [own, &mut self.service] {
            if health.alive_at.is_some_and(|alive| alive >= began) {
                continue;
            }
            health.in_vain = health.in_vain.saturating_add(1);
            if health.in_vain >= IN_VAIN {
                health.rests_until = Some(now + REST);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPERATIONS: [&str; 3] = ["ListA", "ListB", "ListC"];

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_service_is_given_up_after_three_calls_in_vain() {
        let mut breaker = Breaker::default();
        for (second, operation) in OPERATIONS.into_iter().enumerate() {
            assert!(breaker.admits(at(second as u64), operation));
            assert!(breaker.may_retry(operation));
            breaker.in_vain(at(0), at(second as u64), operation);
        }
        assert!(!breaker.admits(at(3), "ListD"), "an operation that was never tried, too");
        assert!(!breaker.may_retry("ListA"), "those under way end with the attempt they are at");
    }

    #[test]
    fn one_call_finds_out_after_the_rest() {
        let mut breaker = Breaker::default();
        (0..3).for_each(|second| breaker.in_vain(at(0), at(second), "ListA"));
        assert!(!breaker.admits(at(61), "ListA"));
        assert!(breaker.admits(at(62), "ListA"));
        assert!(!breaker.may_retry("ListA"), "it has one attempt");
        assert!(!breaker.admits(at(63), "ListA"), "others wait for it");
        breaker.in_vain(at(62), at(64), "ListA");
        assert!(!breaker.admits(at(123), "ListA"));
        assert!(breaker.admits(at(124), "ListA"));
        breaker.alive(at(125), "ListA");
        assert!(breaker.admits(at(125), "ListA") && breaker.admits(at(125), "ListB"));
    }

    #[test]
    fn an_operation_is_given_up_alone_while_others_answer() {
        let mut breaker = Breaker::default();
        for second in 0..3 {
            breaker.alive(at(10 * second + 5), "ListB");
            breaker.in_vain(at(10 * second), at(10 * second + 9), "ListA");
        }
        assert!(!breaker.admits(at(30), "ListA"));
        assert!(breaker.admits(at(30), "ListB"));
        assert!(breaker.may_retry("ListB"), "it has answered before");
        assert!(!breaker.may_retry("ListC"), "retries have never helped here, and it has never answered");
        breaker.retry_helped();
        assert!(breaker.may_retry("ListC"));
    }

    /// What happens to a lane.
    #[derive(Debug, Clone)]
    enum Event {
        Alive(usize),
        /// The operation, and how long ago the call began.
        InVain(usize, u64),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            (0..3_usize).prop_map(Event::Alive),
            (0..3_usize, 0..30_u64).prop_map(|(operation, took)| Event::InVain(operation, took)),
        ]
    }

    proptest! {
        #[test]
        fn what_answers_within_the_time_of_a_call_is_never_given_up(events in prop::collection::vec(event(), 0..80)) {
            let mut breaker = Breaker::default();
            for (second, event) in (100..).zip(&events) {
                match *event {
                    Event::Alive(operation) => breaker.alive(at(second), OPERATIONS[operation]),
                    Event::InVain(operation, took) => {
                        // Something of this operation was answered while the call went on.
                        breaker.alive(at(second), OPERATIONS[operation]);
                        breaker.in_vain(at(second - took), at(second), OPERATIONS[operation]);
                    }
                }
                prop_assert!(OPERATIONS.iter().all(|operation| breaker.admits(at(second), operation)));
            }
        }

        #[test]
        fn it_takes_three_in_vain_to_give_up_and_one_answer_to_take_back(events in prop::collection::vec(event(), 0..80)) {
            let mut breaker = Breaker::default();
            let mut in_vain = 0;
            for (second, event) in (100..).zip(&events) {
                match *event {
                    Event::Alive(operation) => {
                        breaker.alive(at(second), OPERATIONS[operation]);
                        prop_assert!(breaker.admits(at(second), OPERATIONS[operation]));
                    }
                    Event::InVain(operation, took) => {
                        in_vain += 1;
                        breaker.in_vain(at(second - took), at(second), OPERATIONS[operation]);
                    }
                }
                if in_vain < IN_VAIN {
                    prop_assert!(OPERATIONS.iter().all(|operation| breaker.admits(at(second), operation)));
                }
                let later = at(second) + REST;
                prop_assert!(OPERATIONS.iter().any(|operation| breaker.clone().admits(later, operation)), "no rest is for ever");
            }
        }
    }
}
