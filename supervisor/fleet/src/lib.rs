//! Runs the children of the supervisor: starts them, speaks with them, times them, stops them, tells how they
//! ended, and tries again.
//!
//! # Theory of operation
//!
//! Two machines, one above the other, both plain functions over plain data:
//!
//! - The *process* ([`child::state`], [`child::jobs`]): Spawning, Handshaking, Collecting, Draining, Stopping,
//!   Sweeping, Ended. Timers, the process id and the connection belong to it. [`child::transition_table`]
//!   prints it.
//! - The *account* ([`account`]): Pending, Running, BackingOff, Done, Held. Retries belong to it
//!   ([`decisions::attempt`]); which account is next is decided by [`pools`], whether any may start by [`breaker`].
//!
//! Around each is a thin task that waits and does what the machine says. What a child sends goes to a
//! [`JobSink`] that the caller makes for each attempt; this crate knows neither graphs nor fixcore.
//!
//! # Invariants
//!
//! - Only the fork server (`fork_server`) starts processes, and it is the parent of all of them; unsafe code is there and in
//!   `child/spawn.rs`. Signals are sent by `child/kill.rs`, and by the fork server when it sweeps.
//! - A process id is never signalled after it was reaped, and the group is swept before the leader is reaped.
//! - What a child has started ends with its attempt, and with the supervisor, whatever it has done to get away.
//! - Each job and each task ends exactly once, whatever happens to processes.
//! - When [`Fleet::run`] returns, no process of the run is left, but for those that survive SIGKILL.
//! - What a child prints is never protocol; what it sends is limited before it is read.
//!
//! # Use
//!
//! [`Fleet::run`] for the accounts of a run, [`Fleet::run_one`] for a single job with retries (Describe,
//! Accounts), [`Fleet::child`] for a process that lives through several jobs (Clean in passes).

pub mod account;
pub mod breaker;
mod check;
pub mod child;
mod fleet;
mod fork_server;
mod keys;
mod label;
pub mod pools;
mod random;
mod settings;
mod sink;
mod status;
pub mod walls;

pub use check::{self_check, self_check_memory};
pub use child::outcome::{Exit, Failure, Limit, Outcome, Subject};
pub use child::{Child, ChildEnd, ChildSpec, Completed, JobSpec};
pub use fleet::{
    Fleet, FleetEvent, NotCompleted, RunSpec, RunSummary, StopToken, Stopper, Task, TaskEnd, stopper,
};
pub use fork_server::{dismiss, prepare};
pub use keys::{Keys, Sealing};
pub use label::label;
pub use settings::Settings;
pub use sink::{JobSink, SinkError};
pub use status::{ChildStatus, JobStatus};
