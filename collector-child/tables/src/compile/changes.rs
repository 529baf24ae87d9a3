//! Tags and deletion in tables.

use inventory::suggest;
use inventory::{Kind, KindTable};

use super::calls::{self, Under};
use super::doc::{Doc, Form};
use super::gather::{conditions, read_list};
use super::on_node::in_place;
use super::reader::{Fields, Node, Toml, parse};
use super::roots::{Roots, node_document};
use crate::plan::{
    DeletePlan, EachOf, ErrorMeaning, ErrorSaid, GoesWith, Hold, NodeCall, Path, Refusal, TagPlan, Template,
};

/// Reads `tag`.
pub(crate) fn tag(fields: &Fields<'_>, under: Under<'_>, kind: &Kind) -> Option<TagPlan> {
    let table = fields.table("tag")?;
    let mut roots = node_roots(kind, under);
    roots.tag = true;
    let plan = TagPlan {
        set: node_calls(&table, "set", under, kind, &roots),
        remove: node_calls(&table, "remove", under, kind, &roots),
        hook: table.text("hook").map(|(name, _)| name.to_owned()),
    };
    table.finish();
    if plan.hook.is_none() && (plan.set.is_empty() || plan.remove.is_empty()) {
        table.log.say(table.at, "`tag` has `set` and `remove`, or a `hook`");
    }
    Some(plan)
}

/// Reads `delete`.
pub(crate) fn delete(
    fields: &Fields<'_>,
    under: Under<'_>,
    kind: &Kind,
    kinds: &KindTable,
) -> Option<DeletePlan> {
    let table = fields.table("delete")?;
    let roots = node_roots(kind, under);
    let by_service = |meaning| -> Vec<ErrorSaid> {
        let service = under.dialect.cloud.service(under.service);
        service.into_iter().flat_map(|service| service.errors.said(meaning).cloned()).collect()
    };
    let said = |key, meaning| match table.get(key) {
        Some(_) => table.texts(key).into_iter().map(|(code, _)| code.to_owned().into()).collect(),
        None => by_service(meaning),
    };
    if table.get("gone").is_none() && by_service(ErrorMeaning::Gone).is_empty() {
        let message =
            "`delete` says in `gone` by which codes one that is not there is known; `[]` if by none";
        table.log.say(table.at, message);
    }
    let plan = DeletePlan {
        before: node_calls(&table, "before", under, kind, &roots),
        first: table.flag("first"),
        holds: holds(&table, under, kind, &roots),
        calls: node_calls(&table, "calls", under, kind, &roots),
        gone: said("gone", ErrorMeaning::Gone),
        later: said("later", ErrorMeaning::Later),
        refuse: table.tables("refuse").iter().filter_map(|refusal| read_refusal(refusal, &roots)).collect(),
        with: table.tables("with").iter().filter_map(|with| read_with(with, &roots, kinds)).collect(),
        hook: table.text("hook").map(|(name, _)| name.to_owned()),
    };
    table.finish();
    if plan.hook.is_none() && plan.calls.is_empty() {
        table.log.say(table.at, "`delete` has `calls`, or a `hook`");
    }
    Some(plan)
}

fn holds(table: &Fields<'_>, under: Under<'_>, kind: &Kind, roots: &Roots<'_>) -> Vec<Hold> {
    let tables = table.tables("holds");
    let read = tables.iter().filter_map(|fields| {
        let hold = hold(fields, under, kind, roots);
        fields.finish();
        hold
    });
    read.collect()
}

/// What keeps a resource: a listing, and the sentence about an element of it.
fn hold(fields: &Fields<'_>, under: Under<'_>, kind: &Kind, roots: &Roots<'_>) -> Option<Hold> {
    let reason = fields.parsed::<Template>("reason");
    let Some(node) = fields.get("each") else {
        fields.log.say(fields.at, "`each` is missing: the call that lists what keeps it");
        return None;
    };
    let table = Fields::of(node, "`each`", fields.log)?;
    let read = read_list_of_node(&table, under, kind, roots);
    table.finish();
    let (EachOf::Call(list), element) = read? else { return None };
    let mut roots = roots.clone();
    roots.each = Some(element);
    let when = conditions(fields, &roots);
    let Some((reason, at)) = reason else {
        fields.log.say(fields.at, "`reason` is missing: what the resource waits for");
        return None;
    };
    roots.template(&reason).map_err(|wrong| fields.log.say(at, format!("`reason`: {wrong}"))).ok()?;
    Some(Hold { list, when, reason })
}

fn read_refusal(fields: &Fields<'_>, roots: &Roots<'_>) -> Option<Refusal> {
    let when = conditions(fields, roots);
    let reason = fields.text("reason").map(|(reason, _)| reason.to_owned());
    fields.finish();
    if when.is_empty() || reason.is_none() {
        fields.log.say(fields.at, "what is never deleted has `when` and a `reason`");
    }
    Some(Refusal { when, reason: reason? })
}

fn read_with(fields: &Fields<'_>, roots: &Roots<'_>, kinds: &KindTable) -> Option<GoesWith> {
    let kind = fields.text("kind");
    let when = conditions(fields, roots);
    let reason = fields.text("reason").map(|(reason, _)| reason.to_owned());
    fields.finish();
    let Some((kind, at)) = kind else {
        fields.log.say(fields.at, "`kind` is missing: what it goes with");
        return None;
    };
    if !kinds.contains(kind) {
        let close = suggest::closest(kind, kinds.names());
        fields.log.say(at, format!("there is no kind `{kind}`; did you mean {}?", close.join(" or ")));
    }
    Some(GoesWith { kind: kind.to_owned(), when, reason })
}

fn node_roots<'a>(kind: &'a Kind, under: Under<'a>) -> Roots<'a> {
    Roots::of(&node_document(kind)).with_kind(kind).in_cloud(under.dialect.cloud)
}

fn node_calls(
    fields: &Fields<'_>,
    key: &'static str,
    under: Under<'_>,
    kind: &Kind,
    roots: &Roots<'_>,
) -> Vec<NodeCall> {
    let tables = fields.tables(key);
    let calls = tables.iter().filter_map(|table| {
        let read = node_call(table, under, kind, roots);
        table.finish();
        read
    });
    calls.collect()
}

fn node_call(fields: &Fields<'_>, under: Under<'_>, kind: &Kind, roots: &Roots<'_>) -> Option<NodeCall> {
    let mut roots = roots.clone();
    let each = match fields.get("each") {
        None => None,
        Some(node) => {
            let (each, element) = each(node, fields, under, kind, &roots)?;
            roots.each = Some(element);
            Some(each)
        }
    };
    let when = conditions(fields, &roots);
    // Where the node is can be said without a dollar; to the check these are members like all others.
    let mut placed = roots.clone();
    for name in ["account", "region", "region_id", "partition"] {
        if kind.position(name).is_none() {
            placed.item = placed.item.with(name, Doc::Scalar(super::doc::Scalar::Text));
        }
    }
    let failed = fields.parsed::<Path>("failed");
    let checked = calls::read(fields, under, &placed, &[])?;
    if let Some((path, at)) = &failed {
        let inside = checked.answer.at(path).and_then(|found| match found.form() {
            Form::List(element) => element.at(&Path::member("Code")),
            _ => found.at(&Path::member("Code")),
        });
        if let Err(reason) = inside {
            fields.log.say(*at, format!("`failed` leads to errors with `Code` and `Message`: {reason}"));
        }
    }
    let mut call = checked.call;
    call.arguments = in_place(call.arguments, kind);
    Some(NodeCall { call, each, when, failed: failed.map(|(path, _)| path) })
}

fn each(
    node: &Node,
    fields: &Fields<'_>,
    under: Under<'_>,
    kind: &Kind,
    roots: &Roots<'_>,
) -> Option<(EachOf, Doc)> {
    let Toml::Text(text) = &node.value else {
        let table = Fields::of(node, "`each`", fields.log)?;
        let read = read_list_of_node(&table, under, kind, roots);
        table.finish();
        return read;
    };
    let path: Path = parse(text, node.at, fields.log)?;
    let element = match roots.at(&path).map(|doc| doc.form()) {
        Ok(Form::List(element)) => element,
        Ok(Form::Any) => Doc::Any,
        Ok(_) => {
            fields.log.say(node.at, format!("`{path}` is no list"));
            return None;
        }
        Err(reason) => {
            fields.log.say(node.at, reason);
            return None;
        }
    };
    Some((EachOf::Path(path), element))
}

fn read_list_of_node(
    table: &Fields<'_>,
    under: Under<'_>,
    kind: &Kind,
    roots: &Roots<'_>,
) -> Option<(EachOf, Doc)> {
    let (mut list, element) = read_list(table, under, roots)?;
    list.call.arguments = in_place(list.call.arguments, kind);
    Some((EachOf::Call(list), element))
}
