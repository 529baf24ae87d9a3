//! Accounts, and the ways into them.

use std::collections::HashMap;
use std::env;

use aws_client::{Budgets, Client, Session, Settings};
use collector::{Failure, Sink};
use ipc_proto::job::Account;

use crate::accounts::{self, Identity, Scope, sessions};
use crate::config::AwsConfig;

/// The accounts that the settings give access to.
pub(crate) async fn accounts(config: &AwsConfig, sink: &dyn Sink) -> Result<Vec<Account>, Failure> {
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
    /// Opens it: the credentials that the listing of accounts named.
    pub(crate) async fn open(config: &AwsConfig, account: &Account) -> Result<Self, Failure> {
        config.check()?;
        Self::through(client(config).await?, config, account).await
    }

    pub(crate) async fn through(
        client: Client,
        config: &AwsConfig,
        account: &Account,
    ) -> Result<Self, Failure> {
        let scope = accounts::scope_of(account)?;
        let session = sessions::of_account(&client, config, &account.id, &scope).await;
        let session = session.map_err(|error| error.to_fault())?;
        Ok(Self { client, session, scope, account: account.id.clone() })
    }

    /// Whose credentials they are. STS is not asked about a role, which is named by its account.
    pub(crate) async fn identity(&self, config: &AwsConfig) -> Result<Identity, Failure> {
        match &self.scope.role {
            Some(role) => Ok(Identity::of_role(role, &self.account)),
            None => sessions::identity(&self.client, config, &self.session, &self.scope).await,
        }
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
    let client = Client::new(Settings { budgets, ..Settings::default() }).await;
    client.map_err(|error| error.to_fault().into())
}
