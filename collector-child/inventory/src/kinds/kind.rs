//! One kind, parsed from its line of a data file.

use std::fmt;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::model::ModelKind;
use super::types::PropertyType;
use crate::json;

/// A kind of resource, of an object inside a resource, or an enumeration.
#[derive(Debug)]
pub struct Kind {
    fqn: &'static str,
    model: ModelKind,
    pub(super) role: OnceLock<Role>,
    shape: KindShape,
}

/// What a kind is a kind of.
#[derive(Debug)]
pub(crate) enum KindShape {
    /// Objects; with `class`, nodes.
    Object { fields: Vec<Field>, class: Option<Class> },
    /// Texts out of a list.
    Enumeration,
}

/// What only kinds of nodes have.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) python_type: String,
    pub(crate) categories: Vec<String>,
    /// `"kind": "x"}, "metadata": {"python_type": "...", "categories": [...]`: the same in all its nodes.
    pub(crate) middle: Vec<u8>,
}

/// A property in output order.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub property_type: PropertyType,
    /// What its constructor does.
    pub rule: Option<Rule>,
    /// Written when it is not set; `None` leaves it out.
    pub(crate) default: Option<Vec<u8>>,
    /// `"name": `
    pub(crate) label: Vec<u8>,
    /// What a node does with it by itself.
    pub(crate) place: Place,
}

/// Properties of the base kind `resource` that every node handles by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Id,
    Tags,
    Name,
    Ctime,
    Other,
}

impl Place {
    fn of(name: &str) -> Self {
        match name {
            "id" => Self::Id,
            "tags" => Self::Tags,
            "name" => Self::Name,
            "ctime" => Self::Ctime,
            _ => Self::Other,
        }
    }
}

/// What the constructor of a resource does with a property. From the data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Not set, it is the id.
    IdIfUnset,
    /// It is always the id.
    Id,
    /// It is always the default.
    Constant,
    /// It is in upper case.
    Upper,
}

/// The place of a kind in the hierarchy of the graph, told by its bases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// `graph_root`
    Root,
    /// `base_cloud`
    Cloud,
    /// `organizational_root`, `organizational_unit`
    Organization,
    /// `account`
    Account,
    /// `region`
    Region,
    /// `zone`
    Zone,
    /// Anything else.
    Resource,
}

impl Role {
    pub(super) const BASES: [(&'static str, Self); 7] = [
        ("graph_root", Self::Root),
        ("base_cloud", Self::Cloud),
        ("organizational_root", Self::Organization),
        ("organizational_unit", Self::Organization),
        ("account", Self::Account),
        ("region", Self::Region),
        ("zone", Self::Zone),
    ];
}

impl Kind {
    /// Its name, unique in fixcore.
    pub fn fqn(&self) -> &'static str {
        self.fqn
    }

    /// What fixcore's data model says about it.
    pub fn model(&self) -> &ModelKind {
        &self.model
    }

    /// The class that fixcore and Python workers know nodes of this kind by; `None` if there are no such nodes.
    pub fn python_type(&self) -> Option<&str> {
        self.class().map(|class| class.python_type.as_str())
    }

    /// The categories that nodes of this kind carry.
    pub fn categories(&self) -> &[String] {
        self.class().map_or(&[], |class| &class.categories)
    }

    /// All properties with those of the bases, in output order.
    pub fn fields(&self) -> &[Field] {
        match &self.shape {
            KindShape::Object { fields, .. } => fields,
            KindShape::Enumeration => &[],
        }
    }

    /// The position in [`Kind::fields`] of the property called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields().iter().position(|field| field.name == name)
    }

    pub(crate) fn class(&self) -> Option<&Class> {
        match &self.shape {
            KindShape::Object { class, .. } => class.as_ref(),
            KindShape::Enumeration => None,
        }
    }

    pub(crate) fn shape(&self) -> &KindShape {
        &self.shape
    }

    /// Parses the line of a kind.
    pub(super) fn parse(raw: &'static RawValue) -> Result<Self, String> {
        let entry: Entry<'static> = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
        let model: ModelKind =
            serde_json::from_str(entry.model.get()).map_err(|error| format!("model: {error}"))?;
        let fqn = model.fqn;
        let shape = if model.values.is_empty() {
            let fields = entry.fields.into_iter().map(Field::new).collect::<Result<_, _>>()?;
            let class = entry
                .python_type
                .map(|python_type| Class::new(fqn, python_type, entry.categories.unwrap_or_default()));
            KindShape::Object { fields, class }
        } else {
            KindShape::Enumeration
        };
        Ok(Self { fqn, model, role: OnceLock::new(), shape })
    }

    /// The text of the data model in the line of a kind.
    pub(super) fn model_text(raw: &'static RawValue) -> Result<&'static str, String> {
        let entry: ModelOnly<'static> = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
        Ok(entry.model.get())
    }
}

impl Class {
    fn new(fqn: &str, python_type: String, categories: Vec<String>) -> Self {
        let mut middle = b"\"kind\": ".to_vec();
        json::write_string(&mut middle, fqn);
        middle.extend_from_slice(b"}, \"metadata\": {\"python_type\": ");
        json::write_string(&mut middle, &python_type);
        middle.extend_from_slice(b", \"categories\": ");
        let mut list = json::List::open(&mut middle);
        for category in &categories {
            list.item(&mut middle);
            json::write_string(&mut middle, category);
        }
        list.close(&mut middle);
        Self { python_type, categories, middle }
    }
}

impl Field {
    fn new(entry: FieldEntry<'static>) -> Result<Self, String> {
        let property_type = PropertyType::parse(entry.notation)
            .ok_or_else(|| format!("{}: `{}` is not a type", entry.name, entry.notation))?;
        let rule = entry.rule.map(Rule::named).transpose()?;
        let mut label = Vec::with_capacity(entry.name.len() + 4);
        json::write_string(&mut label, entry.name);
        label.extend_from_slice(b": ");
        let default = entry.default.filter(|value| !value.is_null()).map(|value| {
            let mut text = Vec::new();
            json::write_value(&mut text, &value);
            text
        });
        Ok(Self { name: entry.name, property_type, rule, default, label, place: Place::of(entry.name) })
    }

    /// The value, as JSON text, that is written when the property is not set; `None` leaves it out.
    pub fn default_json(&self) -> Option<&str> {
        self.default.as_deref().and_then(|text| std::str::from_utf8(text).ok())
    }
}

impl Rule {
    fn named(name: &str) -> Result<Self, String> {
        match name {
            "id_if_unset" => Ok(Self::IdIfUnset),
            "id" => Ok(Self::Id),
            "constant" => Ok(Self::Constant),
            "upper" => Ok(Self::Upper),
            other => Err(format!("there is no rule `{other}`")),
        }
    }
}

#[derive(Deserialize)]
struct ModelOnly<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
    python_type: Option<String>,
    categories: Option<Vec<String>>,
    #[serde(borrow, default)]
    fields: Vec<FieldEntry<'a>>,
}

/// `[name, type, default?, rule?]`
struct FieldEntry<'a> {
    name: &'a str,
    notation: &'a str,
    default: Option<serde_json::Value>,
    rule: Option<&'a str>,
}

impl<'de: 'a, 'a> Deserialize<'de> for FieldEntry<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = FieldEntry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of name, type, default and rule")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let missing = |what| serde::de::Error::custom(format_args!("a property without {what}"));
        Ok(FieldEntry {
            name: seq.next_element()?.ok_or_else(|| missing("name"))?,
            notation: seq.next_element()?.ok_or_else(|| missing("type"))?,
            default: seq.next_element()?,
            rule: seq.next_element()?,
        })
    }
}
