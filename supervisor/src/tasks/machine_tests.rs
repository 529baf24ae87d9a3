use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const BUDGET: Duration = Duration::from_secs(29);
const SECOND: Duration = Duration::from_secs(1);

fn whom(account: &str) -> Whom {
    Whom { collector: "aws".into(), account: Some(account.into()) }
}

fn arrived(task: u64, account: &str) -> Event {
    Event::Arrived { task: TaskId(task), whom: whom(account), budget: BUDGET }
}

fn ended(child: u64, end: JobEnd) -> Event {
    Event::Ended(ChildId(child), end)
}

/// A machine with tasks 1 to `count` of one account.
fn with_tasks(count: u64, account: &str, now: Instant) -> (Machine, Vec<Effect>) {
    let mut machine = Machine::default();
    let effects = (1..=count).flat_map(|task| machine.step(arrived(task, account), now)).collect();
    (machine, effects)
}

#[test]
fn a_child_is_reused_for_its_account_only() {
    let now = Instant::now();
    let (mut machine, effects) = with_tasks(1, "a", now);
    assert_eq!(effects, [Effect::Start(ChildId(1), TaskId(1))]);
    assert_eq!(machine.step(ended(1, JobEnd::Reusable), now), [Effect::Deliver(TaskId(1))]);
    assert_eq!(machine.step(arrived(2, "b"), now), [Effect::Start(ChildId(2), TaskId(2))]);
    assert_eq!(machine.step(arrived(3, "a"), now), [Effect::Reuse(ChildId(1), TaskId(3))]);
    assert_eq!(machine.step(arrived(4, "a"), now), [Effect::Start(ChildId(3), TaskId(4))], "1 is busy");
}

#[test]
fn an_idle_child_goes_after_a_while() {
    let now = Instant::now();
    let (mut machine, _) = with_tasks(1, "a", now);
    machine.step(ended(1, JobEnd::Reusable), now);
    assert_eq!(machine.wake_at(), Some(now + KEEP));
    assert_eq!(machine.step(Event::Tick, now + Duration::from_secs(9)), []);
    assert_eq!(machine.step(Event::Tick, now + KEEP), [Effect::Close(ChildId(1))]);
    assert_eq!(
        machine.step(arrived(2, "a"), now + KEEP),
        [Effect::Start(ChildId(2), TaskId(2))],
        "one that is leaving serves nobody"
    );
    machine.step(Event::Gone(ChildId(1)), now);
    machine.step(ended(2, JobEnd::Spent), now);
    assert!(!machine.is_empty());
    machine.step(Event::Gone(ChildId(2)), now);
    assert!(machine.is_empty());
}

#[test]
fn a_hundred_tasks_take_twenty_children() {
    let now = Instant::now();
    let (mut machine, effects) = with_tasks(100, "a", now);
    assert_eq!(effects.len(), CHILDREN);
    assert_eq!(machine.counts(), (80, 20));
    for task in 1..=80 {
        let child = (task - 1) % 20 + 1;
        let effects = machine.step(ended(child, JobEnd::Reusable), now);
        let expected = [Effect::Deliver(TaskId(task)), Effect::Reuse(ChildId(child), TaskId(task + 20))];
        assert_eq!(effects, expected, "in the order they came");
    }
    for child in 1..=20 {
        machine.step(ended(child, JobEnd::Reusable), now);
    }
    assert_eq!(machine.counts(), (0, 0));
}

#[test]
fn a_full_queue_refuses_what_comes_next() {
    let now = Instant::now();
    let all = u64::try_from(CHILDREN + WAITING).unwrap();
    let (mut machine, effects) = with_tasks(all, "a", now);
    assert_eq!(effects.len(), CHILDREN);
    let refused = [Effect::Refuse(TaskId(all + 1), Refusal::TooMany)];
    assert_eq!(machine.step(arrived(all + 1, "a"), now), refused);
}

#[test]
fn a_busy_account_does_not_starve_another() {
    let now = Instant::now();
    let (mut machine, _) = with_tasks(20, "a", now);
    machine.step(arrived(21, "b"), now);
    machine.step(arrived(22, "a"), now);
    let effects = machine.step(ended(1, JobEnd::Reusable), now);
    assert_eq!(effects, [Effect::Deliver(TaskId(1)), Effect::Close(ChildId(1))], "21 was first");
    let effects = machine.step(ended(2, JobEnd::Reusable), now);
    assert_eq!(effects, [Effect::Deliver(TaskId(2)), Effect::Reuse(ChildId(2), TaskId(22))]);
    assert_eq!(machine.step(Event::Gone(ChildId(1)), now), [Effect::Start(ChildId(21), TaskId(21))]);
}

#[test]
fn a_late_task_is_answered_and_its_child_killed() {
    let now = Instant::now();
    let (mut machine, _) = with_tasks(21, "a", now);
    assert_eq!(machine.wake_at(), Some(now + Duration::from_secs(27)));
    let effects = machine.step(Event::Tick, now + Duration::from_secs(27));
    assert_eq!(effects, [Effect::Refuse(TaskId(21), Refusal::NoTurn)], "nothing was begun");
    assert_eq!(machine.wake_at(), Some(now + BUDGET));
    let effects = machine.step(Event::Tick, now + BUDGET);
    assert_eq!(effects.len(), 40);
    assert_eq!(effects[..2], [Effect::Refuse(TaskId(1), Refusal::TooSlow), Effect::Kill(ChildId(1))]);
    assert_eq!(machine.step(ended(1, JobEnd::Spent), now + BUDGET), [], "answered already");
    assert_eq!(machine.wake_at(), None);
    let later = now + BUDGET + SECOND;
    assert_eq!(machine.step(arrived(22, "a"), later), [], "its place is not free yet");
    assert_eq!(machine.step(Event::Gone(ChildId(1)), later), [Effect::Start(ChildId(21), TaskId(22))]);
}

#[test]
fn a_crash_costs_its_task_only() {
    let now = Instant::now();
    let (mut machine, _) = with_tasks(21, "a", now);
    let effects = machine.step(ended(1, JobEnd::Spent), now);
    assert_eq!(effects, [Effect::Deliver(TaskId(1)), Effect::Close(ChildId(1))]);
    assert_eq!(machine.step(Event::Gone(ChildId(1)), now), [Effect::Start(ChildId(21), TaskId(21))]);
}

#[test]
fn a_task_that_met_a_dead_child_gets_a_new_one_once() {
    let now = Instant::now();
    let (mut machine, _) = with_tasks(2, "a", now);
    machine.step(ended(1, JobEnd::Reusable), now);
    machine.step(ended(2, JobEnd::Reusable), now);
    assert_eq!(machine.step(arrived(3, "a"), now), [Effect::Reuse(ChildId(2), TaskId(3))]);
    let effects = machine.step(ended(2, JobEnd::NotBegun), now);
    assert_eq!(effects, [Effect::Close(ChildId(2)), Effect::Start(ChildId(3), TaskId(3))], "not the idle 1");
    let effects = machine.step(ended(3, JobEnd::NotBegun), now);
    assert_eq!(
        effects,
        [Effect::Deliver(TaskId(3)), Effect::Close(ChildId(3))],
        "a new one that fails is told"
    );
}

#[test]
fn children_with_old_settings_serve_no_further_task() {
    let now = Instant::now();
    let (mut machine, _) = with_tasks(2, "a", now);
    machine.step(ended(1, JobEnd::Reusable), now);
    assert_eq!(machine.step(Event::NewSettings, now), [Effect::Close(ChildId(1))]);
    let effects = machine.step(ended(2, JobEnd::Reusable), now);
    assert_eq!(effects, [Effect::Deliver(TaskId(2)), Effect::Close(ChildId(2))]);
    assert_eq!(machine.step(arrived(3, "a"), now), [Effect::Start(ChildId(3), TaskId(3))]);
}

#[test]
fn a_lost_connection_takes_what_waits_along_and_lets_go_on_what_runs() {
    let now = Instant::now();
    let (mut machine, _) = with_tasks(21, "a", now);
    assert_eq!(machine.step(Event::Withdrawn(TaskId(21)), now), [Effect::Forget(TaskId(21))]);
    assert_eq!(machine.step(Event::Withdrawn(TaskId(1)), now), []);
    assert_eq!(machine.step(ended(1, JobEnd::Reusable), now), [Effect::Forget(TaskId(1))]);
    assert_eq!(machine.step(Event::Withdrawn(TaskId(1)), now), []);
}

#[test]
fn a_shutdown_lets_go_on_what_runs_until_it_is_given_up() {
    let now = Instant::now();
    let (mut machine, _) = with_tasks(22, "a", now);
    machine.step(arrived(23, "b"), now);
    let refused = |task| Effect::Refuse(TaskId(task), Refusal::ShuttingDown);
    assert_eq!(machine.step(Event::ShutDown, now), [refused(21), refused(22), refused(23)]);
    assert_eq!(machine.step(arrived(24, "a"), now), [refused(24)]);
    let effects = machine.step(ended(1, JobEnd::Reusable), now);
    assert_eq!(effects, [Effect::Deliver(TaskId(1)), Effect::Close(ChildId(1))]);
    let effects = machine.step(Event::GiveUp, now);
    assert_eq!(effects[0], Effect::Kill(ChildId(1)), "it lingers");
    assert_eq!(effects[1..3], [Effect::Refuse(TaskId(2), Refusal::GivenUp), Effect::Kill(ChildId(2))]);
    assert_eq!(machine.counts(), (0, 0));
    for child in 1..=20 {
        assert!(!machine.is_empty());
        machine.step(ended(child, JobEnd::Spent), now);
        machine.step(Event::Gone(ChildId(child)), now);
    }
    assert!(machine.is_empty());
}

/// What the shell would do, and what must hold of it.
#[derive(Default)]
struct World {
    machine: Machine,
    open: BTreeSet<TaskId>,
    /// Processes with the job they have.
    children: BTreeMap<ChildId, Option<TaskId>>,
    whom: BTreeMap<TaskId, Whom>,
    serves: BTreeMap<ChildId, Whom>,
    outdated: BTreeSet<ChildId>,
    closed: BTreeSet<ChildId>,
    tasks: u64,
}

impl World {
    fn feed(&mut self, event: Event, now: Instant) {
        if let Event::Arrived { task, whom, .. } = &event {
            self.open.insert(*task);
            self.whom.insert(*task, whom.clone());
        }
        for effect in self.machine.step(event, now) {
            match effect {
                Effect::Start(child, task) => {
                    assert!(self.open.contains(&task) && !self.closed.contains(&child));
                    assert_eq!(self.children.insert(child, Some(task)), None, "a new child");
                    self.serves.insert(child, self.whom[&task].clone());
                }
                Effect::Reuse(child, task) => {
                    assert!(self.open.contains(&task) && !self.closed.contains(&child));
                    assert!(!self.outdated.contains(&child));
                    assert_eq!(self.serves[&child], self.whom[&task]);
                    assert_eq!(self.children.insert(child, Some(task)), Some(None), "an idle child");
                }
                Effect::Deliver(task) | Effect::Refuse(task, _) | Effect::Forget(task) => {
                    assert!(self.open.remove(&task), "each is answered once");
                }
                Effect::Close(child) | Effect::Kill(child) => {
                    assert!(self.children.contains_key(&child));
                    self.closed.insert(child);
                }
            }
        }
        assert!(self.children.len() <= CHILDREN);
        assert!(self.machine.counts().0 <= WAITING + 1);
    }

    fn any_child(&self, pick: usize, busy: bool) -> Option<ChildId> {
        let fitting: Vec<_> =
            self.children.iter().filter(|(_, job)| job.is_some() == busy).map(|(id, _)| *id).collect();
        (!fitting.is_empty()).then(|| fitting[pick % fitting.len()])
    }

    fn random(&mut self, kind: u8, pick: usize, now: Instant) {
        match kind {
            0..40 => {
                self.tasks += 1;
                self.feed(arrived(self.tasks, ["a", "b", "c"][pick % 3]), now);
            }
            40..75 => {
                let Some(child) = self.any_child(pick, true) else { return };
                let end = [JobEnd::Reusable, JobEnd::Reusable, JobEnd::Spent, JobEnd::NotBegun][pick % 4];
                self.children.insert(child, None);
                self.feed(Event::Ended(child, end), now);
            }
            75..90 => {
                let Some(child) = self.any_child(pick, false) else { return };
                self.children.remove(&child);
                self.feed(Event::Gone(child), now);
            }
            90..94 => self.feed(Event::Withdrawn(TaskId(pick as u64 % (self.tasks + 1))), now),
            94..96 => {
                self.outdated.extend(self.children.keys());
                self.feed(Event::NewSettings, now);
            }
            _ => self.feed(Event::Tick, now),
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_each_task_is_answered_once(
        events in prop::collection::vec((0_u8..100, 0_usize..1000, 0_u64..4000), 0..400)
    ) {
        let mut now = Instant::now();
        let mut world = World::default();
        for (kind, pick, millis) in events {
            now += Duration::from_millis(millis / 10);
            world.random(kind, pick, now);
            if kind == 99 {
                prop_assert!(world.machine.wake_at().is_none_or(|wake| wake > now));
            }
        }
        now += BUDGET;
        world.feed(Event::Tick, now);
        prop_assert!(world.open.is_empty(), "time answers everything: {:?}", world.open);
        world.feed(Event::ShutDown, now);
        world.feed(Event::GiveUp, now);
        for (child, job) in std::mem::take(&mut world.children) {
            if job.is_some() {
                world.machine.step(Event::Ended(child, JobEnd::Spent), now);
            }
            world.machine.step(Event::Gone(child), now);
        }
        prop_assert!(world.machine.is_empty());
        prop_assert_eq!(world.machine.wake_at(), None);
    }
}
