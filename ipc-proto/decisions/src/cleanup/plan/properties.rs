//! Random graphs, random answers, random deaths: what always holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const ACCOUNTS: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Luck {
    Gone,
    Later,
    Failed,
    Refused,
    Dies,
    Stops,
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        8 => Just(Luck::Gone),
        3 => Just(Luck::Later),
        1 => Just(Luck::Failed),
        1 => Just(Luck::Refused),
        3 => Just(Luck::Dies),
    ]
}

fn classes() -> impl Strategy<Value = Class> {
    prop_oneof![
        6 => Just(Class::Passing),
        1 => Just(Class::OutOfMemory),
        1 => Just(Class::Deadline),
        1 => Just(Class::Lasting),
    ]
}

/// Item n may depend on smaller numbers only, so there is no circle.
fn plans() -> impl Strategy<Value = Vec<Item>> {
    let dependents = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    let one = (0..ACCOUNTS, dependents, prop::bool::weighted(0.08), prop::bool::weighted(0.3));
    prop::collection::vec(one, 0..25).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered
            .map(|(number, (account, dependents, refused, held))| Item {
                held,
                ..item(number, account, &dependents, refused)
            })
            .collect()
    })
}

fn item(number: usize, account: usize, dependents: &[prop::sample::Index], refused: bool) -> Item {
    let smaller = dependents.iter().filter(|_| number > 0);
    let dependents: BTreeSet<usize> = smaller.map(|index| index.index(number)).collect();
    let fate = refused.then(|| Fate::Refused("it is protected".into()));
    let dependents = dependents.into_iter().collect();
    Item { name: format!("r{number}"), account: Some(account), dependents, held: false, fate }
}

struct World {
    items: Vec<Item>,
    rules: Rules,
    planner: Planner,
    now: Instant,
    fates: BTreeMap<usize, Fate>,
    passes: BTreeMap<usize, Vec<usize>>,
    closing: Vec<usize>,
    alive: Vec<bool>,
    finished: bool,
    stopped: bool,
}

impl World {
    fn step(&mut self, event: Event) -> Result<(), TestCaseError> {
        let effects = self.planner.step(event, self.now);
        for effect in effects {
            prop_assert!(!self.finished, "nothing happens after the end");
            self.perform(effect)?;
        }
        let children = self.alive.iter().filter(|alive| **alive).count();
        prop_assert!(children <= self.rules.pool, "more children than the pool has");
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> Result<(), TestCaseError> {
        match effect {
            Effect::Start { account, items, .. } => {
                prop_assert!(!self.stopped, "a pass after the stop");
                prop_assert!(!items.is_empty() && !self.passes.contains_key(&account));
                for item in &items {
                    prop_assert_eq!(self.items[*item].account, Some(account));
                    prop_assert!(!self.fates.contains_key(item), "asked for after its fate: {}", item);
                    for dependent in &self.items[*item].dependents {
                        let gone = self.fates.get(dependent).is_some_and(Fate::makes_room);
                        prop_assert!(gone, "{} is asked for before {}", item, dependent);
                    }
                }
                self.alive[account] = true;
                self.passes.insert(account, items);
            }
            Effect::Close { account } => {
                prop_assert!(!self.passes.contains_key(&account), "closed within a pass");
                self.closing.push(account);
            }
            Effect::Interrupt { account } => prop_assert!(self.passes.contains_key(&account)),
            Effect::Ended { item, fate } => {
                prop_assert!(self.fates.insert(item, fate).is_none(), "two fates for {}", item);
            }
            Effect::Finished => self.finished = true,
        }
        Ok(())
    }

    fn pass_end(&mut self, account: usize, end: PassEnd) -> Result<(), TestCaseError> {
        self.passes.remove(&account);
        if end != PassEnd::Complete {
            self.alive[account] = false;
        }
        self.step(Event::PassEnded { account, end })
    }

    /// One pass, answered as luck has it.
    fn play(
        &mut self,
        account: usize,
        lucks: &mut impl Iterator<Item = Luck>,
        class: Class,
    ) -> Result<(), TestCaseError> {
        for item in self.passes[&account].clone() {
            let answer = match lucks.next().unwrap_or(Luck::Gone) {
                Luck::Gone => Answer::Gone,
                Luck::Later => Answer::Later("in use".into()),
                Luck::Failed => Answer::Failed("denied".into()),
                Luck::Refused => Answer::Refused("no".into()),
                Luck::Dies => {
                    let end = PassEnd::Failed { class, message: "dead".into(), jitter: 0.7 };
                    return self.pass_end(account, end);
                }
                Luck::Stops => {
                    self.stopped = true;
                    self.step(Event::Stop("somebody said so".into()))?;
                    for account in self.passes.keys().copied().collect::<Vec<_>>() {
                        let end =
                            PassEnd::Failed { class: Class::Cancelled, message: String::new(), jitter: 1.0 };
                        self.pass_end(account, end)?;
                    }
                    return Ok(());
                }
            };
            self.step(Event::Answered { item, answer })?;
        }
        self.pass_end(account, PassEnd::Complete)
    }

    fn run(
        &mut self,
        lucks: &mut impl Iterator<Item = Luck>,
        class: Class,
        pick: prop::sample::Index,
    ) -> Result<(), TestCaseError> {
        self.step(Event::Tick)?;
        for _ in 0..10_000 {
            if self.finished {
                return Ok(());
            }
            if let Some(account) = self.closing.pop() {
                self.alive[account] = false;
                self.step(Event::Closed { account })?;
            } else if !self.passes.is_empty() {
                let accounts: Vec<_> = self.passes.keys().copied().collect();
                self.play(accounts[pick.index(accounts.len())], lucks, class)?;
            } else {
                let at = self.planner.wake_at();
                prop_assert!(at.is_some(), "it hangs");
                self.now = at.unwrap_or(self.now).max(self.now);
                self.step(Event::Tick)?;
            }
        }
        prop_assert!(false, "it never ends");
        Ok(())
    }
}

proptest! {
    #[test]
    fn order_is_kept_everything_ends_once_and_the_run_terminates(
        items in plans(),
        lucks in prop::collection::vec(luck(), 0..200),
        stop in prop::option::of(0_usize..60),
        class in classes(),
        pool in 1_usize..4,
        dry_run: bool,
        give_up_held: bool,
        pick: prop::sample::Index,
    ) {
        let second = Duration::from_secs(1);
        let rules = Rules {
            pool,
            policy: Policy { max_attempts: 3, backoff_initial: second, backoff_max: 9 * second },
            pause: second,
            pause_max: 20 * second,
            patience: 60 * second,
            give_up_held,
            dry_run,
        };
        let mut world = World {
            planner: Planner::new(items.clone(), ACCOUNTS, rules),
            rules,
            now: Instant::now(),
            fates: BTreeMap::new(),
            passes: BTreeMap::new(),
            closing: Vec::new(),
            alive: vec![false; ACCOUNTS],
            finished: false,
            stopped: false,
            items,
        };
        let mut lucks = lucks;
        if let Some(at) = stop.filter(|at| *at < lucks.len()) {
            lucks[at] = Luck::Stops;
        }
        world.run(&mut lucks.into_iter(), class, pick)?;
        prop_assert_eq!(world.fates.len(), world.items.len(), "each has a fate");
        prop_assert!(world.alive.iter().all(|alive| !alive), "children are left");
        // What stays keeps what it depends on.
        for (number, item) in world.items.iter().enumerate() {
            if world.fates[&number].makes_room() {
                prop_assert!(item.dependents.iter().all(|dependent| world.fates[dependent].makes_room()));
            }
        }
    }
}
