//! Tells the board, and with it the status page, what happens in runs.

use std::time::Duration;

use fixworker_graph::AccountKey as TimingKey;
use fixworker_graph::timings::Timings;
use fixworker_surface::report::ReportError;
use fixworker_surface::scrub::scrub;
use fixworker_surface::status::{AccountKey, Board, Happened};
use jiff::Timestamp;

use crate::work::event::{CollectorAccount, Observer, RunEvent, Trouble};

/// Watches a run for the board. A child, or its cloud, may repeat what stands in its settings, so texts are scrubbed.
#[derive(Debug)]
pub(crate) struct BoardObserver {
    board: Board,
    /// How long accounts took the last time.
    timings: Timings,
    is_cleanup: bool,
}

impl BoardObserver {
    /// A collect run of this task begins.
    pub(crate) fn of_collect(board: Board, timings: Timings, task: String) -> Self {
        board.tell(Happened::Began { task }, Timestamp::now());
        Self { board, timings, is_cleanup: false }
    }

    /// A cleanup of this task begins.
    pub(crate) fn of_cleanup(board: Board, task: String) -> Self {
        board.tell(Happened::CleanupBegan { task }, Timestamp::now());
        Self { board, timings: Timings::default(), is_cleanup: true }
    }

    fn listed(&self, account: &CollectorAccount) -> (AccountKey, String, Option<Duration>) {
        let last = self.timings.last(&TimingKey::from(&account.account));
        (key(account), account.name.clone(), last)
    }

    fn happened(&self, event: &RunEvent) -> Vec<Happened> {
        match event {
            RunEvent::CollectorStarted { collector } => vec![Happened::Listing(collector.clone())],
            RunEvent::AccountsListed { collector, accounts } => {
                let accounts = accounts.iter().map(|account| self.listed(account)).collect();
                vec![Happened::Listed { collector: collector.clone(), accounts }]
            }
            RunEvent::ListingFailed { collector, message } => {
                let error = error("listing", message, None);
                vec![Happened::ListingFailed { collector: collector.clone(), error }]
            }
            RunEvent::AccountStarted { account, attempt, pid } => {
                vec![Happened::Started(key(account), *attempt, *pid)]
            }
            RunEvent::Progress { account, lines } if self.is_cleanup => {
                let told = |line: &ipc_proto::message::Progress| {
                    Happened::CleanupProgress(account.to_string(), line.current, line.total)
                };
                lines.last().map(told).into_iter().collect()
            }
            RunEvent::Progress { account, lines } => {
                let told = |line: &ipc_proto::message::Progress| {
                    Happened::Progress(key(account), scrub(line.name.clone()), line.current, line.total)
                };
                lines.last().map(told).into_iter().collect()
            }
            RunEvent::Heartbeat { account, rss, step, nodes } => {
                vec![Happened::Beat(key(account), *rss, scrub(step.clone()), *nodes)]
            }
            RunEvent::Fault { account, collector, fault } => {
                let scope = &fault.scope;
                let place = scope.region.iter().chain(&scope.service).chain(&scope.action);
                vec![Happened::Fault {
                    collector: collector.clone(),
                    place: place.cloned().map(scrub).collect(),
                    account: account.as_ref().map(key),
                    error: error(fault.kind.name(), &fault.message, fault.hint.as_deref()),
                    costs: fault.costs(),
                    count: fault.count,
                }]
            }
            RunEvent::AttemptFailed { account, attempt: _, message, retry_in } => {
                vec![Happened::Retrying(key(account), error("attempt", message, None), *retry_in)]
            }
            RunEvent::AccountCollected { account, nodes, edges, duration, .. } => {
                vec![Happened::Collected(key(account), *nodes, *edges, *duration)]
            }
            RunEvent::AccountLanded { account } => vec![Happened::Landed(key(account))],
            RunEvent::AccountFailed { account, trouble } => {
                let Trouble { kind, message, hint, cancelled } = trouble;
                vec![Happened::Failed(key(account), error(kind, message, hint.as_deref()), *cancelled)]
            }
            RunEvent::Message { error, context, text } => {
                let text = scrub(format!("{}: {text}", context.join(":")));
                vec![Happened::Notice { error: *error, text }]
            }
            RunEvent::Notice { error, message } => {
                vec![Happened::Notice { error: *error, text: scrub(message.clone()) }]
            }
            RunEvent::CollectorFinished { .. } | RunEvent::Denied { .. } => Vec::new(),
        }
    }
}

impl Observer for BoardObserver {
    fn event(&self, event: &RunEvent) {
        let now = Timestamp::now();
        let of_an_account = matches!(event, RunEvent::AttemptFailed { .. } | RunEvent::AccountFailed { .. });
        // The accounts of the page are those that are collected.
        if self.is_cleanup && of_an_account {
            return;
        }
        for happened in self.happened(event) {
            self.board.tell(happened, now);
        }
    }
}

fn key(account: &CollectorAccount) -> AccountKey {
    AccountKey { cloud: account.cloud.clone(), id: account.id.clone() }
}

fn error(kind: &str, message: &str, hint: Option<&str>) -> ReportError {
    let hint = hint.map(|hint| scrub(hint.to_owned()));
    ReportError { kind: kind.to_owned(), message: scrub(message.to_owned()), hint }
}
