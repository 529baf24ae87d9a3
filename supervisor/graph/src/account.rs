//! Names of accounts.

use std::fmt;

use ipc_proto::job::Account;
use serde::{Deserialize, Serialize};

/// What identifies an account within a worker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountKey {
    /// The cloud's id in the graph.
    pub cloud: String,
    /// The account's id in the cloud.
    pub id: String,
}

/// An account as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountName {
    /// What identifies it.
    pub key: AccountKey,
    /// Its name.
    pub name: String,
}

impl From<&Account> for AccountName {
    fn from(account: &Account) -> Self {
        let key = AccountKey { cloud: account.cloud.clone(), id: account.id.clone() };
        Self { key, name: account.name.clone() }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: AccountKey { cloud, id }, name } = self;
        if name == id {
            write!(f, "{cloud} account {id}")
        } else {
            write!(f, "{cloud} account {name} ({id})")
        }
    }
}
