//! The client behind all calls: tokens, trust, limits, and one retry where a call could not have worked.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use rustls::ClientConfig;
use tokio::sync::watch;

use super::answer::CoreAnswer;
use super::error::CoreError;
use super::transport::{Keep, http_client, read_limited, read_start};
use crate::endpoint::Endpoint;
use crate::subscriber::Subscriber;
use crate::token::TokenMaker;

/// Error texts are not longer.
pub(super) const MAX_ERROR_BODY: usize = 64 * 1024;
/// Configs and models: aws has 1.1 MB, four clouds below 5 MB.
pub(super) const MAX_DOCUMENT: usize = 64 * 1024 * 1024;

/// Speaks to one fixcore as one subscriber. Cheap to clone.
#[derive(Clone)]
pub struct CoreClient {
    inner: Arc<Inner>,
}

/// Keeps the trust in fixcore in step with its authority.
pub(crate) trait Trust: Send + Sync {
    /// Counts up with each new authority.
    fn changes(&self) -> watch::Receiver<u64>;

    /// After a certificate was not accepted: whether fixcore has proven a new authority, which is trusted now.
    fn look_again<'a>(&'a self, endpoint: &'a Endpoint) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>>;
}

struct Inner {
    endpoint: Endpoint,
    subscriber: Subscriber,
    http: Client,
    tls: Option<Arc<ClientConfig>>,
    tokens: Option<TokenMaker>,
    trust: Option<Box<dyn Trust>>,
}

impl std::fmt::Debug for CoreClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoreClient")
            .field("uri", &self.inner.endpoint.uri())
            .field("subscriber", &self.inner.subscriber.name())
            .finish_non_exhaustive()
    }
}

/// One call. `action` continues "cannot ...".
pub(crate) struct Call<'a> {
    pub(crate) action: String,
    pub(crate) method: Method,
    pub(crate) segments: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) headers: &'a [(HeaderName, &'static str)],
    pub(crate) body: Bytes,
    pub(crate) timeout: Duration,
    pub(crate) limit: usize,
}

impl<'a> Call<'a> {
    pub(crate) fn new(action: String, method: Method, segments: &'a [&'a str]) -> Self {
        let (timeout, limit) = (Duration::from_mins(1), MAX_DOCUMENT);
        Self { action, method, segments, query: &[], headers: &[], body: Bytes::new(), timeout, limit }
    }
}

/// An answer with a status of success or not (but never 401).
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl CoreClient {
    pub(crate) fn new(
        endpoint: Endpoint,
        subscriber: impl Into<Subscriber>,
        tls: Option<Arc<ClientConfig>>,
        trust: Option<Box<dyn Trust>>,
    ) -> reqwest::Result<Self> {
        crate::tls::install_default();
        let http = http_client(tls.as_ref(), endpoint.proxy())?;
        let tokens = endpoint.psk().cloned().map(TokenMaker::new);
        let subscriber = subscriber.into();
        Ok(Self { inner: Arc::new(Inner { endpoint, subscriber, http, tls, tokens, trust }) })
    }

    /// Where fixcore is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// Who we are.
    pub fn subscriber(&self) -> &Subscriber {
        &self.inner.subscriber
    }

    pub(crate) fn http(&self) -> &Client {
        &self.inner.http
    }

    pub(crate) fn tls(&self) -> Option<&Arc<ClientConfig>> {
        self.inner.tls.as_ref()
    }

    /// Counts up whenever fixcore turned out to have a new certificate authority.
    pub(crate) fn authorities(&self) -> Option<watch::Receiver<u64>> {
        self.inner.trust.as_ref().map(|trust| trust.changes())
    }

    /// A new token; `None` without a pre-shared key.
    pub(crate) async fn authorization(&self) -> Option<HeaderValue> {
        match &self.inner.tokens {
            Some(tokens) => Some(tokens.bearer().await),
            None => None,
        }
    }

    /// After a 401: the next token has a new salt.
    pub(crate) async fn renew_token(&self) {
        if let Some(tokens) = &self.inner.tokens {
            tokens.forget_key().await;
        }
    }

    /// After a certificate was not accepted: asks fixcore whether it has a new authority and can prove it. True
    /// if it has, so that another attempt is worth it.
    pub(crate) async fn renew_trust(&self) -> bool {
        match &self.inner.trust {
            Some(trust) => trust.look_again(&self.inner.endpoint).await,
            None => false,
        }
    }

    /// Makes a call. A 401 is repeated once with a new token, a certificate that is not trusted once if fixcore
    /// has proven a new authority. Any status but 401 is returned.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, CoreError> {
        match self.call_once(&call).await {
            Err(CoreError::Unauthorized { .. }) if self.inner.tokens.is_some() => {
                self.renew_token().await;
                self.call_once(&call).await
            }
            Err(CoreError::Certificate { .. }) if self.renew_trust().await => self.call_once(&call).await,
            result => result,
        }
    }

    /// Makes a call that has to succeed.
    pub(crate) async fn call_ok(&self, call: Call<'_>) -> Result<Answer, CoreError> {
        let action = call.action.clone();
        expect_success(&action, self.call(call).await?)
    }

    /// Makes a call once.
    pub(crate) async fn call_once(&self, call: &Call<'_>) -> Result<Answer, CoreError> {
        let url = self.inner.endpoint.call_url(call.segments);
        let mut request = self.inner.http.request(call.method.clone(), url).query(call.query);
        for (name, value) in call.headers {
            request = request.header(name, *value);
        }
        if call.method == Method::POST && call.body.is_empty() {
            // The library says nothing about an empty body, and some proxies answer 411 to that.
            request = request.header(CONTENT_LENGTH, 0);
        }
        if let Some(token) = self.authorization().await {
            request = request.header(AUTHORIZATION, token);
        }
        let request = request.body(call.body.clone()).timeout(call.timeout);
        let timed = |error| CoreError::from_transport(&call.action, error, Some(call.timeout));
        let response = request.send().await.map_err(timed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = if status.is_success() {
            let keep = if call.limit == 0 { Keep::Nothing } else { Keep::All };
            let limit = if call.limit == 0 { MAX_DOCUMENT } else { call.limit };
            read_limited(&call.action, response, limit, keep).await?
        } else {
            // The status says enough if the text is lost or endless.
            read_start(response, MAX_ERROR_BODY).await
        };
        if status == StatusCode::UNAUTHORIZED {
            let answer = CoreAnswer::parse(&body);
            return Err(CoreError::Unauthorized { action: call.action.clone(), answer });
        }
        Ok(Answer { status, headers, body })
    }
}

pub(crate) fn expect_success(action: &str, answer: Answer) -> Result<Answer, CoreError> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    Err(CoreError::Refused {
        action: action.to_owned(),
        status: answer.status.as_u16(),
        answer: CoreAnswer::parse(&answer.body),
    })
}

/// Serializes a body; fails only for maps with keys that are not strings, which JSON values can not have.
pub(crate) fn to_body<T: serde::Serialize + ?Sized>(action: &str, value: &T) -> Result<Bytes, CoreError> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|error| CoreError::Unsendable { action: action.to_owned(), cause: error.to_string() })
}
