//! Where files are written: the spool and the folder for temporary files.

use std::io::Write;
use std::path::{Path, PathBuf};

use fixworker_graph::spool::{MemoryLimits, SpoolDir, SpoolEnv, SpoolError, spool_path};
use fixworker_settings::SupervisorSettings;
use nix::sys::statvfs::statvfs;
use nix::unistd::{geteuid, mkdtemp};

use super::finding::{Area, Finding};

/// Sockets, and what a run writes aside, need no more.
const TEMP_NEEDS: u64 = 64 << 20;

/// Looks at both. The spool is made if it is not there yet, as the worker would make it.
pub(super) fn look(settings: &SupervisorSettings, subscriber: &str) -> Vec<Finding> {
    let configured = settings.spool_dir.as_deref().map(Path::new);
    let path = spool_path(configured, &SpoolEnv::from_process(), geteuid().as_raw(), subscriber);
    let needs = settings.spool_limit_mb.saturating_mul(1 << 20);
    let (temp, name) = (std::env::temp_dir(), temp_name(std::env::var_os("TMPDIR").is_some()));
    vec![
        spool(&path, SpoolDir::open(&path, MemoryLimits::default()).map(drop), free(&path), needs),
        temporary(name, &temp, try_out(&temp), free(&temp)),
    ]
}

fn temp_name(is_set: bool) -> &'static str {
    if is_set { "TMPDIR" } else { "temporary files" }
}

fn spool(path: &Path, opened: Result<(), SpoolError>, free: Option<u64>, needs: u64) -> Finding {
    let (subject, place) = ("spool", path.display());
    match opened {
        Ok(()) => space(
            Finding::ok(Area::Places, subject, format!("{place} can be written and locked")),
            free,
            needs,
        ),
        Err(error @ SpoolError::Locked { .. }) => {
            let todo = "if that is the worker that runs here, all is well";
            Finding::note(Area::Places, subject, error.to_string()).todo(todo)
        }
        // The sentence has its remedy in it.
        Err(error) => Finding::failed(Area::Places, subject, error.to_string()),
    }
}

fn temporary(
    name: &str,
    path: &Path,
    tried: Result<(), (PathBuf, std::io::Error)>,
    free: Option<u64>,
) -> Finding {
    match tried {
        Ok(()) => {
            let fine = Finding::ok(Area::Places, name, format!("{} can be written", path.display()));
            space(fine, free, TEMP_NEEDS)
        }
        Err((path, error)) => {
            let said = format!("{} cannot be written: {error}", path.display());
            let todo = "set TMPDIR to a folder that the user of the worker can write";
            Finding::failed(Area::Places, name, said).todo(todo)
        }
    }
}

/// Adds how much is free. That it is less than may be needed is to be known: most runs need a fraction.
fn space(fine: Finding, free: Option<u64>, needs: u64) -> Finding {
    let Some(free) = free else { return fine };
    let mib = |bytes: u64| bytes >> 20;
    let said = format!("{}; {} MiB are free", fine.said, mib(free));
    if free >= needs {
        return Finding { said, ..fine };
    }
    let said = format!("{said}, of the {} MiB that may be written there", mib(needs));
    Finding::note(fine.area, &fine.subject, said).todo("free some, or move it to a larger disk")
}

fn free(path: &Path) -> Option<u64> {
    // What is not there yet is made on the file system of what is.
    let place = path.ancestors().find(|place| place.exists())?;
    let stat = statvfs(place).ok()?;
    Some(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

/// Writes a file in a folder of its own, and removes both.
fn try_out(temp: &Path) -> Result<(), (PathBuf, std::io::Error)> {
    let at = |path: &Path, error: std::io::Error| (path.to_owned(), error);
    let folder = mkdtemp(&temp.join("fixworker-check-XXXXXX")).map_err(|errno| at(temp, errno.into()))?;
    let file = folder.join("tried");
    let written = std::fs::File::create(&file).and_then(|mut file| file.write_all(&[0; 4096]));
    let removed = std::fs::remove_dir_all(&folder);
    written.map_err(|error| at(&file, error))?;
    removed.map_err(|error| at(&folder, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::finding::State;

    #[test]
    fn a_folder_that_can_be_written_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        assert!(try_out(folder.path()).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let nowhere = temporary("TMPDIR", Path::new("/nowhere"), try_out(Path::new("/nowhere")), None);
        assert_eq!((nowhere.state, nowhere.subject.as_str()), (State::Failed, "TMPDIR"));
        assert!(nowhere.todo.unwrap().contains("TMPDIR"));
    }

    #[test]
    fn a_spool_of_a_worker_that_runs_is_no_failure() {
        let path = Path::new("/spool");
        let locked = SpoolError::Locked { path: path.to_owned(), pid: Some(7) };
        let found = spool(path, Err(locked), None, 0);
        assert_eq!(found.state, State::Note);
        assert!(found.said.contains("pid 7"), "{found:?}");
        let denied = spool(path, Err(SpoolError::Denied { path: path.to_owned() }), None, 0);
        assert_eq!(denied.state, State::Failed);
    }

    #[test]
    fn little_space_is_told() {
        let at = |free| spool(Path::new("/s"), Ok(()), free, 1 << 30);
        assert_eq!(at(Some(2 << 30)).state, State::Ok);
        assert_eq!(at(None).state, State::Ok);
        let little = at(Some(5 << 20));
        assert_eq!(little.state, State::Note);
        assert!(little.said.contains("5 MiB are free, of the 1024 MiB"), "{little:?}");
    }
}
