//! From the connected socket to the first job, on one thread.

use std::io::{Read, Write};
use std::time::Duration;

use ipc_proto::codec;
use ipc_proto::connection::{ConnectionError, encode_frame};
use ipc_proto::exit_code::ExitCode;
use ipc_proto::handshake::{Hello, HelloReply, Reject, RejectReason, SUPPORTED};
use ipc_proto::job::Start;
use ipc_proto::limits::{MAX_HANDSHAKE_FRAME, TOKEN_LEN};
use ipc_proto::message::{JobId, Order, ToChild};
use ipc_proto::secret::Secret;
use thiserror::Error;

use crate::wire::{PayloadReader, exchange_prefaces};

/// Name and version of this build, for error messages of the other side.
pub(crate) const BUILD: &str = concat!("fix-collector ", env!("CARGO_PKG_VERSION"));

/// What both sides agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The largest payload in either direction.
    pub(crate) frame_cap: usize,
    /// How often each open job gives a sign of life.
    pub(crate) heartbeat: Duration,
}

/// Why there is no session.
#[derive(Debug, Error)]
pub(crate) enum HandshakeError {
    /// The supervisor refused this child.
    #[error("{0}")]
    Rejected(Reject),
    /// It chose a version that was not offered.
    #[error(
        "the supervisor chose protocol version {0}, but this program speaks {SUPPORTED}: use binaries of the same release"
    )]
    Version(u16),
    /// It is gone.
    #[error("the supervisor closed the connection during the handshake")]
    Closed,
    /// The connection failed, or the supervisor broke the protocol.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

impl HandshakeError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Rejected(Reject { reason, .. }) => match reason {
                RejectReason::Version | RejectReason::Token | RejectReason::Peer => ExitCode::Protocol,
            },
            Self::Version(_) => ExitCode::Protocol,
            Self::Connection(error) if error.is_violation() => ExitCode::Protocol,
            Self::Closed | Self::Connection(_) => ExitCode::TryAgain,
        }
    }
}

/// Introduces this process and hears the terms.
pub(crate) fn introduce<S: Read + Write>(
    stream: &mut S,
    frames: &mut PayloadReader,
) -> Result<Terms, HandshakeError> {
    exchange_prefaces(stream)?;
    // The connection itself says whose child this is.
    let token = Secret::new([0; TOKEN_LEN]);
    let hello = Hello { versions: SUPPORTED, build: BUILD.to_owned(), token, pid: std::process::id() };
    let mut frame = zeroize::Zeroizing::new(Vec::with_capacity(128));
    encode_frame(&hello, MAX_HANDSHAKE_FRAME, &mut frame)?;
    stream.write_all(&frame).map_err(ConnectionError::from)?;
    stream.flush().map_err(ConnectionError::from)?;
    let payload = frames.next(stream)?.ok_or(HandshakeError::Closed)?;
    match codec::decode(payload).map_err(ConnectionError::from)? {
        HelloReply::Welcome(welcome) => {
            if !(SUPPORTED.min..=SUPPORTED.max).contains(&welcome.version) {
                return Err(HandshakeError::Version(welcome.version));
            }
            frames.set_cap(welcome.cap());
            Ok(Terms { frame_cap: welcome.cap(), heartbeat: welcome.heartbeat })
        }
        HelloReply::Reject(reject) => Err(HandshakeError::Rejected(reject)),
    }
}

/// Waits for the first job; `None` when the supervisor has none and closes.
pub(crate) fn first_job(
    stream: &mut impl Read,
    frames: &mut PayloadReader,
) -> Result<Option<(JobId, Start)>, HandshakeError> {
    while let Some(payload) = frames.next(stream)? {
        let ToChild { job, body } = codec::decode(payload).map_err(ConnectionError::from)?;
        match body {
            Order::Start(start) => return Ok(Some((job, *start))),
            // Of a job that was never given.
            Order::Cancel(_) | Order::Renewed(_) | Order::NotRenewed(_) => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
