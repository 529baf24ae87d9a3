//! What the one-shot does with the events of its run: the live display, and the faults for the report.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use fixworker_surface::display::{Display, Event};
use fixworker_surface::report::{DeniedReport, FaultReport, ReportError};
use ipc_proto::account::AccountName;
use ipc_proto::fault::Fault;
use ipc_proto::message::Denied;

use crate::work::event::{CollectorAccount, Observer, RunEvent};

/// Denied operations that a report can have; AWS has fewer in all accounts of most estates.
const MAX_DENIED: usize = 1_000_000;

/// Shows a run on the terminal.
#[derive(Debug)]
pub(super) struct DisplayObserver(Mutex<Option<Display>>);

impl DisplayObserver {
    pub(super) fn new(display: Display) -> Self {
        Self(Mutex::new(Some(display)))
    }

    /// Leaves the terminal as it was.
    pub(super) fn finish(&self) {
        let display = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(display) = display {
            display.finish();
        }
    }
}

impl Observer for DisplayObserver {
    fn event(&self, event: &RunEvent) {
        let display = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(display) = &*display {
            for event in events(event) {
                display.show(event);
            }
        }
    }
}

fn name(account: &CollectorAccount) -> AccountName {
    account.account.clone()
}

fn events(event: &RunEvent) -> Vec<Event> {
    match event {
        RunEvent::AccountsListed { collector, accounts } => {
            vec![Event::AccountsListed { collector: collector.clone(), count: accounts.len() as u64 }]
        }
        RunEvent::AccountStarted { account, attempt, pid } => {
            vec![Event::AccountStarted {
                account: name(account),
                attempt: *attempt,
                pid: pid.unwrap_or_default(),
            }]
        }
        RunEvent::Progress { account, lines } => lines
            .iter()
            .map(|line| Event::Progress {
                account: name(account),
                name: line.name.clone(),
                current: line.current,
                total: line.total,
            })
            .collect(),
        RunEvent::Heartbeat { account, rss, step, nodes } => {
            vec![Event::Heartbeat { account: name(account), rss: *rss, step: step.clone(), nodes: *nodes }]
        }
        RunEvent::Fault { account, collector, fault } => {
            let whom = account.as_ref().map_or_else(|| collector.clone(), ToString::to_string);
            let region = fault.scope.region.as_deref().map(|region| format!(" {region}")).unwrap_or_default();
            let hint = fault.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            vec![Event::Note(format!("{whom}{region}: [{}] {}{hint}", fault.kind.name(), fault.message))]
        }
        RunEvent::AttemptFailed { account, attempt, message, retry_in } => {
            vec![Event::AttemptFailed {
                account: name(account),
                attempt: *attempt,
                message: message.clone(),
                retry_in: Some(*retry_in),
            }]
        }
        RunEvent::AccountCollected { account, nodes, edges, faults, .. } => {
            vec![Event::AccountDone { account: name(account), nodes: *nodes, edges: *edges, faults: *faults }]
        }
        RunEvent::AccountFailed { account, trouble } if trouble.cancelled => {
            vec![Event::AccountCancelled { account: name(account) }]
        }
        RunEvent::AccountFailed { account, trouble } => {
            vec![Event::AccountFailed {
                account: name(account),
                message: trouble.message.clone(),
                hint: trouble.hint.clone(),
            }]
        }
        RunEvent::ListingFailed { collector, message } => {
            vec![Event::CollectorFailed {
                collector: collector.clone(),
                message: message.clone(),
                hint: None,
            }]
        }
        RunEvent::Message { text: message, .. } | RunEvent::Notice { message, .. } => {
            vec![Event::Note(message.clone())]
        }
        RunEvent::CollectorStarted { .. } | RunEvent::CollectorFinished { .. } | RunEvent::Denied { .. } => {
            Vec::new()
        }
    }
}

/// Keeps the faults and denied operations for the report.
#[derive(Debug, Default)]
pub(super) struct FaultObserver(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    faults: Vec<FaultReport>,
    /// By cloud, account and action: another attempt is denied the same.
    denied: BTreeMap<(String, String, String), DeniedReport>,
}

impl FaultObserver {
    /// What was kept.
    pub(super) fn take(&self) -> (Vec<FaultReport>, Vec<DeniedReport>) {
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
            message: fault.message.clone(),
            hint: fault.hint.clone(),
        },
    }
}
