//! Which task runs when, in which child: a pure machine, fed by the [service](super::service).
//!
//! ```text
//! task:   Waiting ---> Running ---> answered         (each is answered once, or withdrawn)
//! child:  Busy <---> Idle ---> Leaving ---> gone     (one task at a time; reused for the same account)
//! ```
//!
//! There are never more children than [`CHILDREN`], so never more tasks at once. A task of an account takes an idle
//! child of that account, else a new one; when there is no room for a new one, the child that has been idle
//! longest makes room. A task that has not begun in time is refused: then nothing was changed, and the user can
//! be told so.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::error::Refusal;

/// Tasks at once, and children; the peer has as many threads.
pub(super) const CHILDREN: usize = 20;
/// Tasks that wait; the next one is refused. Fixcore sends at most 100 of one command line at once.
pub(super) const WAITING: usize = 256;
/// An idle child is kept for another task of its account so long.
pub(super) const KEEP: Duration = Duration::from_secs(10);
/// A task that has less time left is not begun: it would end with its outcome unknown.
pub(super) const LEAST: Duration = Duration::from_secs(2);

/// Names a task within this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TaskId(pub(super) u64);

/// Names a child within this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChildId(pub(super) u64);

/// Whom a child serves: what it may not be shared across.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whom {
    /// The collector.
    pub(super) collector: String,
    /// The id of the account, unless the task is about none.
    pub(super) account: Option<String>,
}

/// How a job ended, as far as the next one is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobEnd {
    /// The child takes another job.
    Reusable,
    /// The child is over, or about to be.
    Spent,
    /// The child was gone before the job had begun: nothing can have been changed.
    NotBegun,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A task came, and has so long from now on.
    Arrived {
        /// The task, with a number that was not used before.
        task: TaskId,
        /// Whose it is.
        whom: Whom,
        /// The time until its answer.
        budget: Duration,
    },
    /// Nobody waits for the answer any more.
    Withdrawn(TaskId),
    /// A child has ended its job.
    Ended(ChildId, JobEnd),
    /// The process of a child has ended. Comes after the end of its job.
    Gone(ChildId),
    /// There are new settings: children that have seen the old ones serve no further task.
    NewSettings,
    /// No more tasks are begun.
    ShutDown,
    /// What runs is given up now.
    GiveUp,
    /// Time has passed.
    Tick,
}

/// What to do, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Start a child for a task.
    Start(ChildId, TaskId),
    /// Give a task to an idle child.
    Reuse(ChildId, TaskId),
    /// Answer a task with how its job ended.
    Deliver(TaskId),
    /// Answer a task with an error.
    Refuse(TaskId, Refusal),
    /// Forget a task without an answer.
    Forget(TaskId),
    /// Let a child end.
    Close(ChildId),
    /// End a child at once.
    Kill(ChildId),
}

#[derive(Debug)]
struct Task {
    whom: Whom,
    due: Instant,
    /// Its first child was gone before it had begun; the next one is a new one.
    again: bool,
    wanted: bool,
    child: Option<ChildId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Busy(TaskId),
    Idle { until: Instant },
    Leaving,
}

#[derive(Debug)]
struct Child {
    whom: Whom,
    state: State,
    served: u32,
    outdated: bool,
}

/// The machine.
#[derive(Debug, Default)]
pub(super) struct Machine {
    tasks: BTreeMap<TaskId, Task>,
    waiting: VecDeque<TaskId>,
    children: BTreeMap<ChildId, Child>,
    last: u64,
    down: bool,
}

impl Machine {
    /// Takes one event; the effects must be performed before the next one is fed.
    pub(super) fn step(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Arrived { task, whom, budget } => {
                self.arrived(task, whom, now + budget, &mut effects);
            }
            Event::Withdrawn(task) => self.withdrawn(task, &mut effects),
            Event::Ended(child, end) => self.ended(child, end, now, &mut effects),
            Event::Gone(child) => drop(self.children.remove(&child)),
            Event::NewSettings => self.new_settings(&mut effects),
            Event::ShutDown => self.shut_down(&mut effects),
            Event::GiveUp => self.give_up(&mut effects),
            Event::Tick => {}
        }
        self.expire(now, &mut effects);
        self.dispatch(&mut effects);
        effects
    }

    /// When [`Event::Tick`] is due.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let tasks = self.tasks.values().map(Task::expires);
        let children = self.children.values().filter_map(|child| match child.state {
            State::Idle { until } => Some(until),
            State::Busy(_) | State::Leaving => None,
        });
        tasks.chain(children).min()
    }

    /// Whether no task is open and no child is left.
    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.children.is_empty()
    }

    /// When a task must be answered.
    pub(super) fn due(&self, task: TaskId) -> Option<Instant> {
        self.tasks.get(&task).map(|task| task.due)
    }

    /// Tasks that wait, and tasks that run.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.waiting.len(), self.tasks.len() - self.waiting.len())
    }

    fn arrived(&mut self, id: TaskId, whom: Whom, due: Instant, effects: &mut Vec<Effect>) {
        if self.down {
            effects.push(Effect::Refuse(id, Refusal::ShuttingDown));
        } else if self.waiting.len() >= WAITING {
            effects.push(Effect::Refuse(id, Refusal::TooMany));
        } else {
            self.tasks.insert(id, Task { whom, due, again: false, wanted: true, child: None });
            self.waiting.push_back(id);
        }
    }

    /// What has begun goes on: half a change is worse than one that nobody is told of.
    fn withdrawn(&mut self, id: TaskId, effects: &mut Vec<Effect>) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        if task.child.is_some() {
            task.wanted = false;
        } else {
            self.remove(id);
            effects.push(Effect::Forget(id));
        }
    }

    fn ended(&mut self, id: ChildId, end: JobEnd, now: Instant, effects: &mut Vec<Effect>) {
        let Some(child) = self.children.get_mut(&id) else { return };
        let State::Busy(task) = child.state else { return };
        let stale = end == JobEnd::NotBegun && child.served > 1;
        let kept = end == JobEnd::Reusable && !child.outdated && !self.down;
        child.state = if kept { State::Idle { until: now + KEEP } } else { State::Leaving };
        match self.tasks.get_mut(&task) {
            Some(open) if stale && open.wanted && !open.again && !self.down => {
                open.again = true;
                open.child = None;
                self.waiting.push_front(task);
            }
            Some(open) => {
                effects.push(if open.wanted { Effect::Deliver(task) } else { Effect::Forget(task) });
                self.remove(task);
            }
            None => {}
        }
        if !kept {
            effects.push(Effect::Close(id));
        }
    }

    fn new_settings(&mut self, effects: &mut Vec<Effect>) {
        self.children.values_mut().for_each(|child| child.outdated = true);
        self.close_idle(effects);
    }

    fn shut_down(&mut self, effects: &mut Vec<Effect>) {
        self.down = true;
        for id in std::mem::take(&mut self.waiting) {
            self.tasks.remove(&id);
            effects.push(Effect::Refuse(id, Refusal::ShuttingDown));
        }
        self.close_idle(effects);
    }

    fn give_up(&mut self, effects: &mut Vec<Effect>) {
        self.shut_down(effects);
        for (id, child) in &mut self.children {
            if let State::Busy(task) = child.state
                && let Some(open) = self.tasks.remove(&task)
            {
                effects.push(if open.wanted {
                    Effect::Refuse(task, Refusal::GivenUp)
                } else {
                    Effect::Forget(task)
                });
            }
            child.state = State::Leaving;
            effects.push(Effect::Kill(*id));
        }
    }

    fn close_idle(&mut self, effects: &mut Vec<Effect>) {
        for (id, child) in &mut self.children {
            if matches!(child.state, State::Idle { .. }) {
                child.state = State::Leaving;
                effects.push(Effect::Close(*id));
            }
        }
    }

    /// Ends what is over by time.
    fn expire(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let late: Vec<_> =
            self.tasks.iter().filter(|(_, task)| task.expires() <= now).map(|(id, _)| *id).collect();
        for id in late {
            let Some(task) = self.remove(id) else { continue };
            let refusal = if task.child.is_some() { Refusal::TooSlow } else { Refusal::NoTurn };
            effects.push(if task.wanted { Effect::Refuse(id, refusal) } else { Effect::Forget(id) });
            if let Some(child) = task.child {
                self.leave(child);
                effects.push(Effect::Kill(child));
            }
        }
        for (id, child) in &mut self.children {
            if matches!(child.state, State::Idle { until } if until <= now) {
                child.state = State::Leaving;
                effects.push(Effect::Close(*id));
            }
        }
    }

    /// Gives waiting tasks to children, the oldest first. One that finds no child claims the next place that gets
    /// free, also that of an idle child, so that a busy account does not starve the others.
    fn dispatch(&mut self, effects: &mut Vec<Effect>) {
        let mut claimed = 0;
        let mut leaving = self.children.values().filter(|child| child.state == State::Leaving).count();
        for id in std::mem::take(&mut self.waiting) {
            let Some(task) = self.tasks.get(&id) else { continue };
            let idle = if task.again { None } else { self.idle_child_of(&task.whom) };
            if let Some(child) = idle {
                self.begin(id, child);
                effects.push(Effect::Reuse(child, id));
            } else if self.children.len() < CHILDREN {
                let child = self.new_child(task.whom.clone(), id);
                self.begin(id, child);
                effects.push(Effect::Start(child, id));
            } else {
                self.waiting.push_back(id);
                claimed += 1;
                if claimed > leaving
                    && let Some(child) = self.longest_idle()
                {
                    self.leave(child);
                    effects.push(Effect::Close(child));
                    leaving += 1;
                }
            }
        }
    }

    /// The one that was used last: the others may become superfluous meanwhile.
    fn idle_child_of(&self, whom: &Whom) -> Option<ChildId> {
        let idle = self.children.iter().filter_map(|(id, child)| match child.state {
            State::Idle { until } if child.whom == *whom => Some((until, *id)),
            State::Idle { .. } | State::Busy(_) | State::Leaving => None,
        });
        idle.max().map(|(_, id)| id)
    }

    fn new_child(&mut self, whom: Whom, task: TaskId) -> ChildId {
        self.last += 1;
        let id = ChildId(self.last);
        self.children.insert(id, Child { whom, state: State::Busy(task), served: 0, outdated: false });
        id
    }

    fn begin(&mut self, task: TaskId, child: ChildId) {
        if let Some(task) = self.tasks.get_mut(&task) {
            task.child = Some(child);
        }
        if let Some(child) = self.children.get_mut(&child) {
            child.state = State::Busy(task);
            child.served += 1;
        }
    }

    fn longest_idle(&self) -> Option<ChildId> {
        let idle = self.children.iter().filter_map(|(id, child)| match child.state {
            State::Idle { until } => Some((until, *id)),
            State::Busy(_) | State::Leaving => None,
        });
        idle.min().map(|(_, id)| id)
    }

    fn leave(&mut self, id: ChildId) {
        if let Some(child) = self.children.get_mut(&id) {
            child.state = State::Leaving;
        }
    }

    fn remove(&mut self, id: TaskId) -> Option<Task> {
        self.waiting.retain(|waiting| *waiting != id);
        self.tasks.remove(&id)
    }
}

impl Task {
    /// When its time is over; before it has begun that is earlier.
    fn expires(&self) -> Instant {
        match self.child {
            Some(_) => self.due,
            None => self.due.checked_sub(LEAST).unwrap_or(self.due),
        }
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
