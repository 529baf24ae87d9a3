//! Credentials that the listing of accounts found, for the collection in the same process.

use std::collections::HashMap;
use std::sync::Mutex;

use aws_client::Session;
use engine::lock;
use ipc_proto::job::Account;

use crate::config::AwsConfig;

/// They wait for the collection of their account, which takes them.
#[derive(Debug, Default)]
pub(crate) struct Listed(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The settings that they were found with.
    config: AwsConfig,
    sessions: HashMap<Key, Session>,
}

/// The id of an account and how it is reached.
type Key = (String, Vec<u8>);

fn key(account: &Account) -> Key {
    (account.id.clone(), account.scope.expose().clone())
}

impl Listed {
    /// Keeps those of a listing; those of the one before are forgotten.
    pub(crate) fn keep(&self, config: AwsConfig, listed: Vec<(Account, Session)>) -> Vec<Account> {
        let (keys, accounts): (Vec<_>, Vec<_>) =
            listed.into_iter().map(|(account, session)| ((key(&account), session), account)).unzip();
        *lock(&self.0) = Kept { config, sessions: keys.into_iter().collect() };
        accounts
    }

    /// Those of an account, if it was listed with these settings and not asked for since.
    pub(crate) fn take(&self, config: &AwsConfig, account: &Account) -> Option<Session> {
        let mut kept = lock(&self.0);
        if kept.config == *config { kept.sessions.remove(&key(account)) } else { None }
    }
}
