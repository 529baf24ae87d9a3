//! Where the reports of a collecting child go: the graph into staging, everything else to the observers.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use fixworker_fleet::{JobSink, SinkError};
use fixworker_graph::staging::{CheckedAccount, Staging, StagingError};
use ipc_proto::fault::{Fault, Retry};
use ipc_proto::message::{Done, Report};

use super::event::{AccountName, Observer, RunEvent};

/// The most faults of one account that are told to people; the rest is counted.
const MAX_FAULTS: usize = 1000;

/// Faults of an account over all its attempts: a repeated attempt does not repeat them.
#[derive(Debug, Clone, Default)]
pub struct FaultLog(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    texts: HashSet<(Option<String>, String)>,
    count: u64,
}

impl FaultLog {
    /// Whether the fault is new and worth telling.
    pub(super) fn admit(&self, fault: &Fault) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = seen.texts.len() < MAX_FAULTS
            && seen.texts.insert((fault.scope.region.clone(), fault.message.clone()));
        if new {
            seen.count += u64::from(fault.count.max(1));
        }
        new
    }

    /// How many troubles there were.
    pub fn count(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count
    }
}

/// The sink of one attempt.
pub struct CollectSink {
    account: AccountName,
    observer: Arc<dyn Observer>,
    faults: FaultLog,
    staging: Option<Staging>,
    result: Option<Result<CheckedAccount, StagingError>>,
}

impl std::fmt::Debug for CollectSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CollectSink").field("account", &self.account).finish_non_exhaustive()
    }
}

impl CollectSink {
    /// A sink for one attempt on `account`.
    pub fn new(
        account: AccountName,
        staging: Staging,
        faults: FaultLog,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self { account, observer, faults, staging: Some(staging), result: None }
    }

    /// The checked graph, or why it is refused for good; `None` before Done.
    pub fn into_result(self) -> Option<Result<CheckedAccount, StagingError>> {
        self.result
    }

    fn staging(&mut self) -> Result<&mut Staging, SinkError> {
        self.staging
            .as_mut()
            .ok_or_else(|| SinkError::Violation("it sent more after its graph was done".to_owned()))
    }
}

impl JobSink for CollectSink {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        let account = || self.account.clone();
        match report {
            Report::Chunk(chunk) => self.staging()?.chunk(chunk).map_err(sink_error)?,
            Report::Heartbeat(heartbeat) => self.observer.event(&RunEvent::Heartbeat {
                account: account(),
                rss: heartbeat.rss,
                step: heartbeat.step.clone(),
                nodes: self.staging.as_ref().map_or(0, Staging::received_nodes),
            }),
            Report::Progress(lines) => {
                self.observer.event(&RunEvent::Progress { account: account(), lines: lines.clone() });
            }
            Report::Fault(fault) if self.faults.admit(fault) => self.observer.event(&RunEvent::Fault {
                collector: self.account.collector.clone(),
                account: Some(account()),
                fault: fault.clone(),
            }),
            Report::Described(_) | Report::Accounts(_) => {
                return Err(SinkError::Violation("it answered a job that it was not given".to_owned()));
            }
            Report::Fault(_) | Report::Ready | Report::Done(_) | Report::Fatal(_) => {}
        }
        Ok(())
    }

    fn done(&mut self, done: &Done) -> Result<(), SinkError> {
        let staging = self
            .staging
            .take()
            .ok_or_else(|| SinkError::Violation("it said twice that its graph is done".to_owned()))?;
        match staging.finish(done) {
            // Another attempt may do better, so this one fails.
            Err(error) if error.retry() == Retry::Later => Err(sink_error(error)),
            result => {
                self.result = Some(result);
                Ok(())
            }
        }
    }
}

fn sink_error(error: StagingError) -> SinkError {
    match error {
        StagingError::Spool(error) => SinkError::Host(error.to_string()),
        error => SinkError::Violation(error.to_string()),
    }
}
