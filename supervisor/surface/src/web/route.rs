//! From a request to its answer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, FORWARDED, HeaderMap, HeaderName, LOCATION,
    WWW_AUTHENTICATE,
};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::{Health, WebState};
use crate::metrics::MetricsHandle;
use crate::text::one_line;

const TEXT: &str = "text/plain;charset=utf-8";
const JSON: &str = "application/json";
const HTML: &str = "text/html;charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

const INDEX: &str = "<!DOCTYPE html>\n<html><head><title>fixworker</title></head><body><h1>fixworker</h1><ul>\n\
    <li><a href=\"health\">health</a>: is everything well?</li>\n\
    <li><a href=\"metrics\">metrics</a>: for Prometheus</li>\n\
    <li><a href=\"info\">info</a>: which collectors there are</li>\n\
    <li><a href=\"children\">children</a>: what runs now</li>\n</ul></body></html>\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Index,
    Health,
    Metrics,
    Info,
    Children,
}

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Endpoint(Endpoint),
    /// The base path without its slash, from which the links of the index would lead astray.
    Redirect,
    Nothing,
}

/// `web_path` with a slash in front and none behind; empty for the root.
fn normalize(web_path: &str) -> String {
    match web_path.trim().trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

/// Where `path` leads if the endpoints are at the root and below `base`, which is normalized.
fn find(path: &str, base: &str) -> Found {
    if !base.is_empty() && path == base {
        return Found::Redirect;
    }
    let below = path.strip_prefix(base).filter(|rest| rest.starts_with('/')).unwrap_or(path);
    match below.trim_end_matches('/') {
        "" => Found::Endpoint(Endpoint::Index),
        "/health" => Found::Endpoint(Endpoint::Health),
        "/metrics" => Found::Endpoint(Endpoint::Metrics),
        "/info" => Found::Endpoint(Endpoint::Info),
        "/children" => Found::Endpoint(Endpoint::Children),
        _ => Found::Nothing,
    }
}

/// Whether the client is a program on this host. One that speaks for others (a proxy) is not.
fn is_local(client: SocketAddr, headers: &HeaderMap) -> bool {
    const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
    let for_others = [FORWARDED, FORWARDED_FOR, REAL_IP].iter().any(|name| headers.contains_key(name));
    // Through the dual-stack socket 127.0.0.1 arrives as ::ffff:127.0.0.1.
    client.ip().to_canonical().is_loopback() && !for_others
}

/// What an answer depends on.
type Parts = (ConnectInfo<SocketAddr>, Method, Uri, HeaderMap);

/// Answers requests.
pub(super) struct App {
    base: String,
    state: Arc<dyn WebState>,
    metrics: MetricsHandle,
    /// Checking a token costs tens of milliseconds of CPU: strangers get one core at most.
    checking: Semaphore,
}

impl App {
    pub(super) fn new(web_path: &str, state: Arc<dyn WebState>, metrics: MetricsHandle) -> Self {
        Self { base: normalize(web_path), state, metrics, checking: Semaphore::new(1) }
    }

    /// The service. It has no routes of axum's, because those give a meaning to characters in `web_path`.
    pub(super) fn into_router(self) -> Router {
        let app = Arc::new(self);
        Router::new().fallback(move |(ConnectInfo(client), method, uri, headers): Parts| {
            let app = Arc::clone(&app);
            async move { app.answer(client, &method, uri.path(), &headers).await }
        })
    }

    async fn answer(&self, client: SocketAddr, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        let endpoint = match find(path, &self.base) {
            Found::Endpoint(endpoint) => endpoint,
            Found::Redirect => {
                return (StatusCode::MOVED_PERMANENTLY, [(LOCATION, format!("{}/", self.base))])
                    .into_response();
            }
            Found::Nothing => {
                return text(
                    StatusCode::NOT_FOUND,
                    "there is /health, /metrics, /info and /children\r\n".to_owned(),
                );
            }
        };
        if !matches!(*method, Method::GET | Method::HEAD) {
            let answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\r\n".to_owned());
            return ([(ALLOW, "GET, HEAD")], answer).into_response();
        }
        match endpoint {
            Endpoint::Index => ([(CONTENT_TYPE, HTML)], INDEX).into_response(),
            Endpoint::Health => health(&self.state.health()),
            Endpoint::Metrics => ([(CONTENT_TYPE, PROMETHEUS)], self.metrics.render()).into_response(),
            Endpoint::Info => json(&self.state.info()),
            Endpoint::Children if self.may_see(client, headers).await => json(&self.state.children()),
            Endpoint::Children => unauthorized(headers),
        }
    }

    async fn may_see(&self, client: SocketAddr, headers: &HeaderMap) -> bool {
        if is_local(client, headers) {
            return true;
        }
        let Some(value) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned)
        else {
            return false;
        };
        let Ok(_turn) = self.checking.acquire().await else {
            return false;
        };
        let state = Arc::clone(&self.state);
        let checked = tokio::task::spawn_blocking(move || state.authorize(Some(&value))).await;
        checked.unwrap_or_else(|error| {
            tracing::warn!("the check of a token failed: {error}");
            false
        })
    }
}

fn text(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, TEXT), (CACHE_CONTROL, "no-store")], body).into_response()
}

fn json(value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(body) => ([(CONTENT_TYPE, JSON), (CACHE_CONTROL, "no-store")], body).into_response(),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("no JSON: {error}\r\n")),
    }
}

/// The peer's answer, to the byte.
fn health(health: &Health) -> Response {
    if health.unhealthy.is_empty() {
        return text(StatusCode::OK, "ok\r\n".to_owned());
    }
    let mut body = "not ok\r\n\r\n".to_owned();
    for name in &health.unhealthy {
        body.extend(["- ", &one_line(name), "\r\n"]);
    }
    text(StatusCode::SERVICE_UNAVAILABLE, body)
}

fn unauthorized(headers: &HeaderMap) -> Response {
    let why = if headers.contains_key(AUTHORIZATION) {
        "the token in the Authorization header is not signed with the psk of this worker, or has expired"
    } else {
        "what runs is shown to programs on this host, and with 'Authorization: Bearer <JWT signed with the psk>'"
    };
    ([(WWW_AUTHENTICATE, "Bearer")], text(StatusCode::UNAUTHORIZED, format!("not authorized: {why}\r\n")))
        .into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn endpoints_are_at_the_root_and_below_the_base() {
        for web_path in ["/", "", "fix", "/fix", "/fix/", "/a/{b}*", "/health"] {
            let base = normalize(web_path);
            for (path, endpoint) in [
                ("/", Endpoint::Index),
                ("/health", Endpoint::Health),
                ("/health/", Endpoint::Health),
                ("/metrics", Endpoint::Metrics),
                ("/info", Endpoint::Info),
                ("/children", Endpoint::Children),
            ] {
                assert_eq!(
                    find(&format!("{base}{path}"), &base),
                    Found::Endpoint(endpoint),
                    "{web_path} {path}"
                );
                if web_path != "/health" {
                    assert_eq!(find(path, &base), Found::Endpoint(endpoint), "{web_path} {path}");
                }
            }
        }
        assert_eq!(find("/fix", "/fix"), Found::Redirect);
        for path in ["/nope", "/fixhealth", "/fix/nope", "/fix/fix/health", "/health/x", "//", "/.."] {
            let expected = if path == "//" { Found::Endpoint(Endpoint::Index) } else { Found::Nothing };
            assert_eq!(find(path, "/fix"), expected, "{path}");
        }
    }

    #[test]
    fn local_is_who_comes_from_this_host_for_itself() {
        let none = HeaderMap::new();
        for (address, local) in [
            ("127.0.0.1:1", true),
            ("127.8.8.8:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("[::ffff:10.0.0.1]:1", false),
            ("10.0.0.1:1", false),
            ("[2001:db8::1]:1", false),
        ] {
            assert_eq!(is_local(address.parse().expect("an address"), &none), local, "{address}");
        }
        for name in ["forwarded", "x-forwarded-for", "x-real-ip"] {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1.2.3.4"));
            assert!(!is_local("127.0.0.1:1".parse().expect("an address"), &headers), "{name}");
        }
    }
}
