//! Credentials: where they come from, kept and renewed.
//!
//! `chain` has the order of the places; `plan` says what a profile means. Whatever asks STS goes through our own
//! client, so that region, endpoint and retries are those of all calls; single sign-on, programs and the reading of
//! the files are the SDK's.

mod chain;
mod container;
mod given;
mod helpers;
mod instance;
mod owner;
mod plan;
mod role;
mod sdk;
mod served;
mod session;
mod web_identity;
mod whose;

use std::fmt;

use zeroize::Zeroizing;

pub(crate) use chain::Chain;
pub(crate) use given::GivenSource;
pub use given::{Given, Giver, HandedOver};
pub(crate) use role::STS_INACTIVE;
pub use role::{Role, account_of_role};
pub use session::Session;
pub(crate) use session::{Signer, Source};
pub use whose::{account_told, expect_account};

/// What a session begins with.
#[derive(Clone, Default)]
pub enum Login {
    /// What the environment has, in the SDKs' order: variables, profile files, web identity, container,
    /// instance.
    #[default]
    Environment,
    /// A profile of the profile files; variables with keys are not looked at.
    Profile(String),
    /// Keys from the configuration.
    Keys {
        /// `aws.access_key_id`
        access_key_id: String,
        /// `aws.secret_access_key`
        secret_access_key: Zeroizing<String>,
    },
    /// Credentials that another process has made; there are no others here.
    Given(Given),
}

/// Shows whose keys they are, never the secret.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("Environment"),
            Self::Given(_) => f.write_str("Given"),
            Self::Profile(name) => f.debug_tuple("Profile").field(name).finish(),
            Self::Keys { access_key_id, .. } => {
                f.debug_struct("Keys").field("access_key_id", access_key_id).finish_non_exhaustive()
            }
        }
    }
}
