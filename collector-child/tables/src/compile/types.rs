//! What documents look like that no shape describes: `document = { ... }`, `answer = { ... }`.

use std::rc::Rc;

use inventory::{KindTable, PropertyType, TypeShape};

use super::doc::Doc;
use super::mistake::Log;
use super::reader::{Member, Node, Toml};

/// Kinds in kinds deeper than this are believed.
const DEEPEST: usize = 8;

/// Words that stand in capitals in names of members, as programs in Go write them; with an `s` behind if there are several.
const INITIALISMS: [&str; 10] = ["api", "cidr", "cpu", "fqdn", "id", "io", "ip", "ipc", "pid", "uuid"];

/// How members are called that stand for properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// As the properties.
    Same,
    /// `podIP` for `pod_ip`.
    Camel,
}

impl Spelling {
    fn of(self, property: &str) -> String {
        if self == Self::Same {
            return property.to_owned();
        }
        let mut words = property.split('_');
        let mut spelled = words.next().unwrap_or_default().to_owned();
        for word in words {
            let singular = word.strip_suffix('s').unwrap_or(word);
            let (capitals, rest) = if INITIALISMS.contains(&word) {
                (word.len(), "")
            } else if INITIALISMS.contains(&singular) {
                (singular.len(), "s")
            } else {
                (word.chars().next().map_or(0, char::len_utf8), "")
            };
            spelled.push_str(&word[..capitals].to_uppercase());
            spelled.push_str(if rest.is_empty() { &word[capitals..] } else { rest });
        }
        spelled
    }
}

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
            (Toml::Text(kind), ".") => {
                let (kind, spelling) = match kind.strip_prefix("camel ") {
                    Some(kind) => (kind, Spelling::Camel),
                    None => (kind.as_str(), Spelling::Same),
                };
                doc = doc.merged(&of_kind(kind, spelling, member.node.at, known)?);
            }
            _ => doc = doc.with(&member.key, document(&member.node, known)?),
        }
    }
    Some(doc)
}

/// A member for each property that the kind itself has.
fn of_kind(name: &str, spelling: Spelling, at: usize, known: &Known<'_>) -> Option<Doc> {
    let kinds = known.kinds?;
    if !kinds.contains(name) {
        known.log.say(at, format!("there is no kind `{name}`"));
        return None;
    }
    Some(own_properties(name, spelling, kinds, 0))
}

fn own_properties(name: &str, spelling: Spelling, kinds: &KindTable, depth: usize) -> Doc {
    let Ok(kind) = kinds.kind(name) else { return Doc::Any };
    if depth > DEEPEST {
        return Doc::Any;
    }
    let own = |field: &&inventory::Field| kind.model().properties.iter().any(|own| own.name == field.name);
    kind.fields().iter().filter(own).fold(Doc::empty(), |doc, field| {
        doc.with(&spelling.of(field.name), typed(&field.property_type, spelling, kinds, depth))
    })
}

fn typed(property: &PropertyType, spelling: Spelling, kinds: &KindTable, depth: usize) -> Doc {
    match &property.shape {
        TypeShape::List(item) => Doc::List(Rc::new(typed(item, spelling, kinds, depth))),
        TypeShape::Dictionary(value) => Doc::Map(Rc::new(typed(value, spelling, kinds, depth))),
        TypeShape::Kind(name) if super::fit::is_object(kinds, name) => {
            own_properties(name, spelling, kinds, depth + 1)
        }
        _ => Doc::of_type(property),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_spelled_as_programs_in_go_write_them() {
        for (property, member) in [
            ("name", "name"),
            ("ip", "ip"),
            ("pod_ip", "podIP"),
            ("pod_cidrs", "podCIDRs"),
            ("fs_group", "fsGroup"),
            ("set_hostname_as_fqdn", "setHostnameAsFQDN"),
            ("current_cpu_utilization_percentage", "currentCPUUtilizationPercentage"),
            ("host_ipc", "hostIPC"),
            ("match_labels", "matchLabels"),
        ] {
            assert_eq!(Spelling::Camel.of(property), member);
            assert_eq!(Spelling::Same.of(property), property);
        }
    }
}
