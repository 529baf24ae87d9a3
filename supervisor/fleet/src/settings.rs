//! What the fleet needs to know, with the defaults of the config section `supervisor`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use decisions::attempt::Policy;

use crate::child::state;
use crate::walls::Walls;

/// Settings of the fleet. All numbers are validated by whoever reads the config; zero durations are allowed
/// and mean "at once".
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program of the children, `fix-collector` unless `--collector-bin` names another.
    pub binary: PathBuf,
    /// Name and version of this build, for the sentence about a version mismatch.
    pub build: String,
    /// `max_attempts`: attempts per account and run, at least 1.
    pub max_attempts: u32,
    /// `handshake_timeout`: from the spawn to the first Ready.
    pub handshake_timeout: Duration,
    /// `stall_timeout`: time without any frame while a job is open.
    pub stall_timeout: Duration,
    /// `no_progress_timeout`: time in which heartbeats come but their work counter stands still.
    pub no_progress_timeout: Duration,
    /// `grace`: from SIGTERM to SIGKILL; zero is SIGKILL at once.
    pub grace: Duration,
    /// `backoff_initial`: the pause after the first failed attempt, doubled with each further one.
    pub backoff_initial: Duration,
    /// `backoff_max`: the longest pause between attempts.
    pub backoff_max: Duration,
    /// `child_memory_limit_mb`, in bytes: watched once a second, with `RLIMIT_DATA` as the backstop.
    pub memory_limit: Option<u64>,
    /// `child_nice`: added to the niceness of this process.
    pub nice: i32,
    /// `max_children`: processes at once over all collectors.
    pub max_children: Option<usize>,
    /// How often a child sends a heartbeat for each open job.
    pub heartbeat: Duration,
    /// How long the operating system may take to start a process.
    pub spawn_timeout: Duration,
    /// From Cancel to SIGTERM.
    pub asked_timeout: Duration,
    /// From SIGKILL until the process counts as unkillable.
    pub killed_timeout: Duration,
    /// From the last Done until the process must have ended by itself.
    pub drain_timeout: Duration,
    /// How long output of a dead child may be held open by others.
    pub sweep_timeout: Duration,
    /// How often the resident memory of a child is looked at.
    pub memory_interval: Duration,
    /// How many children may be on their way from spawn to Ready at once.
    pub max_starting: usize,
    /// Open files a child may have.
    pub open_files: u64,
    /// `sandbox`, `child_paths`, `child_namespace`, and what collectors declare: what children may reach.
    pub walls: Arc<Walls>,
    /// Different accounts in a row that fail before Ready until the breaker opens.
    pub breaker_threshold: usize,
    /// How long an open breaker stops spawning.
    pub breaker_pause: Duration,
}

impl Settings {
    /// The documented defaults.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            build: concat!("fixworker ", env!("CARGO_PKG_VERSION")).to_owned(),
            max_attempts: 3,
            handshake_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_mins(1),
            no_progress_timeout: Duration::from_mins(30),
            grace: Duration::from_secs(10),
            backoff_initial: Duration::from_secs(1),
            backoff_max: Duration::from_mins(5),
            memory_limit: None,
            nice: 5,
            max_children: None,
            heartbeat: Duration::from_secs(5),
            spawn_timeout: Duration::from_secs(5),
            asked_timeout: Duration::from_secs(2),
            killed_timeout: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(5),
            sweep_timeout: Duration::from_millis(200),
            memory_interval: Duration::from_secs(1),
            max_starting: 8,
            open_files: 4096,
            walls: Arc::default(),
            breaker_threshold: 3,
            breaker_pause: Duration::from_mins(1),
        }
    }

    /// The part that the retry policy needs.
    pub fn policy(&self) -> Policy {
        Policy {
            max_attempts: self.max_attempts.max(1),
            backoff_initial: self.backoff_initial,
            backoff_max: self.backoff_max,
        }
    }

    /// The timers of one process.
    pub(crate) fn limits(&self) -> state::Limits {
        state::Limits {
            spawn: self.spawn_timeout,
            handshake: self.handshake_timeout,
            stall: self.stall_timeout,
            drain: self.drain_timeout,
            asked: self.asked_timeout,
            grace: self.grace,
            killed: self.killed_timeout,
            sweep: self.sweep_timeout,
        }
    }
}
