//! Why a process could not be started.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::libc;
use thiserror::Error;

/// The operating system did not start the child.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// There is no such file.
    #[error("the collector program {0:?} does not exist")]
    Missing(PathBuf),
    /// The file exists, but the interpreter or loader that it names does not.
    #[error("the collector program {0:?} exists, but its interpreter or loader does not")]
    Interpreter(PathBuf),
    /// It may not be executed.
    #[error("the collector program {0:?} is not executable")]
    NotExecutable(PathBuf),
    /// It is not a program of this machine.
    #[error("the collector program {0:?} is not a program for this machine (wrong architecture?)")]
    Format(PathBuf),
    /// The host is out of processes, memory or descriptors.
    #[error("the host cannot start another process: {0}")]
    Exhausted(io::Error),
    /// The kernel did not answer in time.
    #[error("the collector program did not start within {} s", .0.as_secs_f64())]
    Slow(Duration),
    /// Its connection could not be made.
    #[error("cannot make the connection of a child: {0}")]
    Socket(io::Error),
    /// Anything else.
    #[error("the collector program {path:?} does not start: {source}")]
    Other {
        /// The program.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl SpawnError {
    /// Sorts what the operating system said.
    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        let owned = path.to_owned();
        match source.raw_os_error() {
            Some(libc::ENOENT) if path.exists() => Self::Interpreter(owned),
            Some(libc::ENOENT) => Self::Missing(owned),
            Some(libc::EACCES | libc::EPERM | libc::EISDIR) => Self::NotExecutable(owned),
            Some(libc::ENOEXEC) => Self::Format(owned),
            Some(libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => Self::Exhausted(source),
            _ => Self::Other { path: owned, source },
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Missing(_) => "install fix-collector beside fixworker, or name it with --collector-bin",
            Self::Interpreter(_) => {
                "check the first line of the script, or the libc the program was built for"
            }
            Self::NotExecutable(path) => {
                return Some(format!(
                    "chmod +x {}, and check that its file system is not mounted noexec",
                    path.display()
                ));
            }
            Self::Format(_) => "install the build of fix-collector for this architecture",
            Self::Exhausted(_) => {
                "lower the pool sizes, or raise the limits of the host (ulimit -u, ulimit -n)"
            }
            Self::Slow(_) => "check the file system that holds the program",
            Self::Socket(_) => "raise the limit of open files (ulimit -n)",
            Self::Other { .. } => return None,
        };
        Some(text.to_owned())
    }
}
