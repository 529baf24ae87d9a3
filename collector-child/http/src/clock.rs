//! The time as a cloud sees it: the machine's clock, corrected by what answers have shown.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Clouds accept signatures that are off by less than five minutes; the SDKs correct from four on.
const TOLERANCE_SECONDS: u64 = 240;

/// The correction, in seconds. One for all services, as it is our clock that is wrong.
#[derive(Debug, Default)]
pub struct Clock(AtomicI64);

impl Clock {
    /// The time to sign with.
    pub fn now(&self) -> SystemTime {
        corrected(SystemTime::now(), self.offset())
    }

    /// By how many seconds our clock is behind (positive) or ahead (negative).
    pub fn offset(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Learns from the `Date` of an answer that complained of a request that was signed with this correction. `None` if
    /// signing with the time that is now known would be no different; else the correction, and whether it is news: calls
    /// beside this one may have learned it before.
    pub fn learn(&self, date: &str, signed_with: i64) -> Option<(i64, bool)> {
        let server = httpdate::parse_http_date(date).ok()?;
        let offset = difference(server, SystemTime::now());
        if offset.abs_diff(signed_with) < TOLERANCE_SECONDS {
            return None;
        }
        let known = self.offset();
        if offset.abs_diff(known) < TOLERANCE_SECONDS {
            return Some((known, false));
        }
        self.0.store(offset, Ordering::Relaxed);
        Some((offset, true))
    }
}

fn corrected(time: SystemTime, offset: i64) -> SystemTime {
    let by = Duration::from_secs(offset.unsigned_abs());
    let moved = if offset < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    moved.filter(|moved| *moved > UNIX_EPOCH).unwrap_or(time)
}

fn difference(server: SystemTime, ours: SystemTime) -> i64 {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match server.duration_since(ours) {
        Ok(behind) => seconds(behind),
        Err(ahead) => -seconds(ahead.duration()),
    }
}

/// In which direction the clock of this machine is off, and how far, for people.
pub fn clock_is(offset: i64) -> String {
    let direction = if offset < 0 { "ahead" } else { "behind" };
    format!("the clock of this machine is {} {direction}", spelled(offset.unsigned_abs()))
}

/// How far off a clock is, for people: `3 hours and 12 minutes`.
pub(crate) fn spelled(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let part = |n: u64, unit: &str| match n {
        0 => None,
        1 => Some(format!("1 {unit}")),
        n => Some(format!("{n} {unit}s")),
    };
    let parts = [part(days, "day"), part(hours, "hour"), part(minutes, "minute")];
    let parts: Vec<String> = parts.into_iter().flatten().take(2).collect();
    if parts.is_empty() { format!("{seconds} seconds") } else { parts.join(" and ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_corrected_once() {
        let clock = Clock::default();
        let hour_ahead = httpdate::fmt_http_date(SystemTime::now() + Duration::from_hours(1));
        let (offset, news) = clock.learn(&hour_ahead, 0).unwrap();
        assert!((3590..=3600).contains(&offset) && news, "{offset}");
        assert_eq!(
            clock.learn(&hour_ahead, offset),
            None,
            "the same complaint again is about something else"
        );
        assert_eq!(clock.learn(&hour_ahead, 0), Some((offset, false)), "signed before that was known");
        let signed = clock.now().duration_since(SystemTime::now()).unwrap();
        assert!(signed > Duration::from_secs(3500));
    }

    #[test]
    fn small_differences_and_nonsense_are_no_reason() {
        let clock = Clock::default();
        assert_eq!(clock.learn(&httpdate::fmt_http_date(SystemTime::now()), 0), None);
        assert_eq!(clock.learn("yesterday", 0), None);
        assert_eq!(clock.offset(), 0);
    }

    #[test]
    fn an_offset_never_leads_before_the_epoch() {
        let now = SystemTime::now();
        assert_eq!(corrected(now, i64::MIN), now);
        assert_eq!(corrected(now, i64::MAX), now);
        assert_eq!(corrected(now, -60), now - Duration::from_mins(1));
    }

    #[test]
    fn differences_are_spelled_for_people() {
        for (seconds, text) in [
            (12, "12 seconds"),
            (60, "1 minute"),
            (3 * 3600 + 720, "3 hours and 12 minutes"),
            (86_400, "1 day"),
            (2 * 86_400 + 3600 + 60, "2 days and 1 hour"),
        ] {
            assert_eq!(spelled(seconds), text);
        }
    }
}
