//! Connecting to servers that prove themselves, and to others.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{ConnectError, ConnectErrorKind, ConnectOptions, Connected, connect};
use crate::endpoint::{Endpoint, IdentityFiles, VerifyMode};
use crate::fake_core::{FakeCore, Reply, Request, TestCa};
use crate::http::error::CoreError;
use crate::tls::AuthorityError;
use tokio_util::sync::CancellationToken;

/// What fixcore does with TLS and the psk `changeme`, for one authority at a time.
fn fixcore(ca: Arc<TestCa>, proof: Option<String>) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| {
        let authorized = request.headers.get("authorization").is_some_and(|header| {
            let token = header.strip_prefix("Bearer ").unwrap();
            crate::token::verify_token(&"changeme".into(), token).is_ok()
        });
        match request.target.as_str() {
            "/system/ready" => Reply::Text(200, "ok".into()),
            "/ca/cert" => {
                let proof = proof.clone().map(|proof| ("Authorization", proof));
                Reply::Full(200, proof.into_iter().collect(), ca.pem.clone().into_bytes())
            }
            _ if !authorized => Reply::Text(401, "401: Unauthorized".into()),
            "/ca/sign" => Reply::Text(200, ca.sign(&request.body)),
            _ => Reply::Text(404, "Error: NotFoundError\nMessage: nothing".into()),
        }
    }
}

async fn secure(ca: &Arc<TestCa>, proof: Option<String>) -> FakeCore {
    FakeCore::start_on("127.0.0.1:0", Some(ca.acceptor()), fixcore(Arc::clone(ca), proof)).await
}

fn endpoint(uri: &str, psk: Option<&str>) -> Endpoint {
    Endpoint::new(uri).unwrap().with_psk(psk.map(Into::into))
}

async fn try_connect(endpoint: &Endpoint, patience: Duration) -> Result<Connected, ConnectError> {
    connect(
        endpoint,
        "fix.worker",
        &ConnectOptions { patience: Some(patience), waits: None },
        &CancellationToken::new(),
    )
    .await
}

/// For what is final: it has to come back long before.
const PATIENCE: Duration = Duration::from_mins(5);

async fn refused(endpoint: &Endpoint) -> ConnectError {
    let error = try_connect(endpoint, PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Final, "{error}");
    error
}

#[tokio::test]
async fn trust_identity_and_access_are_established() {
    let ca = Arc::new(TestCa::new());
    let core = secure(&ca, Some(ca.proof("changeme"))).await;
    let connected = try_connect(&endpoint(&core.uri, Some("changeme")), PATIENCE).await.unwrap();
    let calls =
        ["GET /system/ready", "GET /ca/cert", "POST /ca/sign", "GET /subscriber/fix.worker-collector"];
    assert_eq!(core.log(), calls);
    {
        let requests = core.requests.lock().unwrap();
        assert!(requests[..2].iter().all(|request| !request.headers.contains_key("authorization")));
    }
    let identity = connected.identity.unwrap().borrow().clone();
    identity.server_config().unwrap();
    assert!(connected.client.get_config("fix.worker").await.unwrap().is_none());
}

#[tokio::test]
async fn every_bad_proof_is_final() {
    let (ca, other) = (Arc::new(TestCa::new()), TestCa::new());
    let error = |proof: Option<String>, psk: Option<&'static str>| {
        let ca = Arc::clone(&ca);
        async move {
            let core = secure(&ca, proof).await;
            match refused(&endpoint(&core.uri, psk)).await {
                ConnectError::Authority(error) => error,
                error => panic!("{error}"),
            }
        }
    };
    let good = Some(ca.proof("changeme"));
    assert_eq!(error(good.clone(), Some("wrong")).await, AuthorityError::WrongKey);
    assert_eq!(error(good, None).await, AuthorityError::KeyMissing);
    assert_eq!(error(None, Some("changeme")).await, AuthorityError::NotProven);
    let stolen = error(Some(other.proof("changeme")), Some("changeme")).await;
    assert!(matches!(stolen, AuthorityError::WrongFingerprint { .. }), "{stolen}");
}

#[tokio::test]
async fn the_server_has_to_show_a_certificate_of_the_proven_authority() {
    let (ca, other) = (Arc::new(TestCa::new()), TestCa::new());
    let handler = fixcore(Arc::clone(&ca), Some(ca.proof("changeme")));
    let core = FakeCore::start_on("127.0.0.1:0", Some(other.acceptor()), handler).await;
    let error = refused(&endpoint(&core.uri, Some("changeme"))).await;
    assert!(matches!(error, ConnectError::Call(CoreError::Certificate { .. })), "{error}");
    let trusting = endpoint(&core.uri, Some("changeme")).with_verify(VerifyMode::None);
    try_connect(&trusting, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_custom_authority_needs_no_proof() {
    let (ca, dir) = (Arc::new(TestCa::new()), tempfile::tempdir().unwrap());
    let core = secure(&ca, None).await;
    let path = dir.path().join("ca.pem");
    std::fs::write(&path, &ca.pem).unwrap();
    let custom = endpoint(&core.uri, Some("changeme")).with_verify(VerifyMode::CustomCa(path.clone()));
    try_connect(&custom, PATIENCE).await.unwrap();
    assert!(!core.log().contains(&"GET /ca/cert".to_owned()));
    std::fs::write(&path, TestCa::new().pem).unwrap();
    assert!(matches!(refused(&custom).await, ConnectError::Call(CoreError::Certificate { .. })));
}

#[tokio::test]
async fn own_files_are_used_and_checked_before_anything_else() {
    let ca = Arc::new(TestCa::new());
    let core = secure(&ca, Some(ca.proof("changeme"))).await;
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let files =
        |key: &str| IdentityFiles { cert: dir.join("rsa.cert.pem"), key: dir.join(key), passphrase: None };
    let wrong = endpoint(&core.uri, Some("changeme")).with_identity(Some(files("ec.pkcs8.pem")));
    let error = try_connect(&wrong, PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Usage, "{error}");
    assert!(core.log().is_empty());
    let good = endpoint(&core.uri, Some("changeme")).with_identity(Some(files("rsa.pkcs8.pem")));
    let connected = try_connect(&good, PATIENCE).await.unwrap();
    assert_eq!(connected.identity.unwrap().borrow().chain().len(), 1);
    assert!(!core.log().contains(&"POST /ca/sign".to_owned()));
}

#[tokio::test]
async fn a_fixcore_that_starts_over_proves_its_new_authority() {
    let current = Arc::new(Mutex::new(Arc::new(TestCa::new())));
    let serve = |address: String| {
        let ca = Arc::clone(&current.lock().unwrap());
        async move {
            let proof = Some(ca.proof("changeme"));
            FakeCore::start_on(&address, Some(ca.acceptor()), fixcore(ca, proof)).await
        }
    };
    let first = serve("127.0.0.1:0".to_owned()).await;
    let address = first.uri.strip_prefix("https://").unwrap().to_owned();
    let connected = try_connect(&endpoint(&first.uri, Some("changeme")), PATIENCE).await.unwrap();
    let mut identity = connected.identity.unwrap();
    drop(first);
    *current.lock().unwrap() = Arc::new(TestCa::new());
    let second = loop {
        // The port is free once the first server's task is gone.
        tokio::task::yield_now().await;
        if std::net::TcpListener::bind(&address).is_ok() {
            break serve(address.clone()).await;
        }
    };
    assert!(connected.client.get_config("fix.worker").await.unwrap().is_none());
    tokio::time::timeout(PATIENCE, identity.changed()).await.unwrap().unwrap();
    assert!(second.log().contains(&"POST /ca/sign".to_owned()), "the web server's certificate is new, too");
}

#[tokio::test]
async fn a_new_authority_without_proof_is_not_trusted() {
    let ca = Arc::new(TestCa::new());
    let core = secure(&ca, Some(ca.proof("changeme"))).await;
    let address = core.uri.strip_prefix("https://").unwrap().to_owned();
    let connected = try_connect(&endpoint(&core.uri, Some("changeme")), PATIENCE).await.unwrap();
    drop(core);
    let attacker = Arc::new(TestCa::new());
    while std::net::TcpListener::bind(&address).is_err() {
        tokio::task::yield_now().await;
    }
    let handler = fixcore(Arc::clone(&attacker), Some(attacker.proof("guess")));
    let core = FakeCore::start_on(&address, Some(attacker.acceptor()), handler).await;
    let error = connected.client.get_config("fix.worker").await.unwrap_err();
    assert!(matches!(error, CoreError::Certificate { .. }), "{error}");
    assert!(core.log().iter().all(|line| line == "GET /ca/cert"), "no token went there: {:?}", core.log());
}

#[tokio::test]
async fn plain_http_checks_the_key_with_the_first_call() {
    let ca = Arc::new(TestCa::new());
    let core = FakeCore::start(fixcore(Arc::clone(&ca), None)).await;
    let connected = try_connect(&endpoint(&core.uri, Some("changeme")), PATIENCE).await.unwrap();
    assert!(connected.identity.is_none());
    assert_eq!(core.log(), ["GET /system/ready", "GET /subscriber/fix.worker-collector"]);
    let error = refused(&endpoint(&core.uri, Some("wrong"))).await;
    assert!(error.to_string().contains("the pre-shared keys differ"), "{error}");
    assert!(matches!(refused(&endpoint(&core.uri, None)).await, ConnectError::PskMissing { .. }));
}

#[tokio::test]
async fn patience_ends_with_the_last_reason() {
    let core = FakeCore::start(|_| Reply::Text(503, String::new())).await;
    let error = try_connect(&endpoint(&core.uri, None), Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Transient);
    let text = error.to_string();
    assert!(text.contains("was not ready within 0 s") && text.contains("503"), "{text}");
    let stop = CancellationToken::new();
    stop.cancel();
    let options = ConnectOptions { patience: Some(PATIENCE), waits: None };
    let stopped = connect(&endpoint(&core.uri, None), "fix.worker", &options, &stop).await.unwrap_err();
    assert_eq!(stopped.kind(), ConnectErrorKind::Stopped);
}
