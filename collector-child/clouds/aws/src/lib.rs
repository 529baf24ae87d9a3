//! Collects and changes AWS accounts.
//!
//! # What it does
//!
//! ```text
//! kinds/*.toml --build--> plans -----+
//!                                    v
//! accounts: profiles, roles, organization --> accounts with scope (role, profile, partition, regions)
//! cloud:    scope --> session, regions --> the engine --> hooks (Rust, where a table cannot say it)
//!                                 \--> aws-client (signing, endpoints) over http-client and aws-shapes
//! change:   deletes, tags, commands
//! ```
//!
//! The crate knows the program around it only through the crate `collector`.

mod accounts;
mod api;
mod built_in;
mod change;
mod changes;
mod cloud;
mod config;
mod describe;
mod facts;
mod handed;
mod hooks;
mod instance_types;
mod job;
mod listed;
mod metrics;
mod own;
mod partition;
mod regions;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod top;

/// The collector `aws`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::Aws::default())
}
