//! Calls to clouds that speak JSON over HTTPS.
//!
//! # What it does
//!
//! ```text
//! call of a table --request (pure)--> method, address, body --Auth--> http-client: budgets, retries
//!                                                                        |
//!   answer or CallError <--answer (pure): codes, messages, classes-------+
//!   next page <--paging (pure): token, number, link, header
//! ```
//!
//! Everything that is told of a cloud is data: base addresses, errors and pages are in its `cloud.toml`
//! ([`tables::plan::CloudPlan`]), operations are their method and path, or shapes. What is left to the cloud is who it is: an
//! [`Auth`].
//!
//! # Invariants
//!
//! - The crate knows no cloud.
//! - Credentials go to the host of their service only: no redirect is followed, and a next page, or an address in an answer,
//!   on another host is refused.
//! - A listing ends: tokens and addresses that came before, the same page again and again, and endless empty pages are errors.
//! - A service that has said for how long nothing more is allowed is not asked before.
//! - Secrets are in no error, log or `Debug`.

mod allowance;
mod answer;
mod attempt;
mod auth;
mod built;
mod change;
mod changes;
mod client;
mod handed;
mod operation;
mod pages;
mod paging;
mod request;
mod rest;
mod shaped;
mod token;
mod waits;

pub use auth::{Auth, Basic, Bearer, Header};
pub use built::Built;
pub use change::TableChanger;
pub use changes::{Door, TableChanges};
pub use client::{Measure, TableClient};
pub use handed::{GotToken, Handed, hand_over};
pub use pages::Pages;
pub use rest::{Asked, Endpoints, Rest};
pub use token::Tokens;
