//! The fleet with real processes: a child that misbehaves in every way we could think of.
//!
//! What must happen is looked at from outside: members of groups in /proc, zombies, descriptors, the run
//! directory. No test asserts a duration; timers that must not fire are long, those that must are short.

#![expect(clippy::unwrap_used, reason = "tests, whose helpers are not test functions")]

mod binaries;
mod confinement;
mod host;
mod model;
mod modes;
mod observe;
mod runs;
mod shared;
mod sinks;
mod support;

#[path = "../rogue/modes.rs"]
mod rogue;
