//! Between fork and exec: everything that a child must not have is taken from it here, so that it also holds for
//! a program that is not ours.
//!
//! Its own session, death with its parent, no new privileges, limits, no inherited descriptors, default signal
//! handling. The `oom_score_adj` is missing on purpose: it belongs to root as long as this image is closed to
//! other processes, and `fix-collector` raises it itself.
#![expect(unsafe_code, reason = "exec, and system calls that have no safe form")]

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::libc;
use nix::sys::prctl;
use nix::unistd::{Gid, Pid, Uid, getppid};

use super::filter::Filters;
use super::walls::Built;
use super::wire::{DESCRIPTORS, Launch};

/// Program, arguments and environment, ready for the kernel.
///
/// The standard library would call `execvp`, which hands a program of another architecture to the shell.
pub(super) struct Image {
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Image {
    /// `temp` is the folder for temporary files instead of that of the supervisor.
    pub(super) fn new(launch: &Launch, environment: &[CString], temp: Option<&Path>) -> io::Result<Self> {
        let text = |argument: &std::ffi::OsString| CString::new(argument.as_bytes()).map_err(io::Error::from);
        let arguments = launch.command.iter().map(text).collect::<io::Result<Vec<_>>>()?;
        if arguments.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut environment = environment.to_vec();
        if let Some(temp) = temp {
            environment.retain(|variable| !variable.as_bytes().starts_with(TEMP));
            environment.push(CString::new([TEMP, temp.as_os_str().as_bytes()].concat())?);
        }
        environment.extend(launch.variable.as_deref().map(CString::new).transpose()?);
        Ok(Self { arguments, environment })
    }

    /// Becomes the program; returns only if that fails.
    fn exec(&self) -> io::Error {
        let pointers = |texts: &[CString]| {
            texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect::<Vec<_>>()
        };
        let (arguments, environment) = (pointers(&self.arguments), pointers(&self.environment));
        // SAFETY: both lists hold pointers to zero-terminated strings that outlive the call, and end with a
        // null pointer.
        unsafe { libc::execve(arguments[0], arguments.as_ptr(), environment.as_ptr()) };
        io::Error::last_os_error()
    }
}

/// The variable that names the folder for temporary files.
const TEMP: &[u8] = b"TMPDIR=";

/// What a forked process knows of its start.
pub(super) struct Start<'a> {
    pub(super) launch: &'a Launch,
    pub(super) fds: &'a [OwnedFd; DESCRIPTORS],
    pub(super) server: Pid,
    pub(super) filters: &'a Filters,
    /// It has a user and a process id namespace of its own.
    pub(super) namespace: bool,
    /// User and group, as they are outside.
    pub(super) ids: (Uid, Gid),
    /// The sandbox, or why there is none.
    pub(super) walls: Option<io::Result<Built>>,
}

/// Keeps user and group as they are outside. The files belong to root while this image is closed to others.
fn map_ids((user, group): (Uid, Gid)) -> io::Result<()> {
    prctl::set_dumpable(true)?;
    let written = fs::write("/proc/self/setgroups", "deny")
        .and_then(|()| fs::write("/proc/self/uid_map", format!("{user} {user} 1")))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("{group} {group} 1")));
    prctl::set_dumpable(false)?;
    written
}

/// The life of a forked process until it is the program. What fails is told as a number of the system.
pub(super) fn become_child(start: Start<'_>, image: &Image) -> ! {
    let status = start.fds[DESCRIPTORS - 1].as_raw_fd();
    let error = match confine(start) {
        Ok(()) => image.exec(),
        Err(error) => error,
    };
    let code = error.raw_os_error().unwrap_or(libc::EINVAL).to_ne_bytes();
    // SAFETY: the buffer is valid for its length; _exit has no precondition.
    unsafe {
        libc::write(status, code.as_ptr().cast(), code.len());
        libc::_exit(127)
    }
}

fn confine(start: Start<'_>) -> io::Result<()> {
    let Start { launch, fds, server, filters, namespace, ids, walls } = start;
    if namespace {
        map_ids(ids)?;
    }
    // SAFETY: system calls with plain numbers, and with pointers to values on this stack.
    unsafe {
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong, 0, 0, 0))?;
        // The fork server may have died before that call; then nobody will ever tell us. From within a namespace
        // it cannot be seen: then the supervisor finds an orphan, and sweeps it.
        if !namespace && getppid() != server {
            libc::_exit(70);
        }
        check(libc::setsid())?;
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as libc::c_ulong, 0, 0, 0))?;
        default_signals();
        drop_capabilities();
        for (standard, fd) in (0..).zip(&fds[..3]) {
            check(libc::dup2(fd.as_raw_fd(), standard))?;
        }
        limit(libc::RLIMIT_CORE, 0)?;
        limit(libc::RLIMIT_NOFILE, fewer_than_ours(launch.open_files, hard_limit(libc::RLIMIT_NOFILE)?))?;
        limit(libc::RLIMIT_DATA, launch.data)?;
        limit(libc::RLIMIT_FSIZE, launch.file_size)?;
        if let Some(limits) = launch.limits.filter(|_| namespace && counts_apart(&kernel())) {
            limit(libc::RLIMIT_NPROC, limits.processes)?;
        }
        // Makes a host nicer and may be forbidden in a container: failing is no reason to stop.
        let own = libc::getpriority(libc::PRIO_PROCESS, 0);
        libc::setpriority(libc::PRIO_PROCESS, 0, own.saturating_add(launch.nice).clamp(-20, 19));
        close_inherited();
    }
    walls.map_or(Ok(()), |walls| walls?.enter(filters))
}

fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default()
}

/// Whether a namespace counts the processes of a user apart (Linux 5.14). Else that limit would count all processes
/// of the user on this host. It never counts those of root.
fn counts_apart(release: &str) -> bool {
    let mut numbers =
        release.split(|letter: char| !letter.is_ascii_digit()).map_while(|text| text.parse().ok());
    (numbers.next().unwrap_or(0_u32), numbers.next().unwrap_or(0_u32)) >= (5, 14)
}

/// Capabilities that children of root keep: files are the business of the sandbox.
const KEPT: [libc::c_ulong; 2] = [1 /* CAP_DAC_OVERRIDE */, 2 /* CAP_DAC_READ_SEARCH */];
/// Above the number of any capability.
const CAPABILITIES: libc::c_ulong = 64;

/// What a worker of root could not give up otherwise: with exec its child would have all capabilities again, some of
/// which reach into other processes past Landlock. Only root may do it, and only root needs it.
///
/// # Safety
/// None but that it changes this process.
unsafe fn drop_capabilities() {
    for capability in (0..CAPABILITIES).filter(|capability| !KEPT.contains(capability)) {
        // SAFETY: a system call on plain numbers.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// How the C library calls what can be limited.
#[cfg(target_env = "gnu")]
type ResourceKind = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type ResourceKind = libc::c_int;

/// # Safety
/// None but that it changes this process.
unsafe fn limit(resource: ResourceKind, wanted: libc::rlim_t) -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` is a valid rlimit for both calls.
    unsafe {
        check(libc::getrlimit(resource, &raw mut now))?;
        // The hard limit can only be lowered.
        let value = wanted.min(now.rlim_max);
        check(libc::setrlimit(resource, &libc::rlimit { rlim_cur: value, rlim_max: value }))
    }
}

/// How many files a child may have open. The kernel counts descriptors that are under way between processes for all
/// processes of a user, and refuses those of whoever may have fewer open than that are under way. So a child that sends
/// descriptors and never takes them must come to its end long before the fork server, which could start nobody else.
const fn fewer_than_ours(wanted: u64, ours: u64) -> u64 {
    if wanted < ours / 2 { wanted } else { ours / 2 }
}

/// What this process may raise a limit to.
fn hard_limit(resource: libc::__rlimit_resource_t) -> io::Result<libc::rlim_t> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` is a valid rlimit.
    unsafe { check(libc::getrlimit(resource, &raw mut now))? };
    Ok(now.rlim_max)
}

/// Signals that the supervisor ignores (nohup), or that the fork server blocks, would stay so after exec.
///
/// # Safety
/// No handler may be needed any more.
unsafe fn default_signals() {
    // SAFETY: sigaction and sigprocmask with zeroed, valid structures; unknown signals only return an error.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        for signal in 1..=64 {
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
        let none: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Marks everything above standard error to be closed by exec. Closing it here would also close the pipe through
/// which a failed exec is told.
///
/// # Safety
/// None but that it changes this process.
unsafe fn close_inherited() {
    // SAFETY: system calls on plain numbers; descriptors that are not open only return an error.
    unsafe {
        let flag = libc::CLOSE_RANGE_CLOEXEC.cast_signed();
        if libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flag) == 0 {
            return;
        }
        // Before Linux 5.11: one by one. The limit was lowered above, but what is open stays open.
        for fd in 3..65_536 {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_has_half_as_many_open_files_as_we_at_most() {
        for (ours, given) in [(1024, 512), (4096, 2048), (8192, 4096), (1 << 20, 4096), (u64::MAX, 4096)] {
            assert_eq!(fewer_than_ours(4096, ours), given, "{ours}");
        }
    }

    #[test]
    fn processes_are_counted_apart_since_5_14() {
        for (release, apart) in [
            ("6.1.0-57-cloud-amd64\n", true),
            ("5.14.0", true),
            ("5.13.19", false),
            ("4.18.0-1", false),
            ("", false),
        ] {
            assert_eq!(counts_apart(release), apart, "{release}");
        }
    }
}
