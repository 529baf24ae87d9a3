//! The only file that sends signals to processes.
//!
//! A process id is signalled only between the spawn and the reaping of the leader: as long as the leader is
//! not reaped, its id, which is also the id of its group, cannot be given to a stranger. So the exit is
//! awaited without reaping, what is left of the group is killed, and only then the leader is reaped.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::sys::wait::{self, Id, WaitPidFlag, WaitStatus};
use nix::unistd::Pid;
use tokio::io::unix::AsyncFd;
use tracing::{debug, warn};

use super::outcome::Exit;
use super::spawn;

/// How often the exit is looked for where the kernel has no pidfd.
const POLL: Duration = Duration::from_millis(20);

/// The leader of a process group that was not reaped yet.
///
/// Dropping it kills the group and leaves the reaping to the spawn thread.
#[derive(Debug)]
pub(crate) struct Leader {
    pid: Pid,
    reaped: bool,
}

impl Leader {
    /// Takes over a process that was started as the leader of its own group.
    pub(super) fn new(pid: Pid) -> Self {
        Self { pid, reaped: false }
    }

    /// The process id, which is the id of the group too.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    fn signal(&self, signal: Signal) {
        if self.reaped {
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "this is the one place that signals processes")]
        let sent = signal::killpg(self.pid, signal);
        match sent {
            // Nobody is left, which is what we want.
            Ok(()) | Err(Errno::ESRCH) => debug!(pid = self.pid.as_raw(), %signal, "signalled the group"),
            Err(error) => warn!(pid = self.pid.as_raw(), %signal, "cannot signal a child: {error}"),
        }
    }

    /// SIGTERM, and SIGCONT so that a stopped process can act on it.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::SIGTERM);
        self.signal(Signal::SIGCONT);
    }

    /// SIGKILL to the group.
    pub(crate) fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Kills what is left of the group and reaps the leader, which must have exited.
    pub(crate) fn sweep_and_reap(&mut self) -> Option<Exit> {
        self.kill();
        self.try_reap()
    }

    /// Reaps the leader if it has exited.
    pub(crate) fn try_reap(&mut self) -> Option<Exit> {
        let exit = match wait::waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => Some(Exit::Code(code)),
            Ok(WaitStatus::Signaled(_, signal, _)) => Some(Exit::Signal(signal as i32)),
            Ok(_) | Err(Errno::EINTR) => return None,
            Err(error) => {
                // Somebody else reaped it: the id is not ours any more.
                warn!(pid = self.pid.as_raw(), "cannot reap a child: {error}");
                None
            }
        };
        self.reaped = true;
        exit
    }

    /// Whether nothing is left to reap.
    pub(crate) fn is_reaped(&self) -> bool {
        self.reaped
    }

    fn has_exited(&self, id: Id<'_>) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        match wait::waitid(id, flags) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => false,
            Ok(_) => true,
            Err(error) => {
                debug!(pid = self.pid.as_raw(), "cannot wait for a child: {error}");
                true
            }
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            spawn::reap_later(Leader::new(self.pid));
            // The new owner signals and reaps from here on.
            self.reaped = true;
        }
    }
}

/// Notices the exit of a leader without reaping it.
#[derive(Debug)]
pub(crate) enum ExitWatch {
    /// By the readiness of a pidfd.
    Pidfd(AsyncFd<OwnedFd>),
    /// By looking again and again, where pidfds are not to be had (old kernel, seccomp).
    Poll,
}

impl ExitWatch {
    /// Watches `leader`.
    pub(crate) fn new(leader: &Leader) -> Self {
        let watch = spawn::pidfd(leader.pid()).map(Self::Pidfd);
        watch.unwrap_or_else(|error| {
            debug!(pid = leader.pid().as_raw(), "no pidfd, polling instead: {error}");
            Self::Poll
        })
    }

    /// Returns when the leader has exited. Cancel safe.
    pub(crate) async fn exited(&self, leader: &Leader) {
        loop {
            match self {
                Self::Pidfd(fd) => {
                    let Ok(mut ready) = fd.readable().await else {
                        tokio::time::sleep(POLL).await;
                        continue;
                    };
                    if leader.has_exited(Id::PIDFd(fd.get_ref().as_fd())) {
                        return;
                    }
                    ready.clear_ready();
                }
                Self::Poll => {
                    if leader.has_exited(Id::Pid(leader.pid())) {
                        return;
                    }
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }
}
