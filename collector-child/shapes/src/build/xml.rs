//! Bodies of the protocol rest-xml.

use serde_json::{Map, Value};

use super::scalar;
use crate::shape::{Location, Member, Structure, TimestampFormat};
use crate::{Service, Shape};

/// A structure as a document.
pub(super) fn document(
    service: &Service,
    root: &str,
    namespace: Option<&str>,
    structure: &Structure,
    given: &Map<String, Value>,
) -> Vec<u8> {
    let mut writer = Writer { service, text: String::with_capacity(256) };
    writer.structure(root, namespace, structure, given);
    writer.text.into_bytes()
}

/// Writes elements; one without content is written as `<Name />`.
struct Writer<'a> {
    service: &'a Service,
    text: String,
}

impl Writer<'_> {
    fn value(&mut self, name: &str, member: &Member, value: &Value) {
        let service = self.service;
        let namespace = member.traits.namespace;
        match (service.shape(member.shape), value) {
            (Shape::Structure(structure), Value::Object(given)) => {
                self.structure(name, namespace, structure, given);
            }
            (Shape::List(list), Value::Array(items)) if member.traits.flattened => {
                for item in items {
                    self.value(name, &list.member, item);
                }
            }
            (Shape::List(list), Value::Array(items)) => {
                let element = list.member.traits.wire.unwrap_or("member");
                let attributes = namespace_attribute(namespace);
                self.element(name, &attributes, items.is_empty(), |writer| {
                    for item in items {
                        writer.value(element, &list.member, item);
                    }
                });
            }
            (Shape::Map(map), Value::Object(entries)) => {
                self.map(name, member, (&map.key, &map.value), entries);
            }
            (shape, value) => {
                let text = scalar::text(shape, member, value, TimestampFormat::Iso8601);
                let attributes = namespace_attribute(namespace);
                self.element(name, &attributes, text.is_empty(), |writer| escape(&text, &mut writer.text));
            }
        }
    }

    fn structure(
        &mut self,
        name: &str,
        namespace: Option<&str>,
        structure: &Structure,
        given: &Map<String, Value>,
    ) {
        let mut attributes = namespace_attribute(namespace);
        let mut children = Vec::new();
        for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            match structure.member(name) {
                Some(member) if member.traits.attribute => {
                    attribute(
                        member.traits.wire.unwrap_or(member.name),
                        &scalar::plain(value),
                        &mut attributes,
                    );
                }
                Some(member) if member.traits.location == Location::Body => children.push((member, value)),
                _ => {}
            }
        }
        self.element(name, &attributes, children.is_empty(), |writer| {
            for (member, value) in children {
                writer.value(member.traits.wire.unwrap_or(member.name), member, value);
            }
        });
    }

    fn map(
        &mut self,
        name: &str,
        map: &Member,
        (key, value): (&Member, &Member),
        entries: &Map<String, Value>,
    ) {
        let pairs = |writer: &mut Self, name: &str| {
            for (text, entry) in entries {
                writer.element(name, "", false, |writer| {
                    writer.value(key.traits.wire.unwrap_or("key"), key, &Value::String(text.clone()));
                    writer.value(value.traits.wire.unwrap_or("value"), value, entry);
                });
            }
        };
        if map.traits.flattened {
            pairs(self, name);
        } else {
            let attributes = namespace_attribute(map.traits.namespace);
            self.element(name, &attributes, entries.is_empty(), |writer| pairs(writer, "entry"));
        }
    }

    fn element(&mut self, name: &str, attributes: &str, empty: bool, content: impl FnOnce(&mut Self)) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push_str(attributes);
        if empty {
            self.text.push_str(" />");
            return;
        }
        self.text.push('>');
        content(self);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }
}

fn namespace_attribute(namespace: Option<&str>) -> String {
    let mut text = String::new();
    if let Some((prefix, uri)) = namespace.and_then(|namespace| namespace.split_once('|')) {
        let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        attribute(&name, uri, &mut text);
    }
    text
}

fn attribute(name: &str, value: &str, out: &mut String) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    let from = out.len();
    escape(value, out);
    let escaped = out.split_off(from).replace('"', "&quot;");
    out.push_str(&escaped);
    out.push('"');
}

/// Line breaks are escaped too: readers of XML make one kind of them out of all, and keys of objects may hold any.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            '\n' => out.push_str("&#xA;"),
            _ => out.push(c),
        }
    }
}
