//! Collects namespaces of Docker Hub.
//!
//! What it knows is in `cloud.toml` and `kinds/`; here are the settings, and how often a namespace has something. Nobody
//! logs in: public repositories are everybody's.

mod cloud;
mod config;

/// The collector `dockerhub`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::DockerHub)
}
