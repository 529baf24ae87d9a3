//! Calls against servers of our own on this machine.

mod answers;
mod budgets;
mod chain;
mod credentials;
mod fake;
mod given;
mod listings;
mod owner;
mod places;
mod retries;

use std::sync::Arc;
use std::time::Duration;

use http_client::{CallError, Limits, RetryPolicy, Settings};
use serde_json::{Value, json};

use crate::client::{Client, Target};
use crate::credentials::{Login, Session};
use crate::environment::Environment;

use fake::Fake;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const IDENTITY: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:iam::1:user/x</Arn><UserId>U</UserId><Account>1</Account>\
    </GetCallerIdentityResult></GetCallerIdentityResponse>";

/// As in production, with waits of a few milliseconds.
fn quick() -> Settings {
    let ms = Duration::from_millis;
    Settings {
        retry: RetryPolicy {
            rounds: 2,
            unit: ms(1),
            longest: ms(4),
            round_unit: ms(2),
            longest_round: ms(4),
            ..RetryPolicy::default()
        },
        ..Settings::default()
    }
}

/// A client whose AWS is `fake`, with keys.
struct Bench {
    client: Client,
    session: Session,
}

impl Bench {
    async fn new(fake: &Fake) -> Self {
        Self::with(fake, quick(), &[]).await
    }

    async fn with(fake: &Fake, settings: Settings, variables: &[(&str, &str)]) -> Self {
        let address = fake.address();
        let mut all = vec![("AWS_ENDPOINT_URL", address.as_str())];
        all.extend(variables);
        Self::of(settings, &all).await
    }

    async fn of(settings: Settings, variables: &[(&str, &str)]) -> Self {
        let environment = Environment::of_test(variables, "", None).await.unwrap();
        let client = Client::with_environment(settings, Arc::new(environment)).unwrap();
        let secret_access_key = SECRET.to_owned().into();
        let login = Login::Keys { access_key_id: "AKIDEXAMPLE".to_owned(), secret_access_key };
        let session = client.session(login).await.unwrap();
        Self { client, session }
    }

    fn target(&self) -> Target<'_> {
        Target { session: &self.session, region: "eu-west-1", account: "123456789012", deadline: None }
    }

    async fn call(&self, service: &str, operation: &str, params: Value) -> Result<Value, CallError> {
        self.client.call(&self.target(), service, operation, params).await
    }

    async fn identity(&self) -> Result<Value, CallError> {
        self.call("sts", "GetCallerIdentity", json!({})).await
    }

    async fn error(&self) -> CallError {
        self.identity().await.unwrap_err()
    }
}

fn short(read: u64, answer: u64) -> Settings {
    let limits = Limits {
        read: Duration::from_millis(read),
        answer: Duration::from_millis(answer),
        answer_bytes: 1 << 16,
        ..Limits::default()
    };
    Settings { limits, ..quick() }
}
