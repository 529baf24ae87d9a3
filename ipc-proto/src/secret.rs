//! Values that must never be printed, and are wiped when dropped.

use std::fmt;
use std::hint::black_box;

use bincode::{Decode, Encode};
use zeroize::Zeroize;

/// A secret. `Debug` prints `[redacted]`; the memory is overwritten on drop.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a secret value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Keep what is derived from it as short-lived as possible.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<const N: usize> Secret<[u8; N]> {
    /// Whether both are the same, in a time that does not tell where they differ. (`==` does tell.)
    pub fn matches(&self, other: &Self) -> bool {
        let difference = self.0.iter().zip(&other.0).fold(0, |all, (a, b)| black_box(all | (a ^ b)));
        difference == 0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "[redacted]");
        assert_eq!(format!("{:#?}", Some(Secret::new(vec![1, 2, 3]))), "Some(\n    [redacted],\n)");
    }

    #[test]
    fn tokens_match_only_when_all_bytes_do() {
        let token = Secret::new([7; 32]);
        assert!(token.matches(&token.clone()));
        for at in 0..32 {
            for bit in 0..8 {
                let mut other = [7; 32];
                other[at] ^= 1 << bit;
                assert!(!token.matches(&Secret::new(other)), "byte {at}, bit {bit}");
            }
        }
    }
}
