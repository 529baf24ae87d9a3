//! A growing buffer that moves to a file when it gets large, or when memory gets short.

use std::io::Write;

use super::file::StagedFile;
use super::{Blob, SpoolDir, SpoolError};

/// Bytes gathered between two writes to the file.
const WRITE_SIZE: usize = 128 << 10;
/// Memory is reserved in steps of this many bytes.
const RESERVE_STEP: usize = 64 << 10;

/// Bytes appended to memory first, then to a file. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct SpoolBuffer {
    dir: SpoolDir,
    tail: Vec<u8>,
    file: Option<StagedFile>,
    flushed: u64,
    reserved: usize,
}

impl SpoolBuffer {
    /// An empty buffer; no file is made yet.
    pub fn new(dir: &SpoolDir) -> Self {
        Self { dir: dir.clone(), tail: Vec::new(), file: None, flushed: 0, reserved: 0 }
    }

    /// How many bytes were written.
    pub fn len(&self) -> u64 {
        self.flushed + self.tail.len() as u64
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has moved to a file.
    pub fn is_spilled(&self) -> bool {
        self.file.is_some()
    }

    /// Appends what `write` adds to the buffer it gets, which must not be shortened.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), SpoolError> {
        write(&mut self.tail);
        if self.file.is_some() {
            return if self.tail.len() < WRITE_SIZE { Ok(()) } else { self.flush() };
        }
        if self.tail.len() <= self.reserved {
            return Ok(());
        }
        let wanted = self.tail.len().next_multiple_of(RESERVE_STEP);
        if wanted <= self.dir.limits().per_buffer && self.dir.reserve(wanted - self.reserved) {
            self.reserved = wanted;
            return Ok(());
        }
        self.spill()
    }

    fn spill(&mut self) -> Result<(), SpoolError> {
        self.file = Some(self.dir.create_staged()?);
        self.flush()?;
        self.tail = Vec::with_capacity(WRITE_SIZE);
        self.dir.release(std::mem::take(&mut self.reserved));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SpoolError> {
        if let Some(staged) = &mut self.file {
            let bytes = self.tail.len() as u64;
            self.dir.reserve_disk(bytes)?;
            staged.grew(bytes);
            staged
                .file()
                .write_all(&self.tail)
                .map_err(|error| SpoolError::at(&self.dir.staging(), error))?;
            self.flushed += bytes;
            self.tail.clear();
        }
        Ok(())
    }

    /// Ends writing.
    pub fn finish(mut self) -> Result<Blob, SpoolError> {
        self.flush()?;
        let len = self.len();
        if let Some(file) = self.file.take() {
            return Ok(Blob::in_file(file, len));
        }
        let mut bytes = std::mem::take(&mut self.tail);
        bytes.shrink_to_fit();
        self.dir.release(self.reserved.saturating_sub(bytes.len()));
        self.reserved = 0;
        Ok(Blob::in_memory(bytes, self.dir.clone()))
    }
}

impl Drop for SpoolBuffer {
    fn drop(&mut self) {
        self.dir.release(self.reserved);
    }
}
