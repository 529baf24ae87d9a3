//! Bodies of the protocols query and ec2: forms.

use serde_json::{Map, Value};

use super::scalar;
use crate::request::percent_encode;
use crate::shape::{Member, Structure, TimestampFormat};
use crate::{Operation, Protocol, Service, Shape};

/// The form of an operation.
pub(super) fn body(service: &Service, operation: &Operation, params: &Map<String, Value>) -> Vec<u8> {
    let mut form = Form { service, ec2: service.protocol == Protocol::Ec2, body: String::with_capacity(256) };
    form.pair("Action", operation.name);
    form.pair("Version", service.api_version);
    if let Some(structure) = operation.input.and_then(|id| service.shape(id).as_structure()) {
        form.structure("", structure, params);
    }
    form.body.into_bytes()
}

struct Form<'a> {
    service: &'a Service,
    ec2: bool,
    body: String,
}

impl Form<'_> {
    fn pair(&mut self, name: &str, value: &str) {
        if !self.body.is_empty() {
            self.body.push('&');
        }
        percent_encode(name, "", &mut self.body);
        self.body.push('=');
        percent_encode(value, "", &mut self.body);
    }

    fn value(&mut self, prefix: &str, member: &Member, value: &Value) {
        let service = self.service;
        match (service.shape(member.shape), value) {
            (Shape::Structure(structure), Value::Object(members)) => {
                self.structure(prefix, structure, members);
            }
            (Shape::List(list), Value::Array(items)) => self.list(prefix, member, &list.member, items),
            (Shape::Map(map), Value::Object(entries)) => {
                self.map(prefix, member, (&map.key, &map.value), entries);
            }
            (shape, value) => {
                self.pair(prefix, &scalar::text(shape, member, value, TimestampFormat::Iso8601));
            }
        }
    }

    fn structure(&mut self, prefix: &str, structure: &Structure, given: &Map<String, Value>) {
        for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            if let Some(member) = structure.member(name) {
                let name = self.name(member, member.name);
                let prefix = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                self.value(&prefix, member, value);
            }
        }
    }

    fn list(&mut self, prefix: &str, list: &Member, element: &Member, items: &[Value]) {
        if items.is_empty() {
            // With query an empty list is a value; ec2 cannot say it.
            if !self.ec2 {
                self.pair(prefix, "");
            }
            return;
        }
        let prefix = match element.traits.wire {
            _ if self.ec2 => prefix.to_owned(),
            Some(name) if list.traits.flattened => match prefix.rsplit_once('.') {
                Some((parent, _)) => format!("{parent}.{name}"),
                None => name.to_owned(),
            },
            None if list.traits.flattened => prefix.to_owned(),
            name => format!("{prefix}.{}", name.unwrap_or("member")),
        };
        for (at, item) in items.iter().enumerate() {
            self.value(&format!("{prefix}.{}", at + 1), element, item);
        }
    }

    fn map(
        &mut self,
        prefix: &str,
        map: &Member,
        (key, value): (&Member, &Member),
        entries: &Map<String, Value>,
    ) {
        let prefix = if map.traits.flattened { prefix.to_owned() } else { format!("{prefix}.entry") };
        let (key_name, value_name) = (self.name(key, "key"), self.name(value, "value"));
        for (at, (name, entry)) in entries.iter().enumerate() {
            self.pair(&format!("{prefix}.{}.{key_name}", at + 1), name);
            self.value(&format!("{prefix}.{}.{value_name}", at + 1), value, entry);
        }
    }

    fn name(&self, member: &Member, default: &str) -> String {
        let wire = member.traits.wire;
        if !self.ec2 {
            return wire.unwrap_or(default).to_owned();
        }
        // ec2 answers with lowerCamelCase and asks with UpperCamelCase, unless a name of its own is given for asking.
        match (member.traits.query, wire) {
            (Some(name), _) => name.to_owned(),
            (None, Some(name)) => {
                let mut letters = name.chars();
                letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
            }
            (None, None) => default.to_owned(),
        }
    }
}
