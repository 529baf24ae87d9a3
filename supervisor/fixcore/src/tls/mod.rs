//! TLS: whom we trust, and who we are. One stack for all of it: rustls with aws-lc-rs.

mod authority;
mod csr;
mod identity;
mod key_error;
mod legacy_pem;
mod names;
mod pem_files;
mod private_key;
mod renewal;
mod verifier;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use authority::AuthorityError;
pub use identity::{IdentityError, TlsIdentity};
pub use key_error::KeyError;
pub use pem_files::PemFileError;
pub use renewal::renew_at;

pub(crate) use authority::check_authority;
#[cfg(test)]
pub(crate) use authority::fingerprint;
pub(crate) use csr::{SelfSigned, SigningRequest, self_signed, signing_request};
pub(crate) use identity::load_identity;
pub(crate) use pem_files::{certificates_from_file, certificates_from_pem};
pub(crate) use renewal::{IdentitySource, keep_identity};
pub(crate) use verifier::{CoreVerifier, client_config, is_certificate_error};

/// The crypto of all TLS in this program.
pub fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

/// Makes aws-lc-rs the provider of this process; to be called first in `main`. Doing it twice is fine.
pub fn install_default() {
    if CryptoProvider::get_default().is_none() {
        // Err means that another thread was faster with the same provider.
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    }
}
