//! The process that starts all children and buries them.
//!
//! A fork copies the page tables of whoever forks, so a supervisor that holds a million ids starts children
//! slowly. And a process that was started by one that is gone belongs to nobody. So a small process is forked off
//! before the supervisor has grown, and starts the children for it:
//!
//! ```text
//!   supervisor --- orders, descriptors (a socketpair) ---> fork server --- fork, confine, exec ---> child
//!       `--------------- signals to groups, the child's own socketpair, its output ------------------^
//! ```
//!
//! - It is the parent of every child and the subreaper of all that they start, so no process can leave it: what
//!   loses its parent becomes its child, and is killed when the attempt it belongs to is over, or at once if it
//!   has left the session of the attempt.
//! - It reaps a leader only when the supervisor says so. Until then the id of the leader, which is the id of its
//!   group and session too, cannot be given to a stranger, and the supervisor may signal it.
//! - The end of its socket is the end of the supervisor, however that died: it kills everything below it, waits
//!   until nothing is left, and ends.
//! - If it is killed itself, the leaders die by their parent-death signal, and everything else becomes the child
//!   of the supervisor, which is a subreaper too, sweeps, and forks another one.
//!
//! [`client`] is the supervisor's side, [`serve`] the loop, [`confine`] what happens between fork and exec,
//! [`walls`] what is built around a child ([`filter`] of its system calls, [`bpf`] for the kernel), [`places`] what it has
//! for itself ([`cgroup`], [`temp`]), [`tree`] looks at processes, [`wire`] is what they say to each other.

mod bpf;
mod cgroup;
mod client;
mod confine;
mod filter;
mod places;
mod serve;
mod sys;
mod temp;
mod tree;
mod walls;
mod wire;

pub(crate) use client::{ForkServer, controls, current, folders};
pub use client::{dismiss, prepare};
pub(crate) use walls::look_at_host;
pub(crate) use wire::{Launch, Limits, Order, Reply};
