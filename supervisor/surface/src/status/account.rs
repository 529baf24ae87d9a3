//! One account on the board.

use std::time::Duration;

use jiff::Timestamp;

use crate::report::{AccountReport, AccountState, ReportError};

/// Names an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey {
    /// The cloud.
    pub cloud: String,
    /// The id in the cloud.
    pub id: String,
}

/// Where an account stands. The order is that of the page: what needs attention first, what is over last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Over without result.
    Failed,
    /// Waits until it is tried again.
    Retrying,
    /// A child works on it.
    Running,
    /// Collected, and not yet in fixcore.
    Sending,
    /// Waits for a child.
    Waiting,
    /// Stopped before it was done.
    Cancelled,
    /// In fixcore.
    Done,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Failed,
        Self::Retrying,
        Self::Running,
        Self::Sending,
        Self::Waiting,
        Self::Cancelled,
        Self::Done,
    ];

    /// The word for it: on the page, in addresses, as a label of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Retrying => "retrying",
            Self::Running => "running",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
            Self::Cancelled => "cancelled",
            Self::Done => "done",
        }
    }

    /// Whether nothing more comes of it in this run.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Failed | Self::Cancelled | Self::Done)
    }
}

/// What is known of an account in the run that is on, or in one that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name in the cloud.
    pub key: AccountKey,
    /// Its name for people.
    pub name: String,
    /// The collector that listed it.
    pub collector: String,
    /// Where it stands.
    pub phase: Phase,
    /// The attempt under way, or the last one. Counts from 1; 0 before the first.
    pub attempt: u32,
    /// The process that works on it.
    pub pid: Option<u32>,
    /// When the attempt began.
    pub began: Option<Timestamp>,
    /// What its child does, by its own words.
    pub step: String,
    /// How far that is.
    pub progress: Option<(String, u32, u32)>,
    /// Nodes so far, or in the end.
    pub nodes: u64,
    /// Edges in the end.
    pub edges: u64,
    /// Memory now, or the most of it, in bytes.
    pub rss: u64,
    /// How long it took.
    pub took: Option<Duration>,
    /// How long it took the last time.
    pub last: Option<Duration>,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
    /// Why it failed, or the last attempt of it.
    pub error: Option<ReportError>,
    /// Troubles that did not end it.
    pub faults: u64,
}

impl Row {
    /// An account that waits.
    pub fn new(key: AccountKey, name: &str, collector: &str, last: Option<Duration>) -> Self {
        Self {
            key,
            name: name.to_owned(),
            collector: collector.to_owned(),
            phase: Phase::Waiting,
            attempt: 0,
            pid: None,
            began: None,
            step: String::new(),
            progress: None,
            nodes: 0,
            edges: 0,
            rss: 0,
            took: None,
            last,
            retry_at: None,
            error: None,
            faults: 0,
        }
    }

    /// An account of a run that is over.
    pub fn of_report(report: &AccountReport) -> Self {
        let key = AccountKey { cloud: report.cloud.clone(), id: report.id.clone() };
        Self {
            phase: match report.state {
                AccountState::Done => Phase::Done,
                AccountState::Failed => Phase::Failed,
                AccountState::Cancelled => Phase::Cancelled,
            },
            attempt: report.attempts,
            nodes: report.nodes,
            edges: report.edges,
            rss: report.peak_rss_bytes,
            took: Duration::try_from_secs_f64(report.duration_s).ok(),
            error: report.error.clone(),
            ..Self::new(key, &report.name, "", None)
        }
    }

    /// Whether what somebody types means this account.
    pub(super) fn matches(&self, lower: &str) -> bool {
        let has = |text: &str| text.to_lowercase().contains(lower);
        lower.is_empty()
            || has(&self.key.id)
            || has(&self.name)
            || has(&self.key.cloud)
            || has(&self.collector)
    }
}
