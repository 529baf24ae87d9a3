//! Calls against a server that behaves badly.

use std::io::{self, Read};
use std::time::Duration;

use flate2::read::GzDecoder;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::json;

use super::client::{Call, CoreClient};
use super::error::CoreError;
use super::merge::{MergeOutcome, MergeRequest};
use crate::endpoint::Endpoint;
use crate::fake_core::{FakeCore, Reply, Request};

fn client(core: &FakeCore) -> CoreClient {
    client_at(&core.uri)
}

fn client_at(uri: &str) -> CoreClient {
    let endpoint = Endpoint::new(uri).unwrap().with_psk(Some("changeme".into()));
    CoreClient::new(endpoint, "fix.worker", None, None).unwrap()
}

fn salt(request: &Request) -> String {
    let token = request.headers["authorization"].strip_prefix("Bearer ").unwrap();
    jsonwebtoken::decode_header(token).unwrap().extras.get::<String>("salt").unwrap().unwrap()
}

#[tokio::test]
async fn the_config_comes_with_overrides_raw_form_and_revision() {
    let core = FakeCore::start(|request| match request.target.as_str() {
        t if t.starts_with("/config/fix.worker?") => {
            let body = json!({"config": {"a": 1}, "overrides": null, "raw_config": {"a": "$(A)"}});
            Reply::Full(200, vec![("Fix-Config-Revision", "_r1".into())], body.to_string().into())
        }
        _ => Reply::Text(404, "Error: NotFoundError\nMessage: No config with this id".into()),
    })
    .await;
    let client = client(&core);
    let answer = client.get_config("fix.worker").await.unwrap().unwrap();
    let document: serde_json::Value = serde_json::from_str(answer.body.expose_secret()).unwrap();
    assert_eq!((&document["config"], &document["raw_config"]), (&json!({"a": 1}), &json!({"a": "$(A)"})));
    assert_eq!(answer.revision.as_deref(), Some("_r1"));
    assert!(client.get_config("other").await.unwrap().is_none());
    let query = "separate_overrides=true&apply_overrides=true&resolve_env_vars=true&include_raw_config=true";
    assert_eq!(core.log()[0], format!("GET /config/fix.worker?{query}"));
}

#[tokio::test]
async fn documents_are_sent_as_json_and_a_revision_comes_back_if_it_changed() {
    let core = FakeCore::start(|request| {
        assert_eq!(request.headers["content-type"], "application/json");
        match request.body.as_slice() {
            br#"{"same": 1}"# => Reply::Text(200, "{}".into()),
            _ => Reply::Full(200, vec![("Fix-Config-Revision", "_r2".into())], b"{}".to_vec()),
        }
    })
    .await;
    let client = client(&core);
    assert_eq!(client.put_config("fix.worker", r#"{"same": 1}"#.into(), true).await.unwrap(), None);
    assert_eq!(
        client.put_config("fix.worker", r#"{"x":  1.50}"#.into(), false).await.unwrap().as_deref(),
        Some("_r2")
    );
    assert_eq!(core.log(), ["PUT /config/fix.worker", "PUT /config/fix.worker?validate=false"]);
    assert_eq!(core.requests.lock().unwrap()[1].body, br#"{"x":  1.50}"#, "byte for byte");
    client.patch_config_model(&[json!({"fqn": "x"})]).await.unwrap();
    client.patch_model("fix", &[json!({"fqn": "x"})]).await.unwrap();
    client.create_graph("fix").await.unwrap();
    assert_eq!(core.log()[2..], ["PATCH /configs/model", "PATCH /graph/fix/model", "POST /graph/fix"]);
    assert_eq!(core.requests.lock().unwrap()[3].body, br#"[{"fqn":"x"}]"#);
}

#[tokio::test]
async fn a_401_is_repeated_once_with_another_token() {
    let core = FakeCore::start(|_| Reply::Text(401, "401: Unauthorized".into())).await;
    let error = client(&core).get_config("x").await.unwrap_err();
    assert!(matches!(&error, CoreError::Unauthorized { .. }), "{error}");
    assert_eq!(error.status(), Some(401));
    {
        let requests = core.requests.lock().unwrap();
        assert_eq!(requests.len(), 2);
        assert_ne!(salt(&requests[0]), salt(&requests[1]));
    }
    let once = std::sync::atomic::AtomicBool::new(true);
    let core = FakeCore::start(move |_| {
        let first = once.swap(false, std::sync::atomic::Ordering::SeqCst);
        Reply::Text(if first { 401 } else { 404 }, String::new())
    })
    .await;
    assert!(client(&core).get_config("x").await.unwrap().is_none());
}

#[tokio::test]
async fn refusals_carry_the_words_of_fixcore() {
    let core = FakeCore::start(|request| match request.method.as_str() {
        "PUT" => {
            Reply::Text(400, "Error: AttributeError\nMessage: Error validating section fixworker: x".into())
        }
        "POST" => Reply::Full(302, vec![("Location", "http://127.0.0.1:1/elsewhere".into())], vec![]),
        _ => Reply::Text(500, "oops".into()),
    })
    .await;
    let client = client(&core);
    let error = client.put_config("fix.worker", "{}".into(), true).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot store the config fix.worker: fixcore answered 400: AttributeError: Error validating section \
         fixworker: x"
    );
    assert!(!error.is_transient());
    assert!(client.get_config("x").await.unwrap_err().is_transient());
    let redirected = client.create_graph("fix").await.unwrap_err();
    assert_eq!(redirected.status(), Some(302), "a token is not carried elsewhere: {redirected}");
}

#[tokio::test]
async fn bad_answers_are_told_apart() {
    let core = FakeCore::start(|request| match request.target.as_str() {
        t if t.starts_with("/config/truncated") => {
            Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"config\":".to_vec())
        }
        t if t.starts_with("/config/junk") => Reply::Text(200, "<html>".into()),
        t if t.starts_with("/config/nothing") => Reply::Drop,
        t if t.starts_with("/config/large") => {
            Reply::Raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", u32::MAX).into_bytes())
        }
        t if t.starts_with("/hang") => Reply::Hang,
        _ => Reply::Endless,
    })
    .await;
    let client = client(&core);
    let get = |id: &'static str| client.get_config(id);
    assert!(matches!(get("truncated").await.unwrap_err(), CoreError::Lost { .. }));
    assert!(matches!(get("junk").await.unwrap_err(), CoreError::BadAnswer { .. }));
    assert!(matches!(get("nothing").await.unwrap_err(), CoreError::Lost { .. }));
    assert!(matches!(get("large").await.unwrap_err(), CoreError::TooLarge { .. }));
    let mut call = Call::new("test".into(), Method::GET, &["endless"]);
    call.limit = 100_000;
    let error = client.call(call).await.unwrap_err();
    assert!(matches!(error, CoreError::TooLarge { limit: 100_000, .. }), "{error}");
    let mut call = Call::new("test".into(), Method::GET, &["hang"]);
    call.timeout = Duration::from_millis(50);
    let error = client.call(call).await.unwrap_err();
    assert!(matches!(error, CoreError::TimedOut { .. }), "{error}");
}

/// A port on which nobody listens.
fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let client = client_at(&closed_port());
    let error = client.create_graph("fix").await.unwrap_err();
    assert!(matches!(&error, CoreError::Unreachable { .. }), "{error}");
    let outcome = client.merge(&request("fix"), || Ok(&b"{}"[..])).await;
    assert!(matches!(outcome, MergeOutcome::NotSent(CoreError::Unreachable { .. })), "{outcome:?}");
}

fn request(graph: &str) -> MergeRequest {
    MergeRequest {
        graph: graph.to_owned(),
        task_id: Some("task-1".to_owned()),
        nodes: 2,
        edges: 1,
        wait_for_result: true,
        gzip: false,
        time_left: None,
    }
}

/// As many bytes as do not fit into socket buffers.
fn endless_lines() -> impl Read + Send {
    io::repeat(b'x').take(256 * 1024 * 1024)
}

#[tokio::test]
async fn a_merge_streams_its_lines_and_returns_the_counts() {
    let core = FakeCore::start(|request| {
        if request.target.ends_with("wait_for_result=false") {
            return Reply::Text(204, String::new());
        }
        Reply::Text(200, json!({"nodes_created": 2, "edges_deleted": 1, "new_in_core": 7}).to_string())
    })
    .await;
    let client = client(&core);
    let lines = "{\"id\": \"a\"}\n".repeat(50_000);
    let body = lines.clone();
    let outcome = client.merge(&request("fix"), move || Ok(io::Cursor::new(body))).await;
    let MergeOutcome::Answered { status: 200, body } = outcome else { panic!("{outcome:?}") };
    assert!(body.contains("nodes_created"), "{body}");
    let body = lines.clone();
    let queued = MergeRequest { wait_for_result: false, gzip: true, task_id: None, ..request("fix") };
    let outcome = client.merge(&queued, move || Ok(io::Cursor::new(body))).await;
    assert!(matches!(outcome, MergeOutcome::Answered { status: 204, .. }), "{outcome:?}");
    let requests = core.requests.lock().unwrap();
    assert_eq!(requests[0].target, "/graph/fix/merge?wait_for_result=true");
    assert_eq!(requests[0].headers["content-type"], "application/x-ndjson");
    assert_eq!(requests[0].headers["fix-worker-task-id"], "task-1");
    assert_eq!(
        (&*requests[0].headers["fix-worker-nodes"], &*requests[0].headers["fix-worker-edges"]),
        ("2", "1")
    );
    assert!(requests[0].body == lines.as_bytes());
    assert_eq!(requests[1].headers["content-encoding"], "gzip");
    assert!(!requests[1].headers.contains_key("fix-worker-task-id"));
    let mut unpacked = String::new();
    GzDecoder::new(requests[1].body.as_slice()).read_to_string(&mut unpacked).unwrap();
    assert!(unpacked == lines);
}

#[tokio::test]
async fn a_lost_merge_says_whether_fixcore_may_have_all_of_it() {
    let core = FakeCore::start(|_| Reply::Drop).await;
    let client = client(&core);
    let outcome = client.merge(&request("fix"), || Ok(&b"{}"[..])).await;
    assert!(matches!(outcome, MergeOutcome::Lost { body_fully_sent: true, .. }), "{outcome:?}");
    let outcome = client.merge(&request("early"), || Ok(endless_lines())).await;
    assert!(matches!(outcome, MergeOutcome::Lost { body_fully_sent: false, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_merge_ends_with_its_time() {
    let core = FakeCore::start(|_| Reply::Hang).await;
    let client = client(&core);
    let limited = MergeRequest { time_left: Some(Duration::from_millis(300)), ..request("early") };
    let outcome = client.merge(&limited, || Ok(endless_lines())).await;
    assert!(matches!(outcome, MergeOutcome::OutOfTime { body_fully_sent: false }), "{outcome:?}");
}

#[tokio::test]
async fn refusals_of_a_merge_come_with_their_text() {
    let core = FakeCore::start(|request| match request.target.as_str() {
        t if t.contains("long") => Reply::Text(400, format!("Error: X{}", "x".repeat(100_000))),
        t if t.contains("expired") => Reply::Text(401, "401: Unauthorized".into()),
        t if t.contains("cut") => Reply::Raw(b"HTTP/1.1 400 X\r\nContent-Length: 99\r\n\r\nError".to_vec()),
        _ => Reply::Text(400, "Error: ValueError\nMessage: Chunk too big".into()),
    })
    .await;
    let client = client(&core);
    let send = async |graph| match client.merge(&request(graph), || Ok(&b"{}"[..])).await {
        MergeOutcome::Answered { status, body } => (status, body),
        other => panic!("{other:?}"),
    };
    assert_eq!(send("fix").await, (400, "Error: ValueError\nMessage: Chunk too big".to_owned()));
    let (status, body) = send("long").await;
    assert_eq!((status, body.len()), (400, 64 * 1024), "the first part of a long text");
    assert!(body.starts_with("Error: X"));
    assert_eq!(send("cut").await, (400, "Error".to_owned()), "what there is");
    assert_eq!(send("expired").await, (401, "401: Unauthorized".to_owned()));
    assert_eq!(send("expired").await.0, 401);
    let requests = core.requests.lock().unwrap();
    assert_eq!(salt(&requests[0]), salt(&requests[3]));
    assert_ne!(salt(&requests[3]), salt(&requests[4]), "a 401 leads to another token");
}

struct Panics;
impl Read for Panics {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("a bug")
    }
}

#[tokio::test]
async fn a_spool_that_can_not_be_read_is_our_own_fault() {
    struct Broken(usize);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::Error::other("the disk is gone"));
            }
            self.0 -= 1;
            buffer.fill(b'x');
            Ok(buffer.len())
        }
    }
    let core = FakeCore::start(|_| Reply::Text(200, "{}".into())).await;
    let client = client(&core);
    for readable in [0, 100] {
        let outcome = client.merge(&request("fix"), move || Ok(Broken(readable))).await;
        assert!(
            matches!(&outcome, MergeOutcome::Unreadable(e) if e.to_string() == "the disk is gone"),
            "{outcome:?}"
        );
    }
    let outcome =
        client.merge(&request("fix"), || Err::<&[u8], _>(io::Error::from(io::ErrorKind::NotFound))).await;
    assert!(
        matches!(&outcome, MergeOutcome::Unreadable(e) if e.kind() == io::ErrorKind::NotFound),
        "{outcome:?}"
    );
    let outcome = client.merge(&request("fix"), || Ok(Panics)).await;
    assert!(matches!(outcome, MergeOutcome::Unreadable(_)), "{outcome:?}");
    assert_eq!(core.log().len(), 0, "no broken upload looks complete");
}

#[tokio::test]
async fn subscriptions_have_the_form_of_the_peer() {
    let core = FakeCore::start(|_| Reply::Text(200, "{}".into())).await;
    let subscription =
        super::subscribe::Subscription { action: "collect".into(), timeout: Duration::from_hours(3) };
    client(&core).subscribe(&subscription).await.unwrap();
    assert_eq!(
        core.log(),
        ["POST /subscriber/fix.worker-collector/collect?timeout=10800&wait_for_completion=True"]
    );
    assert_eq!(core.requests.lock().unwrap()[0].headers["content-length"], "0");
}

fn search_limits() -> super::search::SearchLimits {
    super::search::SearchLimits { line: 1000, total: 10_000, time: Duration::from_mins(1) }
}

#[tokio::test]
async fn a_search_hands_over_its_lines_and_repeats_a_401_once() {
    let once = std::sync::atomic::AtomicBool::new(true);
    let core = FakeCore::start(move |request| {
        if once.swap(false, std::sync::atomic::Ordering::SeqCst) {
            return Reply::Text(401, String::new());
        }
        assert_eq!(request.headers["accept"], "application/x-ndjson");
        match request.body.as_slice() {
            b"all" => Reply::Text(200, "{\"id\":\"a\"}\n{\"id\":\"b\"}\n".into()),
            b"cut" => Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"id\":".to_vec()),
            b"hang" => Reply::Hang,
            b"large" => Reply::Endless,
            _ => Reply::Text(400, "Error: ParseError\nMessage: no".into()),
        }
    })
    .await;
    let client = client(&core);
    let mut lines = Vec::new();
    let end = client.search_graph("fix", "all", search_limits(), |line| lines.push(line.to_owned())).await;
    assert_eq!(end.unwrap().lines, 2);
    assert_eq!(lines, ["{\"id\":\"a\"}", "{\"id\":\"b\"}"]);
    assert_eq!(core.log()[1], "POST /graph/fix/search/graph?section=reported");
    let error = |query: &'static str, limits| {
        let client = client.clone();
        async move { client.search_graph("fix", query, limits, |_| {}).await.unwrap_err() }
    };
    assert!(matches!(error("cut", search_limits()).await, CoreError::Lost { .. }));
    let short = super::search::SearchLimits { time: Duration::from_millis(50), ..search_limits() };
    assert!(matches!(error("hang", short).await, CoreError::TimedOut { .. }));
    assert!(matches!(error("large", search_limits()).await, CoreError::TooLarge { limit: 10_000, .. }));
    assert_eq!(
        error("junk", search_limits()).await.to_string(),
        "cannot search in the graph fix: fixcore answered 400: ParseError: no"
    );
}

#[tokio::test]
async fn nodes_are_changed_line_by_line() {
    let core = FakeCore::start(|request| match request.body.as_slice() {
        b"bad\n" => Reply::Text(400, "Error: AssertionError\nMessage: no".into()),
        _ => Reply::Text(200, "[]".into()),
    })
    .await;
    let client = client(&core);
    let patch = |body: &'static [u8]| client.patch_nodes("fix", body.into(), Duration::from_mins(1));
    patch(b"{\"id\":\"a\"}\n").await.unwrap();
    assert_eq!(core.log(), ["PATCH /graph/fix/nodes"]);
    assert_eq!(core.requests.lock().unwrap()[0].headers["content-type"], "application/x-ndjson");
    assert_eq!(patch(b"bad\n").await.unwrap_err().status(), Some(400));
}
