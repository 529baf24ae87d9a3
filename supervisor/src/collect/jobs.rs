//! What children are asked to do in a run: list accounts, collect one.

use std::sync::Arc;
use std::time::Duration;

use fixworker_fleet::{Keys, Subject, Task};
use fixworker_graph::AccountKey;
use fixworker_graph::timings::Timings;
use ipc_proto::job::{AccountsJob, CollectJob, Described, Job};
use ipc_proto::seal::AccountJob;
use ipc_proto::secret::Secret;

use super::RunPlan;
use super::wanted::Wanted;
use crate::work::Tools;
use crate::work::provision::{Provision, broker, config_of, provide, variables};

/// A listing takes no longer, however long accounts may take: all collectors wait for the slowest one.
const LISTING_TIMEOUT: Duration = Duration::from_mins(10);

/// To learn whose credentials are takes no longer.
pub(super) const IDENTITY_TIMEOUT: Duration = Duration::from_mins(1);

/// Lists the accounts of a collector; or what is wrong with its settings.
pub(super) fn accounts(tools: &Tools, plan: &RunPlan, collector: &str) -> Result<Task, String> {
    let described = tools.describe(collector).ok_or_else(|| "this worker does not have it".to_owned())?;
    let config = Secret::new(config_of(&plan.settings, described)?);
    Ok(Task {
        subject: Subject { collector: Some(collector.to_owned()), account: None },
        job: Job::Accounts(AccountsJob { collector: collector.to_owned(), config }),
        environment: variables(described, &tools.environment),
        deadline: Some(plan.settings.account_timeout().min(LISTING_TIMEOUT)),
        last_duration: None,
        // It finds the accounts, so it is for none of them.
        keys: None,
    })
}

/// Asks whether the credentials get into an account, in a process of its own.
pub(super) fn identify(tools: &Tools, plan: &RunPlan, target: &Wanted) -> Result<Task, String> {
    let name = &target.name;
    let described = tools.describe(&name.collector);
    let described = described.ok_or_else(|| format!("collector {} is not there any more", name.collector))?;
    let job = collect_job(plan, described, target)?;
    Ok(Task {
        subject: name.subject(),
        job: Job::Identify(Box::new(job)),
        environment: variables(described, &tools.environment),
        deadline: Some(IDENTITY_TIMEOUT),
        last_duration: None,
        keys: None,
    })
}

/// The same of whoever makes the credentials of the accounts, if the collector has one: it asks before it makes them.
pub(super) fn identify_by_broker(
    tools: &Tools,
    plan: &RunPlan,
    target: &Wanted,
) -> Result<Option<Arc<dyn Keys>>, String> {
    let Some(described) = tools.describe(&target.name.collector) else { return Ok(None) };
    let Some(broker) = broker(tools, described) else { return Ok(None) };
    let job = collect_job(plan, described, target)?;
    Ok(Some(broker.keys(AccountJob::Collect(Box::new(job)))))
}

fn collect_job(plan: &RunPlan, described: &Described, target: &Wanted) -> Result<CollectJob, String> {
    Ok(CollectJob {
        collector: described.collector.clone(),
        config: Secret::new(config_of(&plan.settings, described)?),
        account: target.account.clone(),
        max_resources: plan.settings.worker().max_resources_per_account.map(Into::into),
        last_run_started_ago: plan.last_run_started_ago,
    })
}

/// Collects an account. An error means that settings which have listed accounts are gone, a fault of ours.
pub(super) fn collect(
    tools: &Tools,
    plan: &RunPlan,
    target: &Wanted,
    timings: &Timings,
) -> Result<Task, String> {
    let name = &target.name;
    let described = tools.describe(&name.collector);
    let described = described.ok_or_else(|| format!("collector {} is not there any more", name.collector))?;
    let job = AccountJob::Collect(Box::new(collect_job(plan, described, target)?));
    // A process for all accounts cannot be kept from the credentials of one of them.
    let provision = if plan.settings.worker().fork_process {
        provide(tools, described, job)?
    } else {
        Provision { environment: variables(described, &tools.environment), job: job.into(), keys: None }
    };
    let Provision { job, environment, keys } = provision;
    Ok(Task {
        subject: Subject {
            collector: Some(described.collector.clone()),
            account: Some(name.account.clone()),
        },
        job,
        environment,
        keys,
        deadline: Some(plan.settings.account_timeout()),
        last_duration: timings.last(&AccountKey::from(&name.account)),
    })
}
