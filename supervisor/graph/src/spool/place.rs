//! Where the spool directory is.

use std::path::{Path, PathBuf};

use blake2b_simd::Params;

/// What the environment says; empty variables count as unset.
#[derive(Debug, Clone, Default)]
pub struct SpoolEnv {
    /// `STATE_DIRECTORY`, as systemd sets it: several are separated by colons.
    pub state_directory: Option<String>,
    /// `XDG_STATE_HOME`.
    pub xdg_state_home: Option<String>,
    /// The home directory, if it can be written.
    pub home: Option<PathBuf>,
    /// The directory for temporary files.
    pub temp_dir: PathBuf,
}

impl SpoolEnv {
    /// The environment of this process.
    pub fn from_process() -> Self {
        let writable = |home: &PathBuf| home.is_absolute() && is_writable(home);
        Self {
            state_directory: std::env::var("STATE_DIRECTORY").ok(),
            xdg_state_home: std::env::var("XDG_STATE_HOME").ok(),
            home: std::env::home_dir().filter(writable),
            temp_dir: std::env::temp_dir(),
        }
    }
}

fn is_writable(path: &Path) -> bool {
    let may = nix::unistd::AccessFlags::W_OK | nix::unistd::AccessFlags::X_OK;
    path.is_dir() && nix::unistd::access(path, may).is_ok()
}

/// The spool directory: `configured` (`supervisor.spool_dir`), else `$STATE_DIRECTORY`, else
/// `$XDG_STATE_HOME/fixworker`, else `~/.local/state/fixworker-<hash of the subscriber id>`, and without a home
/// directory [`temporary_spool_path`].
pub fn spool_path(configured: Option<&Path>, env: &SpoolEnv, uid: u32, subscriber_id: &str) -> PathBuf {
    if let Some(path) = configured.filter(|path| !path.as_os_str().is_empty()) {
        return path.to_owned();
    }
    let given = |variable: &Option<String>| variable.clone().filter(|value| !value.is_empty());
    if let Some(list) = given(&env.state_directory) {
        return PathBuf::from(list.split(':').find(|path| !path.is_empty()).unwrap_or(&list));
    }
    // The specification of base directories says that a relative path is to be ignored.
    if let Some(home) = given(&env.xdg_state_home).map(PathBuf::from).filter(|home| home.is_absolute()) {
        return home.join("fixworker");
    }
    match &env.home {
        Some(home) => home.join(".local/state").join(format!("fixworker-{}", hash(subscriber_id))),
        None => temporary_spool_path(env, uid, subscriber_id),
    }
}

/// `<tmp>/fixworker-<uid>-<hash of the subscriber id>`, where earlier releases had the spool. Another user can have
/// taken the name, so it is the last choice.
pub fn temporary_spool_path(env: &SpoolEnv, uid: u32, subscriber_id: &str) -> PathBuf {
    env.temp_dir.join(format!("fixworker-{uid}-{}", hash(subscriber_id)))
}

fn hash(subscriber_id: &str) -> String {
    Params::new().hash_length(8).hash(subscriber_id.as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(state: Option<&str>, xdg: Option<&str>) -> SpoolEnv {
        let text = |value: Option<&str>| value.map(str::to_owned);
        let (home, temp_dir) = (None, "/tmp".into());
        SpoolEnv { state_directory: text(state), xdg_state_home: text(xdg), home, temp_dir }
    }

    #[test]
    fn the_first_that_is_set_wins() {
        let path = |configured: Option<&str>, env: SpoolEnv| {
            spool_path(configured.map(Path::new), &env, 7, "fix.worker").display().to_string()
        };
        let all = || env(Some("/var/lib/a:/var/lib/b"), Some("/home/x/.state"));
        assert_eq!(path(Some("/spool"), all()), "/spool");
        assert_eq!(path(Some(""), all()), "/var/lib/a");
        assert_eq!(path(None, all()), "/var/lib/a");
        assert_eq!(path(None, env(Some(""), Some("/home/x/.state"))), "/home/x/.state/fixworker");
        let temporary = path(None, env(None, Some("relative")));
        assert!(temporary.starts_with("/tmp/fixworker-7-"), "{temporary}");
        assert_eq!(temporary, path(None, env(None, Some(""))));
        assert_ne!(temporary, spool_path(None, &env(None, None), 7, "other").display().to_string());
        let at_home = path(None, SpoolEnv { home: Some("/home/x".into()), ..env(None, None) });
        assert!(at_home.starts_with("/home/x/.local/state/fixworker-"), "{at_home}");
    }
}
