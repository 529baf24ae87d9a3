//! Requests of the protocols rest-json and rest-xml: members in path, query, headers and body.

use data_encoding::BASE64;
use serde_json::{Map, Value};

use super::{json, scalar, xml};
use crate::request::percent_encode;
use crate::shape::{Location, Member, Structure, TimestampFormat};
use crate::{Operation, Protocol, Request, Service, Shape};

/// Fills path, query, headers and body.
pub(super) fn fill(
    service: &Service,
    operation: &Operation,
    params: &Map<String, Value>,
    request: &mut Request,
) {
    let (path, fixed) = operation.uri.split_once('?').unwrap_or((operation.uri, ""));
    for pair in fixed.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        request.query.push((name.to_owned(), value.to_owned()));
    }
    let Some(structure) = operation.input.and_then(|id| service.shape(id).as_structure()) else {
        path.clone_into(&mut request.path);
        return;
    };
    request.path = filled_path(service, structure, path, params);
    for (name, value) in params.iter().filter(|(_, value)| !value.is_null()) {
        if let Some(member) = structure.member(name) {
            place(service, member, value, request);
        }
    }
    body(service, operation, structure, params, request);
}

/// Replaces `{Name}` and `{Name+}` in a template; the latter keeps slashes.
fn filled_path(
    service: &Service,
    structure: &Structure,
    template: &str,
    params: &Map<String, Value>,
) -> String {
    let mut path = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        let (label, after) = after.split_once('}').unwrap_or((after, ""));
        let (label, safe) = label.strip_suffix('+').map_or((label, ""), |label| (label, "/"));
        let by_label = |member: &&Member| {
            member.traits.location == Location::Uri && member.traits.wire.unwrap_or(member.name) == label
        };
        if let Some(member) = structure.members.iter().find(by_label)
            && let Some(value) = params.get(member.name)
        {
            let shape = service.shape(member.shape);
            percent_encode(&scalar::text(shape, member, value, TimestampFormat::Iso8601), safe, &mut path);
        }
        rest = after;
    }
    path.push_str(rest);
    path
}

/// Puts a member into query or headers, if it belongs there.
fn place(service: &Service, member: &Member, value: &Value, request: &mut Request) {
    let name = member.traits.wire.unwrap_or(member.name);
    match (member.traits.location, value) {
        (Location::Query, _) => query(service, member, name, value, &mut request.query),
        (Location::Header, Value::Array(items)) if items.is_empty() => {}
        (Location::Header, _) => request.headers.push((name.to_owned(), header(service, member, value))),
        (Location::Headers, Value::Object(entries)) => {
            let named = |(key, value): (&String, &Value)| (format!("{name}{key}"), scalar::plain(value));
            request.headers.extend(entries.iter().map(named));
        }
        (Location::Headers | Location::Uri | Location::Status | Location::Body, _) => {}
    }
}

fn query(service: &Service, member: &Member, name: &str, value: &Value, query: &mut Vec<(String, String)>) {
    let mut push = |name: &str, member: &Member, value: &Value| {
        let text = scalar::text(service.shape(member.shape), member, value, TimestampFormat::Iso8601);
        query.push((name.to_owned(), text));
    };
    // A list becomes as many parameters of the same name.
    let mut spread = |name: &str, member: &Member, value: &Value| match (service.shape(member.shape), value) {
        (Shape::List(list), Value::Array(items)) => {
            for item in items {
                push(name, &list.member, item);
            }
        }
        _ => push(name, member, value),
    };
    match (service.shape(member.shape), value) {
        (Shape::Map(map), Value::Object(entries)) => {
            for (key, entry) in entries {
                spread(key, &map.value, entry);
            }
        }
        _ => spread(name, member, value),
    }
}

fn header(service: &Service, member: &Member, value: &Value) -> String {
    match (service.shape(member.shape), value) {
        (Shape::List(list), Value::Array(items)) => {
            let item = |item: &Value| match (service.shape(list.member.shape), item) {
                (Shape::String { .. }, Value::String(text)) if text.contains(['"', ',']) => {
                    format!("\"{}\"", text.replace('"', "\\\""))
                }
                _ => header(service, &list.member, item),
            };
            items.iter().map(item).collect::<Vec<_>>().join(",")
        }
        (_, value) if member.traits.json_header => BASE64.encode(value.to_string().as_bytes()),
        (Shape::Blob, value) => scalar::plain(value),
        (shape, value) => scalar::text(shape, member, value, TimestampFormat::Rfc822),
    }
}

fn body(
    service: &Service,
    operation: &Operation,
    structure: &Structure,
    params: &Map<String, Value>,
    request: &mut Request,
) {
    let given = |name: &str| params.get(name).filter(|value| !value.is_null());
    match structure.payload() {
        Some(payload) => match (service.shape(payload.shape), given(payload.name)) {
            (Shape::String { .. } | Shape::Blob, Some(Value::String(text))) => {
                request.body = text.clone().into_bytes();
            }
            (Shape::String { .. } | Shape::Blob, _) => {}
            (_, Some(value)) => self::payload(service, payload, value, request),
            (_, None) if service.protocol == Protocol::RestJson => {
                set_json(&Value::Object(Map::new()), request);
            }
            (_, None) => {}
        },
        None => whole(service, operation, structure, params, request),
    }
}

/// One member is the body.
fn payload(service: &Service, payload: &Member, value: &Value, request: &mut Request) {
    match (service.protocol, service.shape(payload.shape), value) {
        (Protocol::RestXml, Shape::Structure(structure), Value::Object(given)) => {
            let root = payload.traits.wire.unwrap_or(payload.name);
            request.body = xml::document(service, root, payload.traits.namespace, structure, given);
        }
        _ => set_json(&json::value(service, payload, value), request),
    }
}

/// All members that are nowhere else are the body.
fn whole(
    service: &Service,
    operation: &Operation,
    structure: &Structure,
    params: &Map<String, Value>,
    request: &mut Request,
) {
    let in_body = |member: &&Member| member.traits.location == Location::Body;
    let any_given = structure
        .members
        .iter()
        .filter(in_body)
        .any(|member| params.get(member.name).is_some_and(|v| !v.is_null()));
    if service.protocol == Protocol::RestJson {
        // An operation that could have a body sends an empty object instead of none.
        if structure.members.iter().any(|member| in_body(&member)) {
            set_json(&json::structure(service, structure, params), request);
        }
    } else if any_given {
        let root = operation.root.unwrap_or(operation.name);
        request.body = xml::document(service, root, operation.namespace, structure, params);
    }
}

fn set_json(value: &Value, request: &mut Request) {
    request.body = value.to_string().into_bytes();
    if request.header("Content-Type").is_none() {
        request.headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
}
