//! The supervisor's side: asks the fork server, and takes over if it is gone.
#![expect(unsafe_code, reason = "the fork of the fork server")]

use std::ffi::CString;
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{self, Signal};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{ForkResult, Pid, getsid};
use tracing::{error, warn};

use super::places::Places;
use super::wire::{Order, Reply, receive, send};
use super::{serve, tree};
use crate::child::passing_environment;
use crate::walls::Controls;

/// After the end of the fork server its children become ours, and are looked for so often, with such pauses.
const STEPS: u32 = 100;
const STEP: Duration = Duration::from_millis(5);

/// A fork server. Dropping the last handle lets it end, with everything that it has started.
#[derive(Debug)]
pub(crate) struct ForkServer {
    socket: Mutex<Option<OwnedFd>>,
    pid: Pid,
    gone: AtomicBool,
}

static CURRENT: Mutex<Option<Arc<ForkServer>>> = Mutex::new(None);

/// Where children get groups and folders of their own; for all fork servers of this process.
static PLACES: Mutex<Option<Places>> = Mutex::new(None);

/// Asks for the places; before there is a fork server there are none.
fn places<T>(look: impl FnOnce(&Places) -> Option<T>) -> Option<T> {
    PLACES.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(look)
}

/// What holds for the control groups of children; `None` if they have none.
pub(crate) fn controls() -> Option<Controls> {
    places(Places::controls)
}

/// Where children have their folders for temporary files.
pub(crate) fn folders() -> Option<PathBuf> {
    places(|places| places.folders().map(Path::to_owned))
}

/// Starts the fork server, if there is none yet. The earlier in the life of a process, the smaller it is; and
/// before there are other threads nothing can go wrong with a fork.
pub fn prepare() -> io::Result<()> {
    current().map(drop)
}

/// Ends the fork server and everything it has started, and waits for that. For the last moment of a process, and
/// before it becomes another program.
pub fn dismiss() {
    let server = CURRENT.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(server) = server {
        // Nobody may ask it any more; the end of its socket tells it.
        server.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        server.gone.store(true, Ordering::Release);
        while waitpid(server.pid, None) == Err(Errno::EINTR) {}
    }
    if let Some(places) = PLACES.lock().unwrap_or_else(PoisonError::into_inner).take() {
        places.leave();
    }
}

/// The fork server of this process, a new one if the last is gone.
pub(crate) fn current() -> io::Result<Arc<ForkServer>> {
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = current.as_ref()
        && server.is_there()
    {
        return Ok(Arc::clone(server));
    }
    if let Some(server) = current.take() {
        error!(
            pid = server.pid.as_raw(),
            "the process that starts children was killed, and they with it; there is a new one"
        );
        let _best_effort = waitpid(server.pid, Some(WaitPidFlag::WNOHANG));
        sweep_orphans(None);
    }
    let server = Arc::new(ForkServer::fork()?);
    *current = Some(Arc::clone(&server));
    Ok(server)
}

/// Kills and reaps what a killed fork server has left to us, until nothing of it is left or time is up. Our own
/// children, if there are any, are in our session; those of a fork server never are.
fn sweep_orphans(living: Option<Pid>) {
    let ours = getsid(None).ok();
    if living.is_none() {
        places(|places| {
            places.kill_all();
            None::<()>
        });
    }
    for _ in 0..STEPS {
        let mut left = tree::own_children();
        left.retain(|child| {
            let session = tree::session_of(*child);
            Some(*child) != living && session.is_some() && session != ours
        });
        if left.is_empty() {
            return;
        }
        for child in left {
            #[expect(clippy::disallowed_methods, reason = "processes of a fork server that was killed")]
            let _best_effort = signal::kill(child, Signal::SIGKILL);
            let _best_effort = waitpid(child, Some(WaitPidFlag::WNOHANG));
        }
        std::thread::sleep(STEP);
    }
}

impl ForkServer {
    fn fork() -> io::Result<Self> {
        // So that what it leaves, should it be killed, comes to us.
        if let Err(error) = prctl::set_child_subreaper(true) {
            warn!("processes may outlive this one if they are orphaned: {error}");
        }
        let pair = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
        };
        let environment: Vec<_> = passing_environment().into_iter().filter_map(pair).collect();
        let places =
            PLACES.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Places::settle).clone();
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        // SAFETY: see `serve`: the new process uses nothing that another thread of this one could have held.
        match unsafe { nix::unistd::fork() }? {
            ForkResult::Child => {
                drop(ours);
                serve::run(&theirs, environment, places)
            }
            ForkResult::Parent { child } => {
                Ok(Self { socket: Mutex::new(Some(ours)), pid: child, gone: AtomicBool::new(false) })
            }
        }
    }

    fn is_there(&self) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        !self.gone.load(Ordering::Acquire)
            && matches!(waitid(Id::Pid(self.pid), flags), Ok(WaitStatus::StillAlive) | Err(Errno::EINTR))
    }

    /// Asks, and waits for the answer, which takes as long as a fork of a small process.
    pub(crate) fn ask(&self, order: &Order, fds: &[RawFd]) -> io::Result<Reply> {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the process that starts children is gone");
        let Some(socket) = socket.as_ref() else { return Err(gone()) };
        // A packet goes whole or not at all: what the kernel does not take (too many descriptors of this user are under way
        // between processes, no memory, too long) the fork server has never seen, and its children live on.
        if let Err(error) = send(socket, order, fds) {
            if error.kind() == io::ErrorKind::BrokenPipe || error.kind() == io::ErrorKind::ConnectionReset {
                self.gone.store(true, Ordering::Release);
            }
            return Err(error);
        }
        match receive::<Reply>(socket).and_then(|reply| reply.ok_or_else(gone)) {
            Ok((reply, _)) => Ok(reply),
            Err(error) => {
                self.gone.store(true, Ordering::Release);
                Err(error)
            }
        }
    }

    /// Whether a leader has exited.
    pub(crate) fn has_exited(&self, pid: Pid) -> bool {
        // Leaders die with the fork server.
        self.ask(&Order::HasExited(pid.as_raw()), &[]).map_or(true, |reply| reply == Reply::Exited(true))
    }

    /// Reaps a leader that has exited, and sweeps after it. If the fork server is gone, the leader is our child.
    pub(crate) fn reap(&self, pid: Pid) -> Reply {
        self.ask(&Order::Reap(pid.as_raw()), &[]).unwrap_or_else(|_| reap_here(pid))
    }

    /// Kills a group, and has its leader reaped whenever it exits.
    pub(crate) fn forget(&self, pid: Pid) {
        if self.ask(&Order::Forget(pid.as_raw()), &[]).is_err() {
            reap_here(pid);
        }
    }
}

/// Reaps a leader whose fork server was killed, which becomes our child a moment after that, and what it has left.
fn reap_here(pid: Pid) -> Reply {
    let mut reply = Reply::Unknown;
    for _ in 0..STEPS {
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => reply = Reply::Code(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => reply = Reply::Signal(signal as i32),
            Ok(_) | Err(Errno::EINTR | Errno::ECHILD) => {
                std::thread::sleep(STEP);
                continue;
            }
            Err(_) => {}
        }
        break;
    }
    let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    sweep_orphans(current.as_ref().filter(|server| server.is_there()).map(|server| server.pid));
    reply
}
