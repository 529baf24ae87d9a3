//! How many retries a service may cost: the token bucket of the SDKs' standard mode.
//!
//! While some of a service is down, every call to that would end with five attempts. The quota makes it one, after
//! the first hundred retries (what is down altogether is given up before, see [`super::breaker`]). Throttling is not
//! counted: it is bounded by the rate and by time.

const CAPACITY: u32 = 500;
const RETRY: u32 = 5;
const TIMEOUT: u32 = 10;

/// The quota of one service in one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota(u32);

impl Default for Quota {
    fn default() -> Self {
        Self(CAPACITY)
    }
}

impl Quota {
    /// Takes what a retry costs; `None` when there is not enough left.
    pub(crate) fn take(&mut self, timeout: bool) -> Option<u32> {
        let cost = if timeout { TIMEOUT } else { RETRY };
        self.0 = self.0.checked_sub(cost)?;
        Some(cost)
    }

    /// A call succeeded: `taken` is what its last retry had cost, and a first attempt earns one.
    pub(crate) fn earn(&mut self, taken: Option<u32>) {
        self.0 = (self.0 + taken.unwrap_or(1)).min(CAPACITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_down_costs_a_hundred_retries() {
        let mut quota = Quota::default();
        assert_eq!(std::iter::from_fn(|| quota.take(false)).count(), 100);
        let mut quota = Quota::default();
        assert_eq!(std::iter::from_fn(|| quota.take(true)).count(), 50);
    }

    #[test]
    fn success_earns_it_back_up_to_the_capacity() {
        let mut quota = Quota::default();
        let taken = quota.take(false);
        quota.earn(taken);
        quota.earn(None);
        assert_eq!(quota, Quota::default());
        while quota.take(false).is_some() {}
        (0..4).for_each(|_| quota.earn(None));
        assert_eq!(quota.take(false), None);
        quota.earn(None);
        assert_eq!(quota.take(false), Some(RETRY));
    }
}
