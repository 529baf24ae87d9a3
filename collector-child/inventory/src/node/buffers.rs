//! What is known of a node while it is being made, and how it becomes a line.

use std::ops::Range;

use jiff::civil::DateTime;

use super::Ancestors;
use crate::json;
use crate::kinds::{Kind, Place, Role, Rule};
use crate::node_id::{NodeId, NodeKey, UNDEFINED};
use crate::time;

/// What is known of the node that is being made.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) id: String,
    /// Only if it was given.
    pub(super) name: Option<String>,
    /// Encoded values.
    pub(super) values: Vec<u8>,
    /// Where the value of each property is.
    pub(super) slots: Vec<Slot>,
    /// Where keys and values of the tags are.
    pub(super) tags: Vec<(Range<usize>, Range<usize>)>,
    pub(super) ctime_of_tag: Option<DateTime>,
    pub(super) usage: Vec<u8>,
    pub(super) metadata: Vec<u8>,
    pub(super) before_id: NodeKey,
    pub(super) after_id: NodeKey,
    pub(super) flags: Flags,
}

/// What is known of a property.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// Not set: its default, if it has one.
    Unset,
    /// Its value is in the values.
    Encoded(Range<usize>),
    /// It did not fit. A default in its place would look like a fact.
    Refused,
}

/// What a node is or is not.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
pub(super) struct Flags {
    pub(super) cleaned: bool,
    pub(super) protected: bool,
    /// To be cleaned.
    pub(super) clean: bool,
    /// Values are not converted.
    pub(super) verbatim: bool,
}

impl Buffers {
    /// Forgets the last node.
    pub(super) fn begin(&mut self, fields: usize, id: &str) {
        self.id.clear();
        self.id.push_str(id);
        self.name = None;
        self.values.clear();
        self.slots.clear();
        self.slots.resize(fields, Slot::Unset);
        self.tags.clear();
        self.ctime_of_tag = None;
        self.usage.clear();
        self.metadata.clear();
        self.before_id.clear();
        self.after_id.clear();
        self.flags = Flags::default();
    }

    /// The id of the node.
    pub(super) fn node_id(&self, kind: &Kind, role: Role, ancestors: &Ancestors<'_>) -> NodeId {
        let own = |own_role: Role, other| if role == own_role { Some(self.id.as_str()) } else { other };
        let mut key = NodeKey::new();
        key.push(kind.fqn());
        key.push(own(Role::Cloud, ancestors.cloud).unwrap_or(UNDEFINED));
        key.push(own(Role::Account, ancestors.account).unwrap_or(UNDEFINED));
        key.push(own(Role::Region, ancestors.region).unwrap_or(UNDEFINED));
        key.push(own(Role::Zone, ancestors.zone).unwrap_or(UNDEFINED));
        key.append(&self.before_id);
        key.push(&self.id);
        if role == Role::Region {
            key.push(self.name.as_deref().unwrap_or(&self.id));
        }
        key.append(&self.after_id);
        key.id()
    }

    /// Appends the properties, each with a comma behind it.
    pub(super) fn write_properties(&self, line: &mut Vec<u8>, kind: &Kind) {
        for (field, slot) in kind.fields().iter().zip(&self.slots) {
            let is_id = match field.rule {
                Some(Rule::Id) => true,
                Some(Rule::IdIfUnset) => matches!(slot, Slot::Unset),
                Some(Rule::Constant | Rule::Upper) | None => field.place == Place::Id,
            };
            let constant = field.rule == Some(Rule::Constant);
            let before = line.len();
            line.extend_from_slice(&field.label);
            match (slot, &field.default) {
                _ if is_id => json::write_string(line, &self.id),
                _ if field.place == Place::Tags => self.write_tags(line),
                _ if field.place == Place::Ctime && self.write_ctime_of_tag(line) => {}
                (Slot::Encoded(value), _) if !constant => line.extend_from_slice(&self.values[value.clone()]),
                (Slot::Unset | Slot::Encoded(_), Some(default)) => line.extend_from_slice(default),
                _ => {
                    line.truncate(before);
                    continue;
                }
            }
            line.extend_from_slice(b", ");
        }
    }

    fn write_ctime_of_tag(&self, line: &mut Vec<u8>) -> bool {
        let Some(time) = self.ctime_of_tag else { return false };
        line.push(b'"');
        let written = time::write(line, time);
        if written {
            line.push(b'"');
        } else {
            line.truncate(line.len() - 1);
        }
        written
    }

    fn write_tags(&self, line: &mut Vec<u8>) {
        line.push(b'{');
        for (index, (key, value)) in self.tags.iter().enumerate() {
            line.extend_from_slice(if index == 0 { b"" } else { b", " });
            line.extend_from_slice(&self.values[key.clone()]);
            line.extend_from_slice(b": ");
            line.extend_from_slice(&self.values[value.clone()]);
        }
        line.push(b'}');
    }

    /// Appends what follows the categories, to the end of the line.
    pub(super) fn write_rest(&self, line: &mut Vec<u8>) {
        if self.flags.cleaned {
            line.extend_from_slice(b", \"cleaned\": true");
        }
        if self.flags.protected {
            line.extend_from_slice(b", \"protected\": true");
        }
        line.extend_from_slice(&self.metadata);
        line.push(b'}');
        if !self.usage.is_empty() {
            line.extend_from_slice(b", \"usage\": {");
            line.extend_from_slice(&self.usage);
            line.push(b'}');
        }
        if self.flags.clean {
            line.extend_from_slice(b", \"desired\": {\"clean\": true}");
        }
        line.push(b'}');
    }
}
