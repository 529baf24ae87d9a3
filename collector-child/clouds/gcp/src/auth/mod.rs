//! Who asks: credentials of Google Cloud and the tokens that are got for them.
//!
//! ```text
//! setting, environment --sources--> file --key (pure)--> Source --grant (pure)--> request for a token
//!                                                          tokens: fetch, keep, renew --> Authorization: Bearer
//! ```
//!
//! Five grants on one POST: the signed statement of a service account, the refresh token of a person, the exchange of a token of
//! another identity provider, impersonation, and the metadata server of the machine.

mod address;
mod grant;
mod key;
mod sources;
mod tokens;

pub use sources::Variable;
pub use tokens::Credentials;
