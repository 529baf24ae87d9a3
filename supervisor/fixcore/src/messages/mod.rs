//! The texts on the websockets, in the forms that fixcore and the peer use. All pure.
//!
//! Unknown messages are not errors: fixcore may learn new ones before we do.

pub mod action;
pub mod incoming;
pub mod outgoing;
pub mod task;

pub use action::{Action, ActionKey};
pub use incoming::Incoming;
pub use outgoing::{Level, Progress};
pub use task::{Task, TaskDefinition};
