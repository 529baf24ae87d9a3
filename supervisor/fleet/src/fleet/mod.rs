//! Accounts and their attempts: who runs when, again, or not any more.

mod attempt;
mod run;
mod schedule;
mod stop;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use decisions::attempt::GiveUp;
use ipc_proto::job::{Job, Variable};
use tokio::sync::mpsc;

pub use self::stop::{StopToken, Stopper, stopper};

use crate::child::outcome::{Failure, Subject};
use crate::child::{Child, ChildSpec, Completed};
use crate::keys::Keys;
use crate::settings::Settings;
use crate::sink::{JobSink, SinkError};
use crate::status::{ChildStatus, Registry};

/// Starts children and knows those that run. Cheap to clone; all clones are one fleet.
#[derive(Debug, Clone)]
pub struct Fleet {
    settings: Arc<RwLock<Arc<Settings>>>,
    registry: Registry,
    /// Paths that no child may reach, whatever the settings are.
    hidden: Arc<RwLock<Vec<PathBuf>>>,
}

/// One piece of work: usually an account to collect, but any job has retries this way.
#[derive(Debug, Clone)]
pub struct Task {
    /// Whom it is about. Tasks without a collector share the pool of the name "".
    pub subject: Subject,
    /// What to do.
    pub job: Job,
    /// Environment variables for the child.
    pub environment: Vec<Variable>,
    /// `account_timeout`: how long one attempt may take; `None` is no limit.
    pub deadline: Option<Duration>,
    /// How long it took in the last run; the slowest start first.
    pub last_duration: Option<Duration>,
    /// Where its credentials come from, if it has some of its own. Such a task has a process of its own.
    pub keys: Option<Arc<dyn Keys>>,
}

/// How a run is spread over processes.
#[derive(Debug, Clone)]
pub struct RunSpec {
    /// `fixworker.pool_size`: collectors at once, and the accounts at once of each collector without a setting
    /// of its own.
    pub pool_size: usize,
    /// The collectors' own settings (the one that Describe names), by collector.
    pub collector_pools: BTreeMap<String, usize>,
    /// `fixworker.fork_process`: a process for each account; otherwise one for each collector.
    pub fork: bool,
}

/// What happens in a run. `index` is the place of the task in the list. Failures are logged by the fleet already,
/// with the whole report; events are for progress, for fixcore, and for what follows.
#[derive(Debug)]
pub enum FleetEvent<S> {
    /// An attempt begins.
    Started {
        /// Which task.
        index: usize,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// The child said Ready.
    Ready {
        /// Which task.
        index: usize,
    },
    /// An attempt failed, and there will be another.
    Retrying {
        /// Which task.
        index: usize,
        /// Why it failed.
        failure: Box<Failure>,
        /// The pause before the next attempt.
        after: Duration,
    },
    /// A task has ended. Exactly one of these comes for each task.
    Ended(TaskEnd<S>),
    /// Too many different accounts failed before their children were ready: nothing is started for a while.
    /// Said once, until [`FleetEvent::BreakerClosed`].
    BreakerOpened {
        /// The whole sentence for people.
        message: String,
    },
    /// A child is ready again.
    BreakerClosed,
}

/// How a task ended.
#[derive(Debug)]
pub struct TaskEnd<S> {
    /// The place of the task in the list.
    pub index: usize,
    /// Whom it was about.
    pub subject: Subject,
    /// Attempts that were started.
    pub attempts: u32,
    /// The result.
    pub result: Result<Completed<S>, NotCompleted>,
}

/// Why a task was not completed.
#[derive(Debug)]
pub struct NotCompleted {
    /// Why there was no further attempt.
    pub why: GiveUp,
    /// The last attempt; `None` if there was none before the run was stopped.
    pub last: Option<Box<Failure>>,
}

impl NotCompleted {
    /// Whether it was called off rather than failed.
    pub fn is_cancelled(&self) -> bool {
        self.why == GiveUp::Cancelled
    }

    /// A stable name for machines, as in the report of a run.
    pub fn kind(&self) -> &'static str {
        match &self.last {
            Some(failure) if !self.is_cancelled() => failure.outcome.kind(),
            Some(_) | None => "cancelled",
        }
    }

    /// What happened, without the name of the account.
    pub fn message(&self) -> String {
        self.last.as_ref().map_or_else(|| "cancelled before it began".to_owned(), |failure| failure.message())
    }

    /// What to do about it, if there is something.
    pub fn hint(&self) -> Option<String> {
        self.last.as_ref().and_then(|failure| failure.hint())
    }
}

impl fmt::Display for NotCompleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.last {
            Some(failure) => write!(f, "{failure}; no further attempt: {}", self.why.reason()),
            None => f.write_str("cancelled before it began"),
        }
    }
}

/// A run in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunSummary {
    /// Tasks that completed.
    pub completed: usize,
    /// Tasks that failed.
    pub failed: usize,
    /// Tasks that were called off.
    pub cancelled: usize,
    /// Processes that needed SIGKILL.
    pub killed: usize,
    /// Processes that survived even that.
    pub unkillable: usize,
}

impl Fleet {
    /// A fleet without children.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(RwLock::new(Arc::new(settings))),
            registry: Registry::default(),
            hidden: Arc::default(),
        }
    }

    /// New settings for children started from now on. A run keeps the policy it began with.
    pub fn update(&self, mut settings: Settings) {
        let hidden = self.hidden.read().unwrap_or_else(PoisonError::into_inner).clone();
        if !hidden.is_empty() {
            Arc::make_mut(&mut settings.walls).hidden.extend(hidden);
        }
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Keeps children from this path, also where they may execute programs that are anywhere.
    pub fn hide(&self, path: &Path) {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.hidden.write().unwrap_or_else(PoisonError::into_inner).push(path);
        self.update((*self.settings()).clone());
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What runs now, oldest first.
    pub fn running(&self) -> Vec<ChildStatus> {
        self.registry.snapshot()
    }

    /// Starts one child, outside of any run and its bounds. Must be called within a tokio runtime.
    pub fn child(&self, spec: ChildSpec) -> Child {
        Child::start(spec, self.settings(), &self.registry)
    }

    /// Runs all tasks within the bounds, with retries, until each has ended.
    ///
    /// `make_sink` is called at the start of each attempt with the index of the task and the number of the
    /// attempt; its error fails the attempt as our own trouble. Events go out without waiting for the
    /// receiver; if nobody receives, the run goes on. `stop` ends tasks that wait at once and those that run
    /// with their children; the future returns when no child of the run is left.
    pub async fn run<S, F>(
        &self,
        spec: RunSpec,
        tasks: Vec<Task>,
        make_sink: F,
        events: mpsc::UnboundedSender<FleetEvent<S>>,
        stop: StopToken,
    ) -> RunSummary
    where
        S: JobSink,
        F: FnMut(usize, u32) -> Result<S, SinkError>,
    {
        run::Run::new(self.clone(), spec, tasks, make_sink, events, stop).drive().await
    }

    /// Runs one task, with retries, in a process of its own.
    pub async fn run_one<S, F>(&self, task: Task, mut make_sink: F, stop: StopToken) -> TaskEnd<S>
    where
        S: JobSink,
        F: FnMut(u32) -> Result<S, SinkError>,
    {
        let (events, mut receiver) = mpsc::unbounded_channel();
        let subject = task.subject.clone();
        let spec = RunSpec { pool_size: 1, collector_pools: BTreeMap::new(), fork: true };
        self.run(spec, vec![task], |_, attempt| make_sink(attempt), events, stop).await;
        while let Some(event) = receiver.recv().await {
            if let FleetEvent::Ended(end) = event {
                return end;
            }
        }
        // Not reached: a run tells the end of each task. Saying "cancelled" is right even so.
        let result = Err(NotCompleted { why: GiveUp::Cancelled, last: None });
        TaskEnd { index: 0, subject, attempts: 0, result }
    }
}
