//! Private keys from PEM: PKCS#8, PKCS#1 and SEC1, encrypted or not.

use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use secrecy::{ExposeSecret, SecretString};

use super::key_error::KeyError;
use super::legacy_pem;

/// Reads the first private key of a PEM text. A passphrase for a key that is not encrypted is not an error.
pub(crate) fn private_key_from_pem(
    text: &[u8],
    passphrase: Option<&SecretString>,
) -> Result<PrivateKeyDer<'static>, KeyError> {
    let blocks = pem::parse_many(text)
        .map_err(|error| KeyError::Malformed(format!("it is not in PEM form ({error})")))?;
    let block = blocks
        .iter()
        .find(|block| block.tag().ends_with("PRIVATE KEY"))
        .ok_or_else(|| KeyError::Malformed("it holds no private key in PEM form".to_owned()))?;
    if block.tag() == "ENCRYPTED PRIVATE KEY" {
        return decrypt_pkcs8(block.contents(), needed(passphrase)?);
    }
    if let Some(dek_info) = block.headers().get("DEK-Info") {
        let passphrase = needed(passphrase)?.expose_secret().as_bytes();
        let plain = legacy_pem::decrypt(dek_info, block.contents(), passphrase)?;
        // Padding that happens to fit is not a key: the outermost SEQUENCE has to span all of it.
        if !spans_all(&plain) {
            return Err(KeyError::WrongPassphrase);
        }
        return by_tag(block.tag(), plain.to_vec());
    }
    by_tag(block.tag(), block.contents().to_vec())
}

fn needed(passphrase: Option<&SecretString>) -> Result<&SecretString, KeyError> {
    passphrase.filter(|p| !p.expose_secret().is_empty()).ok_or(KeyError::PassphraseMissing)
}

fn decrypt_pkcs8(der: &[u8], passphrase: &SecretString) -> Result<PrivateKeyDer<'static>, KeyError> {
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|error| KeyError::Malformed(format!("it is not an encrypted PKCS#8 key ({error})")))?;
    let plain = encrypted.decrypt(passphrase.expose_secret()).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs8::pkcs5::Error::EncryptFailed | pkcs8::pkcs5::Error::DecryptFailed,
        ) => KeyError::WrongPassphrase,
        pkcs8::Error::EncryptedPrivateKey(other) => KeyError::Cipher(format!("({other})")),
        // What came out is not a key.
        _ => KeyError::WrongPassphrase,
    })?;
    Ok(PrivatePkcs8KeyDer::from(plain.as_bytes().to_vec()).into())
}

fn by_tag(tag: &str, der: Vec<u8>) -> Result<PrivateKeyDer<'static>, KeyError> {
    match tag {
        "PRIVATE KEY" => Ok(PrivatePkcs8KeyDer::from(der).into()),
        "RSA PRIVATE KEY" => Ok(PrivatePkcs1KeyDer::from(der).into()),
        "EC PRIVATE KEY" => Ok(PrivateSec1KeyDer::from(der).into()),
        other => Err(KeyError::Malformed(format!("`{other}` is not a kind of key we can use"))),
    }
}

/// True for one DER SEQUENCE that ends where the bytes end.
fn spans_all(der: &[u8]) -> bool {
    match der {
        [0x30, 0x82, high, low, rest @ ..] => usize::from(u16::from_be_bytes([*high, *low])) == rest.len(),
        [0x30, 0x81, length, rest @ ..] | [0x30, length @ ..=0x7f, rest @ ..] => {
            usize::from(*length) == rest.len()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[(&str, &str)] = &[
        ("rsa.pkcs8", include_str!("../../testdata/rsa.pkcs8.pem")),
        ("rsa.pkcs8.enc", include_str!("../../testdata/rsa.pkcs8.enc.pem")),
        ("rsa.pkcs8.pbkdf2", include_str!("../../testdata/rsa.pkcs8.pbkdf2.pem")),
        ("rsa.pkcs8.scrypt", include_str!("../../testdata/rsa.pkcs8.scrypt.pem")),
        ("rsa.pkcs1", include_str!("../../testdata/rsa.pkcs1.pem")),
        ("rsa.legacy128", include_str!("../../testdata/rsa.legacy128.pem")),
        ("rsa.legacy192", include_str!("../../testdata/rsa.legacy192.pem")),
        ("rsa.legacy256", include_str!("../../testdata/rsa.legacy256.pem")),
        ("ec.pkcs8", include_str!("../../testdata/ec.pkcs8.pem")),
        ("ec.sec1", include_str!("../../testdata/ec.sec1.pem")),
        ("ec.legacy256", include_str!("../../testdata/ec.legacy256.pem")),
    ];

    fn encrypted(text: &str) -> bool {
        text.contains("ENCRYPTED")
    }

    #[test]
    fn every_form_gives_a_key_that_fits_its_certificate() {
        for (name, text) in FILES {
            let key = private_key_from_pem(text.as_bytes(), Some(&"open sesame".into())).expect(name);
            let pem: &[u8] = if name.starts_with("rsa") {
                include_bytes!("../../testdata/rsa.cert.pem")
            } else {
                include_bytes!("../../testdata/ec.cert.pem")
            };
            let chain = crate::tls::certificates_from_pem(pem).unwrap();
            rustls::sign::CertifiedKey::from_der(chain, key, &crate::tls::provider()).expect(name);
        }
    }

    #[test]
    fn a_wrong_or_missing_passphrase_is_told_apart() {
        for (name, text) in FILES.iter().filter(|(_, text)| encrypted(text)) {
            // A legacy key is cheap to try, and a wrong passphrase may give good padding.
            let tries = if name.contains("legacy") { 300 } else { 2 };
            for wrong in (0..tries).map(|n| format!("Open sesame {n}")) {
                let error = private_key_from_pem(text.as_bytes(), Some(&wrong.as_str().into())).unwrap_err();
                assert_eq!(error, KeyError::WrongPassphrase, "{name} {wrong}");
            }
            let error = private_key_from_pem(text.as_bytes(), None).unwrap_err();
            assert_eq!(error, KeyError::PassphraseMissing, "{name}");
        }
    }

    #[test]
    fn other_ciphers_are_named() {
        let text = include_bytes!("../../testdata/rsa.legacydes3.pem");
        let error = private_key_from_pem(text, Some(&"open sesame".into())).unwrap_err();
        assert!(error.to_string().contains("DES-EDE3-CBC"), "{error}");
    }

    #[test]
    fn what_is_no_key_is_said_so() {
        for text in ["", "hello", include_str!("../../testdata/rsa.cert.pem")] {
            let error = private_key_from_pem(text.as_bytes(), None).unwrap_err();
            assert!(matches!(error, KeyError::Malformed(_)), "{error}");
        }
    }
}
