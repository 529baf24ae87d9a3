//! Random bytes from the kernel.

use std::fs::File;
use std::io::{self, Read};

/// Fills an array.
pub(crate) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A factor for the jitter of a pause, in (0.5, 1]. Without random bytes, 1: the pause is then only longer.
pub(crate) fn jitter() -> f64 {
    let Ok(bytes) = bytes::<4>() else { return 1.0 };
    1.0 - f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0) / 2.0
}

#[cfg(test)]
mod tests {
    #[test]
    fn jitter_stays_in_its_range() {
        for _ in 0..1000 {
            let jitter = super::jitter();
            assert!(jitter > 0.5 && jitter <= 1.0, "{jitter}");
        }
    }

    #[test]
    fn bytes_differ() {
        assert_ne!(super::bytes::<16>().unwrap(), super::bytes::<16>().unwrap());
    }
}
