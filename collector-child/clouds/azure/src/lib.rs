//! Collects and changes subscriptions of Microsoft Azure.
//!
//! # What it does
//!
//! ```text
//! azure.accounts, environment --auth--> credentials --subscriptions, organization--> accounts
//! cloud: locations by their table --> the engine, with the client of rest-client
//! change: deletes and tags by tables alone
//! ```
//!
//! What it knows of kinds is in `cloud.toml` and `kinds/`. Kinds that no table makes are told by [`without_table`].
//!
//! # Invariants
//!
//! - A token goes to the host that it was got for: each service of `cloud.toml` names the one whose token it is sent.
//! - Secrets are in no error, log or `Debug`, and are never an argument of a program.

mod access;
pub mod auth;
mod changes;
mod cloud;
mod config;
mod entrance;
mod hooks;
mod metrics;
mod missing;
mod organization;
mod subscriptions;

pub use access::about;
pub use missing::without_table;

/// The collector `azure`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::Azure::default())
}
