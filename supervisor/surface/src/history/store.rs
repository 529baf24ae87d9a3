//! The runs on disk: one file for each, and bounds on all of them.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use thiserror::Error;

use super::{RunId, RunKind, RunRecord, RunSummary};
use crate::report::file::replace;

/// The folder below the spool.
pub const FOLDER: &str = "runs";
const ENDING: &str = ".json";

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Runs.
    pub runs: usize,
    /// Bytes of all files together. The newest run stays even if it alone is larger.
    pub bytes: u64,
}

/// Why the history cannot be kept or read.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// A file or the folder.
    #[error("the history of runs in {path}: {source}", path = path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that holds no record.
    #[error("{path} is no record of a run: {source}", path = path.display())]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> HistoryError {
    let path = path.to_owned();
    move |source| HistoryError::Io { path, source }
}

/// The runs of a daemon. Cheap to clone.
#[derive(Debug, Clone)]
pub struct History {
    folder: PathBuf,
    /// Newest first.
    runs: Arc<Mutex<Vec<Kept>>>,
}

#[derive(Debug)]
struct Kept {
    summary: Arc<RunSummary>,
    bytes: u64,
}

impl History {
    /// The history in `folder`, which is made if need be. Records that cannot be read are left where they are and told.
    pub fn open(folder: &Path) -> Result<Self, HistoryError> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
        let mut runs = Vec::new();
        for id in ids(folder)? {
            match read_file(folder, &id) {
                Ok(Some((record, bytes))) => runs.push(Kept { summary: record.summarize().into(), bytes }),
                // Somebody has removed it since.
                Ok(None) => {}
                Err(error) => tracing::warn!("{error}"),
            }
        }
        Ok(Self { folder: folder.to_owned(), runs: Arc::new(Mutex::new(runs)) })
    }

    fn runs(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name for a run that begins now.
    pub fn name(&self, started: Timestamp, kind: RunKind) -> RunId {
        let taken = |id: &RunId| file(&self.folder, id).exists();
        let names = (0..).map(|number| RunId::new(started, kind, number));
        // There are more numbers than files.
        names.into_iter().find(|id| !taken(id)).unwrap_or_else(|| RunId::new(started, kind, u32::MAX))
    }

    /// Keeps `record`, and lets go of the oldest beyond `bounds`. Writes files: call it where that may take time.
    pub fn add(&self, record: &RunRecord, bounds: Bounds) -> Result<(), HistoryError> {
        let path = file(&self.folder, &record.id);
        let text = record.to_json().map_err(|source| HistoryError::Damaged { path: path.clone(), source })?;
        // A cleaner of temporary files may have taken it.
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(at(&self.folder))?;
        replace(&path, text.as_bytes()).map_err(at(&path))?;
        let mut runs = self.runs();
        runs.insert(0, Kept { summary: record.summarize().into(), bytes: text.len() as u64 });
        let keep = fitting(runs.iter().map(|run| run.bytes), bounds);
        for old in runs.drain(keep..) {
            let path = file(&self.folder, &old.summary.id);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&path)(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// All runs, newest first.
    pub fn summaries(&self) -> Vec<Arc<RunSummary>> {
        self.runs().iter().map(|run| Arc::clone(&run.summary)).collect()
    }

    /// One run. Reads a file.
    pub fn read(&self, id: &RunId) -> Result<Option<RunRecord>, HistoryError> {
        Ok(read_file(&self.folder, id)?.map(|(record, _)| record))
    }

    /// The text of one run. Reads a file.
    pub fn read_text(&self, id: &RunId) -> Result<Option<String>, HistoryError> {
        read_text(&self.folder, id)
    }
}

/// How many of the newest runs fit.
fn fitting(sizes: impl Iterator<Item = u64>, bounds: Bounds) -> usize {
    let mut sum = 0_u64;
    let fits = sizes.take(bounds.runs.max(1)).take_while(|bytes| {
        sum = sum.saturating_add(*bytes);
        sum <= bounds.bytes
    });
    fits.count().max(1)
}

/// Whole records of another process, newest first, and what could not be read. No folder is no run.
pub fn read_all(folder: &Path) -> Result<(Vec<RunRecord>, Vec<HistoryError>), HistoryError> {
    let (mut records, mut errors) = (Vec::new(), Vec::new());
    if !folder.try_exists().map_err(at(folder))? {
        return Ok((records, errors));
    }
    for id in ids(folder)? {
        match read_file(folder, &id) {
            Ok(Some((record, _))) => records.push(record),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    Ok((records, errors))
}

/// The names of the runs in a folder, newest first.
fn ids(folder: &Path) -> Result<Vec<RunId>, HistoryError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let name = entry.map_err(at(folder))?.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(ENDING));
        found.extend(id.and_then(|id| RunId::try_from(id.to_owned()).ok()));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

fn file(folder: &Path, id: &RunId) -> PathBuf {
    folder.join(format!("{id}{ENDING}"))
}

fn read_text(folder: &Path, id: &RunId) -> Result<Option<String>, HistoryError> {
    let path = file(folder, id);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(&path)(error)),
    }
}

fn read_file(folder: &Path, id: &RunId) -> Result<Option<(RunRecord, u64)>, HistoryError> {
    let Some(text) = read_text(folder, id)? else { return Ok(None) };
    let record = serde_json::from_str(&text)
        .map_err(|source| HistoryError::Damaged { path: file(folder, id), source })?;
    Ok(Some((record, text.len() as u64)))
}
