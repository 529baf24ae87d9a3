//! Subscriptions of actions.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::ACCEPT;

use super::client::{Call, CoreClient};
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
        let subscriber = self.action_subscriber();
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

    /// An authorized call without effect. Answers 404 as long as nothing is subscribed, which is fine.
    pub(crate) async fn check_access(&self) -> Result<(), CoreError> {
        let subscriber = self.action_subscriber();
        let segments = ["subscriber", &subscriber];
        let mut call = Call::new("get access".to_owned(), Method::GET, &segments);
        call.timeout = Duration::from_secs(30);
        self.call(call).await.map(drop)
    }
}
