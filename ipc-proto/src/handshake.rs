//! Hello, Welcome and Reject, and the choice of the message version.

use std::fmt;
use std::time::Duration;

use bincode::{Decode, Encode};

use crate::limits::{MAX_FRAME, MAX_HANDSHAKE_FRAME, TOKEN_LEN};
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
        if self.min == self.max {
            write!(f, "{}", self.min)
        } else {
            write!(f, "{} to {}", self.min, self.max)
        }
    }
}

/// The newest version that both sides speak, if there is one.
pub fn negotiate(ours: VersionRange, theirs: VersionRange) -> Option<u16> {
    let newest = ours.max.min(theirs.max);
    (newest >= ours.min && newest >= theirs.min).then_some(newest)
}

/// The first frame of a child.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Hello {
    /// The message versions the child speaks.
    pub versions: VersionRange,
    /// Name and version of the child's build, for error messages.
    pub build: String,
    /// Not looked at: whoever is at the other end of an inherited connection is the child. Zeros.
    pub token: Secret<[u8; TOKEN_LEN]>,
    /// The child's process id.
    pub pid: u32,
}

/// The supervisor's answer to Hello.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
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

impl Welcome {
    /// The cap to set on reader and writer: what the supervisor asked for, within what this build can take.
    pub fn cap(&self) -> usize {
        (self.frame_cap as usize).clamp(MAX_HANDSHAKE_FRAME, MAX_FRAME)
    }
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
    /// The token is not the one given to this child. Not used any more.
    Token,
    /// The process on the socket is not the child that was started. Not used any more.
    Peer,
}

/// For the child, which is where a `Reject` is read: names both versions.
impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            RejectReason::Version => write!(
                f,
                "no common protocol version: {} speaks {}, this program speaks {SUPPORTED}; install fixworker and \
                 fix-collector of the same release",
                self.build, self.supported
            ),
            RejectReason::Token => write!(f, "{} refused the token of this child", self.build),
            RejectReason::Peer => write!(f, "{} did not start this process", self.build),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negotiation_picks_the_newest_common_version() {
        for (a, b, c, d) in (0..4096u16).map(|n| (n & 7, n >> 3 & 7, n >> 6 & 7, n >> 9)) {
            let (ours, theirs) = (VersionRange { min: a, max: b }, VersionRange { min: c, max: d });
            let newest = (0..8).rev().find(|v| (a..=b).contains(v) && (c..=d).contains(v));
            assert_eq!(negotiate(ours, theirs), newest, "{ours:?} with {theirs:?}");
            assert_eq!(negotiate(theirs, ours), newest, "the order of the sides does not matter");
        }
    }

    #[test]
    fn this_build_understands_itself() {
        assert_eq!(negotiate(SUPPORTED, SUPPORTED), Some(SUPPORTED.max));
    }

    #[test]
    fn a_version_mismatch_names_both_versions_and_the_remedy() {
        let reject = Reject {
            reason: RejectReason::Version,
            supported: VersionRange { min: 3, max: 5 },
            build: "fixworker 9.1.0".to_owned(),
        };
        assert_eq!(
            reject.to_string(),
            "no common protocol version: fixworker 9.1.0 speaks 3 to 5, this program speaks 1; install fixworker \
             and fix-collector of the same release"
        );
    }

    #[test]
    fn the_agreed_cap_stays_within_what_this_build_can_take() {
        let cap = |frame_cap| Welcome { version: 1, frame_cap, heartbeat: Duration::ZERO }.cap();
        assert_eq!(cap(0), MAX_HANDSHAKE_FRAME);
        assert_eq!(cap(1 << 20), 1 << 20);
        assert_eq!(cap(u32::MAX), MAX_FRAME);
    }

    #[test]
    fn hello_keeps_its_token_to_itself() {
        let hello = Hello {
            versions: SUPPORTED,
            build: "fix-collector 0.1.0".to_owned(),
            token: Secret::new([0xab; TOKEN_LEN]),
            pid: 4711,
        };
        let text = format!("{hello:?}");
        assert!(text.contains("token: [redacted]") && text.contains("4711"), "{text}");
        assert!(!text.contains("171") && !text.contains("ab, ab"), "{text}");
    }
}
