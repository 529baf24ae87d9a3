//! Where requests go: buckets, proxies, hosts that are not there.

use std::sync::Arc;

use http_client::{Cause, Class, TransportTrouble};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::fake::{Came, Fake, Reply, ok, query_error};
use super::{Bench, IDENTITY, quick};
use crate::asked::Asked;
use crate::attempt::Trial;
use crate::client::Client;
use crate::credentials::Login;
use crate::endpoint::{Flavor, resolve};
use crate::environment::Environment;

#[tokio::test]
async fn a_bucket_in_another_region_is_asked_there_and_from_then_on() {
    let fake = Fake::new(|came| {
        let there = came.header("authorization").unwrap().contains("/eu-north-1/s3/");
        if there {
            return ok("<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>");
        }
        let body = "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>";
        Reply::Whole(301, "x-amz-bucket-region: eu-north-1\r\n".to_owned(), body.to_owned())
    })
    .await;
    let bench = Bench::new(&fake).await;
    for _ in 0..2 {
        let answer = bench.call("s3", "GetBucketTagging", json!({"Bucket": "logs-1"})).await.unwrap();
        assert_eq!(answer["TagSet"][0]["Key"], "a");
    }
    let lines: Vec<String> = fake.came().into_iter().map(|came| came.line).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.starts_with("GET /logs-1?tagging")), "{lines:?}");
}

#[tokio::test]
async fn a_bucket_that_moves_in_circles_is_an_error() {
    let fake = Fake::new(|came| {
        let region = if came.number % 2 == 0 { "eu-north-1" } else { "eu-south-1" };
        let body = "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>";
        Reply::Whole(301, format!("x-amz-bucket-region: {region}\r\n"), body.to_owned())
    })
    .await;
    let bench = Bench::new(&fake).await;
    let error = bench.call("s3", "GetBucketTagging", json!({"Bucket": "logs-1"})).await.unwrap_err();
    assert_eq!((error.class, fake.came().len()), (Class::Service, 3), "{error}");
    assert_eq!(error.subject.as_deref(), Some("bucket logs-1"));
    assert!(error.to_string().contains("for bucket logs-1"), "{error}");
    assert_eq!(bench.client.region_of_bucket("logs-1"), None, "nobody knows");
}

#[tokio::test]
async fn a_bucket_that_is_denied_where_it_is_tells_where_it_is() {
    let fake = Fake::new(|_| {
        let body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
        Reply::Whole(403, "x-amz-bucket-region: eu-west-1\r\n".to_owned(), body.to_owned())
    })
    .await;
    let bench = Bench::new(&fake).await;
    let error = bench.call("s3", "GetBucketTagging", json!({"Bucket": "logs-1"})).await.unwrap_err();
    assert_eq!(error.class, Class::AccessDenied { by_organization: false });
    assert_eq!(bench.client.region_of_bucket("logs-1").as_deref(), Some("eu-west-1"));
}

/// Tags, if they are asked for in eu-north-1.
fn tags_in_the_north(came: &Came) -> Option<Reply> {
    let there = came.header("authorization")?.contains("/eu-north-1/s3/");
    there.then(|| ok("<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"))
}

#[tokio::test]
async fn a_bucket_that_is_elsewhere_without_a_word_is_looked_for() {
    for answers_head in [true, false] {
        let fake = Fake::new(move |came| match came.line.split(' ').next() {
            Some("HEAD") if answers_head => {
                Reply::Whole(301, "x-amz-bucket-region: eu-north-1\r\n".to_owned(), String::new())
            }
            Some("HEAD") => Reply::Whole(403, String::new(), String::new()),
            _ if came.line.contains("location") => ok("<LocationConstraint>eu-north-1</LocationConstraint>"),
            _ => tags_in_the_north(came).unwrap_or_else(|| {
                let body = "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>";
                Reply::Whole(301, String::new(), body.to_owned())
            }),
        })
        .await;
        let bench = Bench::new(&fake).await;
        let answer = bench.call("s3", "GetBucketTagging", json!({"Bucket": "logs-1"})).await.unwrap();
        assert_eq!(answer["TagSet"][0]["Key"], "a", "{answers_head}");
    }
}

#[tokio::test]
async fn other_redirects_are_not_followed() {
    let elsewhere = Fake::new(|_| ok(IDENTITY)).await;
    let location = format!("location: {}\r\n", elsewhere.address());
    let fake = Fake::new(move |_| Reply::Whole(302, location.clone(), String::new())).await;
    Bench::new(&fake).await.error().await;
    assert_eq!((fake.came().len(), elsewhere.came().len()), (1, 0));
}

#[tokio::test]
async fn plain_requests_go_through_the_proxy_with_its_password() {
    let proxy = Fake::new(|_| ok(IDENTITY)).await;
    let address = proxy.address().replace("http://", "http://user:pass@");
    let bench =
        Bench::of(quick(), &[("AWS_ENDPOINT_URL", "http://aws.mock.invalid"), ("HTTP_PROXY", &address)])
            .await;
    assert_eq!(bench.identity().await.unwrap()["Account"], "1");
    let came = &proxy.came()[0];
    assert_eq!(came.line, "POST http://aws.mock.invalid/ HTTP/1.1");
    assert_eq!(came.header("proxy-authorization"), Some("Basic dXNlcjpwYXNz"));
    assert_eq!(came.header("host"), Some("aws.mock.invalid"));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    let proxy = Fake::new(|_| Reply::Whole(407, String::new(), String::new())).await;
    let address = proxy.address();
    let bench = Bench::of(quick(), &[("HTTPS_PROXY", &address)]).await;
    let error = bench.error().await;
    assert_eq!((error.class, error.code.as_deref()), (Class::Network, Some("ProxyFailure")), "{error}");
    assert!(error.message.contains(address.trim_start_matches("http://")), "{error}");
    assert_eq!(proxy.came()[0].line, "CONNECT sts.eu-west-1.amazonaws.com:443 HTTP/1.1");
}

#[tokio::test]
async fn a_host_that_does_not_speak_tls_says_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // A record of no known kind; then the end.
            stream.write_all(b"220 mail.example ESMTP\r\n").await.ok();
        }
    });
    let mut settings = quick();
    settings.retry.attempts = 1;
    let bench = Bench::of(settings, &[("AWS_ENDPOINT_URL", &address)]).await;
    let error = bench.error().await;
    assert!(matches!(error.class, Class::Network | Class::Config), "{error}");
    assert_eq!(error.code.as_deref(), Some("TlsFailure"), "{error}");
    server.abort();
}

/// What a call to a host that nobody knows is taken for: by the name servers, by a proxy, and at a configured address.
async fn unknown_host(service: &str, operation: &str, region: &str) -> [(Class, Cause); 3] {
    let fake = Fake::new(|_| ok(IDENTITY)).await;
    let bench = Bench::new(&fake).await;
    let target = crate::Target { region, ..bench.target() };
    let asked = Asked::new(&target, service, operation).unwrap();
    let own = resolve(asked.service, region, Flavor::default(), None).unwrap();
    let custom = resolve(asked.service, region, Flavor::default(), Some("http://mock.example")).unwrap();
    let request = shapes::Request {
        method: "GET",
        path: "/".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Vec::new(),
        host_prefix: None,
    };
    let trial = Trial::new(&bench.client, &asked, request, None);
    let gone = TransportTrouble::NoSuchHost("h".to_owned());
    let proxy = TransportTrouble::Proxy("p".to_owned(), "tunnel".to_owned());
    [(&gone, &own), (&proxy, &own), (&gone, &custom)].map(|(trouble, endpoint)| {
        let failed = trial.unreached(trouble, endpoint);
        (failed.error.class, failed.cause)
    })
}

#[tokio::test]
async fn a_service_that_aws_does_not_list_in_a_region_does_not_exist_there() {
    let absent = (Class::NoEndpoint, Cause::Final);
    let lost = (Class::Network, Cause::Final);
    let perhaps = (Class::Network, Cause::Transient);
    let found = unknown_host("pricing", "DescribeServices", "eu-west-1").await;
    assert_eq!(found, [absent, absent, lost], "prices are told in few regions");
    for (service, operation, region) in [
        ("ec2", "DescribeVpcs", "eu-west-1"),
        ("iam", "ListUsers", "us-east-1"),
        // The tables know neither this region nor this service.
        ("pricing", "DescribeServices", "eu-west-99"),
        ("qapps", "ListQApps", "eu-west-1"),
    ] {
        let found = unknown_host(service, operation, region).await;
        assert_eq!(found, [lost, perhaps, lost], "{service} {region}: the name servers may be wrong");
    }
}

#[tokio::test]
async fn sts_has_an_address_of_its_own_and_is_signed_for_the_region_that_is_asked() {
    let (sts, others) = (Fake::new(|_| ok(IDENTITY)).await, Fake::new(|_| ok("<x/>")).await);
    let (address, all) = (sts.address(), others.address());
    let bench = Bench::of(quick(), &[("AWS_ENDPOINT_URL", &all), ("AWS_ENDPOINT_URL_STS", &address)]).await;
    assert_eq!(bench.identity().await.unwrap()["Account"], "1");
    assert!(sts.came()[0].header("authorization").unwrap().contains("/eu-west-1/sts/"));
    assert!(others.came().is_empty());
}

/// Neither environment nor profile name a region: that of the settings is meant, if it is in the partition of the role.
#[tokio::test]
async fn web_identities_are_exchanged_where_the_settings_say() {
    let fake = Fake::new(|_| query_error(400, "InvalidIdentityToken", "no")).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "token").unwrap();
    let (address, file) = (fake.address(), file.path().display().to_string());
    for (role, more, region) in [
        ("arn:aws:iam::1:role/x", None, "eu-west-1"),
        ("arn:aws-cn:iam::1:role/x", None, "cn-northwest-1"),
        ("arn:aws:iam::1:role/x", Some(("AWS_REGION", "eu-north-1")), "eu-north-1"),
        ("arn:aws:iam::1:role/x", Some(("AWS_REGION", "cn-north-1")), "eu-west-1"),
    ] {
        let mut variables = vec![
            ("AWS_ENDPOINT_URL", &*address),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", &*file),
            ("AWS_ROLE_ARN", role),
        ];
        variables.extend(more);
        let environment = Environment::of_test(&variables, "", None).await.unwrap();
        let client = Client::with_environment(quick(), Arc::new(environment)).unwrap();
        let client = client.wishing(&["us-gov-west-1".to_owned(), "eu-west-1".to_owned()]);
        let session = client.session(Login::Environment).await.unwrap();
        assert_eq!(session.check().await.unwrap_err().region, region, "{role} {more:?}");
    }
}

#[tokio::test]
async fn trouble_with_roots_names_the_variable_that_is_set() {
    let fake = Fake::new(|_| ok(IDENTITY)).await;
    let address = fake.address().replace("http://", "https://");
    for name in ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"] {
        let variables = [("AWS_ENDPOINT_URL", address.as_str()), (name, "/nowhere/roots.pem")];
        let error = Bench::of(quick(), &variables).await.error().await;
        assert_eq!(error.class, Class::Config, "{error}");
        let hint = error.to_fault().hint.unwrap();
        assert_eq!(hint, format!("check the file that {name} names, or unset it"));
    }
}
