//! Bodies in XML, read by the shape.

use roxmltree::Node;
use serde_json::{Map, Value};

use super::text;
use crate::shape::{Member, Structure};
use crate::{Service, Shape};

/// Deeper elements are left out: shapes that contain themselves set no limit, and no service nests like this.
const MAX_DEPTH: usize = 100;

/// Reads the children of an element as the members of a structure.
pub(super) fn structure(service: &Service, structure: &Structure, node: Node<'_, '_>) -> Map<String, Value> {
    let mut reader = Reader { service, depth: 0 };
    reader.members(structure, node)
}

/// Reads an element as one value.
pub(super) fn value(service: &Service, member: &Member, node: Node<'_, '_>) -> Value {
    Reader { service, depth: 0 }.value(member, node)
}

/// The first child element of this name.
pub(super) fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

/// The text of the first child element of this name.
pub(super) fn child_text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child(node, name).map(own_text)
}

/// The text at the beginning of an element.
pub(super) fn own_text<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default()
}

struct Reader<'a> {
    service: &'a Service,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self, member: &Member, node: Node<'_, '_>) -> Value {
        if self.depth >= MAX_DEPTH {
            return Value::Null;
        }
        self.depth += 1;
        let service = self.service;
        let value = match service.shape(member.shape) {
            Shape::Structure(structure) => self.form(structure, node),
            Shape::List(list) => {
                let items = node.children().filter(Node::is_element);
                items.map(|item| self.value(&list.member, item)).collect()
            }
            Shape::Map(map) => {
                let mut entries = Map::new();
                for entry in node.children().filter(Node::is_element) {
                    self.entry(&map.key, &map.value, entry, &mut entries);
                }
                Value::Object(entries)
            }
            shape => text::value(shape, member, own_text(node)),
        };
        self.depth -= 1;
        value
    }

    /// A structure; of a union that holds what is not known here, the name.
    fn form(&mut self, structure: &Structure, node: Node<'_, '_>) -> Value {
        let members = self.members(structure, node);
        match node.first_element_child() {
            Some(child) if structure.union && members.is_empty() => {
                super::unknown_member(child.tag_name().name())
            }
            _ => Value::Object(members),
        }
    }

    fn members(&mut self, structure: &Structure, node: Node<'_, '_>) -> Map<String, Value> {
        let mut members = structure.empty_map();
        for child in node.children().filter(Node::is_element) {
            if let Some(member) = structure.by_wire(child.tag_name().name()) {
                self.member(member, child, &mut members);
            }
        }
        for member in structure.members.iter().filter(|member| member.traits.attribute) {
            let wire = member.traits.wire.unwrap_or(member.name);
            // The prefix is the author's choice; what is behind it is the name.
            let name = wire.rsplit_once(':').map_or(wire, |(_, name)| name);
            if let Some(attribute) = node.attributes().find(|attribute| attribute.name() == name) {
                members.insert(member.name.to_owned(), attribute.value().into());
            }
        }
        members
    }

    fn member(&mut self, member: &Member, node: Node<'_, '_>, members: &mut Map<String, Value>) {
        let service = self.service;
        match service.shape(member.shape) {
            // Elements of flattened lists and maps stand where the list would, each on its own.
            Shape::List(list) if member.traits.flattened => {
                let item = self.value(&list.member, node);
                let items = members.entry(member.name).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(items) = items {
                    items.push(item);
                }
            }
            Shape::Map(map) if member.traits.flattened => {
                let entries = members.entry(member.name).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(entries) = entries {
                    self.entry(&map.key, &map.value, node, entries);
                }
            }
            _ if members.contains_key(member.name) => {}
            _ => {
                let value = self.value(member, node);
                members.insert(member.name.to_owned(), value);
            }
        }
    }

    fn entry(&mut self, key: &Member, value: &Member, node: Node<'_, '_>, entries: &mut Map<String, Value>) {
        let name = child_text(node, key.traits.wire.unwrap_or("key"));
        let held = child(node, value.traits.wire.unwrap_or("value"));
        if let (Some(name), Some(held)) = (name, held) {
            let held = self.value(value, held);
            entries.insert(name.to_owned(), held);
        }
    }
}
