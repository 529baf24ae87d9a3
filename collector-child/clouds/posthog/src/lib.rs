//! Collects projects of PostHog.
//!
//! What it knows is in `cloud.toml` and `kinds/`; here are the settings, and which projects their names mean. A project is
//! called by its UUID in the graph and by its number in the API, which the listing of accounts hands over.

mod cloud;
mod config;
mod projects;

/// The collector `posthog`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::PostHog)
}
