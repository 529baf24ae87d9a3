//! What is on now, and what of it is shown.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;

use super::{AccountKey, FaultGroups, Filter, PAGE, Phase, Query, Row};
use crate::history::{ResourceReport, RunKind, RunRecord};
use crate::report::{AccountReport, AccountState, ReportError};

/// Runs of the past whose ends are shown for each account.
const PAST: usize = 5;
/// Things told about the run as a whole that are kept.
const NOTICES: usize = 20;

/// Something that happened in a run.
#[derive(Debug, Clone)]
pub enum Happened {
    /// A collect run begins.
    Began {
        /// The task of fixcore.
        task: String,
    },
    /// A collector lists its accounts.
    Listing(String),
    /// It has.
    Listed {
        /// The collector.
        collector: String,
        /// Key, name for people, and time of the last run.
        accounts: Vec<(AccountKey, String, Option<Duration>)>,
    },
    /// It could not.
    ListingFailed {
        /// The collector.
        collector: String,
        /// Why.
        error: ReportError,
    },
    /// A child works on an account.
    Started(AccountKey, u32, Option<u32>),
    /// How far it is.
    Progress(AccountKey, String, u32, u32),
    /// Memory, step, nodes so far.
    Beat(AccountKey, u64, String, u64),
    /// A trouble that does not end the account; `None` while accounts are listed.
    Fault {
        /// The collector.
        collector: String,
        /// Region, service, call.
        place: Vec<String>,
        /// The account.
        account: Option<AccountKey>,
        /// What it is.
        error: ReportError,
        /// Something is missing because of it.
        costs: bool,
        /// How often.
        count: u32,
    },
    /// It is tried again after this time.
    Retrying(AccountKey, ReportError, Duration),
    /// It is complete: nodes, edges, time.
    Collected(AccountKey, u64, u64, Duration),
    /// It is in fixcore.
    Landed(AccountKey),
    /// It is over without result; whether it was called off.
    Failed(AccountKey, ReportError, bool),
    /// Something about the run as a whole.
    Notice {
        /// Something is missing because of it.
        error: bool,
        /// One sentence.
        text: String,
    },
    /// A cleanup begins.
    CleanupBegan {
        /// The task of fixcore.
        task: String,
    },
    /// How far it is with an account: ended, of all.
    CleanupProgress(String, u32, u32),
    /// A run is over.
    Ended(Box<RunRecord>),
}

/// The collect run that is on.
#[derive(Debug, Clone)]
pub struct RunNow {
    /// The task of fixcore.
    pub task: String,
    /// When it began.
    pub began: Timestamp,
    /// Collectors that still list their accounts.
    pub listing: Vec<String>,
}

/// The cleanup that is on.
#[derive(Debug, Clone)]
pub struct CleanupNow {
    /// The task of fixcore.
    pub task: String,
    /// When it began.
    pub began: Timestamp,
    /// For each account how many resources have ended, of how many.
    pub accounts: IndexMap<String, (u32, u32)>,
}

/// What is shown of the board.
#[derive(Debug, Clone)]
pub struct View {
    /// The collect run that is on; `None` if the accounts are those of the last one.
    pub run: Option<RunNow>,
    /// Accounts by phase, of all that match the text, in the order of [`Phase::ALL`].
    pub counts: [usize; Phase::ALL.len()],
    /// Accounts in all.
    pub accounts: usize,
    /// Accounts that match text and filter.
    pub matching: usize,
    /// Those of the page, with how the last runs ended for each: newest first.
    pub rows: Vec<(Row, Vec<AccountState>)>,
    /// The page, from 0, within what there is.
    pub page: usize,
    /// Pages.
    pub pages: usize,
    /// What went wrong.
    pub faults: FaultGroups,
    /// What was told about the run as a whole, newest last.
    pub notices: Vec<(bool, String)>,
    /// The cleanup that is on.
    pub cleanup: Option<CleanupNow>,
    /// What became of what was marked in the last cleanup: whether it was a dry run, and what is still there first.
    pub cleaned: Option<(Timestamp, bool, String, Arc<Vec<ResourceReport>>)>,
}

#[derive(Debug, Default)]
struct State {
    run: Option<RunNow>,
    rows: IndexMap<AccountKey, Row>,
    /// How the last runs ended, newest first.
    past: Vec<IndexMap<AccountKey, AccountState>>,
    faults: FaultGroups,
    notices: Vec<(bool, String)>,
    cleanup: Option<CleanupNow>,
    cleaned: Option<(Timestamp, bool, String, Arc<Vec<ResourceReport>>)>,
}

/// What is on now. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<State>>);

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened, at `now`.
    pub fn tell(&self, happened: Happened, now: Timestamp) {
        self.state().take(happened, now);
    }

    /// Takes the runs of the past, newest first, before anything else happens.
    pub fn remember(&self, records: Vec<RunRecord>) {
        let mut state = self.state();
        for record in records.into_iter().rev() {
            state.ended(record);
        }
    }

    /// What somebody wants to see.
    pub fn view(&self, query: &Query) -> View {
        self.state().view(query)
    }

    /// Accounts by phase, of the run that is on: the order is that of [`Phase::ALL`]. Zeros while none is.
    pub fn counts(&self) -> [usize; Phase::ALL.len()] {
        let state = self.state();
        if state.run.is_none() { [0; Phase::ALL.len()] } else { count(state.rows.values()) }
    }

    /// A page of accounts of a run of the past.
    pub fn view_of(&self, record: &RunRecord, query: &Query) -> View {
        let rows = rows_of(record);
        let past = self.state().past.clone();
        let mut view = page(rows.values(), query, &past);
        view.faults = FaultGroups::of_report(&record.report);
        view
    }
}

fn count<'a>(rows: impl Iterator<Item = &'a Row>) -> [usize; Phase::ALL.len()] {
    let mut counts = [0; Phase::ALL.len()];
    for row in rows {
        counts[row.phase as usize] += 1;
    }
    counts
}

fn rows_of(record: &RunRecord) -> IndexMap<AccountKey, Row> {
    let accounts = record.report.accounts.iter();
    let mut rows: IndexMap<_, _> = accounts.map(Row::of_report).map(|row| (row.key.clone(), row)).collect();
    for fault in record.report.faults.iter().filter(|fault| !fault.remark) {
        let id = fault.account.clone().unwrap_or_default();
        if let Some(row) = rows.get_mut(&AccountKey { cloud: fault.cloud.clone(), id }) {
            row.faults += u64::from(fault.count);
        }
    }
    rows
}

/// The accounts that are wanted; all else of the view is empty.
fn page<'a>(
    rows: impl Iterator<Item = &'a Row>,
    query: &Query,
    past: &[IndexMap<AccountKey, AccountState>],
) -> View {
    let text = query.text.to_lowercase();
    let mut accounts = 0;
    let found: Vec<&Row> = rows.inspect(|_| accounts += 1).filter(|row| row.matches(&text)).collect();
    let counts = count(found.iter().copied());
    let wanted = |row: &&Row| match query.filter {
        Filter::All => true,
        Filter::Only(phase) => row.phase == phase,
    };
    let mut found: Vec<&Row> = found.into_iter().filter(wanted).collect();
    // Stable: within a phase the order of the listing stays.
    found.sort_by_key(|row| row.phase);
    let pages = found.len().div_ceil(PAGE).max(1);
    let at = query.page.min(pages - 1);
    let ends = |row: &Row| past.iter().filter_map(|run| run.get(&row.key).copied()).collect();
    let shown = found.iter().skip(at * PAGE).take(PAGE).map(|row| ((*row).clone(), ends(row))).collect();
    View {
        run: None,
        counts,
        accounts,
        matching: found.len(),
        rows: shown,
        page: at,
        pages,
        faults: FaultGroups::default(),
        notices: Vec::new(),
        cleanup: None,
        cleaned: None,
    }
}

impl State {
    fn view(&self, query: &Query) -> View {
        View {
            run: self.run.clone(),
            faults: self.faults.clone(),
            notices: self.notices.clone(),
            cleanup: self.cleanup.clone(),
            cleaned: self.cleaned.clone(),
            ..page(self.rows.values(), query, &self.past)
        }
    }

    fn take(&mut self, happened: Happened, now: Timestamp) {
        match happened {
            Happened::Began { task } => {
                self.run = Some(RunNow { task, began: now, listing: Vec::new() });
                self.rows.clear();
                self.faults = FaultGroups::default();
                self.notices.clear();
            }
            Happened::Listing(collector) => {
                if let Some(run) = &mut self.run {
                    run.listing.push(collector);
                }
            }
            Happened::Listed { collector, accounts } => self.listed(&collector, accounts),
            Happened::ListingFailed { collector, error } => {
                self.faults.add(&collector, &error, true, 1);
                self.no_more_listing(&collector);
            }
            Happened::Notice { error, text } => {
                if self.notices.len() >= NOTICES {
                    self.notices.remove(0);
                }
                self.notices.push((error, text));
            }
            Happened::Fault { collector, place, account, error, costs, count } => {
                let of = |key: &AccountKey| title(key, self.rows.get(key));
                let whom = account.as_ref().map_or_else(|| format!("accounts of {collector}"), of);
                let whom = place.iter().fold(whom, |text, part| format!("{text} {part}"));
                self.faults.add(&whom, &error, costs, count);
                if let Some(row) = account.filter(|_| costs).and_then(|key| self.rows.get_mut(&key)) {
                    row.faults += u64::from(count);
                }
            }
            Happened::CleanupBegan { task } => {
                self.cleanup = Some(CleanupNow { task, began: now, accounts: IndexMap::new() });
            }
            Happened::CleanupProgress(account, ended, all) => {
                if let Some(cleanup) = &mut self.cleanup {
                    cleanup.accounts.insert(account, (ended, all));
                }
            }
            Happened::Ended(record) => self.ended(*record),
            other => self.account(other, now),
        }
    }

    fn listed(&mut self, collector: &str, accounts: Vec<(AccountKey, String, Option<Duration>)>) {
        for (key, name, last) in accounts {
            self.rows.entry(key.clone()).or_insert_with(|| Row::new(key, &name, collector, last));
        }
        self.no_more_listing(collector);
    }

    fn no_more_listing(&mut self, collector: &str) {
        if let Some(run) = &mut self.run {
            run.listing.retain(|listing| listing != collector);
        }
    }

    /// What happens to one account.
    fn account(&mut self, happened: Happened, now: Timestamp) {
        let (Happened::Started(key, ..)
        | Happened::Progress(key, ..)
        | Happened::Beat(key, ..)
        | Happened::Retrying(key, ..)
        | Happened::Collected(key, ..)
        | Happened::Landed(key)
        | Happened::Failed(key, ..)) = &happened
        else {
            return;
        };
        if let Happened::Failed(_, error, _) | Happened::Retrying(_, error, _) = &happened {
            // What is tried again costs nothing yet.
            let costs = matches!(happened, Happened::Failed(..));
            self.faults.add(&title(key, self.rows.get(key)), error, costs, 1);
        }
        let key = key.clone();
        let row = self.rows.entry(key.clone()).or_insert_with(|| Row::new(key, "", "", None));
        match happened {
            Happened::Started(_, attempt, pid) => {
                row.phase = Phase::Running;
                (row.attempt, row.pid, row.began) = (attempt, pid, Some(now));
                (row.retry_at, row.progress, row.nodes, row.rss) = (None, None, 0, 0);
                row.step.clear();
            }
            Happened::Progress(_, name, at, of) => row.progress = Some((name, at, of)),
            Happened::Beat(_, rss, step, nodes) => {
                (row.rss, row.nodes) = (rss, nodes);
                row.step = step;
            }
            Happened::Retrying(_, error, after) => {
                row.phase = Phase::Retrying;
                row.error = Some(error);
                row.retry_at = now.checked_add(after).ok();
                row.pid = None;
            }
            Happened::Collected(_, nodes, edges, took) => {
                row.phase = Phase::Sending;
                (row.nodes, row.edges, row.took) = (nodes, edges, Some(took));
                (row.pid, row.error) = (None, None);
            }
            Happened::Landed(_) => row.phase = Phase::Done,
            Happened::Failed(_, error, cancelled) => {
                row.phase = if cancelled { Phase::Cancelled } else { Phase::Failed };
                row.error = Some(error);
                row.pid = None;
            }
            _ => {}
        }
    }

    /// The run is over; what it leaves is what is shown from now on.
    fn ended(&mut self, record: RunRecord) {
        let ended = record.report.ended.unwrap_or(Timestamp::UNIX_EPOCH);
        if record.kind == RunKind::Cleanup {
            self.cleanup = None;
            let cleanup = record.cleanup.unwrap_or_default();
            let (dry_run, mut resources) = (cleanup.dry_run, cleanup.resources);
            resources.sort_by_key(|resource| ["gone", "planned"].contains(&resource.fate.as_str()));
            let said = record.message.unwrap_or(record.summary);
            self.cleaned = Some((ended, dry_run, said, Arc::new(resources)));
            return;
        }
        self.run = None;
        let ends = |account: &AccountReport| {
            (AccountKey { cloud: account.cloud.clone(), id: account.id.clone() }, account.state)
        };
        self.past.insert(0, record.report.accounts.iter().map(ends).collect());
        self.past.truncate(PAST);
        self.faults = FaultGroups::of_report(&record.report);
        let fresh = rows_of(&record);
        for (key, mut row) in fresh {
            if let Some(known) = self.rows.get(&key) {
                (row.collector, row.last) = (known.collector.clone(), known.last);
            }
            self.rows.insert(key, row);
        }
        // What was not in the report was of the run before.
        let keep: std::collections::HashSet<_> = self.past[0].keys().cloned().collect();
        self.rows.retain(|key, _| keep.contains(key));
    }
}

fn title(key: &AccountKey, row: Option<&Row>) -> String {
    let name = row.map_or("", |row| row.name.as_str());
    crate::text::account_title(&key.cloud, &key.id, name)
}
