//! Where the items of a kind come from, and what their documents look like in the end.

use inventory::{Kind, KindTable};

use super::calls::{self, Checked, Under};
use super::doc::{Doc, Form};
use super::reader::{Fields, Node, Toml, parse};
use super::roots::Roots;
use super::types;
use crate::plan::{
    BatchCall, CloudPlan, Condition, ErrorMeaning, FollowUp, Into, Join, ListCall, Path, Source, Step,
};

/// How items are gathered, and what is known about their documents.
pub(crate) struct Gathered {
    pub(crate) source: Source,
    pub(crate) batches: Vec<BatchCall>,
    pub(crate) calls: Vec<FollowUp>,
    pub(crate) doc: Doc,
}

/// Reads `parent`, `list`, `items`, `document`, `batch`, `calls`, `hook`.
pub(crate) fn gather(
    fields: &Fields<'_>,
    under: Under<'_>,
    parent: Option<&(Doc, &Kind)>,
    parent_name: Option<&str>,
    hook: bool,
    kinds: &KindTable,
) -> Option<Gathered> {
    let (source, doc) = source(fields, under, parent, parent_name, hook)?;
    let mut gathered = Gathered { source, batches: Vec::new(), calls: Vec::new(), doc };
    gathered.doc = declared(fields, under, kinds, gathered.doc);
    for batch in fields.tables("batch") {
        read_batch(&batch, under, parent, &mut gathered);
        batch.finish();
    }
    for call in fields.tables("calls") {
        read_call(&call, under, parent, &mut gathered);
        call.finish();
    }
    for (code, at) in fields.texts("gone") {
        if gathered.calls.is_empty() {
            fields.log.say(at, "`gone` is for kinds with `calls`");
        }
        for follow in &mut gathered.calls {
            follow.gone.push(code.to_owned().into());
        }
    }
    if fields.get("gone").is_none() {
        gone_as_the_service_says(&mut gathered.calls, under.dialect.cloud);
    }
    Some(gathered)
}

/// Where a kind says nothing, what its services say by themselves of things that are not there.
fn gone_as_the_service_says(calls: &mut [FollowUp], cloud: &CloudPlan) {
    for follow in calls {
        let Some(service) = cloud.service(&follow.call.service) else { continue };
        let said = service.errors.said(ErrorMeaning::Gone).filter(|said| said.words.is_none());
        follow.gone.extend(said.cloned());
    }
}

fn source(
    fields: &Fields<'_>,
    under: Under<'_>,
    parent: Option<&(Doc, &Kind)>,
    parent_name: Option<&str>,
    hook: bool,
) -> Option<(Source, Doc)> {
    let lists = fields.tables("list");
    let items = fields.parsed::<Path>("items");
    if fields.flag("elsewhere") {
        return Some((Source::Elsewhere, Doc::empty()));
    }
    match (parent, parent_name, items) {
        (Some((doc, _)), Some(name), Some((items, at))) => {
            if !lists.is_empty() {
                fields.log.say(at, "`items` and `list` exclude each other");
            }
            let found = doc.at(&items).map_err(|reason| fields.log.say(at, reason)).ok()?;
            let doc = as_item(match found.form() {
                Form::List(item) => item,
                _ => found,
            });
            return Some((Source::Elements { parent: name.to_owned(), items }, doc));
        }
        (_, _, Some((_, at))) => fields.log.say(at, "`items` needs `parent`"),
        _ => {}
    }
    if lists.is_empty() {
        if hook {
            return Some((Source::Hook, Doc::empty()));
        }
        fields.log.say(
            fields.at,
            "where its items come from is missing: `list`, or `parent` with `items`, or `hook`, or `elsewhere = true`",
        );
        return None;
    }
    let mut calls = Vec::new();
    let mut doc: Option<Doc> = None;
    for list in lists {
        let read = read_list(
            &list,
            under,
            &Roots::of(&Doc::empty()).with_parent(parent).in_cloud(under.dialect.cloud),
        );
        list.finish();
        let (call, item) = read?;
        doc = Some(match doc {
            Some(doc) if doc.identity() != item.identity() => doc.merged(&item),
            _ => item,
        });
        calls.push(call);
    }
    Some((Source::List { parent: parent_name.map(str::to_owned), calls }, doc?))
}

/// Reads a call that lists, and what an item of it looks like.
pub(crate) fn read_list(fields: &Fields<'_>, under: Under<'_>, roots: &Roots<'_>) -> Option<(ListCall, Doc)> {
    let items = fields.parsed::<Path>("items");
    let when = conditions(fields, roots);
    let checked = calls::read_all(fields, under, roots, &[])?;
    let doc = item_of(&checked, items.as_ref(), fields)?;
    Some((ListCall { call: checked.call, items: items.map(|(path, _)| path), when }, doc))
}

fn item_of(checked: &Checked, items: Option<&(Path, usize)>, fields: &Fields<'_>) -> Option<Doc> {
    let Some((path, at)) = items else { return Some(checked.answer.clone()) };
    let found = checked.answer.clone().at(path).map_err(|reason| fields.log.say(*at, reason)).ok()?;
    Some(as_item(match found.form() {
        Form::List(item) => item,
        _ => found,
    }))
}

/// An item that is no object becomes the member `$item` of one.
fn as_item(doc: Doc) -> Doc {
    match doc.form() {
        Form::Object | Form::Map(_) | Form::Any => doc,
        Form::List(_) | Form::Scalar(_) => Doc::empty().with("$item", doc),
    }
}

/// Conditions of `when`.
pub(crate) fn conditions(fields: &Fields<'_>, roots: &Roots<'_>) -> Vec<Condition> {
    let read = fields.all_parsed::<Condition>("when");
    for (condition, at) in &read {
        if let Err(reason) = roots.condition(condition) {
            fields.log.say(*at, reason);
        }
    }
    read.into_iter().map(|(condition, _)| condition).collect()
}

/// `document = { Name = "any", Other = "OPERATION:PATH", More = { ... } }`: members of the document that no shape tells
/// of, because the operation has none or because a hook adds them.
fn declared(fields: &Fields<'_>, under: Under<'_>, kinds: &KindTable, doc: Doc) -> Doc {
    if let Some(Node { value: Toml::Text(any), .. }) = fields.get("document")
        && any == "any"
    {
        return Doc::Any;
    }
    let Some(table) = fields.table("document") else { return doc };
    let known = types::Known { kinds: Some(kinds), log: fields.log };
    // What is declared is known.
    let doc = if matches!(doc, Doc::Any) { Doc::empty() } else { doc };
    table.all().iter().fold(doc, |doc, member| {
        let of_operation = match &member.node.value {
            Toml::Text(notation) => notation.split_once(':'),
            _ => None,
        };
        let Some((operation, path)) = of_operation else {
            return types::object(std::slice::from_ref(member), doc.clone(), &known).unwrap_or(doc);
        };
        match of_answer(operation, path, &member.node, under, fields) {
            Some(added) if member.key == "." => doc.merged(&added),
            Some(added) => doc.with(&member.key, added),
            None => doc,
        }
    })
}

/// `OPERATION:PATH`: what the answer of an operation has there.
fn of_answer(operation: &str, path: &str, node: &Node, under: Under<'_>, fields: &Fields<'_>) -> Option<Doc> {
    let Some(service) = calls::shapes_of(under.service, under.dialect) else {
        fields.log.say(node.at, format!("{} has no shapes", under.service));
        return None;
    };
    let Some(operation) = service.operation(operation) else {
        fields.log.say(node.at, format!("{} has no operation `{operation}`", service.name));
        return None;
    };
    let answer = operation.output.map_or_else(Doc::empty, |output| Doc::Shape(service, output));
    let path: Path = parse(path, node.at, fields.log)?;
    answer.at(&path).map_err(|reason| fields.log.say(node.at, reason)).ok()
}

fn read_batch(fields: &Fields<'_>, under: Under<'_>, parent: Option<&(Doc, &Kind)>, gathered: &mut Gathered) {
    let log = fields.log;
    let roots = Roots::of(&gathered.doc).with_parent(parent).in_cloud(under.dialect.cloud);
    let argument = fields.text("arg");
    let from = fields.parsed::<Path>("from");
    let size = fields.count("size");
    let items = fields.parsed::<Path>("items");
    let (by, take, into) = (fields.parsed::<Path>("by"), fields.parsed::<Path>("take"), fields.text("into"));
    let given: Vec<&str> = argument.iter().map(|(name, _)| *name).collect();
    let checked = calls::read_all(fields, under, &roots, &given);
    for (missing, what) in [
        (argument.is_none(), "`arg`: the argument that takes the list"),
        (from.is_none(), "`from`: what of each item goes into the list"),
        (size.is_none(), "`size`: how many at most are in one list"),
    ] {
        if missing {
            log.say(fields.at, format!("{what} is missing"));
        }
    }
    let (Some(checked), Some((argument, _)), Some((from, from_at)), Some((size, _))) =
        (checked, argument, from, size)
    else {
        return;
    };
    if let Err(reason) = roots.at(&from) {
        log.say(from_at, reason);
    }
    let Some(result) = item_of(&checked, items.as_ref(), fields) else { return };
    let join = match by {
        None => {
            gathered.doc = result;
            None
        }
        Some((by, at)) => {
            if let Err(reason) = result.at(&by) {
                log.say(at, reason);
            }
            let Some((into, added)) = target(fields, &result, take.as_ref(), into, None) else { return };
            gathered.doc = put(&gathered.doc, &into, &added);
            Some(Join { by, take: take.map(|(path, _)| path), into })
        }
    };
    gathered.batches.push(BatchCall {
        call: checked.call,
        argument: argument.to_owned(),
        from,
        size,
        items: items.map(|(path, _)| path),
        join,
    });
}

fn read_call(fields: &Fields<'_>, under: Under<'_>, parent: Option<&(Doc, &Kind)>, gathered: &mut Gathered) {
    let mut roots = Roots::of(&gathered.doc).with_parent(parent).in_cloud(under.dialect.cloud);
    let each = fields.parsed::<Path>("each");
    if let Some((path, at)) = &each {
        match roots.at(path).map(|doc| doc.form()) {
            Ok(Form::List(element)) => roots.each = Some(element),
            Ok(Form::Any) => roots.each = Some(Doc::Any),
            Ok(_) => fields.log.say(*at, format!("`{path}` is no list")),
            Err(reason) => fields.log.say(*at, reason),
        }
    }
    let take = fields.parsed::<Path>("take");
    let into = fields.text("into");
    let required = fields.flag("required");
    let when = conditions(fields, &roots);
    let also = fields.texts("also");
    let Some(checked) = calls::read_all(fields, under, &roots, &[]) else { return };
    let answer = checked.answer.clone();
    let Some((into, added)) = target(fields, &answer, take.as_ref(), into, each.as_ref()) else { return };
    let added = with_also(fields, &answer, added, &also);
    let joined = matches!(added.form(), Form::List(_));
    if !joined && checked.has_pages_apart() {
        fields.log.say(
            fields.at,
            format!("how the pages of {} are put together is not known", checked.call.operation),
        );
    }
    let added = match (&each, &into) {
        (Some(_), Into::Member(_) | Into::Merge) => Doc::List(added.into()),
        (Some((path, _)), Into::Elements { member, .. }) => {
            let element = roots.each.clone().unwrap_or(Doc::Any);
            let element = match member {
                Some(member) => element.with(member, added),
                None => element.merged(&added),
            };
            let steps = path.steps.strip_suffix(&[Step::Each]).unwrap_or(&path.steps);
            gathered.doc.with_elements(steps, &element)
        }
        (None, _) => added,
    };
    gathered.doc = match &into {
        Into::Elements { .. } => added,
        into => put(&gathered.doc, into, &added),
    };
    gathered.calls.push(FollowUp {
        call: checked.call,
        each: each.map(|(path, _)| path),
        take: take.map(|(path, _)| path),
        also: also.into_iter().map(|(name, _)| name.to_owned()).collect(),
        joined,
        gone: Vec::new(),
        into,
        required,
        when,
    });
}

/// The object that is taken, with other members of the answer.
fn with_also(fields: &Fields<'_>, answer: &Doc, taken: Doc, also: &[(&str, usize)]) -> Doc {
    also.iter().fold(taken, |taken, (name, at)| match (answer.at(&Path::member(*name)), taken.form()) {
        (Ok(member), Form::Object) => taken.with(name, member),
        (Ok(_), _) => {
            fields.log.say(*at, format!("`also` adds to an object, but {taken} is taken"));
            taken
        }
        (Err(reason), _) => {
            fields.log.say(*at, reason);
            taken
        }
    })
}

/// Where an answer goes and what it is.
fn target(
    fields: &Fields<'_>,
    answer: &Doc,
    take: Option<&(Path, usize)>,
    into: Option<(&str, usize)>,
    each: Option<&(Path, usize)>,
) -> Option<(Into, Doc)> {
    let log = fields.log;
    let added = match take {
        Some((path, at)) => answer.at(path).map_err(|reason| log.say(*at, reason)).ok()?,
        None => answer.clone(),
    };
    let into = match (into, take.and_then(|(path, _)| path.last_member())) {
        (Some((".", at)), _) => {
            if !matches!(added.form(), Form::Object | Form::Any | Form::Map(_)) {
                log.say(at, format!("`into = \".\"` merges objects, the answer is {added}"));
            }
            Into::Merge
        }
        (Some((name, at)), _) if name.contains("[]") => elements(name, at, each, log)?,
        (Some((name, _)), _) | (None, Some(name)) => Into::Member(name.to_owned()),
        (None, None) => {
            log.say(fields.at, "`into` is missing: the member of the document that takes the answer");
            return None;
        }
    };
    if each.is_some() && into == Into::Merge {
        log.say(fields.at, "with `each` the answer is a list, which cannot be merged into the document");
    }
    Some((into, added))
}

fn elements(text: &str, at: usize, each: Option<&(Path, usize)>, log: &super::mistake::Log) -> Option<Into> {
    let (list, member) = text.rsplit_once("[]")?;
    let list: Path = parse(list, at, log)?;
    let member = member.strip_prefix('.').filter(|name| !name.is_empty()).map(str::to_owned);
    let same = |path: &Path| path.steps.strip_suffix(&[Step::Each]).unwrap_or(&path.steps) == list.steps;
    if list.is_many() || !each.is_some_and(|(path, _)| same(path)) {
        log.say(at, format!("`into = \"{text}\"` needs `each = \"{list}\"`"));
        return None;
    }
    Some(Into::Elements { list, member })
}

fn put(doc: &Doc, into: &Into, added: &Doc) -> Doc {
    match into {
        Into::Merge => doc.merged(added),
        Into::Member(name) => doc.with(name, added.clone()),
        Into::Elements { .. } => doc.clone(),
    }
}
