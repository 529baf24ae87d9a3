//! Bytes that are complete, in memory or in a file.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use super::SpoolDir;
use super::file::StagedFile;

/// Complete bytes, cheap to clone; the file goes with the last clone.
#[derive(Debug, Clone)]
pub struct Blob(Arc<Store>);

#[derive(Debug)]
enum Store {
    Memory { bytes: Vec<u8>, dir: SpoolDir },
    File(StagedFile),
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Self::Memory { bytes, dir } = self {
            dir.release(bytes.len());
        }
    }
}

impl Blob {
    /// Takes over `bytes`, which must have been reserved with `dir`.
    pub(super) fn in_memory(bytes: Vec<u8>, dir: SpoolDir) -> Self {
        Self(Arc::new(Store::Memory { bytes, dir }))
    }

    pub(super) fn in_file(file: StagedFile) -> Self {
        Self(Arc::new(Store::File(file)))
    }

    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        match &*self.0 {
            Store::Memory { bytes, .. } => bytes.len() as u64,
            Store::File(file) => file.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is in a file.
    pub fn is_file(&self) -> bool {
        matches!(&*self.0, Store::File(_))
    }

    /// Reads `range`. A range beyond the end is an error.
    pub fn read(&self, range: Range<u64>) -> io::Result<BlobReader> {
        if range.start > range.end || range.end > self.len() {
            return Err(io::Error::other("a staged graph is shorter than expected"));
        }
        Ok(BlobReader { blob: self.clone(), at: range.start, end: range.end })
    }
}

/// Reads part of a [`Blob`].
#[derive(Debug)]
pub struct BlobReader {
    blob: Blob,
    at: u64,
    end: u64,
}

impl Read for BlobReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = left.min(out.len());
        let out = &mut out[..wanted];
        let count = match &*self.blob.0 {
            Store::Memory { bytes, .. } => {
                let start = usize::try_from(self.at).map_err(io::Error::other)?;
                out.copy_from_slice(&bytes[start..start + wanted]);
                wanted
            }
            Store::File(file) => file.read_at(out, self.at)?,
        };
        if count == 0 && wanted > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a staged graph was cut"));
        }
        self.at += count as u64;
        Ok(count)
    }
}
