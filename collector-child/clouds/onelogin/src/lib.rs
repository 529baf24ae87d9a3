//! Collects accounts of OneLogin.
//!
//! What it knows is in `cloud.toml` and `kinds/`; here are the settings. An account is called by its client id, as the
//! Python worker does: the API tells no other name of it.

mod cloud;
mod config;

/// The collector `onelogin`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::OneLogin)
}
