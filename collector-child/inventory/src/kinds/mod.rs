//! The kinds of the graph: names, properties, defaults, classes.

mod kind;
mod model;
mod table;
mod types;

pub use kind::{Field, Kind, Role, Rule};
pub use model::{ModelKind, ModelProperty};
pub use table::{KindTable, KindTableError};
pub use types::{PropertyType, TypeShape};

pub(crate) use kind::{KindShape, Place};
