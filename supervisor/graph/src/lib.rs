//! Account graphs between child and fixcore.
//!
//! What a child sends goes through this crate, and what comes out is what fixcore gets:
//!
//! ```text
//! chunk ──> staging ──> check ──> owners ──> batch ──> merge ──> upload ──> journal
//!   line,     one        the       ids of     how       one        what       what is
//!   kinds,    attempt,   whole     the run    many      body       next?      done
//!   render    spooled    graph                together
//! ```
//!
//! # Invariants
//!
//! - It knows no network, no process and no clock: times are passed in, requests are made by others.
//! - A node line is scanned once and copied once. Nothing of a line is kept in memory but its id.
//! - Memory grows with ids and edges of the accounts that are being received or checked, and with the ids of
//!   all accounts of the run; never with the size of the lines. Small graphs stay in memory within a budget of
//!   the spool directory, everything else is in files.
//! - Nothing that a child says is believed: see [`mod@line`], [`kinds`], [`staging`], [`check`] and [`owners`].
//! - An upload is made of complete accounts only, and can be repeated byte for byte.
//!
//! Blocking: [`staging`], [`merge::BodyReader`], [`journal`] and [`export`] touch the disk; all else computes.

mod above;
pub mod account;
pub mod batch;
pub mod check;
pub mod export;
pub mod id;
mod index;
pub mod journal;
pub mod json;
pub mod kinds;
pub mod label;
pub mod line;
pub mod merge;
pub mod owners;
mod places;
pub mod render;
pub mod rule;
mod search;
pub mod spool;
pub mod staging;
#[cfg(test)]
mod testing;
pub mod timings;
pub mod upload;

pub use account::AccountKey;
pub use batch::{BatchLimits, Batcher, Weight};
pub use journal::{Journal, RunKey};
pub use kinds::KindTable;
pub use merge::{Batch, MergeKind, Replace, StagedAccount, Upload};
pub use owners::Owners;
pub use spool::{MemoryLimits, SpoolDir, SpoolEnv, SpoolError, spool_path};
pub use staging::{Staging, StagingError, StagingLimits};
pub use timings::Timings;
pub use upload::{Answer, BodySent, Outcome, SendRequest, Step, UploadPlan};
