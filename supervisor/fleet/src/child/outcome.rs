//! How an attempt failed, and the words for people.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use decisions::attempt::Class;
use ipc_proto::account::AccountName;
use ipc_proto::exit_code::ExitCode;
use ipc_proto::fault::{Fault, FaultSource};
use nix::libc;
use nix::sys::signal::Signal;

use super::error::SpawnError;
use super::state::{Stage, State};

/// Whom an attempt was about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// Name of the collector, unless the job is about none (Describe).
    pub collector: Option<String>,
    /// The account, unless the job is about the collector as a whole.
    pub account: Option<AccountName>,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.collector, &self.account) {
            (Some(collector), Some(account)) => {
                write!(f, "account {} of collector {collector}", account.title())
            }
            (Some(collector), None) => write!(f, "collector {collector}"),
            (None, _) => f.write_str("the collectors"),
        }
    }
}

/// How a process ended, as the operating system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Code(code) => match ExitCode::from_code(code) {
                Some(known) => write!(f, "exit code {code} ({})", known.meaning()),
                None => write!(f, "exit code {code}"),
            },
            Self::Signal(number) => match Signal::try_from(number) {
                Ok(signal) => write!(f, "{}", signal.as_str()),
                Err(_) => write!(f, "signal {number}"),
            },
        }
    }
}

/// Which limit of time was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Spawn, or Start, to Ready.
    Handshake,
    /// No frame.
    Stall,
    /// Nothing done.
    NoProgress,
    /// The time of the attempt.
    Deadline,
}

/// Why an attempt failed.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The process could not be started.
    SpawnFailed(Arc<SpawnError>),
    /// No common message version; the sentence names both builds.
    Version(String),
    /// The child said so itself, with Fatal.
    Fatal(Fault),
    /// The child broke the protocol or sent what it must not send.
    Violation(String),
    /// The process ended by itself before the job was done.
    Exited(i32),
    /// Somebody else, or a bug, ended the process.
    Signaled(i32),
    /// It used too much memory, or was most likely killed for that.
    OutOfMemory,
    /// It was too slow.
    TimedOut(Limit, Duration),
    /// The attempt was called off.
    Cancelled(String),
    /// Our own trouble.
    Host(String),
    /// The process ended for the sake of another job that it served.
    Collateral(String),
    /// Whoever makes its credentials did not, so it was not begun; why.
    NoCredentials(String),
    /// The process survived SIGKILL.
    Unkillable,
}

impl Outcome {
    /// The row of the policy table.
    pub fn class(&self) -> Class {
        match self {
            Self::SpawnFailed(_)
            | Self::Violation(_)
            | Self::Signaled(_)
            | Self::TimedOut(Limit::Handshake | Limit::Stall | Limit::NoProgress, _)
            | Self::Host(_)
            | Self::Collateral(_)
            | Self::NoCredentials(_) => Class::Passing,
            Self::Version(_) => Class::Lasting,
            Self::Fatal(fault) => Class::of_fault(fault),
            Self::Exited(code) => Class::of_exit_code(ExitCode::from_code(*code)),
            Self::OutOfMemory => Class::OutOfMemory,
            Self::TimedOut(Limit::Deadline, _) => Class::Deadline,
            Self::Cancelled(_) => Class::Cancelled,
            Self::Unkillable => Class::Unkillable,
        }
    }

    /// A stable name for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SpawnFailed(_) => "spawn_failed",
            Self::Version(_) => "version",
            Self::Fatal(fault) => fault.kind.name(),
            Self::Violation(_) => "protocol_violation",
            Self::Exited(code) => match ExitCode::from_code(*code) {
                Some(ExitCode::Config) => "config",
                Some(ExitCode::Credentials) => "credentials",
                _ => "exited",
            },
            Self::Signaled(_) => "killed",
            Self::OutOfMemory => "out_of_memory",
            Self::TimedOut(Limit::Handshake, _) => "handshake_timeout",
            Self::TimedOut(Limit::Stall, _) => "stalled",
            Self::TimedOut(Limit::NoProgress, _) => "no_progress",
            Self::TimedOut(Limit::Deadline, _) => "deadline",
            Self::Cancelled(_) => "cancelled",
            Self::Host(_) => "host",
            Self::Collateral(_) => "collateral",
            Self::NoCredentials(_) => "no_credentials",
            Self::Unkillable => "unkillable",
        }
    }
}

/// A failed attempt, with everything that helps to find out why.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Why it failed.
    pub outcome: Outcome,
    /// Whom it was about.
    pub subject: Subject,
    /// Counts from 1.
    pub attempt: u32,
    /// The process, if there was one.
    pub pid: Option<i32>,
    /// Where the process was when the trouble began.
    pub state: State,
    /// The hardest stage of stopping that was needed.
    pub stage: Option<Stage>,
    /// Whether the child had said Ready about the job.
    pub ready: bool,
    /// What the last heartbeat named as the current step.
    pub step: Option<String>,
    /// How the process ended; `None` if it lives on (a shared child) or never was.
    pub exit: Option<Exit>,
    /// The last known resident memory, in bytes.
    pub last_rss: Option<u64>,
    /// The highest known resident memory, in bytes.
    pub peak_rss: Option<u64>,
    /// The memory limit that was in force, in bytes.
    pub memory_limit: Option<u64>,
    /// Since the attempt began.
    pub elapsed: Duration,
    /// The last lines of standard error.
    pub stderr: Vec<String>,
}

impl Failure {
    /// One phrase: what happened. Fits after "attempt 2 failed: ".
    pub fn message(&self) -> String {
        match &self.outcome {
            Outcome::SpawnFailed(error) => error.to_string(),
            Outcome::Version(text) => text.clone(),
            Outcome::Fatal(fault) => fault.message.clone(),
            Outcome::Violation(what) => format!("the child broke the protocol: it {what}"),
            Outcome::Exited(code) => {
                format!("the child ended before the job was done, with {}", Exit::Code(*code))
            }
            Outcome::Signaled(signal) => format!("the child was killed by {}", Exit::Signal(*signal)),
            Outcome::OutOfMemory => self.out_of_memory(),
            Outcome::TimedOut(limit, after) => timed_out(*limit, *after),
            Outcome::Cancelled(why) => format!("cancelled: {why}"),
            Outcome::Host(what) => what.clone(),
            Outcome::Collateral(why) => format!("the process that several jobs shared had to end: {why}"),
            Outcome::NoCredentials(why) => format!("no credentials were made for it: {why}"),
            Outcome::Unkillable => "the child survived SIGKILL, it hangs in the kernel".to_owned(),
        }
    }

    fn out_of_memory(&self) -> String {
        let last = self.last_rss.or(self.peak_rss).map(mebibytes);
        let last = last.map_or(String::new(), |rss| format!("; its last resident memory was {rss}"));
        match self.memory_limit {
            Some(limit) => format!("killed, likely out of memory (the limit is {}){last}", mebibytes(limit)),
            None => format!("killed, likely out of memory{last}"),
        }
    }

    /// What to do about it, if there is something.
    pub fn hint(&self) -> Option<String> {
        let text = match &self.outcome {
            Outcome::SpawnFailed(error) => return error.hint(),
            Outcome::Fatal(fault) => return fault.hint.clone(),
            Outcome::Version(_) => "install fixworker and fix-collector of the same release",
            Outcome::OutOfMemory if self.memory_limit.is_some() => {
                "raise supervisor.child_memory_limit_mb, or lower the pool size of the collector"
            }
            Outcome::OutOfMemory => "give the host more memory, or lower the pool sizes",
            Outcome::TimedOut(Limit::Handshake, _) => {
                "if the host is only slow, raise supervisor.handshake_timeout"
            }
            Outcome::TimedOut(Limit::Stall, _) => "if the host is only slow, raise supervisor.stall_timeout",
            Outcome::TimedOut(Limit::NoProgress, _) => {
                "if single calls really take that long, raise supervisor.no_progress_timeout"
            }
            Outcome::TimedOut(Limit::Deadline, _) => {
                "raise supervisor.account_timeout (and fixworker.timeout) if the account is that large"
            }
            Outcome::Exited(code) => match ExitCode::from_code(*code) {
                Some(ExitCode::Credentials) => "check the credentials of the account",
                Some(ExitCode::Config) => "check the config section of the collector",
                Some(ExitCode::Protocol) => "install fixworker and fix-collector of the same release",
                Some(
                    ExitCode::Done
                    | ExitCode::Usage
                    | ExitCode::Internal
                    | ExitCode::TryAgain
                    | ExitCode::DoneWithFaults,
                )
                | None => return None,
            },
            Outcome::Unkillable => {
                "look at the process in `ps`, most often a dead network file system holds it"
            }
            Outcome::Violation(_)
            | Outcome::Signaled(_)
            | Outcome::Cancelled(_)
            | Outcome::Host(_)
            | Outcome::Collateral(_)
            | Outcome::NoCredentials(_) => return None,
        };
        Some(text.to_owned())
    }

    /// Whether the user has to act before this can work.
    pub fn is_users(&self) -> bool {
        matches!(&self.outcome, Outcome::Fatal(fault) if fault.source == FaultSource::User)
            || matches!(self.outcome.kind(), "config" | "credentials")
    }

    /// The whole story in several lines, for the log.
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        if let Some(hint) = self.hint() {
            push(&mut text, "hint", &hint);
        }
        let mut facts = format!("{} after {:.1} s", self.state.name(), self.elapsed.as_secs_f64());
        for (name, fact) in [
            ("pid", self.pid.map(|pid| pid.to_string())),
            ("step", self.step.clone().filter(|step| !step.is_empty())),
            ("ended by", self.exit.map(|exit| exit.to_string())),
            ("peak memory", self.peak_rss.map(mebibytes)),
        ] {
            if let Some(fact) = fact {
                let _infallible = write!(facts, ", {name} {fact}");
            }
        }
        push(&mut text, "state", &facts);
        for line in &self.stderr {
            push(&mut text, "stderr", line);
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: attempt {} failed: {}", self.subject, self.attempt, self.message())
    }
}

impl std::error::Error for Failure {}

fn push(text: &mut String, name: &str, line: &str) {
    text.push_str("\n  ");
    text.push_str(name);
    text.push_str(": ");
    text.push_str(line);
}

fn timed_out(limit: Limit, after: Duration) -> String {
    let after = format!("{} s", after.as_secs_f64());
    match limit {
        Limit::Handshake => format!("the child was not ready within {after}"),
        Limit::Stall => format!("the child sent nothing for {after}"),
        Limit::NoProgress => format!("the child was alive but got nothing done for {after}"),
        Limit::Deadline => format!("the time of {after} for one attempt is used up"),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// Whether the standard error of a process that aborted says that an allocation failed.
pub(crate) fn ran_out_of_memory(exit: Exit, stderr: &[String]) -> bool {
    exit == Exit::Signal(libc::SIGABRT)
        && stderr.iter().any(|line| line.contains("memory allocation of ") && line.contains("failed"))
}
