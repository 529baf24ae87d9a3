//! How long an answer asks to wait.

use std::time::Duration;

use http_client::{Cause, ordered_wait};

/// Seconds that no service would make one wait: a number above is a time.
const NO_WAIT: u64 = 100_000_000;

/// The wait that an answer orders: `Retry-After`, or, where it was too much, what is left until the allowance is renewed
/// (`X-RateLimit-Reset` or `RateLimit-Reset`: seconds, or a time as seconds since 1970, as `now` is).
pub(crate) fn ordered<'a>(
    header: impl Fn(&str) -> Option<&'a str>,
    cause: Cause,
    now: Duration,
) -> Option<Duration> {
    let renewed = || {
        let told = header("x-ratelimit-reset").or_else(|| header("ratelimit-reset"))?;
        let seconds: u64 = told.trim().parse().ok()?;
        let told = Duration::from_secs(seconds);
        Some(if seconds < NO_WAIT { told } else { told.saturating_sub(now) })
    };
    ordered_wait(&header).or_else(|| renewed().filter(|_| cause == Cause::Throttled))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_790_000_000);

    fn wait(headers: &[(&str, &'static str)], cause: Cause) -> Option<u64> {
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        ordered(header, cause, NOW).map(|wait| wait.as_secs())
    }

    #[test]
    fn what_an_answer_orders() {
        assert_eq!(wait(&[("retry-after", "7"), ("x-ratelimit-reset", "9")], Cause::Throttled), Some(7));
        assert_eq!(wait(&[("x-ratelimit-reset", "9")], Cause::Throttled), Some(9));
        assert_eq!(wait(&[("x-ratelimit-reset", "1790000030")], Cause::Throttled), Some(30));
        assert_eq!(wait(&[("ratelimit-reset", "1790000031")], Cause::Throttled), Some(31));
        assert_eq!(wait(&[("x-ratelimit-reset", "1789999999")], Cause::Throttled), Some(0), "it is over");
        assert_eq!(wait(&[("x-ratelimit-reset", "soon")], Cause::Throttled), None);
        assert_eq!(wait(&[("x-ratelimit-reset", "9")], Cause::Transient), None, "every answer has it");
        assert_eq!(wait(&[], Cause::Throttled), None);
    }
}
