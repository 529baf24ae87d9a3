//! The only file that names the serializer's functions.
//!
//! bincode 2.0.1 is unmaintained (no known vulnerability). It is safe for hostile input as used here: always
//! with a limit (without one, a forged length aborts the process by its allocation), and the whole payload
//! must be consumed (it accepts trailing bytes by itself). A move to another codec is a change of this file
//! and of the golden bytes.

#![expect(clippy::disallowed_methods, reason = "this is the one file that may call the serializer")]

use bincode::config::{self, Configuration, Limit, LittleEndian, Varint};
use bincode::{BorrowDecode, Encode};
use thiserror::Error;

use crate::limits::{MAX_FRAME, MAX_HANDSHAKE_FRAME};

/// The most that a message may take in memory while it is decoded, in bytes.
///
/// More than the largest frame, because an element counts by its size in memory (an edge of 56 bytes may be
/// written in 50).
pub const DECODE_LIMIT: usize = 4 * MAX_FRAME;
/// The same for a payload that fits into a frame of the handshake, so that a stranger gets no more than this
/// by a forged length.
pub const SMALL_DECODE_LIMIT: usize = 32 * MAX_HANDSHAKE_FRAME;

const fn settings<const LIMIT: usize>() -> Configuration<LittleEndian, Varint, Limit<LIMIT>> {
    config::standard().with_limit::<LIMIT>()
}

/// Why a payload is not the expected message.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The payload does not decode.
    #[error("the payload is not a valid message: {0}")]
    Decode(#[from] bincode::error::DecodeError),
    /// Bytes are left after the message.
    #[error("{0} bytes are left over after the message")]
    Trailing(usize),
    /// The message cannot be encoded.
    #[error("the message cannot be encoded: {0}")]
    Encode(#[from] bincode::error::EncodeError),
}

/// Decodes one message that must fill `payload` exactly.
pub fn decode<'a, M: BorrowDecode<'a, ()>>(payload: &'a [u8]) -> Result<M, CodecError> {
    let (message, used) = if payload.len() <= MAX_HANDSHAKE_FRAME {
        bincode::borrow_decode_from_slice(payload, settings::<SMALL_DECODE_LIMIT>())?
    } else {
        bincode::borrow_decode_from_slice(payload, settings::<DECODE_LIMIT>())?
    };
    match payload.len() - used {
        0 => Ok(message),
        left => Err(CodecError::Trailing(left)),
    }
}

/// Encodes `message` at the end of `out`.
pub fn encode_into<M: Encode>(message: &M, out: &mut Vec<u8>) -> Result<(), CodecError> {
    struct Tail<'a>(&'a mut Vec<u8>);
    impl bincode::enc::write::Writer for Tail<'_> {
        fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }
    Ok(bincode::encode_into_writer(message, Tail(out), settings::<DECODE_LIMIT>())?)
}
