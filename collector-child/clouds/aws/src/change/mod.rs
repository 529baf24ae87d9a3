//! Changes AWS: deletes resources, changes their tags ([`engine::change`]), executes commands.
//!
//! # Invariants
//!
//! - A call is made for the resource alone: with the account, role and region that its node names. Without one of them
//!   nothing is called.
//! - Credentials are used only as long as STS says that they belong to the account of the resource (`doors`).

mod ability;
mod access;
mod clean;
pub(crate) mod command;
mod doors;
mod hooks;
#[cfg(test)]
mod identity_tests;
mod manner;
mod resource;
mod tag;
#[cfg(test)]
mod tests;

pub(crate) use ability::ability;
pub(crate) use access::Changer;
pub(crate) use clean::Deletion;
pub(crate) use command::{Command, definition as command_definition};
pub(crate) use resource::Resource;
pub(crate) use tag::Tagging;
