//! The jobs of the collector.

use std::collections::HashMap;
use std::env;
use std::time::Duration;

use aws_client::{Budgets, Client, Session, Settings};
use collector::{Failure, Sink};
use ipc_proto::job::Account;

use crate::accounts::{self, Identity, Scope, sessions};
use crate::api::Api;
use crate::built_in;
use crate::config::AwsConfig;
use crate::engine::{self, AccountFacts, Assignment};
use crate::regions::Regions;

/// One account to collect.
#[derive(Debug)]
pub struct Collect<'a> {
    /// The settings.
    pub config: &'a AwsConfig,
    /// The account, as [`accounts`](crate::accounts()) listed it.
    pub account: &'a Account,
    /// How long ago the last run started, if there was one.
    pub last_run_started_ago: Option<Duration>,
}

/// The accounts that the settings give access to.
pub async fn accounts(config: &AwsConfig, sink: &dyn Sink) -> Result<Vec<Account>, Failure> {
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
pub struct Way {
    client: Client,
    session: Session,
    scope: Scope,
    account: String,
}

impl Way {
    /// Opens it: the credentials that the listing of accounts named.
    pub async fn open(config: &AwsConfig, account: &Account) -> Result<Self, Failure> {
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
    pub async fn identity(&self, config: &AwsConfig) -> Result<Identity, Failure> {
        match &self.scope.role {
            Some(role) => Ok(Identity::of_role(role, &self.account)),
            None => sessions::identity(&self.client, config, &self.session, &self.scope).await,
        }
    }
}

/// Collects one account and sends its graph.
pub async fn collect(job: Collect<'_>, way: Way, sink: &dyn Sink) -> Result<(), Failure> {
    let Collect { config, account, last_run_started_ago } = job;
    let Way { client, session, scope, account: _ } = way;
    let api = Api::new(client, session, &account.id);
    sink.step("asking for the regions of the account".to_owned());
    let regions =
        accounts::regions::of_account(&api, &scope, sink).await.map_err(|error| error.to_fault())?;
    let assignment = Assignment {
        regions: Regions::new(&account.id, &scope.partition, &regions),
        account: AccountFacts { id: account.id.clone(), name: account.name.clone(), scope },
        config,
        plans: built_in::plans()?,
        hooks: built_in::hooks(),
        table: built_in::kinds()?,
        last_run_started_ago,
    };
    Box::pin(engine::collect(assignment, api, sink)).await
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
