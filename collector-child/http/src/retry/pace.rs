//! How fast one service of one region is asked: what is throttled slows itself first, and the service only when much
//! of it is throttled.
//!
//! S3 throttles by bucket, EC2 and others by operation, some by account. So the rate that a throttling costs is that
//! of its own bucket and operation. Only when several buckets (operations, where there are none) are throttled
//! within a short time, the rate of the service goes down as well.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use super::limiter::Limiter;

/// So many buckets or operations throttled within [`WINDOW`] are the service, not they.
const MANY: usize = 4;
const WINDOW: Duration = Duration::from_secs(10);
/// More rates than this are not remembered when they are old.
const KEYS: usize = 1_000;
const OLD: Duration = Duration::from_mins(1);

/// What is throttled by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// The operation.
    pub operation: &'a str,
    /// The bucket it is about, if any.
    pub bucket: Option<&'a str>,
}

impl Key<'_> {
    fn text(self) -> String {
        [self.bucket.unwrap_or_default(), self.operation].join("/")
    }

    /// What counts as one when it is about whether the whole service is throttled.
    pub(super) fn unit(&self) -> &str {
        self.bucket.unwrap_or(self.operation)
    }
}

/// The pace of one service in one region.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    service: Limiter,
    /// Rates of what was throttled.
    keys: HashMap<String, Own>,
    /// When what was throttled; the oldest first.
    recent: VecDeque<(Duration, String)>,
}

#[derive(Debug, Clone)]
struct Own {
    limiter: Limiter,
    throttled_at: Duration,
}

impl Pace {
    /// Takes the place in the queue for one request; returns how long to wait before sending it.
    pub(crate) fn reserve(&mut self, now: Duration, key: Key<'_>) -> Duration {
        let own = if self.keys.is_empty() { None } else { self.keys.get_mut(&key.text()) };
        let own = own.map_or(Duration::ZERO, |own| own.limiter.reserve(now));
        self.service.reserve(now).max(own)
    }

    /// Learns from an answer.
    pub(crate) fn answered(&mut self, now: Duration, key: Key<'_>, throttled: bool) {
        let service_throttled = throttled && self.is_the_service(now, key);
        self.service.answered(now, service_throttled);
        if throttled {
            self.forget_old(now);
            let rate = self.service.measured(now);
            let fresh = || Own { limiter: Limiter::measured_before(now, rate), throttled_at: now };
            let own = self.keys.entry(key.text()).or_insert_with(fresh);
            own.throttled_at = now;
            own.limiter.answered(now, true);
        } else if !self.keys.is_empty()
            && let Some(own) = self.keys.get_mut(&key.text())
        {
            own.limiter.answered(now, false);
        }
    }

    /// Notes a throttling; whether so much was throttled of late that it is the service.
    fn is_the_service(&mut self, now: Duration, key: Key<'_>) -> bool {
        while self.recent.front().is_some_and(|(at, _)| *at + WINDOW < now) {
            self.recent.pop_front();
        }
        let unit = key.unit().to_owned();
        self.recent.retain(|(_, known)| *known != unit);
        self.recent.push_back((now, unit));
        let different: BTreeSet<&str> = self.recent.iter().map(|(_, unit)| unit.as_str()).collect();
        different.len() >= MANY
    }

    fn forget_old(&mut self, now: Duration) {
        if self.keys.len() >= KEYS {
            self.keys.retain(|_, own| own.throttled_at + OLD > now);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAGS: &str = "GetBucketTagging";

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn of(bucket: &str) -> Key<'_> {
        Key { operation: TAGS, bucket: Some(bucket) }
    }

    fn operation(operation: &str) -> Key<'_> {
        Key { operation, bucket: None }
    }

    #[test]
    fn one_slow_bucket_among_many_costs_itself_alone() {
        let mut pace = Pace::default();
        for call in 0..200 {
            let now = at(f64::from(call) / 100.0);
            let slow = call % 11 == 0;
            pace.answered(now, of(&format!("b{}", call % 11)), slow);
        }
        let waits: Vec<Duration> = (1..11).map(|n| pace.reserve(at(2.0), of(&format!("b{n}")))).collect();
        assert!(waits.iter().all(Duration::is_zero), "{waits:?}");
        let slow = (0..20).map(|_| pace.reserve(at(2.0), of("b0"))).max().unwrap();
        assert!(slow > Duration::from_millis(500), "{slow:?}");
    }

    #[test]
    fn all_operations_of_one_bucket_are_one_bucket() {
        let mut pace = Pace::default();
        for n in 0..50 {
            pace.answered(at(1.0), Key { operation: &format!("Get{n}"), bucket: Some("slow") }, true);
        }
        assert!((0..100).all(|_| pace.reserve(at(1.0), of("other")).is_zero()));
    }

    #[test]
    fn many_throttled_operations_slow_the_service() {
        let mut pace = Pace::default();
        for n in 0..MANY {
            assert!(pace.reserve(at(1.0), operation("Other")).is_zero());
            pace.answered(at(1.0), operation(&format!("Get{n}")), true);
        }
        let waits: Vec<Duration> = (0..10).map(|_| pace.reserve(at(1.0), operation("Other"))).collect();
        assert!(waits.iter().any(|wait| !wait.is_zero()), "{waits:?}");
    }

    #[test]
    fn throttling_that_is_long_ago_does_not_add_up() {
        let mut pace = Pace::default();
        for n in 0..10_u32 {
            let now = at(f64::from(n) * 5.0);
            pace.answered(now, operation(&format!("Get{n}")), true);
            assert!((0..20).all(|_| pace.reserve(now, operation("Other")).is_zero()), "{n}");
        }
    }

    #[test]
    fn what_was_throttled_is_not_remembered_for_ever() {
        let mut pace = Pace::default();
        for n in 0..5_000_u32 {
            pace.answered(at(f64::from(n)), of(&format!("b{n}")), true);
        }
        assert!(pace.keys.len() <= KEYS && pace.recent.len() <= 11);
    }

    /// A service that allows `capacity` calls per second over all operations. Returns calls made and throttled in
    /// the last half.
    fn simulate(capacity: f64, operations: u32, seconds: u32) -> (u32, u32) {
        let mut pace = Pace::default();
        let (mut now, mut made, mut throttled, mut turn) = (0.0, 0, 0, 0);
        let (mut allowance, mut last) = (capacity, 0.0);
        while now < f64::from(seconds) {
            turn = (turn + 1) % operations;
            let name = format!("Get{turn}");
            now += pace.reserve(at(now), operation(&name)).as_secs_f64().max(0.005);
            allowance = f64::min(capacity, allowance + (now - last) * capacity);
            last = now;
            let refused = allowance < 1.0;
            if !refused {
                allowance -= 1.0;
            }
            pace.answered(at(now), operation(&name), refused);
            if now > f64::from(seconds) / 2.0 {
                made += 1;
                throttled += u32::from(refused);
            }
        }
        (made, throttled)
    }

    #[test]
    fn the_pace_finds_what_the_service_allows() {
        for (capacity, operations) in [(2.0, 1), (20.0, 1), (20.0, 8)] {
            let (made, throttled) = simulate(capacity, operations, 120);
            let rate = f64::from(made) / 60.0;
            assert!(rate > capacity * 0.4 && rate < capacity * 1.6, "{rate} of {capacity} over {operations}");
            assert!(f64::from(throttled) < f64::from(made) * 0.4, "{throttled} of {made} over {operations}");
        }
    }

    proptest! {
        #[test]
        fn fewer_than_many_never_slow_the_others(
            answers in prop::collection::vec((0..3_usize, any::<bool>(), 0..400_u64), 1..200)
        ) {
            let mut pace = Pace::default();
            let mut now = Duration::from_secs(1);
            for (slow, throttled, later) in answers {
                now += Duration::from_millis(later);
                pace.answered(now, of(["a", "b", "c"][slow]), throttled);
                pace.answered(now, of("well"), false);
                prop_assert!(pace.reserve(now, of("well")).is_zero());
            }
        }

        #[test]
        fn a_wait_is_never_longer_than_the_lowest_rate_asks_for(
            answers in prop::collection::vec((0..6_usize, any::<bool>(), 0..400_u64), 1..200)
        ) {
            let mut pace = Pace::default();
            let mut now = Duration::from_secs(1);
            let names = ["a", "b", "c", "d", "e", "f"];
            for (key, throttled, later) in answers {
                now += Duration::from_millis(later);
                pace.answered(now, operation(names[key]), throttled);
            }
            // One request in two seconds is the least.
            prop_assert!(pace.reserve(now, operation("g")) <= Duration::from_secs(2));
        }
    }
}
