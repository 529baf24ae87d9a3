//! Which accounts there are: one Accounts job per collector.

use std::sync::Arc;

use fixworker_fleet::{JobSink, SinkError, StopToken, Task};
use ipc_proto::job::{Account, Described};
use ipc_proto::message::{Done, Report};

use super::wanted::Listing;
use super::{RunPlan, jobs, listed};
use crate::work::Tools;
use crate::work::event::{Observer, RunEvent};
use crate::work::fault_log::FaultLog;

/// The most accounts that one collector may list.
const MAX_ACCOUNTS: usize = 100_000;

impl Listing {
    fn failed(collector: String, why: String) -> Self {
        Self {
            collector,
            accounts: Vec::new(),
            faulty: true,
            failure: Some(why),
            kind: "listing",
            cancelled: false,
        }
    }
}

/// Asks all collectors of the run at once.
pub async fn list(
    tools: &Tools,
    plan: &RunPlan,
    observer: &Arc<dyn Observer>,
    stop: &StopToken,
) -> Vec<Listing> {
    let mut jobs = Vec::new();
    for collector in &plan.selection.active {
        observer.event(&RunEvent::CollectorStarted { collector: collector.clone() });
        let task = jobs::accounts(tools, plan, collector);
        let listing = list_one(tools.clone(), task, collector.clone(), Arc::clone(observer), stop.clone());
        jobs.push((collector, tokio::spawn(listing)));
    }
    let mut listings = Vec::new();
    for (collector, job) in jobs {
        let fault = |error| Listing::failed(collector.clone(), format!("a fault of fixworker: {error}"));
        listings.push(job.await.unwrap_or_else(fault));
    }
    listings
}

async fn list_one(
    tools: Tools,
    task: Result<Task, String>,
    collector: String,
    observer: Arc<dyn Observer>,
    stop: StopToken,
) -> Listing {
    let task = match task {
        Ok(task) => task,
        Err(problem) => return Listing::failed(collector, problem),
    };
    let Some(described) = tools.describe(&collector).cloned() else {
        return Listing::failed(collector, "this worker does not have it".to_owned());
    };
    let faults = FaultLog::default();
    let sink = |_attempt| {
        let (collector, faults, observer) = (collector.clone(), faults.clone(), Arc::clone(&observer));
        let described = described.clone();
        Ok(AccountsSink { collector, described, faults, observer, accounts: Vec::new(), faulty: false })
    };
    match tools.fleet.run_one(task, sink, stop).await.result {
        Ok(completed) => {
            let incomplete = completed.sink.faulty || completed.done.faults > 0;
            let accounts = completed.sink.accounts;
            Listing { collector, accounts, faulty: incomplete, failure: None, kind: "", cancelled: false }
        }
        Err(end) => {
            let hint = end.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            let failed = Listing::failed(collector, format!("{}{hint}", end.message()));
            Listing { cancelled: end.is_cancelled(), kind: end.kind(), ..failed }
        }
    }
}

struct AccountsSink {
    collector: String,
    described: Described,
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
                    return Err(SinkError::Violation(format!("listed more than {MAX_ACCOUNTS} accounts")));
                }
                let check = |account| listed::check(&self.described, account);
                accounts.iter().try_for_each(check).map_err(SinkError::Violation)?;
            }
            Report::Fault(fault) => {
                self.faulty |= fault.costs();
                if self.faults.admit(fault) {
                    let (collector, fault) = (self.collector.clone(), fault.clone());
                    self.observer.event(&RunEvent::Fault { account: None, collector, fault });
                }
            }
            Report::Chunk(_)
            | Report::Described(_)
            | Report::Cleaned(_)
            | Report::Tagged(_)
            | Report::Output(_)
            | Report::Brokering(_)
            | Report::Sealed(_)
            | Report::Renew => {
                return Err(SinkError::Violation("answered a job that it was not given".to_owned()));
            }
            Report::Ready
            | Report::Heartbeat(_)
            | Report::Progress(_)
            | Report::Denied(_)
            | Report::Done(_)
            | Report::Fatal(_) => {}
        }
        Ok(())
    }

    fn done(&mut self, _done: &Done) -> Result<(), SinkError> {
        Ok(())
    }
}
