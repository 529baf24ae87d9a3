//! Which certificates of fixcore are accepted.

use std::error::Error as StdError;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;

use super::provider;

/// Accepts certificates of given authorities and of those the platform trusts, or any. The authorities can be
/// replaced while connections exist: new handshakes see the new ones.
#[derive(Debug)]
pub(crate) struct CoreVerifier {
    trust: RwLock<Trust>,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug, Clone)]
enum Trust {
    Any,
    Roots(Arc<Verifier>),
}

impl CoreVerifier {
    /// Accepts everything: for `/system/ready` and `/ca/cert`, and for `--no-verify-certs`.
    pub(crate) fn any() -> Self {
        Self { trust: RwLock::new(Trust::Any), provider: provider() }
    }

    /// Accepts what these authorities or those of the platform signed.
    pub(crate) fn with_roots(roots: &[CertificateDer<'static>]) -> Result<Self, Error> {
        let verifier = Self::any();
        verifier.replace_roots(roots)?;
        Ok(verifier)
    }

    pub(crate) fn replace_roots(&self, roots: &[CertificateDer<'static>]) -> Result<(), Error> {
        let roots = Verifier::new_with_extra_roots(roots.iter().cloned(), Arc::clone(&self.provider))?;
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = Trust::Roots(Arc::new(roots));
        Ok(())
    }

    fn trust(&self) -> Trust {
        self.trust.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for CoreVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.trust() {
            Trust::Any => Ok(ServerCertVerified::assertion()),
            Trust::Roots(roots) => {
                roots.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The rustls configuration for calls and websockets; fixcore speaks HTTP/1.1 and wants no client certificate.
pub(crate) fn client_config(verifier: Arc<CoreVerifier>) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    // A resumed session is not verified again, and would outlive a change of the authorities.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// True if somewhere in the chain of causes a certificate was not accepted.
pub(crate) fn is_certificate_error(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<Error>() {
            return matches!(tls, Error::InvalidCertificate(_));
        }
        // An io::Error hides what it wraps from source().
        if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            let inner: &(dyn StdError + 'static) = inner;
            if is_certificate_error(inner) {
                return true;
            }
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CertificateError;

    #[test]
    fn certificate_errors_are_found_below_io_errors() {
        let unknown = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(is_certificate_error(&unknown()));
        let wrapped = std::io::Error::other(std::io::Error::other(unknown()));
        assert!(is_certificate_error(&wrapped));
        let tungstenite = tokio_tungstenite::tungstenite::Error::Io(std::io::Error::other(unknown()));
        assert!(is_certificate_error(&tungstenite));
        assert!(!is_certificate_error(&std::io::Error::other(Error::HandshakeNotComplete)));
        assert!(!is_certificate_error(&std::io::Error::from(std::io::ErrorKind::ConnectionRefused)));
    }
}
