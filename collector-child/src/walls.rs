//! The narrow walls: what this process keeps of what the supervisor has left it, once it knows its first job.
//!
//! The supervisor builds walls around any program, before it knows what that needs. When the job is known, much
//! of it is not needed: other collectors' files, programs to start, other ports. So a second Landlock domain is
//! entered, which can only take away. A process that is not inside walls (`supervisor.sandbox: off`, an old
//! kernel) builds none.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use collector::Collector;
use ipc_proto::job::{Job, PathAccess, PathGrant, Start};
use ipc_proto::paths::{CERTIFICATES, OPERATOR_PATHS, Sources, names_programs, operator_grant, ports_in};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
};
use nix::libc;
use nix::sys::stat::fstat;
use serde_json::Value;

/// The newest interface that the rules here were written for; an older kernel takes what it knows.
const INTERFACE: ABI = ABI::V5;
/// Ports of every cloud: https, and http of services on the host itself (metadata, credentials); names over TCP.
const PORTS: [u16; 3] = [443, 80, 53];
/// The same for a process that has the credentials of its account.
const SEALED_PORTS: [u16; 2] = [443, 53];
/// Files and folders that libraries read: names, certificates, time zones, their own parts. A folder of programs is
/// here to be read only.
const SYSTEM: [&str; 10] =
    ["/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/sys", "/dev", "/run/systemd/resolve", "/run/nscd"];
/// No more of a file is looked at for programs and ports.
const MAX_LOOK: u64 = 1 << 20;

/// What a job needs.
#[derive(Debug, PartialEq, Eq)]
struct Needs {
    files: Vec<(PathBuf, PathAccess)>,
    /// Ports it may connect to.
    ports: BTreeSet<u16>,
}

/// Whether the supervisor has built walls around this process: inside them nobody lists the root directory.
fn is_inside() -> bool {
    fs::read_dir("/").is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// Narrows the walls to what the first job needs. What cannot be narrowed stays as the supervisor made it, so
/// an error costs nothing but a line in the log.
pub(crate) fn narrow(collectors: &[Box<dyn Collector>], start: &Start) {
    if !is_inside() {
        return;
    }
    match needs(collectors, start, granted_to_all()).map(enter) {
        Some(Ok(())) => tracing::debug!("walls are narrowed to this job"),
        Some(Err(error)) => tracing::warn!("walls cannot be narrowed to this job: {error}"),
        None => {
            tracing::debug!("a program gives the credentials or does the work, so walls stay as they are");
        }
    }
}

/// What the job needs beside `common`; `None` if that cannot be said, because programs of others take part.
fn needs(
    collectors: &[Box<dyn Collector>],
    start: &Start,
    common: Vec<(PathBuf, PathAccess)>,
) -> Option<Needs> {
    let (name, config, seal) = subject(&start.job);
    let collector = name.and_then(|name| collectors.iter().find(|collector| collector.name() == name));
    let grants = collector.map(|collector| grants(&**collector, seal.is_some())).unwrap_or_default();
    let config: Value = serde_json::from_str(config).unwrap_or_default();
    let home = std::env::home_dir();
    let variable = |name: &str| {
        let sent = start.environment.iter().find(|variable| variable.name == name);
        sent.map(|variable| variable.value.expose().clone()).or_else(|| std::env::var(name).ok())
    };
    let sources = Sources { home: home.as_deref(), variable, setting: |name: &str| texts_of(&config[name]) };
    let expand = |grant: &PathGrant| {
        let access = grant.access;
        grant.expand(&sources).into_iter().map(move |path| (path, access)).collect::<Vec<_>>()
    };
    // A program does the work, and nobody knows what that needs.
    if grants.iter().any(|grant| grant.access == PathAccess::Execute) {
        return None;
    }
    let mut files: Vec<_> = grants.iter().flat_map(expand).collect();
    let reaches_out = !files.is_empty();
    files.extend(common);
    let mut ports = BTreeSet::new();
    if let Some(seal) = seal {
        // Without 80: whatever gives a machine its credentials listens there.
        ports.extend(SEALED_PORTS);
        ports.extend(ports_in(&String::from_utf8_lossy(seal)));
    } else if collector.is_some() && reaches_out || !start.environment.is_empty() {
        ports.extend(PORTS);
    }
    for (path, _) in files.iter().filter(|(_, access)| *access == PathAccess::Programs) {
        let text = beginning(path);
        if names_programs(&text) {
            return None;
        }
        ports.extend(ports_in(&text));
    }
    ports.extend(ports_in(&config.to_string()));
    ports.extend(start.environment.iter().flat_map(|variable| ports_in(variable.value.expose())));
    ports.extend(std::env::vars().flat_map(|(_, value)| ports_in(&value)));
    Some(Needs { files, ports })
}

/// Certificates at places of their own, and what the operator grants.
fn granted_to_all() -> Vec<(PathBuf, PathAccess)> {
    let names = CERTIFICATES.iter().flat_map(|name| [(*name).to_owned(), name.to_lowercase()]);
    let certificates = names.filter_map(std::env::var_os).map(|path| (PathBuf::from(path), PathAccess::Read));
    let lines = std::env::var(OPERATOR_PATHS).unwrap_or_default();
    let grants = lines.lines().filter_map(operator_grant).map(|(path, access)| (path.to_owned(), access));
    certificates.chain(grants).collect()
}

/// What a collector declares, or what of that is left to a process that has the credentials of its account.
fn grants(collector: &dyn Collector, sealed: bool) -> Vec<PathGrant> {
    let all = collector.paths();
    if !sealed {
        return all;
    }
    let left = collector.brokering().map(|brokering| brokering.paths).unwrap_or_default();
    all.into_iter().filter(|grant| left.contains(grant)).collect()
}

/// The collector, its config section, and the credentials if the job has some of its own.
fn subject(job: &Job) -> (Option<&str>, &str, Option<&[u8]>) {
    let (name, config) = match job {
        Job::Seal(job) => (Some(job.job.collector()), job.job.config().expose().as_str()),
        Job::Sealed(job) => {
            let seal = job.seal.bytes.expose().as_slice();
            return (Some(job.job.collector()), job.job.config().expose(), Some(seal));
        }
        Job::Describe { .. } => (None, ""),
        Job::Accounts(job) => (Some(job.collector.as_str()), job.config.expose().as_str()),
        Job::Collect(job) | Job::Identify(job) => {
            (Some(job.collector.as_str()), job.config.expose().as_str())
        }
        Job::Clean(job) => (Some(job.collector.as_str()), job.config.expose().as_str()),
        Job::Tag(job) => (Some(job.collector.as_str()), job.config.expose().as_str()),
        Job::Command(job) => (Some(job.collector.as_str()), job.config.expose().as_str()),
    };
    (name, config, None)
}

fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        // An entry with settings of its own has its path among them.
        Value::Array(items) => {
            let path = |item: &Value| item.as_str().or_else(|| item.get("path")?.as_str()).map(str::to_owned);
            items.iter().filter_map(path).collect()
        }
        _ => Vec::new(),
    }
}

fn beginning(path: &Path) -> String {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(MAX_LOOK).read_to_end(&mut bytes));
    if read.is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn enter(needs: Needs) -> Result<(), RulesetError> {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let ruleset = ruleset.handle_access(AccessFs::from_all(INTERFACE))?;
    let mut ruleset = ruleset.handle_access(AccessNet::from_all(INTERFACE))?.create()?;
    for path in SYSTEM {
        ruleset = allow(ruleset, Path::new(path), AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    ruleset = allow(ruleset, Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile)?;
    for (path, access) in &needs.files {
        ruleset = allow(ruleset, path, rights(*access))?;
    }
    for port in needs.ports {
        ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    ruleset.restrict_self().map(drop)
}

fn rights(access: PathAccess) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    match access {
        PathAccess::Read | PathAccess::Programs => read,
        PathAccess::Execute => read | AccessFs::Execute,
        PathAccess::Write => {
            let make = AccessFs::MakeReg | AccessFs::MakeDir | AccessFs::RemoveFile | AccessFs::RemoveDir;
            read | make | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::Refer
        }
    }
}

/// A path that is not there needs no rule.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    rights: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(fd) = PathFd::new(path) else { return Ok(ruleset) };
    let is_folder = fstat(&fd).is_ok_and(|meta| meta.st_mode & libc::S_IFMT == libc::S_IFDIR);
    let rights = if is_folder { rights } else { rights & AccessFs::from_file(INTERFACE) };
    ruleset.add_rule(PathBeneath::new(fd, rights))
}

#[cfg(test)]
mod tests {
    use ipc_proto::clean::CommandJob;
    use ipc_proto::job::{AccountsJob, Variable};
    use ipc_proto::seal::{AccountJob, Seal, SealedJob};

    use super::*;

    fn start(collector: &str, config: &Value, variables: &[(&str, &str)]) -> Start {
        let variable = |(name, value): &(&str, &str)| Variable {
            name: (*name).to_owned(),
            value: (*value).to_owned().into(),
        };
        let job = AccountsJob { collector: collector.to_owned(), config: config.to_string().into() };
        Start {
            job: Job::Accounts(job),
            remaining: None,
            environment: variables.iter().map(variable).collect(),
        }
    }

    fn needs_of(start: &Start) -> Option<Needs> {
        needs(&crate::collectors::all(), start, Vec::new())
    }

    #[test]
    fn the_file_collector_reads_the_configured_files_only() {
        let config = serde_json::json!({"paths": ["/data/one.ndjson", "/exports"]});
        let needs = needs_of(&start("file", &config, &[])).unwrap();
        let paths: Vec<_> = needs.files.iter().map(|(path, _)| path.as_path()).collect();
        assert_eq!(paths, [Path::new("/data/one.ndjson"), Path::new("/exports")]);
        assert!(needs.files.iter().all(|(_, access)| *access == PathAccess::Read));
    }

    #[test]
    fn a_collector_without_a_cloud_connects_to_nothing() {
        let needs = needs_of(&start("example", &serde_json::json!({}), &[])).unwrap();
        assert!(needs.files.is_empty(), "{needs:?}");
        assert!(!needs.ports.contains(&443), "{needs:?}");
    }

    #[test]
    fn addresses_in_variables_and_settings_open_their_ports() {
        let config = serde_json::json!({"endpoint": "http://localhost:4566"});
        let variables =
            [("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"), ("AWS_CONFIG_FILE", "/nowhere/config")];
        let needs = needs_of(&start("aws", &config, &variables)).unwrap();
        for port in [443, 80, 4566, 5000] {
            assert!(needs.ports.contains(&port), "{port}: {needs:?}");
        }
        assert!(needs.files.contains(&("/nowhere/config".into(), PathAccess::Programs)), "{needs:?}");
    }

    #[test]
    fn a_credential_process_keeps_the_walls_wide() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let start = start("aws", &serde_json::json!({}), &[("AWS_CONFIG_FILE", file.to_str().unwrap())]);
        fs::write(&file, "[profile x]\nendpoint_url = http://10.0.0.1:9000\n").unwrap();
        assert!(needs_of(&start).unwrap().ports.contains(&9000));
        fs::write(&file, "[profile x]\ncredential_process = /opt/vault\n").unwrap();
        assert_eq!(needs_of(&start), None);
    }

    #[test]
    fn a_job_with_credentials_of_its_account_reads_none_and_asks_no_machine_for_some() {
        let variables = [("AWS_CA_BUNDLE", "/certs.pem"), ("AWS_CONFIG_FILE", "/nowhere/config")];
        let Start { environment, .. } = start("aws", &serde_json::json!({}), &variables);
        let job = AccountJob::Command(Box::new(CommandJob {
            collector: "aws".to_owned(),
            config: "{}".to_owned().into(),
            name: "aws".to_owned(),
            args: Vec::new(),
            node_json: None,
        }));
        let bytes =
            br#"{"secret": "x", "settings": "endpoint_url = http://10.0.0.1:9000\nregion = x\n"}"#.to_vec();
        let seal = Seal { bytes: bytes.into(), remaining: None, shared: None };
        let start =
            Start { job: Job::Sealed(Box::new(SealedJob { job, seal })), remaining: None, environment };
        let needs = needs_of(&start).unwrap();
        // Beside what this machine may name.
        assert!(needs.files.contains(&("/certs.pem".into(), PathAccess::Read)), "{needs:?}");
        let mut names = needs.files.iter().map(|(path, _)| path.to_string_lossy());
        assert!(!names.any(|name| name.contains(".aws") || name.contains("/config")), "{needs:?}");
        for (port, open) in [(443, true), (9000, true), (80, false)] {
            assert_eq!(needs.ports.contains(&port), open, "{port}: {needs:?}");
        }
    }

    #[test]
    fn a_test_is_not_inside_walls() {
        assert!(!is_inside());
    }
}
