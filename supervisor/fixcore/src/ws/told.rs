//! Which failures of a websocket are told at the default verbosity, without clocks and logs.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::state::Failure;

/// A cause that lasts is told again this often.
const AGAIN: Duration = Duration::from_mins(10);
/// Fixcore notices within 30 s that our last connection is gone; what holds it for longer is something else.
const OUR_OWN: Duration = Duration::from_secs(45);
/// More causes are not told apart: their texts may be somebody else's.
const CAUSES: usize = 16;

/// What a failure is to those who read the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    /// It may pass.
    Warn,
    /// It does not pass by itself.
    Error,
    /// Nothing new.
    Quietly,
}

/// What was told since the last connection.
#[derive(Debug, Default)]
pub(super) struct Told {
    causes: HashMap<String, Instant>,
    busy_since: Option<Instant>,
}

impl Told {
    /// The connection is there.
    pub(super) fn connected(&mut self) {
        *self = Self::default();
    }

    /// It is not, for this cause.
    pub(super) fn failed(&mut self, why: &str, failure: Failure, now: Instant) -> Tell {
        let tell = match failure {
            Failure::Other => {
                self.busy_since = None;
                Tell::Warn
            }
            Failure::Busy => {
                let since = *self.busy_since.get_or_insert(now);
                if now.saturating_duration_since(since) < OUR_OWN {
                    return Tell::Quietly;
                }
                Tell::Error
            }
        };
        let known = self.causes.get(why).copied();
        if known.is_some_and(|told| now.saturating_duration_since(told) < AGAIN) {
            return Tell::Quietly;
        }
        if known.is_none() && self.causes.len() >= CAUSES {
            return Tell::Quietly;
        }
        self.causes.insert(why.to_owned(), now);
        tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_when_it_is_new_and_now_and_then() {
        let (mut told, start) = (Told::default(), Instant::now());
        assert_eq!(told.failed("refused", Failure::Other, start), Tell::Warn);
        assert_eq!(told.failed("refused", Failure::Other, start + OUR_OWN), Tell::Quietly);
        assert_eq!(told.failed("400", Failure::Other, start + OUR_OWN), Tell::Warn, "another one");
        assert_eq!(told.failed("refused", Failure::Other, start + OUR_OWN * 2), Tell::Quietly, "told before");
        assert_eq!(told.failed("refused", Failure::Other, start + AGAIN), Tell::Warn);
        told.connected();
        assert_eq!(told.failed("refused", Failure::Other, start + AGAIN), Tell::Warn, "a new trouble");
    }

    #[test]
    fn our_own_last_connection_is_no_trouble_and_anothers_is() {
        let (mut told, start) = (Told::default(), Instant::now());
        assert_eq!(told.failed("429", Failure::Busy, start), Tell::Quietly);
        assert_eq!(told.failed("429", Failure::Busy, start + OUR_OWN), Tell::Error);
        assert_eq!(told.failed("429", Failure::Busy, start + OUR_OWN * 2), Tell::Quietly);
        assert_eq!(told.failed("429", Failure::Busy, start + OUR_OWN + AGAIN), Tell::Error);
        assert_eq!(told.failed("gone", Failure::Other, start + AGAIN * 2), Tell::Warn);
        assert_eq!(told.failed("429", Failure::Busy, start + AGAIN * 2), Tell::Quietly, "it begins anew");
    }

    #[test]
    fn texts_without_end_are_not_all_told() {
        let (mut told, now) = (Told::default(), Instant::now());
        let tells = (0..100).map(|n| told.failed(&n.to_string(), Failure::Other, now));
        assert_eq!(tells.filter(|tell| *tell == Tell::Warn).count(), CAUSES);
    }
}
