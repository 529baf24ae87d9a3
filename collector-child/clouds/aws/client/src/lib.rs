//! Signed calls to AWS: credentials, endpoints, retries.
//!
//! [`Client`] is one per process, [`Session`] are credentials, [`Client::call`] is one call and
//! [`Client::pages`] a listing. Services, operations, parameters and answers have the names that boto3 shows;
//! what they look like on the wire is the business of [`shapes`].
//!
//! A call goes through these hands: `asked` finds the operation, [`http_client::Hub`] decides about attempts; `attempt`
//! finds the host (`endpoint`), signs (the crate `s3`), sends, and reads the answer; `classify` says what it means if it is none,
//! and `hint` what to do about it.

use http_client::CallPlace;

mod asked;
mod attempt;
mod classify;
mod client;
mod credentials;
mod endpoint;
mod environment;
mod hint;
#[cfg(test)]
mod tests;

pub use client::{Client, Target};
pub use credentials::{
    Given, Giver, HandedOver, Login, Role, Session, account_of_role, account_told, expect_account,
};
pub use http_client::{
    Budgets, CallError, Class, CredentialsTrouble, LeftOut, Limits, Pages, RetryPolicy, ServiceCounters,
    Settings, Trouble,
};

/// A call to AWS, before it is known which.
const PLACE: CallPlace<'static> =
    CallPlace { account: "", region: "", service: "", operation: "", advisor: hint::ADVISOR };
