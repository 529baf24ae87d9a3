//! A resource that is changed.

use serde_json::{Map, Value};
use tables::plan::Place;

/// A resource with what is known about it: what its node reports, and where it is. The node may be written by the Python
/// worker or by us.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    kind: String,
    document: Value,
    place: Place,
    global: bool,
}

impl Resource {
    /// A resource of `kind` by what its node reports. `global`: it is in no region, or its node does not say in which.
    pub fn new(kind: &str, mut reported: Map<String, Value>, place: Place, global: bool) -> Self {
        // What has no name of its own is called by its id.
        let named = reported.get("name").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
        if let Some(id) = reported.get("id").filter(|_| !named).cloned() {
            reported.insert("name".to_owned(), id);
        }
        Self { kind: kind.to_owned(), document: Value::Object(reported), place, global }
    }

    /// The kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What the node reports.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Where it is, for tables.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether it is in no region.
    pub fn is_global(&self) -> bool {
        self.global
    }
}
