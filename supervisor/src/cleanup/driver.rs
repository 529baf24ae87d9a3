//! Does what the planner says: children, passes, what is kept for fixcore, what people hear.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use decisions::attempt::Class;
use decisions::cleanup::plan::{Answer, Effect, Event, PassEnd};
use decisions::cleanup::{Fate, Planner, Rules};
use fixworker_cleanup::Work;
use fixworker_cleanup::outbox::Entry;
use fixworker_cleanup::patch::{self, EventLog};
use fixworker_cleanup::report::Ending;
use fixworker_fleet::{Child, ChildSpec, Failure, Outcome, Subject};
use fixworker_surface::metrics;
use fixworker_surface::scrub::scrub;
use ipc_proto::account::AccountName;
use ipc_proto::clean::{CleanOutcome, Cleaned};
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::job::Described;
use ipc_proto::message::Progress;
use ipc_proto::secret::Secret;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};

use super::jobs::{self, News, Pass};
use super::{Cleanup, jitter};
use crate::broker::Broker;
use crate::work::attempt::failed_attempt;
use crate::work::event::{CollectorAccount, Observer, RunEvent};
use crate::work::fault_log::FaultLog;
use crate::work::provision::{broker, config_of};
use crate::work::{self, RunControl};

/// So much news is taken in before what it changed is written to disk.
const AT_ONCE: usize = 256;

const STOPPING: &str = "the cleanup is being stopped";

/// An account and its child.
struct Lane {
    name: CollectorAccount,
    subject: Subject,
    child: Option<(Arc<Child>, Instant)>,
    /// Whoever makes its credentials; held from one pass to the next.
    broker: Option<Arc<Broker>>,
    faults: FaultLog,
    /// When it began, or answered the last time.
    last: Instant,
    /// The attempt under way.
    attempt: u32,
}

pub(super) struct Driver<'a> {
    cleanup: &'a Cleanup,
    work: Work,
    rules: Rules,
    planner: Planner,
    observer: Arc<dyn Observer>,
    lanes: Vec<Lane>,
    /// Passes, and children that are being closed. Dropped, they stop their children.
    tasks: JoinSet<()>,
    account_of: HashMap<Id, usize>,
    sender: mpsc::UnboundedSender<News>,
    news: mpsc::UnboundedReceiver<News>,
    logs: Vec<EventLog>,
    steps: Vec<Vec<String>>,
    endings: Vec<Ending>,
    /// What has to be on disk before anything else happens.
    unkept: Vec<Entry>,
    until: Instant,
    stopping: bool,
    finished: bool,
}

impl<'a> Driver<'a> {
    pub(super) fn new(cleanup: &'a Cleanup, work: Work, rules: Rules, observer: Arc<dyn Observer>) -> Self {
        let lane = |account: &fixworker_cleanup::select::AccountWork| {
            let (cloud, id, name) = (account.cloud.clone(), account.id.clone(), account.name.clone());
            let name = CollectorAccount::of(&account.collector, AccountName { cloud, id, name });
            Lane {
                subject: name.subject(),
                name,
                child: None,
                broker: None,
                faults: FaultLog::default(),
                last: Instant::now(),
                attempt: 1,
            }
        };
        let (sender, news) = mpsc::unbounded_channel();
        let count = work.resources.len();
        tracing::info!("{count} resources in {} accounts are marked for cleanup", work.accounts.len());
        Self {
            cleanup,
            lanes: work.accounts.iter().map(lane).collect(),
            planner: Planner::new(work.items(), work.accounts.len(), rules),
            work,
            rules,
            observer,
            tasks: JoinSet::new(),
            account_of: HashMap::new(),
            sender,
            news,
            logs: vec![EventLog::default(); count],
            steps: vec![Vec::new(); count],
            endings: Vec::with_capacity(count),
            unkept: Vec::new(),
            until: Instant::now(),
            stopping: false,
            finished: false,
        }
    }

    /// Runs the plan to its end; at `until`, or when `control` says so, it is stopped.
    pub(super) async fn drive(mut self, control: &RunControl, until: Instant) -> (Work, Vec<Ending>) {
        self.until = until;
        let mut killed = false;
        self.step(Event::Tick);
        loop {
            self.keep().await;
            if self.finished {
                return (self.work, self.endings);
            }
            let wake = self.planner.wake_at();
            tokio::select! {
                Some(news) = self.news.recv() => self.hear(news),
                Some(ended) = self.tasks.join_next_with_id() => self.task_ended(ended),
                () = work::until(wake) => self.step(Event::Tick),
                () = work::until(Some(until)), if !self.stopping => {
                    self.stop("the time of the run was over (fixworker.timeout)");
                }
                () = control.stopped(), if !self.stopping => self.stop("the run was stopped"),
                () = control.killed(), if !killed => {
                    killed = true;
                    self.children().for_each(|child| child.kill_now("the run was killed"));
                }
            }
        }
    }

    fn stop(&mut self, why: &str) {
        self.stopping = true;
        self.step(Event::Stop(why.to_owned()));
    }

    fn children(&self) -> impl Iterator<Item = &Arc<Child>> {
        self.lanes.iter().filter_map(|lane| lane.child.as_ref().map(|(child, _)| child))
    }

    /// Takes in what there is, but not for ever: what was deleted has to get to the disk.
    fn hear(&mut self, first: News) {
        self.news(first);
        for _ in 0..AT_ONCE {
            let Ok(news) = self.news.try_recv() else { return };
            self.news(news);
        }
    }

    fn news(&mut self, news: News) {
        match news {
            News::Cleaned(number, cleaned) => self.cleaned(number, *cleaned),
            News::Fault(account, fault) => self.fault(account, fault),
            News::Progress(account, lines) => {
                self.observer.event(&RunEvent::Progress { account: self.lanes[account].name.clone(), lines });
            }
            News::NotProvided(account, message) => {
                self.lanes[account].child = None;
                let end = PassEnd::Failed { class: Class::Lasting, message, jitter: 1.0 };
                self.step(Event::PassEnded { account, end });
            }
            News::PassEnded(account, result) => self.pass_ended(account, result.map_err(|failure| *failure)),
            News::Closed(account) => self.step(Event::Closed { account }),
        }
    }

    fn step(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.planner.step(event, Instant::now()) {
                self.perform(effect, &mut events);
            }
        }
    }

    fn perform(&mut self, effect: Effect, events: &mut VecDeque<Event>) {
        match effect {
            Effect::Start { account, items, attempt, careful } => {
                self.start(account, &items, attempt, careful, events);
            }
            Effect::Close { account } => match self.lanes[account].child.take() {
                None => events.push_back(Event::Closed { account }),
                Some((child, born)) => {
                    metrics::child_ended(&self.lanes[account].name.collector, "done", born.elapsed());
                    let news = self.sender.clone();
                    if self.stopping {
                        child.stop(STOPPING);
                    }
                    self.tasks.spawn(async move {
                        child.close().await;
                        let _over = news.send(News::Closed(account));
                    });
                }
            },
            Effect::Interrupt { account } => {
                if let Some((child, _)) = &self.lanes[account].child {
                    child.stop(STOPPING);
                }
            }
            Effect::Ended { item, fate } => self.ended(item, fate),
            Effect::Finished => self.finished = true,
        }
    }

    fn start(
        &mut self,
        account: usize,
        items: &[usize],
        attempt: u32,
        careful: bool,
        events: &mut VecDeque<Event>,
    ) {
        self.lanes[account].attempt = attempt;
        let collector = &self.lanes[account].name.collector;
        let settings = &self.cleanup.settings;
        let described = self.cleanup.tools.describe(collector);
        let described = described.ok_or_else(|| format!("collector {collector} is not there any more"));
        let prepared = described.and_then(|one| Ok((one, Secret::new(config_of(settings, one)?))));
        let (described, config) = match prepared {
            Ok(prepared) => prepared,
            Err(message) => {
                let end = PassEnd::Failed { class: Class::Lasting, message, jitter: 1.0 };
                return events.push_back(Event::PassEnded { account, end });
            }
        };
        let share = self.rules.pool / self.lanes.len().max(1);
        let parallel = if careful { 1 } else { u32::try_from(share.max(1)).unwrap_or(u32::MAX) };
        let job = self.work.job(account, items, config, self.rules.dry_run, parallel);
        let described = described.clone();
        let (jobs, too_large) = jobs::cut(job);
        let numbers = jobs::numbers(&self.work, items);
        for resource in too_large {
            if let Some(item) =
                numbers.values().find(|item| *self.work.node(**item).json == *resource.node_json)
            {
                let reason = "its node is larger than a message to a child can be".to_owned();
                events.push_back(Event::Answered { item: *item, answer: Answer::Refused(reason) });
            }
        }
        let left = self.until.saturating_duration_since(Instant::now());
        let pass = Pass {
            account,
            child: self.child(account, &described),
            jobs,
            numbers,
            tools: self.cleanup.tools.clone(),
            described,
            deadline: left.min(settings.account_timeout()).max(Duration::from_secs(1)),
            subject: self.lanes[account].subject.clone(),
            attempt,
        };
        tracing::debug!("{}: a pass over {} resources begins", self.lanes[account].name, items.len());
        let task = self.tasks.spawn(jobs::run(pass, self.sender.clone()));
        self.account_of.insert(task.id(), account);
    }

    /// The child of an account: the one it has, or a new one.
    fn child(&mut self, account: usize, described: &Described) -> Arc<Child> {
        let tools = &self.cleanup.tools;
        let lane = &mut self.lanes[account];
        if lane.broker.is_none() {
            lane.broker = broker(tools, described);
        }
        lane.last = Instant::now();
        if let Some((child, _)) = &lane.child
            && child.accepts_jobs()
        {
            return Arc::clone(child);
        }
        if let Some((old, born)) = lane.child.take() {
            // It has ended between two passes; nothing was in work.
            metrics::child_ended(&lane.name.collector, "exited", born.elapsed());
            self.tasks.spawn(async move { drop(old.close().await) });
        }
        metrics::child_started(&lane.name.collector);
        let sealed = lane.broker.is_some();
        let spec = ChildSpec { subject: lane.subject.clone(), shared: false, sealed };
        let child = Arc::new(tools.fleet.child(spec));
        lane.child = Some((Arc::clone(&child), Instant::now()));
        child
    }

    fn cleaned(&mut self, number: usize, cleaned: Cleaned) {
        let Cleaned { outcome, log, .. } = cleaned;
        self.logs[number].add(&log, Timestamp::now());
        if self.rules.dry_run {
            self.steps[number] = log.into_iter().map(|event| event.message).collect();
        }
        if let Some(account) = self.work.resources[number].account {
            let lane = &mut self.lanes[account];
            let taken = std::mem::replace(&mut lane.last, Instant::now()).elapsed();
            let failed = matches!(outcome, CleanOutcome::Failed { .. });
            if failed || outcome == CleanOutcome::Gone {
                metrics::resource_cleaned(&lane.name.cloud, &self.work.node(number).kind, failed, taken);
            }
        }
        let answer = Answer::of(outcome, |node_id| self.work.numbered(node_id));
        if let Answer::Later(reason) = &answer {
            tracing::info!("{} cannot go yet: {reason}", self.work.name(number));
        }
        self.step(Event::Answered { item: number, answer });
    }

    fn fault(&mut self, account: usize, fault: Fault) {
        let lane = &self.lanes[account];
        if lane.faults.admit(&fault) {
            let (account, collector) = (Some(lane.name.clone()), lane.name.collector.clone());
            self.observer.event(&RunEvent::Fault { account, collector, fault });
        }
    }

    fn pass_ended(&mut self, account: usize, result: Result<(), Failure>) {
        let end = match result {
            Ok(()) => PassEnd::Complete,
            Err(failure) => {
                self.lanes[account].child = None;
                failed_attempt(&self.lanes[account].name.collector, &failure);
                let hint = failure.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                let message = format!("{}{hint}", failure.message());
                if is_foreign(&failure) {
                    return self.step(Event::PassEnded { account, end: PassEnd::Foreign { message } });
                }
                PassEnd::Failed { class: failure.outcome.class(), message, jitter: jitter() }
            }
        };
        let trouble = match &end {
            PassEnd::Complete | PassEnd::Foreign { .. } | PassEnd::Failed { class: Class::Cancelled, .. } => {
                None
            }
            PassEnd::Failed { message, .. } => Some(message.clone()),
        };
        let before = self.endings.len();
        self.step(Event::PassEnded { account, end });
        // Whatever is given up is told with its reason.
        if let Some(message) = trouble.filter(|_| self.endings.len() == before) {
            let wake = self.planner.wake_at().unwrap_or_else(Instant::now);
            self.observer.event(&RunEvent::AttemptFailed {
                account: self.lanes[account].name.clone(),
                attempt: self.lanes[account].attempt,
                message,
                retry_in: wake.saturating_duration_since(Instant::now()),
            });
        }
    }

    /// A task that did not end as it should has told nobody.
    fn task_ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let account = self.account_of.remove(&id);
        if let (Err(error), Some(account)) = (ended, account) {
            self.lanes[account].child = None;
            let message = format!("a fault of fixworker: {error}");
            let end = PassEnd::Failed { class: Class::Lasting, message, jitter: 1.0 };
            self.step(Event::PassEnded { account, end });
        }
    }

    fn ended(&mut self, number: usize, fate: Fate) {
        let fate = match (fate, self.work.hint(number)) {
            (Fate::Failed(reason), Some(hint)) => Fate::Failed(format!("{reason}; {hint}")),
            (fate, _) => fate,
        };
        let (name, account) = (self.work.name(number), self.work.resources[number].account);
        let steps = std::mem::take(&mut self.steps[number]);
        let whom = account.map(|account| format!("{}: ", self.lanes[account].name)).unwrap_or_default();
        match &fate {
            Fate::Gone => tracing::info!("{whom}{name} is deleted"),
            Fate::Planned => tracing::info!("{whom}{name} would be deleted: {}", steps.join("; ")),
            // The others are told together at the end.
            Fate::Failed(_)
            | Fate::Refused(_)
            | Fate::Skipped(_)
            | Fate::Unfinished(_)
            | Fate::Elsewhere(_) => {
                tracing::debug!("{whom}{name}: {fate:?}");
            }
        }
        let node = self.work.node(number);
        let log = std::mem::take(&mut self.logs[number]);
        if !self.rules.dry_run
            // A child, or its cloud, may repeat what stands in its settings.
            && let Some(line) = patch::line(&node.id, &fate, log, &node.event_log, Timestamp::now(), scrub)
        {
            let graph = self.cleanup.settings.worker().graph.clone();
            self.unkept.push(Entry { graph, id: node.id.clone(), line });
        }
        self.endings.push(Ending { account, name, fate, steps });
        if let Some(account) = account {
            self.tell_progress(account);
        }
    }

    fn tell_progress(&self, account: usize) {
        let (ended, total) = self.planner.progress_of(account);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (path, name) = (Vec::new(), "cleanup".to_owned());
        let line = Progress { path, name, current: number(ended), total: number(total) };
        let account = self.lanes[account].name.clone();
        self.observer.event(&RunEvent::Progress { account, lines: vec![line] });
    }

    /// What was deleted goes to disk, and from there to fixcore.
    async fn keep(&mut self) {
        if self.unkept.is_empty() {
            return;
        }
        let entries = std::mem::take(&mut self.unkept);
        if let Err(error) = self.cleanup.courier.put(entries).await {
            tracing::error!("what was deleted cannot be kept for fixcore if this worker dies: {error}");
        }
    }
}

/// The child says that its credentials are not for this account.
fn is_foreign(failure: &Failure) -> bool {
    matches!(&failure.outcome, Outcome::Fatal(fault) if fault.kind == FaultKind::WrongAccount)
}
