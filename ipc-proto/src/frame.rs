//! Framing without I/O: bytes in, payloads out.

use thiserror::Error;

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
/// It never holds more than one frame of the cap plus what was fed in one call.
#[derive(Debug)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    start: usize,
    cap: usize,
}

impl FrameDecoder {
    /// A decoder that refuses payloads above `cap` bytes.
    pub fn new(cap: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, cap }
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

    /// The next complete payload, or `None` until more bytes are fed.
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

    /// Whether an incomplete frame is held: a stream that ends now was cut.
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
