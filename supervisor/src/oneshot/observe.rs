//! What the one-shot does with the events of its run: the live display.

use std::sync::{Mutex, PoisonError};

use fixworker_surface::display::{Display, Event};
use ipc_proto::account::AccountName;

use crate::work::event::{CollectorAccount, Observer, RunEvent};

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
        RunEvent::CollectorStarted { .. }
        | RunEvent::CollectorFinished { .. }
        | RunEvent::Denied { .. }
        | RunEvent::AccountLanded { .. } => Vec::new(),
    }
}
