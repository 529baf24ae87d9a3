//! Collects AWS accounts.
//!
//! # What it does
//!
//! ```text
//! kinds/*.toml --build--> plans -----+
//!                                    v
//! Accounts job: profiles, roles, organization --> accounts with scope (role, profile, partition, regions)
//! Collect job:  scope --> sessions --> engine (regions x kinds) --> graph --> Sink
//!                                      ^    \--> hooks (Rust, where a table cannot say it)
//!                              aws-client (signing, retries, budgets) over shapes (protocols)
//! ```
//!
//! The crate knows the program around it only through the crate `collector`: [`Aws`] is a collector.
//!
//! # Invariants
//!
//! - No error costs more than what it is about: a property, a resource, a page, a call. Two things cost the
//!   account: credentials that are not valid any more, because everything would then look empty, and whatever
//!   the setting `discard_account_on_resource_error` says.
//! - Failed calls are told once per region and cause, not once per call.
//! - Edges never lead into the wrong region: a node is looked for near by first, see [`graph::Graph::find`].
//! - Memory grows with what is sent, not with what the cloud answers: documents are dropped page by page.

mod accounts;
mod api;
mod aws;
mod built_in;
pub mod change;
mod config;
mod describe;
mod engine;
mod errors;
mod facts;
pub mod graph;
pub mod hooks;
mod instance_types;
mod job;
mod partition;
mod plans;
mod regions;
#[cfg(test)]
mod testing;

pub use accounts::{Identity, Scope};
pub use aws::Aws;
pub use config::{AwsConfig, section};
pub use describe::{describe, paths};
pub use engine::{AccountFacts, Ask, Context, Draft, Pages};
pub use job::{Collect, Way, accounts, collect};
pub use plans::Plans;
pub use regions::{Region, RegionIndex, Regions};
