//! Calls over HTTPS to any cloud: connections, budgets, retries, pages, classes of errors.
//!
//! # What it does
//!
//! ```text
//! client of a cloud --Exchange--> Hub::call: lane (budget), pace, attempts (retry), quota, what is given up
//!        ^  one attempt: sign, Hub::send, read the answer     |
//!        |                                                    v
//!   CallError (class, place, advice) <--- Outcome of each attempt
//! ```
//!
//! A [`Hub`] is one per process: what all calls share. Who knows a cloud says in an [`Exchange`] how one attempt goes;
//! everything about attempts is decided here. [`Pages`] makes a listing of calls. Whatever decides is a plain function of
//! plain data, with time and chance passed in.
//!
//! # Invariants
//!
//! - The crate knows no cloud and no credentials.
//! - Nothing is allocated in advance for what an answer announces; an answer has a limit in bytes and in time.
//! - Messages of a cloud are cut and cleaned where they come in.

mod budget;
mod call;
mod chance;
mod clock;
mod counters;
mod error;
mod freshness;
mod hub;
mod oddities;
mod pages;
mod retry;
mod road;
pub mod tape;
mod throttled;
mod transport;
mod turns;

pub use budget::{Budgets, Lane};
pub use call::{BoxFuture, Call, Exchange, Failed, Outcome, Queue};
pub use clock::{Clock, clock_is};
pub use counters::ServiceCounters;
pub use error::{
    Advisor, CallError, CallPlace, Class, CredentialsTrouble, Trouble, Verdict, is_about_what_is_not_there,
};
pub use freshness::{Freshness, Use};
pub use hub::{Hub, Settings};
pub use oddities::LeftOut;
pub use pages::{Listing, Pages, Source};
pub use retry::{Cause, Key, RetryPolicy, ordered_wait};
pub use road::Permit;
pub use transport::{
    Answer, CaBundle, ClientCertificate, Limits, Roots, Server, Transport, TransportTrouble, span,
};

/// How requests introduce the program.
pub const AGENT: &str = concat!("fix-collector/", env!("CARGO_PKG_VERSION"));
