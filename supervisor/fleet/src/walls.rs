//! What a child may reach: which walls there are, and which doors are in them. Data and plain functions; the
//! walls are built by the fork server, between fork and exec.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ipc_proto::job::PathAccess;
use ipc_proto::paths::{CERTIFICATES, EXTERNAL_DIR, OPERATOR_PATHS, external_dir, names_programs};
use serde::{Deserialize, Serialize};

/// Whether children are confined to a sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sandbox {
    /// As far as this kernel has one.
    #[default]
    Auto,
    /// Completely, or a child does not start.
    Require,
    /// Not at all.
    Off,
}

/// A path that a child may reach: a file, or a folder with everything below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) path: PathBuf,
    pub(crate) access: Reach,
}

/// What may be done with files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reach {
    /// Read.
    Read,
    /// Read, write, make, remove.
    Write,
    /// Read and execute.
    Execute,
}

/// The walls of all children.
#[derive(Debug, Clone, Default)]
pub struct Walls {
    /// Whether there are any.
    pub sandbox: Sandbox,
    /// A user and process id namespace for each child.
    pub namespace: bool,
    /// What every child may reach beside what programs need anyway.
    pub common: Vec<(PathBuf, PathAccess)>,
    /// What children of a collector may reach.
    pub of_collector: BTreeMap<String, Vec<(PathBuf, PathAccess)>>,
    /// What of that is left to children with the credentials of one account.
    pub of_sealed: BTreeMap<String, Vec<(PathBuf, PathAccess)>>,
    /// What no child may reach, even where programs may be anywhere: secrets and files of the worker.
    pub hidden: Vec<PathBuf>,
    /// TCP ports that programs of others may not connect to on any host: fixcore's. `fix-collector` closes all ports itself
    /// that its job does not need.
    pub closed_ports: Vec<u16>,
}

/// The walls of one child, as the fork server builds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// A wall that cannot be built is an error.
    pub(crate) required: bool,
    /// Sockets of this host may be connected to, by their names in the file system.
    pub(crate) local_sockets: bool,
    /// Beside [`base`].
    pub(crate) grants: Vec<Grant>,
    /// TCP ports that it may not connect to.
    pub(crate) closed_ports: Vec<u16>,
}

/// Folders of programs and their parts.
const PROGRAMS: [&str; 11] = [
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/bin",
    "/sbin",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/snap",
];
/// What programs read: names of hosts and users, certificates, time, their own settings. Not all of `/etc`, where
/// secrets of services may lie.
const READ: [&str; 39] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/krb5.conf",
    "/etc/krb5.conf.d",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/etc/locale.alias",
    "/etc/machine-id",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/timezone",
    "/etc/tls",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/nscd",
    "/var/lib/ca-certificates",
    "/proc",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
];
/// Places where nothing is lost.
const WRITE: [&str; 2] = ["/dev/null", "/dev/full"];
/// No more of a file is looked at for names of programs.
const MAX_LOOK: u64 = 1 << 20;

/// What every child may reach, as far as it is there.
pub(crate) fn base() -> impl Iterator<Item = (&'static str, Reach)> {
    let all = |paths: &'static [&'static str], reach| paths.iter().map(move |path| (*path, reach));
    all(&PROGRAMS, Reach::Execute).chain(all(&READ, Reach::Read)).chain(all(&WRITE, Reach::Write))
}

impl Walls {
    /// The walls of a child of `collector` that is `binary`; `None` is no walls.
    pub(crate) fn plan(&self, collector: Option<&str>, sealed: bool, binary: &Path) -> Option<Plan> {
        let required = match self.sandbox {
            Sandbox::Off => return None,
            Sandbox::Auto => false,
            Sandbox::Require => true,
        };
        // Programs of others talk to agents and services of this host; so does who is granted such a socket.
        let mut local_sockets = false;
        let mut of_others = !is_ours(binary);
        let mut grants: Vec<_> =
            programs(binary).into_iter().map(|path| Grant { path, access: Reach::Execute }).collect();
        grants.extend(certificates());
        grants.extend(descriptions());
        let declared = if sealed { &self.of_sealed } else { &self.of_collector };
        let own = collector.and_then(|name| declared.get(name)).map_or(&[][..], Vec::as_slice);
        for (path, access) in self.common.iter().chain(own) {
            let access = match access {
                PathAccess::Read => Reach::Read,
                PathAccess::Write => Reach::Write,
                PathAccess::Execute => {
                    of_others = true;
                    Reach::Execute
                }
                PathAccess::Programs => {
                    if names_programs(&beginning(path)) {
                        of_others = true;
                        local_sockets = true;
                        // Files of other children as well.
                        let hidden: Vec<_> =
                            self.hidden.iter().cloned().chain(crate::fork_server::folders()).collect();
                        let all = all_but(Path::new("/"), &hidden);
                        grants.extend(all.into_iter().map(|path| Grant { path, access: Reach::Execute }));
                    }
                    Reach::Read
                }
            };
            if is_sane(path) {
                local_sockets |= is_socket(path);
                grants.push(Grant { path: path.clone(), access });
            }
        }
        let closed_ports = if of_others { self.closed_ports.clone() } else { Vec::new() };
        Some(Plan { required, local_sockets, grants, closed_ports })
    }
}

impl Walls {
    /// The variable that tells a child what the operator grants, so that it does not give that up.
    pub(crate) fn variable(&self) -> Option<String> {
        let letter = |access| match access {
            PathAccess::Read | PathAccess::Programs => "r",
            PathAccess::Write => "w",
            PathAccess::Execute => "x",
        };
        let line =
            |(path, access): &(PathBuf, PathAccess)| Some(format!("{}:{}", letter(*access), path.to_str()?));
        let lines: Vec<_> = self.common.iter().filter_map(line).collect();
        (!lines.is_empty()).then(|| format!("{OPERATOR_PATHS}={}", lines.join("\n")))
    }
}

/// A path that was declared, but would take the walls down, is not granted.
fn is_sane(path: &Path) -> bool {
    path.is_absolute() && path.parent().is_some() && !path.starts_with("/proc") && !path.starts_with("/sys")
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
}

/// The program itself, and the one that is installed beside us, which a wrapper may execute.
fn programs(binary: &Path) -> Vec<PathBuf> {
    [Some(binary), beside()].into_iter().flatten().map(Path::to_owned).collect()
}

/// The collector program that is installed beside this one.
fn beside() -> Option<&'static Path> {
    static BESIDE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || Some(std::env::current_exe().ok()?.parent()?.join("fix-collector"));
    BESIDE.get_or_init(find).as_deref()
}

/// Whether a program is the one that is installed beside us.
fn is_ours(binary: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    beside().and_then(real).is_some_and(|ours| real(binary) == Some(ours))
}

/// The descriptions of programs that are collectors.
fn descriptions() -> Option<Grant> {
    let path = external_dir(std::env::var_os(EXTERNAL_DIR));
    is_sane(&path).then_some(Grant { path, access: Reach::Read })
}

fn certificates() -> Vec<Grant> {
    let values = CERTIFICATES.iter().flat_map(|name| [(*name).to_owned(), name.to_lowercase()]);
    let paths = values.filter_map(std::env::var_os).map(PathBuf::from).filter(|path| is_sane(path));
    paths.map(|path| Grant { path, access: Reach::Read }).collect()
}

fn beginning(path: &Path) -> String {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(MAX_LOOK).read_to_end(&mut bytes));
    if read.is_ok() { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() }
}

/// The largest parts of `folder` in which nothing hidden is. Landlock only knows what is allowed, so everything
/// around a hidden path is named.
fn all_but(folder: &Path, hidden: &[PathBuf]) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut all = Vec::new();
    for path in entries.filter(|path| is_sane(path) && !path.is_symlink()) {
        if hidden.iter().any(|hidden| path.starts_with(hidden)) {
            continue;
        }
        if hidden.iter().any(|hidden| hidden.starts_with(&path)) {
            all.extend(all_but(&path, hidden));
        } else {
            all.push(path);
        }
    }
    all
}

/// What this host can do for walls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Host {
    /// The version of Landlock's interface; 0 is none.
    pub landlock: u32,
    /// Whether system calls can be filtered.
    pub seccomp: bool,
    /// Whether a child can have namespaces of its own.
    pub namespaces: bool,
    /// What holds for the control groups of children; `None` if this worker may make none.
    pub groups: Option<Controls>,
}

/// What the control group of a child does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Controls {
    /// All its processes can be killed at once (Linux 5.14).
    pub kill: bool,
    /// Its memory is limited.
    pub memory: bool,
    /// The number of its processes and threads is limited.
    pub pids: bool,
}

impl Controls {
    fn describe(self) -> String {
        let parts = [
            ("killed as a whole", self.kill),
            ("limited memory", self.memory),
            ("limited number of processes", self.pids),
        ];
        let parts: Vec<_> = parts.into_iter().filter(|(_, holds)| *holds).map(|(what, _)| what).collect();
        if parts.is_empty() {
            String::new()
        } else {
            format!("; each is in a cgroup of its own ({})", parts.join(", "))
        }
    }
}

impl Host {
    /// Looks at this host.
    pub fn look() -> Self {
        crate::fork_server::look_at_host()
    }

    /// Whether [`Sandbox::Require`] can be fulfilled: files, TCP ports, signals and abstract sockets (Linux 6.12)
    /// and system calls.
    pub fn is_complete(&self) -> bool {
        self.landlock >= 6 && self.seccomp
    }

    /// One sentence about what holds.
    pub fn describe(&self, sandbox: Sandbox) -> String {
        if sandbox == Sandbox::Off {
            return "children have no sandbox: it is turned off (supervisor.sandbox)".to_owned();
        }
        let mut holds = Vec::new();
        let mut lacks = Vec::new();
        for (what, is_there) in [
            ("files", self.landlock >= 1),
            ("TCP ports", self.landlock >= 4),
            ("signals and abstract sockets", self.landlock >= 6),
            ("system calls", self.seccomp),
        ] {
            if is_there { holds.push(what) } else { lacks.push(what) }
        }
        let list = |what: &[&str]| if what.is_empty() { "nothing".to_owned() } else { what.join(", ") };
        let lacking = if lacks.is_empty() {
            String::new()
        } else {
            format!("; this kernel has no walls for {}", list(&lacks))
        };
        let groups = self
            .groups
            .map_or_else(|| "; no cgroup is delegated to this worker".to_owned(), Controls::describe);
        format!("children are in a sandbox: walls for {}{lacking}{groups}", list(&holds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(plan: &Plan, path: &Path) -> Option<Reach> {
        plan.grants.iter().find(|grant| grant.path == path).map(|grant| grant.access)
    }

    #[test]
    fn a_child_reaches_what_its_collector_declares_and_no_other() {
        let own = |path: &str, access| vec![(PathBuf::from(path), access)];
        let walls = Walls {
            of_collector: BTreeMap::from([
                ("a".to_owned(), own("/data/a", PathAccess::Read)),
                ("b".to_owned(), own("/data/b", PathAccess::Write)),
                ("c".to_owned(), own("/", PathAccess::Read)),
            ]),
            ..Walls::default()
        };
        let plan = |name| walls.plan(name, false, Path::new("/x/collector")).unwrap();
        assert_eq!(reached(&plan(Some("a")), Path::new("/data/a")), Some(Reach::Read));
        assert_eq!(reached(&plan(Some("a")), Path::new("/data/b")), None);
        assert_eq!(reached(&plan(Some("b")), Path::new("/data/b")), Some(Reach::Write));
        assert_eq!(reached(&plan(Some("c")), Path::new("/")), None, "that would be no wall");
        assert_eq!(reached(&plan(None), Path::new("/data/a")), None);
        assert_eq!(reached(&plan(None), Path::new("/x/collector")), Some(Reach::Execute));
        let sealed = walls.plan(Some("a"), true, Path::new("/x")).unwrap();
        assert_eq!(reached(&sealed, Path::new("/data/a")), None, "it is not named for these");
        assert!(!sealed.local_sockets, "nothing needs them");
        let closed = Walls { closed_ports: vec![8900], ..walls.clone() };
        let ports = |name, binary| closed.plan(Some(name), false, binary).unwrap().closed_ports;
        assert_eq!(ports("a", Path::new("/x/collector")), [8900], "a program of others");
        let off = Walls { sandbox: Sandbox::Off, ..walls };
        assert_eq!(off.plan(Some("a"), false, Path::new("/x")), None);
    }

    #[test]
    fn sockets_of_the_host_are_for_programs_of_others_and_whom_one_is_granted() {
        let folder = tempfile::tempdir().unwrap();
        let (file, socket) = (folder.path().join("config"), folder.path().join("agent"));
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let opens = |path: &Path, access| {
            let walls = Walls { common: vec![(path.to_owned(), access)], ..Walls::default() };
            walls.plan(None, false, Path::new("/x")).unwrap().local_sockets
        };
        fs::write(&file, "[profile x]\nregion = y\n").unwrap();
        assert!(!opens(&file, PathAccess::Programs) && !opens(folder.path(), PathAccess::Write));
        assert!(opens(&socket, PathAccess::Write));
        fs::write(&file, "[profile x]\ncredential_process = /opt/vault\n").unwrap();
        assert!(opens(&file, PathAccess::Programs));
    }

    #[test]
    fn programs_may_be_anywhere_but_among_what_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for path in ["home/x/.aws", "home/x/bin", "home/x/spool/staging", "srv"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        let all = all_but(&root, &[root.join("home/x/spool")]);
        let mut names: Vec<_> =
            all.iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(names, ["home/x/.aws", "home/x/bin", "srv"]);
    }

    #[test]
    fn the_sentence_says_what_is_missing() {
        let host = |landlock, seccomp| Host { landlock, seccomp, namespaces: false, groups: None };
        assert_eq!(
            host(7, true).describe(Sandbox::Auto),
            "children are in a sandbox: walls for files, TCP ports, signals and abstract sockets, system calls; \
             no cgroup is delegated to this worker"
        );
        let old = host(1, true).describe(Sandbox::Auto);
        assert!(
            old.contains("; this kernel has no walls for TCP ports, signals and abstract sockets;"),
            "{old}"
        );
        let groups = Controls { kill: true, memory: false, pids: true };
        let delegated = Host { groups: Some(groups), ..host(7, true) }.describe(Sandbox::Auto);
        assert!(
            delegated.ends_with(
                "calls; each is in a cgroup of its own (killed as a whole, limited number of processes)"
            ),
            "{delegated}"
        );
        assert!(host(7, true).describe(Sandbox::Off).contains("turned off"));
        assert!(host(6, true).is_complete() && !host(5, true).is_complete() && !host(7, false).is_complete());
    }
}
