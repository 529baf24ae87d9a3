//! The first acts of a child under the supervisor, while the process has one thread.

use std::io;
use std::os::fd::AsFd;

use ipc_proto::exit_code::ExitCode;
use ipc_proto::limits::TOKEN_LEN;
use ipc_proto::secret::Secret;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{self, getppid};
use thiserror::Error;

/// Why a child cannot begin.
#[derive(Debug, Error)]
pub(crate) enum BootstrapError {
    /// Started by hand.
    #[error(
        "--connect is for fixworker, which writes a token to the standard input of this program; to collect one \
         account by hand, see fix-collector collect --help"
    )]
    Terminal,
    /// The token did not come.
    #[error("standard input ended after {0} bytes of the {TOKEN_LEN}-byte token that fixworker writes there")]
    ShortToken(usize),
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
            Self::Terminal => ExitCode::Usage,
            Self::ShortToken(_) => ExitCode::Protocol,
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

/// Reads the one-time token. Past the buffers of the standard library, so that no copy of it stays behind.
pub(crate) fn read_token() -> Result<Secret<[u8; TOKEN_LEN]>, BootstrapError> {
    let stdin = io::stdin();
    if unistd::isatty(&stdin).unwrap_or(false) {
        return Err(BootstrapError::Terminal);
    }
    let mut token = zeroize::Zeroizing::new([0; TOKEN_LEN]);
    let mut filled = 0;
    while filled < TOKEN_LEN {
        match unistd::read(stdin.as_fd(), &mut token[filled..]) {
            Ok(0) => return Err(BootstrapError::ShortToken(filled)),
            Ok(n) => filled += n,
            Err(Errno::EINTR) => {}
            Err(error) => {
                return Err(BootstrapError::System { what: "read the token from standard input", error });
            }
        }
    }
    Ok(Secret::new(*token))
}
