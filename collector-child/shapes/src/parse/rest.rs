//! Answers of the protocols rest-json and rest-xml: members in status, headers and body.

use data_encoding::BASE64;
use serde_json::{Map, Value};

use super::{Source, document, json, text, xml};
use crate::answer::{Answer, Garbage, GarbageKind};
use crate::shape::{Location, Member, Structure};
use crate::{Headers, Protocol, Shape};

/// Reads an answer that is no error.
pub(super) fn read(source: &Source<'_>, structure: &Structure) -> Result<Map<String, Value>, Answer> {
    let mut members = Map::new();
    for member in &structure.members {
        if let Some(value) = outside_body(source, member) {
            members.insert(member.name.to_owned(), value);
        }
    }
    match structure.payload() {
        Some(payload) => {
            if let Some(value) = whole_body(source, payload)? {
                members.insert(payload.name.to_owned(), value);
            }
        }
        None if structure.members.iter().any(|member| member.traits.location == Location::Body) => {
            source.not_blank()?;
            members.extend(in_body(source, structure)?);
        }
        None => source.nothing_else()?,
    }
    Ok(members)
}

/// The value of a member that travels in status or headers.
fn outside_body(source: &Source<'_>, member: &Member) -> Option<Value> {
    let name = member.traits.wire.unwrap_or(member.name);
    match member.traits.location {
        Location::Status => Some(source.status.into()),
        Location::Header => {
            let value = source.headers.header(name)?;
            source.odd.within(member.name, || header(source, member, &value))
        }
        Location::Headers => Some(Value::Object(prefixed(source.headers, name))),
        Location::Body | Location::Query | Location::Uri => None,
    }
}

fn header(source: &Source<'_>, member: &Member, value: &str) -> Option<Value> {
    let scalar = |shape, member, given: &str| text::value(source.odd, shape, member, given);
    Some(match source.service.shape(member.shape) {
        Shape::List(list) => {
            let items = value.split(',').map(str::trim);
            let shape = source.service.shape(list.member.shape);
            items.filter_map(|item| scalar(shape, &list.member, item)).collect()
        }
        Shape::String { .. } if member.traits.json_header => {
            let decoded = BASE64.decode(value.as_bytes()).ok();
            decoded.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_else(|| value.into())
        }
        // Values of headers are text, also where others would be base64.
        Shape::Blob => value.into(),
        shape => return scalar(shape, member, value),
    })
}

/// All headers that begin with the prefix, without it.
fn prefixed(headers: &dyn Headers, prefix: &str) -> Map<String, Value> {
    let mut found = Map::new();
    headers.each_header(&mut |name, value| {
        if let Some((begin, rest)) = name.split_at_checked(prefix.len())
            && begin.eq_ignore_ascii_case(prefix)
        {
            found.insert(rest.to_owned(), value.into());
        }
    });
    found
}

/// One member is the body.
fn whole_body(source: &Source<'_>, payload: &Member) -> Result<Option<Value>, Answer> {
    let shape = source.service.shape(payload.shape);
    match shape {
        Shape::String { .. } | Shape::Blob => Ok(Some(text::bytes(source.body).into())),
        Shape::Structure(structure) if structure.event_stream => Ok(None),
        _ if source.is_blank() => source.not_blank().map(|()| Some(Value::Object(Map::new()))),
        _ if source.service.protocol == Protocol::RestJson => {
            let read = source
                .odd
                .within(payload.name, || json::read(source.service, source.odd, shape, source.body));
            let value = read
                .map_err(|error| Answer::Garbage(document::not_json(source.status, source.body, &error)))?;
            if let (Shape::Structure(structure), Some(Value::Object(members))) = (shape, &value)
                && !structure.document
            {
                source.own_members(structure, members)?;
            }
            Ok(value.filter(|value| !value.is_null()))
        }
        _ => {
            let read = |document: &roxmltree::Document<'_>| {
                let root = document.root_element();
                if let Shape::Structure(structure) = shape {
                    source.own_document(structure, root)?;
                }
                Ok(source.odd.within(payload.name, || xml::value(source, payload, root)))
            };
            document::read(source.status, source.body, read).map_err(Answer::Garbage)?
        }
    }
}

/// The members that travel in the body.
fn in_body(source: &Source<'_>, structure: &Structure) -> Result<Map<String, Value>, Answer> {
    if source.is_blank() {
        return Ok(Map::new());
    }
    if source.service.protocol == Protocol::RestXml {
        let read = |document: &roxmltree::Document<'_>| {
            let root = document.root_element();
            source.own_document(structure, root)?;
            xml::structure(source, structure, root)
        };
        return document::read(source.status, source.body, read).map_err(Answer::Garbage)?;
    }
    let Some(shape) = source.operation.output.map(|id| source.service.shape(id)) else {
        return Ok(Map::new());
    };
    source.read_object(structure, shape)
}

impl Source<'_> {
    /// There is no body to read.
    pub(super) fn is_blank(&self) -> bool {
        self.body.iter().all(u8::is_ascii_whitespace)
    }

    /// It can be read, but is not what the service answers.
    pub(super) fn foreign(&self, reason: &str) -> Answer {
        Answer::Garbage(Garbage::new(self.status, GarbageKind::Foreign(reason.to_owned()), self.body))
    }
}
