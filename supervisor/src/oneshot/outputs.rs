//! Where graph and report go. Looked at before the first account is collected, not hours later.

use std::path::{Path, PathBuf};

use fixworker_settings::cli::{CollectArgs, Output};
use nix::unistd::{AccessFlags, access};
use thiserror::Error;

/// Where the graph goes if nobody says so.
const DEFAULT: &str = "fixworker-graph.ndjson";

/// Why nothing can be written there.
#[derive(Debug, Error)]
pub(super) enum OutputError {
    #[error("--output - and --report - cannot share standard output: give one of them a file")]
    Both,
    #[error("{path} cannot be written: {why}; choose another place with {flag}", path = .path.display())]
    Place { flag: &'static str, path: PathBuf, why: &'static str },
}

/// The file of the graph; `None` is standard output.
pub(super) fn graph(args: &CollectArgs) -> Option<PathBuf> {
    match &args.output {
        Some(Output::Stdout) => None,
        Some(Output::File(path)) => Some(path.clone()),
        None => Some(PathBuf::from(DEFAULT)),
    }
}

/// Whether standard output is for a program: then people read standard error.
pub(super) fn stdout_is_data(args: &CollectArgs) -> bool {
    graph(args).is_none() || report_is_stdout(args)
}

fn report_is_stdout(args: &CollectArgs) -> bool {
    args.report.as_deref() == Some(Path::new("-"))
}

/// Finds out what would go wrong at the end.
pub(super) fn check(args: &CollectArgs) -> Result<(), OutputError> {
    let graph = graph(args);
    if graph.is_none() && report_is_stdout(args) {
        return Err(OutputError::Both);
    }
    let report = args.report.as_deref().filter(|_| !report_is_stdout(args));
    for (flag, path) in [("--output", graph.as_deref()), ("--report", report)] {
        let Some(path) = path else { continue };
        if let Some(why) = obstacle(path) {
            return Err(OutputError::Place { flag, path: path.to_owned(), why });
        }
    }
    Ok(())
}

fn obstacle(path: &Path) -> Option<&'static str> {
    if path.is_dir() {
        return Some("it is a directory");
    }
    if path.exists() && !path.is_file() {
        // A device or pipe, which is written to as it is.
        return None;
    }
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Some("it is not the name of a file"),
    };
    if !parent.is_dir() {
        return Some("its directory does not exist");
    }
    // The file appears there as a whole, so it is the directory that is written.
    access(parent, AccessFlags::W_OK).is_err().then_some("its directory is not writable for us")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn obstacles_are_found_before_the_run() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(obstacle(&directory.path().join("graph.ndjson")), None);
        assert_eq!(obstacle(Path::new("/dev/null")), None);
        assert_eq!(obstacle(Path::new("graph.ndjson")), None);
        assert_eq!(obstacle(directory.path()), Some("it is a directory"));
        let nowhere = directory.path().join("missing/graph.ndjson");
        assert_eq!(obstacle(&nowhere), Some("its directory does not exist"));
    }
}
