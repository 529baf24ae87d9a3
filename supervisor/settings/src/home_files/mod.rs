//! Files that the configuration puts below the home directory: credentials and profiles of collectors.
//!
//! The paths come from fixcore, so they are not trusted: nothing outside of the home directory is ever written
//! or made, whatever they and the symbolic links on the way say. Links that stay inside are followed where the
//! kernel can tell (`openat2`), elsewhere no link is.

mod policy;
mod write;

use std::path::{Component, Path, PathBuf};

use thiserror::Error;

pub use policy::HomeFilePolicy;
pub use write::write_home_files;

/// What became of one file.
#[derive(Debug)]
pub struct HomeFileOutcome {
    /// The path as configured.
    pub path: String,
    /// What was done, or why not.
    pub result: Result<Done, HomeFileError>,
}

/// What was done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It has new content.
    Written,
    /// It had this content already and was left alone.
    Unchanged,
}

/// Why a file was not written. The sentence names the file.
#[derive(Debug, Error)]
pub enum HomeFileError {
    /// The path leads elsewhere.
    #[error("the file {0:?} of files_in_home_dir is outside the home directory and was not written")]
    Outside(String),
    /// The command line does not allow it.
    #[error(
        "the file {0:?} of files_in_home_dir was not written: the command line does not allow it (--home-files); files \
         of shells and of ssh are never written"
    )]
    NotAllowed(String),
    /// It names a program, which would run as the worker.
    #[error(
        "the file {path:?} of files_in_home_dir was not written: it names a program to run ({word}); start the worker \
         with --home-files-may-run-programs if whoever writes the config may run programs as the worker"
    )]
    RunsProgram {
        /// The path as configured.
        path: String,
        /// The word that says so.
        word: &'static str,
    },
    /// The path names no file.
    #[error("the path {0:?} of files_in_home_dir names no file")]
    NoFile(String),
    /// A directory has this name.
    #[error("the file {0:?} of files_in_home_dir was not written: a directory has this name")]
    Directory(String),
    /// A symbolic link or something else that is no file has this name.
    #[error("the file {0:?} of files_in_home_dir was not written: what has this name is no ordinary file")]
    Special(String),
    /// The home directory cannot be used.
    #[error("files of files_in_home_dir cannot be written: the home directory {} cannot be opened: {source}", home.display())]
    Home {
        /// The home directory.
        home: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The system refused.
    #[error("the file {path:?} of files_in_home_dir was not written: {source}")]
    Io {
        /// The path as configured.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The way from the home directory to a configured file: directories and a name, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) directories: Vec<String>,
    pub(crate) name: String,
}

/// Understands a configured path: relative to `home`, or with a leading `~`, or absolute below `home`.
pub(crate) fn place(path: &str, home: &Path) -> Result<Place, HomeFileError> {
    let outside = || HomeFileError::Outside(path.to_owned());
    let below = match path.strip_prefix('~') {
        // The home directory of another user.
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => return Err(outside()),
        Some(rest) => Path::new(rest.trim_start_matches('/')),
        None if Path::new(path).is_absolute() => {
            return below_home(&normal(Path::new(path)).ok_or_else(outside)?, home, path);
        }
        None => Path::new(path),
    };
    // `..` may leave and come back, as long as it ends up below the home directory.
    let whole = normal(&home.join(below)).ok_or_else(outside)?;
    below_home(&whole, home, path)
}

fn below_home(whole: &[String], home: &Path, path: &str) -> Result<Place, HomeFileError> {
    let outside = || HomeFileError::Outside(path.to_owned());
    let home = normal(home).ok_or_else(outside)?;
    let (name, directories) = match whole.strip_prefix(home.as_slice()) {
        None => return Err(outside()),
        Some([]) => return Err(HomeFileError::NoFile(path.to_owned())),
        Some([directories @ .., name]) => (name, directories),
    };
    if path.ends_with('/') || path.contains('\0') {
        return Err(HomeFileError::NoFile(path.to_owned()));
    }
    Ok(Place { directories: directories.to_vec(), name: name.clone() })
}

/// The components of an absolute path, with `..` taken back. `None` if it is not absolute or not UTF-8.
fn normal(path: &Path) -> Option<Vec<String>> {
    let mut whole = Vec::new();
    let mut absolute = false;
    for component in path.components() {
        match component {
            Component::RootDir => absolute = true,
            Component::Normal(name) => whole.push(name.to_str()?.to_owned()),
            Component::ParentDir => _ = whole.pop(),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    absolute.then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> Option<String> {
        let place = place(path, Path::new("/home/me")).ok()?;
        Some([place.directories.join("/"), place.name].join("/").trim_start_matches('/').to_owned())
    }

    #[test]
    fn understands_paths() {
        for (path, expected) in [
            (".aws/credentials", Some(".aws/credentials")),
            ("~/.kube/config", Some(".kube/config")),
            ("/home/me/x", Some("x")),
            ("a/../b", Some("b")),
            ("../me/b", Some("b")),
            ("./b", Some("b")),
            ("../b", None),
            ("a/../../b", None),
            ("/etc/passwd", None),
            ("/home/meme/x", None),
            ("/home/me/../you/x", None),
            ("~root/x", None),
            ("~/../you", None),
            ("~", None),
            ("", None),
            (".", None),
            ("a/", None),
            ("a\0b", None),
        ] {
            assert_eq!(at(path).as_deref(), expected, "{path}");
        }
    }
}
