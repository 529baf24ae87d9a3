//! The socket of the rogue child, honest and otherwise.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use anyhow::bail;
use ipc_proto::codec;
use ipc_proto::frame::{self, HEADER_LEN};
use ipc_proto::handshake::{Hello, HelloReply, SUPPORTED, VersionRange};
use ipc_proto::limits::{MAX_FRAME, MAX_HANDSHAKE_FRAME, TOKEN_LEN};
use ipc_proto::message::{JobId, Report, ToChild, ToSupervisor};
use ipc_proto::preface::{self, Role};

use crate::expect::Mode;

/// Sleeps until somebody ends this process.
pub(super) fn forever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

/// A connection to the supervisor.
#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
}

impl Link {
    /// Shakes hands as the mode says; `None` if the supervisor refused.
    pub(super) fn open(mode: Option<Mode>) -> anyhow::Result<Option<Self>> {
        if mode == Some(Mode::NeverConnect) {
            forever();
        }
        let mut stream = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        if mode == Some(Mode::NeverHello) {
            forever();
        }
        if mode == Some(Mode::BadMagic) {
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
            forever();
        }
        stream.write_all(&preface::encode(Role::Child))?;
        let mut theirs = [0; preface::LEN];
        stream.read_exact(&mut theirs)?;
        preface::check(&theirs, Role::Supervisor)?;

        let future = VersionRange { min: 999, max: 999 };
        let versions = if mode == Some(Mode::WrongVersion) { future } else { SUPPORTED };
        let pid = std::process::id();
        let hello = Hello { versions, build: "rogue_child 0".into(), token: [0; TOKEN_LEN].into(), pid };
        let mut link = Self { stream };
        let mut payload = Vec::new();
        codec::encode_into(&hello, &mut payload)?;
        link.send_payload(&payload)?;
        let Some(payload) = link.next_payload(MAX_HANDSHAKE_FRAME)? else { return Ok(None) };
        match codec::decode(&payload)? {
            HelloReply::Welcome(_) => Ok(Some(link)),
            HelloReply::Reject(reject) => bail!("{reject}"),
        }
    }

    /// What the supervisor says next; `None` when it has closed.
    pub(super) fn next_order(&mut self) -> anyhow::Result<Option<ToChild>> {
        let payload = self.next_payload(MAX_FRAME)?;
        payload.map(|payload| codec::decode(&payload).map_err(Into::into)).transpose()
    }

    fn next_payload(&mut self, cap: usize) -> anyhow::Result<Option<Vec<u8>>> {
        let mut header = [0; HEADER_LEN];
        match self.stream.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let mut payload = vec![0; frame::payload_len(header, cap)?];
        self.stream.read_exact(&mut payload)?;
        Ok(Some(payload))
    }

    /// Sends one report.
    pub(super) fn send(&mut self, job: JobId, body: Report<'_>) -> anyhow::Result<()> {
        let mut payload = Vec::new();
        codec::encode_into(&ToSupervisor { job, body }, &mut payload)?;
        self.send_payload(&payload)
    }

    fn send_payload(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        self.send_raw(&frame::header(payload.len(), MAX_FRAME)?)?;
        self.send_raw(payload)
    }

    /// Sends bytes as they are.
    pub(super) fn send_raw(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }
}
