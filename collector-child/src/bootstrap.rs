//! The first acts of a child under the supervisor, while the process has one thread.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use ipc_proto::exit_code::ExitCode;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::prctl;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::socket::{
    AddressFamily, SockType, SockaddrLike, SockaddrStorage, getsockname, getsockopt, sockopt,
};
use nix::sys::stat::Mode;
use nix::unistd::{self, getppid};
use thiserror::Error;

/// The `oom_score_adj` of a child above that of the supervisor: the kernel shall take the child.
const OOM_SCORE_ABOVE: i32 = 500;
const OOM_SCORE: &str = "/proc/self/oom_score_adj";

/// Why a child cannot begin.
#[derive(Debug, Error)]
pub(crate) enum BootstrapError {
    /// Started by hand.
    #[error(
        "--connect is for fixworker, which connects the standard input of this program to itself; to collect one \
         account by hand, see fix-collector collect --help"
    )]
    NotConnected,
    /// Another form of the argument.
    #[error("--connect takes fd:0, the standard input, and not {0:?}")]
    Argument(String),
    /// Nobody is there to work for.
    #[error("the supervisor ended before this child began")]
    Orphan,
    /// The kernel refused something that always works.
    #[error("cannot {what}: {error}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        error: Errno,
    },
}

impl BootstrapError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotConnected | Self::Argument(_) => ExitCode::Usage,
            Self::Orphan => ExitCode::TryAgain,
            Self::System { .. } => ExitCode::Internal,
        }
    }
}

/// Ties the life of this process to its parent, and closes it to core dumps and to other processes of the
/// same user.
pub(crate) fn protect() -> Result<(), BootstrapError> {
    let parent = getppid();
    prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(|error| BootstrapError::System { what: "ask for the parent-death signal", error })?;
    // The parent may have died before the request was in place.
    if getppid() != parent {
        return Err(BootstrapError::Orphan);
    }
    offer_to_the_oom_killer();
    prctl::set_dumpable(false)
        .map_err(|error| BootstrapError::System { what: "turn core dumps off", error })?;
    end_on_sigterm().map_err(|error| BootstrapError::System { what: "handle SIGTERM", error })
}

/// SIGTERM ends the process at once, whatever its threads do, with the code that says "try again".
///
/// Nothing needs to be put in order: what was sent without Done is worth nothing, and a connected child owns
/// no files.
fn end_on_sigterm() -> nix::Result<()> {
    extern "C" fn end(_: nix::libc::c_int) {
        // SAFETY: _exit is async-signal-safe, and has no other precondition.
        #[expect(unsafe_code, reason = "the only way out of a signal handler")]
        unsafe {
            nix::libc::_exit(i32::from(ExitCode::TryAgain.code()));
        }
    }
    let action = SigAction::new(SigHandler::Handler(end), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler only calls _exit, which may be called in any state of the process.
    #[expect(unsafe_code, reason = "a handler must be async-signal-safe; this one is")]
    unsafe {
        sigaction(Signal::SIGTERM, &action)?;
    }
    Ok(())
}

/// Once this process is closed to others, the file is root's. Some sandboxes let nobody write it; then the kernel
/// chooses without this hint.
fn offer_to_the_oom_killer() {
    let own =
        fs::read_to_string(OOM_SCORE).ok().and_then(|text| text.trim().parse::<i32>().ok()).unwrap_or(0);
    drop(fs::write(OOM_SCORE, (own + OOM_SCORE_ABOVE).min(1000).to_string()));
}

/// The end of the connection that the supervisor has made, taken from standard input: what this process starts
/// must not inherit it.
pub(crate) fn take_connection(argument: &str) -> Result<OwnedFd, BootstrapError> {
    if argument != "fd:0" {
        return Err(BootstrapError::Argument(argument.to_owned()));
    }
    let stdin = io::stdin();
    if !is_connection(&stdin) {
        return Err(BootstrapError::NotConnected);
    }
    let failed = |what| move |error| BootstrapError::System { what, error };
    let what = "take the connection from standard input";
    let socket = duplicate(&stdin).map_err(failed(what))?;
    let null = open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).map_err(failed(what))?;
    unistd::dup2_stdin(&null).map_err(failed(what))?;
    Ok(socket)
}

fn duplicate(fd: &impl std::os::fd::AsFd) -> nix::Result<OwnedFd> {
    fd.as_fd().try_clone_to_owned().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}

fn is_connection(fd: &impl std::os::fd::AsFd) -> bool {
    use std::os::fd::AsRawFd;
    let stream = getsockopt(fd, sockopt::SockType).is_ok_and(|kind| kind == SockType::Stream);
    let family =
        getsockname::<SockaddrStorage>(fd.as_fd().as_raw_fd()).ok().and_then(|address| address.family());
    stream && family == Some(AddressFamily::Unix)
}
