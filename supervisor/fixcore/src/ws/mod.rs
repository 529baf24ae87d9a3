//! The websockets to fixcore. Each lives on its own: it connects, pings, notices when the other side is gone, and
//! comes back.
//!
//! ```text
//! state       pure: what happens when, with which delay        (Waiting, Opening, Open, Closing, Stopped)
//! connect     how a websocket is made
//! connection  one websocket: a task that reads, a task that writes
//! link        performs what the state machine says, tells a head what happened
//! actions, events, work_queue    heads: what the texts mean on one of the three websockets
//! ```
//!
//! A head never blocks its link. What a user of a head does not take in time is handled there: actions and
//! events are sent again or coalesced, tasks are answered with an error.

pub mod actions;
pub mod events;
pub mod health;
pub mod link;
pub mod state;
pub mod work_queue;

mod connect;
mod connection;
mod outbox;
mod told;

#[cfg(test)]
mod tests;

pub use connection::SendError;
pub use health::LinkHealth;
