//! The transitions of the process machine as a table, made by asking the machine.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::state::{Action, Event, Limits, Machine, StopReason, Timer, Urgency, step};

/// A markdown table: for each state, what each event leads to, and which actions come with it. Events that
/// change nothing are left out. Jobs: the rows are for one open job unless they say "idle".
pub fn transition_table() -> String {
    let mut table = String::from("| state | event | next | actions |\n|---|---|---|---|\n");
    for (name, machine) in examples() {
        for (event_name, event) in events(&machine) {
            let (after, actions) = step(machine.clone(), event, later());
            if after.state() == machine.state() && actions.is_empty() {
                continue;
            }
            let actions: Vec<_> = actions.into_iter().map(phrase).collect();
            let _infallible = writeln!(
                table,
                "| {name} | {event_name} | {} | {} |",
                after.state().name(),
                actions.join(", ")
            );
        }
    }
    table
}

fn start() -> Instant {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

fn later() -> Instant {
    start() + Duration::from_secs(1)
}

fn after(events: &[Event]) -> Machine {
    let limits = Limits {
        spawn: Duration::from_secs(5),
        handshake: Duration::from_secs(10),
        stall: Duration::from_mins(1),
        drain: Duration::from_secs(5),
        asked: Duration::from_secs(2),
        grace: Duration::from_secs(10),
        killed: Duration::from_secs(5),
        sweep: Duration::from_millis(200),
    };
    let machine = Machine::new(limits, start());
    events.iter().fold(machine, |machine, event| step(machine, *event, start()).0)
}

fn examples() -> Vec<(&'static str, Machine)> {
    use Event::{Close, Exited, JobClosed, JobOpened, Ready, Spawned, Stop, Welcomed};
    let collecting = [JobOpened, Spawned, Welcomed, Ready];
    let more = |last: &[Event]| after(&[&collecting[..], last].concat());
    let requested = Stop(StopReason::Requested, Urgency::Once);
    vec![
        ("spawning", after(&[JobOpened])),
        ("spawning, stop wanted", after(&[JobOpened, requested])),
        ("handshaking", after(&[JobOpened, Spawned])),
        ("handshaking, welcomed", after(&[JobOpened, Spawned, Welcomed])),
        ("collecting", more(&[])),
        ("collecting, idle", more(&[JobClosed])),
        ("collecting, closing", more(&[Close])),
        ("draining", more(&[JobClosed, Close])),
        ("stopping (asked)", more(&[requested])),
        ("stopping (terminated)", more(&[Stop(StopReason::Violation, Urgency::Once)])),
        ("stopping (killed)", more(&[Stop(StopReason::Requested, Urgency::Twice)])),
        ("sweeping", more(&[Exited])),
        ("sweeping, connection at its end", more(&[Exited, Event::LinkClosed])),
    ]
}

fn events(machine: &Machine) -> Vec<(&'static str, Event)> {
    let mut events = vec![
        ("spawned", Event::Spawned),
        ("spawn failed", Event::SpawnFailed),
        ("welcomed", Event::Welcomed),
        ("job opened", Event::JobOpened),
        ("ready", Event::Ready),
        ("frame", Event::Frame),
        ("job closed", Event::JobClosed),
        ("no more jobs", Event::Close),
        ("connection closed", Event::LinkClosed),
        ("exited", Event::Exited),
        ("output closed", Event::PipesClosed),
        ("stop: asked for", Event::Stop(StopReason::Requested, Urgency::Once)),
        ("stop: violation", Event::Stop(StopReason::Violation, Urgency::Once)),
        ("stop: twice", Event::Stop(StopReason::Requested, Urgency::Twice)),
        ("reading paused", Event::Paused),
        ("reading resumed", Event::Resumed),
    ];
    if let Some((timer, epoch, _)) = machine.due() {
        events.push((timer_name(timer), Event::Fired(timer, epoch)));
    }
    events
}

fn timer_name(timer: Timer) -> &'static str {
    match timer {
        Timer::Spawn => "timer: spawn",
        Timer::Handshake => "timer: handshake",
        Timer::Stall => "timer: stall",
        Timer::Drain => "timer: drain",
        Timer::Asked => "timer: asked",
        Timer::Grace => "timer: grace",
        Timer::Killed => "timer: killed",
        Timer::Sweep => "timer: sweep",
    }
}

fn phrase(action: Action) -> &'static str {
    match action {
        Action::SendCancel => "send Cancel",
        Action::CloseLink => "close our half of the connection",
        Action::Terminate => "SIGTERM and SIGCONT to the group",
        Action::Kill => "SIGKILL to the group",
        Action::SweepAndReap => "SIGKILL to the rest of the group, reap",
        Action::DropPipes => "let go of the output",
        Action::DropLink => "let go of the connection",
        Action::AbandonSpawn => "abandon the start",
        Action::AbandonProcess => "leave it to the reaper",
        Action::End => "end",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::state::{Stage, State};

    #[test]
    fn the_table_is_what_architecture_says() {
        let document = include_str!("../../../../ARCHITECTURE.md");
        let table = transition_table();
        assert!(document.contains(&table), "put this table into ARCHITECTURE.md:\n{table}");
    }

    #[test]
    fn the_examples_are_where_they_claim_to_be() {
        for (name, machine) in examples() {
            assert!(name.starts_with(machine.state().name()), "{name}: {:?}", machine.state());
        }
        let stages = [Stage::Asked, Stage::Termed, Stage::Killed].map(State::Stopping);
        for stage in stages {
            assert!(examples().iter().any(|(_, machine)| machine.state() == stage), "{stage:?}");
        }
    }
}
