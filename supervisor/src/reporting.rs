//! From what happened in a run to its report: the same for the one-shot and the daemon.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fixworker_surface::report::{
    AccountReport, AccountState, CollectorReport, DeniedReport, FaultReport, Report, ReportError,
};
use fixworker_surface::scrub::scrub;
use ipc_proto::fault::Fault;
use ipc_proto::message::Denied;
use jiff::Timestamp;

use crate::collect::ledger::{Ledger, Record, Standing};
use crate::work::event::{CollectorAccount, Observer, RunEvent};

/// Denied operations that a report can have; AWS has fewer in all accounts of most estates.
const MAX_DENIED: usize = 1_000_000;

/// When a run began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) began: Instant,
    pub(crate) started: Timestamp,
}

impl Span {
    /// It begins now.
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), started: Timestamp::now() }
    }

    /// How long it takes so far.
    pub(crate) fn elapsed(self) -> Duration {
        self.began.elapsed()
    }

    /// A report without accounts of a run that ends now.
    pub(crate) fn report(self) -> Report {
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: Some(self.started),
            ended: Some(Timestamp::now()),
            duration_s: self.began.elapsed().as_secs_f64(),
            ..Report::default()
        }
    }
}

/// The report of a run that `ledger` is the book of, and that ends now.
pub(crate) fn report(
    ledger: &Ledger,
    (faults, denied): (Vec<FaultReport>, Vec<DeniedReport>),
    span: Span,
) -> Report {
    Report {
        accounts: ledger.records().map(|(name, record)| account_report(name, record)).collect(),
        collectors: ledger
            .failed_listings()
            .iter()
            .map(|failed| CollectorReport {
                collector: failed.collector.clone(),
                error: ReportError { kind: failed.kind.to_owned(), message: failed.why.clone(), hint: None },
            })
            .collect(),
        faults,
        denied,
        ..span.report()
    }
}

fn account_report(name: &CollectorAccount, record: &Record) -> AccountReport {
    let error =
        |kind: &str, message: &str| ReportError { kind: kind.into(), message: message.into(), hint: None };
    let (state, error) = match &record.standing {
        Standing::Landed | Standing::Queued => (AccountState::Done, None),
        Standing::Failed(trouble) => {
            let state = if trouble.cancelled { AccountState::Cancelled } else { AccountState::Failed };
            // A child, or its cloud, may repeat what stands in its settings.
            let (kind, message) = (trouble.kind.clone(), scrub(trouble.message.clone()));
            (state, Some(ReportError { kind, message, hint: trouble.hint.clone().map(scrub) }))
        }
        Standing::Collected => {
            (AccountState::Failed, Some(error("not_delivered", "collected, but not written to the output")))
        }
        Standing::Open => {
            (AccountState::Cancelled, Some(error("cancelled", "the run ended before it began")))
        }
    };
    AccountReport {
        cloud: name.cloud.clone(),
        id: name.id.clone(),
        name: name.name.clone(),
        state,
        attempts: record.attempts,
        nodes: record.nodes,
        edges: record.edges,
        duration_s: record.duration.as_secs_f64(),
        peak_rss_bytes: record.peak_rss,
        error,
    }
}

/// Keeps the faults and denied operations for the report.
#[derive(Debug, Default)]
pub(crate) struct FaultObserver(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    faults: Vec<FaultReport>,
    /// By cloud, account and action: another attempt is denied the same.
    denied: BTreeMap<(String, String, String), DeniedReport>,
}

impl FaultObserver {
    /// What was kept.
    pub(crate) fn take(&self) -> (Vec<FaultReport>, Vec<DeniedReport>) {
        let Kept { faults, denied } =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        (faults, denied.into_values().collect())
    }
}

impl Observer for FaultObserver {
    fn event(&self, event: &RunEvent) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            RunEvent::Fault { account, collector, fault } => {
                kept.faults.push(fault_report(account.as_ref(), collector, fault));
            }
            RunEvent::Denied { account, calls } => {
                for denied in calls.iter().map(|call| denied_report(account, call)) {
                    let key = (denied.cloud.clone(), denied.account.clone(), denied.action.clone());
                    if kept.denied.len() < MAX_DENIED || kept.denied.contains_key(&key) {
                        kept.denied.insert(key, denied);
                    }
                }
            }
            _ => {}
        }
    }
}

fn denied_report(account: &CollectorAccount, call: &Denied) -> DeniedReport {
    DeniedReport {
        cloud: account.cloud.clone(),
        account: account.id.clone(),
        action: format!("{}:{}", call.service, call.operation),
        regions: call.regions.clone(),
        calls: call.calls,
    }
}

fn fault_report(account: Option<&CollectorAccount>, collector: &str, fault: &Fault) -> FaultReport {
    FaultReport {
        cloud: account.map_or_else(|| collector.to_owned(), |account| account.cloud.clone()),
        account: account.map(|account| account.id.clone()),
        region: fault.scope.region.clone(),
        service: fault.scope.service.clone(),
        action: fault.scope.action.clone(),
        count: fault.count,
        remark: !fault.costs(),
        error: ReportError {
            kind: fault.kind.name().to_owned(),
            message: scrub(fault.message.clone()),
            hint: fault.hint.clone().map(scrub),
        },
    }
}
