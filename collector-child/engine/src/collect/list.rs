//! Listing the items of a kind.

use std::borrow::Cow;
use std::collections::HashMap;

use collector::{BoxFuture, Failure, fault};
use ipc_proto::fault::FaultKind;
use serde_json::{Map, Value};
use tables::plan::{BatchCall, Condition, KindPlan, ListCall, Source};

use super::bounded;
use super::context::Context;
use super::item::{Item, item};
use super::scope::{Parent, ask, params, scope};
use super::trouble::untold;
use crate::graph::NodeIndex;

/// Items of one page that are worked on at once; the budgets of the client bound the calls.
const ITEMS_AT_ONCE: usize = 16;
/// Kinds of children of one item that are collected at once.
const CHILDREN_AT_ONCE: usize = 4;
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
                let items = items.items_in(&parent.document);
                items_of_page(context, plan, items, Some(parent)).await
            }
            Source::Hook | Source::Elsewhere => Ok(()),
        }
    })
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
    let asked = ask(context, &list.call, params);
    let mut pages = if parent.is_some() { asked.of_item().pages() } else { asked.pages() };
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
        items = batched(context, (plan, batch), items, parent).await?;
    }
    if let Some(hook) = context.job.hooks.of(plan) {
        items = hook.listed(context, plan, items).await?;
    }
    bounded::each(ITEMS_AT_ONCE, items, |document| {
        Box::pin(async move { whole(context, plan, document, parent).await.map(drop) })
    })
    .await
}

impl<'a> Context<'a> {
    /// Makes a node of a kind from a document, with everything its table says: calls, hook, mapping, children.
    /// `None` if it was dropped, or could not be made (that is reported).
    pub fn make(self, kind: &'a str, document: Value) -> BoxFuture<'a, Result<Option<NodeIndex>, Failure>> {
        Box::pin(async move {
            if let Some(plan) = self.job.plans.get(kind) {
                return whole(self, plan, document, None).await;
            }
            self.report(fault(FaultKind::Internal, format!("no table says how to make an {kind}")));
            Ok(None)
        })
    }
}

/// Makes the node of an item, and those of its children. `None` if there is none.
async fn whole(
    context: Context<'_>,
    plan: &'static KindPlan,
    document: Value,
    parent: Option<&Parent>,
) -> Result<Option<NodeIndex>, Failure> {
    let Some(Item { node, new, document }) = item(context, plan, document, parent).await? else {
        return Ok(None);
    };
    if new {
        children(context, plan, document, parent, node).await?;
    }
    Ok(Some(node))
}

async fn children(
    context: Context<'_>,
    plan: &'static KindPlan,
    document: Value,
    parent: Option<&Parent>,
    node: NodeIndex,
) -> Result<(), Failure> {
    let wanted = context.wanted();
    let children = context.plans().children(&plan.kind);
    let children: Vec<&'static KindPlan> =
        children.filter(|child| wanted.collects_child(&child.kind)).collect();
    if children.is_empty() {
        return Ok(());
    }
    let (properties, is_zone) = context.graph(|graph| {
        let properties = graph.properties(node);
        (properties, graph.table().is_a(&plan.kind, "dns_zone"))
    });
    let dns_zone = match properties.get("id").and_then(Value::as_str) {
        Some(id) if is_zone => Some(id.to_owned()),
        _ => parent.and_then(|parent| parent.dns_zone.clone()),
    };
    let parent = Parent { document, properties, node, dns_zone };
    if let [child] = children.as_slice() {
        return collect_children(context, child, &parent).await;
    }
    bounded::each(CHILDREN_AT_ONCE, children, |child| collect_children(context, child, &parent)).await
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
    (plan, batch): (&'static KindPlan, &'static BatchCall),
    mut items: Vec<Value>,
    parent: Option<&Parent>,
) -> Result<Vec<Value>, Failure> {
    let wanted: Vec<Value> =
        items.iter().filter_map(|item| batch.from.get_in(item)).map(Cow::into_owned).collect();
    let chunks: Vec<Vec<Value>> = wanted.chunks(batch.size.max(1)).map(<[Value]>::to_vec).collect();
    let results = bounded::gather(BATCHES_AT_ONCE, chunks, |chunk| {
        Box::pin(described(context, (plan, batch), chunk, parent))
    });
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
    (plan, batch): (&'static KindPlan, &'static BatchCall),
    chunk: Vec<Value>,
    parent: Option<&Parent>,
) -> Result<Vec<Value>, Failure> {
    let nothing = Value::Null;
    let Some(params) = params(&batch.call, &scope(context, &nothing, parent)) else {
        return Ok(Vec::new());
    };
    let ask = ask(context, &batch.call, params);
    let members = ask.halving(&batch.argument, Value::Array, chunk, batch.items.as_ref()).await?;
    // Where results replace the items, there is nothing left of one without.
    if batch.join.is_none() {
        for _ in 0..members.untold {
            context.spoiled(untold(plan, &batch.call, "does not tell about it"))?;
        }
    }
    Ok(members.found)
}
