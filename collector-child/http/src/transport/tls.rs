//! TLS: made when the first host is called that wants it, as reading the roots takes longer than a call.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

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

/// A certificate that says who we are, and its key, as PEM.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The certificate and those between it and its authority.
    pub chain: Vec<u8>,
    /// Its private key.
    pub key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate([redacted])")
    }
}

/// How a server of its own is spoken to, which no public authority knows.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// Authorities to trust in place of the machine's, as PEM.
    pub authorities: Option<Vec<u8>>,
    /// Who we are.
    pub certificate: Option<ClientCertificate>,
    /// The name in its certificate, if it is not that of its address.
    pub name: Option<String>,
    /// The proxy on every way to it, in place of those of the environment.
    pub proxy: Option<String>,
}

/// TLS for all connections of the process.
#[derive(Clone, Default)]
pub(super) struct Tls {
    roots: Arc<Roots>,
    server: Arc<Server>,
    connector: Arc<OnceCell<Result<TlsConnector, String>>>,
}

impl Tls {
    pub(super) fn new(roots: Roots) -> Self {
        Self { roots: Arc::new(roots), server: Arc::default(), connector: Arc::default() }
    }

    /// For one server.
    pub(super) fn to_server(roots: Roots, server: Server) -> Self {
        Self { server: Arc::new(server), ..Self::new(roots) }
    }

    /// The name that the certificate of a host must have.
    pub(super) fn name_of<'a>(&'a self, host: &'a str) -> &'a str {
        self.server.name.as_deref().unwrap_or(host)
    }

    /// The connector, or why there is none.
    pub(super) async fn connector(&self) -> Result<TlsConnector, String> {
        let made = self.connector.get_or_init(|| async {
            let (roots, server) = (self.roots.clone(), self.server.clone());
            // Reading and parsing some hundred certificates is nothing for the threads that poll sockets.
            let made = tokio::task::spawn_blocking(move || config(&roots, &server)).await;
            made.map_err(|_| "the roots could not be read".to_owned())?
                .map(|c| TlsConnector::from(Arc::new(c)))
        });
        made.await.clone()
    }
}

fn config(trusted: &Roots, server: &Server) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS: {error}"))?;
    let config = match (&server.authorities, &trusted.bundle) {
        (Some(pem), _) => builder.with_root_certificates(authorities(pem)?),
        (None, Some(bundle)) => builder.with_root_certificates(roots(bundle)?),
        (None, None) => builder.with_platform_verifier().map_err(|error| {
            let variable = trusted.named_by;
            format!("the CA certificates of this machine cannot be used ({error}); {variable} names a file of others")
        })?,
    };
    let Some(ClientCertificate { chain, key }) = &server.certificate else {
        return Ok(config.with_no_client_auth());
    };
    let unusable = |why: String| format!("the client certificate cannot be used: {why}");
    let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| unusable(error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable("there is none in it".to_owned()));
    }
    // The error of a key may quote it.
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| unusable("its key is no PEM".to_owned()))?;
    config.with_client_auth_cert(chain, key).map_err(|error| unusable(error.to_string()))
}

/// Those that are given as PEM.
fn authorities(pem: &[u8]) -> Result<RootCertStore, String> {
    let unusable = |why: String| format!("the certificate authority of the server {why}");
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(
        certificates.map_err(|error| unusable(format!("cannot be read: {error}")))?,
    );
    if store.is_empty() { Err(unusable("holds no certificate".to_owned())) } else { Ok(store) }
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
            let error = config(&roots_of(path), &Server::default()).unwrap_err();
            assert!(error.ends_with("holds no certificate"), "{error}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_told_without_its_key() {
        let server = |authorities: Option<&str>, chain: &str| Server {
            authorities: authorities.map(|text| text.as_bytes().to_vec()),
            certificate: Some(ClientCertificate {
                chain: chain.as_bytes().to_vec(),
                key: Zeroizing::new(b"-----BEGIN PRIVATE KEY-----\ns3cret\n".to_vec()),
            }),
            ..Server::default()
        };
        let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        for (given, told) in [
            (server(Some("nothing"), ""), "the certificate authority of the server holds no certificate"),
            (server(None, ""), "the client certificate cannot be used: there is none in it"),
            (server(None, certificate), "the client certificate cannot be used: its key is no PEM"),
        ] {
            let roots = Roots::default();
            assert_eq!(config(&roots, &given).unwrap_err(), told);
            assert!(!format!("{given:?}").contains("s3cret"));
        }
    }
}
