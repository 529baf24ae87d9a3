//! Edges and keys in tables.

use inventory::KindTable;
use inventory::suggest;

use super::doc::Form;
use super::entry;
use super::gather::conditions;
use super::reader::{Fields, Node, Toml};
use super::roots::Roots;
use crate::plan::{
    DeleteEdge, Direction, EdgeRule, EdgeType, Extractor, KeyPart, KeyPlan, Lookup, Other, Stage,
};

/// Reads `edges`.
pub(crate) fn edges(fields: &Fields<'_>, kinds: &KindTable, roots: &Roots<'_>) -> Vec<EdgeRule> {
    let tables = fields.tables("edges");
    let edges = tables.iter().filter_map(|table| {
        let read = edge(table, kinds, roots);
        table.finish();
        read
    });
    edges.collect()
}

fn edge(fields: &Fields<'_>, kinds: &KindTable, roots: &Roots<'_>) -> Option<EdgeRule> {
    let log = fields.log;
    let (to, from) = (fields.text("to"), fields.text("from"));
    let any_region = match fields.text("region") {
        None => false,
        Some(("any", _)) => true,
        Some((other, at)) => {
            log.say(at, format!("`region` is `any` or left out, this is `{other}`"));
            false
        }
    };
    let deferred = fields.flag("deferred");
    let edge = choice(
        fields,
        "edge",
        &[("default", EdgeType::Default), ("delete", EdgeType::Delete), ("none", EdgeType::None)],
    );
    let delete = choice(fields, "delete", &[("reverse", DeleteEdge::Reverse), ("same", DeleteEdge::Same)]);
    let when = conditions(fields, roots);
    let value = lookup(fields, roots);
    let (direction, name, at) = match (to, from) {
        (Some((name, at)), None) => (Direction::To, name, at),
        (None, Some((name, at))) => (Direction::From, name, at),
        _ => {
            log.say(fields.at, "an edge has `to` or `from`: the kind of the other node, `*` or `$parent`");
            return None;
        }
    };
    let other = match name {
        "*" => Other::Any,
        "$parent" if roots.parent.is_none() => {
            log.say(at, "there is no parent here");
            return None;
        }
        "$parent" => Other::Parent,
        kind if kinds.contains(kind) => Other::Kind(kind.to_owned()),
        kind => {
            let close = suggest::closest(kind, kinds.names());
            log.say(at, format!("there is no kind `{kind}`; did you mean {}?", close.join(" or ")));
            return None;
        }
    };
    let (by, value) = match (&other, value?) {
        (Other::Parent, _) => (Lookup::Id, Extractor::default()),
        (_, Some(found)) => found,
        (_, None) => {
            log.say(fields.at, "one of `id`, `arn`, `name`, `prop` says what of the other node is looked up");
            return None;
        }
    };
    if let (Lookup::Property(property), Other::Kind(kind)) = (&by, &other)
        && kinds.kind(kind).is_ok_and(|kind| kind.position(property).is_none())
    {
        log.say(fields.at, format!("{kind} has no property `{property}`"));
    }
    let edge = edge.unwrap_or_default();
    if edge == EdgeType::None && delete.is_none() {
        log.say(fields.at, "an edge of no type: `edge = \"none\"` needs `delete`");
    }
    Some(EdgeRule { direction, other, by, value, edge, delete, any_region, deferred, when })
}

/// One of some words.
fn choice<T: Copy>(fields: &Fields<'_>, key: &'static str, words: &[(&str, T)]) -> Option<T> {
    let (text, at) = fields.text(key)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        fields.log.say(at, format!("`{key}` is one of {}, this is `{text}`", words.join(", ")));
    }
    found
}

/// `id`, `arn`, `name`: path, list of paths or long form. `prop = { NAME = ... }`: another property.
/// `fn`, `each_fn` and `default` may stand beside it.
#[expect(clippy::option_option, reason = "nothing said, and something wrong said, are different")]
fn lookup(fields: &Fields<'_>, roots: &Roots<'_>) -> Option<Option<(Lookup, Extractor)>> {
    let log = fields.log;
    let mut found: Vec<(Lookup, &Node)> = Vec::new();
    for (key, by) in [("id", Lookup::Id), ("arn", Lookup::Arn), ("name", Lookup::Name)] {
        found.extend(fields.get(key).map(|node| (by, node)));
    }
    if let Some(table) = fields.table("prop") {
        found.extend(table.all().iter().map(|member| (Lookup::Property(member.key.clone()), &member.node)));
    }
    // Read here, so that they are known keys also where nothing is looked up.
    let (functions, each) = (fields.get("fn"), fields.get("each_fn"));
    if found.len() > 1 {
        log.say(fields.at, "only one of `id`, `arn`, `name`, `prop` can be looked up");
        return None;
    }
    let Some((by, node)) = found.pop() else { return Some(None) };
    let mut members = match &node.value {
        Toml::Table(members) => members.clone(),
        Toml::List(_) => vec![named("any", node)],
        _ => vec![named("path", node)],
    };
    members.extend(functions.map(|node| named("fn", node)));
    members.extend(each.map(|node| named("each_fn", node)));
    let entry = Fields::new(&members, node.at, log);
    let mut read = entry::read_long(&entry, roots)?;
    entry.finish();
    // What is said about one value holds for each of several.
    let first = read.extractor.paths.first().and_then(|path| roots.at(path).ok());
    if first.is_some_and(|doc| matches!(doc.form(), Form::List(_))) {
        for stage in &mut read.extractor.stages {
            if let Stage::Fn(function) = stage {
                *stage = Stage::EachFn(function.clone());
            }
        }
    }
    match read.doc.form() {
        Form::Scalar(_) | Form::Any => {}
        Form::List(element) if matches!(element.form(), Form::Scalar(_) | Form::Any) => {}
        _ => {
            log.say(node.at, format!("a text or a list of texts is looked up, this is {}", read.doc));
            return None;
        }
    }
    Some(Some((by, read.extractor)))
}

fn named(key: &str, node: &Node) -> super::reader::Member {
    super::reader::Member { key: key.to_owned(), at: node.at, node: node.clone() }
}

/// Reads `key` and `no_arn_key`.
pub(crate) fn key(fields: &Fields<'_>, roots: &Roots<'_>) -> KeyPlan {
    let without_arn = fields.flag("no_arn_key");
    let mut parts = Vec::new();
    let mut add = |node: &Node| {
        let null =
            matches!(&node.value, Toml::Table(members) if members.iter().any(|member| member.key == "null"));
        let stripped = match &node.value {
            Toml::Table(members) => Node {
                at: node.at,
                value: Toml::Table(members.iter().filter(|member| member.key != "null").cloned().collect()),
            },
            _ => node.clone(),
        };
        if let Some(read) = entry::read(&stripped, roots, fields.log) {
            parts.push(KeyPart { value: read.extractor, null });
        }
    };
    match fields.get("key") {
        Some(Node { value: Toml::List(items), .. }) => items.iter().for_each(&mut add),
        Some(node) => add(node),
        None => {}
    }
    KeyPlan { without_arn, parts }
}
