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
    /// The directory for temporary files.
    pub temp_dir: PathBuf,
}

impl SpoolEnv {
    /// The environment of this process.
    pub fn from_process() -> Self {
        Self {
            state_directory: std::env::var("STATE_DIRECTORY").ok(),
            xdg_state_home: std::env::var("XDG_STATE_HOME").ok(),
            temp_dir: std::env::temp_dir(),
        }
    }
}

/// The spool directory: `configured` (`supervisor.spool_dir`), else `$STATE_DIRECTORY`, else
/// `$XDG_STATE_HOME/fixworker`, else `<tmp>/fixworker-<uid>-<hash of the subscriber id>`.
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
    let hash = Params::new().hash_length(8).hash(subscriber_id.as_bytes()).to_hex();
    env.temp_dir.join(format!("fixworker-{uid}-{hash}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(state: Option<&str>, xdg: Option<&str>) -> SpoolEnv {
        let text = |value: Option<&str>| value.map(str::to_owned);
        SpoolEnv { state_directory: text(state), xdg_state_home: text(xdg), temp_dir: "/tmp".into() }
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
    }
}
