//! Entries of tables that say where a value comes from: of `map`, of edges, of keys.

use inventory::{KindTable, PropertyType, TypeShape};
use serde_json::{Map, Value};

use super::doc::{Doc, Form, Scalar};
use super::fit::{Fit, fit};
use super::flow::flow;
use super::mistake::Log;
use super::reader::{Fields, Node, Toml, parse};
use super::roots::Roots;
use crate::plan::{Extractor, Function, Path, Stage, Template};

/// A value as a table describes it, and what is known about it.
pub(crate) struct Read {
    pub(crate) extractor: Extractor,
    pub(crate) doc: Doc,
    /// The table says that there is none.
    pub(crate) skipped: bool,
    /// The nested kind that the table asks for.
    pub(crate) kind: Option<String>,
}

/// Reads an entry: a path, or a table with more about it.
pub(crate) fn read(node: &Node, roots: &Roots<'_>, log: &Log) -> Option<Read> {
    match &node.value {
        Toml::Text(text) => {
            let path: Path = parse(text, node.at, log)?;
            let (extractor, doc) = of_paths(vec![(path, node.at)], roots, log)?;
            Some(Read { extractor, doc, skipped: false, kind: None })
        }
        Toml::Table(members) => {
            let fields = Fields::new(members, node.at, log);
            let read = read_long(&fields, roots);
            fields.finish();
            read
        }
        _ => {
            log.say(node.at, format!("a path or a table stands here, this is {}", node.what()));
            None
        }
    }
}

/// Reads the long form. Other keys of the table are left to the caller.
pub(crate) fn read_long(fields: &Fields<'_>, roots: &Roots<'_>) -> Option<Read> {
    let found = find(fields, roots);
    let stages = functions(fields);
    let choose = choose(fields);
    let tags = tags(fields);
    let kind = fields.text("kind").map(|(kind, _)| kind.to_owned());
    let default = fields.get("default").map(Node::json).unwrap_or_default();
    if fields.flag("skip") {
        return Some(Read { extractor: Extractor::default(), doc: Doc::Any, skipped: true, kind: None });
    }
    let (mut extractor, mut doc) = found?;
    extractor.default = default;
    for (stage, at) in stages?.into_iter().chain(choose.ok()?).chain(tags.ok()?) {
        doc = after(&stage, &doc).map_err(|reason| fields.log.say(at, reason)).ok()?;
        extractor.stages.push(stage);
    }
    Some(Read { extractor, doc, skipped: false, kind })
}

/// `path`, `any`, `text`, `const`: one of them.
fn find(fields: &Fields<'_>, roots: &Roots<'_>) -> Option<(Extractor, Doc)> {
    let log = fields.log;
    let path = fields.parsed::<Path>("path");
    let any = fields.all_parsed::<Path>("any");
    let text = fields.parsed::<Template>("text");
    let constant = fields.get("const");
    let asked = ["path", "any", "text", "const"];
    let given = asked.iter().filter(|key| fields.all().iter().any(|member| member.key == **key)).count();
    if given != 1 {
        if !fields.flag("skip") {
            log.say(fields.at, "one of `path`, `any`, `text`, `const` says where the value comes from");
        }
        return None;
    }
    if let Some(node) = constant {
        let constant = node.json();
        let doc = of_constant(&constant);
        return Some((Extractor { constant, ..Extractor::default() }, doc));
    }
    if let Some((template, at)) = text {
        roots.template(&template).map_err(|reason| log.say(at, reason)).ok()?;
        let doc = Doc::Scalar(Scalar::Text);
        return Some((Extractor { text: Some(template), ..Extractor::default() }, doc));
    }
    of_paths(path.into_iter().chain(any).collect(), roots, log)
}

/// The first that is there; nothing if the document is one of many and has none of them.
fn of_paths(paths: Vec<(Path, usize)>, roots: &Roots<'_>, log: &Log) -> Option<(Extractor, Doc)> {
    let mut first = None;
    let mut extractor = Extractor::default();
    for (path, at) in paths {
        match roots.at(&path) {
            Ok(doc) => {
                first.get_or_insert(doc);
                extractor.paths.push(path);
            }
            Err(_) if roots.one_of_many => {}
            Err(reason) => {
                log.say(at, reason);
                return None;
            }
        }
    }
    Some((extractor, first?))
}

fn of_constant(constant: &Value) -> Doc {
    match constant {
        Value::String(_) => Doc::Scalar(Scalar::Text),
        Value::Bool(_) => Doc::Scalar(Scalar::Bool),
        Value::Number(number) if number.is_f64() => Doc::Scalar(Scalar::Float),
        Value::Number(_) => Doc::Scalar(Scalar::Int),
        Value::Array(_) | Value::Object(_) | Value::Null => Doc::Any,
    }
}

/// `fn` and `each_fn`; in `fn`, `each:` before a name means each element.
fn functions(fields: &Fields<'_>) -> Option<Vec<(Stage, usize)>> {
    let log = fields.log;
    let texts = fields.texts("fn").into_iter().map(|(text, at)| match text.strip_prefix("each:") {
        Some(name) => (name, true, at),
        None => (text, false, at),
    });
    let each = fields.texts("each_fn").into_iter().map(|(text, at)| (text, true, at));
    let mut stages = Vec::new();
    for (text, each, at) in texts.chain(each) {
        let function: Function = parse(text, at, log)?;
        stages.push((if each { Stage::EachFn(function) } else { Stage::Fn(function) }, at));
    }
    Some(stages)
}

/// `enum`, `enum_default`, `enum_keep`; an error, which is in the log, or what there is of it.
fn choose(fields: &Fields<'_>) -> Result<Option<(Stage, usize)>, ()> {
    let other = fields.get("enum_default").map(Node::json).unwrap_or_default();
    let keep = fields.flag("enum_keep");
    let Some(node) = fields.get("enum") else { return Ok(None) };
    let Toml::Table(members) = &node.value else {
        fields.log.say(node.at, "`enum` is a table from text to value");
        return Err(());
    };
    let values: Map<String, Value> =
        members.iter().map(|member| (member.key.clone(), member.node.json())).collect();
    Ok(Some((Stage::Choose { values, other, keep }, node.at)))
}

/// `tags = [KEY, VALUE]`, where VALUE may be `.` for the whole element; an error, which is in the log, or what there is of it.
fn tags(fields: &Fields<'_>) -> Result<Option<(Stage, usize)>, ()> {
    let names = fields.texts("tags");
    match names.as_slice() {
        [] => Ok(None),
        [(key, at), (value, _)] => Ok(Some((Stage::Tags((*key).to_owned(), (*value).to_owned()), *at))),
        [(_, at), ..] => {
            fields
                .log
                .say(*at, "`tags` takes two names: of the member with the key and of that with the value");
            Err(())
        }
    }
}

/// What a stage makes of a value.
fn after(stage: &Stage, doc: &Doc) -> Result<Doc, String> {
    match stage {
        Stage::Fn(function) => flow(function, doc),
        Stage::EachFn(function) => match doc.form() {
            Form::List(element) => Ok(Doc::List(flow(function, &element)?.into())),
            Form::Any => Ok(Doc::Any),
            _ => Err(format!("`each:{function}` is for lists, this is {doc}")),
        },
        Stage::Choose { values, other, keep } => match doc.form() {
            Form::Scalar(_) | Form::Any if *keep => Ok(Doc::Scalar(Scalar::Text)),
            Form::Scalar(_) | Form::Any => {
                let first = values.values().chain(std::iter::once(other)).find(|value| !value.is_null());
                Ok(first.map_or(Doc::Any, of_constant))
            }
            _ => Err(format!("`enum` is for texts, numbers and truth values, this is {doc}")),
        },
        Stage::Tags(key, value) => match doc.form() {
            Form::List(element) => {
                element.at(&Path::member(key.as_str()))?;
                if value == "." {
                    return Ok(Doc::Map(element.into()));
                }
                element.at(&Path::member(value.as_str()))?;
                Ok(Doc::Map(element.member(value).unwrap_or(Doc::Any).into()))
            }
            Form::Any => Ok(Doc::Map(Doc::Any.into())),
            _ => Err(format!("`tags` is for lists of objects, this is {doc}")),
        },
        Stage::Object(_) | Stage::Objects(_) | Stage::Dictionary(_) | Stage::DictionaryOfLists(_) => {
            Ok(doc.clone())
        }
    }
}

/// How a value that was read fits its property.
pub(crate) fn fits(kinds: &KindTable, expected: &PropertyType, read: &Read) -> Result<Fit, String> {
    chosen_values_fit(kinds, expected, &read.extractor)?;
    if let Some(kind) = &read.kind {
        if !kinds.contains(kind) {
            return Err(format!("there is no kind `{kind}`"));
        }
        let asked = inventory::PropertyType {
            shape: match &expected.shape {
                TypeShape::List(_) => TypeShape::List(Box::new(as_kind(kind))),
                TypeShape::Dictionary(_) => TypeShape::Dictionary(Box::new(as_kind(kind))),
                _ => TypeShape::Kind(kind.clone()),
            },
            ..expected.clone()
        };
        return fit(kinds, &asked, &read.doc);
    }
    fit(kinds, expected, &read.doc)
}

fn as_kind(kind: &str) -> PropertyType {
    PropertyType { shape: TypeShape::Kind(kind.to_owned()), optional: false, convert: true }
}

/// What `enum`, `const` and `default` say has to be a value of an enumeration if the property is one.
fn chosen_values_fit(
    kinds: &KindTable,
    expected: &PropertyType,
    extractor: &Extractor,
) -> Result<(), String> {
    let TypeShape::Kind(name) = &expected.shape else { return Ok(()) };
    let Ok(kind) = kinds.kind(name) else { return Ok(()) };
    let known = &kind.model().values;
    if known.is_empty() {
        return Ok(());
    }
    let mut said: Vec<&Value> = vec![&extractor.constant, &extractor.default];
    for stage in &extractor.stages {
        if let Stage::Choose { values, other, .. } = stage {
            said.extend(values.values().chain(std::iter::once(other)));
        }
    }
    let strange =
        said.into_iter().filter_map(Value::as_str).find(|text| !known.iter().any(|value| value == text));
    match strange {
        Some(text) => Err(format!("`{text}` is no value of `{name}`; those are {}", known.join(", "))),
        None => Ok(()),
    }
}
