//! Where graphs wait on disk: one file for all of them, so that they need one descriptor however many they are. It has no
//! name, so that nobody can change after the check what is sent later.
//!
//! The file is divided into places of the same size. What is let go is used again, and when nobody needs any of it
//! the file is emptied.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::OFlag;

use super::{SpoolDir, SpoolError};

/// Bytes of one place, and of a write.
pub(super) const PLACE: usize = 128 << 10;

/// The file.
#[derive(Debug)]
pub(super) struct Arena {
    file: File,
    places: Mutex<Places>,
}

/// Which places are in use.
#[derive(Debug, Default)]
struct Places {
    /// Behind the last one that was ever used.
    end: u32,
    free: Vec<u32>,
}

impl Places {
    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.end += 1;
            self.end - 1
        })
    }

    /// Says whether none is in use any more.
    fn give_back(&mut self, places: &[u32]) -> bool {
        self.free.extend_from_slice(places);
        let is_empty = self.free.len() == self.end as usize && self.end > 0;
        if is_empty {
            *self = Self::default();
        }
        is_empty
    }
}

impl Arena {
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self { file: nameless(folder)?, places: Mutex::default() })
    }

    fn take(&self) -> u32 {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn give_back(&self, places: &[u32]) {
        let mut all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if all.give_back(places) {
            // Under the lock: nobody may have a new place yet. What cannot be freed is used again.
            let _best_effort = self.file.set_len(0);
        }
    }
}

/// A part of the file, and what it counts in the budget of the spool. Both go with it.
#[derive(Debug)]
pub(super) struct StagedFile {
    arena: Arc<Arena>,
    dir: SpoolDir,
    places: Vec<u32>,
    len: u64,
}

impl StagedFile {
    pub(super) fn new(arena: Arc<Arena>, dir: SpoolDir) -> Self {
        Self { arena, dir, places: Vec::new(), len: 0 }
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Adds a whole place, or less as the last one.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        debug_assert!(bytes.len() <= PLACE && self.len == (self.places.len() * PLACE) as u64);
        let count = bytes.len() as u64;
        self.dir.reserve_disk(count)?;
        self.len += count;
        let place = self.arena.take();
        self.places.push(place);
        let written = self.arena.file.write_all_at(bytes, start_of(place));
        written.map_err(|error| SpoolError::at(&self.dir.staging(), error))
    }

    /// Reads at most to the end of a place.
    pub(super) fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        let size = PLACE as u64;
        let place = usize::try_from(at / size).ok().and_then(|index| self.places.get(index));
        let Some(place) = place else { return Ok(0) };
        let inside = at % size;
        let left = usize::try_from(size - inside).unwrap_or(PLACE).min(out.len());
        self.arena.file.read_at(&mut out[..left], start_of(*place) + inside)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        self.dir.release_disk(self.len);
        self.arena.give_back(&self.places);
    }
}

fn start_of(place: u32) -> u64 {
    u64::from(place) * PLACE as u64
}

/// Makes a file in `folder` that has no name, or none any more when this returns.
fn nameless(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    #[cfg(target_os = "linux")]
    match options.clone().custom_flags(OFlag::O_TMPFILE.bits()).open(folder) {
        // File systems and kernels without such files.
        Err(error) if matches!(error.raw_os_error(), Some(nix::libc::EOPNOTSUPP | nix::libc::EISDIR)) => {}
        result => return result,
    }
    let path = folder.join("00000000");
    let file = options.create_new(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_the_last_one_empties_the_file() {
        let mut places = Places::default();
        assert_eq!([places.take(), places.take(), places.take()], [0, 1, 2]);
        assert!(!places.give_back(&[1]));
        assert_eq!([places.take(), places.take()], [1, 3]);
        assert!(!places.give_back(&[0, 1]));
        assert!(!places.give_back(&[]));
        assert!(places.give_back(&[3, 2]));
        assert_eq!(places.take(), 0);
    }
}
