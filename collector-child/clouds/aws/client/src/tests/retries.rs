//! Troubles that pass, and those that do not.

use std::time::{Duration, Instant};

use http_client::Class;

use super::fake::{Fake, Reply, ok, query_error};
use super::{Bench, IDENTITY, quick, short};
use crate::client::Target;

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
async fn a_service_that_is_down_is_given_up() {
    let fake = Fake::new(|_| query_error(503, "ServiceUnavailable", "down")).await;
    let bench = Bench::new(&fake).await;
    let mut errors = Vec::new();
    for _ in 0..40 {
        errors.push(bench.error().await);
    }
    assert_eq!(fake.came().len(), 15, "three calls of five attempts");
    assert!(errors.iter().all(|error| error.class == Class::Unavailable), "{errors:?}");
    let (made, not_made) = errors.split_at(3);
    assert!(made.iter().all(|error| !error.given_up && error.attempts == 5), "{made:?}");
    assert!(not_made.iter().all(|error| error.given_up && error.attempts == 0), "{not_made:?}");
    assert_eq!(not_made[0].code.as_deref(), Some("ServiceUnavailable"));
    assert!(
        not_made[0].to_string().ends_with("not asked, as several calls had failed so"),
        "{}",
        not_made[0]
    );
    // Another region is another service.
    let target = Target { region: "eu-west-2", ..bench.target() };
    let elsewhere = bench.client.call(&target, "sts", "GetCallerIdentity", serde_json::json!({})).await;
    assert!(!elsewhere.unwrap_err().given_up);
}

#[tokio::test]
async fn calls_under_way_do_not_try_again_what_was_given_up() {
    let fake = Fake::new(|came| {
        let wait = if came.number == 0 { "retry-after: 59\r\n" } else { "" };
        match query_error(500, "InternalFailure", "oops") {
            Reply::Whole(status, _, body) => Reply::Whole(status, wait.to_owned(), body),
            other => other,
        }
    })
    .await;
    let bench = Bench::new(&fake).await;
    let in_vain = async {
        while fake.came().is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..3 {
            bench.error().await;
        }
    };
    let (waiting, ()) = futures_util::future::join(bench.error(), in_vain).await;
    assert_eq!((waiting.class, waiting.attempts), (Class::Unavailable, 1));
    assert!(bench.error().await.given_up);
    assert_eq!(fake.came().len(), 1 + 3 * 5);
}

/// Counts only: how long it takes depends on the machine.
#[tokio::test]
async fn a_service_that_does_nothing_but_throttle_is_given_up() {
    let fake = Fake::new(|came| match came.param("Action").as_deref() {
        Some("GetCallerIdentity") => ok(IDENTITY),
        _ => query_error(400, "Throttling", "Rate exceeded"),
    })
    .await;
    let mut settings = quick();
    (settings.retry.rounds, settings.retry.patience) = (1_000_000, Duration::from_millis(20));
    let bench = Bench::with(&fake, settings, &[]).await;
    let list = |operation| bench.call("iam", operation, serde_json::json!({}));
    let all = ["ListRoles", "ListGroups", "ListPolicies", "ListUsers"].map(list);
    let errors: Vec<_> =
        futures_util::future::join_all(all).await.into_iter().map(Result::unwrap_err).collect();
    assert!(errors.iter().all(|error| error.class == Class::Throttled), "{errors:?}");
    let asked = fake.came().len();
    let error = list("ListAccessKeys").await.unwrap_err();
    assert!(error.given_up && error.class == Class::Throttled && error.attempts == 0, "{error}");
    assert_eq!(fake.came().len(), asked, "not asked again");
    assert_eq!(error.to_fault().retry, ipc_proto::fault::Retry::Later);
    bench.identity().await.unwrap();
}

#[tokio::test]
async fn denials_and_throttling_do_not_give_a_service_up() {
    for code in ["AccessDenied", "Throttling"] {
        let fake = Fake::new(move |_| query_error(400, code, "no")).await;
        let mut settings = quick();
        (settings.retry.attempts, settings.retry.rounds) = (1, 1);
        let bench = Bench::with(&fake, settings, &[]).await;
        for operation in ["ListRoles", "ListGroups", "ListPolicies", "ListUsers"] {
            let error = bench.call("iam", operation, serde_json::json!({})).await.unwrap_err();
            assert_eq!((error.given_up, error.attempts), (false, 1), "{code}");
        }
    }
}

#[tokio::test]
async fn what_is_not_offered_costs_few_attempts_where_retries_never_help() {
    let fake = Fake::new(|came| match came.param("Action").as_deref() {
        Some("ListUsers") => ok("<ListUsersResponse><ListUsersResult/></ListUsersResponse>"),
        _ => query_error(500, "InternalFailure", "not implemented"),
    })
    .await;
    let bench = Bench::new(&fake).await;
    for operation in ["ListRoles", "ListGroups", "ListPolicies", "ListAccessKeys", "ListMFADevices"] {
        bench.call("iam", "ListUsers", serde_json::json!({})).await.unwrap();
        bench.call("iam", operation, serde_json::json!({})).await.unwrap_err();
    }
    bench.call("iam", "ListUsers", serde_json::json!({})).await.unwrap();
    assert_eq!(fake.came().len(), 6 + 3 * 5 + 2, "the fourth and the fifth have one attempt each");
}

#[tokio::test]
async fn one_slow_bucket_does_not_slow_the_others() {
    let fake = Fake::new(|came| {
        if came.line.contains("/slow?") && came.number < 20 {
            return Reply::Whole(503, String::new(), "<Error><Code>SlowDown</Code></Error>".to_owned());
        }
        ok("<Tagging><TagSet/></Tagging>")
    })
    .await;
    let bench = Bench::new(&fake).await;
    let tags = |bucket: String| {
        let bench = &bench;
        async move { bench.call("s3", "GetBucketTagging", serde_json::json!({"Bucket": bucket})).await.unwrap() }
    };
    tags("b0".to_owned()).await;
    let lane = bench.client.0.hub.lane("123456789012", "eu-west-1", "s3");
    let key = |bucket| http_client::Key { operation: "GetBucketTagging", bucket: Some(bucket) };
    let slow = tags("slow".to_owned());
    futures_util::future::join_all((1..11).map(|n| tags(format!("b{n}"))).chain([slow])).await;
    let now = bench.client.0.hub.now();
    assert!((0..50).all(|_| lane.reserve(now, key("b3")).is_zero()));
    assert!((0..50).any(|_| !lane.reserve(now, key("slow")).is_zero()));
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
    // The other bound is far away, so that no slow machine meets it first.
    for (reply, mut settings, words) in [
        (Reply::Silent, short(60, 60_000), "was silent for 60 ms"),
        (Reply::Drip(IDENTITY.to_owned()), short(60_000, 400), "did not end"),
    ] {
        let fake = Fake::new(move |_| reply.clone()).await;
        settings.limits.connect = Duration::from_secs(2);
        settings.retry.attempts = 2;
        let error = Bench::with(&fake, settings, &[]).await.error().await;
        assert_eq!((error.class, error.code.as_deref()), (Class::Network, Some("Timeout")), "{error}");
        assert!(error.message.contains(words), "{error}");
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
