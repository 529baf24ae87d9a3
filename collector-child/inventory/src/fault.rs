//! What does not fit the kind table.

use std::fmt;

use crate::kinds::KindTableError;

/// A property that fixcore would refuse. It was left out of the node; the rest of the node is fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyFault {
    /// The kind of the node.
    pub kind: &'static str,
    /// The id of the node in the cloud.
    pub id: String,
    /// Where in the node, for example `volume_attachments[0].state`.
    pub property: String,
    /// The type in the model, or what else was expected; `None` if the model has no such property.
    pub expected: Option<String>,
    /// What came instead.
    pub found: String,
}

impl fmt::Display for PropertyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, id, property, expected, found } = self;
        match expected {
            Some(expected) => write!(f, "{property} of {kind} `{id}` should be {expected} but is {found}"),
            None => write!(f, "{property} of {kind} `{id}` is not in the model; it is {found}"),
        }
    }
}

/// Why a node cannot be made at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeFault {
    /// Its kind is unknown or broken.
    #[error(transparent)]
    Kind(#[from] KindTableError),
    /// There are objects of this kind inside nodes, but no nodes.
    #[error("there are no nodes of the kind `{0}`")]
    NoNodes(String),
}
