//! Collects and changes projects of Hetzner Cloud.
//!
//! What it knows is in `cloud.toml` and `kinds/`; here are the settings, the projects and whose a token is.
//!
//! # Whose a token is
//!
//! A token belongs to one project, and the API does not tell which. So the settings name it: a project is called as they
//! say, and its token is the one beside its name. Before anything is deleted or labelled, the token has to know a
//! resource of that project by its number, which no other resource of Hetzner has (see `changes.rs`); a change is addressed by
//! that number, so a token of another project finds nothing to change.

mod changes;
mod cloud;
mod config;

/// The collector `hetzner`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::Hetzner::default())
}
