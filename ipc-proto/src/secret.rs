//! Values that must never be printed, and are wiped when dropped.

use std::fmt;

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
