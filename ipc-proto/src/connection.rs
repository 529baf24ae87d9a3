//! Prefaces and frames over any tokio stream.

use std::{fmt, io};

use bincode::{BorrowDecode, Encode};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

use crate::codec::{self, CodecError};
use crate::frame::{self, FrameError, HEADER_LEN};
use crate::limits::{CHUNK_TARGET, MAX_FRAME, MAX_HANDSHAKE_FRAME};
use crate::preface::{self, PrefaceError, Role};

// A buffer that one large frame has blown up is given back at the next frame that fits into this: with
// hundreds of children the difference to the largest frame is what the supervisor would hold for nothing.
const BUFFER_KEPT: usize = 2 * CHUNK_TARGET;

/// Why a connection cannot go on.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// The socket failed, or closed inside a frame (`UnexpectedEof`).
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The peer opened with something else.
    #[error(transparent)]
    Preface(#[from] PrefaceError),
    /// The peer sent a forbidden length.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The peer sent a payload that is not a message.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl ConnectionError {
    /// Whether the peer broke the protocol, as opposed to being gone.
    pub fn is_violation(&self) -> bool {
        !matches!(self, Self::Io(_))
    }
}

/// Sends our preface and checks the peer's.
pub async fn exchange_prefaces<S>(stream: &mut S, ours: Role) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let theirs = match ours {
        Role::Supervisor => Role::Child,
        Role::Child => Role::Supervisor,
    };
    stream.write_all(&preface::encode(ours)).await?;
    stream.flush().await?;
    let mut bytes = [0; preface::LEN];
    stream.read_exact(&mut bytes).await?;
    Ok(preface::check(&bytes, theirs)?)
}

/// Reads frames. Not cancel safe inside one frame: give it a task of its own.
///
/// The buffer is wiped when dropped and never printed, because frames carry credentials.
pub struct FrameReader<R> {
    stream: R,
    payload: Zeroizing<Vec<u8>>,
    cap: usize,
}

impl<R> fmt::Debug for FrameReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReader").field("cap", &self.cap).finish_non_exhaustive()
    }
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Starts with the cap of the handshake.
    pub fn new(stream: R) -> Self {
        Self { stream, payload: Zeroizing::default(), cap: MAX_HANDSHAKE_FRAME }
    }

    /// Changes the cap, after Welcome. [`MAX_FRAME`] is the most there is.
    pub fn set_cap(&mut self, cap: usize) {
        self.cap = cap.min(MAX_FRAME);
    }

    /// The next payload; `None` when the peer closed between two frames. The buffer is reused.
    pub async fn next_payload(&mut self) -> Result<Option<&[u8]>, ConnectionError> {
        let mut header = [0; HEADER_LEN];
        let mut filled = 0;
        while filled < HEADER_LEN {
            match self.stream.read(&mut header[filled..]).await? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                n => filled += n,
            }
        }
        let len = frame::payload_len(header, self.cap)?;
        if self.payload.capacity() > BUFFER_KEPT && len <= BUFFER_KEPT {
            self.payload = Zeroizing::default();
        }
        self.payload.resize(len, 0);
        self.stream.read_exact(&mut self.payload).await?;
        Ok(Some(&self.payload))
    }

    /// The next message; `None` when the peer closed between two frames.
    pub async fn next<'a, M: BorrowDecode<'a, ()>>(&'a mut self) -> Result<Option<M>, ConnectionError> {
        match self.next_payload().await? {
            Some(payload) => Ok(Some(codec::decode(payload)?)),
            None => Ok(None),
        }
    }
}

/// Writes frames. Not cancel safe: a send that is dropped half way leaves the stream cut inside a frame.
///
/// The buffer is wiped when dropped and never printed, because frames carry credentials.
pub struct FrameWriter<W> {
    stream: W,
    buffer: Zeroizing<Vec<u8>>,
    cap: usize,
}

impl<W> fmt::Debug for FrameWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameWriter").field("cap", &self.cap).finish_non_exhaustive()
    }
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// Starts with the cap of the handshake.
    pub fn new(stream: W) -> Self {
        Self { stream, buffer: Zeroizing::default(), cap: MAX_HANDSHAKE_FRAME }
    }

    /// Changes the cap, after Welcome. [`MAX_FRAME`] is the most there is.
    pub fn set_cap(&mut self, cap: usize) {
        self.cap = cap.min(MAX_FRAME);
    }

    /// Sends one message. A message above the cap is an error, and nothing is sent.
    pub async fn send<M: Encode>(&mut self, message: &M) -> Result<(), ConnectionError> {
        encode_frame(message, self.cap, &mut self.buffer)?;
        self.stream.write_all(&self.buffer).await?;
        Ok(self.stream.flush().await?)
    }

    /// Sends a frame that [`encode_frame`] made. A frame above the cap is an error, and nothing is sent.
    pub async fn send_frame(&mut self, frame: &[u8]) -> Result<(), ConnectionError> {
        frame::header(frame.len().saturating_sub(HEADER_LEN), self.cap)?;
        self.stream.write_all(frame).await?;
        Ok(self.stream.flush().await?)
    }
}

/// Encodes `message` as a whole frame into `out`, replacing what it held.
pub fn encode_frame<M: Encode>(message: &M, cap: usize, out: &mut Vec<u8>) -> Result<(), ConnectionError> {
    out.clear();
    out.extend_from_slice(&[0; HEADER_LEN]);
    codec::encode_into(message, out)?;
    let header = frame::header(out.len() - HEADER_LEN, cap)?;
    out[..HEADER_LEN].copy_from_slice(&header);
    Ok(())
}
