//! Tools for end-to-end tests: the real fixcore, the two binaries, and eyes on the processes they make.
//!
//! Everything here panics with a sentence instead of returning errors: the caller is a test. Whatever a test
//! starts, it ends, also when it panics or is killed: each process runs on a [`process`] leash, and a
//! [`scratch::Scratch`] directory takes down every process that names it on its command line.
//!
//! | module | what |
//! |---|---|
//! | [`binaries`] | where the binaries are; builds them if they are missing |
//! | [`requirements`] | the Python environment; skips a test without it, fails under `CI=true` |
//! | [`core`] | a fixcore of one's own: start, restart, look inside, make it misbehave |
//! | [`aws`] | mock clouds of AWS, and the child alone in them |
//! | [`gcp`] | the fake Google Cloud, with credentials for it |
//! | [`rest`] | fakes of clouds that speak plain JSON, and the child alone in them |
//! | [`worker`] | the daemon |
//! | [`oneshot`] | `fixworker collect` and `fix-collector` |
//! | [`graph`] | exports and stored graphs, compared |
//! | [`estate`] | resources in fixcore that nobody has collected, for cleanup |
//! | [`fake_aws`] | a cloud that answers from memory after a fixed time, for the bench |
//! | [`expect`], [`rogue`] | what each rogue child does, and what must come of it |
//! | [`process`], [`procfs`], [`scratch`], [`wait`], [`http`], [`mount`] | the ground below |

pub mod aws;
pub mod azure;
pub mod binaries;
pub mod core;
pub mod estate;
pub mod expect;
pub mod fake_aws;
pub mod gcp;
pub mod graph;
pub mod http;
pub mod mount;
pub mod oneshot;
pub mod process;
pub mod procfs;
pub mod recording;
pub mod requirements;
pub mod rest;
pub mod rogue;
pub mod scratch;
pub mod wait;
pub mod worker;
