//! The client of fixcore: the only place of the supervisor that speaks its protocol.
//!
//! # How a session goes
//!
//! 1. [`connect`] waits until fixcore is ready, builds the trust (fixcore's own
//!    certificate authority, checked with the pre-shared key, plus the roots of the platform), has a
//!    certificate signed for our web server, and proves that fixcore accepts our tokens.
//! 2. [`CoreClient`] makes the HTTP calls: config, models, merges, subscriptions.
//! 3. Three websockets live on their own and come back by themselves: [`ws::actions`], [`ws::events`] and
//!    [`ws::work_queue`]. All are one [`ws::link`] with a different head on it.
//!
//! # Where things are
//!
//! ```text
//! endpoint    where fixcore is and how to trust it          token/     JWT by pre-shared key, both ways
//! bootstrap   the sequence before the first call            tls/       trust, CSR, keys, identity, renewal
//! http/       calls and their errors                        ws/        link state machine and its heads
//! messages/   texts on the websockets, pure                 proxy      environment proxies
//! subscriber  our names there
//! ```
//!
//! # Rules
//!
//! - The pre-shared key never leaves as itself: every request carries a new token that lives five minutes.
//! - Nothing from fixcore is parsed before its size is known to be within a limit.
//! - One TLS stack: rustls with aws-lc-rs. [`tls::install_default`] is idempotent.
//! - A certificate that does not verify is never talked around. If fixcore has a new authority (a database
//!   started afresh), the pre-shared key is what proves it.

pub mod bootstrap;
pub mod endpoint;
mod host;
pub mod http;
pub mod messages;
pub mod proxy;
mod subscriber;
pub mod tls;
pub mod token;
pub mod ws;

pub use bootstrap::{ConnectError, ConnectOptions, Connected, connect};
pub use endpoint::{Endpoint, EndpointError, IdentityFiles, VerifyMode};
pub use http::client::CoreClient;
pub use http::error::CoreError;
pub use subscriber::Subscriber;

/// Stops tasks of this crate: the websockets and the renewal of the certificate.
pub use tokio_util::sync::CancellationToken;

#[cfg(test)]
mod fake_core;
