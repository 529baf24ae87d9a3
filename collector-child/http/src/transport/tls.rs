//! TLS: made when the first host is called that wants it, as reading the roots takes longer than a call.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

/// A file (or folder) of roots to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaBundle {
    /// Where it is.
    pub path: PathBuf,
    /// The variable or setting that says so, for errors.
    pub named_by: &'static str,
}

/// Whom to trust.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roots {
    /// Roots to trust in place of the machine's.
    pub bundle: Option<CaBundle>,
    /// The variable that may name such a file, for errors.
    pub named_by: &'static str,
}

/// TLS for all connections of the process.
#[derive(Clone, Default)]
pub(super) struct Tls {
    roots: Arc<Roots>,
    connector: Arc<OnceCell<Result<TlsConnector, String>>>,
}

impl Tls {
    pub(super) fn new(roots: Roots) -> Self {
        Self { roots: Arc::new(roots), connector: Arc::default() }
    }

    /// The connector, or why there is none.
    pub(super) async fn connector(&self) -> Result<TlsConnector, String> {
        let made = self.connector.get_or_init(|| async {
            let roots = self.roots.clone();
            // Reading and parsing some hundred certificates is nothing for the threads that poll sockets.
            let made = tokio::task::spawn_blocking(move || config(&roots)).await;
            made.map_err(|_| "the roots could not be read".to_owned())?
                .map(|c| TlsConnector::from(Arc::new(c)))
        });
        made.await.clone()
    }
}

fn config(trusted: &Roots) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS: {error}"))?;
    let config = match &trusted.bundle {
        Some(bundle) => builder.with_root_certificates(roots(bundle)?),
        None => builder.with_platform_verifier().map_err(|error| {
            let variable = trusted.named_by;
            format!("the CA certificates of this machine cannot be used ({error}); {variable} names a file of others")
        })?,
    };
    Ok(config.with_no_client_auth())
}

fn roots(bundle: &CaBundle) -> Result<RootCertStore, String> {
    let CaBundle { path, named_by } = bundle;
    let unusable = |why: String| format!("the CA bundle {} of {named_by} {why}", path.display());
    let mut store = RootCertStore::empty();
    for file in files(path).map_err(|error| unusable(format!("cannot be read: {error}")))? {
        let certificates = CertificateDer::pem_file_iter(&file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unusable(format!("cannot be read: {error}")))?;
        store.add_parsable_certificates(certificates);
    }
    if store.is_empty() { Err(unusable("holds no certificate".to_owned())) } else { Ok(store) }
}

/// The file, or all files of the folder, as OpenSSL takes both.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let all = path.read_dir()?.map(|entry| entry.map(|entry| entry.path()));
    let all = all.collect::<io::Result<Vec<_>>>()?;
    Ok(all.into_iter().filter(|path| path.is_file()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(path: &Path) -> CaBundle {
        CaBundle { path: path.to_owned(), named_by: "REQUESTS_CA_BUNDLE" }
    }

    fn roots_of(path: &Path) -> Roots {
        Roots { bundle: Some(bundle(path)), named_by: "CA_BUNDLE" }
    }

    #[tokio::test]
    async fn a_bundle_that_is_not_there_is_named_with_the_setting() {
        let tls = Tls::new(roots_of(Path::new("/nowhere/bundle.pem")));
        let error = tls.connector().await.err().unwrap();
        let start = "the CA bundle /nowhere/bundle.pem of REQUESTS_CA_BUNDLE cannot be read";
        assert!(error.starts_with(start), "{error}");
    }

    #[test]
    fn an_empty_bundle_is_refused_be_it_a_file_or_a_folder() {
        let (file, folder) = (tempfile::NamedTempFile::new().unwrap(), tempfile::tempdir().unwrap());
        for path in [file.path(), folder.path()] {
            let error = config(&roots_of(path)).unwrap_err();
            assert!(error.ends_with("holds no certificate"), "{error}");
        }
    }
}
