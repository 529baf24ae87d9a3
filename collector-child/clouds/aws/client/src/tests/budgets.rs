//! How much goes on at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http_client::{Budgets, Class, Settings};
use serde_json::Value;

use super::fake::{Fake, Reply, ok};
use super::{Bench, IDENTITY, quick};
use crate::client::Target;

/// The most calls that were under way at once, as the callers of `calls` calls saw it.
async fn most_at_once(budgets: Budgets, regions: &[&'static str]) -> usize {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, highest) = (now.clone(), most.clone());
    let fake = Fake::new(move |_| {
        highest.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(3));
        counted.fetch_sub(1, Ordering::SeqCst);
        ok(IDENTITY)
    })
    .await;
    let bench = Arc::new(Bench::with(&fake, Settings { budgets, ..quick() }, &[]).await);
    let mut calls = tokio::task::JoinSet::new();
    for region in regions.iter().copied().cycle().take(60) {
        let bench = bench.clone();
        calls.spawn(async move {
            let target = Target { region, ..bench.target() };
            bench.client.call(&target, "sts", "GetCallerIdentity", Value::Null).await.unwrap();
        });
    }
    calls.join_all().await;
    most.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_service_in_a_region_gets_its_number_of_calls() {
    let services = std::collections::HashMap::from([("sts".to_owned(), 2)]);
    let budgets = Budgets { overall: 64, per_service: 20, services };
    assert!(most_at_once(budgets.clone(), &["eu-west-1"]).await <= 2);
    assert!(
        most_at_once(Budgets { overall: 3, ..budgets }, &["eu-west-1", "eu-west-2", "eu-west-3"]).await <= 3
    );
}

#[tokio::test]
async fn a_call_that_waits_for_its_place_gives_up_with_its_time() {
    let fake = Fake::new(|_| Reply::Silent).await;
    let services = std::collections::HashMap::from([("sts".to_owned(), 1)]);
    let budgets = Budgets { services, ..Budgets::default() };
    let bench = Arc::new(Bench::with(&fake, Settings { budgets, ..quick() }, &[]).await);
    let first = bench.clone();
    let first = tokio::spawn(async move { first.identity().await });
    while fake.came().is_empty() {
        tokio::task::yield_now().await;
    }
    let target = Target { deadline: Some(Instant::now() + Duration::from_millis(20)), ..bench.target() };
    let error = bench.client.call(&target, "sts", "GetCallerIdentity", Value::Null).await.unwrap_err();
    assert_eq!((error.class, error.attempts), (Class::Deadline, 0));
    first.abort();
}
