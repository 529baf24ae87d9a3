//! A kind as fixcore's data model describes it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A kind of fixcore's data model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelKind {
    /// Its name.
    pub fqn: &'static str,
    /// Names of the kinds whose properties it has too.
    #[serde(default)]
    pub bases: Vec<&'static str>,
    /// Its own properties, without those of the bases.
    #[serde(default)]
    pub properties: Vec<ModelProperty>,
    /// Whether fixcore takes properties that are not listed.
    #[serde(default)]
    pub allow_unknown_props: bool,
    /// Per edge type: the kinds that come below it.
    #[serde(default)]
    pub successor_kinds: Option<BTreeMap<String, Vec<String>>>,
    /// Whether there are nodes of this kind, and not only objects inside nodes.
    #[serde(default)]
    pub aggregate_root: bool,
    /// Icon, group, display name, service, categories, source.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// The simple type of an enumeration.
    #[serde(default)]
    pub runtime_kind: Option<String>,
    /// The values of an enumeration; empty for all other kinds.
    #[serde(default, rename = "enum")]
    pub values: Vec<String>,
}

/// A property of fixcore's data model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelProperty {
    /// Its name.
    pub name: &'static str,
    /// The name of its type.
    pub kind: &'static str,
    /// Whether fixcore refuses nodes without it.
    #[serde(default)]
    pub required: bool,
    /// Not sent but computed by fixcore from another property.
    #[serde(default)]
    pub synthetic: Option<Map<String, Value>>,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// More about it.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}
