//! What the worker does now, for people who look at its page: fed by the events of runs, read by the web server.
//!
//! [`Board`] is told what happens and answers with a [`View`]: a bounded part of it, so that an estate of thousands of
//! accounts costs neither the worker nor a browser more than one of a hundred.

mod account;
mod board;
mod condition;
mod faults;
mod query;
#[cfg(test)]
mod tests;

pub use self::account::{AccountKey, Phase, Row};
pub use self::board::{Board, CleanupNow, Happened, RunNow, View};
pub use self::condition::{Condition, Connection, Degraded, LinkState, Sandbox, Stage};
pub use self::faults::{FaultGroup, FaultGroups};
pub use self::query::{Filter, PAGE, Query};
