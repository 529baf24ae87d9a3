//! Listings: pages, tokens, ends.

use http_client::{CallError, Class};
use serde_json::{Value, json};

use super::fake::{Came, Fake, Reply, ok, query_error};
use super::{Bench, quick};

fn users(names: &[String], marker: Option<&str>) -> Reply {
    let members: Vec<String> =
        names.iter().map(|name| format!("<member><UserName>{name}</UserName></member>")).collect();
    let members = members.concat();
    let more = marker.map_or_else(
        || "<IsTruncated>false</IsTruncated>".to_owned(),
        |marker| format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>"),
    );
    ok(format!(
        "<ListUsersResponse><ListUsersResult><Users>{members}</Users>{more}</ListUsersResult></ListUsersResponse>"
    ))
}

async fn listed(
    reply: impl Fn(&Came) -> Reply + Send + Sync + 'static,
) -> (Vec<String>, Option<CallError>, Fake) {
    let fake = Fake::new(reply).await;
    let bench = Bench::with(&fake, quick(), &[]).await;
    let target = bench.target();
    let pages = bench.client.pages(&target, "iam", "ListUsers", json!({"PathPrefix": "/a/"}));
    let mut names = Vec::new();
    let end = pages
        .each(|page| {
            let users = page["Users"].as_array().cloned().unwrap_or_default();
            names.extend(users.iter().filter_map(|user| user["UserName"].as_str().map(str::to_owned)));
        })
        .await;
    (names, end.err(), fake)
}

fn name(number: usize) -> Vec<String> {
    vec![format!("u{number}")]
}

#[tokio::test]
async fn all_pages_are_asked_for_with_the_token_of_the_one_before() {
    let (names, error, fake) = listed(|came| match came.number {
        n @ 0..3 => users(&name(n), Some(&format!("m{n}"))),
        n => users(&name(n), None),
    })
    .await;
    assert_eq!((names.join(" ").as_str(), error), ("u0 u1 u2 u3", None));
    let markers: Vec<Option<String>> = fake.came().iter().map(|came| came.param("Marker")).collect();
    assert_eq!(markers, [None, Some("m0".to_owned()), Some("m1".to_owned()), Some("m2".to_owned())]);
    assert!(fake.came().iter().all(|came| came.param("PathPrefix").is_some()));
}

#[tokio::test]
async fn a_token_that_repeats_ends_the_listing_and_keeps_what_was_read() {
    let (names, error, fake) = listed(|came| users(&name(came.number), Some("same"))).await;
    assert_eq!(names.join(" "), "u0 u1");
    let error = error.unwrap();
    assert_eq!(error.class, Class::RepeatedToken);
    assert_eq!((error.operation.as_str(), fake.came().len()), ("ListUsers", 2));
}

#[tokio::test]
async fn a_page_that_breaks_costs_the_rest_and_not_what_was_read() {
    let (names, error, _) = listed(|came| match came.number {
        0 => users(&name(0), Some("m0")),
        _ => query_error(400, "ValidationError", "no"),
    })
    .await;
    assert_eq!((names.join(" ").as_str(), error.unwrap().class), ("u0", Class::Service));
}

#[tokio::test]
async fn a_listing_that_never_ends_is_given_up() {
    let fake = Fake::new(|came| users(&name(came.number), Some(&format!("m{}", came.number)))).await;
    let bench = Bench::new(&fake).await;
    let target = bench.target();
    let mut pages = bench.client.pages(&target, "iam", "ListUsers", json!({})).at_most(7);
    let mut good = 0;
    let error = loop {
        match pages.next().await {
            Some(Ok(_)) => good += 1,
            Some(Err(error)) => break error,
            None => panic!("there was no end"),
        }
    };
    assert_eq!((good, error.class), (7, Class::EndlessPages));
    assert!(pages.next().await.is_none());
    assert_eq!(error.to_fault().kind, ipc_proto::fault::FaultKind::Limit);
}

#[tokio::test]
async fn empty_pages_without_end_are_given_up() {
    let (names, error, fake) = listed(|came| users(&[], Some(&format!("m{}", came.number)))).await;
    assert_eq!((names.len(), error.unwrap().class, fake.came().len()), (0, Class::EndlessPages, 1000));
}

#[tokio::test]
async fn one_page_again_and_again_is_given_up() {
    let nines = listed(|came| {
        users(
            &name(came.number / 9),
            Some(format!("m{}", came.number)).as_deref().filter(|_| came.number < 45),
        )
    });
    let (names, error, _) = nines.await;
    assert_eq!((names.len(), error), (46, None), "a few in a row may be");
    let (names, error, fake) = listed(|came| users(&name(1), Some(&format!("m{}", came.number)))).await;
    let error = error.unwrap();
    assert_eq!((names.len(), error.class, fake.came().len()), (10, Class::EndlessPages, 10));
    assert!(error.message.contains("one and the same"), "{error}");
}

#[tokio::test]
async fn operations_without_pages_give_one() {
    let fake = Fake::new(|_| ok(super::IDENTITY)).await;
    let bench = Bench::new(&fake).await;
    let target = bench.target();
    let mut pages = bench.client.pages(&target, "sts", "GetCallerIdentity", Value::Null);
    assert_eq!(pages.next().await.unwrap().unwrap()["Account"], "1");
    assert!(pages.next().await.is_none());
}

/// Queues, in pages of two if the call asks for pages; else the listing ends without a word.
fn queues(came: &Came) -> Reply {
    let asked: Value = serde_json::from_str(&came.body).unwrap();
    let all = ["a", "b", "c", "d", "e"];
    let start: usize = asked["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
    let end = (start + 2).min(all.len());
    let mut answer = json!({"QueueUrls": all[start..end]});
    if end < all.len() && !asked["MaxResults"].is_null() {
        answer["NextToken"] = json!(end.to_string());
    }
    ok(answer.to_string())
}

async fn all_queues(
    reply: impl Fn(&Came) -> Reply + Send + Sync + 'static,
) -> (usize, Option<CallError>, Fake) {
    let fake = Fake::new(reply).await;
    let bench = Bench::new(&fake).await;
    let target = bench.target();
    let mut found = 0;
    let pages = bench.client.pages(&target, "sqs", "ListQueues", json!({}));
    let end = pages.each(|page| found += page["QueueUrls"].as_array().map_or(0, Vec::len)).await;
    (found, end.err(), fake)
}

#[tokio::test]
async fn a_service_that_pages_on_demand_is_asked_for_pages() {
    let (found, error, fake) = all_queues(queues).await;
    assert_eq!((found, error, fake.came().len()), (5, None, 3));
    assert!(fake.came().iter().all(|came| came.body.contains("\"MaxResults\":1000")));
}

#[tokio::test]
async fn a_server_that_refuses_a_size_is_asked_without() {
    let refuse = |came: &Came| {
        if came.body.contains("MaxResults") {
            return Reply::Whole(400, String::new(), json!({"__type": "InvalidParameterValue"}).to_string());
        }
        queues(came)
    };
    let (found, error, fake) = all_queues(refuse).await;
    assert_eq!((found, error, fake.came().len()), (2, None, 2));
    let denied = |_: &Came| Reply::Whole(403, String::new(), json!({"__type": "AccessDenied"}).to_string());
    let (_, error, fake) = all_queues(denied).await;
    assert_eq!(fake.came().len(), 1, "{error:?}");
}
