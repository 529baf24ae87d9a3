//! One run as it is kept, and what a list of runs says of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::RunId;
use crate::report::{AccountReport, AccountState, DeniedReport, FaultReport, Report, Totals};

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// It collected accounts.
    Collect,
    /// It deleted what is marked, or said what it would delete.
    Cleanup,
}

impl RunKind {
    /// The name in files and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Cleanup => "cleanup",
        }
    }
}

/// How a run ended as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Everything worked, or there was nothing to do.
    Done,
    /// Something worked and something did not.
    SomeFailed,
    /// Nothing worked.
    Failed,
    /// Somebody called it off.
    Stopped,
}

impl RunOutcome {
    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::SomeFailed => "some failed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// What became of one resource of a cleanup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceReport {
    /// The account, as people see it; `None` if it is in none.
    pub account: Option<String>,
    /// Kind, name and id for people.
    pub resource: String,
    /// `gone`, `planned`, `failed`, `refused`, `skipped`, `unfinished` or `elsewhere`.
    pub fate: String,
    /// Why, if it is still there.
    pub reason: Option<String>,
    /// What would be done for it, of a dry run.
    #[serde(default)]
    pub steps: Vec<String>,
}

/// The part of a record that only a cleanup has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanupReport {
    /// Nothing was to be deleted (`fixworker.cleanup_dry_run`).
    pub dry_run: bool,
    /// The resources, in the order of their ends.
    pub resources: Vec<ResourceReport>,
}

/// A run of the daemon: the report of `fixworker collect --report` and what only the daemon knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Names the run.
    pub id: RunId,
    /// What it did.
    pub kind: RunKind,
    /// The task of fixcore that asked for it.
    pub task: String,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Why it is not `done`.
    #[serde(default)]
    pub message: Option<String>,
    /// One line about all of it.
    pub summary: String,
    /// Accounts that an earlier process of the same run had delivered.
    #[serde(default)]
    pub resumed: u64,
    /// Of a cleanup, what became of what was marked.
    #[serde(default)]
    pub cleanup: Option<CleanupReport>,
    /// Entries of faults, denied operations and resources that were left out because there were too many.
    #[serde(default)]
    pub left_out: u64,
    /// The report.
    #[serde(flatten)]
    pub report: Report,
}

/// More entries of one list are not kept.
const MOST: usize = 100_000;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    record: &'a RunRecord,
    totals: Totals,
    exit_code: u8,
}

impl RunRecord {
    /// The text of the file: JSON with what follows from the record.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let (totals, exit_code) = (self.report.totals(), self.exit_code());
        serde_json::to_string(&Document { record: self, totals, exit_code })
    }

    /// As `fixworker collect` would have ended; a cleanup by its outcome.
    pub fn exit_code(&self) -> u8 {
        match (self.kind, self.outcome) {
            (RunKind::Collect, _) if !self.report.accounts.is_empty() => self.report.exit_code(),
            (_, RunOutcome::Done) => crate::report::EXIT_DONE,
            (_, RunOutcome::SomeFailed) => crate::report::EXIT_SOME_FAILED,
            (_, RunOutcome::Failed | RunOutcome::Stopped) => crate::report::EXIT_NOTHING,
        }
    }

    /// Leaves out what is beyond all measure, so that one broken account does not cost the history of all others.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let mut left_out = cut(&mut self.report.faults) + cut(&mut self.report.denied);
        if let Some(cleanup) = &mut self.cleanup {
            left_out += cut(&mut cleanup.resources);
        }
        self.left_out += left_out;
        self
    }

    /// What a list of runs says of it.
    pub fn summarize(&self) -> RunSummary {
        RunSummary {
            id: self.id.clone(),
            kind: self.kind,
            task: self.task.clone(),
            outcome: self.outcome,
            message: self.message.clone(),
            summary: self.summary.clone(),
            version: self.report.version.clone(),
            started: self.report.started,
            ended: self.report.ended,
            duration_s: self.report.duration_s,
            dry_run: self.cleanup.as_ref().map(|cleanup| cleanup.dry_run),
            totals: self.report.totals(),
        }
    }

    /// What it says of the accounts that `name` means: by id, by name, or `cloud/id`.
    pub fn of_account(&self, name: &str) -> Vec<AccountRun> {
        let accounts = self.report.accounts.iter().filter(|account| is_meant(account, name));
        accounts.map(|account| AccountRun::new(self, account)).collect()
    }
}

fn cut<T>(entries: &mut Vec<T>) -> u64 {
    let more = entries.len().saturating_sub(MOST);
    entries.truncate(MOST);
    more as u64
}

fn is_meant(account: &AccountReport, name: &str) -> bool {
    account.id == name
        || account.name == name
        || name.split_once('/').is_some_and(|(cloud, id)| account.cloud == cloud && account.id == id)
}

/// One line in the list of runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// Names the run.
    pub id: RunId,
    /// What it did.
    pub kind: RunKind,
    /// The task of fixcore that asked for it.
    pub task: String,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Why it is not `done`.
    pub message: Option<String>,
    /// One line about all of it.
    pub summary: String,
    /// The release that ran.
    pub version: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How long it took, in seconds.
    pub duration_s: f64,
    /// Of a cleanup, whether it was to delete nothing.
    pub dry_run: Option<bool>,
    /// Sums over all accounts.
    pub totals: Totals,
}

/// One account in one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccountRun {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub started: Option<Timestamp>,
    /// What became of the account.
    #[serde(flatten)]
    pub account: AccountReport,
    /// What is missing from it.
    pub faults: Vec<FaultReport>,
    /// What it refused.
    pub denied: Vec<DeniedReport>,
}

impl AccountRun {
    fn new(record: &RunRecord, account: &AccountReport) -> Self {
        let report = &record.report;
        let is_its = |fault: &&FaultReport| {
            fault.cloud == account.cloud && fault.account.as_ref() == Some(&account.id)
        };
        let refused = |denied: &&DeniedReport| denied.cloud == account.cloud && denied.account == account.id;
        Self {
            run: record.id.clone(),
            started: report.started,
            account: account.clone(),
            faults: report.faults.iter().filter(is_its).cloned().collect(),
            denied: report.denied.iter().filter(refused).cloned().collect(),
        }
    }

    /// Whether the account was collected.
    pub fn is_done(&self) -> bool {
        self.account.state == AccountState::Done
    }
}
