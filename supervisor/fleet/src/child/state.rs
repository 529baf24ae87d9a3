//! The life of one process, as a plain function over plain data.
//!
//! ```text
//!  Spawning -> Handshaking -> Collecting -> Draining ------+
//!     |             |             |            |           v
//!     |             +-------------+------------+-> Stopping -> Sweeping -> Ended
//!     +-> Ended                                (an exit at any point: straight to Sweeping)
//!
//!  Stopping = Asked (Cancel) -> Termed (SIGTERM, SIGCONT to the group) -> Killed (SIGKILL to the group)
//! ```
//!
//! - *Spawning*: the operating system starts the process. A stop waits until there is something to stop.
//! - *Handshaking*: from the process' existence to the first Ready. Without a job the clock stands still after
//!   Welcome: an idle child owes nothing.
//! - *Collecting*: jobs run, or none does. The stall clock runs while one is open and each frame restarts it.
//! - *Draining*: the caller wants no more jobs and none is open. The socket is closed, the child should exit.
//! - *Stopping*: the first reason is kept; later ones only raise the stage.
//! - *Sweeping*: the leader has exited. The group was killed and the leader reaped on entry; what is still in
//!   the socket and the pipes is read.
//!
//! Each state answers each event, in matches without a catch-all. There is one clock at a time; it has an
//! epoch, so that an expiry which comes late is nobody's. Clocks that measure the child stand still while we
//! do not read from it.

use std::time::Instant;

use super::clock::Clock;

pub use super::event::{Action, Ending, Event, Limits, Stage, State, StopReason, Timer, Urgency};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// Not connected, or not anymore.
    None,
    /// Connected and welcomed.
    Open,
}

/// One process, seen from above.
#[derive(Debug, Clone)]
pub struct Machine {
    limits: Limits,
    state: State,
    link: Link,
    jobs: usize,
    closing: bool,
    pipes: bool,
    clock: Clock,
    stop: Option<StopReason>,
    urgency: Urgency,
    stage: Option<Stage>,
    died_in: State,
    leaked: bool,
}

impl Machine {
    /// A process about to be started.
    pub fn new(limits: Limits, now: Instant) -> Self {
        let mut machine = Self {
            limits,
            state: State::Spawning,
            link: Link::None,
            jobs: 0,
            closing: false,
            pipes: false,
            clock: Clock::new(),
            stop: None,
            urgency: Urgency::Once,
            stage: None,
            died_in: State::Spawning,
            leaked: false,
        };
        machine.arm(Timer::Spawn, now);
        machine
    }

    /// Where it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// The first reason for which it was stopped.
    pub fn stop(&self) -> Option<StopReason> {
        self.stop
    }

    /// The hardest stage of stopping that was reached.
    pub fn stage(&self) -> Option<Stage> {
        self.stage
    }

    /// The state in which it was stopped or exited by itself.
    pub fn died_in(&self) -> State {
        self.died_in
    }

    /// Whether others held its output open after its death.
    pub fn leaked(&self) -> bool {
        self.leaked
    }

    /// The clock that runs, and when it runs out.
    pub fn due(&self) -> Option<(Timer, u64, Instant)> {
        self.clock.due()
    }

    fn arm(&mut self, timer: Timer, now: Instant) {
        let length = match timer {
            Timer::Spawn => self.limits.spawn,
            Timer::Handshake => self.limits.handshake,
            Timer::Stall => self.limits.stall,
            Timer::Drain => self.limits.drain,
            Timer::Asked => self.limits.asked,
            Timer::Grace => self.limits.grace,
            Timer::Killed => self.limits.killed,
            Timer::Sweep => self.limits.sweep,
        };
        self.clock.arm(timer, length, now);
    }
}

/// The machine after `event`, and what must be done now, in this order.
pub fn step(mut machine: Machine, event: Event, now: Instant) -> (Machine, Vec<Action>) {
    let mut todo = Vec::new();
    if machine.note(event, now) {
        match machine.state {
            State::Spawning => machine.spawning(event, now, &mut todo),
            State::Handshaking => machine.handshaking(event, now, &mut todo),
            State::Collecting => machine.collecting(event, now, &mut todo),
            State::Draining => machine.draining(event, now, &mut todo),
            State::Stopping(stage) => machine.stopping(stage, event, now, &mut todo),
            State::Sweeping => machine.sweeping(event, now, &mut todo),
            State::Ended(_) => {}
        }
    }
    (machine, todo)
}

impl Machine {
    /// What holds in every state. False if the event concerns nobody: a clock of the past.
    fn note(&mut self, event: Event, now: Instant) -> bool {
        match event {
            Event::Spawned => self.pipes = true,
            Event::Welcomed => self.link = Link::Open,
            Event::JobOpened => self.jobs += 1,
            Event::JobClosed => self.jobs = self.jobs.saturating_sub(1),
            Event::Close => self.closing = true,
            Event::LinkClosed => self.link = Link::None,
            Event::PipesClosed => self.pipes = false,
            Event::Paused => self.clock.pause(now),
            Event::Resumed => self.clock.resume(now),
            Event::Fired(timer, epoch) => return self.clock.fired(timer, epoch),
            Event::SpawnFailed | Event::Ready | Event::Frame | Event::Exited | Event::Stop(..) => {}
        }
        true
    }

    fn spawning(&mut self, event: Event, now: Instant, todo: &mut Vec<Action>) {
        match event {
            Event::Spawned => match (self.stop, self.urgency) {
                (None, _) => {
                    self.state = State::Handshaking;
                    self.arm(Timer::Handshake, now);
                }
                (Some(_), Urgency::Once) => self.term(now, todo),
                (Some(_), Urgency::Twice) => self.kill(now, todo),
            },
            Event::SpawnFailed => self.end(Ending::NotStarted, todo),
            Event::Fired(..) => {
                todo.push(Action::AbandonSpawn);
                self.end(Ending::NotStarted, todo);
            }
            Event::Stop(reason, urgency) => {
                self.stop.get_or_insert(reason);
                if urgency == Urgency::Twice {
                    self.urgency = urgency;
                }
            }
            Event::Welcomed
            | Event::JobOpened
            | Event::Ready
            | Event::Frame
            | Event::JobClosed
            | Event::Close
            | Event::LinkClosed
            | Event::Exited
            | Event::PipesClosed
            | Event::Paused
            | Event::Resumed => {}
        }
    }

    fn handshaking(&mut self, event: Event, now: Instant, todo: &mut Vec<Action>) {
        match event {
            Event::Welcomed | Event::JobClosed | Event::Close if self.jobs == 0 => self.idle(now, todo),
            Event::JobOpened if self.link == Link::Open && !self.clock.is_armed() => {
                self.arm(Timer::Handshake, now);
            }
            Event::Ready => {
                self.state = State::Collecting;
                self.arm(Timer::Stall, now);
            }
            Event::LinkClosed => self.ask_to_stop(StopReason::LinkLost, Urgency::Once, now, todo),
            Event::Exited => self.sweep(now, todo),
            Event::Fired(..) => self.ask_to_stop(StopReason::Handshake, Urgency::Once, now, todo),
            Event::Stop(reason, urgency) => self.ask_to_stop(reason, urgency, now, todo),
            Event::Spawned
            | Event::SpawnFailed
            | Event::Welcomed
            | Event::JobOpened
            | Event::Frame
            | Event::JobClosed
            | Event::Close
            | Event::PipesClosed
            | Event::Paused
            | Event::Resumed => {}
        }
    }

    fn collecting(&mut self, event: Event, now: Instant, todo: &mut Vec<Action>) {
        match event {
            Event::JobOpened if self.jobs == 1 => self.arm(Timer::Stall, now),
            Event::Ready | Event::Frame if self.jobs > 0 => self.arm(Timer::Stall, now),
            Event::JobClosed | Event::Close if self.jobs == 0 => self.idle(now, todo),
            Event::LinkClosed => self.ask_to_stop(StopReason::LinkLost, Urgency::Once, now, todo),
            Event::Exited => self.sweep(now, todo),
            Event::Fired(..) => self.ask_to_stop(StopReason::Stall, Urgency::Once, now, todo),
            Event::Stop(reason, urgency) => self.ask_to_stop(reason, urgency, now, todo),
            Event::Spawned
            | Event::SpawnFailed
            | Event::Welcomed
            | Event::JobOpened
            | Event::Ready
            | Event::Frame
            | Event::JobClosed
            | Event::Close
            | Event::PipesClosed
            | Event::Paused
            | Event::Resumed => {}
        }
    }

    fn draining(&mut self, event: Event, now: Instant, todo: &mut Vec<Action>) {
        match event {
            Event::Exited => self.sweep(now, todo),
            Event::Fired(..) => self.ask_to_stop(StopReason::Lingered, Urgency::Once, now, todo),
            Event::Stop(reason, urgency) => self.ask_to_stop(reason, urgency, now, todo),
            // The connection was closed on entry, so its end and late frames are expected.
            Event::LinkClosed
            | Event::Frame
            | Event::Ready
            | Event::Spawned
            | Event::SpawnFailed
            | Event::Welcomed
            | Event::JobOpened
            | Event::JobClosed
            | Event::Close
            | Event::PipesClosed
            | Event::Paused
            | Event::Resumed => {}
        }
    }

    fn stopping(&mut self, stage: Stage, event: Event, now: Instant, todo: &mut Vec<Action>) {
        match event {
            // All jobs have answered the Cancel: the end of the connection is the rest of the question.
            Event::JobClosed if stage == Stage::Asked && self.jobs == 0 => todo.push(Action::CloseLink),
            Event::Exited => self.sweep(now, todo),
            Event::Fired(..) => match stage {
                Stage::Asked => self.term(now, todo),
                Stage::Termed => self.kill(now, todo),
                Stage::Killed => {
                    todo.extend([Action::AbandonProcess, Action::DropPipes, Action::DropLink]);
                    self.end(Ending::Unkillable, todo);
                }
            },
            Event::Stop(_, Urgency::Twice) if stage < Stage::Killed => self.kill(now, todo),
            Event::Stop(reason, Urgency::Once) if stage == Stage::Asked && !reason.asks() => {
                self.term(now, todo);
            }
            Event::Stop(..)
            | Event::Spawned
            | Event::SpawnFailed
            | Event::Welcomed
            | Event::JobOpened
            | Event::Ready
            | Event::Frame
            | Event::JobClosed
            | Event::Close
            | Event::LinkClosed
            | Event::PipesClosed
            | Event::Paused
            | Event::Resumed => {}
        }
    }

    fn sweeping(&mut self, event: Event, now: Instant, todo: &mut Vec<Action>) {
        match event {
            Event::LinkClosed | Event::PipesClosed => self.settle(now, todo),
            Event::Fired(..) => {
                self.leaked = true;
                todo.extend([Action::DropPipes, Action::DropLink]);
                self.end(Ending::Exited, todo);
            }
            // It is dead already; there is nothing left to stop.
            Event::Stop(..)
            | Event::Spawned
            | Event::SpawnFailed
            | Event::Welcomed
            | Event::JobOpened
            | Event::Ready
            | Event::Frame
            | Event::JobClosed
            | Event::Close
            | Event::Exited
            | Event::Paused
            | Event::Resumed => {}
        }
    }

    /// No job is open: wait for the next one, or let the child go.
    fn idle(&mut self, now: Instant, todo: &mut Vec<Action>) {
        if self.closing {
            self.state = State::Draining;
            todo.push(Action::CloseLink);
            self.arm(Timer::Drain, now);
        } else if self.link == Link::Open {
            self.clock.disarm();
        }
    }

    fn ask_to_stop(&mut self, reason: StopReason, urgency: Urgency, now: Instant, todo: &mut Vec<Action>) {
        self.stop.get_or_insert(reason);
        self.died_in = self.state;
        let can_answer = self.link == Link::Open && self.state != State::Draining;
        if urgency == Urgency::Twice {
            self.kill(now, todo);
        } else if reason.asks() && (can_answer || reason == StopReason::LinkLost) {
            self.enter(Stage::Asked, Timer::Asked, now);
            if self.link == Link::Open {
                todo.push(if self.jobs > 0 { Action::SendCancel } else { Action::CloseLink });
            }
        } else {
            self.term(now, todo);
        }
    }

    fn term(&mut self, now: Instant, todo: &mut Vec<Action>) {
        if self.limits.grace.is_zero() {
            return self.kill(now, todo);
        }
        self.enter(Stage::Termed, Timer::Grace, now);
        todo.push(Action::Terminate);
    }

    fn kill(&mut self, now: Instant, todo: &mut Vec<Action>) {
        self.enter(Stage::Killed, Timer::Killed, now);
        todo.push(Action::Kill);
    }

    fn enter(&mut self, stage: Stage, timer: Timer, now: Instant) {
        self.state = State::Stopping(stage);
        self.stage = Some(stage);
        self.arm(timer, now);
    }

    fn sweep(&mut self, now: Instant, todo: &mut Vec<Action>) {
        if !matches!(self.state, State::Stopping(_)) {
            self.died_in = self.state;
        }
        self.state = State::Sweeping;
        todo.push(Action::SweepAndReap);
        self.settle(now, todo);
    }

    /// Ends once everything is read. What is in the socket may be a whole Done and deserves more time than
    /// pipes, which only somebody else can still hold open.
    fn settle(&mut self, now: Instant, todo: &mut Vec<Action>) {
        match (self.link, self.pipes) {
            (Link::None, false) => self.end(Ending::Exited, todo),
            (Link::None, true) => self.arm(Timer::Sweep, now),
            (Link::Open, _) => self.clock.arm(Timer::Sweep, self.limits.drain.max(self.limits.sweep), now),
        }
    }

    fn end(&mut self, ending: Ending, todo: &mut Vec<Action>) {
        self.state = State::Ended(ending);
        self.clock.disarm();
        todo.push(Action::End);
    }
}
