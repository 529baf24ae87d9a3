//! Calls in tables, checked against the operations of the services.

use inventory::suggest;
use shapes::{Operation, Service, Shape, ShapeId};

use super::doc::{Doc, Form};
use super::mistake::Log;
use super::reader::{Fields, Node};
use super::roots::Roots;
use crate::plan::{Argument, Arguments, Call};

/// A call and what is known about its answer.
pub(crate) struct Checked {
    pub(crate) call: Call,
    pub(crate) service: &'static Service,
    pub(crate) operation: &'static Operation,
}

impl Checked {
    /// What it answers.
    pub(crate) fn answer(&self) -> Doc {
        self.operation.output.map_or_else(Doc::empty, |output| Doc::Shape(self.service, output))
    }
}

/// As [`read`], for a call whose answer has to be complete.
pub(crate) fn read_all(
    fields: &Fields<'_>,
    default: &str,
    roots: &Roots<'_>,
    given: &[&str],
) -> Option<Checked> {
    let checked = read(fields, default, roots, given)?;
    if let Some(token) = checked.operation.unfollowed_token(checked.service) {
        let reason = format!(
            "{} answers with `{token}`, and nothing is known about how to ask for more: say it in shapes/scripts/paging.py",
            checked.operation.name
        );
        fields.log.say(fields.at, reason);
    }
    Some(checked)
}

/// Reads `op`, `service`, `args` and `expect`. `given` are arguments that come from elsewhere.
pub(crate) fn read(fields: &Fields<'_>, default: &str, roots: &Roots<'_>, given: &[&str]) -> Option<Checked> {
    let log = fields.log;
    let (name, at) = fields.text("service").unwrap_or((default, fields.at));
    let operation = fields.text("op");
    let arguments = fields.get("args");
    let expected = fields.texts("expect").into_iter().map(|(code, _)| code.to_owned()).collect();
    let service = service(name, at, log)?;
    let Some((operation, at)) = operation else {
        log.say(fields.at, "`op` is missing: the operation that is called");
        return None;
    };
    let operation = find_operation(service, operation, at, log)?;
    let arguments = arguments.map_or_else(|| Some(Arguments::default()), |node| read_arguments(node, log))?;
    let place = fields.get("args").map_or(fields.at, |node| node.at);
    if let Err(reason) = roots.arguments(&arguments) {
        log.say(place, reason);
    }
    for reason in check_arguments(service, operation, &arguments, roots, given) {
        log.say(place, reason);
    }
    let call =
        Call { service: service.name.to_owned(), operation: operation.name.to_owned(), arguments, expected };
    Some(Checked { call, service, operation })
}

/// The service, or a mistake.
pub(crate) fn service(name: &str, at: usize, log: &Log) -> Option<&'static Service> {
    let catalog = log.dialect().catalog;
    catalog
        .service(name)
        .map_err(|_| {
            let hint = suggest::hint(name, catalog.services());
            log.say(at, format!("there is no service `{name}`; {hint}"));
        })
        .ok()
}

fn find_operation(service: &'static Service, name: &str, at: usize, log: &Log) -> Option<&'static Operation> {
    let found = service.operation(name);
    if found.is_none() {
        let close = suggest::closest(name, service.operations());
        let hint =
            if close.is_empty() { String::new() } else { format!("; did you mean {}?", close.join(" or ")) };
        log.say(at, format!("{} has no operation `{name}`{hint}", service.name));
    }
    found
}

fn read_arguments(node: &Node, log: &Log) -> Option<Arguments> {
    Arguments::try_from(node.json()).map_err(|reason| log.say(node.at, format!("`args`: {reason}"))).ok()
}

/// Everything that is wrong with the arguments of a call.
fn check_arguments(
    service: &'static Service,
    operation: &Operation,
    arguments: &Arguments,
    roots: &Roots<'_>,
    given: &[&str],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(input) = operation.input else {
        if !arguments.members.is_empty() || !given.is_empty() {
            wrong.push(format!("{} takes no arguments", operation.name));
        }
        return wrong;
    };
    let check = Check { service, operation: operation.name, roots };
    let members: Vec<_> =
        arguments.members.iter().map(|(name, argument)| (name.as_str(), argument)).collect();
    check.object(input, &members, given, "", &mut wrong);
    wrong
}

struct Check<'a> {
    service: &'static Service,
    operation: &'a str,
    roots: &'a Roots<'a>,
}

impl Check<'_> {
    fn object(
        &self,
        shape: ShapeId,
        members: &[(&str, &Argument)],
        given: &[&str],
        path: &str,
        wrong: &mut Vec<String>,
    ) {
        let Shape::Structure(structure) = self.service.shape(shape) else {
            return wrong.push(format!("the argument `{path}` of {} is no object", self.operation));
        };
        if structure.document {
            return;
        }
        let base = members.iter().find(|(name, _)| *name == "." && !path.is_empty());
        if let Some((_, base)) = base {
            self.argument(shape, base, &format!("{path}."), wrong);
        }
        let named =
            members.iter().map(|(name, _)| *name).filter(|name| base.is_none_or(|(base, _)| name != base));
        for name in named.chain(given.iter().copied()) {
            if structure.member(name).is_none() {
                let hint = suggest::hint(name, structure.members.iter().map(|member| member.name));
                wrong.push(format!("{} takes no argument `{path}{name}`; {hint}", self.operation));
            }
        }
        for member in &structure.members {
            let argument = members.iter().find(|(name, _)| *name == member.name);
            match argument {
                Some((name, argument)) => {
                    self.argument(member.shape, argument, &format!("{path}{name}"), wrong);
                }
                None if member.required
                    && !member.is_filled_in()
                    && base.is_none()
                    && !given.contains(&member.name) =>
                {
                    wrong.push(format!("{} needs the argument `{path}{}`", self.operation, member.name));
                }
                None => {}
            }
        }
    }

    fn argument(&self, id: ShapeId, argument: &Argument, path: &str, wrong: &mut Vec<String>) {
        let shape = self.service.shape(id);
        match (argument, shape) {
            (Argument::Object(members), Shape::Structure(_)) => {
                let names = members.iter().map(|(name, member)| Some((name.plain()?, member)));
                match names.collect::<Option<Vec<_>>>() {
                    Some(members) => self.object(id, &members, &[], &format!("{path}."), wrong),
                    None => {
                        wrong.push(format!("the members of the argument `{path}` have names of their own"));
                    }
                }
            }
            (Argument::Object(members), Shape::Map(map)) => {
                for (name, member) in members {
                    self.argument(map.value.shape, member, &format!("{path}.{name}"), wrong);
                }
            }
            (Argument::List(items), Shape::List(list)) => {
                for item in items {
                    self.argument(list.member.shape, item, &format!("{path}[]"), wrong);
                }
            }
            (Argument::Template(template), _)
                if template.paths().count() == 1 && template.parts.len() == 1 =>
            {
                if let Some(Ok(doc)) = template.paths().next().map(|path| self.roots.at(path))
                    && !same_form(&doc, shape)
                {
                    wrong.push(format!(
                        "the argument `{path}` of {} is a {}, but `{template}` is {doc}",
                        self.operation,
                        shape.kind()
                    ));
                }
            }
            (Argument::Template(_), Shape::String { .. } | Shape::Blob) => {}
            (Argument::Constant(value), _) if constant_fits(value, shape) => {}
            _ => wrong.push(format!("the argument `{path}` of {} is a {}", self.operation, shape.kind())),
        }
    }
}

fn same_form(doc: &Doc, shape: &Shape) -> bool {
    match doc.form() {
        Form::Any => true,
        Form::List(_) => matches!(shape, Shape::List(_)),
        Form::Object | Form::Map(_) => matches!(shape, Shape::Structure(_) | Shape::Map(_)),
        Form::Scalar(_) => !matches!(shape, Shape::List(_) | Shape::Structure(_) | Shape::Map(_)),
    }
}

fn constant_fits(value: &serde_json::Value, shape: &Shape) -> bool {
    match shape {
        Shape::String { .. } | Shape::Timestamp | Shape::Blob => value.is_string(),
        Shape::Integer | Shape::Long => value.is_i64(),
        Shape::Float | Shape::Double => value.is_number(),
        Shape::Boolean => value.is_boolean(),
        Shape::Structure(_) | Shape::List(_) | Shape::Map(_) => false,
    }
}
