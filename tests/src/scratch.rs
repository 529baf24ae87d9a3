//! A directory for one test, and the end of everything that was started in it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{process, procfs, wait};

const SHOWN_LINES: usize = 60;

/// A short path below the temporary directory: Unix socket paths have 107 bytes.
#[derive(Debug)]
pub struct Scratch {
    dir: TempDir,
}

impl Scratch {
    /// A new empty directory. `FIXWORKER_TESTS_KEEP=1` keeps it after the test.
    pub fn new() -> Self {
        let mut dir =
            tempfile::Builder::new().prefix("fw").tempdir().expect("a temporary directory can be made");
        dir.disable_cleanup(std::env::var_os("FIXWORKER_TESTS_KEEP").is_some());
        Self { dir }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A directory inside, made if needed.
    pub fn dir(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(&path).expect("a directory can be made in the scratch directory");
        path
    }

    /// A file inside with this content.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).expect("a file can be written in the scratch directory");
        path
    }

    /// A link inside to `program`: a process started by this path can be told from all others.
    pub fn link(&self, program: &Path) -> PathBuf {
        self.link_as(program, None)
    }

    /// The same under another name.
    pub fn link_as(&self, program: &Path, name: Option<&str>) -> PathBuf {
        let own = program.file_name().expect("a program has a name");
        let path = self.dir("bin").join(name.map_or(own, OsStr::new));
        if !path.exists() {
            symlink(program, &path).expect("a link can be made in the scratch directory");
        }
        path
    }

    /// The children that were started for accounts (and other jobs) and still live.
    pub fn collectors(&self) -> Vec<procfs::Proc> {
        procfs::mentioning(self.path()).into_iter().filter(|process| process.label().is_some()).collect()
    }

    /// Waits until no child is left.
    #[track_caller]
    pub fn await_no_collectors(&self) {
        wait::until("all children are gone", || self.collectors().is_empty());
    }

    fn show_logs(&self) {
        let entries = fs::read_dir(self.path()).into_iter().flatten().flatten();
        let mut logs: Vec<_> = entries.map(|entry| entry.path()).collect();
        logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.sort();
        for path in logs {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
            let skipped = text.lines().count().saturating_sub(SHOWN_LINES);
            let tail: Vec<_> = text.lines().skip(skipped).collect();
            show(&format!("---- {} ({skipped} lines above)\n{}", path.display(), tail.join("\n")));
        }
    }
}

#[expect(clippy::print_stderr, reason = "the runner shows it with the failed test")]
fn show(text: &str) {
    eprintln!("{text}");
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if thread::panicking() {
            self.show_logs();
        }
        for left in procfs::mentioning(self.path()) {
            process::signal(left.pid, Signal::SIGKILL);
        }
    }
}
