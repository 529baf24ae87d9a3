//! One pool of HTTP/1.1 connections for all hosts, with limits on time and size: one TLS, one set of proxies, and one
//! place that says why a host was not reached.

mod connector;
mod encoding;
mod proxies;
mod stream;
mod tls;
mod trouble;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::PROXY_AUTHORIZATION;
use http::uri::Scheme;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::tape::{self, MakesCredentials, Tape};

use connector::Connector;
use proxies::Proxies;
use tls::Tls;
pub use tls::{CaBundle, ClientCertificate, Roots, Server};
pub use trouble::{TransportTrouble, span};

/// Clouds close idle connections after 20 s at the earliest; who closes first saves a lost request.
const IDLE: Duration = Duration::from_secs(18);
const IDLE_CONNECTIONS_PER_HOST: usize = 20;
/// Nothing is allocated in advance for more than this, whatever an answer announces.
const TRUSTED_LENGTH: usize = 1 << 20;

/// Limits of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until a connection is there: name, proxy, TCP and TLS.
    pub connect: Duration,
    /// Until the next bytes come.
    pub read: Duration,
    /// Until the answer has ended.
    pub answer: Duration,
    /// Bytes of an answer's body.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_mins(1),
            answer: Duration::from_mins(5),
            answer_bytes: 64 << 20,
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as it came.
    pub body: Bytes,
}

impl Answer {
    /// A header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The way to all hosts. Clones share it.
#[derive(Clone)]
pub struct Transport {
    pool: legacy::Client<Connector, Full<Bytes>>,
    tls: Tls,
    proxies: Arc<Proxies>,
    limits: Limits,
    /// What becomes of the exchanges of this process.
    tape: Option<&'static Tape>,
    makes_credentials: bool,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { proxies, limits, .. } = self;
        f.debug_struct("Transport").field("proxies", proxies).field("limits", limits).finish_non_exhaustive()
    }
}

impl Transport {
    /// Proxies come from `variable`, the environment; `roots` may name a file of those to trust in place of
    /// the machine's. Nothing is opened or read before the first request. An error, in words, for proxies that are none.
    pub fn new(
        limits: Limits,
        roots: Roots,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        Ok(Self::of_parts(Tls::new(roots), Arc::new(Proxies::new(variable)?), limits))
    }

    /// For calls to one server, which has its own authorities, proxy or knows us by a certificate. What it does not say is as
    /// for [`Self::new`].
    pub fn to_server(
        limits: Limits,
        roots: Roots,
        server: Server,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let proxies = match &server.proxy {
            Some(proxy) => Proxies::always(proxy)?,
            None => Proxies::new(variable)?,
        };
        Ok(Self::of_parts(Tls::to_server(roots, server), Arc::new(proxies), limits))
    }

    /// The limits of one attempt.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The same TLS and proxies with other limits, and connections of its own.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        let makes_credentials = self.makes_credentials;
        Self { makes_credentials, ..Self::of_parts(self.tls.clone(), self.proxies.clone(), limits) }
    }

    /// The same one for requests whose answers are credentials: recordings keep nothing of them.
    #[must_use]
    pub fn for_credentials(&self) -> Self {
        Self { makes_credentials: true, ..self.clone() }
    }

    fn of_parts(tls: Tls, proxies: Arc<Proxies>, limits: Limits) -> Self {
        let connector = Connector::new(tls.clone(), proxies.clone(), limits.connect);
        let pool = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST)
            .build(connector);
        Self { pool, tls, proxies, limits, tape: tape::current(), makes_credentials: false }
    }

    /// Sends a request and reads the answer. No redirect is followed.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, TransportTrouble> {
        self.send_within(request, self.limits).await
    }

    /// As [`Self::send`], with other limits; that on connecting holds only where it is tighter.
    pub async fn send_within(
        &self,
        mut request: Request<Full<Bytes>>,
        limits: Limits,
    ) -> Result<Answer, TransportTrouble> {
        let Some(tape) = self.tape else { return self.deliver(request, limits).await };
        if self.makes_credentials {
            request.extensions_mut().insert(MakesCredentials);
        }
        let unpacked = |answer: &Answer| self.body(answer).ok();
        tape::pass(tape, request, unpacked, |request| self.deliver(request, limits)).await
    }

    async fn deliver(
        &self,
        mut request: Request<Full<Bytes>>,
        limits: Limits,
    ) -> Result<Answer, TransportTrouble> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        self.introduce(&mut request);
        let first = limits.connect.saturating_add(limits.read);
        let all = async {
            let response = tokio::time::timeout(first, self.pool.request(request))
                .await
                .map_err(|_| TransportTrouble::silent(&host, limits.read))?
                .map_err(|error| TransportTrouble::of_pool(&host, &error))?;
            read(&host, response, limits).await
        };
        match tokio::time::timeout(limits.answer, all).await {
            Ok(answer) => answer,
            Err(_) => Err(TransportTrouble::slow(&host, limits.answer)),
        }
    }

    /// The body of an answer, unpacked if it came compressed; the reason, in words, if that is not possible.
    pub fn body(&self, answer: &Answer) -> Result<Bytes, String> {
        encoding::unpacked(&answer.headers, &answer.body, self.limits.answer_bytes)
    }

    /// A proxy that forwards plain requests wants its password with each of them.
    fn introduce(&self, request: &mut Request<Full<Bytes>>) {
        if request.uri().scheme() == Some(&Scheme::HTTP)
            && let Some(proxy) = self.proxies.of(request.uri())
            && let Some(auth) = proxy.basic_auth()
        {
            request.headers_mut().insert(PROXY_AUTHORIZATION, auth.clone());
        }
    }
}

async fn read(host: &str, response: Response<Incoming>, limits: Limits) -> Result<Answer, TransportTrouble> {
    let (head, mut body) = response.into_parts();
    let too_large = || TransportTrouble::TooLarge(host.to_owned(), limits.answer_bytes);
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limits.answer_bytes {
        return Err(too_large());
    }
    let mut gathered = Gathered::default();
    loop {
        let frame = tokio::time::timeout(limits.read, body.frame())
            .await
            .map_err(|_| TransportTrouble::silent(host, limits.read))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| TransportTrouble::of_pool(host, &error))?;
        if let Ok(bytes) = frame.into_data() {
            if gathered.len() + bytes.len() > limits.answer_bytes {
                return Err(too_large());
            }
            gathered.add(bytes, announced.min(TRUSTED_LENGTH));
        }
    }
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: gathered.finish() })
}

/// A body: most come in one piece, which is not copied.
#[derive(Default)]
enum Gathered {
    #[default]
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }

    fn add(&mut self, more: Bytes, announced: usize) {
        *self = match std::mem::take(self) {
            Self::Nothing => Self::One(more),
            Self::One(bytes) => {
                let mut all = BytesMut::with_capacity(announced.max(bytes.len() + more.len()));
                all.extend_from_slice(&bytes);
                all.extend_from_slice(&more);
                Self::Many(all)
            }
            Self::Many(mut all) => {
                all.extend_from_slice(&more);
                Self::Many(all)
            }
        };
    }

    fn finish(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}
