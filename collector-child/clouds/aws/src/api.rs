//! Calls with the credentials of one account.

use aws_client::{CallError, Client, LeftOut, Session, Target};
use serde_json::{Map, Value};

use crate::accounts::{Scope, sessions};
use crate::partition::home;
pub(crate) use aws_client::Pages;

/// The cloud as one account sees it.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    session: Session,
    /// The account, for error messages.
    account: String,
}

impl Api {
    pub(crate) fn new(client: Client, session: Session, account: &str) -> Self {
        Self { client, session, account: account.to_owned() }
    }

    /// The region whose STS is asked; see [`home`].
    pub(crate) fn home(&self, scope: &Scope) -> String {
        home(&sessions::hints(&self.session, Some(&scope.regions)), &scope.partition)
    }

    /// One call; the first page of an answer that has many.
    pub(crate) async fn call(
        &self,
        region: &str,
        service: &str,
        operation: &str,
        params: Map<String, Value>,
    ) -> Result<Value, CallError> {
        self.client.call(&self.target(region), service, operation, Value::Object(params)).await
    }

    /// Page after page.
    pub(crate) fn pages<'a>(
        &'a self,
        region: &'a str,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> Pages<'a> {
        self.client.pages(&self.target(region), service, operation, Value::Object(params))
    }

    /// All that the pages of an answer have in this member.
    pub(crate) async fn all(
        &self,
        region: &str,
        service: &str,
        operation: &str,
        member: &str,
    ) -> Result<Vec<Value>, CallError> {
        let mut found = Vec::new();
        let mut pages = self.pages(region, service, operation, Map::new());
        while let Some(page) = pages.next().await {
            if let Some(Value::Array(items)) = page?.get_mut(member).map(Value::take) {
                found.extend(items);
            }
        }
        Ok(found)
    }

    /// An error if the credentials belong to another account, by the answer of STS in this region.
    pub(crate) fn expect_account(&self, region: &str, answer: &Value) -> Result<(), CallError> {
        let by_role = self.session.assumed_role().is_some();
        let at_stand_in = by_role && self.session.asks_sts_elsewhere();
        aws_client::expect_account(answer, &self.account, region, at_stand_in)
    }

    /// Values that were left out of answers since this was asked last.
    pub(crate) fn left_out(&self) -> Vec<LeftOut> {
        self.client.left_out(&self.account)
    }

    fn target<'a>(&'a self, region: &'a str) -> Target<'a> {
        Target { session: &self.session, region, account: &self.account, deadline: None }
    }
}
