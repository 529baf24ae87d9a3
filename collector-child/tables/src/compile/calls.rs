//! Calls in tables, checked against the operations of the services.

use inventory::suggest;
use shapes::{Catalog, Operation, Service, Shape, ShapeId};

use super::Dialect;
use super::cloud;
use super::doc::{Doc, Form};
use super::mistake::Log;
use super::reader::{Fields, Node};
use super::rest;
use super::roots::Roots;
use crate::plan::optional;
use crate::plan::{Argument, Arguments, Call, Path};

/// The service that calls go to which name none, and what its cloud is compiled with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Under<'s> {
    pub(crate) service: &'s str,
    pub(crate) dialect: Dialect<'s>,
}

/// A call and what is known about its answer.
pub(crate) struct Checked {
    pub(crate) call: Call,
    /// What it answers.
    pub(crate) answer: Doc,
    /// Its shape, if it has one.
    pub(crate) shape: Option<(&'static Service, &'static Operation)>,
}

impl Checked {
    /// Whether its answer has pages that cannot be put together.
    pub(crate) fn has_pages_apart(&self) -> bool {
        let pagination = self.shape.and_then(|(_, operation)| operation.pagination.as_ref());
        pagination.is_some_and(|pages| pages.result_keys.is_empty())
    }
}

/// As [`read`], for a call whose answer has to be complete.
pub(crate) fn read_all(
    fields: &Fields<'_>,
    under: Under<'_>,
    roots: &Roots<'_>,
    given: &[&str],
) -> Option<Checked> {
    let mut checked = read(fields, under, roots, given)?;
    let unfollowed = checked.shape.and_then(|(service, operation)| operation.unfollowed_token(service));
    if let Some(token) = unfollowed {
        let reason = format!(
            "{} answers with `{token}`, and nothing is known about how to ask for more, or nobody reads it: say it in shapes/scripts/paging.py",
            checked.call.operation
        );
        fields.log.say(fields.at, reason);
    }
    checked.call.failed = failed(fields, &checked);
    Some(checked)
}

/// `failed`: the list in a good answer that has what could not be told. Such a list is a mistake if nobody reads it.
fn failed(fields: &Fields<'_>, checked: &Checked) -> Option<Path> {
    let said = fields.parsed::<Path>("failed");
    let Some((path, at)) = said else {
        if let Some(name) = checked.shape.and_then(|(service, operation)| operation.failures(service)) {
            let operation = &checked.call.operation;
            fields.log.say(
                fields.at,
                format!(
                    "{operation} tells in `{name}` what is missing from a good answer: `failed = \"{name}\"`"
                ),
            );
        }
        return None;
    };
    match checked.answer.at(&path).map(|found| found.form()) {
        Ok(Form::List(_) | Form::Map(_) | Form::Any) => {}
        Ok(_) => fields.log.say(at, format!("`{path}` is no list")),
        Err(reason) => fields.log.say(at, reason),
    }
    Some(path)
}

/// Reads `op`, `service`, `args` and `expect`, or what stands in the place of `args` where an operation has no shape.
/// `given` are arguments that come from elsewhere.
pub(crate) fn read(
    fields: &Fields<'_>,
    under: Under<'_>,
    roots: &Roots<'_>,
    given: &[&str],
) -> Option<Checked> {
    let log = fields.log;
    let (name, at) = fields.text("service").unwrap_or((under.service, fields.at));
    let operation = fields.text("op");
    let expected = fields.texts("expect").into_iter().map(|(code, _)| code.to_owned()).collect();
    let paging = cloud::paging_of_call(fields);
    let arguments = fields.get("args");
    let Some((operation, operation_at)) = operation else {
        log.say(fields.at, "`op` is missing: the operation that is called");
        return None;
    };
    if !service_exists(name, under.dialect, at, log) {
        return None;
    }
    if operation.contains(' ') {
        if let Some(node) = arguments {
            log.say(node.at, "`args` is for operations with a shape; these take `query`, `body` and `form`");
        }
        let (operation, arguments, answer) = rest::read(fields, (operation, operation_at), roots, given)?;
        let call = Call { service: name.to_owned(), operation, arguments, expected, failed: None, paging };
        return Some(Checked { call, answer, shape: None });
    }
    let Some(service) = shapes_of(name, under.dialect) else {
        log.say(
            operation_at,
            format!("{name} has no shapes: an operation is its method and its path, `GET /things/{{id}}`"),
        );
        return None;
    };
    let operation = find_operation(service, operation, operation_at, log)?;
    let arguments = arguments.map_or_else(|| Some(Arguments::default()), |node| read_arguments(node, log))?;
    let place = fields.get("args").map_or(fields.at, |node| node.at);
    if let Err(reason) = roots.arguments(&arguments) {
        log.say(place, reason);
    }
    for reason in check_arguments(service, operation, &arguments, roots, given) {
        log.say(place, reason);
    }
    let answer = operation.output.map_or_else(Doc::empty, |output| Doc::Shape(service, output));
    let operation_name = operation.name.to_owned();
    let call = Call {
        service: name.to_owned(),
        operation: operation_name,
        arguments,
        expected,
        failed: None,
        paging,
    };
    Some(Checked { call, answer, shape: Some((service, operation)) })
}

/// Whether there is such a service; if not, that is a mistake.
pub(crate) fn service_exists(name: &str, dialect: Dialect<'_>, at: usize, log: &Log) -> bool {
    let Dialect { cloud, catalog } = dialect;
    if cloud.service(name).is_some() || shapes_of(name, dialect).is_some() {
        return true;
    }
    let named = cloud.services.iter().map(|service| service.name.as_str());
    let shaped: Vec<&str> =
        catalog.filter(|_| cloud.shapes).into_iter().flat_map(Catalog::services).collect();
    let hint = suggest::hint(name, named.chain(shaped));
    log.say(at, format!("there is no service `{name}`; {hint}"));
    false
}

/// The operations of a service, if they have shapes.
pub(crate) fn shapes_of(name: &str, dialect: Dialect<'_>) -> Option<&'static Service> {
    let table = match dialect.cloud.service(name) {
        Some(service) => service.shapes.as_deref()?,
        None if dialect.cloud.shapes => name,
        None => return None,
    };
    dialect.catalog?.service(table).ok()
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

pub(crate) fn read_arguments(node: &Node, log: &Log) -> Option<Arguments> {
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
        let base = members.iter().find(|(name, _)| optional(name).0 == "." && !path.is_empty());
        if let Some((_, base)) = base {
            self.argument(shape, base, &format!("{path}."), wrong);
        }
        let named =
            members.iter().map(|(name, _)| *name).filter(|name| base.is_none_or(|(base, _)| name != base));
        let members: Vec<_> = members.iter().map(|(name, member)| (optional(name).0, *member)).collect();
        for name in named.chain(given.iter().copied()) {
            let (name, _) = optional(name);
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
                    // What the others are put over is the whole map.
                    let whole = name.plain().is_some_and(|name| matches!(name, "." | ".?"));
                    let shape = if whole { id } else { map.value.shape };
                    self.argument(shape, member, &format!("{path}.{name}"), wrong);
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
            (Argument::Template(_), Shape::String { .. } | Shape::Blob)
            | (Argument::Drop | Argument::Constant(serde_json::Value::Null), _) => {}
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
