//! The walls of a child, built by the forked process around itself: Landlock for files, ports, signals and
//! abstract sockets, and a list of system calls that no collector needs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use nix::libc;
use nix::sys::stat::fstat;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use crate::walls::{Grant, Host, Plan, Reach};

/// The newest interface that the rules here were written for; an older kernel takes what it knows.
const INTERFACE: ABI = ABI::V6;

/// Calls that reach into other processes, change what the kernel or the host is, or open large and seldom used
/// parts of the kernel.
const REFUSED: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Out of the group and session that is killed with the child.
    libc::SYS_setsid,
    libc::SYS_setpgid,
    // Namespaces and file systems.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_fanotify_init,
    // Parts of the kernel with a history.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // The host.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
];

/// Kinds of sockets that are left: local ones, IP, and the kernel's list of interfaces.
const FAMILIES: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// Namespaces that `clone` could make.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// The compiled filters, the same for all children.
#[derive(Debug)]
pub(super) struct Filters(Vec<BpfProgram>);

impl Filters {
    /// Compiles them; none on an architecture that is not known.
    pub(super) fn compile() -> Self {
        let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Self(Vec::new()) };
        let filters = [missing(arch), refused(arch)];
        Self(filters.into_iter().collect::<Result<_, _>>().unwrap_or_default())
    }
}

/// `clone3` hides its flags in memory, where no filter can look. Programs go back to `clone` when it is missing.
fn missing(arch: TargetArch) -> Result<BpfProgram, seccompiler::BackendError> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    program(rules, libc::ENOSYS, arch)
}

fn refused(arch: TargetArch) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<_, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let condition = |argument, op, value: libc::c_int| {
        let value = u64::from(value.cast_unsigned());
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, value)
    };
    let mut namespaces = Vec::new();
    for flag in NAMESPACES {
        let masked = SeccompCmpOp::MaskedEq(u64::from(flag.cast_unsigned()));
        namespaces.push(SeccompRule::new(vec![condition(0, masked, flag)?])?);
    }
    rules.insert(libc::SYS_clone, namespaces);
    // Limits of others; one's own are asked for with 0.
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![condition(0, SeccompCmpOp::Ne, 0)?])?]);
    let others = FAMILIES.map(|family| condition(0, SeccompCmpOp::Ne, family));
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(others.into_iter().collect::<Result<_, _>>()?)?]);
    program(rules, libc::EPERM, arch)
}

fn program(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    error: libc::c_int,
    arch: TargetArch,
) -> Result<BpfProgram, seccompiler::BackendError> {
    let error = SeccompAction::Errno(error.cast_unsigned());
    let mut program = BpfProgram::try_from(SeccompFilter::new(rules, SeccompAction::Allow, error, arch)?)?;
    if cfg!(target_arch = "x86_64") {
        program.splice(0..0, no_x32());
    }
    Ok(program)
}

/// Calls of the x32 interface have the numbers of others and a bit, so a list of numbers does not meet them.
fn no_x32() -> [seccompiler::sock_filter; 3] {
    const X32_BIT: u32 = 0x4000_0000;
    const ENOSYS: u32 = 38;
    let step = |code, jt, jf, k| seccompiler::sock_filter { code, jt, jf, k };
    [
        // Load the number of the call; below the bit go on behind these three; else it does not exist.
        step(0x20, 0, 0, 0),
        step(0x35, 0, 1, X32_BIT),
        step(0x06, 0, 0, 0x0005_0000 | ENOSYS),
    ]
}

/// Goes inside. `no_new_privs` must be set.
pub(super) fn enter(plan: &Plan, temp: Option<&Path>, filters: &Filters) -> io::Result<()> {
    let status = restrict(plan, temp).map_err(|_| io::Error::from_raw_os_error(libc::EPERM))?;
    let complete = status == RulesetStatus::FullyEnforced;
    let mut filtered = !filters.0.is_empty();
    for filter in &filters.0 {
        filtered &= seccompiler::apply_filter(filter).is_ok();
    }
    if plan.required && !(complete && filtered) {
        return Err(io::Error::from_raw_os_error(libc::ENOSYS));
    }
    Ok(())
}

fn restrict(plan: &Plan, temp: Option<&Path>) -> Result<RulesetStatus, RulesetError> {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let ruleset = ruleset.handle_access(AccessFs::from_all(INTERFACE))?.handle_access(AccessNet::BindTcp)?;
    let mut ruleset = ruleset.scope(Scope::from_all(INTERFACE))?.create()?;
    let temp = temp.map(|path| Grant { path: path.to_owned(), access: Reach::Write });
    for grant in plan.grants.iter().chain(&temp) {
        // What is not there needs no rule.
        let Ok(fd) = PathFd::new(&grant.path) else { continue };
        let rights = rights(grant.access);
        let rights = if is_folder(&fd) { rights } else { rights & AccessFs::from_file(INTERFACE) };
        ruleset = ruleset.add_rule(PathBeneath::new(fd, rights))?;
    }
    // Its own entry, where it offers itself to the kernel when memory is short.
    if let Ok(fd) = PathFd::new("/proc/self") {
        ruleset = ruleset.add_rule(PathBeneath::new(fd, AccessFs::ReadFile | AccessFs::WriteFile))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// Asked of the descriptor: to walk the path again would be the largest part of what walls cost.
fn is_folder(fd: &PathFd) -> bool {
    fstat(fd).is_ok_and(|meta| meta.st_mode & libc::S_IFMT == libc::S_IFDIR)
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
        seccomp: status.contains("\nSeccomp:") && !Filters::compile().0.is_empty(),
        namespaces,
        groups: super::controls(),
    }
}
