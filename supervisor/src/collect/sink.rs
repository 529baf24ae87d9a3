//! Where the reports of a collecting child go: the graph into staging, everything else to the observers.

use std::collections::HashSet;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use fixworker_fleet::{JobSink, SinkError};
use fixworker_graph::staging::{CheckedAccount, Staging, StagingError};
use ipc_proto::fault::Retry;
use ipc_proto::message::{Done, Progress, Report};

use crate::work::event::{CollectorAccount, Observer, RunEvent};
use crate::work::fault_log::FaultLog;

/// The most names of progress lines in one attempt; further ones are not told.
const MAX_PROGRESS: usize = 10_000;

/// The sink of one attempt.
pub struct CollectSink {
    account: CollectorAccount,
    observer: Arc<dyn Observer>,
    faults: FaultLog,
    /// Hashes of the names of what has made progress.
    progress_names: HashSet<u64>,
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
        account: CollectorAccount,
        staging: Staging,
        faults: FaultLog,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let progress_names = HashSet::new();
        Self { account, observer, faults, progress_names, staging: Some(staging), result: None }
    }

    /// The checked graph, or why it is refused for good; `None` before Done.
    pub fn into_result(self) -> Option<Result<CheckedAccount, StagingError>> {
        self.result
    }

    /// The lines of which there are not too many: each name stays with whoever shows it.
    fn known_lines(&mut self, lines: &[Progress]) -> Vec<Progress> {
        let mut known = |line: &&Progress| {
            let name = self.progress_names.hasher().hash_one((&line.path, &line.name));
            let room = self.progress_names.len() < MAX_PROGRESS;
            self.progress_names.contains(&name) || room && self.progress_names.insert(name)
        };
        lines.iter().filter(|line| known(line)).cloned().collect()
    }

    fn staging(&mut self) -> Result<&mut Staging, SinkError> {
        self.staging
            .as_mut()
            .ok_or_else(|| SinkError::Violation("sent more after its graph was done".to_owned()))
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
                let lines = self.known_lines(lines);
                self.observer.event(&RunEvent::Progress { account: self.account.clone(), lines });
            }
            Report::Fault(fault) if self.faults.admit(fault) => self.observer.event(&RunEvent::Fault {
                collector: self.account.collector.clone(),
                account: Some(account()),
                fault: fault.clone(),
            }),
            Report::Denied(calls) => {
                self.observer.event(&RunEvent::Denied { account: account(), calls: calls.clone() });
            }
            Report::Described(_)
            | Report::Accounts(_)
            | Report::Cleaned(_)
            | Report::Tagged(_)
            | Report::Output(_)
            | Report::Brokering(_)
            | Report::Sealed(_)
            | Report::Renew => {
                return Err(SinkError::Violation("answered a job that it was not given".to_owned()));
            }
            Report::Fault(_) | Report::Ready | Report::Done(_) | Report::Fatal(_) => {}
        }
        Ok(())
    }

    fn done(&mut self, done: &Done) -> Result<(), SinkError> {
        let staging = self
            .staging
            .take()
            .ok_or_else(|| SinkError::Violation("said twice that its graph is done".to_owned()))?;
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

/// Fits after "it ".
fn refused(error: &dyn std::fmt::Display) -> String {
    format!("sent a graph that is refused: {error}")
}

fn sink_error(error: StagingError) -> SinkError {
    match error {
        StagingError::Spool(error) => SinkError::Host(error.to_string()),
        StagingError::Violation(error) => SinkError::Violation(refused(&error)),
        error => SinkError::Violation(refused(&error)),
    }
}
