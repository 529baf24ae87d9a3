//! Collects teams of Slack.
//!
//! What it knows is in `cloud.toml` and `kinds/`; here are the settings, and the team that the token is of.

mod cloud;
mod config;

/// The collector `slack`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::Slack)
}
