//! Nodes: the one JSON line that fixcore takes for a resource.

mod buffers;

use std::ops::Range;

use crate::CTIME_TAG;
use crate::encode::{Encoder, Path, Written};
use crate::fault::{NodeFault, PropertyFault};
use crate::json;
use crate::kinds::{Kind, KindTable, Place, Role, Rule, TypeShape};
use crate::node_id::{NodeId, UNDEFINED};
use crate::time;
use crate::value::Value;
use buffers::{Buffers, Slot};

/// Where a node hangs; `None` for what it does not have. A cloud, account, region or zone is its own ancestor
/// whatever is said here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ancestors<'a> {
    /// Id of the cloud.
    pub cloud: Option<&'a str>,
    /// Id of the account in the cloud.
    pub account: Option<&'a str>,
    /// Id of the region.
    pub region: Option<&'a str>,
    /// Id of the zone.
    pub zone: Option<&'a str>,
}

/// Makes nodes, one after the other. It keeps its buffers, so that a node costs no allocation.
#[derive(Debug)]
pub struct NodeBuilder<'t> {
    table: &'t KindTable,
    faults: Vec<PropertyFault>,
    draft: Buffers,
    line: Vec<u8>,
}

/// A node that is being made. Dropping it makes none.
#[derive(Debug)]
pub struct Draft<'b, 't> {
    builder: &'b mut NodeBuilder<'t>,
    kind: &'t Kind,
}

/// A node, ready to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Finished<'b> {
    /// Its id in the graph.
    pub id: NodeId,
    /// Its kind.
    pub kind: &'static str,
    /// Its place in the hierarchy.
    pub role: Role,
    /// One JSON object without newline: `id`, `reported`, `metadata`, and perhaps `usage` and `desired`.
    pub json: &'b [u8],
}

impl<'t> NodeBuilder<'t> {
    /// A builder of nodes of these kinds.
    pub fn new(table: &'t KindTable) -> Self {
        Self { table, faults: Vec::new(), draft: Buffers::default(), line: Vec::new() }
    }

    /// The kinds.
    pub fn table(&self) -> &'t KindTable {
        self.table
    }

    /// Begins a node of this kind with this id in the cloud.
    pub fn node(&mut self, kind: &str, id: &str) -> Result<Draft<'_, 't>, NodeFault> {
        let kind = self.table.kind(kind)?;
        if kind.class().is_none() {
            return Err(NodeFault::NoNodes(kind.fqn().to_owned()));
        }
        self.draft.begin(kind.fields().len(), id);
        Ok(Draft { builder: self, kind })
    }

    /// The properties that did not fit since the last call.
    pub fn take_faults(&mut self) -> Vec<PropertyFault> {
        std::mem::take(&mut self.faults)
    }
}

impl<'b, 't: 'b> Draft<'b, 't> {
    /// From here on values are written as they are, and only checked. The default is to convert them as the
    /// Python worker does with the answers of an API; its plugins that make resources by hand do not convert.
    pub fn verbatim(&mut self) -> &mut Self {
        self.builder.draft.flags.verbatim = true;
        self
    }

    /// The name for people. Without one it is the id.
    pub fn name<'a>(&mut self, name: impl Into<Value<'a>>) -> &mut Self {
        self.set("name", name)
    }

    /// Sets a property; null unsets it. What does not fit the model is left out and reported by
    /// [`NodeBuilder::take_faults`].
    pub fn set<'a>(&mut self, property: &str, value: impl Into<Value<'a>>) -> &mut Self {
        let value = value.into().resolve();
        match self.kind.position(property) {
            Some(index) => self.set_at(index, value),
            None if value == Value::Null => {}
            None => {
                let _refused =
                    self.encoder().1.refuse(&Path::property(property), None, value.type_name().to_owned());
            }
        }
        self
    }

    fn set_at(&mut self, index: usize, value: Value<'_>) {
        let field = &self.kind.fields()[index];
        match (field.place, value) {
            (Place::Tags, _) => {
                self.builder.draft.tags.clear();
                self.builder.draft.ctime_of_tag = None;
                return self.tags(value);
            }
            (Place::Name, Value::Text(name)) => self.builder.draft.name = Some(name.to_owned()),
            (Place::Name, _) => self.builder.draft.name = None,
            (Place::Id, _) => {
                let expected = Some("set when the node is begun".to_owned());
                let _refused =
                    self.encoder().1.refuse(&Path::property("id"), expected, value.type_name().to_owned());
                return;
            }
            _ => {}
        }
        let upper = match (field.rule, value) {
            (Some(Rule::Upper), Value::Text(text)) => Some(text.to_uppercase()),
            _ => None,
        };
        let value = upper.as_deref().map_or(value, Value::Text);
        let (values, mut encoder) = self.encoder();
        let start = values.len();
        let written = encoder.property(values, &field.property_type, value, &Path::property(field.name));
        let slot = match written {
            Written::Yes => Slot::Encoded(start..values.len()),
            Written::Null => Slot::Unset,
            Written::Refused => Slot::Refused,
        };
        self.builder.draft.slots[index] = slot;
    }

    fn tags(&mut self, value: Value<'_>) {
        match value.members() {
            Some(members) => {
                for (key, value) in members {
                    self.tag(key, value);
                }
            }
            None if value == Value::Null => {}
            None => {
                let expected = Some("dictionary[string, string]".to_owned());
                let _refused =
                    self.encoder().1.refuse(&Path::property("tags"), expected, value.type_name().to_owned());
            }
        }
    }

    /// Sets a tag; null removes it. The tag `fix:ctime` is the time of creation if it reads like a time.
    pub fn tag<'a>(&mut self, key: &str, value: impl Into<Value<'a>>) -> &mut Self {
        let value = value.into().resolve();
        let Some(TypeShape::Dictionary(expected)) = self
            .kind
            .fields()
            .iter()
            .find(|field| field.place == Place::Tags)
            .map(|field| &field.property_type.shape)
        else {
            return self;
        };
        let (values, mut encoder) = self.encoder();
        let start = values.len();
        json::write_string(values, key);
        let middle = values.len();
        let tags = Path::property("tags");
        let written = encoder.property(values, expected, value, &tags.member(key));
        let tag = (start..middle, middle..values.len());
        self.put_tag(tag, written == Written::Yes);
        if key == CTIME_TAG {
            self.builder.draft.ctime_of_tag = match value {
                Value::Text(text) => time::parse_tag(text),
                _ => None,
            };
        }
        self
    }

    fn put_tag(&mut self, (key, value): (Range<usize>, Range<usize>), present: bool) {
        let Buffers { values, tags, .. } = &mut self.builder.draft;
        let known = tags.iter().position(|(other, _)| values[other.clone()] == values[key.clone()]);
        match (known, present) {
            (Some(known), true) => tags[known].1 = value,
            (Some(known), false) => drop(tags.remove(known)),
            (None, true) => tags.push((key, value)),
            (None, false) => {}
        }
    }

    /// Adds a part to the key behind id (and name of a region): what the kind needs beyond them to be unique.
    pub fn key(&mut self, part: &str) -> &mut Self {
        self.builder.draft.after_id.push(part);
        self
    }

    /// Like [`Draft::key`] for a part that belongs into the key even when there is none.
    pub fn key_optional(&mut self, part: Option<&str>) -> &mut Self {
        self.builder.draft.after_id.push_optional(part);
        self
    }

    /// Adds a part to the key between zone and id: the nearest DNS zone of DNS records and record sets, `None` if
    /// they are in none.
    pub fn key_dns_zone(&mut self, zone: Option<&str>) -> &mut Self {
        self.builder.draft.before_id.push(zone.unwrap_or(UNDEFINED));
        self
    }

    /// A measured value: `metric` is a name with its unit, `stats` are `min`, `avg`, `max`.
    pub fn usage(&mut self, metric: &str, stats: &[(&str, f64)]) -> &mut Self {
        if let Some((stat, number)) = stats.iter().find(|(_, number)| !number.is_finite()) {
            let usage = Path::property("usage");
            let metric = usage.member(metric);
            let _refused = self.encoder().1.refuse(
                &metric.member(stat),
                Some("double".to_owned()),
                Value::Float(*number).type_name().to_owned(),
            );
            return self;
        }
        let usage = &mut self.builder.draft.usage;
        usage.extend_from_slice(if usage.is_empty() { b"" } else { b", " });
        json::write_string(usage, metric);
        usage.extend_from_slice(b": ");
        let mut object = json::Object::open(usage);
        for (stat, number) in stats {
            object.member(usage, stat);
            let _finite = json::write_float(usage, *number);
        }
        object.close(usage);
        self
    }

    /// A link into the console of the cloud, see [`crate::link::fill`].
    pub fn provider_link(&mut self, link: &str) -> &mut Self {
        let metadata = &mut self.builder.draft.metadata;
        metadata.extend_from_slice(b", \"provider_link\": ");
        json::write_string(metadata, link);
        self
    }

    /// Findings of security services: a list of `{provider, findings}`. Comes after the link.
    pub fn assessments(&mut self, assessments: &serde_json::Value) -> &mut Self {
        let metadata = &mut self.builder.draft.metadata;
        metadata.extend_from_slice(b", \"assessments\": ");
        json::write_value(metadata, assessments);
        self
    }

    /// The resource has been cleaned up.
    pub fn cleaned(&mut self, cleaned: bool) -> &mut Self {
        self.builder.draft.flags.cleaned = cleaned;
        self
    }

    /// The resource must not be changed.
    pub fn protected(&mut self, protected: bool) -> &mut Self {
        self.builder.draft.flags.protected = protected;
        self
    }

    /// The resource is to be cleaned up.
    pub fn clean(&mut self, clean: bool) -> &mut Self {
        self.builder.draft.flags.clean = clean;
        self
    }

    /// Ends the node.
    pub fn finish(self, ancestors: &Ancestors<'_>) -> Finished<'b> {
        let Self { builder, kind } = self;
        let role = builder.table.role(kind);
        let NodeBuilder { draft, line, .. } = builder;
        let id = draft.node_id(kind, role, ancestors);
        line.clear();
        line.extend_from_slice(b"{\"id\": \"");
        line.extend_from_slice(id.as_str().as_bytes());
        line.extend_from_slice(b"\", \"reported\": {");
        draft.write_properties(line, kind);
        if let Some(class) = kind.class() {
            line.extend_from_slice(&class.middle);
        }
        draft.write_rest(line);
        Finished { id, kind: kind.fqn(), role, json: line }
    }

    fn encoder(&mut self) -> (&mut Vec<u8>, Encoder<'_>) {
        let NodeBuilder { table, faults, draft, .. } = &mut *self.builder;
        let Buffers { values, id, flags, .. } = draft;
        (values, Encoder { table, kind: self.kind.fqn(), id, verbatim: flags.verbatim, faults })
    }
}
