//! The thin shell around the schedule of one run.

use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use decisions::attempt::GiveUp;
use tokio::sync::mpsc;
use tokio::task::{self, JoinError, JoinSet};
use tracing::{debug, error};

use super::attempt::{Left, Note, attempt};
use super::schedule::{Attempt, Next, Schedule};
use super::stop::Level;
use super::{Fleet, FleetEvent, NotCompleted, RunSpec, RunSummary, StopToken, Task, TaskEnd};
use crate::breaker::{Breaker, Notice};
use crate::child::outcome::{Failure, Outcome, Subject};
use crate::child::state::{Ending, Stage, State};
use crate::child::{Child, ChildEnd, ChildSpec, Completed, JobSpec};
use crate::pools::{Bounds, Candidate};
use crate::random;
use crate::settings::Settings;
use crate::sink::{JobSink, SinkError};

pub(super) struct Run<S, F> {
    fleet: Fleet,
    settings: Arc<Settings>,
    fork: bool,
    tasks: Vec<Task>,
    make_sink: F,
    events: mpsc::UnboundedSender<FleetEvent<S>>,
    stop: StopToken,
    schedule: Schedule,
    attempts: JoinSet<Left>,
    /// Which task an attempt is for, in case it ends by a panic.
    task_of: HashMap<task::Id, usize>,
    /// Processes of attempts, for stopping them.
    own: BTreeMap<usize, Arc<Child>>,
    /// Shared processes, by collector.
    shared: BTreeMap<String, Arc<Child>>,
    notes: (mpsc::UnboundedSender<Note<S>>, mpsc::UnboundedReceiver<Note<S>>),
    summary: RunSummary,
    /// The last process that counted against the program.
    last_suspect: Option<i32>,
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn collector(subject: &Subject) -> &str {
    subject.collector.as_deref().unwrap_or_default()
}

impl<S, F> Run<S, F>
where
    S: JobSink,
    F: FnMut(usize, u32) -> Result<S, SinkError>,
{
    pub(super) fn new(
        fleet: Fleet,
        spec: RunSpec,
        tasks: Vec<Task>,
        make_sink: F,
        events: mpsc::UnboundedSender<FleetEvent<S>>,
        stop: StopToken,
    ) -> Self {
        let settings = fleet.settings();
        let bounds = Bounds {
            pool_size: spec.pool_size,
            collectors: spec.collector_pools,
            max_children: settings.max_children,
            max_starting: settings.max_starting,
            shared: !spec.fork,
        };
        let candidates: Vec<_> = tasks
            .iter()
            .map(|task| Candidate {
                collector: collector(&task.subject).to_owned(),
                last_duration: task.last_duration,
            })
            .collect();
        let breaker = Breaker::new(settings.breaker_threshold, settings.breaker_pause);
        Self {
            schedule: Schedule::new(&candidates, bounds, settings.policy(), breaker),
            fleet,
            settings,
            fork: spec.fork,
            tasks,
            make_sink,
            events,
            stop,
            attempts: JoinSet::new(),
            task_of: HashMap::new(),
            own: BTreeMap::new(),
            shared: BTreeMap::new(),
            notes: mpsc::unbounded_channel(),
            summary: RunSummary::default(),
            last_suspect: None,
        }
    }

    /// Runs until each task has ended and no process is left.
    pub(super) async fn drive(mut self) -> RunSummary {
        let level = self.stop.level();
        self.stopped(&level);
        loop {
            while let Some((account, number)) = self.schedule.start(now()) {
                self.start(account, number);
            }
            if self.schedule.is_over() && self.attempts.is_empty() {
                return self.summary;
            }
            let wake = self.schedule.next_wake(now());
            // Notes come before the ends of attempts: an attempt tells its result first.
            tokio::select! {
                biased;
                Some(note) = self.notes.1.recv() => self.note(note),
                level = self.stop.raised() => self.stopped(&level),
                Some(left) = self.attempts.join_next_with_id() => self.left(left),
                () = wait_until(wake) => {}
            }
        }
    }

    fn tell(&self, event: FleetEvent<S>) {
        if self.events.send(event).is_err() {
            debug!("nobody listens to the events of this run");
        }
    }

    fn start(&mut self, account: usize, number: u32) {
        self.tell(FleetEvent::Started { index: account, attempt: number });
        let sink = match (self.make_sink)(account, number) {
            Ok(sink) => sink,
            Err(error) => {
                let failure = self.unstarted(account, number, error.to_string());
                self.ended(account, Err(failure));
                return self.schedule.release(account);
            }
        };
        let task = &self.tasks[account];
        let spec = JobSpec {
            job: task.job.clone(),
            environment: task.environment.clone(),
            deadline: task.deadline,
            subject: task.subject.clone(),
            attempt: number,
            keys: task.keys.clone(),
        };
        let child = self.child(account);
        let running = attempt(child, self.fork, account, spec, sink, self.notes.0.clone());
        let id = self.attempts.spawn(running).id();
        self.task_of.insert(id, account);
    }

    /// The process for a task: a new one, or the one that its collector shares.
    fn child(&mut self, account: usize) -> Arc<Child> {
        let subject = self.tasks[account].subject.clone();
        if self.fork {
            let sealed = self.tasks[account].keys.is_some();
            let child = Arc::new(self.fleet.child(ChildSpec { subject, shared: false, sealed }));
            self.own.insert(account, Arc::clone(&child));
            return child;
        }
        let name = collector(&subject).to_owned();
        if let Some(child) = self.shared.get(&name) {
            if child.accepts_jobs() {
                return Arc::clone(child);
            }
            self.let_go(&name);
        }
        let subject = Subject { account: None, ..subject };
        let child = Arc::new(self.fleet.child(ChildSpec { subject, shared: true, sealed: false }));
        self.shared.insert(name, Arc::clone(&child));
        child
    }

    /// No more jobs for a shared process; its end is still awaited.
    fn let_go(&mut self, name: &str) {
        if let Some(child) = self.shared.remove(name) {
            self.attempts.spawn(async move { Left::Shared(child.close().await) });
        }
    }

    fn note(&mut self, note: Note<S>) {
        match note {
            Note::Ready(account) => {
                let notice = self.schedule.ready(account);
                self.tell(FleetEvent::Ready { index: account });
                self.notice(notice);
            }
            Note::Ended(account, result) => self.ended(account, result),
        }
    }

    /// An attempt has its result: told once, whatever happens to the process.
    fn ended(&mut self, account: usize, result: Result<Completed<S>, Box<Failure>>) {
        let attempt = match &result {
            Ok(_) => Attempt::Completed,
            Err(failure) => {
                Attempt::Failed { class: failure.outcome.class(), suspicious: self.is_suspicious(failure) }
            }
        };
        let (next, notice) = self.schedule.ended(account, attempt, random::jitter(), now());
        match (next, result) {
            (Next::Retry(after), Err(failure)) => {
                debug!("{}; trying again in {:.1} s", failure.report(), after.as_secs_f64());
                self.tell(FleetEvent::Retrying { index: account, failure, after });
            }
            (Next::Ended(Err(why)), Err(failure)) => {
                // Whoever hears the event tells people; this is for those who look closer.
                debug!("{}\n  no further attempt: {}", failure.report(), why.reason());
                self.end(account, Err(NotCompleted { why, last: Some(failure) }));
            }
            (Next::Retry(_) | Next::Ended(_), Ok(completed)) => self.end(account, Ok(completed)),
            (Next::Ended(Ok(())), Err(failure)) => {
                self.end(account, Err(NotCompleted { why: GiveUp::Attempts, last: Some(failure) }));
            }
        }
        self.notice(notice);
    }

    /// Whether a failure may mean that the program or the host is bad: the child never got ready, and it is
    /// not known to be our own trouble or the account's. A shared process counts once, not for each job.
    fn is_suspicious(&mut self, failure: &Failure) -> bool {
        let innocent = matches!(
            failure.outcome,
            Outcome::Host(_)
                | Outcome::Cancelled(_)
                | Outcome::Collateral(_)
                | Outcome::NoCredentials(_)
                | Outcome::Fatal(_)
        );
        if failure.ready || innocent {
            return false;
        }
        let known = failure.pid.is_some() && failure.pid == self.last_suspect;
        self.last_suspect = failure.pid;
        !known
    }

    fn end(&mut self, account: usize, result: Result<Completed<S>, NotCompleted>) {
        match &result {
            Ok(_) => self.summary.completed += 1,
            Err(not) if not.is_cancelled() => self.summary.cancelled += 1,
            Err(_) => self.summary.failed += 1,
        }
        let subject = self.tasks[account].subject.clone();
        let attempts = self.schedule.attempts(account);
        self.tell(FleetEvent::Ended(TaskEnd { index: account, subject, attempts, result }));
    }

    fn notice(&self, notice: Notice) {
        match notice {
            Notice::Nothing => {}
            Notice::Opened => {
                let message = format!(
                    "{} different accounts in a row failed before their children were ready, so {} or this \
                     host has a problem; nothing is started for {} s, then one is tried",
                    self.settings.breaker_threshold,
                    self.settings.binary.display(),
                    self.settings.breaker_pause.as_secs_f64()
                );
                self.tell(FleetEvent::BreakerOpened { message });
            }
            Notice::Closed => {
                self.tell(FleetEvent::BreakerClosed);
            }
        }
    }

    /// An attempt is over altogether.
    fn left(&mut self, left: Result<(task::Id, Left), JoinError>) {
        let id = match &left {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let account = self.task_of.remove(&id);
        match (left, account) {
            (Ok((_, Left::Process(account, end))), _) => {
                self.own.remove(&account);
                self.count(&end);
                // A process that cannot be killed goes on using its slot.
                if end.ending != Ending::Unkillable {
                    self.schedule.release(account);
                }
            }
            (Ok((_, Left::Job(account))), _) => self.release_shared(account),
            (Ok((_, Left::Shared(end))), _) => self.count(&end),
            (Err(error), Some(account)) => self.lost(account, &error),
            (Err(error), None) => error!("a task that waited for a child ended unexpectedly: {error}"),
        }
    }

    fn release_shared(&mut self, account: usize) {
        self.schedule.release(account);
        let name = collector(&self.tasks[account].subject).to_owned();
        if self.schedule.running_of(&name) == 0 {
            // Who comes next may use it again; if nobody does, it is let go.
            while let Some((account, number)) = self.schedule.start(now()) {
                self.start(account, number);
            }
            if self.schedule.running_of(&name) == 0 {
                self.let_go(&name);
            }
        }
    }

    /// The task of an attempt panicked. The account gets its end even so.
    fn lost(&mut self, account: usize, error: &JoinError) {
        if self.schedule.is_running(account) {
            let number = self.schedule.attempts(account);
            let failure = self.unstarted(account, number, format!("a fault of fixworker: {error}"));
            self.ended(account, Err(failure));
        }
        if self.fork {
            self.own.remove(&account);
            self.schedule.release(account);
        } else {
            self.release_shared(account);
        }
    }

    fn count(&mut self, end: &ChildEnd) {
        self.summary.killed += usize::from(end.stage == Some(Stage::Killed));
        self.summary.unkillable += usize::from(end.ending == Ending::Unkillable);
    }

    fn stopped(&mut self, level: &Level) {
        let stop_child: &dyn Fn(&Child) = match level {
            Level::Run => return,
            Level::Graceful(reason) => &|child| child.stop(reason),
            Level::Now(reason) => &|child| child.kill_now(reason),
        };
        self.own.values().chain(self.shared.values()).for_each(|child| stop_child(child));
        for account in self.schedule.call_off(now()) {
            self.end(account, Err(NotCompleted { why: GiveUp::Cancelled, last: None }));
        }
    }

    /// The failure of an attempt that never had a process.
    fn unstarted(&self, account: usize, attempt: u32, what: String) -> Box<Failure> {
        Box::new(Failure {
            outcome: Outcome::Host(what),
            subject: self.tasks[account].subject.clone(),
            attempt,
            pid: None,
            state: State::Spawning,
            stage: None,
            ready: false,
            step: None,
            exit: None,
            last_rss: None,
            peak_rss: None,
            memory_limit: self.settings.memory_limit,
            elapsed: std::time::Duration::ZERO,
            stderr: Vec::new(),
        })
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => pending().await,
    }
}
