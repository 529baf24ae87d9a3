//! Where the reports of a collecting child go: the graph into staging, everything else to the observers.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fixworker_fleet::{JobSink, SinkError};
use fixworker_graph::staging::{CheckedAccount, Staging, StagingError};
use ipc_proto::fault::{Fault, FaultScope, Retry};
use ipc_proto::message::{Done, Report};

use super::event::{AccountName, Observer, RunEvent};

/// The most faults of one account that are told to people; the rest is counted.
const MAX_FAULTS: usize = 1000;

/// Faults of an account over all its attempts: a repeated attempt does not repeat them.
#[derive(Debug, Clone, Default)]
pub struct FaultLog(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    texts: HashSet<(FaultScope, String)>,
    count: u64,
}

impl FaultLog {
    /// Whether the fault is new and worth telling.
    pub(crate) fn admit(&self, fault: &Fault) -> bool {
        let mut seen = self.lock();
        let text = (fault.scope.clone(), fault.message.clone());
        if seen.texts.contains(&text) {
            return false;
        }
        seen.count += u64::from(fault.count.max(1));
        seen.texts.len() < MAX_FAULTS && seen.texts.insert(text)
    }

    /// The account has ended: forgets the texts, and says how many troubles there were.
    pub(super) fn close(&self) -> u64 {
        let mut seen = self.lock();
        seen.texts = HashSet::new();
        seen.count
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            Report::Described(_)
            | Report::Accounts(_)
            | Report::Cleaned(_)
            | Report::Tagged(_)
            | Report::Output(_) => {
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

#[cfg(test)]
mod tests {
    use ipc_proto::fault::{FaultKind, FaultSource, Level};

    use super::*;

    #[test]
    fn a_repeated_fault_is_told_once_and_too_many_are_only_counted() {
        let log = FaultLog::default();
        let fault = |text: String| Fault {
            scope: FaultScope::default(),
            kind: FaultKind::AccessDenied,
            source: FaultSource::User,
            retry: Retry::Never,
            level: Level::Error,
            message: text,
            hint: None,
            count: 1,
        };
        assert!(log.admit(&fault("0".into())));
        assert!(!log.admit(&fault("0".into())), "the next attempt says the same");
        for number in 1..MAX_FAULTS {
            assert!(log.admit(&fault(number.to_string())));
        }
        assert!(!log.admit(&fault("one more".into())));
        assert_eq!(log.close(), MAX_FAULTS as u64 + 1);
    }
}
