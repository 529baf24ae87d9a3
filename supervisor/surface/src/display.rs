//! The live display of a one-shot run: on a terminal one line for each child that runs, otherwise plain lines.
//!
//! [`DisplayModel`] decides what is shown and when; [`Display`] is the thread that shows it.

mod model;
mod shell;

use std::time::Duration;

use ipc_proto::account::AccountName;

pub use self::model::{DisplayModel, Line, LineKind, View};
pub use self::shell::{Display, Output};

/// What happens in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A collector has listed its accounts.
    AccountsListed {
        /// Its name.
        collector: String,
        /// How many will be collected.
        count: u64,
    },
    /// A collector could not list its accounts.
    CollectorFailed {
        /// Its name.
        collector: String,
        /// One sentence.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A process was started for an account.
    AccountStarted {
        /// The account.
        account: AccountName,
        /// Counts from 1.
        attempt: u32,
        /// Its process id.
        pid: u32,
    },
    /// A part of the account gets on.
    Progress {
        /// The account.
        account: AccountName,
        /// The part, for example a region.
        name: String,
        /// Steps done.
        current: u32,
        /// Steps in all.
        total: u32,
    },
    /// The child is alive.
    Heartbeat {
        /// The account.
        account: AccountName,
        /// Resident memory of the child, in bytes.
        rss: u64,
        /// What it does now.
        step: String,
        /// Nodes received of this attempt.
        nodes: u64,
    },
    /// An attempt failed. The account goes on if there is another.
    AttemptFailed {
        /// The account.
        account: AccountName,
        /// Counts from 1.
        attempt: u32,
        /// One sentence.
        message: String,
        /// When it is tried again; `None` if it is not.
        retry_in: Option<Duration>,
    },
    /// The account's graph is complete.
    AccountDone {
        /// The account.
        account: AccountName,
        /// Nodes of its graph.
        nodes: u64,
        /// Edges of its graph.
        edges: u64,
        /// Troubles that its collector reported.
        faults: u64,
    },
    /// The account is given up.
    AccountFailed {
        /// The account.
        account: AccountName,
        /// One sentence.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The account was stopped.
    AccountCancelled {
        /// The account.
        account: AccountName,
    },
    /// Anything else worth a line.
    Note(String),
}
