//! Tags and commands: what fixcore's work queue brings, done by children of their own.
//!
//! ```text
//! work queue (fixcore::ws) ---> request (pure): what is asked, of whom, for which account
//!                                  |
//!                               machine (pure): who waits, who runs, in which child, how long
//!                                  |
//!                               service (thin): children, timers, answers
//!                                  |
//!                    child ---> sink ---> answer (pure): is it what was asked for
//! ```
//!
//! # Rules
//!
//! - Each task is answered once, over the connection that brought it, before fixcore stops waiting for it.
//! - One task at a time in a child, and only tasks of one account: a crash, a hang or a violation costs one task.
//! - A task that was begun is not repeated; only one whose child was gone before it began gets another.
//! - The answer to a tag names the node of the task, with the metadata of the task.

mod answer;
mod child;
mod error;
mod handle;
mod handlers;
mod machine;
mod order;
mod request;
mod service;
mod sink;

pub(crate) use handle::Tasks;
