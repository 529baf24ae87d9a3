//! From pre-shared key and salt to the key that signs.

use std::num::NonZeroU32;

use aws_lc_rs::{pbkdf2, rand};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Rounds of PBKDF2; fixcore uses the same number.
const ROUNDS: NonZeroU32 = NonZeroU32::new(100_000).expect("not zero");

/// A signing key, wiped when dropped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Derives the key; about 40 ms of CPU, so never on a runtime thread.
pub(crate) fn derive(psk: &SecretString, salt: &[u8]) -> Key {
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, psk.expose_secret().as_bytes(), &mut *key);
    key
}

/// Sixteen random bytes.
pub(crate) fn new_salt() -> [u8; 16] {
    let mut salt = [0; 16];
    // aws-lc aborts the process rather than return without entropy; an error here would be a broken build.
    rand::fill(&mut salt).expect("the system's random generator works");
    salt
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hashlib.pbkdf2_hmac("sha256", b"changeme", b"0123456789abcdef", 100000).hex()`
    #[test]
    fn the_key_is_the_one_python_derives() {
        let key = derive(&"changeme".into(), b"0123456789abcdef");
        assert_eq!(data_encoding::HEXLOWER.encode(&*key), VECTOR);
    }

    const VECTOR: &str = "c513aaa973a83564a1b0693ca42441374f10410978d849e78028fe7ff84b3993";

    #[test]
    fn salts_differ() {
        assert_ne!(new_salt(), new_salt());
    }
}
