//! The time that is asked about.

use std::time::Duration;

use tables::plan::MetricRule;

const MINUTE: u64 = 60;
/// CloudWatch gives nothing for less, mostly.
const SHORTEST: Duration = Duration::from_mins(10);
/// More is not of interest for usage.
const LONGEST: Duration = Duration::from_hours(2);
/// If there was no run before.
const FIRST: Duration = Duration::from_hours(1);
/// Values this fine are not asked for over a longer time than [`LONGEST`].
const FINE: u32 = 30 * 60;

/// The time since the last run, in whole minutes, within limits.
pub(super) fn window(since_last_run: Option<Duration>) -> Duration {
    let Some(since) = since_last_run else { return FIRST };
    let seconds = since.min(LONGEST).as_nanos().div_ceil(1_000_000_000);
    let minutes = u64::try_from(seconds).unwrap_or(u64::MAX).div_ceil(MINUTE);
    Duration::from_secs(minutes * MINUTE).clamp(SHORTEST, LONGEST)
}

/// The time that a rule asks about.
pub(super) fn of_rule(rule: &MetricRule, since_last_run: Duration) -> Duration {
    let length = rule.window.map_or(since_last_run, |seconds| Duration::from_secs(seconds.into()));
    match rule.period {
        Some(period) if period < FINE => length.min(LONGEST),
        _ => length,
    }
}

/// Seconds of one value: a multiple of a minute.
pub fn period(rule: &MetricRule, length: Duration) -> u64 {
    let seconds = rule.period.map_or(length.as_secs(), u64::from);
    (seconds / MINUTE * MINUTE).max(MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_ten_minutes_to_two_hours_in_whole_minutes() {
        let window = |seconds: u64| window(Some(Duration::from_secs(seconds))).as_secs();
        assert_eq!(
            [window(0), window(599), window(601), window(3600), window(999_999)],
            [600, 600, 660, 3600, 7200]
        );
        assert_eq!(super::window(None), Duration::from_hours(1));
        assert_eq!(super::window(Some(Duration::from_millis(660_001))).as_secs(), 720);
    }
}
