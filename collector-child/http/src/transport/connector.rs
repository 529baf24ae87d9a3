//! How connections come about: name, proxy, TCP, TLS, all within one limit of time.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tower_service::Service;

use super::proxies::Proxies;
use super::stream::Stream;
use super::tls::Tls;
use super::trouble::{TransportTrouble, root};

const KEEPALIVE: Duration = Duration::from_secs(30);
/// Each look-up holds a thread.
const LOOKUPS_AT_ONCE: usize = 4;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector<Resolver>,
    tls: Tls,
    proxies: Arc<Proxies>,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(tls: Tls, proxies: Arc<Proxies>, limit: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(Arc::new(Semaphore::new(LOOKUPS_AT_ONCE))));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        Self { tcp, tls, proxies, limit }
    }

    async fn connect(self, to: Uri) -> Result<Stream, TransportTrouble> {
        let host = to.host().unwrap_or_default().to_owned();
        let secure = to.scheme() == Some(&Scheme::HTTPS);
        let proxy = self.proxies.of(&to);
        let io = match &proxy {
            None => self.tcp(&to).await?,
            Some(proxy) if secure => self.tunnel(&to, proxy).await?,
            Some(proxy) => self.to_proxy(proxy).await?,
        };
        if !secure {
            return Ok(Stream::Plain { io, by_proxy: proxy.is_some() });
        }
        let tls = self.tls.connector().await.map_err(TransportTrouble::Setup)?;
        let name = self.tls.name_of(&host).trim_start_matches('[').trim_end_matches(']').to_owned();
        let failed = |why: String| TransportTrouble::Tls(host.clone(), why);
        let name = ServerName::try_from(name).map_err(|error| failed(error.to_string()))?;
        let stream = tls.connect(name, io.into_inner()).await.map_err(|error| failed(root(&error)))?;
        Ok(Stream::Tls(Box::new(TokioIo::new(stream))))
    }

    async fn tcp(&self, to: &Uri) -> Result<TokioIo<TcpStream>, TransportTrouble> {
        let host = to.host().unwrap_or_default();
        self.tcp.clone().call(to.clone()).await.map_err(|error| {
            match TransportTrouble::of_pool(host, &error) {
                TransportTrouble::Broken(host, why) => TransportTrouble::Connect(host, why),
                other => other,
            }
        })
    }

    async fn to_proxy(&self, proxy: &Intercept) -> Result<TokioIo<TcpStream>, TransportTrouble> {
        let name = proxy_name(proxy);
        if proxy.uri().scheme() != Some(&Scheme::HTTP) {
            let why = "only proxies with http:// addresses are spoken to".to_owned();
            return Err(TransportTrouble::Proxy(name, why));
        }
        self.tcp(proxy.uri()).await.map_err(|trouble| TransportTrouble::Proxy(name, trouble.to_string()))
    }

    async fn tunnel(&self, to: &Uri, proxy: &Intercept) -> Result<TokioIo<TcpStream>, TransportTrouble> {
        let name = proxy_name(proxy);
        if proxy.uri().scheme() != Some(&Scheme::HTTP) {
            return self.to_proxy(proxy).await;
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.tcp.clone());
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        tunnel.call(to.clone()).await.map_err(|error| TransportTrouble::Proxy(name, root(&error)))
    }
}

/// Without user and password, which its address may hold.
fn proxy_name(proxy: &Intercept) -> String {
    let uri = proxy.uri();
    let host = uri.host().unwrap_or_default();
    uri.port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = TransportTrouble;
    type Future = BoxFuture<Result<Stream, TransportTrouble>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportTrouble>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let (limit, host) = (connector.limit, to.host().unwrap_or_default().to_owned());
            match tokio::time::timeout(limit, connector.connect(to)).await {
                Ok(connected) => connected,
                Err(_) => Err(TransportTrouble::unreached(&host, limit)),
            }
        })
    }
}

/// The names of the machine, with errors that can be told apart.
#[derive(Clone)]
struct Resolver(Arc<Semaphore>);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = TransportTrouble;
    type Future = BoxFuture<Result<Self::Response, TransportTrouble>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportTrouble>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let slots = self.0.clone();
        Box::pin(async move {
            let _slot = slots.acquire_owned().await;
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map(Iterator::collect::<Vec<_>>);
            match found {
                Ok(addresses) if addresses.is_empty() => Err(TransportTrouble::NoSuchHost(name.to_string())),
                Ok(addresses) => Ok(addresses.into_iter()),
                Err(error) => Err(TransportTrouble::of_lookup(name.as_str(), &error)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_proxies_are_not_named() {
        let proxies = Proxies::new(&|name| {
            (name == "HTTPS_PROXY").then(|| "http://user:hunter2@proxy.example:3128".to_owned())
        })
        .unwrap();
        let proxy = proxies.of(&Uri::from_static("https://ec2.eu-west-1.cloud.example")).unwrap();
        assert_eq!(proxy_name(&proxy), "proxy.example:3128");
        assert!(proxy.basic_auth().is_some());
    }
}
