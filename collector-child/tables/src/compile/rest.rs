//! Operations without shapes: `op = "GET /things/{id}"`, with `query`, `body`, `form`.

use serde_json::{Map, Value};

use super::calls::read_arguments;
use super::doc::Doc;
use super::mistake::Log;
use super::reader::{Fields, Node, Toml};
use super::roots::Roots;
use super::types;
use crate::plan::{Argument, Arguments, Part, Path, Template};

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// Reads such an operation: its name, its arguments, and what it answers.
pub(crate) fn read(
    fields: &Fields<'_>,
    (operation, at): (&str, usize),
    roots: &Roots<'_>,
    given: &[&str],
) -> Option<(String, Arguments, Doc)> {
    let log = fields.log;
    if !given.is_empty() {
        log.say(at, "a call that takes a list of items is for operations with a shape");
    }
    let path = path(operation, at, log)?;
    let mut members = Vec::new();
    if !path.is_empty() {
        members.push(("path".to_owned(), Argument::Object(path)));
    }
    for key in ["query", "body", "form"] {
        let Some(node) = fields.get(key) else { continue };
        members.push((key.to_owned(), argument(key, node, log)?));
    }
    let arguments = Arguments { members };
    if let Err(reason) = roots.arguments(&arguments) {
        log.say(fields.at, reason);
    }
    let answer =
        fields.get("answer").map_or(Some(Doc::Any), |node| types::document(node, &types::Known::of(log)))?;
    Some((operation.to_owned(), arguments, answer))
}

fn argument(key: &str, node: &Node, log: &Log) -> Option<Argument> {
    let Toml::Table(_) = node.value else {
        if key == "body" {
            // A body may be a list, or an object that the document has.
            let wrapped = Value::Object(Map::from_iter([(key.to_owned(), node.json())]));
            let read = Arguments::try_from(wrapped).map_err(|reason| log.say(node.at, reason)).ok()?;
            return read.members.into_iter().next().map(|(_, argument)| argument);
        }
        log.say(node.at, format!("`{key}` is a table, this is {}", node.what()));
        return None;
    };
    let members = read_arguments(node, log)?.members;
    let named = members.into_iter().map(|(name, argument)| Ok((name.parse()?, argument)));
    let named: Result<Vec<_>, String> = named.collect();
    named.map(Argument::Object).map_err(|reason| log.say(node.at, reason)).ok()
}

/// What is filled into the path: for each pair of braces what stands in it, as name and as template.
fn path(operation: &str, at: usize, log: &Log) -> Option<Vec<(Template, Argument)>> {
    let (method, path) = operation.split_once(' ').unwrap_or_default();
    if !METHODS.contains(&method) || path.contains(' ') {
        log.say(
            at,
            format!("an operation is one of {} and a path, this is `{operation}`", METHODS.join(", ")),
        );
        return None;
    }
    if !path.starts_with('/') && !path.starts_with("{+") {
        log.say(
            at,
            format!("the path of an operation begins with `/`, or with an address in `{{+...}}`: `{path}`"),
        );
        return None;
    }
    let mut filled: Vec<(Template, Argument)> = Vec::new();
    let mut rest = path;
    while let Some((before, tail)) = rest.split_once('{') {
        let Some((inside, tail)) = tail.split_once('}').filter(|_| !before.contains('}')) else {
            log.say(at, format!("`{path}` has a brace without its partner"));
            return None;
        };
        rest = tail;
        let names = inside.strip_prefix('+').unwrap_or(inside).split('|').map(str::trim);
        let paths: Result<Vec<Path>, _> = names.map(str::parse).collect();
        let paths = paths.map_err(|error| log.say(at, error.to_string())).ok()?;
        let name = Template { parts: vec![Part::Text(inside.to_owned())] };
        if !filled.iter().any(|(known, _)| *known == name) {
            filled.push((name, Argument::Template(Template { parts: vec![Part::Value(paths)] })));
        }
    }
    Some(filled)
}
