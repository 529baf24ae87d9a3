//! The built-in collectors: those that need no cloud.
//!
//! - `example`: a small graph that never changes
//! - `random`: an estate made up from a seed, as large as wanted
//! - `file`: accounts that were exported elsewhere

mod aws;
mod example;
mod file;
mod graph;
mod imaginary;
mod random;

#[cfg(test)]
mod testing;

use crate::collector::Collector;

/// All collectors of this build.
pub fn all() -> Vec<Box<dyn Collector>> {
    vec![
        Box::new(aws::Aws::default()),
        Box::new(example::Example::default()),
        Box::new(random::Random::default()),
        Box::new(file::FileCollector::default()),
    ]
}
