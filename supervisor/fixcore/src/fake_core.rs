//! A fixcore for tests: answers as a test says, also in ways that no server should.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path with query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// How to answer.
pub(crate) enum Reply {
    /// Status and body.
    Text(u16, String),
    /// With headers.
    Full(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// Chunks without end.
    Endless,
    /// Nothing, and the connection stays.
    Hang,
    /// The end of the connection.
    Drop,
    /// A websocket; the test gets the other end.
    Upgrade,
}

/// TCP, with TLS or without.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}
pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

type Handler = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

/// A server on a free port of loopback.
pub(crate) struct FakeCore {
    pub(crate) uri: String,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
    sockets: tokio::sync::Mutex<mpsc::UnboundedReceiver<(String, Socket)>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FakeCore {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeCore {
    pub(crate) async fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0", None, handler).await
    }

    pub(crate) async fn start_on(
        address: &str,
        tls: Option<TlsAcceptor>,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let uri = format!("{scheme}://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (upgraded, sockets) = mpsc::unbounded_channel();
        let (handler, seen): (Handler, _) = (Arc::new(handler), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let (handler, seen, upgraded) = (Arc::clone(&handler), Arc::clone(&seen), upgraded.clone());
                let tls = tls.clone();
                tokio::spawn(async move {
                    let stream: Box<dyn Stream> = match tls {
                        None => Box::new(tcp),
                        Some(tls) => match tls.accept(tcp).await {
                            Ok(stream) => Box::new(stream),
                            Err(_) => return,
                        },
                    };
                    serve(stream, handler, seen, upgraded).await;
                });
            }
        });
        Self { uri, requests, sockets: tokio::sync::Mutex::new(sockets), task }
    }

    /// The next websocket, with its path.
    pub(crate) async fn socket(&self) -> (String, Socket) {
        let next = async { self.sockets.lock().await.recv().await.unwrap() };
        tokio::time::timeout(Duration::from_mins(1), next).await.expect("a websocket is opened")
    }

    /// Requests so far: `METHOD target`.
    pub(crate) fn log(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|r| format!("{} {}", r.method, r.target)).collect()
    }
}

async fn serve(
    stream: Box<dyn Stream>,
    handler: Handler,
    seen: Arc<Mutex<Vec<Request>>>,
    upgraded: mpsc::UnboundedSender<(String, Socket)>,
) {
    let mut stream = BufReader::new(stream);
    let Some(mut request) = read_head(&mut stream).await else { return };
    // A reply that ends the connection early is decided on the head alone.
    let early = request.target.contains("early");
    if !early && !read_body(&mut stream, &mut request).await {
        return;
    }
    seen.lock().unwrap().push(request.clone());
    let reply = handler(&request);
    let mut stream = stream.into_inner();
    let bytes = match reply {
        Reply::Text(status, body) => response(status, &[], body.as_bytes()),
        Reply::Full(status, headers, body) => response(status, &headers, &body),
        Reply::Raw(bytes) => bytes,
        Reply::Drop => return,
        Reply::Hang => std::future::pending().await,
        Reply::Endless => {
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let mut alive = stream.write_all(head).await.is_ok();
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            while alive {
                alive = stream.write_all(chunk.as_bytes()).await.is_ok();
            }
            return;
        }
        Reply::Upgrade => {
            let key = derive_accept_key(request.headers["sec-websocket-key"].as_bytes());
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {key}\r\n\r\n"
            );
            if stream.write_all(head.as_bytes()).await.is_ok() {
                let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
                upgraded.send((request.target, socket)).ok();
            }
            return;
        }
    };
    stream.write_all(&bytes).await.ok();
    stream.shutdown().await.ok();
}

fn response(status: u16, headers: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

async fn read_head(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let mut first = lines.first()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers = lines[1..].iter().filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned())).collect();
    Some(Request { method, target, headers, body: Vec::new() })
}

async fn read_body(stream: &mut (impl AsyncBufReadExt + Unpin), request: &mut Request) -> bool {
    if let Some(length) = request.headers.get("content-length") {
        request.body = vec![0; length.parse().unwrap()];
        return stream.read_exact(&mut request.body).await.is_ok();
    }
    if !request.headers.contains_key("transfer-encoding") {
        return true;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        let length = usize::from_str_radix(line.trim(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        if stream.read_exact(&mut chunk).await.is_err() {
            return false;
        }
        if length == 0 {
            return true;
        }
        request.body.extend_from_slice(&chunk[..length]);
    }
}

/// An authority and a server certificate for loopback.
pub(crate) struct TestCa {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) pem: String,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl TestCa {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Test Root CA");
        let certificate = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        Self { der: certificate.der().clone(), pem: certificate.pem(), issuer }
    }

    /// A server with a certificate of this authority.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = rcgen::CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key: PrivateKeyDer<'static> = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let config = rustls::ServerConfig::builder_with_provider(crate::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// What `/ca/sign` does: a certificate for the key and names of the request.
    pub(crate) fn sign(&self, csr_pem: &[u8]) -> String {
        use x509_cert::der::{DecodePem, Encode};
        struct Requested(Vec<u8>);
        impl rcgen::PublicKeyData for Requested {
            fn der_bytes(&self) -> &[u8] {
                &self.0
            }
            fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
                &rcgen::PKCS_RSA_SHA256
            }
        }
        let request = x509_cert::request::CertReq::from_pem(csr_pem).unwrap();
        assert!(request.to_der().unwrap().len() > 500);
        let key = request.info.public_key.subject_public_key.raw_bytes().to_vec();
        rcgen::CertificateParams::default().signed_by(&Requested(key), &self.issuer).unwrap().pem()
    }

    /// The `Authorization` header with which fixcore proves this authority.
    pub(crate) fn proof(&self, psk: &str) -> String {
        let fingerprint = crate::tls::fingerprint(&self.der);
        let claims = serde_json::json!({"sha256_fingerprint": fingerprint});
        format!("Bearer {}", crate::token::test_token(psk, claims))
    }
}
