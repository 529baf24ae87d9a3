//! The private directory of the sockets.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use thiserror::Error;

use crate::random;

/// `sun_path` holds 108 bytes with the final zero.
const MAX_SOCKET_PATH: usize = 107;
const SUFFIX: &str = ".sock";

/// Why the directory cannot be used.
#[derive(Debug, Error)]
pub enum RunDirError {
    /// Making, reading or cleaning it failed.
    #[error("cannot use the run directory {path:?}: {source}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Somebody put a symbolic link or a file there.
    #[error("the run directory {0:?} is not a directory of its own; remove it or choose another")]
    NotADirectory(PathBuf),
    /// It belongs to somebody else.
    #[error("the run directory {path:?} belongs to user {owner}, not to user {ours}; choose another")]
    Owner {
        /// The directory.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who we are.
        ours: u32,
    },
    /// Others may look into it.
    #[error("the run directory {path:?} has mode {mode:04o}, but only its owner may enter it: chmod 0700 it")]
    Mode {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Socket names do not fit.
    #[error("the run directory {0:?} is too long for a socket name (107 bytes in all); choose a shorter one")]
    TooLong(PathBuf),
}

/// A directory that only this user can enter.
#[derive(Debug, Clone)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// Makes the directory (its parent must exist), or checks that what is there is safe to use, and removes
    /// sockets that a dead supervisor left.
    pub fn open(path: &Path) -> Result<Self, RunDirError> {
        let io = |source| RunDirError::Io { path: path.to_owned(), source };
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io(error)),
            Ok(()) | Err(_) => check(path)?,
        }
        let dir = Self(path.to_owned());
        if dir.0.join(name([0xff; 8])).as_os_str().len() > MAX_SOCKET_PATH {
            return Err(RunDirError::TooLong(dir.0));
        }
        dir.sweep().map_err(io)?;
        Ok(dir)
    }

    /// A path that nobody can guess and that does not exist.
    pub(crate) fn socket_path(&self) -> io::Result<PathBuf> {
        Ok(self.0.join(name(random::bytes::<8>()?)))
    }

    /// Removes sockets without a listener. Living ones answer a connection, so another supervisor that shares
    /// the directory keeps its own.
    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let ours = entry.file_name().to_str().is_some_and(|name| name.ends_with(SUFFIX));
            if ours && entry.file_type()?.is_socket() && is_dead(&entry.path()) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn name(bytes: [u8; 8]) -> String {
    format!("{:016x}{SUFFIX}", u64::from_le_bytes(bytes))
}

fn check(path: &Path) -> Result<(), RunDirError> {
    let meta =
        fs::symlink_metadata(path).map_err(|source| RunDirError::Io { path: path.to_owned(), source })?;
    let ours = geteuid().as_raw();
    if !meta.is_dir() {
        return Err(RunDirError::NotADirectory(path.to_owned()));
    }
    if meta.uid() != ours {
        return Err(RunDirError::Owner { path: path.to_owned(), owner: meta.uid(), ours });
    }
    match meta.mode() & 0o7777 {
        mode if mode & 0o077 != 0 => Err(RunDirError::Mode { path: path.to_owned(), mode }),
        _ => Ok(()),
    }
}

fn is_dead(path: &Path) -> bool {
    matches!(UnixStream::connect(path), Err(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn makes_a_private_directory_and_opens_it_again() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run");
        RunDir::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        RunDir::open(&path).unwrap();
    }

    #[test]
    fn refuses_a_symlink_a_file_and_an_open_directory() {
        let temp = tempfile::tempdir().unwrap();
        let target = temp.path().join("target");
        RunDir::open(&target).unwrap();
        let link = temp.path().join("link");
        symlink(&target, &link).unwrap();
        assert!(matches!(RunDir::open(&link), Err(RunDirError::NotADirectory(_))));

        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(RunDir::open(&file), Err(RunDirError::NotADirectory(_))));

        fs::set_permissions(&target, fs::Permissions::from_mode(0o750)).unwrap();
        let error = RunDir::open(&target).unwrap_err();
        assert!(matches!(error, RunDirError::Mode { mode: 0o750, .. }));
        assert!(error.to_string().contains("chmod 0700"), "{error}");
    }

    #[test]
    fn refuses_a_missing_parent_and_a_long_path() {
        let temp = tempfile::tempdir().unwrap();
        assert!(matches!(RunDir::open(&temp.path().join("a/b")), Err(RunDirError::Io { .. })));
        let long = temp.path().join("x".repeat(100));
        assert!(matches!(RunDir::open(&long), Err(RunDirError::TooLong(_))));
    }

    #[test]
    fn sweeps_dead_sockets_only() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run");
        RunDir::open(&path).unwrap();
        drop(UnixListener::bind(path.join("dead.sock")).unwrap());
        let living = UnixListener::bind(path.join("living.sock")).unwrap();
        fs::write(path.join("file.sock"), "").unwrap();
        RunDir::open(&path).unwrap();
        let mut left: Vec<_> = fs::read_dir(&path).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["file.sock", "living.sock"]);
        drop(living);
    }
}
