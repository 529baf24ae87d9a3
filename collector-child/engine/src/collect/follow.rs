//! Follow-up calls: what the listing of a kind does not tell about an item.

use collector::Failure;
use serde_json::{Map, Value};
use shapes::{Catalog, Joined, Pagination};
use tables::plan::{Condition, FollowUp, KindPlan};

use super::bounded;
use super::context::Context;
use super::scope::{Parent, ask, params, scope};
use super::trouble::untold;

/// Calls of one item at once.
const CALLS_AT_ONCE: usize = 8;
/// Elements of one item that are called for at once.
const ELEMENTS_AT_ONCE: usize = 8;

/// Whether an item stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stays {
    Yes,
    No,
}

/// How the calls for one item were answered.
#[derive(Debug, Default)]
struct Tally {
    /// Codes of calls that were answered as calls for something that is not there.
    gone: Vec<Option<String>>,
    /// Codes of those that were refused otherwise, denials and failures among them; nothing if a call was answered.
    otherwise: Vec<Option<String>>,
}

impl Tally {
    /// Whether whatever was asked said that the item is not there. Where a call takes the code for something else, it may
    /// still have meant that.
    fn is_gone(&self) -> bool {
        let as_gone = |code: &Option<String>| code.is_some() && self.gone.contains(code);
        !self.gone.is_empty() && self.otherwise.iter().all(as_gone)
    }

    fn count(&mut self, answer: &Answer) {
        let calls = if answer.gone { &mut self.gone } else { &mut self.otherwise };
        calls.push(answer.refused.clone());
    }

    fn extend(&mut self, other: Self) {
        self.gone.extend(other.gone);
        self.otherwise.extend(other.otherwise);
    }
}

/// Makes the calls of an item and adds their answers to the document, in the order of the calls. Those that need
/// nothing of each other are made at the same time. An item stays if it is there.
pub(super) async fn follow_ups(
    context: Context<'_>,
    plan: &'static KindPlan,
    document: &mut Value,
    parent: Option<&Parent>,
) -> Result<Stays, Failure> {
    let mut tally = Tally::default();
    let mut rest = plan.calls.as_slice();
    while !rest.is_empty() {
        let (calls, later) = rest.split_at(calls_at_once(rest, context.job.facts.alone));
        rest = later;
        let prepared = calls.iter().map(|follow| (follow, prepare(context, follow, document, parent)));
        let prepared: Vec<_> = prepared.collect();
        let answers = match <[_; 1]>::try_from(prepared) {
            Ok([(follow, prepared)]) => vec![answers(context, follow, prepared).await?],
            Err(prepared) => {
                bounded::gather(CALLS_AT_ONCE, prepared, |(follow, prepared)| {
                    Box::pin(answers(context, follow, prepared))
                })
                .await?
            }
        };
        for (follow, (answer, counted)) in calls.iter().zip(answers) {
            tally.extend(counted);
            match answer {
                Answered::With(answer) => follow.into.put(document, answer),
                Answered::Refused if follow.required => return Ok(Stays::No),
                Answered::Nothing(why) if follow.required => {
                    context.spoiled(untold(plan, &follow.call, why))?;
                    return Ok(Stays::No);
                }
                Answered::Refused | Answered::Nothing(_) | Answered::NotAsked => {}
            }
        }
    }
    if tally.is_gone() {
        tracing::debug!(kind = plan.kind, "gone since it was listed");
        return Ok(Stays::No);
    }
    Ok(Stays::Yes)
}

/// How many of these calls are made at the same time: at least one. Nothing is called beside the operations `alone`.
pub fn calls_at_once(calls: &[FollowUp], alone: &[&str]) -> usize {
    if calls.first().is_some_and(|first| alone.contains(&first.call.operation.as_str())) {
        return 1;
    }
    (1..calls.len()).find(|next| !calls[*next].is_apart_from(&calls[..*next])).unwrap_or(calls.len())
}

enum Answered {
    With(Value),
    /// It was answered without what is wanted, or could not be asked; and why.
    Nothing(&'static str),
    /// The call failed, and that was noted where it has to be told.
    Refused,
    NotAsked,
}

async fn answers(
    context: Context<'_>,
    follow: &'static FollowUp,
    prepared: Prepared,
) -> Result<(Answered, Tally), Failure> {
    let mut tally = Tally::default();
    let mut otherwise = Answered::Refused;
    let answer = match prepared {
        Prepared::NotWanted => return Ok((Answered::NotAsked, tally)),
        Prepared::One(None) => {
            otherwise = Answered::Nothing("cannot be asked about it: something that it needs was not told");
            None
        }
        Prepared::One(Some(params)) => {
            let answer = answer(context, follow, params).await?;
            tally.count(&answer);
            if answer.answered {
                otherwise = Answered::Nothing("does not tell about it");
            }
            answer.value
        }
        Prepared::Each(all) => {
            let answers = bounded::gather(ELEMENTS_AT_ONCE, all, |params| {
                Box::pin(async move {
                    match params {
                        Some(params) => answer(context, follow, params).await.map(Some),
                        None => Ok(None),
                    }
                })
            });
            let answers: Vec<Option<Answer>> = answers.await?;
            answers.iter().flatten().for_each(|answer| tally.count(answer));
            let values = answers.into_iter().map(|answer| answer.and_then(|answer| answer.value));
            Some(values.map(Option::unwrap_or_default).collect())
        }
    };
    Ok((answer.map_or(otherwise, Answered::With), tally))
}

/// A call with its parameters, or one for each element; `None` where something that it needs is missing.
enum Prepared {
    NotWanted,
    One(Option<Map<String, Value>>),
    Each(Vec<Option<Map<String, Value>>>),
}

fn prepare(context: Context<'_>, follow: &FollowUp, document: &Value, parent: Option<&Parent>) -> Prepared {
    let scope = scope(context, document, parent);
    if !Condition::all(&follow.when, &scope) {
        return Prepared::NotWanted;
    }
    let Some(path) = &follow.each else { return Prepared::One(params(&follow.call, &scope)) };
    let elements = path.get(&scope);
    let elements = match elements.as_deref() {
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(element) => std::slice::from_ref(element),
        None => &[],
    };
    Prepared::Each(elements.iter().map(|element| params(&follow.call, &scope.with_each(element))).collect())
}

/// What came of a call.
struct Answer {
    value: Option<Value>,
    /// A page was answered.
    answered: bool,
    /// The service says that what it is about is not there.
    gone: bool,
    /// The code with which it was refused.
    refused: Option<String>,
}

async fn answer(
    context: Context<'_>,
    follow: &'static FollowUp,
    params: Map<String, Value>,
) -> Result<Answer, Failure> {
    let mut pages = ask(context, &follow.call, params).of_item_gone(&follow.gone).pages();
    let mut answered = false;
    let value = match &follow.take {
        Some(path) if follow.joined => {
            let mut found = Vec::new();
            while let Some(page) = pages.next().await? {
                answered = true;
                found.extend(path.take(page));
            }
            answered.then_some(Value::Array(found))
        }
        _ => {
            let mut joined = Joined::new(pagination(context.job.facts.catalog, follow));
            while let Some(page) = pages.next().await? {
                answered = true;
                joined.add(page);
            }
            answered.then(|| joined.whole()).and_then(|answer| follow.taken(answer))
        }
    };
    let gone = pages.refused_with(&follow.gone);
    Ok(Answer { value, answered, gone, refused: pages.refused_code() })
}

fn pagination(catalog: Option<&'static Catalog>, follow: &FollowUp) -> Option<&'static Pagination> {
    let service = catalog?.service(&follow.call.service).ok()?;
    service.operation(&follow.call.operation)?.pagination.as_ref()
}
