//! Follow-up calls: what the listing of a kind does not tell about an item.

use aws_tables::plan::{Condition, FollowUp};
use serde_json::{Map, Value};

use super::bounded;
use super::context::Context;
use super::item::Parent;
use super::list::{ask, params, scope};
use crate::failure::Failure;

/// Elements of one item that are called for at once.
const ELEMENTS_AT_ONCE: usize = 8;

/// Whether an item stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stays {
    Yes,
    No,
}

/// Makes a call and adds its answer to the document.
pub(super) async fn follow_up(
    context: Context<'_>,
    follow: &'static FollowUp,
    document: &mut Value,
    parent: Option<&Parent>,
) -> Result<Stays, Failure> {
    let prepared = prepare(context, follow, document, parent);
    let answer = match prepared {
        Prepared::NotWanted => return Ok(Stays::Yes),
        Prepared::One(None) => None,
        Prepared::One(Some(params)) => answer(context, follow, params).await?,
        Prepared::Each(all) => {
            let answers = bounded::gather(ELEMENTS_AT_ONCE, all, |params| {
                Box::pin(async move {
                    match params {
                        Some(params) => answer(context, follow, params).await,
                        None => Ok(None),
                    }
                })
            });
            let answers: Vec<Option<Value>> = answers.await?;
            Some(answers.into_iter().map(Option::unwrap_or_default).collect())
        }
    };
    match answer {
        Some(answer) => {
            follow.into.put(document, answer);
            Ok(Stays::Yes)
        }
        None if follow.required => Ok(Stays::No),
        None => Ok(Stays::Yes),
    }
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

async fn answer(
    context: Context<'_>,
    follow: &'static FollowUp,
    params: Map<String, Value>,
) -> Result<Option<Value>, Failure> {
    let ask = ask(context, &follow.call, params);
    match &follow.take {
        Some(path) if follow.joined => {
            let mut found = Vec::new();
            let mut pages = ask.pages();
            let mut answered = false;
            while let Some(page) = pages.next().await? {
                answered = true;
                found.extend(path.take(page));
            }
            Ok(answered.then_some(Value::Array(found)))
        }
        _ => Ok(ask.answer().await?.and_then(|answer| follow.taken(answer))),
    }
}
