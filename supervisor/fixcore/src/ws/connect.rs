//! How a websocket is made: name, TCP, the proxy, TLS, the upgrade with a new token.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::state::Failure;
use crate::http::answer::CoreAnswer;
use crate::http::client::CoreClient;
use crate::http::error::CoreError;
use crate::proxy::basic_credentials;
use crate::tls::is_certificate_error;

/// A task or an action with whole nodes in it is far smaller.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// Of an address that somebody else names.
const MAX_LOCATION: usize = 200;
/// Name, TCP, TLS and the upgrade.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why there is no connection.
#[derive(Debug, Error)]
pub(super) enum OpenError {
    /// 429: fixcore has not noticed yet that our last connection is gone, or another worker has this id.
    #[error("fixcore still holds another connection of this subscriber (429: {0})")]
    AlreadyConnected(CoreAnswer),
    /// 404: fixcore does not know our subscriptions.
    #[error("fixcore does not know this subscriber (404: {0})")]
    Unknown(CoreAnswer),
    /// 401, with a new token each time.
    #[error("fixcore does not accept our token (401: {0})")]
    Unauthorized(CoreAnswer),
    /// Fixcore, or what is in front of it, is somewhere else.
    #[error("fixcore answered {0} and is at {1}")]
    Elsewhere(u16, String),
    /// Another status.
    #[error("fixcore answered {0}: {1}")]
    Status(u16, CoreAnswer),
    /// The certificate.
    #[error("the certificate of fixcore is not trusted: {0}")]
    Certificate(String),
    /// The network.
    #[error("fixcore cannot be reached: {0}")]
    Unreachable(String),
    /// A call that has to come first.
    #[error(transparent)]
    Prepare(#[from] CoreError),
}

impl OpenError {
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::AlreadyConnected(_) | Self::Unknown(_) => Failure::Busy,
            Self::Unauthorized(_)
            | Self::Elsewhere(..)
            | Self::Status(..)
            | Self::Certificate(_)
            | Self::Unreachable(_)
            | Self::Prepare(_) => Failure::Other,
        }
    }

    /// What to do about it, where that is not said by the trouble itself.
    pub(super) fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::AlreadyConnected(_) => Some(
                "if it is of another worker, stop that one, or start this one with an id of its own (--subscriber-id)",
            ),
            Self::Elsewhere(..) => Some("give that address as --fixcore-uri"),
            Self::Status(..) => {
                Some("a proxy before fixcore has to pass websockets on (the headers Upgrade and Connection)")
            }
            Self::Unknown(_)
            | Self::Unauthorized(_)
            | Self::Certificate(_)
            | Self::Unreachable(_)
            | Self::Prepare(_) => None,
        }
    }

    fn from_ws(error: &WsError) -> Self {
        match error {
            WsError::Http(response) => {
                let body = response.body().as_deref().unwrap_or_default();
                let answer = CoreAnswer::parse(body);
                let location = response.headers().get("location").and_then(|location| location.to_str().ok());
                match response.status().as_u16() {
                    status @ 300..=399 if let Some(location) = location => {
                        Self::Elsewhere(status, location.chars().take(MAX_LOCATION).collect())
                    }
                    401 => Self::Unauthorized(answer),
                    404 => Self::Unknown(answer),
                    429 => Self::AlreadyConnected(answer),
                    status => Self::Status(status, answer),
                }
            }
            error if is_certificate_error(error) => Self::Certificate(error.to_string()),
            error => Self::Unreachable(error.to_string()),
        }
    }
}

/// Connects with a new token. A 401 leads to another salt for the next attempt, a certificate that is not trusted
/// to a look whether fixcore has a new authority.
pub(super) async fn open_socket(
    client: &CoreClient,
    segments: &[&str],
    query: &[(&str, &str)],
) -> Result<Socket, OpenError> {
    let opened = tokio::time::timeout(CONNECT_WITHIN, connect(client, segments, query)).await;
    let timeout = || OpenError::Unreachable(format!("no answer within {} s", CONNECT_WITHIN.as_secs()));
    let result = opened.map_err(|_| timeout()).flatten();
    match &result {
        Err(OpenError::Unauthorized(_)) => client.renew_token().await,
        Err(OpenError::Certificate(_)) => drop(client.renew_trust().await),
        _ => {}
    }
    result
}

async fn connect(
    client: &CoreClient,
    segments: &[&str],
    query: &[(&str, &str)],
) -> Result<Socket, OpenError> {
    let endpoint = client.endpoint();
    let url = endpoint.websocket_url(segments, query);
    let mut request = url.into_client_request().map_err(|error| OpenError::from_ws(&error))?;
    if let Some(token) = client.authorization().await {
        request.headers_mut().insert(AUTHORIZATION, token);
    }
    let tcp = match endpoint.proxy() {
        None => tcp(endpoint.host(), endpoint.port()).await?,
        Some(proxy) => {
            let (host, port) = (proxy.host_str().unwrap_or_default(), proxy.port_or_known_default());
            let tcp = tcp(host.trim_start_matches('[').trim_end_matches(']'), port.unwrap_or(3128)).await?;
            tunnel(tcp, proxy, endpoint.host(), endpoint.port()).await?
        }
    };
    let connector = client.tls().map_or(Connector::Plain, |tls| Connector::Rustls(Arc::clone(tls)));
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(MAX_MESSAGE);
    config.max_frame_size = Some(MAX_MESSAGE);
    config.read_buffer_size = 16 * 1024;
    config.write_buffer_size = 0;
    let connected = client_async_tls_with_config(request, tcp, Some(config), Some(connector)).await;
    connected.map(|(socket, _response)| socket).map_err(|error| OpenError::from_ws(&error))
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, OpenError> {
    let unreachable = |error: std::io::Error| OpenError::Unreachable(format!("{host}:{port}: {error}"));
    let tcp = TcpStream::connect((host, port)).await.map_err(unreachable)?;
    tcp.set_nodelay(true).map_err(unreachable)?;
    Ok(tcp)
}

/// Asks an HTTP proxy for a way through.
async fn tunnel(
    mut tcp: TcpStream,
    proxy: &reqwest::Url,
    host: &str,
    port: u16,
) -> Result<TcpStream, OpenError> {
    let failed = |why: String| OpenError::Unreachable(format!("through the proxy: {why}"));
    let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(credentials) = basic_credentials(proxy) {
        request.push_str("Proxy-Authorization: ");
        request.push_str(&credentials);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    tcp.write_all(request.as_bytes()).await.map_err(|e| failed(e.to_string()))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 16 * 1024 {
            return Err(failed("its answer is too long".to_owned()));
        }
        head.push(tcp.read_u8().await.map_err(|e| failed(e.to_string()))?);
    }
    let status = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    if status.split_whitespace().nth(1).is_some_and(|code| code.starts_with('2')) {
        Ok(tcp)
    } else {
        Err(failed(format!("it answered `{status}`")))
    }
}
