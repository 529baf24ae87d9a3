//! The certificate authority of fixcore, and the proof that it is really fixcore's.

use aws_lc_rs::digest::{SHA256, digest};
use rustls_pki_types::CertificateDer;
use secrecy::SecretString;
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::token::{BearerError, bearer_of, verify_token};

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    /// Seconds since 1970.
    pub(crate) not_before: u64,
    /// Seconds since 1970.
    pub(crate) not_after: u64,
}

impl Validity {
    /// Reads a certificate; otherwise what is wrong with it.
    pub(crate) fn parse(der: &CertificateDer<'_>) -> Result<Self, String> {
        let certificate = Certificate::from_der(der)
            .map_err(|error| format!("it is not an X.509 certificate ({error})"))?;
        let validity = certificate.tbs_certificate().validity();
        Ok(Self {
            not_before: validity.not_before.to_unix_duration().as_secs(),
            not_after: validity.not_after.to_unix_duration().as_secs(),
        })
    }
}

/// Why the authority that fixcore shows is not trusted. All of them are final: waiting does not help.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AuthorityError {
    /// We have a pre-shared key, fixcore has none.
    #[error(
        "fixcore does not prove its certificate authority: it runs without a pre-shared key, or something in \
         between removes the header; start fixcore with the same --psk, or this worker without"
    )]
    NotProven,
    /// Fixcore has a pre-shared key, we have none.
    #[error("fixcore asks for a pre-shared key and none is given; start with --psk or set FIXWORKER_PSK")]
    KeyMissing,
    /// Signed with another key.
    #[error(
        "the pre-shared key is not the one of fixcore (the proof of its certificate authority is signed with another)"
    )]
    WrongKey,
    /// The proof is for another certificate.
    #[error(
        "the fingerprint of the certificate authority is {actual}, but fixcore vouches for {proven}; somebody may \
         be in between"
    )]
    WrongFingerprint {
        /// Of the certificate we got.
        actual: String,
        /// What the proof says.
        proven: String,
    },
    /// Not the one of the command line.
    #[error(
        "the fingerprint of the certificate authority is {actual}, but --ca-fingerprint says {pinned}; somebody may be in \
         between, or fixcore has a new one"
    )]
    NotPinned {
        /// Of the certificate we got.
        actual: String,
        /// What the command line says.
        pinned: String,
    },
    /// The proof can not be used.
    #[error("fixcore's proof of its certificate authority cannot be used: {0}")]
    Unusable(String),
}

/// Upper-case hex with colons, as fixcore writes it.
pub(crate) fn fingerprint(der: &CertificateDer<'_>) -> String {
    let bytes = digest(&SHA256, der);
    bytes.as_ref().iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
}

/// Checks what came with `/ca/cert`. Derives a key: about 40 ms of CPU.
pub(crate) fn check_authority(
    certificate: &CertificateDer<'_>,
    authorization: Option<&str>,
    psk: Option<&SecretString>,
    pinned: Option<&str>,
) -> Result<(), AuthorityError> {
    let actual = fingerprint(certificate);
    if let Some(pinned) = pinned.filter(|pinned| !pinned.eq_ignore_ascii_case(&actual)) {
        return Err(AuthorityError::NotPinned { actual, pinned: pinned.to_owned() });
    }
    let (header, psk) = match (authorization, psk) {
        (None, None) if pinned.is_some() => return Ok(()),
        (None, None) => {
            tracing::warn!(
                "fixcore has no pre-shared key, so nothing proves that its certificate authority is its own; it is \
                 trusted as it is: start with --ca-fingerprint {actual} to trust no other one"
            );
            return Ok(());
        }
        (None, Some(_)) => return Err(AuthorityError::NotProven),
        (Some(_), None) => return Err(AuthorityError::KeyMissing),
        (Some(header), Some(psk)) => (header, psk),
    };
    let claims =
        bearer_of(header).and_then(|token| verify_token(psk, token)).map_err(|error| match error {
            BearerError::WrongKey => AuthorityError::WrongKey,
            BearerError::Expired => {
                AuthorityError::Unusable("it has expired; compare the clocks of both hosts".to_owned())
            }
            other => AuthorityError::Unusable(other.to_string()),
        })?;
    let proven = claims.get("sha256_fingerprint").and_then(serde_json::Value::as_str);
    let proven = proven.ok_or_else(|| AuthorityError::Unusable("it names no fingerprint".to_owned()))?;
    if proven.eq_ignore_ascii_case(&actual) {
        Ok(())
    } else {
        Err(AuthorityError::WrongFingerprint { actual, proven: proven.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::certificates_from_pem;
    use crate::token::test_token;
    use serde_json::json;

    fn certificate() -> CertificateDer<'static> {
        certificates_from_pem(include_bytes!("../../testdata/rsa.cert.pem")).unwrap().remove(0)
    }

    #[test]
    fn fingerprint_and_validity_are_those_python_sees() {
        assert_eq!(fingerprint(&certificate()), include_str!("../../testdata/rsa.cert.sha256"));
        let days = 24 * 3600;
        let expected = Validity { not_before: 1_704_067_200, not_after: 1_704_067_200 + 36_500 * days };
        assert_eq!(Validity::parse(&certificate()).unwrap(), expected);
    }

    #[test]
    fn each_kind_of_bad_proof_has_its_sentence() {
        let psk: SecretString = "changeme".into();
        let check = |header: Option<&str>, psk| check_authority(&certificate(), header, psk, None);
        let good = format!(
            "Bearer {}",
            test_token("changeme", json!({"sha256_fingerprint": fingerprint(&certificate())}))
        );
        assert_eq!(check(Some(&good), Some(&psk)), Ok(()));
        assert_eq!(check(None, None), Ok(()));
        let own = fingerprint(&certificate());
        let pinned = |pin: &str, header, psk| check_authority(&certificate(), header, psk, Some(pin));
        assert_eq!(pinned(&own.to_lowercase(), None, None), Ok(()));
        assert_eq!(pinned(&own, Some(good.as_str()), Some(&psk)), Ok(()));
        for (header, psk) in [(None, None), (Some(good.as_str()), Some(&psk))] {
            let error = pinned("AA:BB", header, psk).unwrap_err();
            assert!(
                matches!(&error, AuthorityError::NotPinned { pinned, .. } if pinned == "AA:BB"),
                "{error}"
            );
        }
        assert_eq!(check(None, Some(&psk)), Err(AuthorityError::NotProven));
        assert_eq!(check(Some(&good), None), Err(AuthorityError::KeyMissing));
        let stranger: SecretString = "other".into();
        assert_eq!(check(Some(&good), Some(&stranger)), Err(AuthorityError::WrongKey));
        let other = format!("Bearer {}", test_token("changeme", json!({"sha256_fingerprint": "AA:BB"})));
        let error = check(Some(&other), Some(&psk)).unwrap_err();
        assert!(matches!(&error, AuthorityError::WrongFingerprint { proven, .. } if proven == "AA:BB"));
        let empty = format!("Bearer {}", test_token("changeme", json!({})));
        assert!(matches!(check(Some(&empty), Some(&psk)), Err(AuthorityError::Unusable(_))));
        assert!(matches!(check(Some("Basic x"), Some(&psk)), Err(AuthorityError::Unusable(_))));
    }
}
