//! Credentials that are replaced while they are used: a profile, a program or the machine gives others from one moment to
//! the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_client::{Class, CredentialsTrouble};
use serde_json::json;

use super::fake::{Came, Fake, ok, query_error};
use super::quick;
use crate::client::{Client, Target};
use crate::credentials::{Login, Session};
use crate::environment::Environment;

const OURS: &str = "111111111111";
const OTHER_ACCOUNT: Class = Class::Credentials(CredentialsTrouble::OtherAccount);

/// A container that gives these keys one after the other, each of the account that it is called after. IAM takes none
/// but the last one.
async fn cloud(keys: &'static [&'static str]) -> Fake {
    let given = AtomicUsize::new(0);
    Fake::new(move |came: &Came| {
        if came.line.starts_with("GET /container") {
            let key = keys[given.fetch_add(1, Ordering::Relaxed).min(keys.len() - 1)];
            return ok(format!(
                "{{\"AccessKeyId\":\"{key}\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\
                 \"Expiration\":\"2099-01-01T00:00:00Z\"}}"
            ));
        }
        let key = key_of(came);
        if came.param("Action").as_deref() != Some("GetCallerIdentity") {
            let answer = "<GetAccountSummaryResponse><GetAccountSummaryResult/></GetAccountSummaryResponse>";
            return if keys.last() == Some(&key) {
                ok(answer)
            } else {
                query_error(403, "ExpiredToken", "old")
            };
        }
        let account = key.split('-').next().unwrap_or_default();
        ok(format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{account}</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        ))
    })
    .await
}

fn key_of(came: &Came) -> &str {
    let head = came.header("authorization").unwrap_or_default();
    head.split("Credential=").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

async fn of_container(fake: &Fake) -> (Client, Session) {
    let (address, container) = (fake.address(), format!("{}/container", fake.address()));
    let variables =
        [("AWS_ENDPOINT_URL", address.as_str()), ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container)];
    let environment = Environment::of_test(&variables, "", None).await.unwrap();
    let client = Client::with_environment(quick(), Arc::new(environment)).unwrap();
    let session = client.session(Login::Environment).await.unwrap();
    (client, session)
}

async fn summary(client: &Client, session: &Session) -> Result<(), Class> {
    let target = Target { session, region: "us-east-1", account: OURS, deadline: None };
    let answer = client.call(&target, "iam", "GetAccountSummary", json!({})).await;
    answer.map(drop).map_err(|error| error.class)
}

/// The keys that calls were signed with, after each other.
fn used(fake: &Fake, action: &str) -> Vec<String> {
    let came = fake.came();
    let of = came.iter().filter(|came| came.param("Action").as_deref() == Some(action));
    of.map(|came| key_of(came).to_owned()).collect()
}

#[tokio::test]
async fn those_of_another_account_are_not_used() {
    let fake = cloud(&["111111111111-a", "222222222222-b"]).await;
    let (client, session) = of_container(&fake).await;
    session.stays_with(OURS, &session.key().await.unwrap(), "us-east-1");
    for _ in 0..3 {
        assert_eq!(summary(&client, &session).await, Err(OTHER_ACCOUNT));
    }
    assert_eq!(used(&fake, "GetAccountSummary"), ["111111111111-a"]);
    assert_eq!(used(&fake, "GetCallerIdentity"), ["222222222222-b"], "the answer is remembered");
}

#[tokio::test]
async fn others_of_the_same_account_are_used() {
    let fake = cloud(&["111111111111-a", "111111111111-b"]).await;
    let (client, session) = of_container(&fake).await;
    session.stays_with(OURS, &session.key().await.unwrap(), "us-east-1");
    for _ in 0..3 {
        assert_eq!(summary(&client, &session).await, Ok(()));
    }
    assert_eq!(used(&fake, "GetCallerIdentity"), ["111111111111-b"], "once");
}

#[tokio::test]
async fn those_that_came_before_it_was_said_whose_they_are_are_looked_at() {
    for (keys, result) in [
        (&["111111111111-a", "222222222222-b"], Err(OTHER_ACCOUNT)),
        (&["111111111111-a", "111111111111-b"], Ok(())),
    ] {
        let fake = cloud(keys).await;
        let (client, session) = of_container(&fake).await;
        let first = session.key().await.unwrap();
        assert_eq!(summary(&client, &session).await, Ok(()));
        session.stays_with(OURS, &first, "us-east-1");
        assert_eq!(summary(&client, &session).await, result, "{keys:?}");
    }
}
