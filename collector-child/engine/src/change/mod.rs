//! Changing resources of any cloud by kind tables: deletes them, changes their tags.
//!
//! ```text
//! Resource --[kind table: tag, delete]--> calls --[Access]--> the cloud
//!                    ^                      \--> Journal (what was done, or would be)
//!                 ChangeHooks (Rust, where a table cannot say it)
//! ```
//!
//! The program around it decides what may be changed and in which order; here one resource is changed at a time, and
//! what the cloud answers is judged (`judge`). What comes out is that the resource is gone, has to wait, or stays.
//!
//! A cloud says who the resource is ([`Resource`]), gets into its account ([`Access`]), and knows how its services say that
//! something is in use ([`Sayings`]).
//!
//! # Invariants
//!
//! - A dry run makes reading calls only.
//! - Nothing is taken away from a resource before the cloud has said that it is in the way of its deletion, and nothing
//!   that does not help.
//! - A call that lacks an argument is not made, and a resource for which nothing could be called is not gone.
//! - Credentials that fail end the job, everything else costs one resource.

mod ability;
mod access;
mod clean;
mod hooks;
mod judge;
mod memory;
mod perform;
mod prepare;
mod resource;
mod tag;
pub mod words;

pub use ability::ability;
pub use access::{Access, Calls};
pub use clean::{Above, Removal, deletion, goes_by_itself, gone, outcome, remove};
pub use hooks::{ChangeHooks, Manner};
pub use judge::{Codes, Meaning, Sayings, Stop, Trouble, is_fatal, later, never, stop};
pub use memory::{Done, Memory, Who};
pub use perform::{Elements, Job, Listed, Report, Sent};
pub use prepare::Prepared;
pub use resource::Resource;
pub use tag::{Silent, TagChange, Tagging, applied, no_such_tag, no_tags, outcome_for_user, tag};
