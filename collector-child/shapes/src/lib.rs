//! The operations of a cloud as data: requests are built and answers read by their published shapes.
//!
//! Nothing here does I/O, and nothing knows a cloud. A [`Catalog`] holds the packed tables of the services of one cloud;
//! [`build()`] makes a request of an operation and parameters, [`parse()`] reads what came back, [`Pager`] says what to
//! ask for next. Names are those that the cloud's own client for Python shows, everywhere: the names on the wire stay
//! inside.
//!
//! The format of the tables is told in `table/mod.rs`; scripts beside the tables write them from what the cloud publishes.

mod answer;
mod build;
mod catalog;
mod join;
mod operation;
mod pager;
mod parse;
mod request;
mod service;
mod shape;
mod table;
mod time;

pub use answer::{Answer, Garbage, GarbageKind, Headers, Oddity, ServiceError};
pub use build::build;
pub use catalog::{Catalog, UnknownService};
pub use join::Joined;
pub use operation::{Auth, Operation, Pagination};
pub use pager::{Pager, Stuck};
pub use parse::{any_json, parse, parse_noting};
pub use request::{InputFault, Request};
pub use service::{Protocol, Service};
pub use shape::{List, Map, Member, Shape, ShapeId, Structure};
pub use table::{Broken, unpack};
