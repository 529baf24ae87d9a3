//! Kinds, node ids and property encoding of the Fix Inventory graph.
//!
//! # What it does
//!
//! A collector says "this is an `aws_ec2_volume` with these properties, in that region"; this crate makes the
//! one JSON line that fixcore takes for it, equal to what the Python worker 4.2 would send:
//!
//! ```text
//! data/*.json --KindTable--> Kind ----+
//! properties, tags --NodeBuilder/Draft+--> {"id", "reported", "metadata"[, "usage"][, "desired"]}
//! ancestors, extra keys --NodeKey-----+        id = base64url(blake2b-128(Python repr of the key))
//! ```
//!
//! Everything is checked against the kind table at the place where it is made. What does not fit costs the
//! property (a [`PropertyFault`]) or, if it is the identity of the node, the node; it never reaches fixcore,
//! which would refuse the whole upload.
//!
//! # Invariants
//!
//! - Kinds are data, never a Rust type each; a data file is indexed when asked for, and a kind is parsed when
//!   it is first used.
//! - The crate does no I/O, reads no clock and knows no cloud.
//! - A line has no raw newline, is ASCII only, and is valid JSON.

pub mod duration;
pub mod json;
pub mod link;
pub mod suggest;
pub mod time;

mod encode;
mod fault;
mod kinds;
mod node;
mod node_id;
mod python;
mod repr;
mod value;

pub use fault::{NodeFault, PropertyFault};
pub use kinds::{
    Field, Kind, KindTable, KindTableError, ModelKind, ModelProperty, PropertyType, Role, Rule, TypeShape,
};
pub use node::{Ancestors, Draft, Finished, NodeBuilder};
pub use node_id::{DigestSize, NodeId, NodeKey, hex_digest};
pub use value::Value;

/// The tag that overrides the time of creation.
pub const CTIME_TAG: &str = "fix:ctime";
