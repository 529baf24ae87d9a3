//! What was found about each kind, for whoever writes the tables.

use serde::Serialize;

/// What was found about one kind.
#[derive(Debug, Clone, Serialize)]
pub struct KindReport {
    /// Name of its file.
    pub file: String,
    /// The kind.
    pub kind: String,
    /// `service:Operation` of all calls.
    pub operations: Vec<String>,
    /// Its properties and those of its nested kinds.
    pub properties: Vec<PropertyReport>,
    /// Members of its documents that nothing uses: the nested kind, or the kind itself, with their names.
    pub unused: Vec<(String, Vec<String>)>,
}

/// What was found about one property.
#[derive(Debug, Clone, Serialize)]
pub struct PropertyReport {
    /// The kind that has it: the kind itself or a nested one.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// Its type.
    pub notation: String,
    /// How its value was found.
    pub how: How,
    /// Where its value comes from.
    pub path: String,
    /// What is there, or what is wrong.
    pub note: String,
}

/// How the value of a property was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// A member of the same name.
    Convention,
    /// The table says where.
    Entry,
    /// The table says that there is none.
    Unset,
    /// It has none, and needs none: every node has the property, not every kind a value for it.
    Absent,
    /// Nodes set it by themselves.
    Automatic,
    /// Not found: a mistake.
    Open,
}
