//! Cleanup, as far as it can be decided without a network, a process or a clock.
//!
//! ```text
//! query ---> found ---> select ---> plan (state machine) <---> children, one per account
//! what to    lines of   resources,   passes, retries,            |
//! search     fixcore    order,       what follows from what      v
//!            by line    refusals                          patch ---> outbox (on disk) ---> fixcore
//!                                                         report --> log and fixcore's users
//! ```
//!
//! # Rules
//!
//! - A delete edge from A to B says that B goes before A: B *depends on* A. Only edges between resources that
//!   are to be deleted order them, directly or by way of what is not; a dependent that must not be deleted keeps what it
//!   depends on.
//! - A resource is asked of a child only when everything that depends on it is gone. One that is gone is never
//!   asked for again. Each resource gets exactly one [`Fate`].
//! - What was deleted is on disk before fixcore is told, and stays there until fixcore has acknowledged it.
//! - Nodes are looked into for ids, names, kind, marks and ancestors; what else they hold goes to the child as it
//!   came.

pub mod circle;
pub mod fate;
pub mod found;
pub mod kinds;
pub mod messages;
pub mod outbox;
pub mod patch;
pub mod plan;
pub mod query;
pub mod report;
pub mod select;

pub use fate::Fate;
pub use found::{Found, LineError};
pub use kinds::Kinds;
pub use outbox::Outbox;

pub use plan::{Planner, Rules};
pub use select::{Resource, Scope, Work, select};
