//! Answers by their shapes.

mod document;
mod error;
mod json;
mod odd;
mod own;
mod repair;
mod rest;
mod special;
mod text;
mod xml;

use serde_json::{Map, Value};

use crate::answer::Oddity;
use crate::shape::{Location, Structure};
use crate::{Answer, Headers, Operation, Protocol, Service, Shape};
pub use json::any as any_json;
use odd::Odd;

/// An answer and what it answers.
struct Source<'a> {
    service: &'a Service,
    operation: &'a Operation,
    status: u16,
    headers: &'a dyn Headers,
    body: &'a [u8],
    odd: &'a Odd,
}

/// Reads the answer of an operation into an object by the names of the shapes, see [`parse_noting`].
pub fn parse(
    service: &Service,
    operation: &Operation,
    status: u16,
    headers: &dyn Headers,
    body: &[u8],
) -> Result<Value, Answer> {
    parse_noting(service, operation, status, headers, body).map(|(value, _)| value)
}

/// Reads the answer of an operation into an object by the names of the shapes, and tells which values were left out.
///
/// Members that were not sent, or sent as null, are absent; so are members that no shape knows. A value is left out if
/// it is a list, object or scalar where the shape is another of these, or a whole number or truth value that is none;
/// an answer whose very list is left out is none. A text that is no number or time is kept as it was sent. Points in
/// time are text of the form `2026-11-22T18:40:01Z`. Bytes are text, in base64 if they are not UTF-8. Statuses from 301
/// on are errors.
pub fn parse_noting(
    service: &Service,
    operation: &Operation,
    status: u16,
    headers: &dyn Headers,
    body: &[u8],
) -> Result<(Value, Vec<Oddity>), Answer> {
    let odd = Odd::default();
    let source = Source { service, operation, status, headers, body, odd: &odd };
    if status >= 301 {
        return Err(error::read(&source));
    }
    let mut members = match operation.output.map(|id| service.shape(id)) {
        Some(Shape::Structure(structure)) => source.read(structure)?,
        _ => source.read(&Structure::default())?,
    };
    special::finish(&source, &mut members)?;
    let odd = odd.take();
    match odd::spoils(&odd, operation.pagination.as_ref(), &members) {
        Some(why) => Err(source.foreign(&why)),
        None => Ok((Value::Object(members), odd)),
    }
}

impl Source<'_> {
    fn read(&self, structure: &Structure) -> Result<Map<String, Value>, Answer> {
        let raw_payload = structure.payload().map(|member| self.service.shape(member.shape));
        if !matches!(raw_payload, Some(Shape::String { .. } | Shape::Blob)) {
            if document::is_html(self.body) {
                return Err(document_of_people(self));
            }
            if let Some(error) = self.hidden_error() {
                return Err(error);
            }
        }
        match self.service.protocol {
            Protocol::Query | Protocol::Ec2 => self.read_query(structure),
            Protocol::Json => self.read_json(structure),
            Protocol::RestJson | Protocol::RestXml => rest::read(self, structure),
        }
    }

    fn read_query(&self, structure: &Structure) -> Result<Map<String, Value>, Answer> {
        let read = document::read(self.status, self.body, |document| {
            let root = document.root_element();
            if self.service.protocol == Protocol::Ec2
                && let Some(error) = error::not_done(self, root)
            {
                return Err(Answer::Error(error));
            }
            // The wrapper has the name of the operation, too.
            let start = match self.operation.wrapper.map(|wrapper| (wrapper, xml::child(root, wrapper))) {
                Some((_, Some(wrapped))) => wrapped,
                Some((wrapper, None)) if !structure.members.is_empty() => {
                    return Err(self.foreign(&format!("the element {wrapper} is missing")));
                }
                _ => self.own_root(root).map(|()| root)?,
            };
            xml::structure(self, structure, start)
        });
        read.map_err(Answer::Garbage)?
    }

    fn read_json(&self, structure: &Structure) -> Result<Map<String, Value>, Answer> {
        let body = || structure.members.iter().any(|member| member.traits.location == Location::Body);
        let Some(shape) = self.operation.output.map(|id| self.service.shape(id)).filter(|_| body()) else {
            return self.nothing_else().map(|()| Map::new());
        };
        self.not_blank()?;
        if self.is_blank() {
            return Ok(Map::new());
        }
        self.read_object(structure, shape)
    }

    /// A body that is a JSON object by its shape.
    fn read_object(&self, structure: &Structure, shape: &Shape) -> Result<Map<String, Value>, Answer> {
        match json::read(self.service, self.odd, shape, self.body) {
            Ok(Some(Value::Object(members))) => self.own_members(structure, &members).map(|()| members),
            Ok(_) => Err(self.no_object()),
            Err(error) => Err(Answer::Garbage(document::not_json(self.status, self.body, &error))),
        }
    }

    /// Something else came where all of the answer has to be one object.
    fn no_object(&self) -> Answer {
        match self.odd.take().first() {
            Some(odd) => self.foreign(&format!("it should be {} but is {}", odd.expected, odd.found)),
            None => self.foreign("no object"),
        }
    }

    /// An error although the status says otherwise: S3 sends the status before it knows how a copy ends.
    fn hidden_error(&self) -> Option<Answer> {
        if matches!(self.service.protocol, Protocol::Json | Protocol::RestJson) {
            let named = self.headers.header("x-amzn-errortype").is_some();
            return named.then(|| error::read(&Source { status: 500, ..*self }));
        }
        let begin = String::from_utf8_lossy(&self.body[..self.body.len().min(300)]);
        if !begin.contains("<Error") {
            return None;
        }
        // The server's fault, so that the call is made again.
        let source = Source { status: 500, ..*self };
        let read = document::read(500, self.body, |document| {
            let root = document.root_element();
            let wrong = matches!(root.tag_name().name(), "Error" | "ErrorResponse" | "Response");
            let element = error::element(root).filter(|_| wrong)?;
            Some(Answer::Error(error::from_element(&source, root, element)))
        });
        read.ok().flatten()
    }
}

fn document_of_people(source: &Source<'_>) -> Answer {
    use crate::answer::{Garbage, GarbageKind};
    Answer::Garbage(Garbage::new(source.status, GarbageKind::Html, source.body))
}

/// What is shown of a union whose member it does not know.
fn unknown_member(name: &str) -> Value {
    serde_json::json!({ "SDK_UNKNOWN_MEMBER": { "name": name } })
}
