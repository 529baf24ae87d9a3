//! The upload of one batch, until every account of it has an outcome.

use std::time::Instant;

use super::part::{CONFLICT_MAX, CONFLICT_SHARED_MAX, Part, SAME_REFUSALS, Todo};
use super::{Outcome, Verdict, classify};
use crate::merge::Replace;

/// How much of a request body went out before the connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodySent {
    /// Not all of it: fixcore cannot have merged it.
    NotAll,
    /// All of it: fixcore may have merged it, or may do so later.
    All,
}

/// What came of a request.
#[derive(Debug, Clone, Copy)]
pub enum Answer<'a> {
    /// An answer.
    Response {
        /// The status.
        status: u16,
        /// The body, or the first part of it.
        body: &'a str,
    },
    /// No answer.
    Lost {
        /// How far it went.
        sent: BodySent,
        /// What the client says.
        error: &'a str,
    },
}

/// A request to make: `POST /graph/{graph}/merge`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendRequest {
    /// The accounts by their number in the batch; the body is `Batch::upload(accounts, replace)`.
    pub accounts: Vec<usize>,
    /// Which nodes are replaced.
    pub replace: Replace,
    /// The query parameter `wait_for_result`.
    pub wait_for_result: bool,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make this request, then call [`UploadPlan::answered`].
    Send(SendRequest),
    /// Upload the model, then call [`UploadPlan::prepared`].
    UploadModel,
    /// Create the graph, then call [`UploadPlan::prepared`].
    CreateGraph,
    /// Nothing until then; ask again.
    Wait(Instant),
    /// A step is under way: its result is awaited.
    Busy,
    /// Every account has its outcome.
    Finished,
}

/// The upload of one batch: at most one request at a time.
///
/// ```text
/// loop { match plan.next(now) { Send(request) => plan.answered(..), ..., Finished => break } }
/// for (account, outcome) in plan.take_outcomes() { .. }        // at any time
/// ```
#[derive(Debug)]
pub struct UploadPlan {
    parts: Vec<Part>,
    busy: Option<usize>,
    deadline: Instant,
    outcomes: Vec<(usize, Outcome)>,
}

impl UploadPlan {
    /// The plan for a batch of `accounts` accounts. Nothing is sent after `deadline`.
    pub fn new(accounts: usize, replace: Replace, deadline: Instant, now: Instant) -> Self {
        let all = Part::new((0..accounts).collect(), replace, now);
        let parts = if accounts == 0 { Vec::new() } else { vec![all] };
        Self { parts, busy: None, deadline, outcomes: Vec::new() }
    }

    /// What to do now.
    pub fn next(&mut self, now: Instant) -> Step {
        if self.busy.is_some() {
            return Step::Busy;
        }
        if now >= self.deadline {
            self.give_up();
        }
        let first = (0..self.parts.len()).min_by_key(|index| self.parts[*index].due);
        let Some((index, part)) = first.map(|index| (index, &self.parts[index])) else {
            return Step::Finished;
        };
        if part.due > now {
            return Step::Wait(part.due.min(self.deadline));
        }
        let step = match part.todo {
            Todo::Send => Step::Send(SendRequest {
                accounts: part.accounts.clone(),
                replace: part.replace,
                wait_for_result: part.wait_for_result(),
            }),
            Todo::UploadModel => Step::UploadModel,
            Todo::CreateGraph => Step::CreateGraph,
        };
        self.busy = Some(index);
        step
    }

    /// What came of [`Step::Send`]. Ignored if no request was under way.
    pub fn answered(&mut self, answer: Answer<'_>, now: Instant) {
        let Some(part) = self.take_busy(|todo| todo == Todo::Send) else {
            return;
        };
        match answer {
            Answer::Lost { sent, error } => self.lost(part, sent == BodySent::All, error.to_owned(), now),
            Answer::Response { status, body } => self.judge(part, classify(status, body), now),
        }
    }

    /// What came of [`Step::UploadModel`] or [`Step::CreateGraph`]. Ignored if neither was under way.
    pub fn prepared(&mut self, result: Result<(), String>, now: Instant) {
        let Some(mut part) = self.take_busy(|todo| todo != Todo::Send) else {
            return;
        };
        match (result, part.todo) {
            (Err(text), _) => part.back_off(text, now),
            // A new graph has no model.
            (Ok(()), Todo::CreateGraph) => part.turn_to(Todo::UploadModel, now),
            (Ok(()), Todo::UploadModel | Todo::Send) => part.turn_to(Todo::Send, now),
        }
        self.parts.push(part);
    }

    /// Ends the plan: whatever is not decided yet expires. A request under way may still be merged.
    pub fn abandon(&mut self) {
        if let Some(index) = self.busy.take()
            && let Some(part) = self.parts.get_mut(index)
        {
            part.maybe_landed |= part.todo == Todo::Send;
        }
        self.give_up();
    }

    /// The outcomes since the last call, by the account's number in the batch. Each account comes once.
    pub fn take_outcomes(&mut self) -> Vec<(usize, Outcome)> {
        std::mem::take(&mut self.outcomes)
    }

    fn take_busy(&mut self, expected: impl Fn(Todo) -> bool) -> Option<Part> {
        let index =
            self.busy.take_if(|index| self.parts.get(*index).is_some_and(|part| expected(part.todo)))?;
        Some(self.parts.swap_remove(index))
    }

    fn give_up(&mut self) {
        for part in std::mem::take(&mut self.parts) {
            let outcome = part.expired();
            self.decide(&part, &outcome);
        }
    }

    fn decide(&mut self, part: &Part, outcome: &Outcome) {
        self.outcomes.extend(part.accounts.iter().map(|account| (*account, outcome.clone())));
    }

    fn lost(&mut self, mut part: Part, maybe_landed: bool, text: String, now: Instant) {
        part.conflict_since = None;
        if maybe_landed {
            part.maybe_landed = true;
            part.lost += 1;
        }
        part.back_off(text, now);
        self.parts.push(part);
    }

    fn judge(&mut self, mut part: Part, verdict: Verdict, now: Instant) {
        if !matches!(verdict, Verdict::Conflict(_)) {
            part.conflict_since = None;
        }
        match verdict {
            Verdict::Landed(counters) if part.wait_for_result() => {
                self.decide(&part, &Outcome::Landed(counters));
            }
            Verdict::Landed(_) | Verdict::Queued => self.decide(&part, &Outcome::Queued),
            Verdict::Rejected(text) => self.reject(part, text, now),
            Verdict::ModelMissing(text) if part.tried.model => self.reject(part, text, now),
            Verdict::ModelMissing(text) => {
                part.tried.model = true;
                part.text = text;
                part.turn_to(Todo::UploadModel, now);
                self.parts.push(part);
            }
            Verdict::GraphMissing(text) if part.tried.graph => self.lost(part, false, text, now),
            Verdict::GraphMissing(text) => {
                part.tried.graph = true;
                part.text = text;
                part.turn_to(Todo::CreateGraph, now);
                self.parts.push(part);
            }
            // Every request has a token of its own: the first refusal may be one that just ran out.
            Verdict::Unauthorized(text) if !part.tried.token => {
                part.tried.token = true;
                part.text = text;
                part.turn_to(Todo::Send, now);
                self.parts.push(part);
            }
            Verdict::Unauthorized(text) => self.lost(part, false, text, now),
            Verdict::Conflict(text) => self.conflict(part, text, now),
            Verdict::Refused(text) => self.refused(part, text, now),
            Verdict::Unavailable { text, maybe_landed } => self.lost(part, maybe_landed, text, now),
        }
    }

    /// The same bytes will be refused again: the outcome of earlier ones is known by it.
    fn reject(&mut self, mut part: Part, text: String, now: Instant) {
        part.maybe_landed = false;
        if part.can_split() {
            part.text = text;
            self.parts.extend(part.split(now));
        } else {
            self.decide(&part, &Outcome::Rejected(text));
        }
    }

    /// Waits for the other merge, but not at the cost of accounts that are not concerned.
    fn conflict(&mut self, mut part: Part, text: String, now: Instant) {
        let since = *part.conflict_since.get_or_insert(now);
        let waited = now.saturating_duration_since(since);
        if waited >= CONFLICT_SHARED_MAX && part.can_split() {
            part.text = text;
            self.parts.extend(part.split(now));
        } else if waited >= CONFLICT_MAX {
            self.decide(&part, &Outcome::Conflict { text, maybe_landed: part.maybe_landed });
        } else {
            part.back_off(text, now);
            self.parts.push(part);
        }
    }

    /// A failure inside of fixcore. If it stays the same, some account may cause it: the others go on without it.
    fn refused(&mut self, mut part: Part, text: String, now: Instant) {
        part.refusals = if part.text == text { part.refusals + 1 } else { 1 };
        if part.refusals >= SAME_REFUSALS && part.can_split() {
            part.text = text;
            self.parts.extend(part.split(now));
        } else {
            part.back_off(text, now);
            self.parts.push(part);
        }
    }
}
