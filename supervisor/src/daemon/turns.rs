//! Which run of a kind (collect, cleanup) is on: a pure machine, fed by the daemon.
//!
//! ```text
//!            action                     abort, other action, shutdown
//!   Idle ---------------> Running ---------------------------------> Stopping(next?)
//!    ^                       | ended                                     | ended
//!    +-----------------------+------------------------------------------+--> Running(next)
//! ```
//!
//! One run of a kind at a time; a collect run and a cleanup may run side by side, as in the peer. fixcore repeats an unanswered action on every reconnect, so the same
//! `task:step` is a duplicate while it runs, and also after another task has displaced it: else two open
//! tasks would displace each other for ever.

use std::collections::VecDeque;

use fixworker_fixcore::messages::{Action, ActionKey};

/// How many displaced or aborted tasks are remembered, so that a repeated action does not revive them.
const REMEMBERED: usize = 32;

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    /// fixcore asks for a run.
    Action(Action),
    /// fixcore has ended a task.
    Abort(ActionKey),
    /// The run that was started is over and its children are gone.
    Ended,
    /// The worker is going down.
    Shutdown,
}

/// What the daemon has to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Start a run.
    Start(Action),
    /// Stop the running run without an answer to fixcore.
    Stop(StopReason),
    /// Nothing, for this reason.
    Ignore(Ignored),
}

/// Why a run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    /// fixcore aborted the task.
    Aborted,
    /// Another task wants a run of the same kind.
    Displaced,
    /// The worker is going down.
    Shutdown,
}

impl StopReason {
    /// A phrase for logs and reports.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Aborted => "fixcore aborted the task",
            Self::Displaced => "another task takes over",
            Self::Shutdown => "the worker is shutting down",
        }
    }
}

/// Why an event has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ignored {
    /// The same run is already on.
    Duplicate,
    /// The run was aborted or displaced before.
    Cancelled,
    /// Nothing runs for this task.
    Unknown,
    /// The worker is going down.
    ShuttingDown,
    /// The run is being stopped already.
    AlreadyStopping,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Running(ActionKey),
    Stopping {
        key: ActionKey,
        why: StopReason,
        next: Option<Action>,
    },
    Down,
}

/// The machine.
#[derive(Debug, Default)]
pub(super) struct Runs {
    state: State,
    cancelled: VecDeque<ActionKey>,
    down: bool,
}

impl Runs {
    /// Takes one event; the effect must be performed before the next one is fed.
    pub(super) fn step(&mut self, event: Event) -> Effect {
        match event {
            Event::Action(request) => self.action(request),
            Event::Abort(key) => self.abort(&key),
            Event::Ended => self.ended(),
            Event::Shutdown => self.shutdown(),
        }
    }

    /// Whether a run is on, or on its way out.
    #[cfg(test)]
    fn is_active(&self) -> bool {
        matches!(self.state, State::Running(_) | State::Stopping { .. })
    }

    fn action(&mut self, request: Action) -> Effect {
        if self.down {
            return Effect::Ignore(Ignored::ShuttingDown);
        }
        if self.cancelled.contains(&request.key) {
            return Effect::Ignore(Ignored::Cancelled);
        }
        match &mut self.state {
            State::Idle => {
                self.state = State::Running(request.key.clone());
                Effect::Start(request)
            }
            State::Running(key) if *key == request.key => Effect::Ignore(Ignored::Duplicate),
            State::Running(key) => {
                let key = key.clone();
                self.remember(key.clone());
                self.state = State::Stopping { key, why: StopReason::Displaced, next: Some(request) };
                Effect::Stop(StopReason::Displaced)
            }
            State::Stopping { next, .. } => {
                if next.as_ref().is_some_and(|queued| queued.key == request.key) {
                    return Effect::Ignore(Ignored::Duplicate);
                }
                if let Some(displaced) = next.replace(request) {
                    self.remember(displaced.key);
                }
                Effect::Ignore(Ignored::AlreadyStopping)
            }
            State::Down => Effect::Ignore(Ignored::ShuttingDown),
        }
    }

    fn abort(&mut self, aborted: &ActionKey) -> Effect {
        match &mut self.state {
            State::Running(key) if key == aborted => {
                let key = key.clone();
                self.remember(key.clone());
                self.state = State::Stopping { key, why: StopReason::Aborted, next: None };
                Effect::Stop(StopReason::Aborted)
            }
            State::Stopping { next, .. } if next.as_ref().is_some_and(|queued| queued.key == *aborted) => {
                if let Some(dropped) = next.take() {
                    self.remember(dropped.key);
                }
                Effect::Ignore(Ignored::AlreadyStopping)
            }
            // A shutdown still delivers what is collected; now nobody wants it any more.
            State::Stopping { key, why, .. } if key == aborted && *why == StopReason::Shutdown => {
                *why = StopReason::Aborted;
                Effect::Stop(StopReason::Aborted)
            }
            State::Stopping { key, .. } if key == aborted => Effect::Ignore(Ignored::AlreadyStopping),
            State::Idle | State::Running(_) | State::Stopping { .. } | State::Down => {
                Effect::Ignore(Ignored::Unknown)
            }
        }
    }

    fn ended(&mut self) -> Effect {
        match std::mem::take(&mut self.state) {
            State::Stopping { next: Some(request), .. } if !self.down => {
                self.state = State::Running(request.key.clone());
                Effect::Start(request)
            }
            State::Idle | State::Running(_) | State::Stopping { .. } | State::Down => {
                if self.down {
                    self.state = State::Down;
                }
                Effect::Ignore(Ignored::Unknown)
            }
        }
    }

    fn shutdown(&mut self) -> Effect {
        self.down = true;
        match std::mem::take(&mut self.state) {
            State::Running(key) => {
                self.state = State::Stopping { key, why: StopReason::Shutdown, next: None };
                Effect::Stop(StopReason::Shutdown)
            }
            State::Stopping { key, why, .. } => {
                self.state = State::Stopping { key, why, next: None };
                Effect::Ignore(Ignored::AlreadyStopping)
            }
            State::Idle | State::Down => {
                self.state = State::Down;
                Effect::Ignore(Ignored::ShuttingDown)
            }
        }
    }

    fn remember(&mut self, key: ActionKey) {
        if self.cancelled.len() == REMEMBERED {
            self.cancelled.pop_front();
        }
        self.cancelled.push_back(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(task: &str) -> ActionKey {
        ActionKey { task: task.into(), step: "collect".into() }
    }

    fn request(task: &str) -> Action {
        Action { message_type: "collect".into(), key: key(task), data: serde_json::Map::new() }
    }

    fn action(task: &str) -> Event {
        Event::Action(request(task))
    }

    fn abort(task: &str) -> Event {
        Event::Abort(key(task))
    }

    #[test]
    fn a_repeated_action_is_a_duplicate_while_it_runs_and_new_when_it_has_ended() {
        let mut runs = Runs::default();
        assert_eq!(runs.step(action("a")), Effect::Start(request("a")));
        assert_eq!(runs.step(action("a")), Effect::Ignore(Ignored::Duplicate));
        runs.step(Event::Ended);
        assert!(!runs.is_active());
        assert_eq!(runs.step(action("a")), Effect::Start(request("a")));
    }

    #[test]
    fn another_task_displaces_the_run_and_starts_when_it_is_gone() {
        let mut runs = Runs::default();
        runs.step(action("a"));
        assert_eq!(runs.step(action("b")), Effect::Stop(StopReason::Displaced));
        assert_eq!(runs.step(action("b")), Effect::Ignore(Ignored::Duplicate));
        assert_eq!(runs.step(action("a")), Effect::Ignore(Ignored::Cancelled));
        assert_eq!(runs.step(Event::Ended), Effect::Start(request("b")));
        assert_eq!(
            runs.step(action("a")),
            Effect::Ignore(Ignored::Cancelled),
            "no ping-pong between open tasks"
        );
    }

    #[test]
    fn the_latest_of_several_waiting_tasks_wins() {
        let mut runs = Runs::default();
        runs.step(action("a"));
        runs.step(action("b"));
        runs.step(action("c"));
        assert_eq!(runs.step(Event::Ended), Effect::Start(request("c")));
    }

    #[test]
    fn an_abort_stops_its_own_task_only_and_a_new_run_may_follow_at_once() {
        let mut runs = Runs::default();
        runs.step(action("a"));
        assert_eq!(runs.step(abort("b")), Effect::Ignore(Ignored::Unknown));
        assert_eq!(runs.step(abort("a")), Effect::Stop(StopReason::Aborted));
        assert_eq!(runs.step(abort("a")), Effect::Ignore(Ignored::AlreadyStopping));
        assert_eq!(runs.step(action("b")), Effect::Ignore(Ignored::AlreadyStopping));
        assert_eq!(runs.step(Event::Ended), Effect::Start(request("b")));
    }

    #[test]
    fn an_abort_of_a_waiting_task_drops_it() {
        let mut runs = Runs::default();
        runs.step(action("a"));
        runs.step(action("b"));
        runs.step(abort("b"));
        assert_eq!(runs.step(Event::Ended), Effect::Ignore(Ignored::Unknown));
        assert!(!runs.is_active());
    }

    #[test]
    fn nothing_starts_once_the_worker_goes_down() {
        let mut runs = Runs::default();
        runs.step(action("a"));
        runs.step(action("b"));
        assert_eq!(runs.step(Event::Shutdown), Effect::Ignore(Ignored::AlreadyStopping));
        assert_eq!(runs.step(Event::Ended), Effect::Ignore(Ignored::Unknown));
        assert_eq!(runs.step(action("c")), Effect::Ignore(Ignored::ShuttingDown));
        assert!(!runs.is_active());
    }

    #[test]
    fn an_abort_during_a_shutdown_gives_the_run_up() {
        let mut runs = Runs::default();
        runs.step(action("a"));
        assert_eq!(runs.step(Event::Shutdown), Effect::Stop(StopReason::Shutdown));
        assert_eq!(runs.step(abort("b")), Effect::Ignore(Ignored::Unknown));
        assert_eq!(runs.step(abort("a")), Effect::Stop(StopReason::Aborted));
        assert_eq!(runs.step(abort("a")), Effect::Ignore(Ignored::AlreadyStopping));
        assert_eq!(runs.step(Event::Ended), Effect::Ignore(Ignored::Unknown));
    }
}
