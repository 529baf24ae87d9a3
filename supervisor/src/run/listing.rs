//! Which accounts there are: one Accounts job per collector, and what follows from the answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use fixworker_fleet::{JobSink, SinkError, StopToken, Subject, Task};
use fixworker_graph::account::AccountKey;
use fixworker_settings::{Environment, Shard};
use ipc_proto::job::{Account, AccountsJob, Described, Job, Variable};
use ipc_proto::message::{Done, Report};
use ipc_proto::secret::Secret;
use tokio::task::JoinSet;

use super::event::{AccountName, Observer, RunEvent};
use super::shard::is_ours;
use super::sink::FaultLog;
use super::{RunPlan, Tools};

/// A listing takes no longer, however long accounts may take: all collectors wait for the slowest one.
const LISTING_TIMEOUT: Duration = Duration::from_mins(10);
/// The most accounts that one collector may list.
const MAX_ACCOUNTS: usize = 100_000;

/// What one collector has answered.
#[derive(Debug)]
pub struct Listing {
    /// Its name.
    pub collector: String,
    /// Its accounts; on failure none.
    pub accounts: Vec<Account>,
    /// Whether accounts may be missing: it failed, or reported a fault.
    pub faulty: bool,
    /// Why it failed, as a sentence.
    pub failure: Option<String>,
}

/// Asks all collectors of the run at once.
pub async fn list(
    tools: &Tools,
    plan: &RunPlan,
    observer: &Arc<dyn Observer>,
    stop: &StopToken,
) -> Vec<Listing> {
    let mut jobs = JoinSet::new();
    for (place, collector) in plan.selection.active.iter().enumerate() {
        observer.event(&RunEvent::CollectorStarted { collector: collector.clone() });
        let (tools, plan, observer) = (tools.clone(), plan.clone(), Arc::clone(observer));
        let (collector, stop) = (collector.clone(), stop.clone());
        jobs.spawn(async move { (place, list_one(&tools, &plan, collector, observer, stop).await) });
    }
    let mut listings: Vec<_> = jobs.join_all().await;
    listings.sort_by_key(|(place, _)| *place);
    listings.into_iter().map(|(_, listing)| listing).collect()
}

async fn list_one(
    tools: &Tools,
    plan: &RunPlan,
    collector: String,
    observer: Arc<dyn Observer>,
    stop: StopToken,
) -> Listing {
    let failed = |collector, failure| Listing {
        collector,
        accounts: Vec::new(),
        faulty: true,
        failure: Some(failure),
    };
    let Some(described) = tools.describe(&collector) else {
        return failed(collector, "this worker does not have it".to_owned());
    };
    let config = match config_of(plan, described) {
        Ok(config) => config,
        Err(problems) => return failed(collector, problems),
    };
    let task = Task {
        subject: Subject { collector: Some(collector.clone()), account: None },
        job: Job::Accounts(AccountsJob { collector: collector.clone(), config: Secret::new(config) }),
        environment: variables(described, &tools.environment),
        deadline: Some(plan.settings.account_timeout().min(LISTING_TIMEOUT)),
        last_duration: None,
    };
    let faults = FaultLog::default();
    let sink = |_attempt| {
        let (collector, faults, observer) = (collector.clone(), faults.clone(), Arc::clone(&observer));
        Ok(AccountsSink { collector, faults, observer, accounts: Vec::new(), faulty: false })
    };
    let end = tools.fleet.run_one(task, sink, stop).await;
    match end.result {
        Ok(completed) => {
            let incomplete = completed.sink.faulty || completed.done.faults > 0;
            Listing { collector, accounts: completed.sink.accounts, faulty: incomplete, failure: None }
        }
        Err(not_completed) => {
            let hint = not_completed.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            let failure = format!("{}{hint}", not_completed.message());
            failed(collector, failure)
        }
    }
}

/// The section for a collector as JSON, or what is wrong with it.
pub(super) fn config_of(plan: &RunPlan, described: &Described) -> Result<String, String> {
    let Some(section) = &described.section else { return Ok("{}".to_owned()) };
    if let Some(values) = plan.settings.section(&section.name) {
        return serde_json::to_string(values).map_err(|error| error.to_string());
    }
    let problems: Vec<_> = plan.settings.problems_of(&section.name).map(ToString::to_string).collect();
    Err(format!("its settings cannot be used: {}", problems.join("; ")))
}

/// The variables of our environment that a collector has declared.
pub(super) fn variables(described: &Described, environment: &Environment) -> Vec<Variable> {
    let wanted = |name: &str| {
        described.environment.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == pattern,
        })
    };
    let names = environment.names().filter(|name| wanted(name));
    names
        .filter_map(|name| {
            let value = Secret::new(environment.get(name)?.to_owned());
            Some(Variable { name: name.to_owned(), value })
        })
        .collect()
}

struct AccountsSink {
    collector: String,
    faults: FaultLog,
    observer: Arc<dyn Observer>,
    accounts: Vec<Account>,
    faulty: bool,
}

impl JobSink for AccountsSink {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        match report {
            Report::Accounts(accounts) => {
                self.accounts.extend(accounts.iter().cloned());
                if self.accounts.len() > MAX_ACCOUNTS {
                    return Err(SinkError::Violation(format!("it listed more than {MAX_ACCOUNTS} accounts")));
                }
                if let Some(bad) =
                    accounts.iter().find(|account| account.id.is_empty() || account.cloud.is_empty())
                {
                    return Err(SinkError::Violation(format!(
                        "it listed an account without id or cloud: {bad:?}"
                    )));
                }
            }
            Report::Fault(fault) => {
                self.faulty = true;
                if self.faults.admit(fault) {
                    let (collector, fault) = (self.collector.clone(), fault.clone());
                    self.observer.event(&RunEvent::Fault { account: None, collector, fault });
                }
            }
            Report::Chunk(_) | Report::Described(_) => {
                return Err(SinkError::Violation("it answered a job that it was not given".to_owned()));
            }
            Report::Ready
            | Report::Heartbeat(_)
            | Report::Progress(_)
            | Report::Done(_)
            | Report::Fatal(_) => {}
        }
        Ok(())
    }

    fn done(&mut self, _done: &Done) -> Result<(), SinkError> {
        Ok(())
    }
}

/// An account to collect.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name.
    pub name: AccountName,
    /// What the child gets.
    pub account: Account,
}

/// What is to be collected. Pure.
#[derive(Debug, Default)]
pub struct Targets {
    /// Accounts to collect, in the order of the collectors.
    pub collect: Vec<Target>,
    /// How many were delivered by an earlier process.
    pub resumed: usize,
    /// Accounts that a second source listed too: the name that is left out, and the collector that has it.
    pub duplicates: Vec<(AccountName, String)>,
    /// Wanted ids that nobody has listed.
    pub unknown: Vec<String>,
    /// Accounts of ours by cloud, delivered ones included.
    pub listed: BTreeMap<String, usize>,
}

/// Sorts what was listed: the first source of an account wins, other shards' accounts are left to them.
pub fn sort_out(
    listings: &[Listing],
    only: &[String],
    delivered_before: &BTreeSet<AccountKey>,
    shard: Option<Shard>,
) -> Targets {
    let mut targets = Targets::default();
    let mut seen: BTreeMap<AccountKey, String> = BTreeMap::new();
    let all =
        listings.iter().flat_map(|one| one.accounts.iter().map(move |account| (&one.collector, account)));
    for (collector, account) in all {
        let wanted = only.is_empty() || only.contains(&account.id);
        if !wanted || !is_ours(shard, &account.cloud, &account.id) {
            continue;
        }
        let name = AccountName::of(collector, account);
        let key = AccountKey { cloud: account.cloud.clone(), id: account.id.clone() };
        if let Some(first) = seen.get(&key) {
            targets.duplicates.push((name, first.clone()));
            continue;
        }
        seen.insert(key.clone(), collector.clone());
        *targets.listed.entry(account.cloud.clone()).or_default() += 1;
        if delivered_before.contains(&key) {
            targets.resumed += 1;
        } else {
            targets.collect.push(Target { name, account: account.clone() });
        }
    }
    let found = |id: &&String| !seen.keys().any(|key| key.id == **id);
    targets.unknown = only.iter().filter(found).cloned().collect();
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(cloud: &str, id: &str) -> Account {
        Account {
            cloud: cloud.into(),
            id: id.into(),
            name: id.into(),
            node_id: id.into(),
            scope: Secret::new(Vec::new()),
        }
    }

    fn listing(collector: &str, accounts: &[(&str, &str)]) -> Listing {
        let accounts = accounts.iter().map(|(cloud, id)| account(cloud, id)).collect();
        Listing { collector: collector.into(), accounts, faulty: false, failure: None }
    }

    #[test]
    fn the_first_source_of_an_account_wins_and_the_same_id_in_two_clouds_is_two_accounts() {
        let listings = [listing("aws", &[("aws", "1")]), listing("file", &[("aws", "1"), ("gcp", "1")])];
        let targets = sort_out(&listings, &[], &BTreeSet::new(), None);
        let names: Vec<_> = targets.collect.iter().map(|target| target.name.to_string()).collect();
        assert_eq!(names, ["aws:1", "gcp:1"]);
        assert_eq!(targets.duplicates.len(), 1);
        assert_eq!(
            (targets.duplicates[0].0.collector.as_str(), targets.duplicates[0].1.as_str()),
            ("file", "aws")
        );
    }

    #[test]
    fn delivered_accounts_count_as_listed_and_are_not_collected_again() {
        let before = BTreeSet::from([AccountKey { cloud: "aws".into(), id: "1".into() }]);
        let targets = sort_out(&[listing("aws", &[("aws", "1"), ("aws", "2")])], &[], &before, None);
        assert_eq!((targets.resumed, targets.collect.len(), targets.listed["aws"]), (1, 1, 2));
    }

    #[test]
    fn wanted_accounts_that_nobody_lists_are_named() {
        let only = ["2".to_owned(), "9".to_owned()];
        let targets =
            sort_out(&[listing("aws", &[("aws", "1"), ("aws", "2")])], &only, &BTreeSet::new(), None);
        assert_eq!((targets.collect.len(), targets.unknown.as_slice()), (1, &["9".to_owned()][..]));
    }

    #[test]
    fn collectors_see_only_variables_that_they_declared() {
        let described = Described {
            collector: "aws".into(),
            cloud: None,
            account_noun: String::new(),
            kinds_json: String::new(),
            section: None,
            pool_setting: None,
            tasks_json: String::new(),
            environment: vec!["AWS_*".into(), "HOME".into()],
            paths: Vec::new(),
            auto_enable: Vec::new(),
            account_kinds: Vec::new(),
        };
        let all = ["AWS_PROFILE", "AWSX", "HOME", "HOMEX", "FIXWORKER_PSK"].map(|name| (name, "x"));
        let variables = variables(&described, &all.into_iter().collect());
        let names: Vec<_> = variables.iter().map(|variable| variable.name.as_str()).collect();
        assert_eq!(names, ["AWS_PROFILE", "HOME"]);
    }
}
