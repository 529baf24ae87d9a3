//! Collectors that need no cloud.
//!
//! - `example`: a small graph that never changes
//! - `random`: an estate made up from a seed, as large as wanted
//! - `file`: accounts that were exported elsewhere
//! - programs that speak JSON lines, each as a collector of its own name

mod example;
mod external;
mod file;
mod graph;
mod imaginary;
mod random;

#[cfg(test)]
mod testing;

pub use example::Example;
pub use external::{External, externals, folder};
pub use file::FileCollector;
pub use random::Random;
