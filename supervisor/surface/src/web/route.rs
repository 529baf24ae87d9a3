//! From a request to its answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, HeaderName, LOCATION,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use super::page::{self, Pages};
use super::{WebState, health};
use crate::history::{RunId, RunSummary};
use crate::metrics::MetricsHandle;

const TEXT: &str = "text/plain;charset=utf-8";
const JSON: &str = "application/json";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Endpoint {
    Index,
    Events,
    Style,
    Script,
    Icon,
    Live,
    Ready,
    Health,
    Metrics,
    Info,
    Children,
    Runs,
    Run(RunId),
}

impl Endpoint {
    /// Whether it shows accounts: only to programs on this host, and to who has the psk.
    fn is_for_operators(&self) -> bool {
        match self {
            Self::Index | Self::Events | Self::Children | Self::Runs | Self::Run(_) => true,
            Self::Style
            | Self::Script
            | Self::Icon
            | Self::Live
            | Self::Ready
            | Self::Health
            | Self::Metrics
            | Self::Info => false,
        }
    }
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
        "/events" => Found::Endpoint(Endpoint::Events),
        "/page.css" => Found::Endpoint(Endpoint::Style),
        "/page.js" => Found::Endpoint(Endpoint::Script),
        "/icon.svg" => Found::Endpoint(Endpoint::Icon),
        "/live" => Found::Endpoint(Endpoint::Live),
        "/ready" => Found::Endpoint(Endpoint::Ready),
        "/health" => Found::Endpoint(Endpoint::Health),
        "/metrics" => Found::Endpoint(Endpoint::Metrics),
        "/info" => Found::Endpoint(Endpoint::Info),
        "/children" => Found::Endpoint(Endpoint::Children),
        "/runs" => Found::Endpoint(Endpoint::Runs),
        other => match other.strip_prefix("/runs/").map(|id| RunId::try_from(id.to_owned())) {
            Some(Ok(id)) => Found::Endpoint(Endpoint::Run(id)),
            Some(Err(_)) | None => Found::Nothing,
        },
    }
}

/// Whether the client is a program on this host that speaks for itself. A proxy does not, and a browser that a page
/// of somebody else has led here asks for another host.
fn is_local(client: SocketAddr, uri: &Uri, headers: &HeaderMap) -> bool {
    // Through the dual-stack socket 127.0.0.1 arrives as ::ffff:127.0.0.1.
    client.ip().to_canonical().is_loopback() && !speaks_for_others(headers) && asks_for_loopback(uri, headers)
}

/// Whether a proxy has left its mark.
fn speaks_for_others(headers: &HeaderMap) -> bool {
    const MARKS: [&str; 6] =
        ["via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip"];
    headers
        .keys()
        .map(HeaderName::as_str)
        .any(|name| name.starts_with("forwarded") || name.starts_with("x-forwarded") || MARKS.contains(&name))
}

/// Whether the host that is asked for is this one by its loopback name; HTTP/1.0 names none.
fn asks_for_loopback(uri: &Uri, headers: &HeaderMap) -> bool {
    let named = headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
    let Some(host) = uri.authority().map(Authority::as_str).or(named) else { return true };
    let Ok(host) = host.parse::<Authority>() else { return false };
    let host = host.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.to_canonical().is_loopback())
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
    pages: Pages,
}

impl App {
    pub(super) fn new(
        web_path: &str,
        state: Arc<dyn WebState>,
        metrics: MetricsHandle,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let pages = Pages::new(Arc::clone(&state), stopping);
        Self { base: normalize(web_path), state, metrics, checking: Semaphore::new(1), pages }
    }

    /// The service. It has no routes of axum's, because those give a meaning to characters in `web_path`.
    pub(super) fn into_router(self) -> Router {
        let app = Arc::new(self);
        Router::new().fallback(move |(ConnectInfo(client), method, uri, headers): Parts| {
            let app = Arc::clone(&app);
            async move { app.answer(client, &method, &uri, &headers).await }
        })
    }

    async fn answer(&self, client: SocketAddr, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
        let endpoint = match find(uri.path(), &self.base) {
            Found::Endpoint(endpoint) => endpoint,
            Found::Redirect => {
                return (StatusCode::MOVED_PERMANENTLY, [(LOCATION, format!("{}/", self.base))])
                    .into_response();
            }
            Found::Nothing => {
                return text(
                    StatusCode::NOT_FOUND,
                    "there is /, /live, /ready, /health, /metrics, /info, /children and /runs\r\n".to_owned(),
                );
            }
        };
        if !matches!(*method, Method::GET | Method::HEAD) {
            let answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\r\n".to_owned());
            return ([(ALLOW, "GET, HEAD")], answer).into_response();
        }
        if endpoint.is_for_operators() && !self.may_see(client, uri, headers).await {
            return unauthorized(headers);
        }
        let query = uri.query().unwrap_or_default();
        match endpoint {
            Endpoint::Index => self.pages.index(query).await,
            // The head of a stream would be followed by no end.
            Endpoint::Events if *method == Method::GET => self.pages.events(query).await,
            Endpoint::Events => text(StatusCode::METHOD_NOT_ALLOWED, "only GET\r\n".to_owned()),
            Endpoint::Style => page::asset("text/css;charset=utf-8", crate::page::CSS),
            Endpoint::Script => page::asset("text/javascript;charset=utf-8", crate::page::JS),
            Endpoint::Icon => page::asset("image/svg+xml", crate::page::ICON),
            Endpoint::Live => health::live(),
            Endpoint::Ready => health::ready(&self.state.condition(), headers),
            Endpoint::Health => health::health(&self.state.condition(), headers),
            Endpoint::Metrics => ([(CONTENT_TYPE, PROMETHEUS)], self.metrics.render()).into_response(),
            Endpoint::Info => json(&self.state.info()),
            Endpoint::Children => json(&self.state.children()),
            Endpoint::Runs => self.runs(),
            Endpoint::Run(id) => self.run(id).await,
        }
    }

    fn runs(&self) -> Response {
        let summaries = self.state.history().map(|history| history.summaries()).unwrap_or_default();
        json(&summaries.iter().map(AsRef::as_ref).collect::<Vec<&RunSummary>>())
    }

    /// The whole record of a run.
    async fn run(&self, id: RunId) -> Response {
        let Some(history) = self.state.history() else {
            return text(StatusCode::NOT_FOUND, "the history is not open yet\r\n".to_owned());
        };
        let read = tokio::task::spawn_blocking(move || history.read_text(&id)).await;
        match read {
            Ok(Ok(Some(body))) => json_text(body),
            Ok(Ok(None)) => text(StatusCode::NOT_FOUND, "this run is not in the history\r\n".to_owned()),
            Ok(Err(error)) => failed(&error),
            Err(error) => failed(&error),
        }
    }

    async fn may_see(&self, client: SocketAddr, uri: &Uri, headers: &HeaderMap) -> bool {
        if is_local(client, uri, headers) {
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

pub(super) fn text(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, TEXT), (CACHE_CONTROL, "no-store")], body).into_response()
}

fn json(value: &impl Serialize) -> Response {
    json_with(StatusCode::OK, value)
}

pub(super) fn json_with(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(body) => (status, json_text(body)).into_response(),
        Err(error) => failed(&error),
    }
}

/// Clouds have written some of it, so no browser shall take it for anything else.
fn json_text(body: String) -> Response {
    let headers = [(CONTENT_TYPE, JSON), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, body).into_response()
}

fn failed(error: &dyn std::fmt::Display) -> Response {
    text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\r\n"))
}

fn unauthorized(headers: &HeaderMap) -> Response {
    let why = if headers.contains_key(AUTHORIZATION) {
        "the token in the Authorization header is not signed with the psk of this worker, or has expired"
    } else {
        "what runs is shown to programs on this host, and with 'Authorization: Bearer <JWT signed with the psk>'; \
         a browser elsewhere gets here by a tunnel: ssh -L 9956:localhost:9956 THIS-HOST, then \
         http(s)://localhost:9956/"
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
        let run = RunId::try_from("20261202T153012Z-collect".to_owned()).expect("a name");
        for web_path in ["/", "", "fix", "/fix", "/fix/", "/a/{b}*", "/health"] {
            let base = normalize(web_path);
            for (path, endpoint) in [
                ("/", Endpoint::Index),
                ("/live", Endpoint::Live),
                ("/events", Endpoint::Events),
                ("/health", Endpoint::Health),
                ("/health/", Endpoint::Health),
                ("/metrics", Endpoint::Metrics),
                ("/info", Endpoint::Info),
                ("/children", Endpoint::Children),
                ("/runs/", Endpoint::Runs),
                ("/runs/20261202T153012Z-collect", Endpoint::Run(run.clone())),
            ] {
                let wanted = Found::Endpoint(endpoint.clone());
                assert_eq!(find(&format!("{base}{path}"), &base), wanted, "{web_path} {path}");
                if web_path != "/health" {
                    assert_eq!(find(path, &base), Found::Endpoint(endpoint), "{web_path} {path}");
                }
            }
        }
        assert_eq!(find("/fix", "/fix"), Found::Redirect);
        for path in [
            "/nope",
            "/fixhealth",
            "/fix/nope",
            "/fix/fix/health",
            "/health/x",
            "/runs/x",
            "/runs/2/3",
            "/runs/%2e%2e",
            "//",
            "/..",
        ] {
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
            let uri = Uri::from_static("/children");
            assert_eq!(is_local(address.parse().expect("an address"), &uri, &none), local, "{address}");
        }
        let local = |uri: &'static str, header: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(header), HeaderValue::from_static(value));
            is_local("127.0.0.1:1".parse().expect("an address"), &Uri::from_static(uri), &headers)
        };
        for name in [
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-real-ip",
            "via",
            "cf-connecting-ip",
            "true-client-ip",
        ] {
            assert!(!local("/", name, "1.2.3.4"), "{name}");
        }
        for host in ["localhost", "LOCALHOST:9956", "127.0.0.1", "127.1.2.3:80", "[::1]:9956"] {
            assert!(local("/", "host", host), "{host}");
        }
        for host in
            ["evil.example.com", "localhost.evil.com:9956", "10.0.0.1", "127.0.0.1.nip.io", "", "[::2]"]
        {
            assert!(!local("/", "host", host), "{host}");
        }
        assert!(local("http://127.0.0.1:1/", "accept", "*/*") && !local("http://evil.com/", "accept", "*/*"));
    }
}
