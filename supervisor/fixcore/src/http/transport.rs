//! The HTTP library, set up for fixcore, and bodies read within limits.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Proxy, Response, Url, redirect};
use rustls::{ClientConfig, RootCertStore};

use super::error::CoreError;

/// A connection that can not be made in this time fails.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than the 75 s after which fixcore closes idle connections, so that we never write into a closed one.
const IDLE: Duration = Duration::from_secs(20);
/// Probes on a silent connection: a merge may be silent for minutes and still be alive.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 6;

/// A client without a timeout of its own: each call sets one. Redirects are not followed, tokens go to fixcore
/// and nowhere else.
pub(super) fn http_client(tls: Option<&Arc<ClientConfig>>, proxy: Option<&Url>) -> reqwest::Result<Client> {
    let mut builder = Client::builder()
        .http1_only()
        .user_agent(concat!("fixworker/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEPALIVE)
        .tcp_keepalive_interval(KEEPALIVE_INTERVAL)
        .tcp_keepalive_retries(KEEPALIVE_RETRIES)
        .no_proxy();
    if let Some(proxy) = proxy {
        builder = builder.proxy(Proxy::all(proxy.clone())?);
    }
    let tls = match tls {
        Some(tls) => ClientConfig::clone(tls),
        // For http there is no TLS, but the library would read all roots of the platform.
        None => ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
    };
    builder.tls_backend_preconfigured(tls).build()
}

/// What to do with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Return it.
    All,
    /// Read it, so that the connection can be used again, but forget it.
    Nothing,
}

/// Reads a body of at most `limit` bytes (after decompression).
pub(super) async fn read_limited(
    action: &str,
    mut response: Response,
    limit: usize,
    keep: Keep,
) -> Result<Bytes, CoreError> {
    let too_large = || CoreError::TooLarge { action: action.to_owned(), limit };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    let mut length = 0_usize;
    loop {
        let chunk = response.chunk().await.map_err(|e| CoreError::from_transport(action, e, None))?;
        let Some(chunk) = chunk else { return Ok(body.freeze()) };
        length = length.saturating_add(chunk.len());
        if length > limit {
            return Err(too_large());
        }
        if keep == Keep::All {
            body.extend_from_slice(&chunk);
        }
    }
}

/// Reads the text of a refusal: at most its first `limit` bytes, and what there is if the connection is lost.
pub(super) async fn read_start(mut response: Response, limit: usize) -> Bytes {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let wanted = chunk.len().min(limit - body.len());
        body.extend_from_slice(&chunk[..wanted]);
        if body.len() == limit {
            break;
        }
    }
    body.freeze()
}
