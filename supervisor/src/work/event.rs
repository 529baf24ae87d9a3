//! What happens in a run, for everybody who watches it: fixcore, the terminal, /children, metrics.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use fixworker_fleet::Subject;
use ipc_proto::account::AccountName;
use ipc_proto::fault::Fault;
use ipc_proto::message::{Denied, Progress};

/// An account and the collector that listed it: names the account in every message to people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollectorAccount {
    /// The collector.
    pub collector: String,
    /// The account.
    pub account: AccountName,
}

impl CollectorAccount {
    /// The name of `account`, listed by `collector`.
    pub fn of(collector: &str, account: impl Into<AccountName>) -> Self {
        Self { collector: collector.to_owned(), account: account.into() }
    }

    /// What a child that works for it is for.
    pub fn subject(&self) -> Subject {
        Subject { collector: Some(self.collector.clone()), account: Some(self.account.clone()) }
    }
}

impl Deref for CollectorAccount {
    type Target = AccountName;

    fn deref(&self) -> &AccountName {
        &self.account
    }
}

/// `aws:name (id)`.
impl fmt::Display for CollectorAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.account.cloud, self.account.title())
    }
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum RunEvent {
    /// A collector begins to list its accounts.
    CollectorStarted {
        /// Its name.
        collector: String,
    },
    /// A collector has listed its accounts.
    AccountsListed {
        /// Its name.
        collector: String,
        /// The accounts that will be collected in this run.
        accounts: Vec<CollectorAccount>,
    },
    /// A collector could not list its accounts.
    ListingFailed {
        /// Its name.
        collector: String,
        /// One sentence.
        message: String,
    },
    /// All accounts of a collector have ended, or listing them failed.
    CollectorFinished {
        /// Its name.
        collector: String,
    },
    /// A child works on an account.
    AccountStarted {
        /// The account.
        account: CollectorAccount,
        /// Counts from 1.
        attempt: u32,
        /// The process.
        pid: Option<u32>,
    },
    /// Progress inside an account.
    Progress {
        /// The account.
        account: CollectorAccount,
        /// What the child said.
        lines: Vec<Progress>,
    },
    /// A sign of life.
    Heartbeat {
        /// The account.
        account: CollectorAccount,
        /// Memory of the child in bytes.
        rss: u64,
        /// What it does.
        step: String,
        /// Nodes received so far.
        nodes: u64,
    },
    /// A trouble that does not end the account.
    Fault {
        /// The account; `None` while accounts are listed.
        account: Option<CollectorAccount>,
        /// The collector.
        collector: String,
        /// The trouble.
        fault: Fault,
    },
    /// Operations that were refused for lack of permission.
    Denied {
        /// The account.
        account: CollectorAccount,
        /// The operations.
        calls: Vec<Denied>,
    },
    /// An attempt failed and another one follows.
    AttemptFailed {
        /// The account.
        account: CollectorAccount,
        /// Counts from 1.
        attempt: u32,
        /// One sentence.
        message: String,
        /// Time until the next attempt.
        retry_in: Duration,
    },
    /// The graph of an account is complete and checked.
    AccountCollected {
        /// The account.
        account: CollectorAccount,
        /// Nodes.
        nodes: u64,
        /// Edges.
        edges: u64,
        /// Troubles that did not end it.
        faults: u64,
        /// Time of the successful attempt.
        duration: Duration,
    },
    /// fixcore has merged the account, or it is in the file.
    AccountLanded {
        /// The account.
        account: CollectorAccount,
    },
    /// The account is over without result.
    AccountFailed {
        /// The account.
        account: CollectorAccount,
        /// What to tell the user.
        trouble: Trouble,
    },
    /// Something about a part of the run that the user should know, in a text that fits into one message.
    Message {
        /// Whether something is missing from the result.
        error: bool,
        /// What it is about: cloud, account.
        context: Vec<String>,
        /// The text.
        text: String,
    },
    /// Something about the whole run that the user should know.
    Notice {
        /// Whether something is missing from the result.
        error: bool,
        /// One sentence.
        message: String,
    },
}

/// Why an account failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A stable word for reports.
    pub kind: String,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The account was stopped, it did not fail by itself.
    pub cancelled: bool,
}

/// Somebody who watches runs. Called often; must be quick.
pub trait Observer: Send + Sync {
    /// Takes one event.
    fn event(&self, event: &RunEvent);
}
