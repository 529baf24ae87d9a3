//! What to do with each answer of fixcore: pure, no request is made here.
//!
//! fixcore answers 400 for nearly everything and names no account, so that a rejected batch is halved until the
//! guilty account is alone, while everything else lands.

mod classify;
mod outcome;
mod part;
mod plan;

pub use classify::{MergeCounters, Verdict, classify};
pub use outcome::{Outcome, group_failures};
pub use plan::{Answer, BodySent, SendRequest, Step, UploadPlan};

#[cfg(test)]
mod tests;
