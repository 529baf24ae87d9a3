//! A bucket of tokens that fills with time, so that strangers can not make us burn CPU.

use std::time::Duration;

use tokio::time::Instant;

/// Allows `burst` events at once and one more for each `every` that passes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    burst: f64,
    every: Duration,
    left: f64,
    at: Instant,
}

impl Budget {
    pub(crate) fn new(burst: u32, every: Duration, now: Instant) -> Self {
        Self { burst: f64::from(burst), every, left: f64::from(burst), at: now }
    }

    /// Takes one; false if there is none left.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() / self.every.as_secs_f64();
        self.left = (self.left + gained).min(self.burst);
        self.at = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_at_a_time() {
        let start = Instant::now();
        let mut budget = Budget::new(3, Duration::from_millis(200), start);
        assert_eq!([(); 4].map(|()| budget.take(start)), [true, true, true, false]);
        assert!(!budget.take(start + Duration::from_millis(150)));
        assert!(budget.take(start + Duration::from_millis(250)));
        assert!(!budget.take(start + Duration::from_millis(260)));
        let later = start + Duration::from_mins(1);
        assert_eq!([(); 4].map(|()| budget.take(later)), [true, true, true, false]);
    }
}
