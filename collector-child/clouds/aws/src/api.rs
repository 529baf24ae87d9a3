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
        match other_account(answer, &self.account, by_role && self.session.asks_sts_elsewhere()) {
            Some(told) => Err(aws_client::of_another_account(&self.account, told, region)),
            None => Ok(()),
        }
    }

    /// Values that were left out of answers since this was asked last.
    pub(crate) fn left_out(&self) -> Vec<LeftOut> {
        self.client.left_out(&self.account)
    }

    fn target<'a>(&'a self, region: &'a str) -> Target<'a> {
        Target { session: &self.session, region, account: &self.account, deadline: None }
    }
}

/// The account of STS's answer if it is another one. A stand-in of AWS may answer everybody as the one caller that it
/// knows: to AWS, who has assumed a role is a session of that role.
fn other_account<'a>(answer: &'a Value, account: &str, of_role_at_stand_in: bool) -> Option<&'a str> {
    let text = |name: &str| answer[name].as_str().unwrap_or_default();
    let told = text("Account");
    let one_caller = of_role_at_stand_in && !text("Arn").contains(":assumed-role/");
    (!told.is_empty() && told != account && !one_caller).then_some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_stand_in_may_answer_for_a_role_as_somebody_else() {
        let user = json!({"Account": "1", "Arn": "arn:aws:iam::1:user/x"});
        let role = json!({"Account": "1", "Arn": "arn:aws:sts::1:assumed-role/r/s"});
        assert_eq!(other_account(&user, "1", false), None);
        assert_eq!(other_account(&user, "2", false), Some("1"), "AWS itself");
        assert_eq!(other_account(&user, "2", true), None);
        assert_eq!(other_account(&role, "2", true), Some("1"), "a role of another account");
        assert_eq!(other_account(&json!({}), "2", false), None);
    }
}
