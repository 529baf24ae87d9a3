//! Collects organizations of Scarf.
//!
//! What it knows is in `cloud.toml` and `kinds/`; here are the settings, and the login: Scarf has no keys for its API, so it
//! is entered with e-mail and password, as its pages are.

mod cloud;
mod config;
mod names;

/// The collector `scarf`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::Scarf)
}
