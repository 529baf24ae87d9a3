//! One child process: started, spoken with, timed, stopped, and accounted for.
//!
//! [`state`] and [`jobs`] decide, in plain functions; `task` feeds them and does what they say, with `spawn`
//! (asks for processes), `link` (the connection), `kill` (signals) and `logs` (output). [`outcome`] says how
//! it ended; `fate` finds it out.

mod border;
mod clock;
mod environment;
pub mod error;
mod event;
mod fate;
pub mod jobs;
mod kill;
mod lazy;
mod link;
mod logs;
pub mod outcome;
mod procfs;
pub(crate) mod spawn;
pub mod state;
mod table;
mod task;

#[cfg(test)]
mod jobs_tests;
#[cfg(test)]
mod outcome_tests;
#[cfg(test)]
mod state_tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipc_proto::job::{Job, Variable};
use ipc_proto::message::{Done, Report};
use tokio::sync::{mpsc, oneshot, watch};

pub use self::table::transition_table;

/// The variables of this process that every child gets.
pub(crate) fn passing_environment() -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    environment::passing(std::env::vars_os())
}

use self::outcome::{Exit, Failure, Outcome, Subject};
use self::state::{Ending, Stage, State, StopReason, Urgency};
use crate::keys::{self, Keys};
use crate::settings::Settings;
use crate::sink::{JobSink, SinkError};
use crate::status::Registry;

/// What kind of process to start.
#[derive(Debug, Clone, Default)]
pub struct ChildSpec {
    /// Whom it serves; goes into the label.
    pub subject: Subject,
    /// Whether it serves several jobs at once. An overdue job of such a process is cancelled by itself; in a
    /// process of its own it takes the process with it.
    pub shared: bool,
    /// It has the credentials of one account and nothing that leads to others: narrower walls, and jobs with
    /// [`JobSpec::keys`] only. It is started when it gets its first job.
    pub sealed: bool,
}

/// One job for a child.
#[derive(Debug, Clone)]
pub struct JobSpec {
    /// What to do.
    pub job: Job,
    /// Environment variables for the child; sent with the first job of a process only.
    pub environment: Vec<Variable>,
    /// How long the attempt may take; `None` is no limit.
    pub deadline: Option<Duration>,
    /// Whom it is about, for reports.
    pub subject: Subject,
    /// Which attempt it is, from 1, for reports.
    pub attempt: u32,
    /// Where its credentials come from, if it has some of its own.
    pub keys: Option<Arc<dyn Keys>>,
}

/// A job that ended well: Done was received and the sink agreed with its totals.
#[derive(Debug)]
pub struct Completed<S> {
    /// The totals, and how many faults were reported.
    pub done: Done,
    /// The sink with everything it took in.
    pub sink: S,
    /// Which attempt it was.
    pub attempt: u32,
    /// The process that did it.
    pub pid: Option<i32>,
    /// The highest known resident memory of the process, in bytes.
    pub peak_rss: Option<u64>,
    /// How long the attempt took.
    pub elapsed: Duration,
}

/// How a process ended.
#[derive(Debug, Clone)]
pub struct ChildEnd {
    /// The process, if it was started.
    pub pid: Option<i32>,
    /// Whether it ended at all.
    pub ending: Ending,
    /// Exit code or signal, if it was reaped.
    pub exit: Option<Exit>,
    /// Why it was stopped, if it did not go by itself.
    pub stop: Option<StopReason>,
    /// The hardest stage of stopping that was needed.
    pub stage: Option<Stage>,
    /// Whether processes outside its group held its output open.
    pub leaked: bool,
    /// What a job gets that came too late for a process which never served any.
    epitaph: Option<Box<Failure>>,
}

impl ChildEnd {
    fn failure_of_late_job(&self, subject: &Subject, attempt: u32) -> Failure {
        match &self.epitaph {
            Some(epitaph) => Failure { subject: subject.clone(), attempt, ..Failure::clone(epitaph) },
            None => gone(subject, attempt),
        }
    }
}

/// A handle to one process. Dropping it without [`Child::close`] stops the process stage by stage.
#[derive(Debug)]
pub struct Child {
    commands: mpsc::UnboundedSender<Command>,
    ended: watch::Receiver<Option<ChildEnd>>,
    accepts: Arc<AtomicBool>,
}

enum Command {
    Run(Box<JobSpec>, Box<dyn OpenJob>),
    Stop(String, Urgency),
    Close,
}

impl Child {
    /// Starts a process in the background. Must be called within a tokio runtime.
    pub(crate) fn start(spec: ChildSpec, settings: Arc<Settings>, registry: &Registry) -> Self {
        let (commands, receiver) = mpsc::unbounded_channel();
        let (publish, ended) = watch::channel(None);
        let accepts = Arc::new(AtomicBool::new(true));
        if spec.sealed {
            let (registry, accepts) = (registry.clone(), Arc::clone(&accepts));
            tokio::spawn(async move {
                let end = live_for_a_job(spec, settings, &registry, receiver, accepts).await;
                publish.send_replace(Some(end));
            });
        } else {
            let task = task::Task::new(spec, settings, registry, receiver, Arc::clone(&accepts));
            tokio::spawn(async move {
                let end = task.live().await;
                publish.send_replace(Some(end));
            });
        }
        Self { commands, ended, accepts }
    }

    /// Runs one job. A shared child takes several at once, others should get one after the other.
    ///
    /// Dropping the future gives the job up.
    pub async fn run<S: JobSink>(&self, mut spec: JobSpec, sink: S) -> Result<Completed<S>, Box<Failure>> {
        let (reply, receiver) = oneshot::channel();
        let (subject, attempt) = (spec.subject.clone(), spec.attempt);
        if let Some(keys) = spec.keys.clone() {
            spec = tokio::select! {
                sealed = keys::sealed(spec, keys) => sealed?,
                end = self.ended() => return Err(Box::new(end.failure_of_late_job(&subject, attempt))),
            };
        }
        let job = Box::new(Running { sink, reply });
        if self.commands.send(Command::Run(Box::new(spec), job)).is_ok()
            && let Ok(result) = receiver.await
        {
            return result;
        }
        // The process had ended before the job came.
        Err(Box::new(self.ended().await.failure_of_late_job(&subject, attempt)))
    }

    /// Stops the process: Cancel, then SIGTERM, then SIGKILL. Open jobs fail as cancelled with this reason.
    pub fn stop(&self, reason: &str) {
        let _gone = self.commands.send(Command::Stop(reason.to_owned(), Urgency::Once));
    }

    /// SIGKILL to the group at once.
    pub fn kill_now(&self, reason: &str) {
        let _gone = self.commands.send(Command::Stop(reason.to_owned(), Urgency::Twice));
    }

    /// Whether another job has a chance: the process has not ended and is not being stopped or closed.
    pub fn accepts_jobs(&self) -> bool {
        self.accepts.load(Ordering::Acquire) && !self.commands.is_closed()
    }

    /// Waits for the end of the process. It does not cause it.
    pub async fn ended(&self) -> ChildEnd {
        let mut ended = self.ended.clone();
        let end = ended.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        end.unwrap_or(ChildEnd {
            pid: None,
            ending: Ending::NotStarted,
            exit: None,
            stop: None,
            stage: None,
            leaked: false,
            epitaph: None,
        })
    }

    /// No more jobs: lets the child end after the open ones, and waits for that.
    pub async fn close(&self) -> ChildEnd {
        let _gone = self.commands.send(Command::Close);
        self.ended().await
    }
}

/// The life of a process that begins with a job.
async fn live_for_a_job(
    spec: ChildSpec,
    settings: Arc<Settings>,
    registry: &Registry,
    mut commands: mpsc::UnboundedReceiver<Command>,
    accepts: Arc<AtomicBool>,
) -> ChildEnd {
    let (first, job) = match lazy::first_job(&mut commands, &accepts, &spec.subject).await {
        Ok(first) => first,
        Err(never) => return never,
    };
    let mut task = task::Task::new(spec, settings, registry, commands, accepts);
    task.open_job(first, job);
    task.live().await
}

/// The failure of a job whose process was gone before the job could begin.
fn gone(subject: &Subject, attempt: u32) -> Failure {
    Failure {
        outcome: Outcome::Collateral("it was gone before this job could begin".to_owned()),
        subject: subject.clone(),
        attempt,
        pid: None,
        state: State::Ended(Ending::Exited),
        stage: None,
        ready: false,
        step: None,
        exit: None,
        last_rss: None,
        peak_rss: None,
        memory_limit: None,
        elapsed: Duration::ZERO,
        stderr: Vec::new(),
    }
}

/// How a job went, before the sink joins it.
struct Good {
    done: Done,
    attempt: u32,
    pid: Option<i32>,
    peak_rss: Option<u64>,
    elapsed: Duration,
}

/// A job with its sink, whatever the type of that is.
trait OpenJob: Send {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError>;
    fn done(&mut self, done: &Done) -> Result<(), SinkError>;
    fn is_abandoned(&self) -> bool;
    fn finish(self: Box<Self>, end: Result<Good, Box<Failure>>);
}

struct Running<S> {
    sink: S,
    reply: oneshot::Sender<Result<Completed<S>, Box<Failure>>>,
}

impl<S: JobSink> OpenJob for Running<S> {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        self.sink.report(report)
    }

    fn done(&mut self, done: &Done) -> Result<(), SinkError> {
        self.sink.done(done)
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn finish(self: Box<Self>, end: Result<Good, Box<Failure>>) {
        let sink = self.sink;
        let end = end.map(|Good { done, attempt, pid, peak_rss, elapsed }| Completed {
            done,
            sink,
            attempt,
            pid,
            peak_rss,
            elapsed,
        });
        // Nobody may be waiting any more; then the sink goes too.
        let _abandoned = self.reply.send(end);
    }
}
