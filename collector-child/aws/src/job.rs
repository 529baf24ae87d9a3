//! The jobs of the collector.

use std::collections::HashMap;
use std::env;
use std::time::Duration;

use aws_client::{Budgets, Client, Settings};
use ipc_proto::job::Account;

use crate::accounts::{self, sessions};
use crate::config::AwsConfig;
use crate::engine::{self, AccountFacts, Assignment};
use crate::failure::Failure;
use crate::regions::Regions;
use crate::sink::Sink;
use crate::tables;

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

/// Collects one account and sends its graph.
pub async fn collect(job: Collect<'_>, sink: &dyn Sink) -> Result<(), Failure> {
    let Collect { config, account, last_run_started_ago } = job;
    config.check()?;
    let scope = accounts::scope_of(account)?;
    let client = client(config).await?;
    let api = sessions::of_account(&client, config, &account.id, &scope).await;
    let api = api.map_err(|error| error.to_fault())?;
    sink.step("asking for the regions of the account".to_owned());
    let regions =
        accounts::regions::of_account(&api, &scope, sink).await.map_err(|error| error.to_fault())?;
    let assignment = Assignment {
        regions: Regions::new(&account.id, &scope.partition, &regions),
        account: AccountFacts { id: account.id.clone(), name: account.name.clone(), scope },
        config,
        plans: tables::plans()?,
        hooks: tables::hooks(),
        table: tables::kinds()?,
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
