//! Troubles that pass, and those that do not.

use std::time::{Duration, Instant};

use super::fake::{Fake, Reply, ok, query_error};
use super::{Bench, IDENTITY, quick, short};
use crate::client::Target;
use crate::error::Class;

#[tokio::test]
async fn throttling_is_waited_out_over_several_rounds() {
    let fake = Fake::new(|came| match came.number {
        0 | 1 => query_error(400, "Throttling", "Rate exceeded"),
        _ => ok(IDENTITY),
    })
    .await;
    let mut settings = quick();
    // The third attempt belongs to the second round.
    settings.retry.attempts = 2;
    let bench = Bench::with(&fake, settings, &[]).await;
    bench.identity().await.unwrap();
    let counters = bench.client.counters()["sts"];
    assert_eq!((counters.calls, counters.throttled, counters.retries), (1, 2, 2));
}

#[tokio::test]
async fn throttling_without_end_is_given_up_when_the_time_is_over() {
    let fake = Fake::new(|_| query_error(400, "Throttling", "Rate exceeded")).await;
    let bench = Bench::new(&fake).await;
    let target = Target { deadline: Some(Instant::now() + Duration::from_millis(300)), ..bench.target() };
    let error =
        bench.client.call(&target, "sts", "GetCallerIdentity", serde_json::json!({})).await.unwrap_err();
    assert_eq!(error.class, Class::Throttled);
    assert!(error.attempts < 10, "{error}");
    assert_eq!(fake.came().len(), error.attempts as usize);
}

#[tokio::test]
async fn server_errors_get_five_attempts() {
    let fake = Fake::new(|_| query_error(500, "InternalFailure", "oops")).await;
    let error = Bench::new(&fake).await.error().await;
    assert_eq!((error.class, error.attempts, fake.came().len()), (Class::Unavailable, 5, 5));
    assert_eq!(error.to_fault().retry, ipc_proto::fault::Retry::Later);
}

#[tokio::test]
async fn a_service_that_is_down_is_asked_less_and_less() {
    let fake = Fake::new(|_| query_error(503, "ServiceUnavailable", "down")).await;
    let bench = Bench::new(&fake).await;
    for _ in 0..40 {
        bench.error().await;
    }
    assert_eq!(fake.came().len(), 140, "forty calls and a hundred retries");
}

#[tokio::test]
async fn connections_that_break_are_tried_again() {
    for broken in [Reply::Reset, Reply::Cut(IDENTITY.to_owned())] {
        let reply = broken.clone();
        let fake = Fake::new(move |came| if came.number < 2 { reply.clone() } else { ok(IDENTITY) }).await;
        let answer = Bench::new(&fake).await.identity().await;
        assert_eq!(answer.unwrap()["Account"], "1", "{broken:?}");
        let fake = Fake::new(move |_| broken.clone()).await;
        let error = Bench::new(&fake).await.error().await;
        assert_eq!((error.class, error.attempts), (Class::Network, 5), "{error}");
        assert_eq!(error.code.as_deref(), Some("ConnectionLost"));
    }
}

#[tokio::test]
async fn nobody_there_is_a_network_trouble() {
    let gone = Fake::new(|_| ok("")).await.address();
    let bench = Bench::of(quick(), &[("AWS_ENDPOINT_URL", &gone)]).await;
    let error = bench.error().await;
    assert_eq!((error.class, error.code.as_deref()), (Class::Network, Some("ConnectFailure")), "{error}");
    assert!(error.message.contains("127.0.0.1") && error.message.contains("refused"), "{error}");
}

#[tokio::test]
async fn silence_and_slowness_are_bounded() {
    for (reply, words) in
        [(Reply::Silent, "was silent for 60 ms"), (Reply::Drip(IDENTITY.to_owned()), "did not end")]
    {
        let fake = Fake::new(move |_| reply.clone()).await;
        let mut settings = short(60, 400);
        settings.limits.connect = Duration::from_millis(340);
        settings.retry.attempts = 2;
        let error = Bench::with(&fake, settings, &[]).await.error().await;
        assert_eq!((error.class, error.code.as_deref()), (Class::Network, Some("Timeout")), "{error}");
        assert!(error.message.contains(words) || error.message.contains("did not end"), "{error}");
        assert_eq!(error.attempts, 2);
    }
}

#[tokio::test]
async fn answers_that_are_too_large_are_not_read() {
    let fake = Fake::new(|_| ok("x".repeat(1 << 17))).await;
    let error = Bench::with(&fake, short(60_000, 60_000), &[]).await.error().await;
    assert_eq!((error.class, error.code.as_deref()), (Class::Garbage, Some("AnswerTooLarge")));
    assert_eq!(fake.came().len(), 1);
}

#[tokio::test]
async fn what_does_not_speak_http_is_garbage() {
    let fake = Fake::new(|_| Reply::Raw("SSH-2.0-OpenSSH_9.6\r\n\r\n".to_owned())).await;
    let error = Bench::new(&fake).await.error().await;
    assert_eq!((error.class, error.code.as_deref()), (Class::Garbage, Some("NotHttp")), "{error}");
}
