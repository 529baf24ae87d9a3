//! What happens in a collect run, for everybody who watches it: fixcore, the terminal, /children, metrics.

use std::fmt;
use std::time::Duration;

use ipc_proto::fault::Fault;
use ipc_proto::job::Account;
use ipc_proto::message::{Denied, Progress};

/// Names an account in every message to people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName {
    /// The collector that listed it.
    pub collector: String,
    /// The cloud id.
    pub cloud: String,
    /// The account's id in the cloud.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl AccountName {
    /// The name of `account`, listed by `collector`.
    pub fn of(collector: &str, account: &Account) -> Self {
        Self {
            collector: collector.to_owned(),
            cloud: account.cloud.clone(),
            id: account.id.clone(),
            name: account.name.clone(),
        }
    }

    /// `name (id)`, or the id alone if the name says no more: what fixcore shows for an account.
    pub fn display_name(&self) -> String {
        if self.name == self.id || self.name.is_empty() {
            self.id.clone()
        } else {
            format!("{} ({})", self.name, self.id)
        }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.cloud, self.display_name())
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
        accounts: Vec<AccountName>,
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
        account: AccountName,
        /// Counts from 1.
        attempt: u32,
        /// The process.
        pid: Option<u32>,
    },
    /// Progress inside an account.
    Progress {
        /// The account.
        account: AccountName,
        /// What the child said.
        lines: Vec<Progress>,
    },
    /// A sign of life.
    Heartbeat {
        /// The account.
        account: AccountName,
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
        account: Option<AccountName>,
        /// The collector.
        collector: String,
        /// The trouble.
        fault: Fault,
    },
    /// Operations that were refused for lack of permission.
    Denied {
        /// The account.
        account: AccountName,
        /// The operations.
        calls: Vec<Denied>,
    },
    /// An attempt failed and another one follows.
    AttemptFailed {
        /// The account.
        account: AccountName,
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
        account: AccountName,
        /// Nodes.
        nodes: u64,
        /// Edges.
        edges: u64,
        /// Troubles that did not end it.
        faults: u64,
        /// Time of the successful attempt.
        duration: Duration,
    },
    /// The account is over without result.
    AccountFailed {
        /// The account.
        account: AccountName,
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
