//! What collect runs, cleanups and tasks have in common: none of them knows another.
//!
//! `Tools` and what is given to a child (`provision`), what is said while it works (`event`, `fault_log`), which
//! accounts are ours (`shard`), how it is stopped (`RunControl`).

pub(crate) mod attempt;
mod control;
pub mod event;
pub mod fault_log;
pub(crate) mod provision;
pub mod shard;
mod time;
mod tools;

pub use control::RunControl;
pub(crate) use time::until;
pub use tools::Tools;
