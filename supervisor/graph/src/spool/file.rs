//! Files of graphs that wait: they have no name, so that nobody can change after the check what is sent later.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

use super::SpoolDir;

/// A file without a name, and what it counts in the budget of the spool. Both go with it.
#[derive(Debug)]
pub(super) struct StagedFile {
    file: File,
    dir: SpoolDir,
    len: u64,
}

impl StagedFile {
    pub(super) fn new(file: File, dir: SpoolDir) -> Self {
        Self { file, dir, len: 0 }
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// So many bytes more are written.
    pub(super) fn grew(&mut self, bytes: u64) {
        self.len += bytes;
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        self.dir.release_disk(self.len);
    }
}

/// Makes a file in `folder` that has no name, or none any more when this returns.
pub(super) fn nameless(folder: &Path, number: u64) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    #[cfg(target_os = "linux")]
    match options.clone().custom_flags(OFlag::O_TMPFILE.bits()).open(folder) {
        // File systems and kernels without such files.
        Err(error) if matches!(error.raw_os_error(), Some(nix::libc::EOPNOTSUPP | nix::libc::EISDIR)) => {}
        result => return result,
    }
    let path = folder.join(format!("{number:08}"));
    let file = options.create_new(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
