//! What is known about one process and its trouble, and the failure that each of its jobs gets from it.

use std::sync::Arc;
use std::time::Duration;

use ipc_proto::exit_code::ExitCode;
use ipc_proto::message::JobId;
use nix::libc;
use nix::unistd::Pid;

use super::ChildEnd;
use super::error::SpawnError;
use super::jobs::GivenUp;
use super::logs::Tail;
use super::outcome::{Exit, Failure, Limit, Outcome, Subject, ran_out_of_memory};
use super::procfs::Memory;
use super::state::{Ending, Machine, Stage, State, StopReason};
use crate::settings::Settings;

/// Facts about one process, collected while it lives.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) pid: Option<Pid>,
    /// The process on the socket.
    pub(super) speaker: Option<Pid>,
    pub(super) tail: Tail,
    pub(super) exit: Option<Exit>,
    pub(super) spawn_error: Option<Arc<SpawnError>>,
    /// How the connection ended, if it ended too early.
    pub(super) link_lost: Option<String>,
    blame: Option<Blame>,
    memory: Option<Memory>,
    memory_limit: Option<u64>,
    spawn: Duration,
    handshake: Duration,
    stall: Duration,
    no_progress: Duration,
}

/// What is known about a job that fails.
pub(super) struct Case<'a> {
    pub(super) id: Option<JobId>,
    /// Why it was given up, if it was.
    pub(super) why: Option<GivenUp>,
    /// Whether the process had no other job: then what happens to the process is the doing of this one.
    pub(super) alone: bool,
    pub(super) subject: &'a Subject,
    pub(super) attempt: u32,
    pub(super) ready: bool,
    pub(super) step: Option<&'a str>,
    pub(super) elapsed: Duration,
    pub(super) deadline: Duration,
    pub(super) host_error: &'a str,
}

/// Why the process was stopped, and for the sake of which job.
#[derive(Debug)]
struct Blame {
    detail: String,
    culprit: Option<(JobId, Subject)>,
}

impl Story {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            pid: None,
            speaker: None,
            tail: Tail::default(),
            exit: None,
            spawn_error: None,
            link_lost: None,
            blame: None,
            memory: None,
            memory_limit: settings.memory_limit,
            spawn: settings.spawn_timeout,
            handshake: settings.handshake_timeout,
            stall: settings.stall_timeout,
            no_progress: settings.no_progress_timeout,
        }
    }

    /// Keeps why the process is stopped; called for the first reason only.
    pub(super) fn blame(&mut self, detail: String, culprit: Option<(JobId, Subject)>) {
        self.blame = Some(Blame { detail, culprit });
    }

    /// A heartbeat told the resident memory.
    pub(super) fn heard_of_memory(&mut self, resident: u64) {
        self.saw_memory(Memory { resident, peak: resident });
    }

    /// The kernel told the memory.
    pub(super) fn saw_memory(&mut self, memory: Memory) {
        let peak = self.memory.map_or(0, |before| before.peak).max(memory.peak);
        self.memory = Some(Memory { resident: memory.resident, peak });
    }

    pub(super) fn last_rss(&self) -> Option<u64> {
        self.memory.map(|memory| memory.resident)
    }

    pub(super) fn peak_rss(&self) -> Option<u64> {
        self.memory.map(|memory| memory.peak)
    }

    /// What the child is told with a Cancel.
    pub(super) fn cancel_reason(&self, why: Option<GivenUp>) -> String {
        match why {
            Some(GivenUp::Handshake) => "it was not ready in time".to_owned(),
            Some(GivenUp::NoProgress) => "it got nothing done in time".to_owned(),
            Some(GivenUp::Deadline) => "its time is used up".to_owned(),
            Some(GivenUp::Abandoned) => "nobody waits for it any more".to_owned(),
            Some(GivenUp::Host) => "its data cannot be taken in".to_owned(),
            None => match &self.blame {
                Some(Blame { detail, .. }) if !detail.is_empty() => detail.clone(),
                Some(_) | None => "the supervisor stops it".to_owned(),
            },
        }
    }

    /// Whether even a complete answer is not wanted any more. After a timeout it still is.
    pub(super) fn was_called_off(machine: &Machine, why: Option<GivenUp>) -> bool {
        matches!(why, Some(GivenUp::Abandoned | GivenUp::Host))
            || matches!(
                machine.stop(),
                Some(StopReason::Requested | StopReason::Violation | StopReason::Rejected | StopReason::Host)
            )
    }

    /// Why a job fails that was given up, or whose process is stopped or has ended.
    pub(super) fn outcome(&self, machine: &Machine, case: &Case<'_>) -> Outcome {
        if machine.state() == State::Ended(Ending::Unkillable) {
            return Outcome::Unkillable;
        }
        match (case.why, machine.stop()) {
            (Some(why), _) => self.given_up(why, case),
            (None, Some(reason)) => self.stopped(machine, reason, case),
            (None, None) => self.ended_by_itself(case),
        }
    }

    fn given_up(&self, why: GivenUp, case: &Case<'_>) -> Outcome {
        match why {
            GivenUp::Handshake => Outcome::TimedOut(Limit::Handshake, self.handshake),
            GivenUp::NoProgress => Outcome::TimedOut(Limit::NoProgress, self.no_progress),
            GivenUp::Deadline => Outcome::TimedOut(Limit::Deadline, case.deadline),
            GivenUp::Abandoned => Outcome::Cancelled(self.cancel_reason(Some(why))),
            GivenUp::Host => Outcome::Host(case.host_error.to_owned()),
        }
    }

    fn stopped(&self, machine: &Machine, reason: StopReason, case: &Case<'_>) -> Outcome {
        let culprit = self.blame.as_ref().and_then(|blame| blame.culprit.as_ref());
        if let Some((_, subject)) = culprit.filter(|(culprit, _)| Some(*culprit) != case.id) {
            return Outcome::Collateral(format!("{subject}: {}", self.cancel_reason(None)));
        }
        match reason {
            StopReason::Requested => Outcome::Cancelled(self.cancel_reason(None)),
            StopReason::Violation => Outcome::Violation(self.cancel_reason(None)),
            StopReason::Rejected => Outcome::Version(self.cancel_reason(None)),
            StopReason::Handshake => Outcome::TimedOut(Limit::Handshake, self.handshake),
            StopReason::Stall => Outcome::TimedOut(Limit::Stall, self.stall),
            StopReason::NoProgress => Outcome::TimedOut(Limit::NoProgress, self.no_progress),
            StopReason::Deadline => Outcome::TimedOut(Limit::Deadline, case.deadline),
            StopReason::Memory => out_of_memory(case),
            StopReason::Host => Outcome::Host(case.host_error.to_owned()),
            // It went by itself, and the end of the connection was only the first sign of it.
            StopReason::LinkLost if machine.stage() <= Some(Stage::Asked) => self.ended_by_itself(case),
            StopReason::LinkLost => {
                let how = self.link_lost.as_deref().unwrap_or("lost its connection");
                Outcome::Violation(format!("{how} and went on running"))
            }
            StopReason::Lingered => Outcome::Violation("did not end".to_owned()),
        }
    }

    fn ended_by_itself(&self, case: &Case<'_>) -> Outcome {
        match self.exit {
            Some(Exit::Code(code)) => Outcome::Exited(code),
            Some(Exit::Signal(libc::SIGKILL)) => out_of_memory(case),
            Some(exit) if ran_out_of_memory(exit, &self.tail.lines()) => out_of_memory(case),
            Some(Exit::Signal(signal)) => Outcome::Signaled(signal),
            None => match (&self.spawn_error, self.pid) {
                (Some(error), _) => Outcome::SpawnFailed(Arc::clone(error)),
                (None, None) => Outcome::SpawnFailed(Arc::new(SpawnError::Slow(self.spawn))),
                (None, Some(_)) => Outcome::Host("the exit status of the child is lost".to_owned()),
            },
        }
    }

    /// The failure of one job.
    pub(super) fn failure(&self, machine: &Machine, case: &Case<'_>, outcome: Outcome) -> Failure {
        let at_end = matches!(machine.state(), State::Ended(_));
        let stopped = machine.stop().is_some();
        Failure {
            outcome,
            subject: case.subject.clone(),
            attempt: case.attempt,
            pid: self.pid.map(Pid::as_raw),
            state: if at_end || stopped { machine.died_in() } else { machine.state() },
            stage: machine.stage(),
            ready: case.ready,
            step: case.step.map(ToOwned::to_owned),
            exit: self.exit,
            last_rss: self.last_rss(),
            peak_rss: self.peak_rss(),
            memory_limit: self.memory_limit,
            elapsed: case.elapsed,
            stderr: self.tail.lines(),
        }
    }

    /// What a job would get that came too late for a process which never served any.
    pub(super) fn epitaph(&self, machine: &Machine) -> Box<Failure> {
        let case = Case {
            id: None,
            why: None,
            alone: true,
            subject: &Subject::default(),
            attempt: 1,
            ready: false,
            step: None,
            elapsed: Duration::ZERO,
            deadline: Duration::ZERO,
            host_error: "",
        };
        Box::new(self.failure(machine, &case, self.outcome(machine, &case)))
    }

    /// How the process ended.
    pub(super) fn end(&self, machine: &Machine) -> ChildEnd {
        let ending = match machine.state() {
            State::Ended(ending) => ending,
            State::Spawning
            | State::Handshaking
            | State::Collecting
            | State::Draining
            | State::Stopping(_)
            | State::Sweeping => Ending::Exited,
        };
        ChildEnd {
            pid: self.pid.map(Pid::as_raw),
            ending,
            exit: self.exit,
            stop: machine.stop(),
            stage: machine.stage(),
            leaked: machine.leaked(),
            epitaph: None,
        }
    }

    /// An exit that was expected but did not go well: nothing is lost, somebody should know.
    pub(super) fn is_odd_exit(machine: &Machine, end: &ChildEnd) -> bool {
        let fine = [ExitCode::Done, ExitCode::DoneWithFaults].map(|code| Exit::Code(code.code().into()));
        machine.died_in() == State::Draining && end.exit.is_some_and(|exit| !fine.contains(&exit))
    }
}

/// Among several jobs of a process nobody knows which one took the memory.
fn out_of_memory(case: &Case<'_>) -> Outcome {
    if case.alone {
        Outcome::OutOfMemory
    } else {
        Outcome::Collateral("killed, likely out of memory".to_owned())
    }
}
