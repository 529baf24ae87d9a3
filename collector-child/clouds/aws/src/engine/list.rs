//! Listing the items of a kind.

use std::borrow::Cow;
use std::collections::HashMap;

use collector::{BoxFuture, Failure};
use serde_json::{Map, Value};
use tables::plan::{BatchCall, Call, Condition, KindPlan, ListCall, Path, Scope, Source};

use super::ask::Ask;
use super::bounded;
use super::context::Context;
use super::item::{Parent, item};

/// Items of one page that are worked on at once; the budgets of the client bound the calls.
const ITEMS_AT_ONCE: usize = 16;
/// Batches of one page that are called at once.
const BATCHES_AT_ONCE: usize = 4;

/// Collects a kind that is nobody's child, at one place.
pub(super) async fn collect_kind(context: Context<'_>, plan: &'static KindPlan) -> Result<(), Failure> {
    match &plan.source {
        Source::List { parent: None, calls } => {
            for call in calls {
                list(context, plan, call, None).await?;
            }
            Ok(())
        }
        Source::Hook => {
            let items = match context.job.hooks.of(plan) {
                Some(hook) => hook.collect(context, plan).await?,
                None => Vec::new(),
            };
            items_of_page(context, plan, items, None).await
        }
        // Children come with their parents.
        Source::List { parent: Some(_), .. } | Source::Elements { .. } | Source::Elsewhere => Ok(()),
    }
}

/// Collects a child of one item. Boxed, because children have children.
pub(super) fn collect_children<'a>(
    context: Context<'a>,
    plan: &'static KindPlan,
    parent: &'a Parent,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        match &plan.source {
            Source::List { calls, .. } => {
                for call in calls {
                    list(context, plan, call, Some(parent)).await?;
                }
                Ok(())
            }
            Source::Elements { items, .. } => {
                let items = elements(items, &parent.document);
                items_of_page(context, plan, items, Some(parent)).await
            }
            Source::Hook | Source::Elsewhere => Ok(()),
        }
    })
}

/// The items in a part of a document: those of a list, or the one that is there.
fn elements(path: &Path, document: &Value) -> Vec<Value> {
    match path.get_in(document).map(Cow::into_owned) {
        Some(Value::Array(items)) => items,
        Some(item) => vec![item],
        None => Vec::new(),
    }
}

/// Makes nodes of everything that a call lists. While the items of a page are worked on, the next page is asked
/// for; more than two are never held.
async fn list(
    context: Context<'_>,
    plan: &'static KindPlan,
    list: &'static ListCall,
    parent: Option<&Parent>,
) -> Result<(), Failure> {
    let nothing = Value::Null;
    let params = {
        let scope = scope(context, &nothing, parent);
        if !Condition::all(&list.when, &scope) {
            return Ok(());
        }
        params(&list.call, &scope)
    };
    let Some(params) = params else { return Ok(()) };
    let mut pages = ask(context, &list.call, params).pages();
    let mut page = pages.next().await?;
    while let Some(answer) = page {
        let items = match &list.items {
            Some(path) => path.take(answer),
            None => vec![answer],
        };
        let work = items_of_page(context, plan, items, parent);
        let (next, ()) = futures_util::future::try_join(pages.next(), work).await?;
        page = next;
    }
    Ok(())
}

async fn items_of_page(
    context: Context<'_>,
    plan: &'static KindPlan,
    items: Vec<Value>,
    parent: Option<&Parent>,
) -> Result<(), Failure> {
    // A null in a list is nothing.
    let items = items.into_iter().filter(|item| !item.is_null());
    let mut items: Vec<Value> = items.map(as_document).collect();
    for batch in &plan.batches {
        items = batched(context, batch, items, parent).await?;
    }
    if let Some(hook) = context.job.hooks.of(plan) {
        items = hook.listed(context, plan, items).await?;
    }
    bounded::each(ITEMS_AT_ONCE, items, |document| {
        Box::pin(async move { item(context, plan, document, parent).await.map(drop) })
    })
    .await
}

/// An item that is no object becomes the member `$item` of one.
fn as_document(item: Value) -> Value {
    match item {
        Value::Object(_) => item,
        other => Value::Object(Map::from_iter([("$item".to_owned(), other)])),
    }
}

/// Describes items in batches.
async fn batched(
    context: Context<'_>,
    batch: &'static BatchCall,
    mut items: Vec<Value>,
    parent: Option<&Parent>,
) -> Result<Vec<Value>, Failure> {
    let wanted: Vec<Value> =
        items.iter().filter_map(|item| batch.from.get_in(item)).map(Cow::into_owned).collect();
    let chunks: Vec<Vec<Value>> = wanted.chunks(batch.size.max(1)).map(<[Value]>::to_vec).collect();
    let results =
        bounded::gather(BATCHES_AT_ONCE, chunks, |chunk| Box::pin(described(context, batch, chunk, parent)));
    let results = results.await?.into_iter().flatten();
    let Some(join) = &batch.join else { return Ok(results.map(as_document).collect()) };
    let mut by_key: HashMap<String, Value> = HashMap::new();
    for result in results {
        let key = join.by.get_in(&result).map(|key| key.to_string());
        let taken = match &join.take {
            Some(path) => path.get_in(&result).map(Cow::into_owned),
            None => Some(result),
        };
        if let (Some(key), Some(taken)) = (key, taken) {
            by_key.insert(key, taken);
        }
    }
    for item in &mut items {
        let key = batch.from.get_in(item).map(|key| key.to_string());
        if let Some(result) = key.and_then(|key| by_key.remove(&key)) {
            join.into.put(item, result);
        }
    }
    Ok(items)
}

async fn described(
    context: Context<'_>,
    batch: &'static BatchCall,
    chunk: Vec<Value>,
    parent: Option<&Parent>,
) -> Result<Vec<Value>, Failure> {
    let nothing = Value::Null;
    let Some(params) = params(&batch.call, &scope(context, &nothing, parent)) else {
        return Ok(Vec::new());
    };
    ask(context, &batch.call, params).halving(&batch.argument, chunk, batch.items.as_ref()).await
}

/// What templates see: the document, its parent, the place.
pub(super) fn scope<'d>(context: Context<'d>, document: &'d Value, parent: Option<&'d Parent>) -> Scope<'d> {
    let scope = Scope::new(document, context.place());
    match parent {
        Some(parent) => scope.with_parent(&parent.document, &parent.properties),
        None => scope,
    }
}

/// The parameters of a call; `None` if something it needs is not there, so that there is nothing to ask.
pub(super) fn params(call: &Call, scope: &Scope<'_>) -> Option<Map<String, Value>> {
    match call.arguments.fill(scope) {
        Ok(params) => Some(params),
        Err(missing) => {
            tracing::debug!(service = call.service, operation = call.operation, "not called: {missing}");
            None
        }
    }
}

pub(super) fn ask<'a>(context: Context<'a>, call: &'a Call, params: Map<String, Value>) -> Ask<'a> {
    context.ask(&call.service, &call.operation).params(params).expecting(&call.expected)
}
