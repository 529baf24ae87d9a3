//! The web server of the daemon: the status page, `/live`, `/ready`, `/health`, `/metrics`, `/info`, `/children`, `/runs`.

mod bind;
mod guard;
mod health;
mod page;
mod route;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::bind::BindError;
use self::guard::GuardedAcceptor;
use self::route::App;
use crate::history::History;
use crate::metrics::MetricsHandle;
use crate::status::{Board, Condition};

/// How long a client may take for the TLS handshake.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send the head of a request; also how long a connection may idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes. The least that the library takes is 8 KiB.
const MAX_HEAD: usize = 16 << 10;
/// The most lines in the head of a request.
const MAX_HEADERS: usize = 64;
/// How often recorded metrics are put where they take no room.
const UPKEEP: Duration = Duration::from_secs(5);

/// What the endpoints show. Called for each request: answer from memory.
pub trait WebState: Send + Sync + 'static {
    /// How the worker is.
    fn condition(&self) -> Condition;
    /// What it does.
    fn board(&self) -> Board;
    /// What runs now, without secrets.
    fn children(&self) -> Value;
    /// What the runs were, once that is known.
    fn history(&self) -> Option<History>;
    /// Which collectors there are.
    fn info(&self) -> Info;
    /// Whether `header`, the value of `Authorization`, is `Bearer` with a JWT that the psk has signed. Called
    /// on a thread that may block, for one request after the other. Without a psk, nobody is.
    fn authorize(&self, header: Option<&str>) -> bool;
}

/// The body of `/info`, as the peer has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Info {
    /// Collectors that are configured.
    pub active_collectors: Vec<String>,
    /// Collectors that the child knows.
    pub all_collectors: Vec<String>,
    /// The sandbox of children: what is wanted, and which walls this host has.
    pub sandbox: serde_json::Value,
    /// Whether the accounts of each collector have credentials of their own: `brokered`, or `shared (why)`.
    pub credentials: std::collections::BTreeMap<String, String>,
}

/// Where and how to serve.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// `web_host`: an address or name. `::` takes IPv4 as well, and is `0.0.0.0` on a host without IPv6.
    pub host: String,
    /// `web_port`; 0 takes any free port.
    pub port: u16,
    /// `web_path`: the endpoints are there as well as at the root, as the peer has it.
    pub path: String,
    /// With which certificate; plain http without.
    pub tls: Option<WebTls>,
}

/// The certificate of the web server, which can be replaced while it runs.
#[derive(Debug, Clone)]
pub struct WebTls(RustlsConfig);

/// Certificate and key do not fit, or are not usable.
#[derive(Debug, Error)]
#[error("the certificate of the web server is not usable: {0}")]
pub struct CertificateError(#[from] rustls::Error);

impl WebTls {
    /// With this chain, the own certificate first, and its key.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, CertificateError> {
        Ok(Self(RustlsConfig::from_config(server_config(chain, key)?)))
    }

    /// Takes another certificate from the next connection on. After an error the old one stays.
    pub fn replace(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<(), CertificateError> {
        self.0.reload_from_config(server_config(chain, key)?);
        Ok(())
    }
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    // Named, because the default of a process is whatever somebody installed, and a panic without.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A running web server. Dropping it ends it at once.
#[derive(Debug)]
pub struct WebServer {
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    server: JoinHandle<io::Result<()>>,
    upkeep: JoinHandle<()>,
    /// Tells streams to end.
    stopping: watch::Sender<bool>,
}

/// Starts the web server. It listens when this returns; an error says what to do.
pub async fn serve(
    config: WebConfig,
    state: Arc<dyn WebState>,
    metrics: MetricsHandle,
) -> Result<WebServer, BindError> {
    let (listener, address) = bind::listen(&config.host, config.port).await?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let (stopping, is_stopping) = watch::channel(false);
    let app = App::new(&config.path, state, metrics.clone(), is_stopping);
    let service = app.into_router().into_make_service_with_connect_info::<SocketAddr>();
    let handle = Handle::new();
    let mut server = axum_server::Server::from_listener(listener).handle(handle.clone()).http1_only();
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS);
    let guard = GuardedAcceptor::new();
    let server = match config.tls {
        None => tokio::spawn(server.acceptor(guard).serve(service)),
        Some(tls) => {
            let tls = RustlsAcceptor::new(tls.0).handshake_timeout(TLS_TIMEOUT).acceptor(guard);
            tokio::spawn(server.acceptor(tls).serve(service))
        }
    };
    let upkeep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.upkeep();
        }
    });
    tracing::info!("web server listens on {scheme}://{address}");
    Ok(WebServer { address, handle, server, upkeep, stopping })
}

impl WebServer {
    /// Where it listens, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets requests that are being answered end within `grace`, and returns when
    /// all are closed.
    pub async fn stop(mut self, grace: Duration) {
        self.stopping.send_replace(true);
        self.handle.graceful_shutdown(Some(grace));
        match (&mut self.server).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("the web server ended with an error: {error}"),
            Err(error) => tracing::warn!("the web server failed: {error}"),
        }
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.handle.shutdown();
        self.upkeep.abort();
    }
}
