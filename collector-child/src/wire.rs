//! Prefaces and frames over blocking streams: the child's side of `ipc_proto::connection`.

use std::io::{self, Read, Write};

use ipc_proto::connection::ConnectionError;
use ipc_proto::frame::{self, HEADER_LEN};
use ipc_proto::limits::MAX_HANDSHAKE_FRAME;
use ipc_proto::preface::{self, Role};
use zeroize::Zeroizing;

/// Sends our preface and checks the supervisor's.
pub(crate) fn exchange_prefaces(stream: &mut (impl Read + Write)) -> Result<(), ConnectionError> {
    stream.write_all(&preface::encode(Role::Child))?;
    stream.flush()?;
    let mut bytes = [0; preface::LEN];
    stream.read_exact(&mut bytes)?;
    Ok(preface::check(&bytes, Role::Supervisor)?)
}

/// Cuts a stream into payloads. Reads not one byte beyond a frame.
pub(crate) struct PayloadReader {
    // Start carries credentials.
    payload: Zeroizing<Vec<u8>>,
    cap: usize,
}

impl PayloadReader {
    /// Starts with the cap of the handshake.
    pub(crate) fn new() -> Self {
        Self { payload: Zeroizing::default(), cap: MAX_HANDSHAKE_FRAME }
    }

    /// Changes the cap, after Welcome.
    pub(crate) fn set_cap(&mut self, cap: usize) {
        self.cap = cap;
    }

    /// The next payload; `None` when the supervisor closed between two frames.
    pub(crate) fn next(&mut self, stream: &mut impl Read) -> Result<Option<&[u8]>, ConnectionError> {
        let mut header = [0; HEADER_LEN];
        let mut filled = 0;
        while filled < HEADER_LEN {
            match stream.read(&mut header[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let len = frame::payload_len(header, self.cap)?;
        // A fresh buffer: growing the old one would leave copies of its secrets behind.
        self.payload = Zeroizing::new(vec![0; len]);
        stream.read_exact(&mut self.payload)?;
        Ok(Some(&self.payload))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read_all(bytes: &[u8]) -> (Vec<Vec<u8>>, Result<(), ConnectionError>) {
        let mut stream = Cursor::new(bytes);
        let mut reader = PayloadReader::new();
        let mut payloads = Vec::new();
        loop {
            match reader.next(&mut stream) {
                Ok(Some(payload)) => payloads.push(payload.to_vec()),
                Ok(None) => return (payloads, Ok(())),
                Err(error) => return (payloads, Err(error)),
            }
        }
    }

    #[test]
    fn frames_come_out_whole_and_the_end_between_them_is_no_error() {
        let (payloads, end) = read_all(b"\x02\0\0\0ab\x01\0\0\0c");
        assert_eq!(payloads, [b"ab".to_vec(), b"c".to_vec()]);
        assert!(end.is_ok());
    }

    #[test]
    fn cut_and_forbidden_frames_are_told_apart() {
        for cut in [&b"\x02\0\0\0a"[..], b"\x02\0"] {
            let error = read_all(cut).1.unwrap_err();
            assert!(!error.is_violation(), "{error}");
        }
        for forbidden in [&b"\0\0\0\0"[..], b"\xff\xff\xff\xff"] {
            let error = read_all(forbidden).1.unwrap_err();
            assert!(error.is_violation(), "{error}");
        }
    }
}
