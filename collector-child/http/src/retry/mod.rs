//! When a call is tried again: the rules of the SDKs' standard mode, and patience for throttling on top.
//!
//! Plain functions over plain data: time and chance are passed in.

mod breaker;
mod drought;
mod limiter;
mod pace;
mod quota;

use std::time::Duration;

pub(crate) use breaker::Breaker;
pub(crate) use drought::{Droughts, Lane as DroughtLane};
pub use pace::Key;
pub(crate) use pace::Pace;
pub(crate) use quota::Quota;

/// No server may send us to sleep for longer, whatever its `Retry-After` says.
const LONGEST_ORDERED_WAIT: Duration = Duration::from_mins(1);

/// The numbers of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts of one round, the first one included. The SDKs' adaptive mode with 5.
    pub attempts: u32,
    /// Rounds while the answer is "slow down"; any other trouble has one.
    pub rounds: u32,
    /// The first wait between attempts; it doubles with each.
    pub unit: Duration,
    /// No wait inside a round is longer.
    pub longest: Duration,
    /// The first wait between rounds; it doubles with each.
    pub round_unit: Duration,
    /// No wait between rounds is longer.
    pub longest_round: Duration,
    /// How long a service may answer with nothing but "slow down" before it is given up, as long as no other is.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            rounds: 10,
            unit: Duration::from_secs(1),
            longest: Duration::from_secs(20),
            round_unit: Duration::from_secs(2),
            longest_round: Duration::from_mins(1),
            patience: Duration::from_secs(30),
        }
    }
}

/// What an attempt that failed means for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The service asks to slow down.
    Throttled,
    /// The service asks to slow down where this is known to mean that it is not there at all.
    ThrottledForGood,
    /// It may be gone in a moment: a server error, a lost connection.
    Transient,
    /// The next attempt would end the same.
    Final,
}

/// All that the decision depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    /// Attempts made so far, at least one.
    pub(crate) attempts: u32,
    /// Why the last one failed.
    pub(crate) cause: Cause,
    /// The wait that the answer ordered.
    pub(crate) ordered: Option<Duration>,
    /// Time left for the call; `None` is no limit.
    pub(crate) remaining: Option<Duration>,
    /// Between 0 and 1, so that not all come back at the same moment.
    pub(crate) chance: f64,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Another attempt, after this wait.
    Again(Duration),
    /// No other attempt.
    GiveUp,
}

/// Decides about the next attempt. The quota (see [`Quota`]) is asked by the caller, as it is shared.
pub(crate) fn decide(policy: &RetryPolicy, situation: Situation) -> Decision {
    let Situation { attempts, cause, ordered, remaining, chance } = situation;
    let rounds = match cause {
        Cause::Final => return Decision::GiveUp,
        Cause::Throttled => policy.rounds.max(1),
        Cause::Transient | Cause::ThrottledForGood => 1,
    };
    let per_round = policy.attempts.max(1);
    if attempts >= per_round.saturating_mul(rounds) {
        return Decision::GiveUp;
    }
    let wait = if attempts.is_multiple_of(per_round) {
        let round = attempts / per_round - 1;
        // At least half of it: the point of a round is to wait.
        doubled(policy.round_unit, round).min(policy.longest_round).mul_f64(0.5 + chance / 2.0)
    } else {
        doubled(policy.unit, attempts % per_round - 1).min(policy.longest).mul_f64(chance)
    };
    let wait = wait.max(ordered.unwrap_or_default().min(LONGEST_ORDERED_WAIT));
    match remaining {
        Some(remaining) if wait >= remaining => Decision::GiveUp,
        _ => Decision::Again(wait),
    }
}

fn doubled(unit: Duration, times: u32) -> Duration {
    unit.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX))
}

/// The wait that an answer orders in seconds.
pub fn ordered_wait<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 5,
        rounds: 3,
        unit: Duration::from_secs(1),
        longest: Duration::from_secs(6),
        round_unit: Duration::from_secs(2),
        longest_round: Duration::from_secs(3),
        patience: Duration::from_secs(40),
    };

    fn waits(cause: Cause, chance: f64) -> Vec<f64> {
        let mut waits = Vec::new();
        for attempts in 1.. {
            match decide(&POLICY, Situation { attempts, cause, ordered: None, remaining: None, chance }) {
                Decision::Again(wait) => waits.push(wait.as_secs_f64()),
                Decision::GiveUp => break,
            }
        }
        waits
    }

    #[test]
    fn a_transient_trouble_gets_five_attempts() {
        assert_eq!(waits(Cause::Transient, 1.0), [1.0, 2.0, 4.0, 6.0]);
        assert_eq!(waits(Cause::Transient, 0.0), [0.0; 4]);
        assert_eq!(waits(Cause::ThrottledForGood, 1.0).len(), 4);
        assert_eq!(waits(Cause::Final, 1.0), [] as [f64; 0]);
    }

    #[test]
    fn throttling_gets_rounds_with_longer_waits_between_them() {
        assert_eq!(
            waits(Cause::Throttled, 1.0),
            [1.0, 2.0, 4.0, 6.0, 2.0, 1.0, 2.0, 4.0, 6.0, 3.0, 1.0, 2.0, 4.0, 6.0]
        );
        let lucky = waits(Cause::Throttled, 0.0);
        assert_eq!((lucky[3], lucky[4], lucky[9]), (0.0, 1.0, 1.5), "between rounds there is always a wait");
    }

    #[test]
    fn no_attempt_starts_after_the_time_is_over() {
        let situation = |remaining| Situation {
            attempts: 2,
            cause: Cause::Throttled,
            ordered: None,
            remaining: Some(Duration::from_millis(remaining)),
            chance: 1.0,
        };
        assert_eq!(decide(&POLICY, situation(2000)), Decision::GiveUp);
        assert_eq!(decide(&POLICY, situation(2001)), Decision::Again(Duration::from_secs(2)));
    }

    #[test]
    fn an_ordered_wait_is_kept_within_reason() {
        let wait = |ordered| {
            let ordered = Some(Duration::from_secs(ordered));
            let cause = Cause::Transient;
            decide(&POLICY, Situation { attempts: 1, cause, ordered, remaining: None, chance: 1.0 })
        };
        assert_eq!(wait(0), Decision::Again(Duration::from_secs(1)));
        assert_eq!(wait(7), Decision::Again(Duration::from_secs(7)));
        assert_eq!(wait(86400), Decision::Again(LONGEST_ORDERED_WAIT));
    }

    #[test]
    fn an_answer_orders_a_wait_in_seconds() {
        assert_eq!(ordered_wait(|_| Some(" 7")), Some(Duration::from_secs(7)));
        assert_eq!(ordered_wait(|_| Some("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(ordered_wait(|_| None), None);
    }

    #[test]
    fn absurd_policies_do_not_overflow() {
        let policy = RetryPolicy { attempts: 1000, rounds: u32::MAX, ..RetryPolicy::default() };
        let situation =
            Situation { attempts: 900, cause: Cause::Throttled, ordered: None, remaining: None, chance: 1.0 };
        assert_eq!(decide(&policy, situation), Decision::Again(policy.longest));
    }
}
