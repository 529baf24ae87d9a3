//! The operations of AWS as data: requests are built and answers read by their published shapes.
//!
//! Nothing here does I/O. [`service()`] gives the tables of a service, [`build()`] makes a request of an operation and
//! parameters, [`parse()`] reads what came back, [`Pager`] says what to ask for next, and [`endpoints()`] knows the
//! hosts. Names are those that boto3 shows, everywhere: the names on the wire stay inside.
//!
//! The tables in `data/` are written by `scripts/export_operations.py` from the API descriptions that botocore
//! publishes, with the pages of listings that it leaves out (`scripts/paging.py`); `data/MANIFEST.json` says from which
//! version.

mod answer;
mod build;
mod data;
mod endpoints;
mod join;
mod operation;
mod pager;
mod parse;
mod request;
mod service;
mod shape;
mod table;
mod time;

pub use answer::{Answer, Garbage, GarbageKind, Headers, ServiceError};
pub use build::build;
pub use endpoints::{Endpoints, Host, HostVariant, Partition, ServiceHosts, endpoints};
pub use join::Joined;
pub use operation::{Auth, Operation, Pagination};
pub use pager::{Pager, RepeatedToken};
pub use parse::parse;
pub use request::{InputFault, Request};
pub use service::{Protocol, Service, UnknownService, service, services};
pub use shape::{List, Map, Member, Shape, ShapeId, Structure};
