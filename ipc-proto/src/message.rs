//! The messages after Welcome. All enums are append-only.

use std::time::Duration;

use bincode::{BorrowDecode, Decode, Encode};

use crate::clean::Cleaned;
use crate::fault::Fault;
use crate::graph::{Chunk, Totals};
use crate::job::{Account, Described, Start};
use crate::seal::{Brokering, Seal};

/// Names a job on one connection. The supervisor counts from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct JobId(pub u32);

/// A frame from the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ToChild {
    /// The job it is about.
    pub job: JobId,
    /// What to do.
    pub body: Order,
}

/// What the supervisor says about a job. Append-only.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Order {
    /// Begin it.
    Start(Box<Start>),
    /// End it: nothing of it is wanted any more. The child answers Fatal or closes.
    Cancel(Cancel),
    /// New credentials, asked for by [`Report::Renew`].
    Renewed(Box<Seal>),
    /// There are no new credentials now, and why. The job goes on with those that it has.
    NotRenewed(Box<Fault>),
}

/// Ends a job early.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Cancel {
    /// Why, for the child's log.
    pub reason: String,
    /// Time until the process is killed.
    pub grace: Duration,
}

/// A frame from a child.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct ToSupervisor<'a> {
    /// The job it is about.
    pub job: JobId,
    /// What happened.
    pub body: Report<'a>,
}

/// What a child says about a job. Append-only.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub enum Report<'a> {
    /// Start was understood; work begins.
    Ready,
    /// A sign of life, sent by a thread that does nothing else.
    Heartbeat(Heartbeat),
    /// Answer to Describe, one for each collector.
    Described(Box<Described>),
    /// Answer to Accounts; as many as needed.
    Accounts(Vec<Account>),
    /// Part of the graph.
    Chunk(Chunk<'a>),
    /// Progress for people.
    Progress(Vec<Progress>),
    /// A trouble; the job goes on.
    Fault(Fault),
    /// The job is complete; the last message about it.
    Done(Done),
    /// The job has failed; the last message about it.
    Fatal(Fault),
    /// What became of one resource of a Clean job, sent as soon as that is known.
    Cleaned(Box<Cleaned>),
    /// Answer to Tag: the complete changed node, a JSON object with `id`, `reported` and `metadata`.
    Tagged(String),
    /// Answer to Command: JSON. One message, below the cap of a frame.
    Output(String),
    /// Operations that were refused for lack of permission, each once; as many as needed. They are what the Fault about it
    /// sums up.
    Denied(Vec<Denied>),
    /// Answer to Describe, after the Described of the same collector: it gives accounts credentials of their own.
    Brokering(Box<Brokering>),
    /// Answer to Seal.
    Sealed(Box<Seal>),
    /// The credentials of a job that has some of its own are to be renewed. One question at a time.
    Renew,
}

/// An operation that the cloud refused for lack of permission.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Denied {
    /// The service.
    pub service: String,
    /// The operation, as the cloud names it.
    pub operation: String,
    /// Where it was refused, sorted.
    pub regions: Vec<String>,
    /// How many calls were refused.
    pub calls: u32,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Heartbeat {
    /// Resident memory of the child, in bytes.
    pub rss: u64,
    /// What it does now, for people.
    pub step: String,
    /// Grows whenever anything gets done: calls answered, resources made. A child whose counter stands still
    /// is alive but stuck.
    pub work: u64,
}

/// One line of progress: below the account and `path`, `name` is at `current` of `total`. Where the account
/// itself hangs is the supervisor's business.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Progress {
    /// What it is a part of, from the account down, without the account; mostly empty.
    pub path: Vec<String>,
    /// What progresses: a region, say.
    pub name: String,
    /// Steps done; never above `total`.
    pub current: u32,
    /// Steps in all; at least 1.
    pub total: u32,
}

/// A job is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Done {
    /// What was sent; all zero for jobs without graph.
    pub totals: Totals,
    /// How many Fault messages were sent that cost something: see [`Fault::costs`].
    pub faults: u32,
}
