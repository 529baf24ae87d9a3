//! The vocabulary of the process machine in [`super::state`]: states, events, actions.

use std::time::Duration;

/// Where a process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being started.
    Spawning,
    /// Started; not Ready yet.
    Handshaking,
    /// Serving jobs, or waiting for one.
    Collecting,
    /// Told that nothing more comes.
    Draining,
    /// Being stopped.
    Stopping(Stage),
    /// Exited; its last words are read.
    Sweeping,
    /// Over.
    Ended(Ending),
}

impl State {
    /// The name for logs, reports and `/children`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spawning => "spawning",
            Self::Handshaking => "handshaking",
            Self::Collecting => "collecting",
            Self::Draining => "draining",
            Self::Stopping(Stage::Asked) => "stopping (asked)",
            Self::Stopping(Stage::Termed) => "stopping (terminated)",
            Self::Stopping(Stage::Killed) => "stopping (killed)",
            Self::Sweeping => "sweeping",
            Self::Ended(Ending::NotStarted) => "ended (not started)",
            Self::Ended(Ending::Exited) => "ended",
            Self::Ended(Ending::Unkillable) => "ended (unkillable)",
        }
    }
}

/// How hard a process is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// By a Cancel message, or by the end of the connection.
    Asked,
    /// By SIGTERM (and SIGCONT, so that a stopped process can die) to its group.
    Termed,
    /// By SIGKILL to its group.
    Killed,
}

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// There never was a process.
    NotStarted,
    /// It exited and was reaped.
    Exited,
    /// It survived SIGKILL: it hangs in the kernel.
    Unkillable,
}

/// Why a process is stopped. Details are kept by whoever knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody asked for it.
    Requested,
    /// It broke the protocol, or sent what it must not send.
    Violation,
    /// It speaks another version.
    Rejected,
    /// No Ready in time.
    Handshake,
    /// No frame in time.
    Stall,
    /// A job got nothing done in time.
    NoProgress,
    /// A job used up its time.
    Deadline,
    /// It used more memory than it may.
    Memory,
    /// The connection ended with the process alive.
    LinkLost,
    /// It did not exit although nothing was left to do.
    Lingered,
    /// We cannot go on: our disk is full.
    Host,
}

impl StopReason {
    /// Whether a Cancel makes sense: a child that broke the protocol is not asked for anything.
    pub(super) fn asks(self) -> bool {
        match self {
            Self::Requested
            | Self::Handshake
            | Self::Stall
            | Self::NoProgress
            | Self::Deadline
            | Self::LinkLost
            | Self::Host => true,
            Self::Violation | Self::Rejected | Self::Memory | Self::Lingered => false,
        }
    }
}

/// How urgent a stop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Stage by stage.
    Once,
    /// SIGKILL now.
    Twice,
}

/// What a clock measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// The operating system starting the process.
    Spawn,
    /// Spawn to Ready.
    Handshake,
    /// The silence since the last frame.
    Stall,
    /// The exit after the last job.
    Drain,
    /// Cancel to SIGTERM.
    Asked,
    /// SIGTERM to SIGKILL.
    Grace,
    /// SIGKILL to giving up.
    Killed,
    /// The last words of a dead process.
    Sweep,
}

impl Timer {
    /// Whether it measures the child. Such clocks stand still while we do not read from it; the stages of a
    /// stop do not, because a shutdown has a budget.
    pub(super) fn pauses(self) -> bool {
        match self {
            Self::Handshake | Self::Stall | Self::Drain | Self::Sweep => true,
            Self::Spawn | Self::Asked | Self::Grace | Self::Killed => false,
        }
    }
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The process exists.
    Spawned,
    /// It could not be started.
    SpawnFailed,
    /// Hello was accepted, Welcome is sent.
    Welcomed,
    /// A job was given.
    JobOpened,
    /// The child says Ready about a job.
    Ready,
    /// Any frame arrived.
    Frame,
    /// A job is over.
    JobClosed,
    /// No more jobs will be given.
    Close,
    /// The connection is at its end.
    LinkClosed,
    /// The leader has exited and is not reaped.
    Exited,
    /// stdout and stderr are closed by everybody who held them.
    PipesClosed,
    /// A clock ran out.
    Fired(Timer, u64),
    /// The process must go.
    Stop(StopReason, Urgency),
    /// We do not read from the child for a while.
    Paused,
    /// We read again.
    Resumed,
}

/// What must be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send Cancel for each open job.
    SendCancel,
    /// Close our half of the connection.
    CloseLink,
    /// SIGTERM and SIGCONT to the group.
    Terminate,
    /// SIGKILL to the group.
    Kill,
    /// SIGKILL to what is left of the group, then reap the leader.
    SweepAndReap,
    /// Stop reading the pipes that others hold open.
    DropPipes,
    /// Stop reading the connection that others hold open.
    DropLink,
    /// Nobody waits for the start any more: whoever starts it late must kill it.
    AbandonSpawn,
    /// Leave the process to the reaper.
    AbandonProcess,
    /// Tell how it ended.
    End,
}

/// How long each clock runs.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each field is the length of the timer of the same name")]
pub struct Limits {
    pub spawn: Duration,
    pub handshake: Duration,
    pub stall: Duration,
    pub drain: Duration,
    pub asked: Duration,
    /// Zero skips SIGTERM.
    pub grace: Duration,
    pub killed: Duration,
    pub sweep: Duration,
}
