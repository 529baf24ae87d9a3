//! The walls of a child: Landlock for files, ports, signals and abstract sockets, and a list of system calls that no
//! collector needs. The fork server prepares them, the forked process goes inside.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd,
    PathFdError, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus,
    Scope,
};
use nix::libc;
use nix::sys::stat::fstat;

use super::filter::{Doors, Filters};
use crate::walls::{Host, Plan, Reach, base};

/// The newest interface that the rules here were written for; an older kernel takes what it knows.
const INTERFACE: ABI = ABI::V6;

/// How long opened paths are used again. A file that is replaced meanwhile (`/etc/resolv.conf`) is missed by the
/// children of that time, as it is by those that were started before.
const KEPT: Duration = Duration::from_secs(1);
/// How long the rules for ports are kept, which are some megabytes of the kernel's memory.
const PORTS_KEPT: Duration = Duration::from_secs(20);
/// Plans whose paths are kept open: of the collectors that are at work at the same time.
const PLANS: usize = 4;

/// Makes the walls of children. Kept by the fork server, because much of them is the same for many.
pub(super) struct Builder {
    filters: Filters,
    opened: Vec<Opened>,
    closed: Option<Closed>,
}

/// A wall with a door at each port but these. Landlock knows only what is allowed, so that it has 65,534 rules: it is made once,
/// and costs a child 13 ms of CPU when it goes inside.
struct Closed {
    ports: Vec<u16>,
    since: Instant,
    ruleset: RulesetCreated,
}

/// The paths of a plan that are there.
struct Opened {
    plan: Plan,
    since: Instant,
    paths: Vec<(PathFd, BitFlags<AccessFs>)>,
}

/// The walls of one child, which it has to enter itself.
pub(super) struct Built {
    ruleset: RulesetCreated,
    /// See [`Closed`].
    ports: Option<RulesetCreated>,
    required: bool,
    doors: Doors,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self { filters: Filters::compile(), opened: Vec::new(), closed: None }
    }

    /// For a child with this folder for temporary files.
    pub(super) fn build(&mut self, plan: &Plan, temp: Option<&Path>) -> io::Result<Built> {
        self.forget_old();
        if !self.opened.iter().any(|opened| opened.plan == *plan) {
            self.opened.truncate(PLANS - 1);
            // The next child is most likely of the same plan.
            self.opened.insert(0, Opened::open(plan)?);
        }
        let known = self.opened.iter().find(|opened| opened.plan == *plan);
        let known = known.map_or(&[][..], |opened| &opened.paths);
        let temp = temp.and_then(|path| open(path, Reach::Write).transpose()).transpose()?;
        let ruleset = ruleset(known.iter().chain(&temp)).map_err(refused)?;
        let doors = Doors { local_sockets: plan.local_sockets };
        let ports = self.ports(&plan.closed_ports)?;
        Ok(Built { ruleset, ports, required: plan.required, doors })
    }

    fn ports(&mut self, closed: &[u16]) -> io::Result<Option<RulesetCreated>> {
        if closed.is_empty() {
            return Ok(None);
        }
        if self.closed.as_ref().is_none_or(|known| known.ports != closed) {
            let ruleset = all_ports_but(closed).map_err(refused)?;
            self.closed = Some(Closed { ports: closed.to_vec(), since: Instant::now(), ruleset });
        }
        let Some(known) = &mut self.closed else { return Ok(None) };
        known.since = Instant::now();
        known.ruleset.try_clone().map(Some)
    }

    /// Whether paths are open.
    pub(super) fn is_holding(&self) -> bool {
        !self.opened.is_empty() || self.closed.is_some()
    }

    /// Closes what was opened long ago, so that nothing keeps a file system from being unmounted.
    pub(super) fn forget_old(&mut self) {
        self.opened.retain(|opened| opened.since.elapsed() < KEPT);
        self.closed.take_if(|closed| closed.since.elapsed() > PORTS_KEPT);
    }

    pub(super) fn filters(&self) -> &Filters {
        &self.filters
    }
}

impl Opened {
    fn open(plan: &Plan) -> io::Result<Self> {
        let base = base().map(|(path, reach)| open(Path::new(path), reach));
        let own = plan.grants.iter().map(|grant| open(&grant.path, grant.access));
        let paths = base.chain(own).filter_map(Result::transpose).collect::<io::Result<_>>()?;
        Ok(Self { plan: plan.clone(), since: Instant::now(), paths })
    }
}

/// A path with what may be done there; what is not there, or not to be reached by us, needs no rule.
fn open(path: &Path, reach: Reach) -> io::Result<Option<(PathFd, BitFlags<AccessFs>)>> {
    let fd = match PathFd::new(path) {
        Ok(fd) => fd,
        Err(PathFdError::OpenCall { source, .. })
            if [libc::EMFILE, libc::ENFILE].iter().any(|code| source.raw_os_error() == Some(*code)) =>
        {
            return Err(source);
        }
        Err(_) => return Ok(None),
    };
    // Asked of the descriptor: to walk the path again would cost as much as to open it.
    let is_folder = fstat(&fd).is_ok_and(|meta| meta.st_mode & libc::S_IFMT == libc::S_IFDIR);
    let rights = rights(reach);
    Ok(Some((fd, if is_folder { rights } else { rights & AccessFs::from_file(INTERFACE) })))
}

fn ruleset<'a>(
    paths: impl Iterator<Item = &'a (PathFd, BitFlags<AccessFs>)>,
) -> Result<RulesetCreated, RulesetError> {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let ruleset = ruleset.handle_access(AccessFs::from_all(INTERFACE))?.handle_access(AccessNet::BindTcp)?;
    let mut ruleset = ruleset.scope(Scope::from_all(INTERFACE))?.create()?;
    for (fd, rights) in paths {
        ruleset = ruleset.add_rule(PathBeneath::new(fd, *rights))?;
    }
    Ok(ruleset)
}

fn all_ports_but(closed: &[u16]) -> Result<RulesetCreated, RulesetError> {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let mut ruleset = ruleset.handle_access(AccessNet::ConnectTcp)?.create()?;
    for port in (1..=u16::MAX).filter(|port| !closed.contains(port)) {
        ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    Ok(ruleset)
}

fn refused(_: RulesetError) -> io::Error {
    io::Error::from_raw_os_error(libc::EPERM)
}

impl Built {
    /// Goes inside. `no_new_privs` must be set.
    pub(super) fn enter(self, filters: &Filters) -> io::Result<()> {
        let mut ruleset = self.ruleset;
        // Its own entry, where it offers itself to the kernel when memory is short.
        if let Ok(fd) = PathFd::new("/proc/self") {
            let own = PathBeneath::new(fd, AccessFs::ReadFile | AccessFs::WriteFile);
            ruleset = ruleset.add_rule(own).map_err(refused)?;
        }
        let status = ruleset.restrict_self().map_err(refused)?.ruleset;
        // After the other one, whose rules would otherwise be copied with all of these.
        let ports = self.ports.map(|ports| ports.restrict_self().map(|status| status.ruleset)).transpose();
        let closed = matches!(ports.map_err(refused)?, None | Some(RulesetStatus::FullyEnforced));
        let filtered = filters.apply(self.doors).is_ok();
        if self.required && !(status == RulesetStatus::FullyEnforced && closed && filtered) {
            return Err(io::Error::from_raw_os_error(libc::ENOSYS));
        }
        Ok(())
    }
}

fn rights(reach: Reach) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    match reach {
        Reach::Read => read,
        Reach::Execute => read | AccessFs::Execute,
        Reach::Write => {
            let make = AccessFs::MakeReg | AccessFs::MakeDir | AccessFs::RemoveFile | AccessFs::RemoveDir;
            read | make | AccessFs::MakeSym | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::Refer
        }
    }
}

/// The version of Landlock's interface that this kernel has; 0 is none.
#[expect(unsafe_code, reason = "a system call without another form")]
fn landlock_version() -> u32 {
    const VERSION: libc::c_uint = 1;
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the call reads no memory and makes nothing.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0_usize, VERSION) };
    u32::try_from(version).unwrap_or(0)
}

/// What this kernel offers.
pub(crate) fn look_at_host() -> Host {
    let landlock = landlock_version();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let namespaces = fs::read_to_string("/proc/sys/user/max_user_namespaces")
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok())
        .is_some_and(|most| most > 0);
    Host {
        landlock,
        seccomp: status.contains("\nSeccomp:") && !Filters::compile().is_empty(),
        namespaces,
        groups: super::controls(),
    }
}
