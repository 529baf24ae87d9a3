//! How documents become properties.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::call::is_default;
use super::function::Function;
use super::path::Path;
use super::template::Template;

/// How a document becomes the properties of a node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    /// The properties of the node, in the order in which they are made: one that others refer to comes first.
    pub properties: Vec<Property>,
    /// The nested kinds, which [`Stage::Object`] and its siblings refer to by position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectMap>,
}

/// How an object becomes one of a nested kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectMap {
    /// The nested kind.
    pub kind: String,
    /// Its properties.
    pub properties: Vec<Property>,
}

/// How one property is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Where its value comes from.
    #[serde(flatten)]
    pub value: Extractor,
}

/// How a value is made of a document: found, then changed stage by stage. Null stops the stages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Extractor {
    /// Where it is: the first path that finds something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Path>,
    /// It is a text with placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Template>,
    /// It is always this.
    #[serde(default, rename = "const", skip_serializing_if = "Value::is_null")]
    pub constant: Value,
    /// What is done with it, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// What it is instead of null.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub default: Value,
}

/// What is done with a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Applied to it.
    Fn(Function),
    /// Applied to each element of the list that it is.
    EachFn(Function),
    /// Replaced by the value that stands for its text.
    Choose {
        /// Text to value.
        values: Map<String, Value>,
        /// For all other texts; null: they become null.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        other: Value,
        /// For all other texts: they stay as they are.
        #[serde(default, skip_serializing_if = "is_default")]
        keep: bool,
    },
    /// A list of objects becomes one object: the names of the members with its key and its value.
    Tags(String, String),
    /// An object becomes one of a nested kind ([`Mapping::objects`]).
    Object(usize),
    /// Each object of a list becomes one of a nested kind.
    Objects(usize),
    /// Each member of an object becomes an object of a nested kind.
    Dictionary(usize),
    /// Each element of each member of an object becomes an object of a nested kind.
    DictionaryOfLists(usize),
}

/// The properties of one node. They borrow from the document and the plan what they can.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Properties<'d> {
    entries: Vec<(Cow<'d, str>, Cow<'d, Value>)>,
}

impl<'d> Properties<'d> {
    /// The value of a property; `None` if it is not set.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }

    /// The value of a property that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Sets a property; null unsets it.
    pub fn set(&mut self, name: impl std::convert::Into<Cow<'d, str>>, value: Cow<'d, Value>) {
        let name = name.into();
        let known = self.entries.iter().position(|(other, _)| *other == name);
        match (known, value.is_null()) {
            (Some(known), true) => drop(self.entries.remove(known)),
            (Some(known), false) => self.entries[known].1 = value,
            (None, true) => {}
            (None, false) => self.entries.push((name, value)),
        }
    }

    /// All that are set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// As an object, which borrows nothing.
    pub fn into_object(self) -> Map<String, Value> {
        self.entries.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    pub(crate) fn push(&mut self, name: &'d str, value: Cow<'d, Value>) {
        if !value.is_null() {
            self.entries.push((Cow::Borrowed(name), value));
        }
    }
}
