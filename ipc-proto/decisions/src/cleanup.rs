//! Cleanup, as far as it can be decided from plain data.
//!
//! ```text
//! kinds, marks, edges ---> hold ---> plan (state machine) <---> children, or jobs in this process
//!                       dependents,  passes, retries,
//!                       what stays   what follows from what
//! ```
//!
//! # Rules
//!
//! - A delete edge from A to B says that B goes before A: B *depends on* A. Only edges between resources that
//!   are to be deleted order them, directly or by way of what is not; a dependent that must not be deleted keeps what it
//!   depends on.
//! - A resource is asked of a child only when everything that depends on it is gone. One that is gone is never
//!   asked for again. Each resource gets exactly one [`Fate`].

mod circle;
mod fate;
pub mod hold;
mod kinds;
pub mod plan;

pub use fate::Fate;
pub use kinds::Kinds;
pub use plan::{Planner, Rules};
