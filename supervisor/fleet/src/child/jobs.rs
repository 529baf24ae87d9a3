//! The jobs of one process: what is open, what may be said about it, and when it is overdue. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ipc_proto::message::{JobId, Report};

/// Limits of a job, all measured while we read from the child.
#[derive(Debug, Clone, Copy)]
pub struct JobLimits {
    /// From Start to Ready.
    pub ready: Duration,
    /// Heartbeats whose work counter stands still, and no data.
    pub no_progress: Duration,
    /// How long one job of a shared child may take to answer a Cancel before the process goes.
    pub obey: Duration,
    /// One job at a time: an overdue job stops the process, so nobody waits for its answer.
    pub exclusive: bool,
}

/// Why a job is given up before the child answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// No Ready in time.
    Handshake,
    /// Nothing got done in time.
    NoProgress,
    /// Its time is used up.
    Deadline,
    /// Nobody waits for it any more.
    Abandoned,
    /// Our own trouble with its data.
    Host,
}

impl GivenUp {
    /// Whether a complete answer is still welcome: it was only late.
    fn only_late(self) -> bool {
        match self {
            Self::Handshake | Self::NoProgress | Self::Deadline => true,
            Self::Abandoned | Self::Host => false,
        }
    }
}

/// What to do with a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Hand it to the sink.
    Deliver,
    /// Nobody wants it any more.
    Discard,
    /// The child broke the protocol.
    Violation(String),
}

/// A job whose time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// It is given up now: cancel it.
    Late(JobId, GivenUp),
    /// It was cancelled and did not answer: the process must go.
    Disobeyed(JobId, GivenUp),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waits for the connection.
    Queued,
    /// Start was sent.
    Started { ready_by: Instant },
    /// Ready was received.
    Running { work: u64, progress_by: Instant },
    /// Cancelled; with a limit for the answer if the process is to live on.
    GivenUp { why: GivenUp, obey_by: Option<Instant> },
}

#[derive(Debug, Clone)]
struct Tracked {
    phase: Phase,
    deadline: Option<Instant>,
}

/// The open jobs of one process.
#[derive(Debug)]
pub struct Jobs {
    limits: JobLimits,
    open: BTreeMap<JobId, Tracked>,
    last: u32,
}

impl Jobs {
    /// No job yet.
    pub fn new(limits: JobLimits) -> Self {
        Self { limits, open: BTreeMap::new(), last: 0 }
    }

    /// Whether there ever was one.
    pub fn any(&self) -> bool {
        self.last > 0
    }

    /// Takes in a job that may run for `time` from now on.
    pub fn open(&mut self, time: Option<Duration>, now: Instant) -> JobId {
        self.last += 1;
        let id = JobId(self.last);
        let deadline = time.and_then(|time| now.checked_add(time));
        self.open.insert(id, Tracked { phase: Phase::Queued, deadline });
        id
    }

    /// Start goes out now. The time left for the job, which Start carries.
    pub fn start(&mut self, id: JobId, now: Instant) -> Option<Duration> {
        let job = self.open.get_mut(&id)?;
        job.phase = Phase::Started { ready_by: now + self.limits.ready };
        job.deadline.map(|at| at.saturating_duration_since(now))
    }

    /// Jobs that wait for their Start, in order.
    pub fn queued(&self) -> Vec<JobId> {
        let queued = self.open.iter().filter(|(_, job)| job.phase == Phase::Queued);
        queued.map(|(id, _)| *id).collect()
    }

    /// Why an open job was given up, if it was.
    pub fn why_given_up(&self, id: JobId) -> Option<GivenUp> {
        match self.open.get(&id)?.phase {
            Phase::GivenUp { why, .. } => Some(why),
            Phase::Queued | Phase::Started { .. } | Phase::Running { .. } => None,
        }
    }

    /// Gives a job up; the first reason is kept.
    pub fn give_up(&mut self, id: JobId, why: GivenUp, now: Instant) {
        let obey_by = (!self.limits.exclusive).then(|| now + self.limits.obey);
        if let Some(job) = self.open.get_mut(&id)
            && !matches!(job.phase, Phase::GivenUp { .. })
        {
            job.phase = Phase::GivenUp { why, obey_by };
        }
    }

    /// The job is over, whatever its end.
    pub fn close(&mut self, id: JobId) {
        self.open.remove(&id);
    }

    /// Judges a report and keeps the clocks of its job.
    pub fn hear(&mut self, id: JobId, report: &Report<'_>, now: Instant) -> Verdict {
        let Some(job) = self.open.get_mut(&id) else {
            return self.hear_of_closed(id, report);
        };
        let violation = |how: &str| Verdict::Violation(format!("sent {} {how}", name(report)));
        match &mut job.phase {
            Phase::Queued => violation("about a job that was not started"),
            Phase::GivenUp { why, .. } => match report {
                Report::Done(_) | Report::Fatal(_) => Verdict::Deliver,
                _ if why.only_late() => Verdict::Deliver,
                _ => Verdict::Discard,
            },
            phase @ Phase::Started { .. } => match report {
                Report::Ready => {
                    *phase = Phase::Running { work: 0, progress_by: now + self.limits.no_progress };
                    Verdict::Deliver
                }
                Report::Heartbeat(_) | Report::Progress(_) | Report::Fault(_) | Report::Fatal(_) => {
                    Verdict::Deliver
                }
                Report::Denied(_)
                | Report::Brokering(_)
                | Report::Sealed(_)
                | Report::Renew
                | Report::Described(_)
                | Report::Accounts(_)
                | Report::Chunk(_)
                | Report::Done(_)
                | Report::Cleaned(_)
                | Report::Tagged(_)
                | Report::Output(_) => violation("before Ready"),
            },
            Phase::Running { work, progress_by } => {
                let progress = match report {
                    Report::Ready => return violation("twice"),
                    Report::Heartbeat(beat) => std::mem::replace(work, beat.work) != beat.work,
                    Report::Described(_)
                    | Report::Brokering(_)
                    | Report::Sealed(_)
                    | Report::Accounts(_)
                    | Report::Chunk(_)
                    | Report::Cleaned(_)
                    | Report::Tagged(_)
                    | Report::Output(_) => true,
                    Report::Progress(_)
                    | Report::Fault(_)
                    | Report::Denied(_)
                    | Report::Renew
                    | Report::Done(_)
                    | Report::Fatal(_) => false,
                };
                if progress {
                    *progress_by = now + self.limits.no_progress;
                }
                Verdict::Deliver
            }
        }
    }

    /// A heartbeat may cross the Done of its job, because a thread of its own sends it; nothing else may.
    fn hear_of_closed(&self, id: JobId, report: &Report<'_>) -> Verdict {
        let known = id.0 >= 1 && id.0 <= self.last;
        match report {
            Report::Heartbeat(_) if known => Verdict::Discard,
            _ if known => Verdict::Violation(format!("sent {} about a job that had ended", name(report))),
            _ => {
                Verdict::Violation(format!("sent {} about job {}, which does not exist", name(report), id.0))
            }
        }
    }

    /// We did not read for `pause`: no clock of a child ran in that time.
    pub fn shift(&mut self, pause: Duration) {
        for job in self.open.values_mut() {
            if let Some(deadline) = &mut job.deadline {
                *deadline += pause;
            }
            match &mut job.phase {
                Phase::Started { ready_by: at }
                | Phase::Running { progress_by: at, .. }
                | Phase::GivenUp { obey_by: Some(at), .. } => *at += pause,
                Phase::Queued | Phase::GivenUp { obey_by: None, .. } => {}
            }
        }
    }

    /// When the next job is overdue.
    pub fn due(&self) -> Option<Instant> {
        self.open.values().filter_map(Tracked::next).map(|(at, _)| at).min()
    }

    /// The jobs that are overdue, each once for each reason. Late jobs are given up by this call.
    pub fn overdue(&mut self, now: Instant) -> Vec<Overdue> {
        let mut overdue = Vec::new();
        let late: Vec<_> = self
            .open
            .iter()
            .filter_map(|(id, job)| job.next().filter(|(at, _)| *at <= now).map(|(_, why)| (*id, why)))
            .collect();
        for (id, why) in late {
            if self.why_given_up(id).is_some() {
                overdue.push(Overdue::Disobeyed(id, why));
                if let Some(job) = self.open.get_mut(&id) {
                    job.phase = Phase::GivenUp { why, obey_by: None };
                }
            } else {
                overdue.push(Overdue::Late(id, why));
                self.give_up(id, why, now);
            }
        }
        overdue
    }
}

impl Tracked {
    fn next(&self) -> Option<(Instant, GivenUp)> {
        let by_phase = match self.phase {
            Phase::Queued => None,
            Phase::Started { ready_by } => Some((ready_by, GivenUp::Handshake)),
            Phase::Running { progress_by, .. } => Some((progress_by, GivenUp::NoProgress)),
            Phase::GivenUp { why, obey_by } => return obey_by.map(|at| (at, why)),
        };
        let by_deadline = self.deadline.map(|at| (at, GivenUp::Deadline));
        // The deadline is named when both fall together: it is not retried.
        [by_deadline, by_phase].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

fn name(report: &Report<'_>) -> &'static str {
    match report {
        Report::Ready => "Ready",
        Report::Heartbeat(_) => "Heartbeat",
        Report::Described(_) => "Described",
        Report::Accounts(_) => "Accounts",
        Report::Chunk(_) => "Chunk",
        Report::Progress(_) => "Progress",
        Report::Fault(_) => "Fault",
        Report::Done(_) => "Done",
        Report::Fatal(_) => "Fatal",
        Report::Cleaned(_) => "Cleaned",
        Report::Tagged(_) => "Tagged",
        Report::Output(_) => "Output",
        Report::Denied(_) => "Denied",
        Report::Brokering(_) => "Brokering",
        Report::Sealed(_) => "Sealed",
        Report::Renew => "Renew",
    }
}
