//! The only file of the supervisor that sends signals to processes.
//!
//! A process id is signalled only between the spawn and the reaping of the leader: as long as the leader is
//! not reaped, its id, which is also the id of its group and session, cannot be given to a stranger. So the exit
//! is awaited without reaping, and the fork server kills what is left of the group before it reaps the leader.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tokio::io::unix::AsyncFd;
use tracing::{debug, warn};

use super::outcome::Exit;
use super::spawn;
use crate::fork_server::{ForkServer, Reply};

/// How often the exit is looked for where the kernel has no pidfd.
const POLL: Duration = Duration::from_millis(20);

/// The leader of a process group that was not reaped yet.
///
/// Dropping it kills the group and leaves the reaping to the fork server.
#[derive(Debug)]
pub(crate) struct Leader {
    pid: Pid,
    server: Arc<ForkServer>,
    reaped: bool,
}

impl Leader {
    /// Takes over a process that `server` has started as the leader of its own session.
    pub(super) fn new(pid: Pid, server: Arc<ForkServer>) -> Self {
        Self { pid, server, reaped: false }
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

    /// Has what is left of the group killed, the leader reaped, which must have exited, and everything swept that
    /// has left the group. `None` if nobody can say how it ended.
    pub(crate) fn sweep_and_reap(&mut self) -> Option<Exit> {
        let exit = match self.server.reap(self.pid) {
            Reply::Code(code) => Some(Exit::Code(code)),
            Reply::Signal(signal) => Some(Exit::Signal(signal)),
            // It was said to have exited; its Drop leaves it to the fork server.
            Reply::Lives => return None,
            other => {
                warn!(pid = self.pid.as_raw(), "the exit status of a child is lost: {other:?}");
                None
            }
        };
        self.reaped = true;
        exit
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.reaped {
            self.server.forget(self.pid);
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
        match self {
            Self::Pidfd(fd) => {
                // A pidfd is readable from the exit of its process on, and never before.
                while fd.readable().await.is_err() {
                    tokio::time::sleep(POLL).await;
                }
            }
            Self::Poll => {
                while !leader.server.has_exited(leader.pid) {
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }
}
