//! Credentials of one account: how a broker makes them, and how a job gets them.
//!
//! ```text
//! broker child <- Seal(job for account X) --- supervisor --- Sealed { job, seal } -> child of account X
//!              -- Sealed(seal) ------------>             <-- Renew ----------------
//!                                                        --- Renewed(seal) ------->
//! ```
//!
//! A broker is a child that holds all credentials of a collector. The supervisor does not read a seal: it keeps it in
//! memory for as long as it takes to hand it on.

use std::time::Duration;

use bincode::{Decode, Encode};

use crate::clean::{CleanJob, CommandJob, TagJob};
use crate::job::{CollectJob, Job, PathGrant};
use crate::secret::Secret;

/// Credentials that reach one account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Seal {
    /// What the collector needs to act in the account, in a form of its own; opaque to the supervisor.
    pub bytes: Secret<Vec<u8>>,
    /// How long they hold; `None` if they have no end.
    pub remaining: Option<Duration>,
    /// Why the account does not have credentials of its own but shares them with others, as a sentence for people that
    /// fits after "account X "; `None` if it does.
    pub shared: Option<String>,
}

/// A job that is done with the credentials of one account. Append-only.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum AccountJob {
    /// Stream its graph.
    Collect(Box<CollectJob>),
    /// Delete resources of it.
    Clean(Box<CleanJob>),
    /// Change tags of one of its resources.
    Tag(Box<TagJob>),
    /// Execute a command of the collector.
    Command(Box<CommandJob>),
}

/// Has a broker make the credentials for a job. It answers one [`Sealed`](crate::message::Report::Sealed) and Done, or
/// Fatal with what the job would have failed with. Nothing of the job itself is done.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SealJob {
    /// The job, with the whole config section.
    pub job: AccountJob,
    /// Those that the broker has made for this job before are to be replaced.
    pub again: bool,
}

/// A job with the credentials that it is done with. Its config section lacks the settings that are secret
/// ([`Brokering::secrets`]), and the process has no other credentials.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SealedJob {
    /// What to do.
    pub job: AccountJob,
    /// The credentials.
    pub seal: Seal,
}

/// That a collector can give each account credentials of its own, and what a child with such credentials still needs.
/// A broker answers it to Describe, after its Described. It can only take away: whatever Described does not name is
/// not given.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Brokering {
    /// Name of the collector.
    pub collector: String,
    /// Names of the environment variables that are no credentials and lead to none; a trailing `*` stands for any
    /// rest.
    pub environment: Vec<String>,
    /// The paths of its description that hold no credentials.
    pub paths: Vec<PathGrant>,
    /// The settings of its section that are secret.
    pub secrets: Vec<String>,
}

impl AccountJob {
    /// The job for one account, if it is one that needs credentials of it.
    pub fn of(job: Job) -> Result<Self, Box<Job>> {
        match job {
            Job::Collect(job) => Ok(Self::Collect(job)),
            Job::Clean(job) => Ok(Self::Clean(job)),
            Job::Tag(job) => Ok(Self::Tag(job)),
            Job::Command(job) => Ok(Self::Command(job)),
            job @ (Job::Describe { .. }
            | Job::Accounts(_)
            | Job::Seal(_)
            | Job::Sealed(_)
            | Job::Identify(_)) => Err(Box::new(job)),
        }
    }

    /// Name of the collector.
    pub fn collector(&self) -> &str {
        match self {
            Self::Collect(job) => &job.collector,
            Self::Clean(job) => &job.collector,
            Self::Tag(job) => &job.collector,
            Self::Command(job) => &job.collector,
        }
    }

    /// The collector's config section.
    pub fn config(&self) -> &Secret<String> {
        match self {
            Self::Collect(job) => &job.config,
            Self::Clean(job) => &job.config,
            Self::Tag(job) => &job.config,
            Self::Command(job) => &job.config,
        }
    }

    /// The same job with another config section.
    #[must_use]
    pub fn with_config(mut self, config: Secret<String>) -> Self {
        match &mut self {
            Self::Collect(job) => job.config = config,
            Self::Clean(job) => job.config = config,
            Self::Tag(job) => job.config = config,
            Self::Command(job) => job.config = config,
        }
        self
    }
}

impl From<AccountJob> for Job {
    fn from(job: AccountJob) -> Self {
        match job {
            AccountJob::Collect(job) => Self::Collect(job),
            AccountJob::Clean(job) => Self::Clean(job),
            AccountJob::Tag(job) => Self::Tag(job),
            AccountJob::Command(job) => Self::Command(job),
        }
    }
}
