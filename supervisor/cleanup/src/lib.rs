//! Cleanup between fixcore and the children, as far as it can be decided without a network, a process or a clock.
//!
//! ```text
//! query ---> found ---> select ---> decisions::cleanup <---> children, one per account
//! what to    lines of   resources,  what keeps what,           |
//! search     fixcore    accounts,   which goes when            v
//!            by line    refusals                        patch ---> outbox (on disk) ---> fixcore
//!                                                       report --> log and fixcore's users
//! ```
//!
//! # Rules
//!
//! - What goes before what, and what stays, is decided in [`decisions::cleanup`], as it is for a child run by hand.
//! - What was deleted is on disk before fixcore is told, and stays there until fixcore has acknowledged it.
//! - Nodes are looked into for ids, names, kind, marks and ancestors; what else they hold goes to the child as it
//!   came.

pub mod found;
pub mod kinds;
pub mod messages;
pub mod outbox;
pub mod patch;
pub mod query;
pub mod report;
pub mod select;

pub use found::{Found, LineError};
pub use outbox::Outbox;
pub use select::{Resource, Scope, Work, select};
