//! Changes AWS: deletes resources, changes their tags, executes commands.
//!
//! ```text
//! Resource --[kind table: tag, delete]--> calls --[Access]--> AWS
//!                    ^                      \--> Journal (what was done, or would be)
//!                 hooks (Rust, where a table cannot say it)
//! ```
//!
//! The program around it decides what may be changed and in which order; here one resource is changed at a time, and
//! what AWS answers is judged (`judge`). What comes out is that the resource is gone, has to wait, or stays.
//!
//! # Invariants
//!
//! - A dry run makes reading calls only.
//! - A call is made for the resource alone: with the account, role and region that its node names. Without one of them
//!   nothing is called.
//! - Credentials are used only as long as STS says that they belong to the account of the resource (`doors`).
//! - Nothing is taken away from a resource before the cloud has said that it is in the way of its deletion, and nothing
//!   that does not help.
//! - A call that lacks an argument is not made, and a resource for which nothing could be called is not gone.
//! - Credentials that fail end the job, everything else costs one resource.

mod ability;
mod access;
mod clean;
pub(crate) mod command;
mod doors;
mod hooks;
#[cfg(test)]
mod identity_tests;
mod judge;
mod memory;
mod perform;
mod prepare;
mod resource;
mod tag;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use ability::ability;
pub(crate) use access::Changer;
pub(crate) use clean::{Above, Deletion};
pub(crate) use command::{Command, definition as command_definition};
pub(crate) use memory::Memory;
pub(crate) use resource::Resource;
pub(crate) use tag::Tagging;
