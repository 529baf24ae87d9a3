//! Collects organizations, users, repositories and pull requests of GitHub.
//!
//! What it knows is in `cloud.toml` and `kinds/`; here are the settings, and what they name: `owners`, `repositories`,
//! `pulls`.
//!
//! # Ids
//!
//! A repository is called by its name in the graph, and a pull request by its number, as the Python worker does it. Two
//! repositories with the same name, or two pull requests with the same number, would be one node then: those, and only those,
//! have the full name of the repository in the key of their node besides (`apart`).

mod apart;
mod cloud;
mod config;
mod duration;
mod owners;
mod pulls;
mod repositories;

/// The collector `github`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::GitHub)
}
