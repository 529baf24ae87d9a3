//! What the daemon and the one-shot share: the fleet, the description of the collectors, the spool.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fixworker_fleet::{Fleet, RunDirError};
use fixworker_graph::spool::{MemoryLimits, SpoolDir, SpoolEnv, SpoolError, spool_path};
use fixworker_settings::SupervisorSettings;
use fixworker_settings::collectors::Probe;
use fixworker_settings::{Environment, Facts};
use ipc_proto::job::Described;
use nix::unistd::{Pid, geteuid};

use crate::binary;
use crate::describe::{DescribeError, kind_table};
use crate::run::Tools;

/// The folder of the sockets, which goes when the worker does.
#[derive(Debug)]
pub(crate) struct RunDir(PathBuf);

const RUN_DIR: &str = "fixworker-run";

impl RunDir {
    /// A folder for this process in `$XDG_RUNTIME_DIR`, or the system's folder for temporary files. Folders of
    /// ours that a killed worker has left are removed.
    pub(crate) fn for_this_process() -> Self {
        let parent = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_dir());
        let parent = parent.unwrap_or_else(std::env::temp_dir);
        sweep(&parent);
        Self(parent.join(format!("{RUN_DIR}-{}-{}", geteuid(), Pid::this())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!("the run directory {} stays behind: {error}", self.0.display());
        }
    }
}

fn sweep(parent: &Path) {
    let prefix = format!("{RUN_DIR}-{}-", geteuid());
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.parse::<u32>().ok());
        let is_dead = pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists());
        if is_dead && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // Only sockets are in it; what does not go is reported by nobody and hurts nobody.
            let sockets = std::fs::read_dir(entry.path()).into_iter().flatten().flatten();
            sockets.for_each(|socket| drop(std::fs::remove_file(socket.path())));
            drop(std::fs::remove_dir(entry.path()));
        }
    }
}

/// Prepares to start children. The settings are the defaults until [`fleet_settings`] brings the configured ones.
pub(crate) fn fleet(collector_bin: Option<PathBuf>, run_dir: &RunDir) -> Result<Fleet, RunDirError> {
    let this_program = std::env::current_exe().ok();
    let binary = binary::find(collector_bin, this_program.as_deref(), std::env::var_os("PATH").as_deref());
    let mut settings = fixworker_fleet::Settings::new(binary, run_dir.path());
    // A child that cannot even say what it is will not do better in a second.
    settings.max_attempts = 1;
    Fleet::new(settings)
}

/// How often children of the daemon show a sign of life.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);
/// The same where somebody watches.
pub(crate) const LIVE_HEARTBEAT: Duration = Duration::from_secs(1);

/// The configured settings in place of the ones in force.
pub(crate) fn update_fleet(fleet: &Fleet, settings: &SupervisorSettings, heartbeat: Duration) {
    let mut new = (*fleet.settings()).clone();
    new.max_attempts = settings.max_attempts;
    new.handshake_timeout = settings.handshake_timeout;
    new.stall_timeout = settings.stall_timeout;
    new.no_progress_timeout = settings.no_progress_timeout;
    new.grace = settings.grace;
    new.backoff_initial = settings.backoff_initial;
    new.backoff_max = settings.backoff_max;
    new.memory_limit = settings.child_memory_limit_mb.map(|mib| mib.saturating_mul(1 << 20));
    new.nice = settings.child_nice.into();
    new.max_children = settings.max_children;
    // Two lost beats are no stall.
    new.heartbeat = heartbeat.min(settings.stall_timeout / 3).max(Duration::from_millis(1));
    fleet.update(new);
}

/// Opens the spool at its configured or default place.
pub(crate) fn spool(settings: &SupervisorSettings, subscriber: &str) -> Result<SpoolDir, SpoolError> {
    let configured = settings.spool_dir.as_deref().map(Path::new);
    let path = spool_path(configured, &SpoolEnv::from_process(), geteuid().as_raw(), subscriber);
    SpoolDir::open(&path, MemoryLimits::default())
}

/// The facts of this host, with the collectors that have credentials.
pub(crate) fn facts(described: &[Described], environment: &Environment) -> Facts {
    let home = std::env::home_dir();
    let probe = Probe { environment, home: home.as_deref(), exists: &|path: &Path| path.exists() };
    Facts::of_this_host(fixworker_settings::collectors::auto_enabled(described, probe))
}

/// What runs are made with: the same for the daemon and the one-shot.
pub(crate) fn tools(
    fleet: Fleet,
    spool: SpoolDir,
    described: Arc<[Described]>,
    environment: Environment,
) -> Result<Tools, DescribeError> {
    let kinds = kind_table(&described)?;
    let trusting_kinds = Arc::new(kinds.clone().trusting());
    let (kinds, environment) = (Arc::new(kinds), Arc::new(environment));
    Ok(Tools { fleet, spool, described, kinds, trusting_kinds, environment })
}
