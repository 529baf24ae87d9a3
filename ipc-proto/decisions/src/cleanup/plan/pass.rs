//! Passes: who starts, what the answers and the end of a pass change.

use std::time::Instant;

use super::{Account, Answer, Effect, Pass, PassEnd, Planner, Slot, State};
use crate::attempt::{self, Class, GiveUp, Tally, Verdict};
use crate::cleanup::Fate;

impl Planner {
    /// Starts what may start, closes what is not needed, and sees the end.
    pub(super) fn go_on(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if let Some(why) = self.stopped.clone() {
            self.wind_up(&why, effects);
        } else {
            self.start_passes(now, effects);
            self.give_up_stuck(effects);
        }
        self.close_idle(effects);
        let is_over = self.entries.iter().all(|entry| entry.state == State::Ended)
            && self.accounts.iter().all(|account| account.pass.is_none() && account.slot == Slot::None);
        if is_over {
            self.finished = true;
            effects.push(Effect::Finished);
        }
    }

    fn start_passes(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let mut wanting = false;
        for number in 0..self.accounts.len() {
            let items = self.ready(&self.accounts[number], now);
            if items.is_empty() {
                continue;
            }
            match self.accounts[number].slot {
                Slot::Held => self.start(number, items, now, effects),
                Slot::None if self.slots_in_use() < self.rules.pool.max(1) => {
                    self.accounts[number].slot = Slot::Held;
                    self.start(number, items, now, effects);
                }
                Slot::None => wanting = true,
                Slot::Closing => {}
            }
        }
        if wanting {
            self.make_room(effects);
        }
    }

    /// Takes the slot from an account that only waits.
    fn make_room(&mut self, effects: &mut Vec<Effect>) {
        let closing = self.accounts.iter().any(|account| account.slot == Slot::Closing);
        let idle = |account: &Account| account.slot == Slot::Held && account.pass.is_none();
        if !closing && let Some(number) = self.accounts.iter().position(idle) {
            self.accounts[number].slot = Slot::Closing;
            effects.push(Effect::Close { account: number });
        }
    }

    fn slots_in_use(&self) -> usize {
        self.accounts.iter().filter(|account| account.slot != Slot::None).count()
    }

    /// What of an account may go now: first what never killed a child, otherwise in the order given.
    fn ready(&self, account: &Account, now: Instant) -> Vec<usize> {
        if account.pass.is_some() || account.retry_at.is_some_and(|at| at > now) {
            return Vec::new();
        }
        let may_wait = account.later_at.is_some_and(|at| at > now);
        let is_ready = |item: &usize| {
            let entry = &self.entries[*item];
            entry.state == State::Open && entry.waits_for == 0 && !(may_wait && entry.later.is_some())
        };
        let mut items: Vec<usize> = account.items.iter().copied().filter(is_ready).collect();
        items.sort_by_key(|item| self.entries[*item].deaths);
        items
    }

    /// When an account without a pass may start one, if only time is missing.
    pub(super) fn due(&self, account: &Account) -> Option<Instant> {
        let open = || account.items.iter().map(|item| &self.entries[*item]);
        let ready = |later: bool| {
            open().any(|entry| {
                entry.state == State::Open && entry.waits_for == 0 && entry.later.is_some() == later
            })
        };
        let fresh = if ready(false) { account.retry_at } else { None };
        let later = if ready(true) { account.retry_at.max(account.later_at) } else { None };
        match (fresh, later) {
            (Some(fresh), Some(later)) => Some(fresh.min(later)),
            (fresh, later) => fresh.or(later),
        }
    }

    fn start(&mut self, number: usize, items: Vec<usize>, now: Instant, effects: &mut Vec<Effect>) {
        self.progress.get_or_insert(now);
        for item in &items {
            self.entries[*item].state = State::Asked;
            self.entries[*item].tries += 1;
        }
        let account = &mut self.accounts[number];
        account.pass = Some(Pass { asked: items.clone(), ended: 0, gone: 0 });
        (account.retry_at, account.later_at) = (None, None);
        let attempt = account.tally.failed + 1;
        let careful = self.rules.dry_run || items.iter().any(|item| self.entries[*item].deaths > 0);
        effects.push(Effect::Start { account: number, items, attempt, careful });
    }

    pub(super) fn answered(&mut self, item: usize, answer: Answer, now: Instant, effects: &mut Vec<Effect>) {
        let Some(entry) = self.entries.get_mut(item).filter(|entry| entry.state == State::Asked) else {
            return;
        };
        let fate = match answer {
            Answer::Gone => Fate::Gone,
            Answer::Planned => Fate::Planned,
            Answer::Failed(reason) => Fate::Failed(reason),
            Answer::Refused(reason) => Fate::Refused(reason),
            Answer::GoesWith(owner) => {
                let account = entry.item.account;
                if let Some(pass) = account.and_then(|account| self.accounts[account].pass.as_mut()) {
                    pass.ended += 1;
                }
                return self.join(item, owner, effects);
            }
            // Nothing changes in a dry run, so nothing will be different later.
            Answer::Later(reason) if self.rules.dry_run => Fate::Failed(reason),
            Answer::Later(reason) => {
                entry.state = State::Open;
                let same = entry.later.as_ref() == Some(&reason);
                entry.repeated = if same { entry.repeated + 1 } else { 1 };
                entry.later = Some(reason);
                return;
            }
        };
        if fate.makes_room() {
            self.progress = Some(now);
        }
        let account = entry.item.account;
        if let Some(pass) = account.and_then(|account| self.accounts[account].pass.as_mut()) {
            pass.ended += 1;
            pass.gone += usize::from(fate.makes_room());
        }
        self.end(item, fate, effects);
    }

    pub(super) fn pass_ended(
        &mut self,
        number: usize,
        end: PassEnd,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let Some(pass) = self.accounts[number].pass.take() else { return };
        let unanswered = |item: &&usize| self.entries[**item].state == State::Asked;
        let in_work = pass.asked.iter().find(unanswered).copied();
        for item in &pass.asked {
            if self.entries[*item].state == State::Asked {
                self.entries[*item].state = State::Open;
            }
        }
        match end {
            PassEnd::Complete => self.completed(number, &pass, now, effects),
            PassEnd::Foreign { message } => {
                self.accounts[number].slot = Slot::None;
                self.leave(number, &message, effects);
            }
            PassEnd::Failed { class, message, jitter } => {
                self.accounts[number].slot = Slot::None;
                if self.stopped.is_none() {
                    self.failed(number, &pass, in_work, Trouble { class, message, jitter }, now, effects);
                }
            }
        }
    }

    fn completed(&mut self, number: usize, pass: &Pass, now: Instant, effects: &mut Vec<Effect>) {
        let account = &mut self.accounts[number];
        account.tally = Tally::default();
        if pass.gone > 0 {
            account.quiet = 0;
            return;
        }
        if self.stopped.is_none() && self.rules.give_up_held {
            self.give_up_held(pass, effects);
        }
        let is_later = |item: &&usize| self.entries[**item].later.is_some();
        let later: Vec<usize> = pass.asked.iter().filter(is_later).copied().collect();
        if later.is_empty() || self.stopped.is_some() {
            return;
        }
        let patient_until = self.progress.unwrap_or(now) + self.rules.patience;
        if now < patient_until {
            let account = &mut self.accounts[number];
            let factor = 2_u32.saturating_pow(account.quiet);
            let pause = self.rules.pause.saturating_mul(factor).min(self.rules.pause_max);
            account.quiet = account.quiet.saturating_add(1);
            account.later_at = Some((now + pause).min(patient_until));
            return;
        }
        for item in later {
            self.give_up_later(item, effects);
        }
    }

    /// What said the same twice while nothing went, and is held by something that stays, will say so until patience ends.
    fn give_up_held(&mut self, pass: &Pass, effects: &mut Vec<Effect>) {
        for item in &pass.asked {
            let entry = &self.entries[*item];
            if entry.item.held && entry.later.is_some() && entry.repeated >= 2 {
                self.give_up_later(*item, effects);
            }
        }
    }

    fn give_up_later(&mut self, item: usize, effects: &mut Vec<Effect>) {
        let entry = &mut self.entries[item];
        let reason = entry.later.take().unwrap_or_default();
        let tries = entry.tries;
        self.end(item, Fate::Failed(format!("{reason} (tried {tries} times)")), effects);
    }

    fn failed(
        &mut self,
        number: usize,
        pass: &Pass,
        in_work: Option<usize>,
        trouble: Trouble,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let Trouble { class, message, jitter } = trouble;
        let policy = self.rules.policy;
        if let Some(item) = in_work.filter(|_| is_passing(class)) {
            self.entries[item].deaths += 1;
            let deaths = self.entries[item].deaths;
            // Where there is one attempt only, the account is given up with it, whatever was in work.
            if policy.max_attempts > 1 && deaths >= policy.max_attempts {
                let reason = format!("the child failed {deaths} times while it was working on it: {message}");
                self.end(item, Fate::Failed(reason), effects);
            }
        }
        let account = &mut self.accounts[number];
        let verdict = if pass.ended > 0 && (is_passing(class) || class == Class::Deadline) {
            // What got anything done is no failed attempt: fewer resources are left.
            account.tally = Tally::default();
            Verdict::Retry(policy.backoff_initial.mul_f64(jitter))
        } else {
            account.tally.failed += 1;
            account.tally.out_of_memory += u32::from(class == Class::OutOfMemory);
            attempt::decide(policy, account.tally, class, jitter)
        };
        match verdict {
            Verdict::Retry(pause) => account.retry_at = Some(now + pause),
            Verdict::GiveUp(why) => self.give_up(number, &message, why, effects),
        }
    }

    /// The account is for workers with other credentials.
    fn leave(&mut self, number: usize, message: &str, effects: &mut Vec<Effect>) {
        for item in self.accounts[number].items.clone() {
            if self.entries[item].state == State::Open {
                self.end(item, Fate::Elsewhere(message.to_owned()), effects);
            }
        }
    }

    fn give_up(&mut self, number: usize, message: &str, why: GiveUp, effects: &mut Vec<Effect>) {
        let reason = format!("{message}; no further attempt: {}", why.reason());
        for item in self.accounts[number].items.clone() {
            let entry = &self.entries[item];
            // What waits for others gets its fate from theirs, unless those are of other accounts.
            if entry.state == State::Open && entry.waits_for == 0 {
                self.end(item, Fate::Failed(reason.clone()), effects);
            }
        }
        for item in self.accounts[number].items.clone() {
            if self.entries[item].state == State::Open {
                self.end(item, Fate::Failed(reason.clone()), effects);
            }
        }
    }

    /// No pass, no pause, and still something open: only circles do that, and they are cut before. Whatever the
    /// cause, a run has to end.
    fn give_up_stuck(&mut self, effects: &mut Vec<Effect>) {
        let moves = |account: &Account| {
            account.pass.is_some() || account.slot == Slot::Closing || self.due(account).is_some()
        };
        let waits_for_slot = |account: &Account| {
            account
                .items
                .iter()
                .any(|item| self.entries[*item].state == State::Open && self.entries[*item].waits_for == 0)
        };
        if self.accounts.iter().any(|account| moves(account) || waits_for_slot(account)) {
            return;
        }
        for item in 0..self.entries.len() {
            if self.entries[item].state == State::Open {
                let reason = "what depends on it will never be gone: a fault of fixworker, see the log";
                self.end(item, Fate::Failed(reason.to_owned()), effects);
            }
        }
    }

    /// After a stop: what is open has its fate as soon as its account has no pass.
    fn wind_up(&mut self, why: &str, effects: &mut Vec<Effect>) {
        if self.accounts.iter().any(|account| account.pass.is_some()) {
            return;
        }
        for item in 0..self.entries.len() {
            let entry = &self.entries[item];
            if entry.state != State::Open {
                continue;
            }
            let fate = match (&entry.later, entry.tries) {
                (Some(reason), _) => format!("it could not go before {why}: {reason}"),
                (None, 0) => format!("it was not tried before {why}"),
                (None, _) => format!("it was in work when {why}, and may be deleted"),
            };
            self.end(item, Fate::Unfinished(fate), effects);
        }
    }

    /// Children of accounts that need none any more.
    fn close_idle(&mut self, effects: &mut Vec<Effect>) {
        for number in 0..self.accounts.len() {
            let account = &self.accounts[number];
            let is_done = account.items.iter().all(|item| self.entries[*item].state == State::Ended);
            if account.slot == Slot::Held && account.pass.is_none() && is_done {
                self.accounts[number].slot = Slot::Closing;
                effects.push(Effect::Close { account: number });
            }
        }
    }
}

struct Trouble {
    class: Class,
    message: String,
    jitter: f64,
}

/// The process failed, not the account as such.
fn is_passing(class: Class) -> bool {
    match class {
        Class::Passing | Class::OutOfMemory => true,
        Class::Lasting | Class::Deadline | Class::Cancelled | Class::Unkillable => false,
    }
}
