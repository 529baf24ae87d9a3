//! The only file that starts processes, and the only one with unsafe code.
//!
//! One thread starts all children and never ends. The parent-death signal of a child fires when the *thread*
//! that started it ends, so a pool thread would kill healthy children by idling out. The same thread reaps
//! leaders that nobody waits for any more.
//!
//! Everything a child must not have is taken from it before exec, so that it also holds for a program that is
//! not ours: its own process group, death with the supervisor, no new privileges, limits, no inherited
//! descriptors, default signal handling. A delegated cgroup and a sandbox would be entered in [`confine`] too.
#![expect(unsafe_code, reason = "pre_exec, pidfd_open and the calls between fork and exec have no safe form")]

use std::ffi::{CStr, CString, OsString};
use std::io::{self, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use ipc_proto::limits::TOKEN_LEN;
use ipc_proto::secret::Secret;
use nix::libc;
use nix::unistd::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::environment::{self, MAX_ENVIRONMENT};
use super::error::SpawnError;
use super::kill::Leader;

/// How often leaders that were left behind are looked at.
const REAP_INTERVAL: Duration = Duration::from_millis(50);
/// The `oom_score_adj` of a child above ours: the kernel shall take the child.
const OOM_SCORE_ABOVE: i32 = 500;

/// What to start.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) binary: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) label: String,
    pub(crate) token: Secret<[u8; TOKEN_LEN]>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) nice: i32,
    pub(crate) open_files: u64,
}

/// A process that was started.
#[derive(Debug)]
pub(crate) struct Born {
    pub(crate) leader: Leader,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

enum Order {
    Start(Box<Launch>, oneshot::Sender<Result<Born, SpawnError>>),
    Reap(Leader),
}

/// Starts a process. If the returned receiver is dropped first, the late process is killed.
pub(crate) fn spawn(launch: Launch) -> oneshot::Receiver<Result<Born, SpawnError>> {
    let (reply, receiver) = oneshot::channel();
    if let Some(orders) = thread() {
        // An order that cannot be sent drops its reply, which the receiver sees.
        let _closed = orders.send(Order::Start(Box::new(launch), reply));
    }
    receiver
}

/// Leaves a leader to the spawn thread, which reaps it whenever it exits.
pub(super) fn reap_later(leader: Leader) {
    match thread() {
        Some(orders) => {
            if let Err(mpsc::SendError(Order::Reap(leader))) = orders.send(Order::Reap(leader)) {
                forget(leader);
            }
        }
        None => forget(leader),
    }
}

/// Without the thread nobody can reap; dropping would come back here.
fn forget(leader: Leader) {
    warn!(pid = leader.pid().as_raw(), "no thread is left to reap a child");
    std::mem::forget(leader);
}

/// The thread, started on first use. It lives as long as the program, because its sender is never dropped.
fn thread() -> Option<&'static mpsc::Sender<Order>> {
    static ORDERS: OnceLock<Option<mpsc::Sender<Order>>> = OnceLock::new();
    let start = || {
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new().name("spawn".to_owned());
        match thread.spawn(move || serve(&receiver)) {
            Ok(_) => Some(sender),
            Err(error) => {
                warn!("cannot start the thread that starts children: {error}");
                None
            }
        }
    };
    ORDERS.get_or_init(start).as_ref()
}

fn serve(orders: &mpsc::Receiver<Order>) {
    let mut left_behind: Vec<Leader> = Vec::new();
    loop {
        let order = if left_behind.is_empty() {
            orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            orders.recv_timeout(REAP_INTERVAL)
        };
        match order {
            Ok(Order::Start(launch, reply)) if !reply.is_closed() => {
                // If nobody takes it, the leader inside is killed and reaped by its Drop.
                let _unwanted = reply.send(start(&launch));
            }
            Ok(Order::Start(..)) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Order::Reap(leader)) => left_behind.push(leader),
            Err(RecvTimeoutError::Disconnected) => return,
        }
        left_behind.retain_mut(|leader| {
            let exit = leader.try_reap();
            if let Some(exit) = exit {
                info!(pid = leader.pid().as_raw(), "a child that was left behind has ended with {exit}");
            }
            !leader.is_reaped()
        });
    }
}

fn start(launch: &Launch) -> Result<Born, SpawnError> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
    let mut command = Command::new(&launch.binary);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0);
    let confinement = Confinement::new(launch);
    let image = Image::new(launch).map_err(|error| SpawnError::from_io(&launch.binary, error))?;
    // SAFETY: the closure runs between fork and exec of a process with several threads, so it may only make
    // async-signal-safe calls. `confine` and `exec` make system calls on plain values that were prepared before
    // the fork; they neither allocate nor take a lock.
    unsafe {
        command.pre_exec(move || {
            confine(&confinement)?;
            Err(image.exec())
        });
    }
    let mut child = command.spawn().map_err(|error| SpawnError::from_io(&launch.binary, error))?;
    // From here on `leader` owns the process: std's Child neither kills nor reaps when dropped.
    let leader = Leader::new(Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX)));
    if let Some(mut stdin) = child.stdin.take()
        && let Err(error) = stdin.write_all(launch.token.expose())
    {
        // It has died already, or closed its input: the handshake will tell.
        warn!(pid = leader.pid().as_raw(), "cannot hand the token to a child: {error}");
    }
    match (child.stdout.take(), child.stderr.take()) {
        (Some(stdout), Some(stderr)) => Ok(Born { leader, stdout: stdout.into(), stderr: stderr.into() }),
        _ => Err(SpawnError::Other {
            path: launch.binary.clone(),
            source: io::Error::other("the standard library gave no pipes"),
        }),
    }
}

/// Program, arguments and environment, ready for the kernel.
///
/// The standard library would call `execvp`, which hands a program of another architecture to the shell.
struct Image {
    arguments: [CString; 5],
    environment: Vec<CString>,
}

impl Image {
    fn new(launch: &Launch) -> io::Result<Self> {
        let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::from);
        let arguments = [
            text(launch.binary.as_os_str().as_bytes())?,
            text(b"--connect")?,
            text(launch.socket.as_os_str().as_bytes())?,
            text(b"--label")?,
            text(launch.label.as_bytes())?,
        ];
        let pair =
            |(name, value): (OsString, OsString)| text(&[name.as_bytes(), b"=", value.as_bytes()].concat());
        let environment =
            environment::passing(std::env::vars_os()).into_iter().map(pair).collect::<io::Result<_>>()?;
        Ok(Self { arguments, environment })
    }

    /// Becomes the program; returns only if that fails. Async-signal-safe.
    fn exec(&self) -> io::Error {
        let mut arguments = [std::ptr::null(); 6];
        for (pointer, text) in arguments.iter_mut().zip(&self.arguments) {
            *pointer = text.as_ptr();
        }
        // One more than can be, so that the list ends with a null pointer.
        let mut environment = [std::ptr::null(); MAX_ENVIRONMENT + 1];
        for (pointer, text) in environment[..MAX_ENVIRONMENT].iter_mut().zip(&self.environment) {
            *pointer = text.as_ptr();
        }
        // SAFETY: both lists hold pointers to zero-terminated strings that outlive the call, and end with a
        // null pointer.
        unsafe { libc::execve(self.arguments[0].as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
        io::Error::last_os_error()
    }
}

/// What `confine` needs, prepared before the fork.
struct Confinement {
    supervisor: libc::pid_t,
    nice: libc::c_int,
    open_files: libc::rlim_t,
    data: Option<libc::rlim_t>,
    oom_score: ([u8; 8], usize),
}

impl Confinement {
    fn new(launch: &Launch) -> Self {
        // SAFETY: getpriority reads a number of this process; an error reads as -1, a valid niceness.
        let own_nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
        let own_score = std::fs::read_to_string("/proc/self/oom_score_adj")
            .ok()
            .and_then(|text| text.trim().parse::<i32>().ok())
            .unwrap_or(0);
        let score = (own_score + OOM_SCORE_ABOVE).min(1000).to_string();
        let mut bytes = [0; 8];
        let len = score.len().min(bytes.len());
        bytes[..len].copy_from_slice(&score.as_bytes()[..len]);
        Self {
            supervisor: nix::unistd::getpid().as_raw(),
            nice: own_nice.saturating_add(launch.nice).clamp(-20, 19),
            open_files: launch.open_files,
            // Stacks and the reserve of the allocator count here but not as resident memory, so the backstop
            // is wider than the limit that the watch on resident memory enforces.
            data: launch.memory_limit.map(|limit| limit + limit / 4 + (64 << 20)),
            oom_score: (bytes, len),
        }
    }
}

/// Runs in the child between fork and exec. An error here is the error of the spawn.
fn confine(with: &Confinement) -> io::Result<()> {
    // SAFETY: only async-signal-safe system calls, with pointers to values that live on this stack or are
    // static; see `start`.
    unsafe {
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong, 0, 0, 0))?;
        // The supervisor may have died before that call; then nobody will ever tell us.
        if libc::getppid() != with.supervisor {
            libc::_exit(70);
        }
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as libc::c_ulong, 0, 0, 0))?;
        default_signals();
        limit(libc::RLIMIT_CORE, 0)?;
        limit(libc::RLIMIT_NOFILE, with.open_files)?;
        if let Some(data) = with.data {
            limit(libc::RLIMIT_DATA, data)?;
        }
        // The rest makes a host nicer and may be forbidden in a container: failing is no reason to stop.
        libc::setpriority(libc::PRIO_PROCESS, 0, with.nice);
        write_oom_score(&with.oom_score.0[..with.oom_score.1]);
        close_inherited();
    }
    Ok(())
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// # Safety
/// Async-signal-safe.
unsafe fn limit(resource: libc::__rlimit_resource_t, wanted: libc::rlim_t) -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` is a valid rlimit for both calls.
    unsafe {
        check(libc::getrlimit(resource, &raw mut now))?;
        // The hard limit can only be lowered.
        let value = wanted.min(now.rlim_max);
        check(libc::setrlimit(resource, &libc::rlimit { rlim_cur: value, rlim_max: value }))
    }
}

/// Signals that the supervisor ignores (nohup) or blocks would stay ignored or blocked after exec.
///
/// # Safety
/// Async-signal-safe.
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

/// # Safety
/// Async-signal-safe.
unsafe fn write_oom_score(score: &[u8]) {
    const FILE: &CStr = c"/proc/self/oom_score_adj";
    // SAFETY: the path ends with a zero, the buffer is valid for its length.
    unsafe {
        let fd = libc::open(FILE.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if fd >= 0 {
            libc::write(fd, score.as_ptr().cast(), score.len());
            libc::close(fd);
        }
    }
}

/// Marks everything above standard error to be closed by exec. Closing it here would also close the pipe
/// through which the standard library learns of a failed exec.
///
/// # Safety
/// Async-signal-safe.
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

/// A descriptor that becomes readable when the process exits.
pub(super) fn pidfd(pid: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the call takes plain numbers; a result that is not negative is a new descriptor that nobody
    // else owns. The kernel sets close-on-exec on it.
    let fd = unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0);
        let fd = libc::c_int::try_from(fd).unwrap_or(-1);
        check(fd)?;
        OwnedFd::from_raw_fd(fd)
    };
    // SAFETY: an OwnedFd is one descriptor, the same one for as long as AsyncFd owns it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}
