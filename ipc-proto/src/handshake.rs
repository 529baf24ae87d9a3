//! Hello, Welcome and Reject, and the choice of the message version.

use std::fmt;
use std::time::Duration;

use bincode::{Decode, Encode};

use crate::limits::TOKEN_LEN;
use crate::secret::Secret;

/// The message versions this build can speak.
pub const SUPPORTED: VersionRange = VersionRange { min: 1, max: 1 };

/// An inclusive range of message versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct VersionRange {
    /// The oldest version spoken.
    pub min: u16,
    /// The newest version spoken.
    pub max: u16,
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max { write!(f, "{}", self.min) } else { write!(f, "{} to {}", self.min, self.max) }
    }
}

/// The newest version that both sides speak, if there is one.
pub fn negotiate(ours: VersionRange, theirs: VersionRange) -> Option<u16> {
    let newest = ours.max.min(theirs.max);
    (newest >= ours.min && newest >= theirs.min).then_some(newest)
}

/// The first frame of a child.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Hello {
    /// The message versions the child speaks.
    pub versions: VersionRange,
    /// Name and version of the child's build, for error messages.
    pub build: String,
    /// The token the child read from its standard input.
    pub token: Secret<[u8; TOKEN_LEN]>,
    /// The child's process id.
    pub pid: u32,
}

/// The supervisor's answer to Hello.
#[derive(Debug, Clone, Encode, Decode)]
pub enum HelloReply {
    /// The child is accepted.
    Welcome(Welcome),
    /// The child is refused; the supervisor closes the connection.
    Reject(Reject),
}

/// Terms of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Welcome {
    /// The message version both sides use from here on.
    pub version: u16,
    /// The largest payload that either side sends from here on, in bytes.
    pub frame_cap: u32,
    /// How often the child sends a heartbeat for each open job.
    pub heartbeat: Duration,
}

/// Why a child is refused.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Reject {
    /// The reason.
    pub reason: RejectReason,
    /// What the supervisor speaks.
    pub supported: VersionRange,
    /// Name and version of the supervisor's build.
    pub build: String,
}

/// Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum RejectReason {
    /// No common message version.
    Version,
    /// The token is not the one given to this child.
    Token,
    /// The process on the socket is not the child that was started.
    Peer,
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            RejectReason::Version => write!(
                f,
                "no common protocol version: {} speaks {}; install fixworker and fix-collector of the same release",
                self.build, self.supported
            ),
            RejectReason::Token => write!(f, "{} refused the token of this child", self.build),
            RejectReason::Peer => write!(f, "{} did not start this process", self.build),
        }
    }
}
