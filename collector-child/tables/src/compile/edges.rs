//! Edges and keys in tables.

use inventory::suggest;
use inventory::{Kind, KindTable};

use super::doc::Form;
use super::entry;
use super::gather::conditions;
use super::reader::{Fields, Node, Toml};
use super::roots::Roots;
use crate::plan::{
    CloudPlan, DeleteEdge, Direction, EdgeRule, EdgeType, Extractor, KeyPart, KeyPlan, Lookup, Other, Stage,
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
    let edge = fields.choice(
        "edge",
        &[("default", EdgeType::Default), ("delete", EdgeType::Delete), ("none", EdgeType::None)],
    );
    let delete = fields.choice("delete", &[("reverse", DeleteEdge::Reverse), ("same", DeleteEdge::Same)]);
    let fold = fields.flag("fold");
    let copy = copies(fields);
    let count = fields.text("count");
    let when = conditions(fields, roots);
    let value = lookup(fields, roots);
    let (direction, name, at) = match (to, from) {
        (Some((name, at)), None) => (Direction::To, name, at),
        (None, Some((name, at))) => (Direction::From, name, at),
        _ => {
            let message =
                "an edge has `to` or `from`: the kind of the other node, `*`, `$parent` or `$place`";
            log.say(fields.at, message);
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
        "$place" => Other::Place,
        kind if kinds.contains(kind) => Other::Kind(kind.to_owned()),
        kind => {
            let close = suggest::closest(kind, kinds.names());
            log.say(at, format!("there is no kind `{kind}`; did you mean {}?", close.join(" or ")));
            return None;
        }
    };
    let (by, value) = match (&other, value?) {
        (Other::Parent | Other::Place, _) => (Lookup::Id, Extractor::default()),
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
    check_values(fields, kinds, roots, &other, &copy, count);
    let copy = copy.into_iter().map(|(own, theirs, _)| (own.to_owned(), theirs.to_owned())).collect();
    let count = count.map(|(property, _)| property.to_owned());
    let edge = edge.unwrap_or_default();
    if edge == EdgeType::None && delete.is_none() {
        log.say(fields.at, "an edge of no type: `edge = \"none\"` needs `delete`");
    }
    Some(EdgeRule {
        direction,
        other,
        by,
        value,
        edge,
        delete,
        any_region,
        deferred,
        when,
        fold,
        copy,
        count,
    })
}

/// `copy = { OWN = "THEIRS" }`, with the place of each.
fn copies<'s>(fields: &Fields<'s>) -> Vec<(&'s str, &'s str, usize)> {
    let members = fields.table("copy").map_or(&[][..], |table| table.all());
    let copies = members.iter().filter_map(|member| {
        if let Toml::Text(theirs) = &member.node.value {
            return Some((member.key.as_str(), theirs.as_str(), member.at));
        }
        let message = format!("`copy` takes names, `{}` is {}", member.key, member.node.what());
        fields.log.say(member.at, message);
        None
    });
    copies.collect()
}

/// Whether both nodes have the properties that `copy` and `count` name.
fn check_values(
    fields: &Fields<'_>,
    kinds: &KindTable,
    roots: &Roots<'_>,
    other: &Other,
    copy: &[(&str, &str, usize)],
    count: Option<(&str, usize)>,
) {
    let check = |kind: &Kind, property: &str, at: usize| {
        if kind.position(property).is_none() {
            fields.log.say(at, format!("{} has no property `{property}`", kind.fqn()));
        }
    };
    let theirs = match other {
        Other::Kind(kind) => kinds.kind(kind).ok(),
        _ => None,
    };
    for (own, their, at) in copy {
        roots.kind.inspect(|kind| check(kind, own, *at));
        theirs.inspect(|kind| check(kind, their, *at));
    }
    if let (Some((property, at)), Some(kind)) = (count, theirs) {
        check(kind, property, at);
    }
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
pub(crate) fn key(fields: &Fields<'_>, roots: &Roots<'_>, cloud: &CloudPlan) -> KeyPlan {
    let without_arn = fields.flag("no_arn_key") || !cloud.arn_in_key;
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
