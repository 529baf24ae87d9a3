//! The directory itself: owner, mode, lock, sweep.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::unistd::Uid;

use super::SpoolError;

const LOCK: &str = "lock";
const STAGING: &str = "staging";
const TEMPORARY: &str = ".tmp";

/// How much of the graphs may stay in memory instead of in files.
#[derive(Debug, Clone, Copy)]
pub struct MemoryLimits {
    /// One buffer goes to a file above this, in bytes.
    pub per_buffer: usize,
    /// All buffers and committed graphs together, in bytes; the next one that grows goes to a file.
    pub total: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { per_buffer: 2 << 20, total: 12 << 20 }
    }
}

/// The spool directory, locked for this process as long as a clone of it lives.
#[derive(Debug, Clone)]
pub struct SpoolDir(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    limits: MemoryLimits,
    in_memory: AtomicUsize,
    next_file: AtomicU64,
    _lock: Flock<File>,
}

impl SpoolDir {
    /// Opens or makes the directory at `path`, locks it, and removes what an earlier process has left staged.
    ///
    /// The directory gets mode 0700. A symlink, another owner, or a directory that is open to others and holds
    /// files of somebody else is refused.
    pub fn open(path: &Path, limits: MemoryLimits) -> Result<Self, SpoolError> {
        make_private_dir(path)?;
        let lock = lock(path)?;
        let dir = Self(Arc::new(Inner {
            path: path.to_owned(),
            limits,
            in_memory: AtomicUsize::new(0),
            next_file: AtomicU64::new(0),
            _lock: lock,
        }));
        dir.sweep()?;
        Ok(dir)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Bytes of graphs that are held in memory now.
    pub fn in_memory(&self) -> usize {
        self.0.in_memory.load(Ordering::Relaxed)
    }

    pub(crate) fn limits(&self) -> MemoryLimits {
        self.0.limits
    }

    /// Adds `bytes` to what is held in memory, or refuses.
    pub(crate) fn reserve(&self, bytes: usize) -> bool {
        let total = self.0.limits.total;
        let add = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= total);
        self.0.in_memory.try_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    pub(crate) fn release(&self, bytes: usize) {
        self.0.in_memory.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Makes a new file for staging.
    pub(crate) fn create_staged(&self) -> Result<(PathBuf, File), SpoolError> {
        let number = self.0.next_file.fetch_add(1, Ordering::Relaxed);
        let path = self.0.path.join(STAGING).join(format!("{number:08}"));
        let file =
            private_file().create_new(true).open(&path).map_err(|error| SpoolError::at(&path, error))?;
        Ok((path, file))
    }

    /// Opens `name` in the directory for appending, making it if needed.
    pub fn append_to(&self, name: &str) -> Result<(PathBuf, File), SpoolError> {
        let path = self.0.path.join(name);
        let file = private_file().append(true).create(true).open(&path);
        Ok((path.clone(), file.map_err(|error| SpoolError::at(&path, error))?))
    }

    /// Reads the whole of `name`, at most `cap` bytes; `None` if there is no such file.
    pub fn read(&self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, SpoolError> {
        let path = self.0.path.join(name);
        let mut bytes = Vec::new();
        let read = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&path)
            .and_then(|file| file.take(cap).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SpoolError::at(&path, error)),
        }
    }

    /// Replaces `name` by `content` in one step that survives a crash.
    pub fn replace(&self, name: &str, content: &[u8]) -> Result<(), SpoolError> {
        let temporary = self.0.path.join(format!("{name}{TEMPORARY}"));
        let path = self.0.path.join(name);
        let write = || {
            let mut file = private_file().create(true).truncate(true).open(&temporary)?;
            file.write_all(content)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &path)?;
            File::open(&self.0.path)?.sync_all()
        };
        write().map_err(|error| SpoolError::at(&path, error))
    }

    fn sweep(&self) -> Result<(), SpoolError> {
        let staging = self.0.path.join(STAGING);
        make_private_dir(&staging)?;
        for entry in read_dir(&staging)? {
            remove(&entry)?;
        }
        for entry in read_dir(&self.0.path)? {
            if entry.to_string_lossy().ends_with(TEMPORARY) {
                remove(&entry)?;
            }
        }
        Ok(())
    }
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    options
}

fn read_dir(path: &Path) -> Result<Vec<PathBuf>, SpoolError> {
    let entries =
        std::fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    entries.map_err(|error| SpoolError::at(path, error))
}

fn remove(path: &Path) -> Result<(), SpoolError> {
    let is_dir = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_dir { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    removed.map_err(|error| SpoolError::at(path, error))
}

fn make_private_dir(path: &Path) -> Result<(), SpoolError> {
    let sort = |error| SpoolError::at(path, error);
    match path.symlink_metadata() {
        Ok(metadata) => return check_private_dir(path, &metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(sort(error)),
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(sort)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(sort(error)),
        // Somebody may have been faster: look at what is there now.
        _ => {}
    }
    check_private_dir(path, &path.symlink_metadata().map_err(sort)?)
}

fn check_private_dir(path: &Path, metadata: &std::fs::Metadata) -> Result<(), SpoolError> {
    let user = Uid::effective().as_raw();
    let not_a_directory = |what| Err(SpoolError::NotADirectory { path: path.to_owned(), what });
    if metadata.is_symlink() {
        return not_a_directory("a symlink");
    }
    if !metadata.is_dir() {
        return not_a_directory("a file");
    }
    if metadata.uid() != user {
        return Err(SpoolError::ForeignOwner { path: path.to_owned(), owner: metadata.uid(), user });
    }
    let mode = metadata.mode() & 0o7777;
    let for_others = mode & 0o077;
    if for_others == 0 {
        return Ok(());
    }
    // systemd makes state directories with mode 0755: close them, but never a directory that others use as well.
    let ours = |entry: &PathBuf| entry.file_name().is_some_and(|name| name == LOCK);
    let entries = read_dir(path)?;
    if !entries.is_empty() && !entries.iter().any(ours) {
        return Err(SpoolError::Open { path: path.to_owned(), mode });
    }
    std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(|error| SpoolError::at(path, error))
}

fn lock(dir: &Path) -> Result<Flock<File>, SpoolError> {
    let path = dir.join(LOCK);
    let file = private_file().read(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| SpoolError::at(&path, error))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut lock) => {
            // The number is for people only; the lock holds without it.
            let noted = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id()));
            noted.map_err(|error| SpoolError::at(&path, error))?;
            Ok(lock)
        }
        Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            Err(SpoolError::Locked { path: dir.to_owned(), pid })
        }
        Err((_, errno)) => Err(SpoolError::at(&path, errno.into())),
    }
}
