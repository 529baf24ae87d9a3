//! One collect run: list the accounts, collect each in a child, check, deliver. The same for the daemon and the
//! one-shot; only the [`target`] differs.
//!
//! ```text
//! listing ---> fleet (children) ---> sink, staging ---> claim ids ---> target: fixcore, or a file
//!                    |                                                   |
//!                    +---------------> ledger, observers <---------------+
//! ```
//!
//! Rules: a graph that is not complete and checked never leaves the machine. Every account gets exactly one end
//! in the ledger. When [`collect`] returns, no child of the run is left, and nothing more is sent.

pub mod delivery;
mod elsewhere;
pub mod event;
pub mod feedback;
pub mod ledger;
mod listed;
pub mod listing;
mod opening;
mod pipeline;
pub mod shard;
pub mod sink;
pub mod target;
pub(crate) mod tasks;
mod trouble;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fixworker_fixcore::CancellationToken;
use fixworker_fleet::{Fleet, StopToken, Stopper, stopper};
use fixworker_graph::account::AccountKey;
use fixworker_graph::kinds::KindTable;
use fixworker_graph::spool::SpoolDir;
use fixworker_settings::collectors::Selection;
use fixworker_settings::{Environment, Running};
use ipc_proto::job::Described;

use crate::broker::Brokers;
pub use pipeline::collect;
pub(crate) use pipeline::failed_attempt;

/// What runs are made with; lives as long as the worker.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Starts children.
    pub fleet: Fleet,
    /// Where graphs wait.
    pub spool: SpoolDir,
    /// All collectors that the child has.
    pub described: Arc<[Described]>,
    /// Where the kinds of all collectors belong in the hierarchy.
    pub kinds: Arc<KindTable>,
    /// The same for collectors whose input decides on the kinds (`Described::clouds` names none).
    pub trusting_kinds: Arc<KindTable>,
    /// Variables that collectors may see.
    pub environment: Arc<Environment>,
    /// Make credentials of single accounts.
    pub brokers: Brokers,
}

impl Tools {
    /// The table that nodes of a collector are checked with.
    pub fn kinds_for(&self, collector: &str) -> Arc<KindTable> {
        Arc::clone(if self.has_own_clouds(collector) { &self.kinds } else { &self.trusting_kinds })
    }

    /// Whether a collector may have accounts of a cloud, as far as it is known.
    pub fn may_serve(&self, collector: &str, cloud: &str) -> bool {
        self.describe(collector).is_none_or(|described| described.may_serve(cloud))
    }

    /// Whether a collector collects clouds of its own, and not what others have exported.
    pub fn has_own_clouds(&self, collector: &str) -> bool {
        self.describe(collector).is_some_and(Described::has_own_clouds)
    }

    /// The description of a collector.
    pub fn describe(&self, collector: &str) -> Option<&Described> {
        self.described.iter().find(|described| described.collector == collector)
    }
}

/// One run.
#[derive(Debug, Clone)]
pub struct RunPlan {
    /// The settings when it begins.
    pub settings: Running,
    /// The collectors to run.
    pub selection: Selection,
    /// Ids of the only accounts wanted; empty is all.
    pub only: Vec<String>,
    /// Accounts that an earlier process of the same run has delivered.
    pub delivered_before: BTreeSet<AccountKey>,
    /// How long ago the last run started.
    pub last_run_started_ago: Option<Duration>,
    /// When children are stopped, so that what is there can still be delivered; `None` is never.
    pub collect_until: Option<Instant>,
}

/// Stops a run from outside. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RunControl {
    children: Stopper,
    token: StopToken,
    stop: CancellationToken,
    discard: CancellationToken,
    killed: CancellationToken,
    over: Arc<AtomicBool>,
}

impl Default for RunControl {
    fn default() -> Self {
        let (children, token) = stopper();
        let (stop, discard, killed) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        Self { children, token, stop, discard, killed, over: Arc::default() }
    }
}

impl RunControl {
    /// Stops the children within their grace; what is collected is still delivered. Another process may resume
    /// the run.
    pub fn stop(&self, reason: &str) {
        self.children.stop(reason);
        self.stop.cancel();
    }

    /// Stops the children within their grace, and delivers nothing more. The run is over for good, even if it
    /// was to be resumed.
    pub fn discard(&self, reason: &str) {
        self.over.store(true, Ordering::Release);
        self.children.stop(reason);
        self.stop.cancel();
        self.discard.cancel();
    }

    /// Kills the children, and delivers nothing more.
    pub fn kill(&self, reason: &str) {
        self.children.kill_now(reason);
        self.stop.cancel();
        self.discard.cancel();
        self.killed.cancel();
    }

    /// Kills the children; what is collected is still delivered.
    pub fn kill_children(&self, reason: &str) {
        self.children.kill_now(reason);
        self.stop.cancel();
        self.killed.cancel();
    }

    /// Whether nobody waits for the result any more: there is nothing to resume.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Waits until it is stopped in any way.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Waits until its children are to be killed.
    pub async fn killed(&self) {
        self.killed.cancelled().await;
    }
}
