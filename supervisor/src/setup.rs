//! What the daemon and the one-shot share: the fleet, the description of the collectors, the spool.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fixworker_fixcore::proxy::ProxySettings;
use fixworker_fixcore::{Endpoint, EndpointError, VerifyMode};
use fixworker_fleet::Fleet;
use fixworker_fleet::walls::Walls;
use fixworker_graph::spool::{
    MemoryLimits, SpoolDir, SpoolEnv, SpoolError, spool_path, temporary_spool_path,
};
use fixworker_settings::SupervisorSettings;
use fixworker_settings::cli::CoreArgs;
use fixworker_settings::collectors::Probe;
use fixworker_settings::{Environment, Facts, Running};
use ipc_proto::job::Described;
use nix::unistd::geteuid;

use crate::binary;
use crate::broker::Brokers;
use crate::describe::{Collectors, DescribeError, kind_table};
use crate::walls;
use crate::work::Tools;

/// Prepares to start children, which do not reach fixcore at its port. The settings are the defaults until [`fleet_settings`] brings the configured ones.
pub(crate) fn fleet(collector_bin: Option<PathBuf>, fixcore: Option<u16>) -> Fleet {
    let this_program = std::env::current_exe().ok();
    let binary = binary::find(collector_bin, this_program.as_deref(), std::env::var_os("PATH").as_deref());
    let mut settings = fixworker_fleet::Settings::new(binary);
    // A child that cannot even say what it is will not do better in a second.
    settings.max_attempts = 1;
    settings.walls = Walls { closed_ports: walls::closable(fixcore).collect(), ..Walls::default() }.into();
    Fleet::new(settings)
}

/// Where fixcore is and how to trust it, as the command line says.
pub(crate) fn endpoint(core: &CoreArgs) -> Result<Endpoint, EndpointError> {
    let verify = match (&core.ca_cert, core.verify_certs) {
        (_, false) => VerifyMode::None,
        (Some(path), true) => VerifyMode::CustomCa(path.clone()),
        (None, true) => VerifyMode::FixcoreCa,
    };
    let endpoint = Endpoint::new(&core.fixcore_uri)?;
    let endpoint = endpoint.with_psk(core.psk.clone()).with_verify(verify);
    let endpoint = endpoint.with_ca_fingerprint(core.ca_fingerprint.clone());
    Ok(endpoint.with_proxies(ProxySettings::from_env()))
}

/// How often children of the daemon show a sign of life.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);
/// The same where somebody watches.
pub(crate) const LIVE_HEARTBEAT: Duration = Duration::from_secs(1);

/// The configured settings in place of the ones in force.
pub(crate) fn update_fleet(
    fleet: &Fleet,
    running: &Running,
    collectors: &Collectors,
    environment: &Environment,
    fixcore: Option<u16>,
    heartbeat: Duration,
) {
    let settings = running.supervisor();
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
    new.walls = walls::walls(running, collectors, environment, fixcore).into();
    // Two lost beats are no stall.
    new.heartbeat = heartbeat.min(settings.stall_timeout / 3).max(Duration::from_millis(1));
    fleet.update(new);
}

/// Opens the spool at its configured or default place.
pub(crate) fn spool(settings: &SupervisorSettings, subscriber: &str) -> Result<SpoolDir, SpoolError> {
    let configured = settings.spool_dir.as_deref().map(Path::new);
    let (env, uid) = (SpoolEnv::from_process(), geteuid().as_raw());
    let path = spool_path(configured, &env, uid, subscriber);
    let dir = SpoolDir::open(&path, MemoryLimits::default())?;
    dir.limit_disk(settings.spool_limit_mb.saturating_mul(1 << 20));
    // Where earlier releases had it: deletions that fixcore has not heard of may be there.
    let earlier = temporary_spool_path(&env, uid, subscriber);
    match dir.inherit(&earlier) {
        Ok(true) => {
            tracing::info!("what was in the spool {} is in {} now", earlier.display(), path.display());
        }
        Ok(false) => {}
        Err(error) => tracing::warn!("the spool of an earlier release is left alone: {error}"),
    }
    Ok(dir)
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
    collectors: Collectors,
    environment: Environment,
) -> Result<Tools, DescribeError> {
    let brokers = Brokers::new(fleet.clone(), collectors.clone());
    let described = collectors.described;
    let kinds = kind_table(&described)?;
    let trusting_kinds = Arc::new(kinds.clone().trusting());
    let (kinds, environment) = (Arc::new(kinds), Arc::new(environment));
    Ok(Tools { fleet, spool, described, kinds, trusting_kinds, environment, brokers })
}
