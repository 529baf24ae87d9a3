//! Services that have said until when nothing more is allowed: they are not asked before that.
//!
//! A short wait is waited out by whoever repeats calls. A long one (an allowance for an hour that is used up) would only cost
//! calls that are refused, and some services close an account that goes on.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// Waits that are not longer are waited out.
const SHORT: Duration = Duration::from_mins(1);

/// Until when services are closed.
#[derive(Debug, Default)]
pub(crate) struct Allowance(Mutex<BTreeMap<String, SystemTime>>);

impl Allowance {
    /// Notes what a service has said that asked to slow down: how many calls are left, and how long it takes until there
    /// are more. The time, if it is closed until then.
    pub(crate) fn learn(
        &self,
        service: &str,
        remaining: Option<&str>,
        wait: Option<Duration>,
        now: SystemTime,
    ) -> Option<String> {
        let wait = wait.filter(|wait| *wait > SHORT && remaining.is_some_and(|left| left.trim() == "0"))?;
        let until = now.checked_add(wait)?;
        let mut closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.insert(service.to_owned(), until);
        Some(told(until))
    }

    /// Until when a service is closed, if it is.
    pub(crate) fn closed(&self, service: &str, now: SystemTime) -> Option<String> {
        let closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.get(service).filter(|until| **until > now).map(|until| told(*until))
    }
}

fn told(until: SystemTime) -> String {
    let until = Timestamp::try_from(until).map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    format!("no more calls are allowed until {}", until.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn what_is_used_up_for_long_is_not_asked_again() {
        let allowance = Allowance::default();
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(1_790_000_000 + seconds);
        let wait = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(allowance.learn("a", Some("0"), wait(59), at(0)), None, "it is waited out");
        assert_eq!(allowance.learn("a", Some("7"), wait(600), at(0)), None, "there are some left");
        assert_eq!(allowance.closed("a", at(0)), None);
        let told = "no more calls are allowed until 2026-09-21T14:23:20Z";
        assert_eq!(allowance.learn("a", Some("0"), wait(600), at(0)).as_deref(), Some(told));
        assert_eq!(allowance.closed("a", at(599)).as_deref(), Some(told));
        assert_eq!((allowance.closed("a", at(600)), allowance.closed("b", at(0))), (None, None));
    }
}
