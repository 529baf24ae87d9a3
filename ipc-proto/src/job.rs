//! Jobs that the supervisor gives, and what they are about.

use std::time::Duration;

use bincode::{Decode, Encode};

pub use crate::account::Account;
use crate::clean::{CleanJob, CommandJob, TagJob};
use crate::seal::{SealJob, SealedJob};
use crate::secret::Secret;

/// Begins a job.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Start {
    /// What to do.
    pub job: Job,
    /// Time left for it; `None` is no limit.
    pub remaining: Option<Duration>,
    /// Environment variables that the collector declared in Describe. The child sets them in itself before
    /// any thread exists; only the first Start of a process may carry some.
    pub environment: Vec<Variable>,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, which may be a credential.
    pub value: Secret<String>,
}

/// What a child can do. Append-only.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Job {
    /// Answer one Described message for each of these collectors; for all when empty.
    Describe {
        /// Names of collectors.
        collectors: Vec<String>,
    },
    /// Answer the accounts of a collector in Accounts messages.
    Accounts(AccountsJob),
    /// Stream the graph of one account.
    Collect(Box<CollectJob>),
    /// Delete resources of one account.
    Clean(Box<CleanJob>),
    /// Change tags of one resource.
    Tag(Box<TagJob>),
    /// Execute a command of the collector.
    Command(Box<CommandJob>),
    /// Make the credentials for a job: for a broker, which lives through many of these.
    Seal(Box<SealJob>),
    /// A job with the credentials of its account.
    Sealed(Box<SealedJob>),
    /// Find out whether credentials get into the account that this job would collect, and do nothing else. It is answered by
    /// Done, or by the Fatal that the job would have failed with.
    Identify(Box<CollectJob>),
}

/// Lists accounts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AccountsJob {
    /// Name of the collector.
    pub collector: String,
    /// The collector's config section, a JSON object; it may hold credentials.
    pub config: Secret<String>,
}

/// Collects one account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CollectJob {
    /// Name of the collector.
    pub collector: String,
    /// The collector's config section, a JSON object; it may hold credentials.
    pub config: Secret<String>,
    /// The account, as an Accounts job listed it.
    pub account: Account,
    /// Stop with a fault of kind Limit after this many resources.
    pub max_resources: Option<u64>,
    /// How long ago the same step of the last run started; `None` on the first run.
    pub last_run_started_ago: Option<Duration>,
}

/// The longest name of a collector, cloud or section, in bytes.
pub const MAX_NAME: usize = 64;

/// Whether a collector or a cloud may be called so.
pub fn is_name(name: &str) -> bool {
    let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'_' | b'-');
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(fits)
}

/// What a collector is, as far as the supervisor and fixcore need to know.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Described {
    /// Name of the collector, as in `fixworker.collector`.
    pub collector: String,
    /// The ids of the clouds its graphs hang below; none if that depends on its input.
    pub clouds: Vec<String>,
    /// What the cloud calls an account: account, project, subscription.
    pub account_noun: String,
    /// The kinds of its graph with all bases, a JSON list as fixcore's model takes it.
    pub kinds_json: String,
    /// Its config section, if it has one.
    pub section: Option<Section>,
    /// The setting in its section that bounds how many accounts run at once, for example
    /// `account_pool_size`.
    pub pool_setting: Option<String>,
    /// Task handlers, a JSON list of definitions as `/work/queue` takes them.
    pub tasks_json: String,
    /// Names of environment variables it may see; a trailing `*` stands for any rest.
    pub environment: Vec<String>,
    /// Paths it must reach, for the sandbox.
    pub paths: Vec<PathGrant>,
    /// The collector is on by default when one of these holds.
    pub auto_enable: Vec<AutoEnable>,
    /// Kinds in which an account, a region or an organization may appear are told by role; these are the
    /// kinds of account nodes. Behind a blank stands what the key of such a node has besides, where that is more than
    /// usual: `some_account x:{id}`, with the id of the account.
    pub account_kinds: Vec<String>,
}

impl Described {
    /// Whether its graphs hang below clouds of its own: its kinds are known before it collects.
    pub fn has_own_clouds(&self) -> bool {
        !self.clouds.is_empty()
    }

    /// Whether it may have accounts of this cloud.
    pub fn may_serve(&self, cloud: &str) -> bool {
        self.clouds.is_empty() || self.clouds.iter().any(|own| own == cloud)
    }
}

/// A config section.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Section {
    /// Key in the config document.
    pub name: String,
    /// The kinds that describe it, a JSON list as fixcore's config model takes it. The kind called like the
    /// section is its root.
    pub kinds_json: String,
    /// All settings with their defaults, a JSON object in the order of the document.
    pub defaults_json: String,
}

/// A path that a collector must reach.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PathGrant {
    /// The path; a leading `~/` is the home directory, `$NAME` the value of an environment variable,
    /// `config:NAME` the texts of a setting in the section. See [`crate::paths`].
    pub path: String,
    /// What it does there.
    pub access: PathAccess,
}

/// Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum PathAccess {
    /// Read files.
    Read,
    /// Read and write files.
    Write,
    /// Read and execute files.
    Execute,
    /// Read files that may name programs which the collector starts (`credential_process`). If they do, these may
    /// be anywhere, and read whatever the user may read.
    Programs,
}

/// A sign that credentials are at hand. Append-only.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum AutoEnable {
    /// This environment variable is set and not empty.
    Variable(String),
    /// This file exists; a leading `~/` is the home directory.
    File(String),
}
