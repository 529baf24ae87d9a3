//! Numbers nobody can foresee, good enough to spread waits. Not for keys.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of chance, shared by all tasks.
#[derive(Debug)]
pub(crate) struct Chance(AtomicU64);

impl Chance {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(RandomState::new().hash_one(0)))
    }

    /// At least 0, below 1.
    pub(crate) fn next(&self) -> f64 {
        // 32 bits are plenty for a wait.
        let bits = u32::try_from(self.bits() >> 32).unwrap_or(0);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    /// Splitmix64.
    pub(crate) fn bits(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_spreads() {
        let chance = Chance::new();
        let drawn: Vec<f64> = (0..1000).map(|_| chance.next()).collect();
        assert!(drawn.iter().all(|n| (0.0..1.0).contains(n)));
        let low = drawn.iter().filter(|n| **n < 0.5).count();
        assert!((350..650).contains(&low), "{low} of 1000");
        assert_ne!(Chance::new().bits(), Chance::new().bits());
    }
}
