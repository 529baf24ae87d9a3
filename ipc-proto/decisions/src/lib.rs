//! What both sides decide alike: the supervisor for all accounts, and `fix-collector` when it is run by hand.
//!
//! - [`attempt`]: what follows from the end of an attempt.
//! - [`cleanup`]: what keeps a resource, and which resource is asked to go when.
//!
//! Functions and machines over plain data: no process, no network, no file, and no clock. Time and chance are passed in.
//! How nodes are read, and whom a decision is told, is the business of each side.

pub mod attempt;
pub mod cleanup;
