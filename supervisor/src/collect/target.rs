//! Where collected accounts go: to fixcore in batches, or into one file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use fixworker_graph::batch::{BatchLimits, Batcher};
use fixworker_graph::export::{DebugDump, write_graph, write_graph_file};
use fixworker_graph::merge::{Batch, CloudRun, Replace, StagedAccount, decide_replace};
use fixworker_graph::upload::Outcome;
use futures_util::future::join_all;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::task::JoinSet;

use super::delivery::{Delivered, Delivery};
use super::elsewhere::NotOurs;

/// Takes collected accounts. The pipeline feeds it, asks it for outcomes, and tells it when all is collected.
#[derive(Debug)]
pub enum Target {
    /// fixcore.
    Core(Box<CoreTarget>),
    /// One file.
    File(FileTarget),
}

/// Outcomes of accounts.
pub type Outcomes = Vec<(Arc<StagedAccount>, Outcome)>;

impl Target {
    /// A collected account.
    pub fn add(&mut self, account: Arc<StagedAccount>) {
        match self {
            Self::Core(core) => core.add(account),
            Self::File(file) => file.accounts.push(account),
        }
    }

    /// Which of these graphs hold nodes that belong to others, by what is known where they go; in the order of `staged`.
    pub(super) async fn ours(&self, staged: &[Arc<StagedAccount>]) -> Vec<Result<(), NotOurs>> {
        match self {
            Self::Core(core) => join_all(staged.iter().map(|one| core.delivery.is_ours(one))).await,
            Self::File(_) => staged.iter().map(|_| Ok(())).collect(),
        }
    }

    /// When [`Target::due`] is to be called.
    pub fn next_due(&self) -> Option<Instant> {
        match self {
            Self::Core(core) => core.batcher.next_due(),
            Self::File(_) => None,
        }
    }

    /// Sends batches whose time has come.
    pub fn due(&mut self) {
        if let Self::Core(core) = self {
            let due = core.batcher.due(Instant::now());
            core.send_all(due, Replace::Accounts);
        }
    }

    /// Whether outcomes are still to come.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Core(core) => !core.sending.is_empty(),
            Self::File(_) => false,
        }
    }

    /// The next outcomes. Waits forever if nothing is under way.
    pub async fn outcomes(&mut self) -> Outcomes {
        let Self::Core(core) = self else { return std::future::pending().await };
        match core.sending.join_next().await {
            Some(Ok((batch, outcomes))) => named(&batch, outcomes),
            Some(Err(error)) if error.is_cancelled() => Vec::new(),
            // A panic in there: its accounts stay undelivered, and are reported at the end of the run.
            Some(Err(error)) => {
                tracing::error!("an upload ended with a fault of this program: {error}");
                Vec::new()
            }
            None => std::future::pending().await,
        }
    }

    /// Everything is collected: sends what is left. `clouds` says what is known about each cloud; the notices
    /// are for the user. A file is written here, and its error ends the run.
    pub async fn finish(
        &mut self,
        clouds: &BTreeMap<String, CloudRun>,
    ) -> Result<(Vec<String>, Outcomes), String> {
        match self {
            Self::Core(core) => Ok((core.finish(clouds), Vec::new())),
            Self::File(file) => file.finish().await.map(|outcomes| (Vec::new(), outcomes)),
        }
    }

    /// Gives up whatever is under way.
    pub fn abandon(&mut self) {
        if let Self::Core(core) = self {
            core.sending.abort_all();
            core.batcher.flush();
            core.held.clear();
        }
    }
}

fn named(batch: &Batch, outcomes: Vec<(usize, Outcome)>) -> Outcomes {
    let account = |index: usize| batch.accounts().get(index).cloned();
    outcomes.into_iter().filter_map(|(index, outcome)| Some((account(index)?, outcome))).collect()
}

/// fixcore.
#[derive(Debug)]
pub struct CoreTarget {
    delivery: Delivery,
    batcher: Batcher<Arc<StagedAccount>>,
    /// Merge kind `cloud`: nothing is sent before everything is there.
    held: BTreeMap<String, Vec<Arc<StagedAccount>>>,
    hold: bool,
    dump: Option<Arc<DebugDump>>,
    sending: JoinSet<Delivered>,
}

impl CoreTarget {
    /// Sends with `delivery`; with `hold` only at the end of the run, for merge kind `cloud`.
    pub fn new(delivery: Delivery, limits: BatchLimits, hold: bool, dump: Option<DebugDump>) -> Self {
        Self {
            delivery,
            batcher: Batcher::new(limits),
            held: BTreeMap::new(),
            hold,
            dump: dump.map(Arc::new),
            sending: JoinSet::new(),
        }
    }

    fn add(&mut self, account: Arc<StagedAccount>) {
        if self.hold {
            self.held.entry(account.account().cloud.clone()).or_default().push(account);
            return;
        }
        self.batch(account);
    }

    fn batch(&mut self, account: Arc<StagedAccount>) {
        let weight = account.weight();
        let cloud = account.cloud_node().to_owned();
        let full = self.batcher.add(&cloud, account, weight, Instant::now());
        self.send_all(full, Replace::Accounts);
    }

    fn send_all(&mut self, batches: Vec<Vec<Arc<StagedAccount>>>, replace: Replace) {
        for accounts in batches {
            let batch = Batch::new(accounts, Timestamp::now());
            if let Some(dump) = &self.dump {
                let (dump, upload) = (Arc::clone(dump), batch.whole(replace));
                tokio::task::spawn_blocking(move || dump_upload(&dump, &upload));
            }
            self.sending.spawn(self.delivery.clone().send(batch, replace));
        }
    }

    fn finish(&mut self, clouds: &BTreeMap<String, CloudRun>) -> Vec<String> {
        let mut notices = Vec::new();
        for (cloud, accounts) in std::mem::take(&mut self.held) {
            let known = clouds.get(&cloud).copied().unwrap_or_default();
            match decide_replace(&complete(known, &accounts)) {
                Ok(replace) => self.send_all(vec![accounts], replace),
                Err(reason) => {
                    notices.push(format!("cloud {cloud}: {reason}"));
                    for account in accounts {
                        self.batch(account);
                    }
                }
            }
        }
        let rest = self.batcher.flush();
        self.send_all(rest, Replace::Accounts);
        notices
    }
}

/// What only the graphs tell.
fn complete(known: CloudRun, accounts: &[Arc<StagedAccount>]) -> CloudRun {
    let nodes: std::collections::BTreeSet<&str> =
        accounts.iter().map(|account| account.cloud_node()).collect();
    let organizations = accounts.iter().filter(|account| account.has_organization()).count();
    CloudRun { committed: accounts.len(), cloud_nodes: nodes.len(), organizations, ..known }
}

fn dump_upload(dump: &DebugDump, upload: &fixworker_graph::merge::Upload) {
    match dump.graph(upload, now_civil()) {
        Ok(path) => tracing::info!("the upload was also written to {}", path.display()),
        Err(error) => {
            tracing::error!("debug_dump_json: cannot write to {}: {error}", dump.folder().display());
        }
    }
}

pub(crate) fn now_civil() -> jiff::civil::DateTime {
    Timestamp::now().to_zoned(TimeZone::UTC).datetime()
}

/// One file, or standard output.
#[derive(Debug)]
pub struct FileTarget {
    /// The file; `None` is standard output.
    path: Option<PathBuf>,
    accounts: Vec<Arc<StagedAccount>>,
}

impl FileTarget {
    /// Writes to `path`, or to standard output.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path, accounts: Vec::new() }
    }

    async fn finish(&mut self) -> Result<Outcomes, String> {
        let accounts = std::mem::take(&mut self.accounts);
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Batch::new(accounts.clone(), Timestamp::now());
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || match &path {
            Some(path) => write_graph_file(&batch, path)
                .map_err(|error| format!("cannot write the graph to {}: {error}", path.display())),
            None => write_graph(&batch, &mut std::io::stdout().lock())
                .map_err(|error| format!("cannot write the graph to standard output: {error}")),
        });
        written.await.map_err(|error| format!("writing the graph failed: {error}"))??;
        let landed = || Outcome::Landed(fixworker_graph::upload::MergeCounters::default());
        Ok(accounts.into_iter().map(|account| (account, landed())).collect())
    }
}
