//! Accounts, and the ways into them.

use std::collections::HashMap;
use std::env;
use std::time::SystemTime;

use aws_client::{Budgets, CallError, Client, HandedOver, Session, Settings};
use collector::{Failure, Sink};
use ipc_proto::job::Account;
use zeroize::Zeroizing;

use crate::accounts::{self, Identity, Scope, sessions};
use crate::config::AwsConfig;
use crate::partition::home;

/// The accounts that the settings give access to, each with the credentials that lead into it.
pub(crate) async fn accounts(
    config: &AwsConfig,
    sink: &dyn Sink,
) -> Result<Vec<(Account, Session)>, Failure> {
    config.check()?;
    for remark in config.remarks() {
        sink.fault(remark);
    }
    let client = client(config).await?;
    let key_in_environment = env::var_os("AWS_ACCESS_KEY_ID").is_some_and(|key| !key.is_empty());
    accounts::list(&client, config, key_in_environment, sink).await
}

/// The way into an account that is to be collected.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) client: Client,
    pub(crate) session: Session,
    pub(crate) scope: Scope,
    pub(crate) account: String,
}

impl Way {
    /// Opens it: the credentials that the listing of accounts named, which are looked up unless they are `at_hand`.
    pub(crate) async fn open(
        config: &AwsConfig,
        account: &Account,
        at_hand: Option<Session>,
    ) -> Result<Self, Failure> {
        config.check()?;
        Self::through(client(config).await?, config, account, at_hand).await
    }

    pub(crate) async fn through(
        client: Client,
        config: &AwsConfig,
        account: &Account,
        at_hand: Option<Session>,
    ) -> Result<Self, Failure> {
        let scope = accounts::scope_of(account)?;
        let session = if let Some(session) = at_hand {
            session
        } else {
            let session = sessions::of_account(&client, config, &account.id, &scope).await;
            session.map_err(|error| error.to_fault())?
        };
        Ok(Self { client, session, scope, account: account.id.clone() })
    }

    /// Whose credentials they are. STS is not asked about a role, whose arn names its account.
    pub(crate) async fn identity(&self, config: &AwsConfig) -> Result<Identity, Failure> {
        let arn = self.session.assumed_role();
        match arn.as_deref().and_then(aws_client::account_of_role) {
            Some(account) => Ok(sessions::identity_of_role(&self.session, config, &self.scope, account)),
            None => sessions::identity(&self.client, config, &self.session, &self.scope).await,
        }
    }

    /// The credentials are this one's, and whatever replaces them has to be as well.
    pub(crate) fn stays_with(&self, owner: &Identity) {
        let region = home(&sessions::hints(&self.session, Some(&self.scope.regions)), &self.scope.partition);
        self.session.stays_with(&owner.account, &owner.key, &region);
    }
}

/// Credentials of one account, for a process that gets no others.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// For [`Giver`](aws_client::Giver).
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// When they end.
    pub(crate) ends: Option<SystemTime>,
    /// Why they are not the account's alone; fits after "account X ".
    pub(crate) shared: Option<String>,
}

impl Credentials {
    /// Those of a session; `again` replaces those that the session has.
    pub(crate) async fn of(
        session: &Session,
        config: &AwsConfig,
        scope: &Scope,
        again: bool,
    ) -> Result<Self, CallError> {
        let HandedOver { bytes, ends, lasting } = session.hand_over(again).await?;
        let source = sessions::source(config, &Scope { role: None, ..scope.clone() });
        let shared = if session.is_of_role() {
            None
        } else if lasting {
            Some(format!("is reached with long-lived keys ({source}), which its children get as they are"))
        } else {
            Some(format!("is reached with a session of {source}, which can do whatever the worker can"))
        };
        Ok(Self { bytes, ends, shared })
    }
}

impl Way {
    /// The credentials that lead into the account.
    pub(crate) async fn credentials(&self, config: &AwsConfig) -> Result<Credentials, Failure> {
        let credentials = Credentials::of(&self.session, config, &self.scope, false).await;
        credentials.map_err(|error| error.to_fault().into())
    }
}

pub(crate) async fn client(config: &AwsConfig) -> Result<Client, Failure> {
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let services: HashMap<String, usize> = config
        .resource_pool_tasks_per_service
        .iter()
        .flatten()
        .map(|(service, _)| (service.clone(), size(config.tasks_of(service))))
        .collect();
    let budgets = Budgets {
        overall: size(config.resource_pool_size.max(1)),
        per_service: size(config.resource_pool_tasks_per_service_default.max(1)),
        services,
    };
    let settings = Settings { budgets, ..Settings::default() };
    let client = match &config.given {
        Some(given) => Client::with_given(settings, given).await,
        None => Client::new(settings).await,
    };
    let client = client.map_err(|error| error.to_fault())?;
    Ok(client.wishing(config.region.as_deref().unwrap_or_default()))
}
