//! What a collector is: the interface between the child process and the code that knows a cloud.
//!
//! ```text
//! fix-collector: jobs --Collector--> clouds/*: what a cloud says
//!                Output <--Sink-- nodes, edges, faults, signs of life
//! ```
//!
//! # Invariants
//!
//! - Whose account credentials are is known before anything is done with them ([`identity`]).
//! - Config sections may hold credentials: `Debug` and error texts show names, never values.
//! - The interface knows no cloud.

pub mod changes;
pub mod config;
pub mod credentials;
pub mod fault;
pub mod identity;
pub mod node;
pub mod settings;

mod collector;
mod kinds;
mod sink;

pub use collector::{CollectRequest, Collector};
pub use config::{ConfigSection, json_type};
pub use credentials::Credentials;
pub use fault::{Failure, FaultExt, config_fault, fault};
pub use kinds::Kinds;
pub use sink::{BoxFuture, Entry, Placed, Sink, SinkExt, wire_role};
