//! A growing buffer that moves to a file when it gets large, or when memory gets short.

use super::file::{PLACE, StagedFile};
use super::{Blob, SpoolDir, SpoolError};

/// Memory is reserved in steps of this many bytes.
const RESERVE_STEP: usize = 64 << 10;

/// Bytes appended to memory first, then to a file. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct SpoolBuffer {
    dir: SpoolDir,
    tail: Vec<u8>,
    file: Option<StagedFile>,
    reserved: usize,
}

impl SpoolBuffer {
    /// An empty buffer; no file is made yet.
    pub fn new(dir: &SpoolDir) -> Self {
        Self { dir: dir.clone(), tail: Vec::new(), file: None, reserved: 0 }
    }

    /// How many bytes were written.
    pub fn len(&self) -> u64 {
        self.file.as_ref().map_or(0, StagedFile::len) + self.tail.len() as u64
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
            return self.flush();
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
        self.dir.release(std::mem::take(&mut self.reserved));
        Ok(())
    }

    /// Writes what fills whole places; the rest waits for more.
    fn flush(&mut self) -> Result<(), SpoolError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let whole = self.tail.len() - self.tail.len() % PLACE;
        if whole == 0 {
            return Ok(());
        }
        for place in self.tail[..whole].chunks(PLACE) {
            file.append(place)?;
        }
        self.tail.drain(..whole);
        // A line can be long; what it took is not needed for the next.
        if self.tail.capacity() > 2 * PLACE {
            self.tail.shrink_to(PLACE);
        }
        Ok(())
    }

    /// Ends writing.
    pub fn finish(mut self) -> Result<Blob, SpoolError> {
        self.flush()?;
        if let Some(mut file) = self.file.take() {
            if !self.tail.is_empty() {
                file.append(&self.tail)?;
            }
            return Ok(Blob::in_file(file));
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
