//! Random numbers that are the same everywhere and for ever.

/// SplitMix64 (Steele, Lea, Flood 2014). Good enough for demo data, and small enough to keep: a change of a crate's
/// algorithm would change every estate.
#[derive(Debug, Clone)]
pub(super) struct Rng {
    state: u64,
}

impl Rng {
    /// The stream called `stream` of a seed. Streams do not depend on each other.
    pub(super) fn new(seed: i64, stream: u64) -> Self {
        let mut seed = Self { state: seed.cast_unsigned() };
        Self { state: seed.next() ^ mix(stream.wrapping_add(1)) }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number from `low` to `high`, both included; `low` if they are the wrong way round.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        let Some(span) = high.checked_sub(low).and_then(|span| span.checked_add(1)) else { return low };
        // The high half of the product: uniform but for 2^-64 of the span, without a division.
        let product = u128::from(self.next()) * u128::from(span);
        low + u64::try_from(product >> 64).unwrap_or(0)
    }

    /// One of `items`, which must not be empty.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// One of `items`, each as often as its weight says. There must be one with a weight.
    pub(super) fn weighted<T: Copy>(&mut self, items: &[(T, u64)]) -> T {
        let total: u64 = items.iter().map(|(_, weight)| weight).sum();
        let mut left = self.between(0, total - 1);
        for (item, weight) in items {
            if left < *weight {
                return *item;
            }
            left -= weight;
        }
        items[items.len() - 1].0
    }

    /// `count` different ones of `items` in random order; all of them if there are fewer.
    pub(super) fn sample<T>(&mut self, mut items: Vec<T>, count: usize) -> Vec<T> {
        let count = count.min(items.len());
        for at in 0..count {
            let other = at + self.index(items.len() - at);
            items.swap(at, other);
        }
        items.truncate(count);
        items
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.between(0, len as u64 - 1)).unwrap_or(0)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // First outputs of SplitMix64 for the seed 1234567.
        let mut rng = Rng { state: 1_234_567 };
        assert_eq!(rng.next(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn bounds_are_included_and_kept() {
        let mut rng = Rng::new(0, 0);
        let drawn: Vec<u64> = (0..200).map(|_| rng.between(3, 5)).collect();
        assert!([3, 4, 5].iter().all(|n| drawn.contains(n)) && drawn.iter().all(|n| (3..=5).contains(n)));
        assert_eq!(rng.between(5, 3), 5);
        assert!(rng.between(0, u64::MAX - 1) < u64::MAX);
    }

    #[test]
    fn weights_and_samples() {
        let mut rng = Rng::new(1, 1);
        assert!((0..100).all(|_| rng.weighted(&[("never", 0), ("always", 5)]) == "always"));
        let mut sample = rng.sample((0..20).collect(), 8);
        sample.sort_unstable();
        sample.dedup();
        assert_eq!(sample.len(), 8);
        assert_eq!(rng.sample(vec![1], 8), [1]);
    }
}
