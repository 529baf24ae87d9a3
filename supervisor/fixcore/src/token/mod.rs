//! Tokens (JWT, HS256) made from the pre-shared key.
//!
//! The key of a token is PBKDF2-HMAC-SHA256 of the pre-shared key with 100,000 rounds and a random salt, which
//! travels in the token's header. One derivation costs about 40 ms of CPU, so keys are kept: our own for an
//! hour, those of others in a small cache behind a budget.

mod budget;
mod key;
mod maker;
mod verify;

pub use maker::TokenMaker;
pub use verify::{BearerError, BearerVerifier, Claims};

pub(crate) use verify::{bearer_of, verify_token};

/// A token that is valid for five minutes, as another party would make it.
#[cfg(test)]
pub(crate) fn test_token(psk: &str, claims: serde_json::Value) -> String {
    let serde_json::Value::Object(claims) = claims else { panic!("claims are an object") };
    let salt = key::new_salt();
    maker::sign(&salt, &key::derive(&psk.into(), &salt), claims, jsonwebtoken::get_current_timestamp())
}
