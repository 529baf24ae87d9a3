//! What identifies an account.

use ipc_proto::account::{Account, AccountName};
use serde::{Deserialize, Serialize};

/// What identifies an account within a worker, whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountKey {
    /// The cloud's id in the graph.
    pub cloud: String,
    /// The account's id in the cloud.
    pub id: String,
}

impl From<&Account> for AccountKey {
    fn from(account: &Account) -> Self {
        Self { cloud: account.cloud.clone(), id: account.id.clone() }
    }
}

impl From<&AccountName> for AccountKey {
    fn from(account: &AccountName) -> Self {
        Self { cloud: account.cloud.clone(), id: account.id.clone() }
    }
}
