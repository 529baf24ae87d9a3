//! The directory itself: owner, mode, lock, sweep.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::unistd::Uid;

use super::SpoolError;
use super::file::{Arena, StagedFile};

const LOCK: &str = "lock";
const STAGING: &str = "staging";
const TEMPORARY: &str = ".tmp";
/// Says that the directory is ours: without it nothing in a directory is touched.
const MARKER: &str = ".fixworker-spool";
const MARKED: &str = "graphs of fixworker on their way; made and swept by it\n";
/// What else may be in a directory that an older release has made, which set no marker.
const OURS: [&str; 3] = ["journal.ndjson", "cleanup.ndjson", "timings.json"];
/// The largest file that is taken over from an earlier place, in bytes.
const MAX_INHERITED: u64 = 256 << 20;
/// At so many bytes less than are free the disk counts as full, or at a tenth of a smaller one.
const KEEP_FREE: u64 = 512 << 20;
/// Free space is looked at once for so many bytes.
const LOOK_EVERY: u64 = 16 << 20;

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
    /// Made when the first graph does not fit into memory.
    arena: Mutex<Option<Arc<Arena>>>,
    on_disk: AtomicU64,
    disk_limit: AtomicU64,
    _lock: Flock<File>,
}

impl SpoolDir {
    /// Opens or makes the directory at `path`, locks it, and removes what an earlier process has left staged.
    ///
    /// The directory gets mode 0700. A symlink, another owner, or a directory that holds files of somebody else is
    /// refused.
    pub fn open(path: &Path, limits: MemoryLimits) -> Result<Self, SpoolError> {
        make_private_dir(path)?;
        check_ours(path)?;
        let lock = lock(path)?;
        mark(path)?;
        let dir = Self(Arc::new(Inner {
            path: path.to_owned(),
            limits,
            in_memory: AtomicUsize::new(0),
            arena: Mutex::default(),
            on_disk: AtomicU64::new(0),
            disk_limit: AtomicU64::new(u64::MAX),
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

    /// Graphs that wait take no more than `bytes` on disk, all together.
    pub fn limit_disk(&self, bytes: u64) {
        self.0.disk_limit.store(bytes, Ordering::Relaxed);
    }

    /// Bytes of graphs that are on disk now.
    pub fn on_disk(&self) -> u64 {
        self.0.on_disk.load(Ordering::Relaxed)
    }

    /// Adds `bytes` to what is on disk, or refuses. The caller counts them in any case, and releases them.
    pub(super) fn reserve_disk(&self, bytes: u64) -> Result<(), SpoolError> {
        let before = self.0.on_disk.fetch_add(bytes, Ordering::Relaxed);
        let (after, limit) = (before + bytes, self.0.disk_limit.load(Ordering::Relaxed));
        let refuse = |error| {
            self.release_disk(bytes);
            Err(error)
        };
        if after > limit {
            return refuse(SpoolError::Budget { path: self.staging(), limit: limit >> 20 });
        }
        let is_full = before / LOOK_EVERY != after / LOOK_EVERY && is_nearly_full(&self.0.path);
        if is_full { refuse(SpoolError::Full { path: self.staging() }) } else { Ok(()) }
    }

    pub(super) fn release_disk(&self, bytes: u64) {
        self.0.on_disk.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.0.path.join(STAGING)
    }

    /// Makes a new part of the file of graphs that wait.
    pub(super) fn create_staged(&self) -> Result<StagedFile, SpoolError> {
        let mut arena = self.0.arena.lock().unwrap_or_else(PoisonError::into_inner);
        let arena = if let Some(arena) = &*arena {
            Arc::clone(arena)
        } else {
            let folder = self.staging();
            let new = Arena::new(&folder).map_err(|error| SpoolError::at(&folder, error))?;
            Arc::clone(arena.insert(Arc::new(new)))
        };
        Ok(StagedFile::new(arena, self.clone()))
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

    /// Takes over what must not be lost from the spool of an earlier place, if there is one that is ours and that
    /// nobody uses, and says whether there was something. What this one has already stays.
    pub fn inherit(&self, earlier: &Path) -> Result<bool, SpoolError> {
        if earlier == self.path() || earlier.symlink_metadata().is_err() {
            return Ok(false);
        }
        let source = Self::open(earlier, self.limits())?;
        let mut found = false;
        for name in OURS {
            let known = self.0.path.join(name).exists();
            if let Some(content) = source.read(name, MAX_INHERITED)?.filter(|_| !known) {
                self.replace(name, &content)?;
                found = true;
            }
        }
        for name in OURS.iter().chain(&[MARKER, LOCK]) {
            // What stays behind hurts nobody: it is read once only.
            drop(std::fs::remove_file(earlier.join(name)));
        }
        drop(std::fs::remove_dir(source.staging()));
        drop(std::fs::remove_dir(earlier));
        Ok(found)
    }

    fn sweep(&self) -> Result<(), SpoolError> {
        let staging = self.staging();
        make_private_dir(&staging)?;
        let is_graph = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.len() == 8 && name.bytes().all(|c| c.is_ascii_digit())
        };
        let graphs = read_dir(&staging)?.into_iter().filter(is_graph);
        let halves = OURS.iter().map(|name| self.0.path.join(format!("{name}{TEMPORARY}")));
        for path in graphs.chain(halves) {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(SpoolError::at(&path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Refuses a directory that others put files into and that we have not made.
fn check_ours(path: &Path) -> Result<(), SpoolError> {
    let marker = path.join(MARKER);
    if std::fs::read_to_string(&marker).is_ok_and(|text| text == MARKED) {
        return Ok(());
    }
    let is_ours = |entry: &PathBuf| {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let whole = name.strip_suffix(TEMPORARY).unwrap_or(name);
        [LOCK, STAGING, MARKER].contains(&name) || OURS.contains(&whole)
    };
    match read_dir(path)?.into_iter().find(|entry| !is_ours(entry)) {
        Some(foreign) => {
            let example = foreign.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Err(SpoolError::Foreign { path: path.to_owned(), example })
        }
        None => Ok(()),
    }
}

fn mark(path: &Path) -> Result<(), SpoolError> {
    let marker = path.join(MARKER);
    let file = private_file().create(true).truncate(true).open(&marker);
    let written = file.and_then(|mut file| file.write_all(MARKED.as_bytes()));
    written.map_err(|error| SpoolError::at(&marker, error))
}

/// Whether what is free is needed by others. What cannot be told counts as free.
fn is_nearly_full(path: &Path) -> bool {
    nix::sys::statvfs::statvfs(path).is_ok_and(|disk| {
        let of = |blocks: nix::libc::fsblkcnt_t| blocks.saturating_mul(disk.fragment_size());
        of(disk.blocks_available()) < KEEP_FREE.min(of(disk.blocks()) / 10)
    })
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
    let ours = |entry: &PathBuf| entry.file_name().is_some_and(|name| name == LOCK || name == MARKER);
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
