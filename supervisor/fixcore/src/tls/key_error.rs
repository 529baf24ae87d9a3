//! What can be wrong with a private key.

use thiserror::Error;

/// Why a private key can not be used. The sentences continue "the key FILE cannot be used: ...".
#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// It is encrypted and there is no passphrase.
    #[error("it is encrypted; give its passphrase with --cert-key-pass or FIXWORKER_CERT_KEY_PASS")]
    PassphraseMissing,
    /// The passphrase does not open it.
    #[error("the passphrase does not open it")]
    WrongPassphrase,
    /// Encrypted in a way we do not read.
    #[error("its encryption {0} is not supported; convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc`")]
    Cipher(String),
    /// Not a key at all, or a broken one.
    #[error("{0}")]
    Malformed(String),
}
