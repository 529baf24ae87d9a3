//! The opening of a connection: 16 bytes of fixed layout, independent of the codec.
//!
//! `magic (8) | preface version u16 | role u16 | reserved u32 = 0`, integers little endian. Both sides write
//! theirs at once and check the other's before anything else.

use thiserror::Error;

/// Bytes of a preface.
pub const LEN: usize = 16;
/// Version of the preface layout itself. It is frozen; messages are negotiated in the handshake.
pub const VERSION: u16 = 1;
/// The first eight bytes. The line break and the 0x1a reveal a stream that was treated as text.
pub const MAGIC: [u8; 8] = *b"FIXIPC\n\x1a";

/// Which side speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Role {
    /// The supervisor, `fixworker`.
    Supervisor = 1,
    /// A child, `fix-collector`.
    Child = 2,
}

/// Why the other side's preface was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PrefaceError {
    /// The stream does not start with our magic bytes.
    #[error("the peer does not speak the fixworker protocol (it opened with {0:02x?})")]
    Magic([u8; 8]),
    /// The layout version is not ours.
    #[error(
        "the peer speaks preface version {theirs}, this build speaks {VERSION}: use binaries of the same release"
    )]
    Version {
        /// The version that the peer announced.
        theirs: u16,
    },
    /// Both ends have the same role, or the role is unknown.
    #[error("the peer announced role {0}, which is not the other side of this connection")]
    Role(u16),
    /// The reserved bytes are not zero.
    #[error("the reserved bytes of the preface are not zero")]
    Reserved,
}

/// The preface that `role` sends.
pub fn encode(role: Role) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes[10..12].copy_from_slice(&(role as u16).to_le_bytes());
    bytes
}

/// Checks that `bytes` is the preface of `expected`.
pub fn check(bytes: &[u8; LEN], expected: Role) -> Result<(), PrefaceError> {
    let [m0, m1, m2, m3, m4, m5, m6, m7, v0, v1, r0, r1, reserved @ ..] = *bytes;
    let magic = [m0, m1, m2, m3, m4, m5, m6, m7];
    if magic != MAGIC {
        return Err(PrefaceError::Magic(magic));
    }
    let theirs = u16::from_le_bytes([v0, v1]);
    if theirs != VERSION {
        return Err(PrefaceError::Version { theirs });
    }
    let role = u16::from_le_bytes([r0, r1]);
    if role != expected as u16 {
        return Err(PrefaceError::Role(role));
    }
    if reserved != [0; 4] {
        return Err(PrefaceError::Reserved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_accepts_the_other_and_nobody_else() {
        for (sent, expected, accepted) in [
            (Role::Child, Role::Child, true),
            (Role::Supervisor, Role::Supervisor, true),
            (Role::Child, Role::Supervisor, false),
            (Role::Supervisor, Role::Child, false),
        ] {
            assert_eq!(check(&encode(sent), expected).is_ok(), accepted, "{sent:?} for {expected:?}");
        }
    }

    #[test]
    fn every_damaged_byte_is_noticed_and_named() {
        for at in 0..LEN {
            let mut bytes = encode(Role::Child);
            bytes[at] ^= 0x40;
            let error = check(&bytes, Role::Child).expect_err("a damaged preface");
            match at {
                0..8 => assert!(matches!(error, PrefaceError::Magic(_)), "{at}: {error}"),
                8..10 => assert!(matches!(error, PrefaceError::Version { .. }), "{at}: {error}"),
                10..12 => assert!(matches!(error, PrefaceError::Role(_)), "{at}: {error}"),
                _ => assert_eq!(error, PrefaceError::Reserved, "{at}"),
            }
        }
    }

    #[test]
    fn another_version_says_what_to_do() {
        let mut bytes = encode(Role::Child);
        bytes[8] = 7;
        let text = check(&bytes, Role::Child).expect_err("version 7").to_string();
        assert_eq!(
            text,
            "the peer speaks preface version 7, this build speaks 1: use binaries of the same release"
        );
    }
}
