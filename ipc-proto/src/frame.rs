//! Framing without I/O: bytes in, payloads out.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

/// Bytes of the length in front of each payload.
pub const HEADER_LEN: usize = 4;

/// A length that the protocol forbids. The connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// A frame without payload.
    #[error("a frame of length zero")]
    Empty,
    /// A frame above the cap in force.
    #[error("a frame of {len} bytes, above the cap of {cap}")]
    TooLarge {
        /// The announced length.
        len: usize,
        /// The cap in force.
        cap: usize,
    },
}

/// Takes bytes as they come and cuts them into payloads.
///
/// As long as every [`feed`](Self::feed) is followed by [`next_frame`](Self::next_frame) until that has
/// nothing more, it never holds more than one frame of the cap plus what was fed in one call. What it held is
/// wiped when it is dropped, and never printed, because frames carry credentials.
pub struct FrameDecoder {
    buffer: Zeroizing<Vec<u8>>,
    start: usize,
    cap: usize,
}

impl fmt::Debug for FrameDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameDecoder")
            .field("held", &(self.buffer.len() - self.start))
            .field("cap", &self.cap)
            .finish()
    }
}

impl FrameDecoder {
    /// A decoder that refuses payloads above `cap` bytes.
    pub fn new(cap: usize) -> Self {
        Self { buffer: Zeroizing::default(), start: 0, cap }
    }

    /// Changes the cap, once the handshake is over.
    pub fn set_cap(&mut self, cap: usize) {
        self.cap = cap;
    }

    /// Adds bytes that were received.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete payload, or `None` until more bytes are fed. An error stays: the connection is over.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let rest = &self.buffer[self.start..];
        let Some((header, rest)) = rest.split_first_chunk::<HEADER_LEN>() else {
            return Ok(None);
        };
        let len = payload_len(*header, self.cap)?;
        if rest.len() < len {
            return Ok(None);
        }
        let begin = self.start + HEADER_LEN;
        self.start = begin + len;
        Ok(Some(&self.buffer[begin..self.start]))
    }

    /// Whether bytes are held. Once `next_frame` has answered `None` these are part of a frame, and a stream
    /// that ends now was cut.
    pub fn is_mid_frame(&self) -> bool {
        self.start < self.buffer.len()
    }
}

/// The payload length in `header`, checked against `cap` before anybody allocates it.
pub fn payload_len(header: [u8; HEADER_LEN], cap: usize) -> Result<usize, FrameError> {
    let len = u32::from_le_bytes(header) as usize;
    match len {
        0 => Err(FrameError::Empty),
        len if len > cap => Err(FrameError::TooLarge { len, cap }),
        len => Ok(len),
    }
}

/// The header for a payload of `len` bytes.
pub fn header(len: usize, cap: usize) -> Result<[u8; HEADER_LEN], FrameError> {
    let field = u32::try_from(len).map_err(|_| FrameError::TooLarge { len, cap })?.to_le_bytes();
    payload_len(field, cap)?;
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut bytes = header(payload.len(), 100).expect("within the cap").to_vec();
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn lengths_are_checked_against_the_cap_on_both_sides() {
        for (len, result) in [
            (0, Err(FrameError::Empty)),
            (1, Ok(1)),
            (100, Ok(100)),
            (101, Err(FrameError::TooLarge { len: 101, cap: 100 })),
            (u32::MAX as usize, Err(FrameError::TooLarge { len: u32::MAX as usize, cap: 100 })),
        ] {
            let field = u32::try_from(len).expect("a u32").to_le_bytes();
            assert_eq!(payload_len(field, 100), result);
            assert_eq!(header(len, 100), result.map(|_| field));
        }
        let beyond = u32::MAX as usize + 1;
        assert_eq!(header(beyond, usize::MAX), Err(FrameError::TooLarge { len: beyond, cap: usize::MAX }));
    }

    #[test]
    fn a_forbidden_length_is_an_error_before_the_payload_arrives_and_stays_one() {
        let mut decoder = FrameDecoder::new(100);
        decoder.feed(&u32::MAX.to_le_bytes());
        for _ in 0..2 {
            assert!(matches!(decoder.next_frame(), Err(FrameError::TooLarge { cap: 100, .. })));
            decoder.feed(&frame(b"later"));
        }
    }

    #[test]
    fn the_cap_can_change_between_two_frames_of_one_read() {
        let mut decoder = FrameDecoder::new(5);
        decoder.feed(&[frame(b"hello"), frame(b"a longer one")].concat());
        assert_eq!(decoder.next_frame(), Ok(Some(&b"hello"[..])));
        decoder.set_cap(100);
        assert_eq!(decoder.next_frame(), Ok(Some(&b"a longer one"[..])));
        assert_eq!(decoder.next_frame(), Ok(None));
        assert!(!decoder.is_mid_frame());
    }

    #[test]
    fn a_cut_stream_is_told_from_a_complete_one() {
        let bytes = frame(b"payload");
        for cut in 1..bytes.len() {
            let mut decoder = FrameDecoder::new(100);
            decoder.feed(&bytes[..cut]);
            assert_eq!(decoder.next_frame(), Ok(None));
            assert!(decoder.is_mid_frame(), "cut at {cut}");
        }
    }

    #[test]
    fn debug_shows_no_payload() {
        let mut decoder = FrameDecoder::new(100);
        decoder.feed(&frame(b"AAAA"));
        assert_eq!(format!("{decoder:?}"), "FrameDecoder { held: 8, cap: 100 }");
    }
}
