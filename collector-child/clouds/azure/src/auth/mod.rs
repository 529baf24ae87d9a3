//! Credentials of Microsoft Azure: where they are looked for, what is asked for a token, and the tokens.

mod cli;
mod grant;
mod sources;
mod tokens;

pub use sources::{Source, Variable};
pub use tokens::{Credentials, Scoped};
