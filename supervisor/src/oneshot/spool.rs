//! Where the graphs of a one-shot wait until they are written.

use std::path::{Path, PathBuf};

use fixworker_graph::spool::{MemoryLimits, SpoolDir, SpoolError};
use nix::unistd::{Pid, geteuid, mkdtemp};

/// A spool for this run only, unless the configuration names one.
pub(crate) struct Spool {
    pub(crate) dir: SpoolDir,
    own: Option<PathBuf>,
}

impl Spool {
    /// `limit` is in bytes.
    pub(crate) fn open(configured: Option<&str>, limit: u64) -> Result<Self, SpoolError> {
        let spool = Self::at(configured)?;
        spool.dir.limit_disk(limit);
        Ok(spool)
    }

    fn at(configured: Option<&str>) -> Result<Self, SpoolError> {
        if let Some(path) = configured {
            return Ok(Self { dir: SpoolDir::open(Path::new(path), MemoryLimits::default())?, own: None });
        }
        let prefix = format!("fixworker-{}-collect-", geteuid());
        sweep(&std::env::temp_dir(), &prefix);
        let path = std::env::temp_dir().join(format!("{prefix}{}-XXXXXX", Pid::this()));
        // A name that nobody can guess, so that nobody can have taken it.
        let path = mkdtemp(&path).map_err(|errno| SpoolError::at(&path, errno.into()))?;
        Ok(Self { dir: SpoolDir::open(&path, MemoryLimits::default())?, own: Some(path) })
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Some(path) = &self.own
            && let Err(error) = std::fs::remove_dir_all(path)
        {
            tracing::warn!("temporary files stay in {}: {error}", path.display());
        }
    }
}

/// Removes what a one-shot that was killed has left behind. One that lives holds the lock of its spool.
fn sweep(parent: &Path, prefix: &str) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in
        entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)))
    {
        if let Ok(stale) = SpoolDir::open(&entry.path(), MemoryLimits::default())
            && let Err(error) = std::fs::remove_dir_all(stale.path())
        {
            tracing::debug!("{} stays behind: {error}", stale.path().display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_has_left_is_swept_and_a_live_one_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        drop(SpoolDir::open(&path("x-1"), MemoryLimits::default()).unwrap());
        std::fs::write(path("x-1").join("journal.ndjson"), "left").unwrap();
        let live = SpoolDir::open(&path("x-2"), MemoryLimits::default()).unwrap();
        std::fs::create_dir(path("y-1")).unwrap();
        sweep(parent.path(), "x-");
        assert!(!path("x-1").exists());
        assert!(path("x-2").exists() && path("y-1").exists());
        drop(live);
    }

    #[test]
    fn a_spool_of_its_own_goes_with_the_run_and_a_configured_one_stays() {
        let spool = Spool::open(None, u64::MAX).unwrap();
        let own = spool.own.clone().unwrap();
        assert!(own.is_dir());
        drop(spool);
        assert!(!own.exists());
        let configured = tempfile::tempdir().unwrap();
        let path = configured.path().join("spool");
        drop(Spool::open(path.to_str(), u64::MAX).unwrap());
        assert!(path.is_dir());
    }
}
