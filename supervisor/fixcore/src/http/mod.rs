//! The HTTP calls of fixcore.

pub mod answer;
pub mod client;
pub mod config;
pub mod error;
pub mod graph;
pub mod merge;
pub mod model_parts;
pub mod search;
pub mod subscribe;
pub mod system;

mod transport;
mod upload;

#[cfg(test)]
mod tests;
