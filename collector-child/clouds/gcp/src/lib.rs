//! Collects and changes projects of Google Cloud.
//!
//! # What it does
//!
//! ```text
//! gcp.service_account --auth--> credentials --projects--> accounts
//! cloud: regions and zones by their tables --> the engine, with the client of rest-client and the operations of gcp-shapes
//! metrics: usage, one call for a statistic of all resources; hooks/prices: what types cost
//! change: deletes and labels by tables alone
//! ```
//!
//! What it knows of kinds is in `cloud.toml` and `kinds/`. Kinds that no table makes are told by [`without_table`].

mod access;
pub mod auth;
mod changes;
mod cloud;
mod config;
mod entrance;
mod facts;
mod hooks;
mod metrics;
mod missing;
pub mod projects;

pub use access::about;
pub use missing::without_table;

/// The collector `gcp`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::Gcp::default())
}
