//! Subscriptions of actions.

use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Method, StatusCode};

use super::client::{Call, CoreClient, expect_success};
use super::error::CoreError;

/// An action that fixcore waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// `collect` or `cleanup`.
    pub action: String,
    /// After this time fixcore goes on without us; whole seconds.
    pub timeout: Duration,
}

impl CoreClient {
    /// Subscribes an action, or changes its timeout. Has to be done before the websocket of actions is opened.
    pub async fn subscribe(&self, subscription: &Subscription) -> Result<(), CoreError> {
        let subscriber = self.subscriber().of_actions();
        let segments = ["subscriber", &subscriber, &subscription.action];
        let timeout = subscription.timeout.as_secs().max(1).to_string();
        let query = [("timeout", timeout.as_str()), ("wait_for_completion", "True")];
        let action = format!("subscribe the action {}", subscription.action);
        let mut call = Call::new(action, Method::POST, &segments);
        call.query = &query;
        call.headers = &[(ACCEPT, "application/json")];
        call.timeout = Duration::from_secs(30);
        self.call_ok(call).await.map(drop)
    }

    /// Takes all subscriptions of actions back: no later run waits for us, and one that is on not beyond the next answer of
    /// another worker, which is when fixcore looks. False if there were none. A worker that is still connected subscribes again with its next connection.
    pub async fn unsubscribe(&self) -> Result<bool, CoreError> {
        let subscriber = self.subscriber().of_actions();
        let segments = ["subscriber", &subscriber];
        let mut call = Call::new("see what is subscribed".to_owned(), Method::GET, &segments);
        call.timeout = Duration::from_secs(30);
        let known = self.call(call).await?;
        if known.status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        expect_success("see what is subscribed", known)?;
        let mut call = Call::new("unsubscribe".to_owned(), Method::DELETE, &segments);
        call.timeout = Duration::from_secs(30);
        self.call_ok(call).await.map(|_| true)
    }

    /// An authorized call without effect. Answers 404 as long as nothing is subscribed, which is fine.
    pub(crate) async fn check_access(&self) -> Result<(), CoreError> {
        let subscriber = self.subscriber().of_actions();
        let segments = ["subscriber", &subscriber];
        let mut call = Call::new("get access".to_owned(), Method::GET, &segments);
        call.timeout = Duration::from_secs(30);
        self.call(call).await.map(drop)
    }
}
