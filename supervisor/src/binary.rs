//! Where the program of the children is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

const NAME: &str = "fix-collector";

/// `--collector-bin`, else the one beside this program, else the first one on the PATH; if there is none, the
/// place beside this program, so that the error names where it is missing.
pub(crate) fn find(given: Option<PathBuf>, this_program: Option<&Path>, path: Option<&OsStr>) -> PathBuf {
    if let Some(given) = given {
        return given;
    }
    let beside = this_program.and_then(Path::parent).map(|folder| folder.join(NAME));
    let on_path = path.into_iter().flat_map(std::env::split_paths).map(|folder| folder.join(NAME));
    let found = beside.iter().cloned().chain(on_path).find(|path| path.is_file());
    found.or(beside).unwrap_or_else(|| PathBuf::from(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_beside_this_program_wins_over_the_path() {
        let (beside, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let this = beside.path().join("fixworker");
        let path = elsewhere.path().as_os_str();
        assert_eq!(find(Some("x".into()), Some(&this), Some(path)), PathBuf::from("x"));
        assert_eq!(find(None, Some(&this), Some(path)), beside.path().join(NAME), "named even if missing");
        std::fs::write(elsewhere.path().join(NAME), "").unwrap();
        assert_eq!(find(None, Some(&this), Some(path)), elsewhere.path().join(NAME));
        std::fs::write(beside.path().join(NAME), "").unwrap();
        assert_eq!(find(None, Some(&this), Some(path)), beside.path().join(NAME));
    }
}
