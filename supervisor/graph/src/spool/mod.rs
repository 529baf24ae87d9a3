//! The directory on disk for graphs on their way, and for the journal.

mod blob;
mod buffer;
mod dir;
mod error;
mod file;
mod place;

pub use blob::{Blob, BlobReader};
pub use buffer::SpoolBuffer;
pub use dir::{MemoryLimits, SpoolDir};
pub use error::SpoolError;
pub use place::{SpoolEnv, spool_path, temporary_spool_path};
