//! Bytes that are complete, in memory or in a file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::SpoolDir;

/// A file in the staging folder that goes when it is dropped.
#[derive(Debug)]
pub(crate) struct StagedFile(pub(crate) PathBuf);

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "cannot remove a staged graph; the next start will");
        }
    }
}

/// Complete bytes, cheap to clone; the file goes with the last clone.
#[derive(Debug, Clone)]
pub struct Blob(Arc<Store>);

#[derive(Debug)]
enum Store {
    Memory { bytes: Vec<u8>, dir: SpoolDir },
    File { file: StagedFile, len: u64 },
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

    pub(super) fn in_file(file: StagedFile, len: u64) -> Self {
        Self(Arc::new(Store::File { file, len }))
    }

    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        match &*self.0 {
            Store::Memory { bytes, .. } => bytes.len() as u64,
            Store::File { len, .. } => *len,
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is in a file.
    pub fn is_file(&self) -> bool {
        matches!(&*self.0, Store::File { .. })
    }

    /// Reads `range`; the file, if any, is open as long as the reader lives. A range beyond the end is an error.
    pub fn read(&self, range: Range<u64>) -> io::Result<BlobReader> {
        if range.start > range.end || range.end > self.len() {
            return Err(io::Error::other("a staged graph is shorter than expected"));
        }
        let file = match &*self.0 {
            Store::Memory { .. } => None,
            Store::File { file, .. } => {
                let mut opened = File::open(&file.0).map_err(|error| {
                    io::Error::new(error.kind(), format!("{}: {error}", file.0.display()))
                })?;
                opened.seek(SeekFrom::Start(range.start))?;
                Some(opened)
            }
        };
        Ok(BlobReader { blob: self.clone(), file, at: range.start, end: range.end })
    }
}

/// Reads part of a [`Blob`].
#[derive(Debug)]
pub struct BlobReader {
    blob: Blob,
    file: Option<File>,
    at: u64,
    end: u64,
}

impl Read for BlobReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = left.min(out.len());
        let out = &mut out[..wanted];
        let count = match (&*self.blob.0, &mut self.file) {
            (Store::Memory { bytes, .. }, _) => {
                let start = usize::try_from(self.at).map_err(io::Error::other)?;
                out.copy_from_slice(&bytes[start..start + wanted]);
                wanted
            }
            (Store::File { .. }, Some(file)) => file.read(out)?,
            (Store::File { .. }, None) => return Err(io::Error::other("a staged graph is not open")),
        };
        if count == 0 && wanted > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a staged graph was cut"));
        }
        self.at += count as u64;
        Ok(count)
    }
}
