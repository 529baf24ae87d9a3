//! The contract between the supervisor (`fixworker`) and its children (`fix-collector`).
//!
//! # Theory of the protocol
//!
//! One Unix stream socket joins one child to the supervisor. Each side first writes a [`preface`] of fixed
//! layout, so that two builds can tell each other apart whatever codec they use. Then both sides speak
//! [`frame`]s: a little-endian `u32` length and a payload, refused before anything is allocated if the length
//! is zero or above the cap. The payload is one message, encoded by [`codec`], which must consume the frame
//! exactly.
//!
//! ```text
//! child                                   supervisor
//!   preface                    <->          preface
//!   Hello                       ->
//!                              <-           Welcome (or Reject, then close)
//!                              <-           ToChild { job, Start }
//!   ToSupervisor { job, Ready } ->
//!   ... Heartbeat, Chunk, Progress, Fault ...
//!   ToSupervisor { job, Done }  ->          (or Fatal)
//! ```
//!
//! Jobs that change a cloud (`clean`) answer Cleaned, Tagged or Output in place of Chunk. How a job gets the credentials
//! of its account and no others is in [`seal`].
//!
//! Jobs follow each other on the same socket, and several may run at once; every frame after Welcome names
//! its job. The supervisor ends a child by closing the socket when no job is open.
//!
//! # Invariants
//!
//! - This crate knows no process, no network and no cloud.
//! - Message enums are append-only: they encode by position. The golden files in `tests/golden` guard that.
//! - Durations are remaining (or elapsed) time; no wall clock crosses the wire.
//! - An unknown variant, a trailing byte, a length over the cap are violations, never skipped.
//! - Types that carry secrets print `[redacted]` in `Debug` and are wiped when dropped.

pub mod account;
pub mod clean;
pub mod codec;
#[cfg(feature = "tokio")]
pub mod connection;
pub mod exit_code;
pub mod fault;
pub mod frame;
pub mod graph;
pub mod handshake;
pub mod job;
pub mod limits;
pub mod message;
pub mod paths;
pub mod preface;
pub mod seal;
pub mod secret;
pub mod variables;
