//! The client-side rate limit of the SDKs' adaptive mode: free until the first throttling, then a rate that
//! is cut by throttling and grows again along a cubic curve.
//!
//! All times are since some fixed moment of the process.

use std::time::Duration;

const LOWEST_RATE: f64 = 0.5;
/// The measured rate is smoothed over steps of this many seconds. Throttling within one is one: it is what the calls
/// under way get for having been sent before the rate was cut.
const STEP: f64 = 0.5;
const SMOOTHING: f64 = 0.8;
/// What is left of the rate after throttling.
const CUT: f64 = 0.7;
/// How steep the curve is.
const SCALE: f64 = 0.4;

/// The limit for one service in one region, or for a part of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limiter {
    measure: Measure,
    /// `None` until the service throttles for the first time.
    limit: Option<Limit>,
}

#[derive(Debug, Clone, Default)]
struct Measure {
    rate: f64,
    answers: f64,
    step: f64,
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    /// Calls per second.
    rate: f64,
    /// How many calls may start now; below zero when some wait already.
    tokens: f64,
    filled_at: f64,
    throttled_at: f64,
    rate_before: f64,
}

impl Limiter {
    /// A limiter for a part of something that was answered at this rate so far.
    pub(super) fn measured_before(now: Duration, rate: f64) -> Self {
        let step = (now.as_secs_f64() / STEP).floor() * STEP;
        Self { measure: Measure { rate, answers: 0.0, step }, limit: None }
    }

    /// Answers per second, as measured so far.
    pub(super) fn measured(&self, now: Duration) -> f64 {
        self.measure.rate(now.as_secs_f64())
    }

    /// Takes the place in the queue for one request; returns how long to wait before sending it.
    pub(crate) fn reserve(&mut self, now: Duration) -> Duration {
        let Some(limit) = &mut self.limit else { return Duration::ZERO };
        limit.fill(now.as_secs_f64());
        limit.tokens -= 1.0;
        if limit.tokens >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-limit.tokens / limit.rate) }
    }

    /// Learns from an answer.
    pub(crate) fn answered(&mut self, now: Duration, throttled: bool) {
        let now = now.as_secs_f64();
        let measured = self.measure.record(now);
        let wanted = match (&mut self.limit, throttled) {
            (None, false) => return,
            (None, true) => {
                self.limit = Some(Limit::starting_at(now, measured));
                measured * CUT
            }
            (Some(limit), true) if now - limit.throttled_at < STEP => limit.rate,
            (Some(limit), true) => {
                let rate = measured.min(limit.rate);
                limit.rate_before = rate;
                limit.throttled_at = now;
                rate * CUT
            }
            (Some(limit), false) => limit.grown(now),
        };
        if let Some(limit) = &mut self.limit {
            limit.fill(now);
            // Without the bound a client that is idle would be allowed anything.
            limit.set_rate(wanted.min(2.0 * measured));
        }
    }
}

impl Measure {
    fn record(&mut self, now: f64) -> f64 {
        self.answers += 1.0;
        let step = (now / STEP).floor() * STEP;
        if step > self.step {
            let rate = self.answers / (step - self.step);
            self.rate = rate * SMOOTHING + self.rate * (1.0 - SMOOTHING);
            self.answers = 0.0;
            self.step = step;
        }
        self.rate(now)
    }

    /// The smoothed rate, or that of the step that has not ended, if more came in it: otherwise whoever is throttled
    /// in the first moment would have had no rate at all.
    fn rate(&self, now: f64) -> f64 {
        let current = if now < self.step + STEP { self.answers / STEP } else { 0.0 };
        self.rate.max(current)
    }
}

impl Limit {
    fn starting_at(now: f64, rate: f64) -> Self {
        Self {
            rate: rate.max(LOWEST_RATE),
            tokens: 0.0,
            filled_at: now,
            throttled_at: now,
            rate_before: rate,
        }
    }

    fn fill(&mut self, now: f64) {
        let filled = self.tokens + (now - self.filled_at).max(0.0) * self.rate;
        self.tokens = filled.min(self.rate.max(1.0));
        self.filled_at = now;
    }

    fn set_rate(&mut self, rate: f64) {
        self.rate = rate.max(LOWEST_RATE);
        self.tokens = self.tokens.min(self.rate.max(1.0));
    }

    /// Slow where the service throttled last time, fast before and after.
    fn grown(&self, now: f64) -> f64 {
        let plateau = (self.rate_before * (1.0 - CUT) / SCALE).cbrt();
        SCALE * (now - self.throttled_at - plateau).powi(3) + self.rate_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// A service that allows `capacity` calls per second, asked for `seconds` by a client that always wants
    /// more. Returns calls made and calls throttled in the last half.
    fn simulate(capacity: f64, seconds: u32) -> (u32, u32) {
        let mut limiter = Limiter::default();
        let (mut now, mut made, mut throttled) = (0.0, 0, 0);
        let (mut allowance, mut last) = (capacity, 0.0);
        while now < f64::from(seconds) {
            let wait = limiter.reserve(at(now)).as_secs_f64();
            now += wait.max(0.005);
            allowance = f64::min(capacity, allowance + (now - last) * capacity);
            last = now;
            let refused = allowance < 1.0;
            if !refused {
                allowance -= 1.0;
            }
            limiter.answered(at(now), refused);
            if now > f64::from(seconds) / 2.0 {
                made += 1;
                throttled += u32::from(refused);
            }
        }
        (made, throttled)
    }

    #[test]
    fn nothing_is_limited_before_the_first_throttling() {
        let mut limiter = Limiter::default();
        for call in 0..1000 {
            let now = at(f64::from(call) / 500.0);
            assert_eq!(limiter.reserve(now), Duration::ZERO);
            limiter.answered(now, false);
        }
    }

    #[test]
    fn throttling_cuts_the_rate_and_waits_queue_up() {
        let mut limiter = Limiter::default();
        for call in 0..40 {
            limiter.answered(at(f64::from(call) * 0.1), false);
        }
        limiter.answered(at(4.0), true);
        let rate = limiter.limit.unwrap().rate;
        assert!((6.0..8.0).contains(&rate), "ten per second were measured, seven are allowed: {rate}");
        let waits: Vec<f64> = (0..5).map(|_| limiter.reserve(at(4.0)).as_secs_f64()).collect();
        for pair in waits.windows(2) {
            assert!((pair[1] - pair[0] - 1.0 / rate).abs() < 1e-6, "{waits:?}");
        }
    }

    #[test]
    fn the_rate_finds_what_the_service_allows() {
        for capacity in [2.0, 20.0] {
            let (made, throttled) = simulate(capacity, 120);
            let rate = f64::from(made) / 60.0;
            assert!(rate > capacity * 0.6, "{rate} of {capacity}");
            assert!(rate < capacity * 1.4, "{rate} of {capacity}");
            assert!(f64::from(throttled) < f64::from(made) * 0.35, "{throttled} of {made}");
        }
    }

    #[test]
    fn the_rate_never_stops_and_recovers() {
        let mut limiter = Limiter::default();
        for second in 0..50 {
            limiter.answered(at(f64::from(second)), true);
        }
        let limit = limiter.limit.unwrap();
        assert!(limit.rate >= LOWEST_RATE);
        assert!(limiter.reserve(at(100.0)).is_zero(), "after a pause there is a token");
        for tenth in 0..300 {
            limiter.answered(at(100.0 + f64::from(tenth) / 10.0), false);
        }
        assert!(limiter.limit.unwrap().rate > 10.0);
    }

    #[test]
    fn a_clock_that_stands_still_does_no_harm() {
        let mut limiter = Limiter::default();
        for _ in 0..100 {
            limiter.answered(Duration::ZERO, true);
        }
        assert!(limiter.reserve(Duration::ZERO) < Duration::from_secs(3));
    }
}
