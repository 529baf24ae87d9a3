//! Collects and changes teams of DigitalOcean.
//!
//! What it knows is in `cloud.toml` and `kinds/`; here are the settings, the teams and whose a token is (`cloud`, `team`), the
//! signatures of Spaces (`spaces`), what droplets have in common (`droplets`), what was measured of them (`measure`), and
//! what tables cannot say about changes (`changes`, `tags`).
//!
//! # Whose a token is
//!
//! A token belongs to one team, and the API tells which: a project has the number of the team that owns it, and every team has a
//! project. So the settings are credentials only, and every errand begins with the question for that number.
//!
//! Keys of Spaces stand beside a token. They tell nothing of a team; what they list is their owner's, and names of Spaces are
//! unique in their region, so that a Space can be deleted with keys that own it, and with no others.

mod changes;
mod cloud;
mod config;
mod droplets;
mod measure;
mod registry;
mod spaces;
mod tags;
mod team;

/// The collector `digitalocean`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::DigitalOcean::default())
}
