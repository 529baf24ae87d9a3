//! One collect run: list the accounts, collect each in a child, check, deliver. The same for the daemon and the
//! one-shot; only the [`target`] differs.
//!
//! ```text
//! listing ---> wanted ---> fleet (children) ---> sink, staging ---> claim ids ---> target: fixcore, or a file
//!                               |                                                    |
//!                               +----------------> ledger, observers <---------------+
//! ```
//!
//! Rules: a graph that is not complete and checked never leaves the machine. Every account gets exactly one end
//! in the ledger. When [`collect`] returns, no child of the run is left, and nothing more is sent.

pub mod delivery;
mod elsewhere;
pub mod feedback;
pub(crate) mod identity;
mod jobs;
pub mod ledger;
mod listed;
pub mod listing;
mod opening;
mod pipeline;
pub mod sink;
pub mod target;
mod trouble;
pub mod wanted;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fixworker_graph::account::AccountKey;
use fixworker_settings::Running;
use fixworker_settings::collectors::Selection;

pub use pipeline::collect;

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
