//! TLS: made when the first host is called that wants it, as reading the roots takes longer than a call.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

/// TLS for all connections of the process.
#[derive(Clone, Default)]
pub(super) struct Tls {
    /// The roots to trust instead of the machine's.
    bundle: Option<Arc<Path>>,
    connector: Arc<OnceCell<Result<TlsConnector, String>>>,
}

impl Tls {
    pub(super) fn new(bundle: Option<PathBuf>) -> Self {
        Self { bundle: bundle.map(Into::into), connector: Arc::default() }
    }

    /// The connector, or why there is none.
    pub(super) async fn connector(&self) -> Result<TlsConnector, String> {
        let made = self.connector.get_or_init(|| async {
            let bundle = self.bundle.clone();
            // Reading and parsing some hundred certificates is nothing for the threads that poll sockets.
            let made = tokio::task::spawn_blocking(move || config(bundle.as_deref())).await;
            made.map_err(|_| "the roots could not be read".to_owned())?
                .map(|c| TlsConnector::from(Arc::new(c)))
        });
        made.await.clone()
    }
}

fn config(bundle: Option<&Path>) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS: {error}"))?;
    let config = match bundle {
        Some(path) => builder.with_root_certificates(roots(path)?),
        None => builder.with_platform_verifier().map_err(|error| {
            format!("the CA certificates of this machine cannot be used ({error}); AWS_CA_BUNDLE names a file of others")
        })?,
    };
    Ok(config.with_no_client_auth())
}

fn roots(path: &Path) -> Result<RootCertStore, String> {
    let unusable = |why: String| format!("the CA bundle {} of AWS_CA_BUNDLE {why}", path.display());
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(certificates);
    if added == 0 { Err(unusable("holds no certificate".to_owned())) } else { Ok(store) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bundle_that_is_not_there_is_named() {
        let tls = Tls::new(Some("/nowhere/bundle.pem".into()));
        let error = tls.connector().await.err().unwrap();
        assert!(
            error.starts_with("the CA bundle /nowhere/bundle.pem of AWS_CA_BUNDLE cannot be read"),
            "{error}"
        );
    }

    #[test]
    fn an_empty_bundle_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = config(Some(file.path())).unwrap_err();
        assert!(error.ends_with("holds no certificate"), "{error}");
    }
}
