//! Bodies in XML, read by the shape.

use roxmltree::Node;
use serde_json::{Map, Value};

use super::odd::{self, Odd};
use super::{Source, text};
use crate::answer::Answer;
use crate::shape::{Member, Structure};
use crate::{Service, Shape};

/// Deeper elements are left out: shapes that contain themselves set no limit, and no service nests like this.
const MAX_DEPTH: usize = 100;

/// Reads the children of the element that is the answer as the members of a structure.
pub(super) fn structure(
    source: &Source<'_>,
    structure: &Structure,
    node: Node<'_, '_>,
) -> Result<Map<String, Value>, Answer> {
    // The answer of this one is a text.
    let is_text = structure.members.is_empty() || source.operation.name == "GetBucketLocation";
    if let Some(text) = bare_text(node).filter(|_| !is_text) {
        return Err(source.foreign(&format!("it should be an object but is {}", odd::text(text))));
    }
    let mut reader = Reader { service: source.service, odd: source.odd, depth: 0 };
    Ok(reader.members(structure, node))
}

/// Reads an element as one value; `None` if it is left out.
pub(super) fn value(source: &Source<'_>, member: &Member, node: Node<'_, '_>) -> Option<Value> {
    Reader { service: source.service, odd: source.odd, depth: 0 }.value(member, node)
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

/// The text of an element that has nothing else.
fn bare_text<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    if node.first_element_child().is_some() {
        return None;
    }
    node.text().map(str::trim).filter(|text| !text.is_empty())
}

struct Reader<'a> {
    service: &'a Service,
    odd: &'a Odd,
    depth: usize,
}

impl Reader<'_> {
    /// An element as a value; `None` for one of another form, which is noted.
    fn value(&mut self, member: &Member, node: Node<'_, '_>) -> Option<Value> {
        if self.depth >= MAX_DEPTH {
            return Some(Value::Null);
        }
        self.depth += 1;
        let value = self.fitting(self.service.shape(member.shape), member, node);
        self.depth -= 1;
        value
    }

    fn fitting(&mut self, shape: &Shape, member: &Member, node: Node<'_, '_>) -> Option<Value> {
        let holds_more = matches!(shape, Shape::Structure(_) | Shape::List(_) | Shape::Map(_));
        let misfit = match bare_text(node) {
            Some(text) if holds_more => Some(odd::text(text)),
            None if !holds_more && node.first_element_child().is_some() => Some("an object".to_owned()),
            _ => None,
        };
        if let Some(found) = misfit {
            self.odd.note(shape, found);
            return None;
        }
        match shape {
            Shape::Structure(structure) => Some(self.form(structure, node)),
            Shape::List(list) => {
                let items = node.children().filter(Node::is_element);
                Some(items.filter_map(|item| self.value(&list.member, item)).collect())
            }
            Shape::Map(map) => {
                let mut entries = Map::new();
                for entry in node.children().filter(Node::is_element) {
                    self.entry(&map.key, &map.value, entry, &mut entries);
                }
                Some(Value::Object(entries))
            }
            shape => text::value(self.odd, shape, member, own_text(node)),
        }
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
        let before = self.odd.count();
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
        if self.odd.count() > before {
            self.odd.exemplify(before, &members);
        }
        members
    }

    fn member(&mut self, member: &Member, node: Node<'_, '_>, members: &mut Map<String, Value>) {
        let service = self.service;
        match service.shape(member.shape) {
            // Elements of flattened lists and maps stand where the list would, each on its own.
            Shape::List(list) if member.traits.flattened => {
                let odd = self.odd;
                let Some(item) = odd.within(member.name, || self.value(&list.member, node)) else { return };
                let items = members.entry(member.name).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(items) = items {
                    items.push(item);
                }
            }
            Shape::Map(map) if member.traits.flattened => {
                let entries = members.entry(member.name).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(entries) = entries {
                    let odd = self.odd;
                    odd.within(member.name, || self.entry(&map.key, &map.value, node, entries));
                }
            }
            _ if members.contains_key(member.name) => {}
            _ => {
                let odd = self.odd;
                if let Some(value) = odd.within(member.name, || self.value(member, node)) {
                    members.insert(member.name.to_owned(), value);
                }
            }
        }
    }

    fn entry(&mut self, key: &Member, value: &Member, node: Node<'_, '_>, entries: &mut Map<String, Value>) {
        let name = child_text(node, key.traits.wire.unwrap_or("key"));
        let held = child(node, value.traits.wire.unwrap_or("value"));
        if let (Some(name), Some(held)) = (name, held)
            && let Some(held) = self.value(value, held)
        {
            entries.insert(name.to_owned(), held);
        }
    }
}
