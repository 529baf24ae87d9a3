//! Files that appear as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Buffers of this size keep the system calls few.
const BUFFER: usize = 64 << 10;

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A file without a name, for what is needed again before the process ends. Only this user can read it.
pub(super) struct Spill {
    file: BufWriter<File>,
}

impl Spill {
    pub(super) fn new() -> io::Result<Self> {
        let path = fresh_name(&std::env::temp_dir(), "fix-collector");
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        fs::remove_file(&path)?;
        Ok(Self { file: BufWriter::with_capacity(BUFFER, file) })
    }

    /// What was written, from the start.
    pub(super) fn read(self) -> io::Result<File> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}

impl Write for Spill {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The output of a command: a regular file is replaced at [`Target::commit`], anything else (standard output,
/// a pipe, a device) gets all bytes then. Dropped before, it leaves no trace.
pub(super) enum Target {
    /// A file beside the one to replace.
    Beside { file: BufWriter<File>, temporary: Temporary, path: PathBuf },
    /// To be copied.
    Copied { spill: Spill, path: Option<PathBuf> },
}

/// Removes its file when dropped.
pub(super) struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a commit it is no longer there.
        drop(fs::remove_file(&self.0));
    }
}

impl Target {
    /// Opens the output; `-` is standard output.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Copied { spill: Spill::new()?, path: None });
        }
        // The file behind a symbolic link is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            Ok(metadata) if !metadata.is_file() => {
                Ok(Self::Copied { spill: Spill::new()?, path: Some(path) })
            }
            _ => Self::beside(path),
        }
    }

    fn beside(path: PathBuf) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let temporary = fresh_name(folder, &format!(".{}", name.to_string_lossy()));
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        Ok(Self::Beside {
            file: BufWriter::with_capacity(BUFFER, file),
            temporary: Temporary(temporary),
            path,
        })
    }

    /// Makes everything written so far the content of the output.
    pub(super) fn commit(self) -> io::Result<()> {
        match self {
            Self::Beside { file, temporary, path } => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.sync_all()?;
                fs::rename(&temporary.0, &path)
            }
            Self::Copied { spill, path: None } => copy(spill.read()?, &mut io::stdout().lock()),
            Self::Copied { spill, path: Some(path) } => {
                copy(spill.read()?, &mut OpenOptions::new().write(true).open(path)?)
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Beside { file, .. } => file.write(bytes),
            Self::Copied { spill, .. } => spill.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Beside { file, .. } => file.flush(),
            Self::Copied { spill, .. } => spill.flush(),
        }
    }
}

fn copy(mut from: impl Read, to: &mut impl Write) -> io::Result<()> {
    match io::copy(&mut from, to).and_then(|_| to.flush()) {
        // A reader that has seen enough (`| head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn fresh_name(folder: &Path, prefix: &str) -> PathBuf {
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.subsec_nanos());
    folder.join(format!("{prefix}.{}-{count}-{nanos:08x}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_or_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        let mut dropped = Target::open(&path).unwrap();
        dropped.write_all(b"half").unwrap();
        drop(dropped);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let mut target = Target::open(&path).unwrap();
        target.write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        target.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn what_a_link_points_to_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("out"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut target = Target::open(&link).unwrap();
        target.write_all(b"new").unwrap();
        target.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn devices_are_written_to_and_never_replaced() {
        let mut target = Target::open(Path::new("/dev/null")).unwrap();
        target.write_all(b"gone").unwrap();
        target.commit().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(Target::open(Path::new("/")).is_err());
        assert!(Target::open(Path::new("/nonexistent/out")).is_err());
    }

    #[test]
    fn a_spill_gives_back_what_was_written() {
        let mut spill = Spill::new().unwrap();
        spill.write_all(b"abc").unwrap();
        let mut text = String::new();
        spill.read().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
    }
}
