//! Signed calls to AWS: credentials, endpoints, retries.
//!
//! [`Client`] is one per process, [`Session`] are credentials, [`Client::call`] is one call and
//! [`Client::pages`] a listing. Services, operations, parameters and answers have the names that boto3 shows;
//! what they look like on the wire is the business of [`shapes`].
//!
//! A call goes through these hands: `call` waits for its lane (`budget`) and decides about attempts
//! (`retry`: attempts, pace, quota, services that are given up); `attempt` finds the host (`endpoint`), signs (`sign`), sends (`transport`) and reads the answer;
//! `error` says what it means if it is none. Whatever decides is a plain function of plain data, with time and
//! chance passed in.

mod attempt;
mod budget;
mod call;
mod chance;
mod client;
mod clock;
mod counters;
mod credentials;
mod endpoint;
mod environment;
mod error;
mod pages;
mod retry;
mod sign;
#[cfg(test)]
mod tests;
mod transport;

pub use budget::Budgets;
pub use client::{Client, Settings, Target};
pub use counters::ServiceCounters;
pub use credentials::{Login, Role, Session};
pub use error::{CallError, Class, CredentialsTrouble, Trouble};
pub use pages::Pages;
pub use retry::RetryPolicy;
pub use transport::Limits;
