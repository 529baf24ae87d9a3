//! Part of a batch: accounts that are sent together until all of them are decided.

use std::time::{Duration, Instant};

use super::Outcome;
use crate::merge::Replace;

/// The first wait after a failure; it doubles each time.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const BACKOFF_MAX: Duration = Duration::from_mins(1);
/// How long a conflict is waited for before an account is given up.
pub(super) const CONFLICT_MAX: Duration = Duration::from_mins(15);
/// How long a conflict may hold up accounts that have no part in it.
pub(super) const CONFLICT_SHARED_MAX: Duration = Duration::from_mins(1);
/// How often the same refusal must come before it is taken for the fault of one account among several.
pub(super) const SAME_REFUSALS: u32 = 3;
/// How often a connection may be lost behind the whole body before nobody waits for the outcome.
pub(super) const LOST_MAX: u32 = 2;

/// What to do next about a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Todo {
    Send,
    UploadModel,
    CreateGraph,
}

/// Remedies that were tried already, and did not help if they are needed again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tried {
    pub(super) model: bool,
    pub(super) graph: bool,
    pub(super) token: bool,
}

#[derive(Debug)]
pub(super) struct Part {
    pub(super) accounts: Vec<usize>,
    pub(super) replace: Replace,
    pub(super) todo: Todo,
    pub(super) due: Instant,
    pub(super) failures: u32,
    /// Connections lost behind the whole body.
    pub(super) lost: u32,
    /// What was sent earlier may have been merged, or may yet be: only the same bytes may be sent.
    pub(super) maybe_landed: bool,
    /// The first conflict of those that came in a row.
    pub(super) conflict_since: Option<Instant>,
    pub(super) tried: Tried,
    pub(super) refusals: u32,
    pub(super) text: String,
}

impl Part {
    pub(super) fn new(accounts: Vec<usize>, replace: Replace, now: Instant) -> Self {
        Self {
            accounts,
            replace,
            todo: Todo::Send,
            due: now,
            failures: 0,
            lost: 0,
            maybe_landed: false,
            conflict_since: None,
            tried: Tried::default(),
            refusals: 0,
            text: String::new(),
        }
    }

    pub(super) fn wait_for_result(&self) -> bool {
        self.lost < LOST_MAX
    }

    /// Tries the same again after a while.
    pub(super) fn back_off(&mut self, text: String, now: Instant) {
        let wait = BACKOFF_FIRST.saturating_mul(1 << self.failures.min(16)).min(BACKOFF_MAX);
        self.failures += 1;
        self.text = text;
        self.due = now + wait;
    }

    /// Does something else at once.
    pub(super) fn turn_to(&mut self, todo: Todo, now: Instant) {
        self.todo = todo;
        self.due = now;
    }

    /// Whether it may be cut: more than one account, and no doubt about what was sent before.
    pub(super) fn can_split(&self) -> bool {
        self.accounts.len() > 1 && !self.maybe_landed
    }

    /// Both halves. A part of a cloud cannot replace the cloud: its accounts replace themselves.
    pub(super) fn split(mut self, now: Instant) -> [Self; 2] {
        let second = self.accounts.split_off(self.accounts.len() / 2);
        [self.accounts, second].map(|accounts| Self {
            // Blaming a lone account for a missing kind takes one more look at the model.
            tried: Tried { model: self.tried.model && accounts.len() > 1, ..Tried::default() },
            conflict_since: self.conflict_since,
            text: self.text.clone(),
            ..Self::new(accounts, Replace::Accounts, now)
        })
    }

    pub(super) fn expired(&self) -> Outcome {
        Outcome::Expired { text: self.text.clone(), maybe_landed: self.maybe_landed }
    }
}
