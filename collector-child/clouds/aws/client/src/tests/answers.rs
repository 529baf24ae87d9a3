//! What answers mean.

use std::time::{Duration, SystemTime};

use http_client::{Class, CredentialsTrouble};
use serde_json::json;

use super::fake::{Fake, Reply, ok, query_error};
use super::{Bench, IDENTITY, SECRET, quick};

#[tokio::test]
async fn an_answer_is_read_by_its_shape_and_counted() {
    let fake = Fake::new(|_| ok(IDENTITY)).await;
    let bench = Bench::new(&fake).await;
    assert_eq!(bench.identity().await.unwrap()["Account"], "1");
    let came = &fake.came()[0];
    assert_eq!(came.line, "POST / HTTP/1.1");
    assert_eq!(came.param("Action").as_deref(), Some("GetCallerIdentity"));
    let authorization = came.header("authorization").unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{authorization}");
    assert!(authorization.contains("/eu-west-1/sts/aws4_request"), "{authorization}");
    assert_eq!(came.header("host"), Some(fake.address().trim_start_matches("http://")));
    let counters = bench.client.counters()["sts"];
    assert_eq!((counters.calls, counters.failed, counters.retries), (1, 0, 0));
    assert_eq!(counters.bytes, IDENTITY.len() as u64);
    assert_eq!(bench.client.answers(), 1);
}

#[tokio::test]
async fn error_answers_become_classes() {
    use CredentialsTrouble::{Expired, Invalid};
    for (status, code, class) in [
        (400, "ExpiredToken", Class::Credentials(Expired)),
        (403, "InvalidClientTokenId", Class::Credentials(Invalid)),
        (403, "SignatureDoesNotMatch", Class::Credentials(Invalid)),
        (403, "AccessDenied", Class::AccessDenied { by_organization: false }),
        (401, "OptInRequired", Class::RegionDisabled),
        (400, "ValidationError", Class::Service),
    ] {
        let fake = Fake::new(move |_| query_error(status, code, "words")).await;
        let error = Bench::new(&fake).await.error().await;
        assert_eq!(error.class, class, "{code}");
        assert_eq!((error.code.as_deref(), error.status, error.attempts), (Some(code), Some(status), 1));
        assert_eq!((error.message.as_str(), error.request_id.as_deref()), ("words", Some("req-1")));
        assert_eq!(fake.came().len(), 1, "{code} is not tried again");
        let fault = error.to_fault();
        assert_eq!(fault.scope.action.as_deref(), Some("GetCallerIdentity"));
        assert!(fault.message.contains("account 123456789012"), "{}", fault.message);
    }
}

#[tokio::test]
async fn keys_that_were_accepted_are_not_blamed_for_a_region() {
    let fake = Fake::new(|came| match came.number {
        0 => ok(IDENTITY),
        _ => {
            query_error(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        }
    })
    .await;
    let bench = Bench::new(&fake).await;
    bench.identity().await.unwrap();
    let error = bench.error().await;
    assert_eq!(error.class, Class::RegionRefuses);
    let hint = error.to_fault().hint.unwrap();
    assert!(hint.starts_with("enable the region"), "{hint}");
}

/// Those that STS's global endpoint makes are not good in regions that have to be enabled.
#[tokio::test]
async fn a_session_that_a_region_refuses_is_explained() {
    let fake = Fake::new(|came| match came.number {
        0 => ok(IDENTITY),
        _ => {
            query_error(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        }
    })
    .await;
    let keys = [("AWS_ACCESS_KEY_ID", "ASIA"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_SESSION_TOKEN", "t")];
    let bench = Bench::with(&fake, quick(), &keys).await;
    let session = bench.client.session(crate::Login::Environment).await.unwrap();
    let target = crate::Target { session: &session, ..bench.target() };
    let call = || bench.client.call(&target, "sts", "GetCallerIdentity", json!({}));
    call().await.unwrap();
    let error = call().await.unwrap_err();
    assert_eq!(error.class, Class::RegionRefuses);
    let hint = error.to_fault().hint.unwrap();
    assert!(hint.contains("AWS_STS_REGIONAL_ENDPOINTS=regional") && hint.contains("version 2"), "{hint}");
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected() {
    let hour = Duration::from_hours(1);
    let date = httpdate::fmt_http_date(SystemTime::now() + hour);
    let fake = Fake::new(move |came| match came.number {
        0 => match query_error(403, "RequestTimeTooSkewed", "The difference is too large") {
            Reply::Whole(status, _, body) => Reply::Whole(status, format!("date: {date}\r\n"), body),
            other => other,
        },
        _ => ok(IDENTITY),
    })
    .await;
    let bench = Bench::new(&fake).await;
    bench.identity().await.unwrap();
    bench.identity().await.unwrap();
    let came = fake.came();
    assert_eq!(came.len(), 3, "the correction is kept");
    let signed = |at: usize| {
        let date = came[at].header("x-amz-date").unwrap();
        jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
            .unwrap()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap()
    };
    for later in [1, 2] {
        let ahead = (signed(later).timestamp() - signed(0).timestamp()).total(jiff::Unit::Second).unwrap();
        assert!(ahead > 3500.0, "{ahead}");
    }
}

/// Whether a request was signed with a time that is nearly an hour from now.
fn is_signed_later(came: &super::fake::Came) -> bool {
    let date = came.header("x-amz-date").unwrap();
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).unwrap();
    let signed = signed.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    (signed - jiff::Timestamp::now()).total(jiff::Unit::Second).unwrap() > 3000.0
}

/// The first calls of an account go out together, all with the wrong time.
#[tokio::test]
async fn calls_that_went_out_before_the_clock_was_corrected_are_made_again() {
    let fake = Fake::new(move |came| {
        if is_signed_later(came) {
            return ok(IDENTITY);
        }
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_hours(1));
        match query_error(403, "SignatureDoesNotMatch", "Signature not yet current") {
            Reply::Whole(status, _, body) => Reply::Whole(status, format!("date: {date}\r\n"), body),
            other => other,
        }
    })
    .await;
    let bench = Bench::new(&fake).await;
    let calls = (0..8).map(|_| bench.identity());
    for answer in futures_util::future::join_all(calls).await {
        answer.unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_stays_wrong_is_said_to_be_wrong_by_how_much() {
    let date = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(3 * 3600 + 725));
    let fake = Fake::new(move |_| match query_error(403, "RequestTimeTooSkewed", "too large") {
        Reply::Whole(status, _, body) => Reply::Whole(status, format!("date: {date}\r\n"), body),
        other => other,
    })
    .await;
    let error = Bench::new(&fake).await.error().await;
    assert_eq!(error.class, Class::Credentials(CredentialsTrouble::Clock));
    assert_eq!(error.message, "the clock of this machine is 3 hours and 12 minutes ahead: too large");
    assert_eq!(fake.came().len(), 2);
}

#[tokio::test]
async fn pages_of_proxies_are_recognised() {
    let page = "<!DOCTYPE html><html><body>Please log in to the network</body></html>";
    let fake =
        Fake::new(move |_| Reply::Whole(200, "content-type: text/html\r\n".to_owned(), page.to_owned()))
            .await;
    let error = Bench::new(&fake).await.error().await;
    assert_eq!((error.class, error.attempts), (Class::Garbage, 1));
    assert!(error.message.contains("HTML"), "{}", error.message);
    assert!(error.to_fault().hint.unwrap().contains("proxy"));
}

#[tokio::test]
async fn a_gateway_that_fails_for_a_moment_is_tried_again() {
    let fake = Fake::new(|came| match came.number {
        0 | 1 => Reply::Whole(502, String::new(), "<html>Bad Gateway</html>".to_owned()),
        _ => ok(IDENTITY),
    })
    .await;
    assert!(Bench::new(&fake).await.identity().await.is_ok());
}

#[tokio::test]
async fn xml_that_ends_too_early_is_tried_again_and_then_garbage() {
    let fake = Fake::new(|_| ok(&IDENTITY[..IDENTITY.len() - 40])).await;
    let error = Bench::new(&fake).await.error().await;
    assert_eq!((error.class, error.attempts), (Class::Garbage, 5), "{error}");
}

#[tokio::test]
async fn what_is_not_xml_at_all_is_garbage_at_once() {
    let fake = Fake::new(|_| ok("{\"a\": 1}")).await;
    let error = Bench::new(&fake).await.error().await;
    assert_eq!((error.class, fake.came().len()), (Class::Garbage, 1), "{error}");
}

#[tokio::test]
async fn calls_that_make_no_sense_send_nothing() {
    let fake = Fake::new(|_| ok("")).await;
    let bench = Bench::new(&fake).await;
    for (service, operation, params) in [
        ("s4", "ListBuckets", json!({})),
        ("s3", "ListBucketz", json!({})),
        ("ec2", "DescribeVpcs", json!([])),
        ("ec2", "DescribeVpcs", json!({"VpcIdz": []})),
    ] {
        let error = bench.call(service, operation, params).await.unwrap_err();
        assert_eq!((error.class, error.attempts), (Class::Input, 0), "{error}");
    }
    assert_eq!(fake.came().len(), 0);
}

#[tokio::test]
async fn secrets_are_in_no_text() {
    let told = format!("no match\n\nThe Canonical String for this request should have been\n{SECRET}");
    let fake = Fake::new(move |_| query_error(403, "SignatureDoesNotMatch", &told)).await;
    let bench = Bench::new(&fake).await;
    let error = bench.error().await;
    let target = bench.target();
    let login =
        crate::Login::Keys { access_key_id: "AKID".to_owned(), secret_access_key: SECRET.to_owned().into() };
    let texts = format!("{:?} {:?} {error} {error:?} {target:?} {login:?}", bench.client, bench.session);
    assert!(!texts.contains(&SECRET[..8]), "{texts}");
}

#[tokio::test]
async fn what_is_left_out_of_answers_is_kept_for_the_account() {
    let volumes = "<DescribeVolumesResponse><volumeSet><item><volumeId>v</volumeId><size>1e30</size></item>\
                   </volumeSet></DescribeVolumesResponse>";
    let fake = Fake::new(move |_| ok(volumes)).await;
    let bench = Bench::new(&fake).await;
    for _ in 0..2 {
        let answer = bench.call("ec2", "DescribeVolumes", json!({})).await.unwrap();
        assert_eq!(answer["Volumes"], json!([{"VolumeId": "v"}]));
    }
    assert!(bench.client.left_out("another").is_empty());
    let left_out = bench.client.left_out("123456789012");
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    let told = &left_out[0];
    assert_eq!(
        (told.service.as_str(), told.operation.as_str(), told.oddity.times),
        ("ec2", "DescribeVolumes", 2)
    );
    assert_eq!((told.oddity.path.as_str(), told.oddity.example.as_deref()), ("Volumes.Size", Some("v")));
    assert!(bench.client.left_out("123456789012").is_empty(), "told once");
}
