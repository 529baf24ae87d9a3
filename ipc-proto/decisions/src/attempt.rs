//! What follows from the end of an attempt. Pure: time and chance are passed in.

use std::time::Duration;

use ipc_proto::exit_code::ExitCode;
use ipc_proto::fault::{Fault, Retry};

/// What the retry policy has to know about the end of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// May be better next time.
    Passing,
    /// The same attempt would end the same.
    Lasting,
    /// The time is used up.
    Deadline,
    /// Too little memory.
    OutOfMemory,
    /// Called off.
    Cancelled,
    /// A process of it still hangs.
    Unkillable,
}

impl Class {
    /// Of what a child says when it gives a job up.
    pub fn of_fault(fault: &Fault) -> Self {
        match fault.kind.exit_code(fault.retry) {
            ExitCode::Internal | ExitCode::Usage if fault.retry == Retry::Never => Self::Lasting,
            code => Self::of_exit_code(Some(code)),
        }
    }

    /// Of how a process ended; `None` is a code that is none of ours.
    pub fn of_exit_code(code: Option<ExitCode>) -> Self {
        match code {
            Some(ExitCode::Protocol | ExitCode::Credentials | ExitCode::Config) => Self::Lasting,
            Some(
                ExitCode::Done
                | ExitCode::Usage
                | ExitCode::Internal
                | ExitCode::TryAgain
                | ExitCode::DoneWithFaults,
            )
            | None => Self::Passing,
        }
    }
}

/// The numbers of the policy.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Attempts per account and run, at least 1.
    pub max_attempts: u32,
    /// The pause after the first failed attempt.
    pub backoff_initial: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
}

/// How often attempts of one account ended how, in this run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Failed attempts, the one in question included.
    pub failed: u32,
    /// Those of them that ran out of memory.
    pub out_of_memory: u32,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Try again after this pause.
    Retry(Duration),
    /// Not in this run.
    GiveUp(GiveUp),
}

/// Why there is no further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// All attempts are used up.
    Attempts,
    /// The next attempt would end the same.
    Pointless,
    /// A second time out of memory.
    OutOfMemory,
    /// The time is used up.
    Deadline,
    /// Called off.
    Cancelled,
    /// A process of the account still hangs; no second one may run beside it.
    Unkillable,
}

impl GiveUp {
    /// For people; fits after "no further attempt: ".
    pub fn reason(self) -> &'static str {
        match self {
            Self::Attempts => "all attempts are used up",
            Self::Pointless => "it would end the same until somebody changes something",
            Self::OutOfMemory => "it ran out of memory twice",
            Self::Deadline => "the time of an attempt is used up",
            Self::Cancelled => "it was called off",
            Self::Unkillable => "a process of it still hangs",
        }
    }
}

/// Decides after a failed attempt. `jitter` is a factor in (0.5, 1] that keeps accounts from coming back at
/// the same moment.
pub fn decide(policy: Policy, tally: Tally, class: Class, jitter: f64) -> Verdict {
    let retry = match class {
        Class::Passing => Ok(()),
        Class::OutOfMemory if tally.out_of_memory <= 1 => Ok(()),
        Class::OutOfMemory => Err(GiveUp::OutOfMemory),
        Class::Lasting => Err(GiveUp::Pointless),
        Class::Deadline => Err(GiveUp::Deadline),
        Class::Cancelled => Err(GiveUp::Cancelled),
        Class::Unkillable => Err(GiveUp::Unkillable),
    };
    match retry {
        Err(why) => Verdict::GiveUp(why),
        Ok(()) if tally.failed >= policy.max_attempts => Verdict::GiveUp(GiveUp::Attempts),
        Ok(()) => Verdict::Retry(backoff(policy, tally.failed).mul_f64(jitter)),
    }
}

/// The pause after the `failed`-th failure, before jitter: doubled each time, up to the longest.
fn backoff(policy: Policy, failed: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failed.saturating_sub(1));
    policy.backoff_initial.saturating_mul(factor).min(policy.backoff_max)
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

    fn after(failed: u32, out_of_memory: u32, class: Class) -> Verdict {
        decide(POLICY, Tally { failed, out_of_memory }, class, 1.0)
    }

    #[test]
    fn passing_troubles_are_retried_with_growing_pauses() {
        assert_eq!(after(1, 0, Class::Passing), Verdict::Retry(Duration::from_secs(1)));
        assert_eq!(after(2, 0, Class::Passing), Verdict::Retry(Duration::from_secs(2)));
        assert_eq!(after(3, 0, Class::Passing), Verdict::GiveUp(GiveUp::Attempts));
    }

    #[test]
    fn lasting_troubles_are_not() {
        for (class, why) in [
            (Class::Lasting, GiveUp::Pointless),
            (Class::Deadline, GiveUp::Deadline),
            (Class::Cancelled, GiveUp::Cancelled),
            (Class::Unkillable, GiveUp::Unkillable),
        ] {
            assert_eq!(after(1, 0, class), Verdict::GiveUp(why));
        }
    }

    #[test]
    fn out_of_memory_is_retried_once() {
        assert!(matches!(after(1, 1, Class::OutOfMemory), Verdict::Retry(_)));
        assert!(matches!(after(2, 1, Class::OutOfMemory), Verdict::Retry(_)));
        assert_eq!(after(2, 2, Class::OutOfMemory), Verdict::GiveUp(GiveUp::OutOfMemory));
    }

    #[test]
    fn one_attempt_means_one() {
        let policy = Policy { max_attempts: 1, ..POLICY };
        let tally = Tally { failed: 1, out_of_memory: 1 };
        assert_eq!(decide(policy, tally, Class::OutOfMemory, 1.0), Verdict::GiveUp(GiveUp::Attempts));
    }

    proptest! {
        #[test]
        fn pauses_stay_within_their_bounds(failed in 1_u32..1000, jitter in 0.500_001_f64..=1.0) {
            let policy = Policy { max_attempts: u32::MAX, ..POLICY };
            let Verdict::Retry(pause) = decide(policy, Tally { failed, out_of_memory: 0 }, Class::Passing, jitter)
            else { panic!("retried") };
            prop_assert!(pause > Duration::from_millis(500) && pause <= policy.backoff_max);
        }
    }
}
