//! Collectors that need no cloud.
//!
//! - `example`: a small graph that never changes
//! - `random`: an estate made up from a seed, as large as wanted
//! - `file`: accounts that were exported elsewhere

mod example;
mod file;
mod graph;
mod imaginary;
mod random;

#[cfg(test)]
mod testing;

pub use example::Example;
pub use file::FileCollector;
pub use random::Random;
