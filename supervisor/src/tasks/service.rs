//! The thin shell around the machine: takes tasks from the work queue, starts children, keeps time, answers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fixworker_fixcore::messages::TaskDefinition;
use fixworker_fixcore::ws::SendError;
use fixworker_fixcore::ws::work_queue::{QueuedTask, TaskReply, WorkQueue};
use fixworker_fleet::{Child, ChildSpec, JobSpec, Subject};
use fixworker_settings::Running;
use fixworker_settings::collectors::select;
use fixworker_surface::metrics;
use fixworker_surface::scrub::scrub;
use ipc_proto::seal::AccountJob;
use ipc_proto::secret::Secret;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::{self, AbortHandle, JoinError, JoinSet};

use super::child::{Note, TaskJob, live};
use super::error::TaskError;
use super::handlers::{Handlers, TAG};
use super::machine::{ChildId, Effect, Event, JobEnd, Machine, TaskId};
use super::order::Order;
use super::request::Request;
use super::sink::AnswerSink;
use crate::broker::Broker;
use crate::work::provision::{Provision, broker, config_of, provide, variables};
use crate::work::{Tools, until};

/// An answer that is not with the network by then is given up; fixcore has stopped waiting.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// A task that has no answer yet.
struct Open {
    request: Request,
    name: String,
    reply: TaskReply,
    arrived: Instant,
    result: Option<Result<Value, String>>,
    watcher: AbortHandle,
}

struct Hand {
    child: Arc<Child>,
    jobs: Option<mpsc::UnboundedSender<TaskJob>>,
    /// Held from one task to the next, so that it need not start again.
    _broker: Option<Arc<Broker>>,
}

pub(super) struct Service {
    tools: Tools,
    running: Running,
    handlers: Handlers,
    definitions: watch::Sender<Vec<TaskDefinition>>,
    machine: Machine,
    open: BTreeMap<TaskId, Open>,
    children: BTreeMap<ChildId, Hand>,
    lives: JoinSet<()>,
    /// Which child a life is about, in case it ends by a panic.
    child_of: BTreeMap<task::Id, ChildId>,
    /// Each waits until the connection of a task is gone.
    losses: JoinSet<TaskId>,
    replies: JoinSet<()>,
    notes: mpsc::UnboundedSender<Note>,
    last: u64,
    down: bool,
}

impl Service {
    /// Offers the tasks of the configured collectors through `definitions`.
    pub(super) fn new(
        tools: Tools,
        running: Running,
        definitions: watch::Sender<Vec<TaskDefinition>>,
        notes: mpsc::UnboundedSender<Note>,
    ) -> Self {
        let mut service = Self {
            tools,
            running: running.clone(),
            handlers: Handlers::default(),
            definitions,
            machine: Machine::default(),
            open: BTreeMap::new(),
            children: BTreeMap::new(),
            lives: JoinSet::new(),
            child_of: BTreeMap::new(),
            losses: JoinSet::new(),
            replies: JoinSet::new(),
            notes,
            last: 0,
            down: false,
        };
        service.configure(running);
        service
    }

    /// Until the queue is closed and everything of it is over; `over` tells that nothing is left after a shutdown.
    pub(super) async fn run(
        mut self,
        mut queue: WorkQueue,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut notes: mpsc::UnboundedReceiver<Note>,
        over: watch::Sender<bool>,
    ) {
        let (mut queue_open, mut ordered) = (true, true);
        while queue_open || !self.is_quiet() {
            tokio::select! {
                // What is known about tasks comes before new ones, and orders before all.
                biased;
                order = orders.recv(), if ordered => match order {
                    Some(Order::Configure(running)) => self.configure(*running),
                    Some(Order::ShutDown) => self.shut_down(),
                    Some(Order::GiveUp) => self.give_up(),
                    // Nobody is there to end it later.
                    None => {
                        ordered = false;
                        self.give_up();
                    }
                },
                Some(note) = notes.recv() => self.note(note),
                Some(ended) = self.lives.join_next_with_id() => self.life_ended(&ended),
                Some(lost) = self.losses.join_next() => if let Ok(task) = lost {
                    self.feed(Event::Withdrawn(task));
                },
                Some(_sent) = self.replies.join_next() => {}
                queued = queue.tasks.recv(), if queue_open => match queued {
                    Some(queued) => self.arrived(queued),
                    None => queue_open = false,
                },
                () = until(self.machine.wake_at()) => self.feed(Event::Tick),
            }
            let is_over = self.down && self.is_quiet();
            over.send_if_modified(|was| std::mem::replace(was, is_over) != is_over);
        }
    }

    fn is_quiet(&self) -> bool {
        self.machine.is_empty() && self.replies.is_empty()
    }

    fn configure(&mut self, running: Running) {
        let active = select(&running.worker().collector, &self.tools.described).active;
        let (handlers, errors) = Handlers::new(&self.tools.described, &active);
        for error in errors {
            tracing::error!("{error}");
        }
        self.definitions.send_if_modified(|offered| {
            let new = handlers.definitions();
            let changed = *offered != new;
            *offered = new;
            changed
        });
        self.handlers = handlers;
        self.running = running;
        self.feed(Event::NewSettings);
    }

    fn shut_down(&mut self) {
        let (waiting, running) = self.machine.counts();
        if waiting + running > 0 {
            tracing::info!("{running} tasks go on, {waiting} that wait are refused");
        }
        self.down = true;
        self.feed(Event::ShutDown);
    }

    fn give_up(&mut self) {
        self.down = true;
        self.feed(Event::GiveUp);
    }

    fn arrived(&mut self, QueuedTask { task, reply }: QueuedTask) {
        let name = if self.handlers.definitions().iter().any(|one| one.name == task.task_name) {
            task.task_name.clone()
        } else {
            "other".to_owned()
        };
        let request = match Request::of(&task, &self.handlers) {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!("task {} {} is not done: {error}", task.task_name, task.task_id);
                metrics::task_ended(&name, "refused", Duration::ZERO);
                return self.send(reply, Err(error.to_string()));
            }
        };
        tracing::debug!("task {} {}: {}", task.task_name, task.task_id, request.title);
        self.last += 1;
        let id = TaskId(self.last);
        let lost = reply.lost();
        let watcher = self.losses.spawn(async move {
            lost.await;
            id
        });
        let (whom, budget) = (request.whom(), request.budget());
        let open = Open { request, name, reply, arrived: Instant::now(), result: None, watcher };
        self.open.insert(id, open);
        self.feed(Event::Arrived { task: id, whom, budget });
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Ended(child, task, end, result) => {
                if let Some(open) = self.open.get_mut(&task) {
                    open.result = Some(result);
                }
                self.feed(Event::Ended(child, end));
            }
            Note::Gone(child) => {
                self.children.remove(&child);
                self.feed(Event::Gone(child));
            }
        }
    }

    /// A life tells its end by a note, unless it panicked.
    fn life_ended(&mut self, ended: &Result<(task::Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let (Some(child), Err(error)) = (self.child_of.remove(&id), ended) else { return };
        tracing::error!("a fault of the worker ended the tasks of a child: {error}");
        if let Some(hand) = self.children.remove(&child) {
            hand.child.kill_now("a fault of the worker");
        }
        self.feed(Event::Ended(child, JobEnd::Spent));
        self.feed(Event::Gone(child));
    }

    fn feed(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.machine.step(event, Instant::now()) {
                events.extend(self.perform(effect));
            }
        }
    }

    /// Does what the machine says; returns what followed at once.
    fn perform(&mut self, effect: Effect) -> Vec<Event> {
        match effect {
            Effect::Start(child, task) => return self.start(child, task),
            Effect::Reuse(child, task) => return self.reuse(child, task),
            Effect::Deliver(task) => {
                let fault = || Err("a fault of the worker ended it".to_owned());
                self.answer(task, "failed", |open| open.result.take().unwrap_or_else(fault));
            }
            Effect::Refuse(task, refusal) => {
                self.answer(task, refusal.name(), |_| Err(refusal.to_string()));
            }
            Effect::Forget(task) => {
                if let Some(open) = self.open.remove(&task) {
                    open.watcher.abort();
                    let how = if open.result.is_some() { "its answer is lost" } else { "it is not begun" };
                    tracing::warn!(
                        "{}: the connection that brought the task is gone; {how}",
                        open.request.title
                    );
                    metrics::task_ended(&open.name, "lost", open.arrived.elapsed());
                }
            }
            Effect::Close(child) => {
                if let Some(hand) = self.children.get_mut(&child) {
                    hand.jobs = None;
                }
            }
            Effect::Kill(child) => {
                if let Some(hand) = self.children.get_mut(&child) {
                    hand.jobs = None;
                    hand.child.kill_now("its task was given up");
                }
            }
        }
        Vec::new()
    }

    fn start(&mut self, id: ChildId, task: TaskId) -> Vec<Event> {
        let Some(job) = self.job(task) else {
            return vec![Event::Ended(id, JobEnd::Spent), Event::Gone(id)];
        };
        let subject = job.spec.subject.clone();
        let collector = subject.collector.clone().unwrap_or_default();
        let sealed = job.spec.keys.is_some();
        let broker = self.tools.describe(&collector).and_then(|described| broker(&self.tools, described));
        let child = Arc::new(self.tools.fleet.child(ChildSpec { subject, shared: false, sealed }));
        let (jobs, receiver) = mpsc::unbounded_channel();
        let life = live(id, collector, Arc::clone(&child), receiver, self.notes.clone());
        let life = self.lives.spawn(life).id();
        self.child_of.insert(life, id);
        self.children.insert(id, Hand { child, jobs: Some(jobs), _broker: broker });
        self.give(id, job)
    }

    fn reuse(&mut self, id: ChildId, task: TaskId) -> Vec<Event> {
        match self.job(task) {
            Some(job) => self.give(id, job),
            None => vec![Event::Ended(id, JobEnd::Reusable)],
        }
    }

    fn give(&mut self, id: ChildId, job: TaskJob) -> Vec<Event> {
        let given = match self.children.get(&id).and_then(|hand| hand.jobs.as_ref()) {
            Some(jobs) => jobs.send(job).is_ok(),
            None => false,
        };
        if given { Vec::new() } else { vec![Event::Ended(id, JobEnd::NotBegun)] }
    }

    /// The job of a task with the settings of this moment. None: the task has its result, it cannot be done.
    fn job(&mut self, id: TaskId) -> Option<TaskJob> {
        let due = self.machine.due(id)?;
        let open = self.open.get_mut(&id)?;
        match spec(&open.request, &self.tools, &self.running) {
            Ok(spec) => {
                let deadline = Some(due.saturating_duration_since(Instant::now()));
                let sink = AnswerSink::new(&open.request.title, &open.request.work);
                Some(TaskJob { task: id, spec: JobSpec { deadline, ..spec }, sink })
            }
            Err(error) => {
                open.result = Some(Err(error.to_string()));
                None
            }
        }
    }

    /// Answers a task; `failure` is the name of a failure in metrics.
    fn answer(
        &mut self,
        task: TaskId,
        failure: &'static str,
        result: impl FnOnce(&mut Open) -> Result<Value, String>,
    ) {
        let Some(mut open) = self.open.remove(&task) else { return };
        open.watcher.abort();
        let result = result(&mut open);
        let Open { request, name, reply, arrived, .. } = open;
        let taken = arrived.elapsed();
        metrics::task_ended(&name, if result.is_ok() { "done" } else { failure }, taken);
        let result = result.map_err(|why| format!("{}: {why}", request.title));
        match &result {
            Ok(_) if name == TAG => tracing::info!("{}: tags changed in {taken:.1?}", request.title),
            Ok(_) => tracing::info!("{}: done in {taken:.1?}", request.title),
            Err(why) => tracing::warn!("{why}"),
        }
        self.send(reply, result);
    }

    fn send(&mut self, reply: TaskReply, result: Result<Value, String>) {
        self.replies.spawn(async move {
            let sending = async {
                match result {
                    Ok(data) => reply.done(&data).await,
                    Err(why) => reply.error(&scrub(why)).await,
                }
            };
            match tokio::time::timeout(SEND_WITHIN, sending).await {
                Ok(Ok(())) => {}
                Ok(Err(error @ (SendError::Gone | SendError::Full))) => {
                    tracing::warn!("the answer to a task is lost: {error}");
                }
                Err(_) => tracing::warn!("the answer to a task is lost: fixcore does not take it"),
            }
        });
    }
}

/// The job of a request, but for its time.
fn spec(request: &Request, tools: &Tools, running: &Running) -> Result<JobSpec, TaskError> {
    let problem = |problem| TaskError::Settings { collector: request.collector.clone(), problem };
    let described = tools
        .describe(&request.collector)
        .ok_or_else(|| problem("this worker does not have it any more".to_owned()))?;
    let config = Secret::new(config_of(running, described).map_err(problem)?);
    let (job, environment, keys) = match AccountJob::of(request.job(config)?) {
        Ok(job) => {
            let Provision { job, environment, keys } = provide(tools, described, job).map_err(problem)?;
            (job, environment, keys)
        }
        Err(job) => (*job, variables(described, &tools.environment), None),
    };
    Ok(JobSpec {
        job,
        environment,
        keys,
        deadline: None,
        subject: Subject { collector: Some(request.collector.clone()), account: request.account.clone() },
        attempt: 1,
    })
}
