//! Accounts: as they cross the wire, and as people know them.

use std::fmt;

use bincode::{Decode, Encode};

use crate::secret::Secret;

/// One account of a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Account {
    /// The cloud's id in the graph, for example `aws`.
    pub cloud: String,
    /// The account's id in the cloud; `reported.id` of the account node.
    pub id: String,
    /// The account's name for people.
    pub name: String,
    /// The node id of the account node.
    pub node_id: String,
    /// What the collector needs to reach the account (role, profile, project); opaque to the supervisor.
    pub scope: Secret<Vec<u8>>,
}

/// An account as people know it. Cloud and id are unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName {
    /// The cloud's id in the graph.
    pub cloud: String,
    /// The account's id in the cloud.
    pub id: String,
    /// Its name; may be empty.
    pub name: String,
}

impl AccountName {
    /// What it is called: see [`titled`].
    pub fn title(&self) -> String {
        titled(&self.name, &self.id)
    }
}

impl From<&Account> for AccountName {
    fn from(account: &Account) -> Self {
        Self { cloud: account.cloud.clone(), id: account.id.clone(), name: account.name.clone() }
    }
}

/// `aws account name (id)`.
impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} account {}", self.cloud, self.title())
    }
}

/// `name (id)`, or the id alone if the name says no more: what everything with a name and an id is called.
pub fn titled(name: &str, id: &str) -> String {
    if name.is_empty() || name == id { id.to_owned() } else { format!("{name} ({id})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_says_no_more_is_left_out() {
        assert_eq!(titled("prod", "1"), "prod (1)");
        assert_eq!((titled("1", "1"), titled("", "1")), ("1".to_owned(), "1".to_owned()));
        let account = AccountName { cloud: "aws".into(), id: "1".into(), name: "prod".into() };
        assert_eq!(account.to_string(), "aws account prod (1)");
    }
}
