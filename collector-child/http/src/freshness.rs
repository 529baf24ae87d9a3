//! How long credentials and tokens are kept.

use std::time::{Duration, SystemTime};

/// Renewal begins this long before the end, or earlier: some calls of a listing take minutes.
const AHEAD: Duration = Duration::from_mins(10);
/// A renewal that failed is not tried again for so long, while the old credentials still hold.
const PATIENCE: Duration = Duration::from_secs(30);

/// When credentials are to be renewed, and when they are useless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// `None`: never.
    due: Option<SystemTime>,
    ends: Option<SystemTime>,
}

/// What can be done with credentials now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Use them.
    Fresh,
    /// Renew them; if that fails, they can be used still.
    Due,
    /// They cannot be used any more.
    Over,
}

impl Freshness {
    /// For credentials obtained at `now` that end at `ends`. By `chance` (0 to 1) not all accounts renew at the
    /// same moment.
    pub fn new(now: SystemTime, ends: Option<SystemTime>, chance: f64) -> Self {
        let due = ends.map(|ends| {
            let life = ends.duration_since(now).unwrap_or_default();
            let ahead = AHEAD.min(life / 4);
            ends - ahead - (ahead / 2).mul_f64(chance)
        });
        Self { due, ends }
    }

    /// What can be done with them at `now`.
    pub fn now(self, now: SystemTime) -> Use {
        if self.ends.is_some_and(|ends| ends <= now) {
            Use::Over
        } else if self.due.is_some_and(|due| due <= now) {
            Use::Due
        } else {
            Use::Fresh
        }
    }

    /// The service does not take them any more, whatever they said of themselves.
    pub fn ended(now: SystemTime) -> Self {
        Self { due: Some(now), ends: Some(now) }
    }

    /// They are to be renewed now.
    #[must_use]
    pub fn due(self, now: SystemTime) -> Self {
        Self { due: Some(now), ..self }
    }

    /// A renewal failed.
    #[must_use]
    pub fn postponed(self, now: SystemTime) -> Self {
        Self { due: Some(now + PATIENCE), ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn credentials_of_an_hour_are_renewed_before_it_ends() {
        let early = Freshness::new(at(0), Some(at(3600)), 1.0);
        let late = Freshness::new(at(0), Some(at(3600)), 0.0);
        assert_eq!((early.now(at(2699)), early.now(at(2700))), (Use::Fresh, Use::Due));
        assert_eq!((late.now(at(2999)), late.now(at(3000))), (Use::Fresh, Use::Due));
        assert_eq!((late.now(at(3599)), late.now(at(3600))), (Use::Due, Use::Over));
    }

    #[test]
    fn short_lives_are_mostly_used() {
        let short = Freshness::new(at(0), Some(at(60)), 1.0);
        assert_eq!((short.now(at(37)), short.now(at(38))), (Use::Fresh, Use::Due));
        let gone = Freshness::new(at(100), Some(at(60)), 0.5);
        assert_eq!(gone.now(at(100)), Use::Over);
    }

    #[test]
    fn keys_without_an_end_are_fresh_until_they_are_refused() {
        let forever = Freshness::new(at(0), None, 0.5);
        assert_eq!(forever.now(at(999_999_999)), Use::Fresh);
        assert_eq!(Freshness::ended(at(5)).now(at(5)), Use::Over);
    }

    #[test]
    fn a_renewal_that_failed_is_tried_again_later() {
        let due = Freshness::new(at(0), Some(at(3600)), 0.0).postponed(at(3000));
        assert_eq!(
            (due.now(at(3029)), due.now(at(3030)), due.now(at(3600))),
            (Use::Fresh, Use::Due, Use::Over)
        );
    }
}
