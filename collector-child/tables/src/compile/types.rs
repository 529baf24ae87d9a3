//! What documents look like that no shape describes: `document = { ... }`, `answer = { ... }`.

use std::rc::Rc;

use inventory::{KindTable, PropertyType, TypeShape};

use super::doc::Doc;
use super::mistake::Log;
use super::reader::{Member, Node, Toml};

/// Kinds in kinds deeper than this are believed.
const DEEPEST: usize = 8;

/// What the notation may refer to.
pub(crate) struct Known<'a> {
    pub(crate) kinds: Option<&'a KindTable>,
    pub(crate) log: &'a Log,
}

impl<'a> Known<'a> {
    /// Without kinds.
    pub(crate) fn of(log: &'a Log) -> Self {
        Self { kinds: None, log }
    }
}

/// `"any"`, a type of the model, `{ NAME = TYPE }`, `[TYPE]`.
pub(crate) fn document(node: &Node, known: &Known<'_>) -> Option<Doc> {
    match &node.value {
        Toml::Text(notation) => {
            let parsed = PropertyType::parse(notation);
            if parsed.is_none() {
                known.log.say(node.at, format!("`{notation}` is no type"));
            }
            parsed.map(|parsed| Doc::of_type(&parsed))
        }
        Toml::Table(members) => object(members, Doc::empty(), known),
        Toml::List(items) => {
            if let [item] = items.as_slice() {
                return document(item, known).map(|item| Doc::List(Rc::new(item)));
            }
            known.log.say(node.at, "a list of things is `[TYPE]`: one type");
            None
        }
        _ => {
            let message = format!(
                "a type is a text, an object of types, or a list of one type; this is {}",
                node.what()
            );
            known.log.say(node.at, message);
            None
        }
    }
}

/// An object with these members besides those that `base` has.
pub(crate) fn object(members: &[Member], base: Doc, known: &Known<'_>) -> Option<Doc> {
    let mut doc = base;
    for member in members {
        match (&member.node.value, member.key.as_str()) {
            (Toml::Text(kind), ".") => doc = doc.merged(&of_kind(kind, member.node.at, known)?),
            _ => doc = doc.with(&member.key, document(&member.node, known)?),
        }
    }
    Some(doc)
}

/// A member for each property that the kind itself has.
fn of_kind(name: &str, at: usize, known: &Known<'_>) -> Option<Doc> {
    let kinds = known.kinds?;
    if !kinds.contains(name) {
        known.log.say(at, format!("there is no kind `{name}`"));
        return None;
    }
    Some(own_properties(name, kinds, 0))
}

fn own_properties(name: &str, kinds: &KindTable, depth: usize) -> Doc {
    let Ok(kind) = kinds.kind(name) else { return Doc::Any };
    if depth > DEEPEST {
        return Doc::Any;
    }
    let own = |field: &&inventory::Field| kind.model().properties.iter().any(|own| own.name == field.name);
    kind.fields()
        .iter()
        .filter(own)
        .fold(Doc::empty(), |doc, field| doc.with(field.name, typed(&field.property_type, kinds, depth)))
}

fn typed(property: &PropertyType, kinds: &KindTable, depth: usize) -> Doc {
    match &property.shape {
        TypeShape::List(item) => Doc::List(Rc::new(typed(item, kinds, depth))),
        TypeShape::Dictionary(value) => Doc::Map(Rc::new(typed(value, kinds, depth))),
        TypeShape::Kind(name) if super::fit::is_object(kinds, name) => own_properties(name, kinds, depth + 1),
        _ => Doc::of_type(property),
    }
}
