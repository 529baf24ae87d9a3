//! Our own certificate and key, for the web server.

use std::sync::Arc;

use rustls::server::ServerConfig;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use super::authority::Validity;
use super::key_error::KeyError;
use super::pem_files::{certificates_from_file, read_file};
use super::private_key::private_key_from_pem;
use super::{PemFileError, SelfSigned, provider, self_signed};
use crate::endpoint::IdentityFiles;

/// A certificate with its key and intermediates. `Debug` shows no key.
#[derive(Clone)]
pub struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    not_before: u64,
    not_after: u64,
}

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsIdentity").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

impl PartialEq for TlsIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

/// Why there is no certificate for our web server.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// A file given on the command line.
    #[error(transparent)]
    File(#[from] PemFileError),
    /// The key file.
    #[error("the key {path} cannot be used: {cause}", path = .path.display())]
    Key {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        cause: KeyError,
    },
    /// The key belongs to another certificate.
    #[error("the key {key} does not belong to the certificate {cert}", key = .key.display(), cert = .cert.display())]
    Mismatch {
        /// The key file.
        key: std::path::PathBuf,
        /// The certificate file.
        cert: std::path::PathBuf,
    },
    /// What fixcore signed can not be used.
    #[error("the certificate that fixcore signed cannot be used: {0}")]
    Signed(String),
    /// The key or the request could not be made.
    #[error("the request for a certificate cannot be made: {0}")]
    Request(String),
}

enum Misfit {
    OtherKey,
    Broken(String),
}

impl TlsIdentity {
    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, Misfit> {
        let first = chain.first().ok_or_else(|| Misfit::Broken("there is no certificate".to_owned()))?;
        let Validity { not_before, not_after } = Validity::parse(first).map_err(Misfit::Broken)?;
        CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Misfit::OtherKey,
            other => Misfit::Broken(other.to_string()),
        })?;
        Ok(Self { chain, key: Arc::new(key), not_before, not_after })
    }

    /// What fixcore signed, with the key that we made.
    pub(crate) fn signed(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, IdentityError> {
        Self::new(chain, key).map_err(|misfit| match misfit {
            Misfit::OtherKey => IdentityError::Signed("it is for another key".to_owned()),
            Misfit::Broken(why) => IdentityError::Signed(why),
        })
    }

    /// Signed by nobody.
    pub(crate) fn temporary(name: &str) -> Result<Self, IdentityError> {
        let SelfSigned { certificate, key } =
            self_signed(name).map_err(|error| IdentityError::Request(error.to_string()))?;
        Self::signed(vec![certificate], key)
    }

    /// The certificate and its intermediates.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The private key.
    pub fn key(&self) -> &PrivateKeyDer<'static> {
        &self.key
    }

    /// When it starts to be valid, in seconds since 1970.
    pub fn not_before(&self) -> u64 {
        self.not_before
    }

    /// When it ends, in seconds since 1970.
    pub fn not_after(&self) -> u64 {
        self.not_after
    }

    /// A rustls configuration for a server that shows this certificate (HTTP/1.1, no client certificates).
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Reads `--cert` and `--cert-key`. Reads files: not for a runtime thread.
pub(crate) fn load_identity(files: &IdentityFiles) -> Result<TlsIdentity, IdentityError> {
    let chain = certificates_from_file("the certificate", &files.cert)?;
    let text = zeroize::Zeroizing::new(read_file("the key", &files.key)?);
    let key = private_key_from_pem(&text, files.passphrase.as_ref())
        .map_err(|cause| IdentityError::Key { path: files.key.clone(), cause })?;
    TlsIdentity::new(chain, key).map_err(|misfit| match misfit {
        Misfit::OtherKey => IdentityError::Mismatch { key: files.key.clone(), cert: files.cert.clone() },
        Misfit::Broken(why) => {
            IdentityError::Key { path: files.key.clone(), cause: KeyError::Malformed(why) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn files(cert: &str, key: &str, passphrase: Option<&str>) -> IdentityFiles {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
        let passphrase = passphrase.map(Into::into);
        IdentityFiles { cert: dir.join(cert), key: dir.join(key), passphrase }
    }

    fn sentence(cert: &str, key: &str, passphrase: Option<&str>) -> String {
        load_identity(&files(cert, key, passphrase)).unwrap_err().to_string()
    }

    #[test]
    fn good_files_make_a_server() {
        let identity =
            load_identity(&files("rsa.cert.pem", "rsa.legacy256.pem", Some("open sesame"))).unwrap();
        identity.server_config().unwrap();
        assert_eq!(identity.chain().len(), 1);
        assert!(!format!("{identity:?}").contains("key"));
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        let s = sentence("rsa.cert.pem", "ec.pkcs8.pem", None);
        assert!(s.contains("does not belong to the certificate"), "{s}");
        let s = sentence("rsa.cert.pem", "rsa.legacy256.pem", Some("wrong"));
        assert!(s.ends_with("the passphrase does not open it"), "{s}");
        let s = sentence("rsa.cert.pem", "rsa.pkcs8.enc.pem", None);
        assert!(s.contains("--cert-key-pass"), "{s}");
        let s = sentence("rsa.cert.pem", "missing.pem", None);
        assert!(s.starts_with("cannot read the key"), "{s}");
        let s = sentence("missing.pem", "rsa.pkcs8.pem", None);
        assert!(s.starts_with("cannot read the certificate"), "{s}");
        let s = sentence("rsa.pkcs8.pem", "rsa.pkcs8.pem", None);
        assert!(s.contains("holds no certificate"), "{s}");
    }
}
