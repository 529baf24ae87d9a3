//! Ways into accounts: connections and credentials of one configuration, and whose the credentials are.

use std::collections::HashMap;
use std::sync::Arc;

use aws_client::{CallError, Class, Client, CredentialsTrouble, Session};
use collector::{Failure, fault};
use ipc_proto::fault::{Fault, FaultKind};
use tokio::sync::Mutex;

use crate::accounts::{Identity, Scope, sessions};
use crate::config::AwsConfig;

/// Connections and credentials of one configuration.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) config: AwsConfig,
    pub(super) client: Client,
    sessions: Mutex<HashMap<Who, Session>>,
    /// Whose the credentials with a key are, as STS says. Others that replace them have another key.
    owners: Mutex<HashMap<Arc<str>, Identity>>,
}

/// Whose credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Who {
    /// Empty for those of the profile or the environment.
    account: String,
    role: Option<String>,
    profile: Option<String>,
    partition: String,
}

impl Doors {
    pub(super) fn new(config: AwsConfig, client: Client) -> Self {
        Self { config, client, sessions: Mutex::default(), owners: Mutex::default() }
    }

    /// The credentials for an account, and whose they are. Where no role is named they are those of the profile or the
    /// environment if these belong to the account, else those of `aws.role` in it.
    ///
    /// An organization's own account is collected with what the worker has, and its role need not exist there.
    pub(super) async fn enter(&self, account: &str, scope: &Scope) -> Result<(Session, Identity), Failure> {
        if let Some(role) = &scope.role {
            return self.by_role(account, scope, role).await;
        }
        let (base, owner) = self.base(account, scope).await?;
        match self.config.role.as_ref().filter(|_| owner.account != account) {
            Some(role) => self.by_role(account, scope, role).await,
            None => Ok((base, owner)),
        }
    }

    /// The same for a change, which stays with the credentials that were looked at: they belong to the account, or
    /// nothing is called. `account` may be empty for whatever the credentials belong to.
    pub(super) async fn enter_to_change(&self, account: &str, scope: &Scope) -> Result<Session, Failure> {
        if account.is_empty() {
            return self.session(None, scope).await.map_err(|error| error.to_fault().into());
        }
        let (session, owner) = self.enter(account, scope).await?;
        if owner.account != account {
            let message =
                format!("{} belong to the account {}, not to {account}", owner.credentials, owner.account);
            return Err(fault(FaultKind::WrongAccount, message).into());
        }
        Ok(session.bound_to(owner.key))
    }

    async fn base(&self, account: &str, scope: &Scope) -> Result<(Session, Identity), Failure> {
        let scope = Scope { role: None, ..scope.clone() };
        let session = self.session(None, &scope).await;
        let session = session.map_err(|error| not_there(&error, account, &scope))?;
        let owner = self.owner(&session, &scope).await?;
        Ok((session, owner))
    }

    async fn by_role(
        &self,
        account: &str,
        scope: &Scope,
        role: &str,
    ) -> Result<(Session, Identity), Failure> {
        let scope = Scope { role: Some(role.to_owned()), ..scope.clone() };
        let session = self.session(Some(account), &scope).await;
        let session = session.map_err(|error| not_there(&error, account, &scope))?;
        // Assumes the role.
        match session.key().await {
            Ok(_) => {}
            Err(error) if error.class == Class::Credentials(CredentialsTrouble::Role) => {
                return Err(self.no_way(account, &scope, &error).await.into());
            }
            Err(error) => return Err(error.to_fault().into()),
        }
        let owner = self.owner(&session, &scope).await?;
        Ok((session, owner))
    }

    /// The fault of a role that cannot be assumed: another worker may be able to.
    async fn no_way(&self, account: &str, scope: &Scope, error: &CallError) -> Fault {
        let own = match self.base(account, scope).await {
            Ok((_, own)) => {
                format!(", whose own credentials ({}) belong to the account {}", own.credentials, own.account)
            }
            Err(_) => String::new(),
        };
        let role = scope.role.as_deref().unwrap_or_default();
        let trouble = error.to_fault();
        let message = format!(
            "this worker{own}, does not get into the account {account}, because it may not assume the role {role} \
             there: {}",
            trouble.message
        );
        Fault { kind: FaultKind::WrongAccount, message, ..trouble }
    }

    /// Looked up once; sessions renew themselves.
    async fn session(&self, account: Option<&str>, scope: &Scope) -> Result<Session, CallError> {
        let Scope { role, profile, partition, .. } = scope;
        let account = account.unwrap_or_default();
        let who = Who {
            account: account.to_owned(),
            role: role.clone(),
            profile: profile.clone(),
            partition: partition.clone(),
        };
        let mut sessions = self.sessions.lock().await;
        if let Some(session) = sessions.get(&who) {
            return Ok(session.clone());
        }
        let base = sessions::base(&self.client, &self.config, profile.as_deref()).await?;
        let session = sessions::in_account(&self.client, &self.config, &base, account, scope);
        sessions.insert(who, session.clone());
        Ok(session)
    }

    /// Whose the credentials are: STS is asked once for each key, whoever else waits for it.
    async fn owner(&self, session: &Session, scope: &Scope) -> Result<Identity, Failure> {
        let mut owners = self.owners.lock().await;
        let key = session.key().await.map_err(|error| error.to_fault())?;
        if let Some(owner) = owners.get(&key) {
            return Ok(owner.clone());
        }
        let owner = sessions::identity(&self.client, &self.config, session, scope).await?;
        owners.insert(Arc::clone(&owner.key), owner.clone());
        Ok(owner)
    }

    /// What STS would say of a key.
    #[cfg(test)]
    pub(super) async fn know(&self, key: &str, account: &str) {
        let credentials = "the credentials of the tests".to_owned();
        let owner = Identity { key: key.into(), account: account.to_owned(), credentials };
        self.owners.lock().await.insert(key.into(), owner);
    }
}

/// The fault of credentials that are not there at all. Another worker may have the profile by which an account was
/// collected.
fn not_there(error: &CallError, account: &str, scope: &Scope) -> Fault {
    let trouble = error.to_fault();
    match &scope.profile {
        Some(profile) if trouble.kind == FaultKind::Credentials => {
            let message = format!(
                "this worker does not get into the account {account}, because it does not have the profile {profile} by \
                 which it was collected: {}",
                trouble.message
            );
            Fault { kind: FaultKind::WrongAccount, message, ..trouble }
        }
        _ => trouble,
    }
}
