//! The process machine against random histories, and the histories that matter one by one.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::state::{Action, Ending, Event, Limits, Machine, Stage, State, StopReason, Timer, Urgency, step};

const LIMITS: Limits = Limits {
    spawn: Duration::from_secs(5),
    handshake: Duration::from_secs(10),
    stall: Duration::from_mins(1),
    drain: Duration::from_secs(5),
    asked: Duration::from_secs(2),
    grace: Duration::from_secs(10),
    killed: Duration::from_secs(5),
    sweep: Duration::from_millis(200),
};

/// A machine with everything it ever said.
struct History {
    machine: Machine,
    actions: Vec<Action>,
    now: Instant,
    twice: bool,
}

impl History {
    fn new(limits: Limits) -> Self {
        let now = Instant::now();
        Self { machine: Machine::new(limits, now), actions: Vec::new(), now, twice: false }
    }

    fn after(events: &[Event]) -> Self {
        let mut history = Self::new(LIMITS);
        for event in events {
            history.tell(*event);
        }
        history
    }

    fn tell(&mut self, event: Event) -> Vec<Action> {
        self.twice |= matches!(event, Event::Stop(_, Urgency::Twice));
        let (machine, actions) = step(self.machine.clone(), event, self.now);
        self.machine = machine;
        self.actions.extend(&actions);
        actions
    }

    /// Lets the clock run out, if one runs.
    fn wait(&mut self) -> Option<Timer> {
        let (timer, epoch, at) = self.machine.due()?;
        self.now = self.now.max(at);
        self.tell(Event::Fired(timer, epoch));
        Some(timer)
    }

    fn count(&self, action: Action) -> usize {
        self.actions.iter().filter(|known| **known == action).count()
    }

    fn position(&self, action: Action) -> Option<usize> {
        self.actions.iter().position(|known| *known == action)
    }
}

#[derive(Debug, Clone, Copy)]
enum Happening {
    Event(Event),
    ClockRunsOut,
    LateExpiry(Timer),
    TimePasses(u16),
}

fn happening() -> impl Strategy<Value = Happening> {
    let reasons = vec![
        StopReason::Requested,
        StopReason::Violation,
        StopReason::Rejected,
        StopReason::NoProgress,
        StopReason::Deadline,
        StopReason::Memory,
        StopReason::Host,
    ];
    let frequent = vec![
        Event::Spawned,
        Event::Welcomed,
        Event::JobOpened,
        Event::Ready,
        Event::Frame,
        Event::JobClosed,
        Event::PipesClosed,
        Event::Paused,
        Event::Resumed,
    ];
    let rare = vec![Event::SpawnFailed, Event::Close, Event::LinkClosed, Event::Exited];
    let timers = vec![Timer::Spawn, Timer::Handshake, Timer::Stall, Timer::Drain, Timer::Grace, Timer::Sweep];
    prop_oneof![
        12 => prop::sample::select(frequent).prop_map(Happening::Event),
        2 => prop::sample::select(rare).prop_map(Happening::Event),
        1 => prop::sample::select(reasons.clone())
            .prop_map(|reason| Happening::Event(Event::Stop(reason, Urgency::Once))),
        1 => Just(Happening::Event(Event::Stop(StopReason::Requested, Urgency::Twice))),
        3 => Just(Happening::ClockRunsOut),
        2 => prop::sample::select(timers).prop_map(Happening::LateExpiry),
        2 => any::<u16>().prop_map(Happening::TimePasses),
    ]
}

fn fits(state: State, timer: Timer) -> bool {
    match state {
        State::Spawning => timer == Timer::Spawn,
        State::Handshaking => timer == Timer::Handshake,
        State::Collecting => timer == Timer::Stall,
        State::Draining => timer == Timer::Drain,
        State::Stopping(Stage::Asked) => timer == Timer::Asked,
        State::Stopping(Stage::Termed) => timer == Timer::Grace,
        State::Stopping(Stage::Killed) => timer == Timer::Killed,
        State::Sweeping => timer == Timer::Sweep,
        State::Ended(_) => false,
    }
}

fn check(history: &History, limits: Limits) -> Result<(), TestCaseError> {
    let state = history.machine.state();
    let ended = matches!(state, State::Ended(_));
    prop_assert_eq!(history.count(Action::End), usize::from(ended), "the end is told once");
    prop_assert!(history.count(Action::SweepAndReap) <= 1);
    if let Some(reaped) = history.position(Action::SweepAndReap) {
        let after = &history.actions[reaped + 1..];
        prop_assert!(
            !after.iter().any(|action| matches!(action, Action::Terminate | Action::Kill)),
            "{after:?}"
        );
    }
    if let Some(killed) = history.position(Action::Kill) {
        let termed = history.position(Action::Terminate).is_some_and(|termed| termed < killed);
        prop_assert!(termed || history.twice || limits.grace.is_zero(), "SIGKILL without SIGTERM");
    }
    if let Some((timer, ..)) = history.machine.due() {
        prop_assert!(fits(state, timer), "{timer:?} runs in {state:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_history_keeps_the_rules_and_any_stop_leads_to_the_end(
        happenings in prop::collection::vec(happening(), 0..40),
        no_grace: bool,
    ) {
        let grace = if no_grace { Duration::ZERO } else { LIMITS.grace };
        let limits = Limits { grace, ..LIMITS };
        let mut history = History::new(limits);
        for happening in happenings {
            let before = (history.machine.state(), history.machine.stop(), history.machine.stage());
            let told = match happening {
                Happening::Event(event) => history.tell(event),
                Happening::ClockRunsOut => {
                    history.wait();
                    Vec::new()
                }
                Happening::LateExpiry(timer) => {
                    let told = history.tell(Event::Fired(timer, 0));
                    prop_assert!(told.is_empty(), "a late expiry did something");
                    told
                }
                Happening::TimePasses(seconds) => {
                    history.now += Duration::from_secs(seconds.into());
                    Vec::new()
                }
            };
            if matches!(before.0, State::Ended(_)) {
                prop_assert!(told.is_empty(), "{told:?} after the end");
                prop_assert_eq!(history.machine.state(), before.0);
            }
            prop_assert!(before.1.is_none() || history.machine.stop() == before.1, "the first reason wins");
            prop_assert!(history.machine.stage() >= before.2, "stages only rise");
            check(&history, limits)?;
        }
        history.tell(Event::Resumed);
        history.tell(Event::Stop(StopReason::Requested, Urgency::Once));
        for _ in 0..8 {
            history.wait();
            check(&history, limits)?;
        }
        prop_assert!(matches!(history.machine.state(), State::Ended(_)), "{:?}", history.machine.state());
    }

    /// A process that exits, at whatever moment, is swept, reaped and told about.
    #[test]
    fn an_exit_always_leads_to_the_end(happenings in prop::collection::vec(happening(), 0..30)) {
        let mut history = History::after(&[Event::Spawned]);
        for happening in happenings {
            match happening {
                Happening::Event(event) => drop(history.tell(event)),
                Happening::ClockRunsOut => drop(history.wait()),
                Happening::LateExpiry(_) | Happening::TimePasses(_) => {}
            }
        }
        let unkillable = history.machine.state() == State::Ended(Ending::Unkillable);
        history.tell(Event::Exited);
        history.tell(Event::Resumed);
        history.wait();
        let ending = if unkillable { Ending::Unkillable } else { Ending::Exited };
        prop_assert_eq!(history.machine.state(), State::Ended(ending));
        prop_assert_eq!(history.count(Action::SweepAndReap), usize::from(!unkillable));
    }
}

const COLLECTING: [Event; 4] = [Event::JobOpened, Event::Spawned, Event::Welcomed, Event::Ready];

#[test]
fn a_silent_child_is_asked_terminated_killed_and_given_up() {
    use Action::{AbandonProcess, DropLink, DropPipes, End, Kill, SendCancel, Terminate};

    let mut history = History::after(&COLLECTING);
    let mut timers = Vec::new();
    while let Some(timer) = history.wait() {
        timers.push(timer);
    }
    assert_eq!(timers, [Timer::Stall, Timer::Asked, Timer::Grace, Timer::Killed]);
    assert_eq!(history.machine.state(), State::Ended(Ending::Unkillable));
    assert_eq!(history.machine.stop(), Some(StopReason::Stall));
    assert_eq!(history.actions, [SendCancel, Terminate, Kill, AbandonProcess, DropPipes, DropLink, End]);
}

#[test]
fn the_good_life_needs_no_force() {
    let mut history = History::after(&COLLECTING);
    for event in [Event::Frame, Event::JobClosed, Event::Close, Event::LinkClosed, Event::Exited] {
        history.tell(event);
    }
    assert_eq!(history.machine.state(), State::Sweeping);
    history.tell(Event::PipesClosed);
    assert_eq!(history.machine.state(), State::Ended(Ending::Exited));
    assert_eq!(history.actions, [Action::CloseLink, Action::SweepAndReap, Action::End]);
    assert_eq!(history.machine.died_in(), State::Draining);
    assert!(!history.machine.leaked());
}

#[test]
fn frames_hold_off_the_stall_and_pauses_stop_it() {
    let mut history = History::after(&COLLECTING);
    let due = |history: &History| history.machine.due().map(|(.., at)| at);
    history.now += Duration::from_secs(59);
    history.tell(Event::Frame);
    assert_eq!(due(&history), Some(history.now + LIMITS.stall));
    history.now += Duration::from_secs(50);
    history.tell(Event::Paused);
    assert_eq!(due(&history), None, "our own slowness is not the child's");
    history.now += Duration::from_hours(1);
    history.tell(Event::Resumed);
    assert_eq!(due(&history), Some(history.now + Duration::from_secs(10)));
}

#[test]
fn an_idle_child_owes_nothing() {
    let mut history = History::after(&[Event::Spawned, Event::Welcomed]);
    assert_eq!(history.machine.due(), None, "welcome, and no job yet");
    history.tell(Event::JobOpened);
    assert_eq!(history.machine.due().unwrap().0, Timer::Handshake);
    history.tell(Event::Ready);
    history.tell(Event::JobClosed);
    assert_eq!((history.machine.state(), history.machine.due()), (State::Collecting, None));
    history.tell(Event::JobOpened);
    assert_eq!(history.machine.due().unwrap().0, Timer::Stall);
}

#[test]
fn a_stop_before_the_birth_waits_for_it() {
    let mut history = History::after(&[Event::Stop(StopReason::Requested, Urgency::Once)]);
    assert_eq!(history.machine.state(), State::Spawning);
    assert_eq!(history.tell(Event::Spawned), [Action::Terminate]);
    let mut history = History::after(&[Event::Stop(StopReason::Requested, Urgency::Twice)]);
    assert_eq!(history.tell(Event::Spawned), [Action::Kill]);
}

#[test]
fn what_is_in_the_socket_of_a_dead_child_gets_more_time_than_its_pipes() {
    let mut history = History::after(&COLLECTING);
    history.tell(Event::Exited);
    let left = |history: &History| history.machine.due().unwrap().2 - history.now;
    assert_eq!(left(&history), LIMITS.drain);
    history.tell(Event::LinkClosed);
    assert_eq!(left(&history), LIMITS.sweep);
    assert_eq!(history.wait(), Some(Timer::Sweep));
    assert!(history.machine.leaked());
    assert_eq!(history.machine.state(), State::Ended(Ending::Exited));
}

#[test]
fn a_lost_connection_gives_the_child_a_moment_to_exit() {
    let mut history = History::after(&COLLECTING);
    assert_eq!(history.tell(Event::LinkClosed), []);
    assert_eq!(history.machine.state(), State::Stopping(Stage::Asked));
    assert_eq!(history.wait(), Some(Timer::Asked));
    assert_eq!(history.machine.stop(), Some(StopReason::LinkLost));
    assert_eq!(history.actions, [Action::Terminate]);
}
