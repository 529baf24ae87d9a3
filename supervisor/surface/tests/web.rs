//! A real web server, asked over plain TCP and TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use fixworker_surface::history::History;
use fixworker_surface::metrics::{self, MetricsHandle};
use fixworker_surface::status::{Board, Condition, Connection, Degraded, Happened, LinkState, Stage};
use fixworker_surface::web::{Info, WebConfig, WebServer, WebState, WebTls, serve};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Default)]
struct State {
    unhealthy: AtomicBool,
    checks: AtomicUsize,
    degraded: AtomicBool,
    starting: AtomicBool,
    board: Board,
}

impl WebState for State {
    fn condition(&self) -> Condition {
        let link = |name: &str| Connection {
            name: name.to_owned(),
            state: LinkState::Down,
            since: None,
            why: Some("gone".to_owned()),
        };
        let names =
            if self.unhealthy.load(Ordering::SeqCst) { &["CoreActions", "CoreTasks"][..] } else { &[] };
        let degraded = self.degraded.load(Ordering::SeqCst);
        let degraded = degraded.then(|| Degraded { name: "History".to_owned(), why: "full".to_owned() });
        Condition {
            connections: names.iter().map(|name| link(name)).collect(),
            degraded: degraded.into_iter().collect(),
            stage: if self.starting.load(Ordering::SeqCst) { Stage::Starting } else { Stage::Serving },
            ..Condition::default()
        }
    }

    fn board(&self) -> Board {
        self.board.clone()
    }

    fn children(&self) -> Value {
        json!([{"account": "aws/1", "pid": 4711}])
    }

    fn history(&self) -> Option<History> {
        static HISTORY: LazyLock<(tempfile::TempDir, History)> = LazyLock::new(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let history = History::open(folder.path()).expect("opened");
            (folder, history)
        });
        Some(HISTORY.1.clone())
    }

    fn info(&self) -> Info {
        Info {
            active_collectors: vec!["example".to_owned()],
            all_collectors: vec!["example".to_owned(), "random".to_owned()],
            sandbox: serde_json::json!({"sandbox": "auto"}),
            credentials: [("a".to_owned(), "brokered".to_owned())].into(),
        }
    }

    fn authorize(&self, header: Option<&str>) -> bool {
        self.checks.fetch_add(1, Ordering::SeqCst);
        header == Some("Bearer good")
    }
}

fn metrics() -> MetricsHandle {
    static HANDLE: LazyLock<MetricsHandle> =
        LazyLock::new(|| metrics::install().expect("the first of this process"));
    HANDLE.clone()
}

async fn start(path: &str, tls: Option<WebTls>) -> (WebServer, Arc<State>) {
    let state = Arc::new(State::default());
    let config = WebConfig { host: "127.0.0.1".to_owned(), port: 0, path: path.to_owned(), tls };
    let server = serve(config, state.clone(), metrics()).await.expect("a free port");
    (server, state)
}

/// Sends `request` and returns all that comes back until the server closes.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        // The server may close with something of ours unread.
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8(answer).expect("text"),
    }
}

async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> String {
    let stream = TcpStream::connect(address).await.expect("connected");
    exchange(
        stream,
        &format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"),
    )
    .await
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = ask(address, "GET", path, "").await;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
}

#[tokio::test]
async fn health_is_the_peers_to_the_byte() {
    let (server, state) = start("/", None).await;
    assert_eq!(get(server.address(), "/health").await, (200, "ok\r\n".to_owned()));
    state.unhealthy.store(true, Ordering::SeqCst);
    let expected = "not ok\r\n\r\n- CoreActions: gone\r\n- CoreTasks: gone\r\n".to_owned();
    assert_eq!(get(server.address(), "/health").await, (503, expected));
    let head = ask(server.address(), "HEAD", "/health", "").await.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 503 ") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: text/plain;charset=utf-8\r\n"), "{head}");
    let answer = ask(server.address(), "POST", "/health", "Content-Length: 0\r\n").await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 405 ") && answer.contains("\r\nallow: get, head\r\n"), "{answer}");
}

#[tokio::test]
async fn live_ready_and_health_answer_three_questions() {
    let (server, state) = start("/", None).await;
    let address = server.address();
    let all = async |paths: [&'static str; 3]| {
        let mut codes = Vec::new();
        for path in paths {
            codes.push(get(address, path).await.0);
        }
        codes
    };
    let paths = ["/live", "/ready", "/health"];
    assert_eq!(all(paths).await, [200, 200, 200]);
    state.degraded.store(true, Ordering::SeqCst);
    assert_eq!(
        get(address, "/health").await,
        (200, "ok\r\n\r\ndegraded\r\n\r\n- History: full\r\n".to_owned())
    );
    let body = ask(address, "GET", "/health", "Accept: application/json\r\n").await;
    let expected = r#"{"status":"degraded","failing":[],"degraded":[{"name":"History","why":"full"}]}"#;
    assert!(body.starts_with("HTTP/1.1 200 ") && body.ends_with(expected), "{body}");
    state.starting.store(true, Ordering::SeqCst);
    assert_eq!(all(paths).await, [200, 503, 200], "it starts: that is no fault");
    state.starting.store(false, Ordering::SeqCst);
    state.unhealthy.store(true, Ordering::SeqCst);
    assert_eq!(all(paths).await, [200, 503, 503], "fixcore is away: no reason to kill it");
}

#[tokio::test]
async fn the_page_is_secured_as_the_children_are_and_its_stream_brings_what_changes() {
    let (server, state) = start("/deep", None).await;
    let address = server.address();
    for path in ["/", "/events", "/deep/", "/deep/events"] {
        let answer = ask(address, "GET", path, "X-Forwarded-For: 203.0.113.9\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("ssh -L"), "{answer}");
    }
    for path in ["/", "/deep/page.css", "/page.js", "/icon.svg"] {
        let answer = ask(address, "GET", path, "").await.to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 200 "), "{answer}");
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'",
            "x-content-type-options: nosniff",
        ] {
            assert!(answer.contains(header), "{path}: {answer}");
        }
    }
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(b"GET /deep/events?q=x HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    let mut seen = String::new();
    let mut buffer = [0; 1 << 13];
    while !seen.contains("Nothing runs.") {
        let got = stream.read(&mut buffer).await.expect("read");
        seen.push_str(&String::from_utf8_lossy(&buffer[..got]));
    }
    assert!(seen.contains("text/event-stream") && seen.contains("data: <main id="), "{seen}");
    state.board.tell(Happened::Began { task: "t".to_owned() }, jiff::Timestamp::now());
    while !seen.contains("It collects.") {
        let got = stream.read(&mut buffer).await.expect("read");
        seen.push_str(&String::from_utf8_lossy(&buffer[..got]));
    }
    server.stop(Duration::from_mins(1)).await;
    while stream.read(&mut buffer).await.expect("read") > 0 {}
}

#[tokio::test]
async fn info_and_metrics_are_for_everybody() {
    let (server, _) = start("/", None).await;
    let (status, body) = get(server.address(), "/info").await;
    assert_eq!(status, 200);
    let expected = json!({
        "active_collectors": ["example"],
        "all_collectors": ["example", "random"],
        "sandbox": {"sandbox": "auto"},
        "credentials": {"a": "brokered"}
    });
    assert_eq!(serde_json::from_str::<Value>(&body).expect("JSON"), expected);
    metrics::uploaded(1);
    let (status, body) = get(server.address(), "/metrics").await;
    assert_eq!(status, 200);
    for name in
        ["fix_cleanup_seconds_count 0", "fixworker_uploaded_bytes_total ", "process_resident_memory_bytes "]
    {
        assert!(body.lines().any(|line| line.starts_with(name)), "{name} is not in\n{body}");
    }
    let answer = ask(server.address(), "GET", "/metrics", "").await.to_ascii_lowercase();
    assert!(answer.contains("\r\ncontent-type: text/plain; version=0.0.4"), "{answer}");
}

#[tokio::test]
async fn children_are_for_this_host_and_for_those_with_the_psk() {
    let (server, state) = start("/", None).await;
    let address = server.address();
    let (status, body) = get(address, "/children").await;
    assert_eq!((status, body.as_str()), (200, r#"[{"account":"aws/1","pid":4711}]"#));
    assert_eq!(state.checks.load(Ordering::SeqCst), 0, "this host needs no check");

    // A page of somebody else has led a browser here, by a name that leads to this host.
    let stream = TcpStream::connect(address).await.expect("connected");
    let request = "GET /children HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n";
    let rebound = exchange(stream, request).await;
    assert!(rebound.starts_with("HTTP/1.1 401 "), "{rebound}");

    // A proxy on this host speaks for others.
    let remote = "X-Forwarded-For: 203.0.113.9\r\n";
    let answer = ask(address, "GET", "/children", remote).await;
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("Authorization: Bearer"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("\r\nwww-authenticate: bearer\r\n"), "{answer}");
    assert_eq!(state.checks.load(Ordering::SeqCst), 0, "there was nothing to check");
    let answer = ask(address, "GET", "/children", &format!("{remote}Authorization: Bearer bad\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("not signed with the psk"), "{answer}");
    assert!(!answer.contains("4711"), "{answer}");
    let answer = ask(address, "GET", "/children", &format!("{remote}Authorization: Bearer good\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("4711"), "{answer}");
    assert_eq!(state.checks.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn runs_are_for_those_who_may_see_the_children() {
    let (server, _) = start("/", None).await;
    let address = server.address();
    assert_eq!(get(address, "/runs").await, (200, "[]".to_owned()));
    assert_eq!(get(address, "/runs/20261202T153012Z-collect").await.0, 404);
    assert_eq!(get(address, "/runs/..%2f..%2fetc%2fpasswd").await.0, 404);
    for path in ["/runs", "/runs/20261202T153012Z-collect"] {
        let answer = ask(address, "GET", path, "Via: 1.1 proxy\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
}

#[tokio::test]
async fn everything_is_below_the_web_path_too() {
    let (server, _) = start("/deep/{worker}", None).await;
    for path in ["/deep/{worker}/health", "/health"] {
        assert_eq!(get(server.address(), path).await.0, 200, "{path}");
    }
    let answer = ask(server.address(), "GET", "/deep/{worker}", "").await.to_ascii_lowercase();
    assert!(
        answer.starts_with("http/1.1 301 ") && answer.contains("\r\nlocation: /deep/{worker}/\r\n"),
        "{answer}"
    );
    let (status, index) = get(server.address(), "/deep/{worker}/").await;
    assert!(status == 200 && index.contains("href=\"health\""), "{index}");
    assert_eq!(get(server.address(), "/elsewhere/health").await.0, 404);
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused() {
    let (server, _) = start("/", None).await;
    let one = format!("X-Long: {}\r\n", "x".repeat(20 << 10));
    let many = (0..100).map(|n| format!("X-{n}: y\r\n")).collect::<Vec<_>>().concat();
    for headers in [one, many] {
        let answer = ask(server.address(), "GET", "/health", &headers).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    assert_eq!(get(server.address(), "/health").await.0, 200, "and the server lives on");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_ends_its_request_is_left() {
    let (server, _) = start("/", None).await;
    let stream = TcpStream::connect(server.address()).await.expect("connected");
    let answer = exchange(stream, "GET /health HTTP/1.1\r\nX-Slow: ").await;
    assert!(!answer.contains("ok"), "{answer}");
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_the_port() {
    let (server, _) = start("/", None).await;
    let address = server.address();
    let mut idle = TcpStream::connect(address).await.expect("connected");
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200");
    server.stop(Duration::from_secs(30)).await;
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.expect("closed in order");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it() {
    let (server, state) = start("/", None).await;
    let port = server.address().port();
    let config = WebConfig { host: "127.0.0.1".to_owned(), port, path: "/".to_owned(), tls: None };
    let text = serve(config, state, metrics()).await.expect_err("in use").to_string();
    assert!(text.contains(&format!("127.0.0.1:{port}")) && text.contains("fixworker.web_port"), "{text}");
}

fn certificate(name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    (made.cert.der().clone(), key)
}

/// `/health` over TLS, by a client that trusts only `root`.
async fn health_by_tls(
    address: SocketAddr,
    name: &'static str,
    root: &CertificateDer<'static>,
) -> io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.clone()).expect("a root");
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(address).await?;
    let stream = connector.connect(ServerName::try_from(name).expect("a name"), stream).await?;
    Ok(exchange(stream, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await)
}

#[tokio::test]
async fn the_certificate_is_replaced_while_the_server_runs() {
    // Another test of this process may have installed it.
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap_or_default();
    let (old, old_key) = certificate("old.example");
    let (new, new_key) = certificate("new.example");
    let tls = WebTls::new(vec![old.clone()], old_key).expect("usable");
    let (server, _) = start("/", Some(tls.clone())).await;
    let answer = health_by_tls(server.address(), "old.example", &old).await.expect("trusted");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\r\n"), "{answer}");

    let (_, foreign_key) = certificate("foreign.example");
    tls.replace(vec![new.clone()], foreign_key).expect_err("the key is of another certificate");
    health_by_tls(server.address(), "old.example", &old).await.expect("the old one stays");

    tls.replace(vec![new.clone()], new_key).expect("usable");
    health_by_tls(server.address(), "old.example", &old).await.expect_err("gone");
    let answer = health_by_tls(server.address(), "new.example", &new).await.expect("trusted");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    // Plain http on the TLS port does not take the server down.
    let answer = ask(server.address(), "GET", "/health", "").await;
    assert!(!answer.contains("ok\r\n"), "{answer}");
    health_by_tls(server.address(), "new.example", &new).await.expect("still there");
}
