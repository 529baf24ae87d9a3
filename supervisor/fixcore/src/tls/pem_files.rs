//! Certificates in PEM, from files and from fixcore.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use thiserror::Error;

/// Files larger than this hold no certificates or keys.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// A file with a certificate or a key can not be used.
#[derive(Debug, Error)]
pub enum PemFileError {
    /// The file can not be read.
    #[error("cannot read {what} {path}: {cause}", path = .path.display())]
    Unreadable {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// It holds something else.
    #[error("{what} {path} cannot be used: {why}", path = .path.display())]
    Unusable {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Reads a small file.
pub(crate) fn read_file(what: &'static str, path: &Path) -> Result<Vec<u8>, PemFileError> {
    let unreadable = |cause| PemFileError::Unreadable { what, path: path.to_owned(), cause };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE {
        let why = format!("it has {size} bytes, more than any certificate");
        return Err(PemFileError::Unusable { what, path: path.to_owned(), why });
    }
    std::fs::read(path).map_err(unreadable)
}

/// All certificates of a PEM file, at least one.
pub(crate) fn certificates_from_file(
    what: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, PemFileError> {
    let bytes = read_file(what, path)?;
    certificates_from_pem(&bytes).map_err(|why| PemFileError::Unusable { what, path: path.to_owned(), why })
}

/// All certificates of a PEM text, at least one; otherwise what is wrong with it.
pub(crate) fn certificates_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("it is not in PEM form ({error})"))?;
    if certificates.is_empty() {
        return Err("it holds no certificate in PEM form".to_owned());
    }
    for certificate in &certificates {
        super::authority::Validity::parse(certificate)?;
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_is_one_sentence_with_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let error = |path: &Path| certificates_from_file("the CA certificate", path).unwrap_err().to_string();
        assert!(error(&path).starts_with("cannot read the CA certificate /"), "{}", error(&path));
        std::fs::write(&path, "hello").unwrap();
        assert!(error(&path).ends_with("it holds no certificate in PEM form"), "{}", error(&path));
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(error(&path).contains("cannot be used: it is not an X.509 certificate"), "{}", error(&path));
        std::fs::write(&path, include_str!("../../testdata/rsa.pkcs8.pem")).unwrap();
        assert!(error(&path).ends_with("it holds no certificate in PEM form"), "{}", error(&path));
    }

    #[test]
    fn a_bundle_is_read_completely() {
        let bundle =
            [include_str!("../../testdata/rsa.cert.pem"), include_str!("../../testdata/ec.cert.pem")]
                .concat();
        assert_eq!(certificates_from_pem(bundle.as_bytes()).unwrap().len(), 2);
    }
}
