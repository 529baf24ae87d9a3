//! When which resource is asked of which child: a machine over plain data. Time and chance are passed in.
//!
//! ```text
//!             dependents gone            answered
//!   open ------------------------> asked ----------> ended (Fate)
//!     ^                              |
//!     +---- later, or child died ----+
//! ```
//!
//! What goes with another resource (its owner) is joined to it: it holds nothing up any more, and ends as the owner ends.
//!
//! Per account one pass at a time: everything of it that may go now. An account needs one of the slots of the
//! pool as long as it has a child; one that only waits gives its slot up if another account is ready.

mod pass;

use std::time::{Duration, Instant};

use ipc_proto::clean::CleanOutcome;

use super::Fate;
use super::hold::Hold;
use crate::attempt::{Class, Policy, Tally};

/// The numbers of a run.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Children at once, at least 1.
    pub pool: usize,
    /// Attempts and pauses after a child failed.
    pub policy: Policy,
    /// The first pause before resources that could not go yet are tried again; it doubles.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// So long without any deletion, and what could not go yet is given up.
    pub patience: Duration,
    /// What is held by something that stays is given up as soon as it says the same twice, also before patience ends.
    pub give_up_held: bool,
    /// Nothing is deleted.
    pub dry_run: bool,
}

/// A resource, as far as the plan needs it.
#[derive(Debug, Clone)]
pub struct Item {
    /// For the reasons of others.
    pub name: String,
    /// Its account, by number. Without one it needs a fate.
    pub account: Option<usize>,
    /// Resources (by number) that have to be gone before; no circles.
    pub dependents: Vec<usize>,
    /// What depends on it stays whatever happens in this run, as far as the last collect knows.
    pub held: bool,
    /// It has ended before it began.
    pub fate: Option<Fate>,
}

impl Item {
    /// A resource with what keeps it; `fate` is what was decided about itself.
    pub fn new(name: String, account: Option<usize>, fate: Option<Fate>, hold: Hold) -> Self {
        let Hold { dependents, held, fate: kept, .. } = hold;
        Self { name, account, dependents, held, fate: fate.or(kept) }
    }
}

/// What a child said about a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is gone.
    Gone,
    /// A dry run: it would be deleted.
    Planned,
    /// Not yet, for this reason.
    Later(String),
    /// In vain, for this reason.
    Failed(String),
    /// It must not or cannot be deleted.
    Refused(String),
    /// It goes when this resource goes.
    GoesWith(usize),
}

impl Answer {
    /// What a child has said; `number` knows the resources of the run by the ids of their nodes.
    pub fn of(outcome: CleanOutcome, number: impl FnOnce(&str) -> Option<usize>) -> Self {
        match outcome {
            CleanOutcome::Gone => Self::Gone,
            CleanOutcome::Planned => Self::Planned,
            CleanOutcome::Later { reason } => Self::Later(reason),
            CleanOutcome::Failed { reason } => Self::Failed(reason),
            CleanOutcome::Refused { reason } => Self::Refused(reason),
            CleanOutcome::GoesWith { node_id } => match number(&node_id) {
                Some(owner) => Self::GoesWith(owner),
                None => Self::Refused(format!("it goes with {node_id}, which is not to be deleted")),
            },
        }
    }
}

/// How a pass of an account ended.
#[derive(Debug, Clone, PartialEq)]
pub enum PassEnd {
    /// Everything asked was answered.
    Complete,
    /// The child failed, and its process is gone.
    Failed {
        /// What the retry policy has to know.
        class: Class,
        /// What happened, for people.
        message: String,
        /// A factor in (0.5, 1] for the pause.
        jitter: f64,
    },
    /// The credentials of this worker do not get into the account, and the process is gone.
    Foreign {
        /// Whose they are, for people.
        message: String,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Begin, or time has passed.
    Tick,
    /// A child answered.
    Answered {
        /// Which resource.
        item: usize,
        /// What it said.
        answer: Answer,
    },
    /// A pass is over.
    PassEnded {
        /// Of which account.
        account: usize,
        /// How.
        end: PassEnd,
    },
    /// A child that had to be closed is gone.
    Closed {
        /// Of which account.
        account: usize,
    },
    /// No more passes; the phrase says why.
    Stop(String),
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Start a pass, in the account's child if it has one.
    Start {
        /// Of which account.
        account: usize,
        /// Which resources, in this order.
        items: Vec<usize>,
        /// The number of the attempt since the last one that got anything done, from 1.
        attempt: u32,
        /// One after the other: a dry run tells the order, and after a child has died over one of them the next
        /// death shall name the right one.
        careful: bool,
    },
    /// Close the account's child, then tell [`Event::Closed`].
    Close {
        /// Of which account.
        account: usize,
    },
    /// Stop the account's child: its pass shall end.
    Interrupt {
        /// Of which account.
        account: usize,
    },
    /// A resource has its fate.
    Ended {
        /// Which resource.
        item: usize,
        /// How.
        fate: Fate,
    },
    /// Everything has its fate, and no child is left.
    Finished,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Open,
    Asked,
    /// It ends with another one.
    Joined,
    Ended,
}

#[derive(Debug)]
struct Entry {
    item: Item,
    state: State,
    /// Dependents that are not gone.
    waits_for: usize,
    /// Those that wait for it.
    frees: Vec<usize>,
    /// Those that go with it.
    joined: Vec<usize>,
    /// How it ended.
    fate: Option<Fate>,
    /// Why it could not go when it was asked for the last time.
    later: Option<String>,
    /// How often in a row that was the reason.
    repeated: u32,
    /// How often it was asked for.
    tries: u32,
    /// How often a child died while it was working on it.
    deaths: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    None,
    Held,
    Closing,
}

#[derive(Debug)]
struct Account {
    items: Vec<usize>,
    slot: Slot,
    pass: Option<Pass>,
    /// Failed passes since anything got done.
    tally: Tally,
    /// Passes without deletion in a row.
    quiet: u32,
    /// Nothing is tried before: a child has failed.
    retry_at: Option<Instant>,
    /// What could not go yet is not tried before.
    later_at: Option<Instant>,
}

#[derive(Debug)]
struct Pass {
    asked: Vec<usize>,
    /// Resources that got their fate.
    ended: usize,
    /// Resources that are gone.
    gone: usize,
}

/// The machine.
#[derive(Debug)]
pub struct Planner {
    rules: Rules,
    entries: Vec<Entry>,
    accounts: Vec<Account>,
    /// When something was deleted, or the first pass began.
    progress: Option<Instant>,
    stopped: Option<String>,
    finished: bool,
}

impl Planner {
    /// A plan for `items` in so many `accounts`. It begins with the first [`Event::Tick`].
    pub fn new(items: Vec<Item>, accounts: usize, rules: Rules) -> Self {
        let mut frees = vec![Vec::new(); items.len()];
        for (number, item) in items.iter().enumerate() {
            for dependent in &item.dependents {
                frees[*dependent].push(number);
            }
        }
        let mut planner = Self {
            rules,
            entries: Vec::with_capacity(items.len()),
            accounts: (0..accounts).map(|_| Account::new()).collect(),
            progress: None,
            stopped: None,
            finished: false,
        };
        for ((number, item), frees) in items.into_iter().enumerate().zip(frees) {
            if let Some(account) = item.account {
                planner.accounts[account].items.push(number);
            }
            let waits_for = item.dependents.len();
            planner.entries.push(Entry {
                item,
                state: State::Open,
                waits_for,
                frees,
                joined: Vec::new(),
                fate: None,
                later: None,
                repeated: 0,
                tries: 0,
                deaths: 0,
            });
        }
        planner
    }

    /// Takes one event; the effects must be performed in their order.
    pub fn step(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.finished {
            return effects;
        }
        match event {
            Event::Tick => self.begin(&mut effects),
            Event::Answered { item, answer } => self.answered(item, answer, now, &mut effects),
            Event::PassEnded { account, end } => self.pass_ended(account, end, now, &mut effects),
            Event::Closed { account } => {
                let slot = &mut self.accounts[account].slot;
                *slot = if *slot == Slot::Closing { Slot::None } else { *slot };
            }
            Event::Stop(why) => self.stop(why, &mut effects),
        }
        self.go_on(now, &mut effects);
        effects
    }

    /// When to send the next [`Event::Tick`]; `None` if nothing waits for time to pass.
    pub fn wake_at(&self) -> Option<Instant> {
        if self.finished || self.stopped.is_some() {
            return None;
        }
        let waiting = self.accounts.iter().filter(|account| account.pass.is_none());
        waiting.filter_map(|account| self.due(account)).min()
    }

    /// Resources that have their fate, of how many; for progress.
    pub fn progress_of(&self, account: usize) -> (usize, usize) {
        let items = &self.accounts[account].items;
        let ended = items.iter().filter(|item| self.entries[**item].state == State::Ended).count();
        (ended, items.len())
    }

    /// Gives fates that were decided before, and everything that follows from them. Later it does nothing.
    fn begin(&mut self, effects: &mut Vec<Effect>) {
        for number in 0..self.entries.len() {
            if self.entries[number].state == State::Open
                && let Some(fate) = self.entries[number].item.fate.take()
            {
                self.end(number, fate, effects);
            }
        }
    }

    fn stop(&mut self, why: String, effects: &mut Vec<Effect>) {
        if self.stopped.is_some() {
            return;
        }
        self.stopped = Some(why);
        for account in 0..self.accounts.len() {
            if self.accounts[account].pass.is_some() {
                effects.push(Effect::Interrupt { account });
            }
        }
    }

    /// A resource has its fate: what waited for it may go, or stays as well.
    fn end(&mut self, number: usize, fate: Fate, effects: &mut Vec<Effect>) {
        let mut open = vec![(number, fate)];
        while let Some((number, fate)) = open.pop() {
            if self.entries[number].state == State::Ended {
                continue;
            }
            let held_up = self.entries[number].state != State::Joined;
            self.entries[number].state = State::Ended;
            self.entries[number].later = None;
            self.entries[number].fate = Some(fate.clone());
            for waiting in self.entries[number].frees.clone().into_iter().filter(|_| held_up) {
                if fate.makes_room() {
                    self.entries[waiting].waits_for -= 1;
                } else {
                    // What was decided about itself says more than what follows from others.
                    let own = self.entries[waiting].item.fate.take();
                    let fate = own.unwrap_or_else(|| self.consequence(number, waiting, &fate));
                    open.push((waiting, fate));
                }
            }
            for joined in std::mem::take(&mut self.entries[number].joined) {
                open.push((joined, self.shared(number, &fate)));
            }
            effects.push(Effect::Ended { item: number, fate });
        }
    }

    /// Something goes with `owner`: it makes room, also for the owner, and waits for its end.
    fn join(&mut self, number: usize, owner: usize, effects: &mut Vec<Effect>) {
        if owner == number || owner >= self.entries.len() {
            return self.end(number, Fate::Refused("it goes with nothing else".to_owned()), effects);
        }
        self.entries[number].state = State::Joined;
        self.entries[number].later = None;
        for waiting in self.entries[number].frees.clone() {
            self.entries[waiting].waits_for -= 1;
        }
        match self.entries[owner].fate.clone() {
            Some(fate) => self.end(number, self.shared(owner, &fate), effects),
            None => self.entries[owner].joined.push(number),
        }
    }

    /// The fate of what goes with `owner`.
    fn shared(&self, owner: usize, fate: &Fate) -> Fate {
        let name = &self.entries[owner].item.name;
        match fate {
            Fate::Gone => Fate::Gone,
            Fate::Planned => Fate::Planned,
            Fate::Refused(_) => Fate::Skipped(format!("it goes with {name}, which cannot be deleted")),
            Fate::Failed(_) => Fate::Skipped(format!("it goes with {name}, which could not be deleted")),
            Fate::Skipped(_) => Fate::Skipped(format!("it goes with {name}, which was not touched")),
            Fate::Unfinished(_) => {
                Fate::Unfinished(format!("it goes with {name}, which was not deleted in time"))
            }
            Fate::Elsewhere(_) => fate.clone(),
        }
    }

    /// The fate of what `number` depends on, when `number` stays.
    fn consequence(&self, number: usize, waiting: usize, fate: &Fate) -> Fate {
        let account = |number: usize| self.entries[number].item.account;
        let name = &self.entries[number].item.name;
        match fate {
            Fate::Refused(_) => Fate::Skipped(format!("{name} depends on it and cannot be deleted")),
            Fate::Failed(_) => Fate::Skipped(format!("{name} depends on it and could not be deleted")),
            Fate::Skipped(_) => Fate::Skipped(format!("{name} depends on it and was not touched")),
            Fate::Unfinished(_) => {
                Fate::Unfinished(format!("{name} depends on it and was not deleted in time"))
            }
            Fate::Elsewhere(_) if account(number) == account(waiting) => fate.clone(),
            Fate::Elsewhere(_) => {
                Fate::Skipped(format!("{name} depends on it and is left to a worker with credentials for it"))
            }
            // Whoever makes room has no such consequence.
            Fate::Gone | Fate::Planned => Fate::Skipped(format!("{name} depends on it")),
        }
    }
}

impl Account {
    fn new() -> Self {
        Self {
            items: Vec::new(),
            slot: Slot::None,
            pass: None,
            tally: Tally::default(),
            quiet: 0,
            retry_at: None,
            later_at: None,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
