//! What can go wrong on disk, as sentences with a remedy.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A trouble with the spool directory. The fault is the host's or the configuration's, never an account's.
#[derive(Debug, Error)]
pub enum SpoolError {
    /// The disk or the quota is full.
    #[error("no space left for {path}: free some, or move supervisor.spool_dir to a larger disk")]
    Full {
        /// What was written.
        path: PathBuf,
    },
    /// The file system cannot be written.
    #[error(
        "{path} is on a read-only file system: set supervisor.spool_dir to a directory that can be written"
    )]
    ReadOnly {
        /// What was written.
        path: PathBuf,
    },
    /// The user of this process may not.
    #[error("no permission for {path}: give it to the user that runs fixworker, or set supervisor.spool_dir")]
    Denied {
        /// What was opened.
        path: PathBuf,
    },
    /// A symlink or a file where the directory should be.
    #[error("the spool directory {path} is {what}: set supervisor.spool_dir to a real directory")]
    NotADirectory {
        /// The path.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// The directory belongs to somebody else.
    #[error(
        "the spool directory {path} belongs to user {owner}, not to user {user}: remove it, or set supervisor.spool_dir"
    )]
    ForeignOwner {
        /// The path.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// Others may enter the directory, and it holds files that are not ours.
    #[error(
        "the spool directory {path} is open to others (mode {mode:04o}) and holds other files: \
         use a directory of its own for supervisor.spool_dir, or close it with chmod 700"
    )]
    Open {
        /// The path.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Nobody knows whose the files in it are.
    #[error(
        "the directory {path} was not made by fixworker and holds {example:?}: nothing in it was touched; set \
         supervisor.spool_dir to a new or an empty directory"
    )]
    Foreign {
        /// The path.
        path: PathBuf,
        /// A file in it.
        example: String,
    },
    /// All graphs that wait together are too large.
    #[error(
        "the graphs that wait in {path} would take more than {limit} MiB: raise supervisor.spool_limit_mb if the disk \
         has room, or let fewer accounts run at once"
    )]
    Budget {
        /// What was written.
        path: PathBuf,
        /// What is allowed, in MiB.
        limit: u64,
    },
    /// Another worker has it.
    #[error(
        "another fixworker{} uses the spool directory {path}: stop it, or set supervisor.spool_dir",
        .pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    Locked {
        /// The path.
        path: PathBuf,
        /// The other process, if it has left its number.
        pid: Option<i32>,
    },
    /// Anything else.
    #[error("cannot use {path}: {source}")]
    Io {
        /// What was used.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl SpoolError {
    /// Sorts an I/O error at `path`.
    pub fn at(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { path }
            }
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::PermissionDenied => Self::Denied { path },
            _ => Self::Io { path, source },
        }
    }
}
