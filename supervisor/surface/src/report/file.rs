//! Writing the report so that nobody ever reads half of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Report;

/// Why the report is not there.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The file could not be written.
    #[error("the report cannot be written to {path}: {source}; name another file with --report", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard output could not be written.
    #[error("the report cannot be written to standard output: {0}")]
    Stdout(#[source] io::Error),
    /// A number in it has no JSON.
    #[error("the report has no JSON form: {0}")]
    Json(#[from] serde_json::Error),
}

impl Report {
    /// Writes the report to `path`; `-` is standard output. The file appears complete or not at all, and what
    /// was there before stays until then.
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        let text = self.to_json()?;
        if path == Path::new("-") {
            let mut stdout = io::stdout().lock();
            return stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush())
                .map_err(WriteError::Stdout);
        }
        replace(path, text.as_bytes()).map_err(|source| WriteError::File { path: path.to_owned(), source })
    }
}

/// Puts `bytes` in the place of `path` in one step.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "this is not the name of a file"));
    };
    // A device or pipe, such as /dev/stderr, is written to, not replaced.
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return fs::write(path, bytes);
    }
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let written = write_through(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It may not exist at all; the first error is what counts.
        fs::remove_file(&temporary).unwrap_or_default();
    }
    written
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_file_is_replaced_as_a_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.json");
        fs::write(&path, "old ".repeat(10_000)).expect("written");
        let report = Report::default();
        report.write(&path).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("read"), report.to_json().expect("JSON"));
        assert_eq!(names(folder.path()), ["report.json"]);
    }

    #[test]
    fn a_failure_names_the_file_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("missing/report.json");
        let text = Report::default().write(&path).expect_err("no folder").to_string();
        assert!(text.contains("missing/report.json") && text.contains("--report"), "{text}");
        let text = Report::default().write(folder.path()).expect_err("a folder").to_string();
        assert!(text.contains("directory"), "{text}");
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_device_is_written_to_and_stays_a_device() {
        Report::default().write(Path::new("/dev/null")).expect("written");
        assert!(!fs::metadata("/dev/null").expect("still there").is_file());
    }
}
