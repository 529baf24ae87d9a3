//! The connection of one child: shake hands, read frames.
//!
//! It is a pair of sockets of which the child has inherited one. Nobody else can be at the other end, so there
//! is nothing to prove: the token in Hello is of no use any more.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::time::Duration;

use interprocess::local_socket::tokio::Stream;
use interprocess::os::unix::uds_local_socket::tokio::Stream as UdSocket;
use ipc_proto::codec;
use ipc_proto::connection::{ConnectionError, FrameReader, FrameWriter, exchange_prefaces};
use ipc_proto::frame::{self, HEADER_LEN};
use ipc_proto::handshake::{Hello, HelloReply, Reject, RejectReason, SUPPORTED, Welcome, negotiate};
use ipc_proto::limits::MAX_FRAME;
use ipc_proto::message::ToSupervisor;
use ipc_proto::preface::Role;
use nix::unistd::{Pid, getsid};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// On which terms.
#[derive(Debug)]
pub(crate) struct Terms {
    /// The leader of the child's session.
    pub(crate) leader: Pid,
    /// Our build.
    pub(crate) build: String,
    /// How often heartbeats are wanted.
    pub(crate) heartbeat: Duration,
}

/// A connection after Welcome.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) inbox: Inbox<OwnedReadHalf>,
    pub(crate) outbox: OwnedWriteHalf,
    /// The process that speaks; not the leader if that is a wrapper.
    pub(crate) peer: Option<Pid>,
    /// Its build.
    pub(crate) build: String,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// The connection ended during the handshake.
    Lost(io::Error),
    /// The child broke the protocol; fits after "it ".
    Violation(String),
    /// No common version.
    Version(String),
}

impl From<ConnectionError> for LinkError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Io(error) => Self::Lost(error),
            error => Self::Violation(format!("did not shake hands: {error}")),
        }
    }
}

/// Shakes hands with the child at the other end.
pub(crate) async fn establish(socket: StdStream, terms: Terms) -> Result<Link, LinkError> {
    let mut stream = inner(OwnedFd::from(socket)).map_err(LinkError::Lost)?;
    exchange_prefaces(&mut stream, Role::Supervisor).await?;
    let (mut read, mut write) = stream.into_split();
    let Some(hello) = FrameReader::new(&mut read).next::<Hello>().await? else {
        return Err(LinkError::Lost(io::ErrorKind::UnexpectedEof.into()));
    };
    let mut writer = FrameWriter::new(&mut write);
    match judge(&hello, &terms) {
        Ok(version) => {
            let frame_cap = u32::try_from(MAX_FRAME).unwrap_or(u32::MAX);
            let welcome = Welcome { version, frame_cap, heartbeat: terms.heartbeat };
            writer.send(&HelloReply::Welcome(welcome)).await?;
            let peer = speaker(hello.pid, terms.leader);
            Ok(Link { inbox: Inbox::new(read, MAX_FRAME), outbox: write, peer, build: hello.build })
        }
        Err((reason, error)) => {
            let build = terms.build;
            writer.send(&HelloReply::Reject(Reject { reason, supported: SUPPORTED, build })).await?;
            Err(error)
        }
    }
}

/// The tokio socket, whose halves close their direction when dropped.
fn inner(socket: OwnedFd) -> io::Result<UnixStream> {
    let Stream::UdSocket(stream) = Stream::from(UdSocket::try_from(socket)?);
    Ok(stream.into())
}

fn judge(hello: &Hello, terms: &Terms) -> Result<u16, (RejectReason, LinkError)> {
    negotiate(SUPPORTED, hello.versions).ok_or_else(|| {
        let text = format!(
            "no common protocol version: {} speaks version {}, {} speaks version {SUPPORTED}",
            hello.build, hello.versions, terms.build
        );
        (RejectReason::Version, LinkError::Version(text))
    })
}

/// The process that says that it speaks, if it is one of the child's: not the leader if that is a wrapper.
fn speaker(claimed: u32, leader: Pid) -> Option<Pid> {
    let pid = Pid::from_raw(i32::try_from(claimed).ok().filter(|pid| *pid > 0)?);
    (getsid(Some(pid)) == Ok(leader)).then_some(pid)
}

/// Reads frames, keeping a half-read one across calls, so that reading can be one branch of a select.
#[derive(Debug)]
pub(crate) struct Inbox<R> {
    stream: R,
    cap: usize,
    header: [u8; HEADER_LEN],
    /// Bytes of header and payload that were read.
    filled: usize,
    payload: Vec<u8>,
    complete: bool,
}

impl<R: AsyncRead + Unpin> Inbox<R> {
    /// Reads frames of at most `cap` bytes.
    pub(crate) fn new(stream: R, cap: usize) -> Self {
        Self { stream, cap, header: [0; HEADER_LEN], filled: 0, payload: Vec::new(), complete: false }
    }

    /// Reads the next frame; false when the peer closed between two frames. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<bool, ConnectionError> {
        if self.complete {
            (self.complete, self.filled) = (false, 0);
        }
        while self.filled < HEADER_LEN {
            match self.stream.read(&mut self.header[self.filled..]).await? {
                0 if self.filled == 0 => return Ok(false),
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                n => self.filled += n,
            }
        }
        let len = frame::payload_len(self.header, self.cap)?;
        self.payload.resize(len, 0);
        while self.filled < HEADER_LEN + len {
            match self.stream.read(&mut self.payload[self.filled - HEADER_LEN..]).await? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                n => self.filled += n,
            }
        }
        self.complete = true;
        Ok(true)
    }

    /// The frame that [`Inbox::next`] has read.
    pub(crate) fn message(&self) -> Result<ToSupervisor<'_>, ConnectionError> {
        Ok(codec::decode(&self.payload)?)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use ipc_proto::connection::encode_frame;
    use ipc_proto::handshake::VersionRange;
    use ipc_proto::limits::TOKEN_LEN;
    use ipc_proto::message::{JobId, Report};
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn hello(versions: VersionRange) -> Hello {
        Hello { versions, build: "fix-collector 9.9".into(), token: [0; TOKEN_LEN].into(), pid: 1 }
    }

    fn terms() -> Terms {
        let heartbeat = Duration::from_secs(5);
        Terms { leader: Pid::from_raw(1), build: "fixworker 1.0".into(), heartbeat }
    }

    #[test]
    fn a_version_mismatch_names_both_sides() {
        assert_eq!(judge(&hello(SUPPORTED), &terms()).unwrap(), SUPPORTED.max);
        let (reason, error) = judge(&hello(VersionRange { min: 90, max: 91 }), &terms()).unwrap_err();
        assert_eq!(reason, RejectReason::Version);
        let LinkError::Version(text) = error else { panic!("{error:?}") };
        assert_eq!(
            text,
            format!(
                "no common protocol version: fix-collector 9.9 speaks version 90 to 91, fixworker 1.0 speaks version {SUPPORTED}"
            )
        );
    }

    #[test]
    fn a_process_of_somebody_else_is_not_believed_to_speak() {
        let (us, session) = (std::process::id(), getsid(None).unwrap());
        assert_eq!(speaker(us, session), Some(Pid::this()));
        assert_eq!(speaker(us, Pid::this()), (session == Pid::this()).then_some(Pid::this()));
        assert_eq!(speaker(u32::MAX, session), None);
        assert_eq!(speaker(0, session), None, "zero would mean ourselves");
    }

    #[tokio::test]
    async fn a_read_that_is_cancelled_anywhere_loses_nothing() {
        let (mut child, ours) = tokio::io::duplex(1 << 16);
        let mut inbox = Inbox::new(ours, MAX_FRAME);
        let mut frame = Vec::new();
        for round in 1..=3 {
            let message = ToSupervisor { job: JobId(round), body: Report::Ready };
            encode_frame(&message, MAX_FRAME, &mut frame).unwrap();
            for byte in &frame {
                // Polled once and dropped before each byte: the same as losing in a select.
                let pending = pin!(inbox.next()).poll(&mut Context::from_waker(Waker::noop()));
                assert!(pending.is_pending());
                child.write_all(&[*byte]).await.unwrap();
            }
            assert!(inbox.next().await.unwrap());
            assert_eq!(inbox.message().unwrap().job, JobId(round));
        }
        drop(child);
        assert!(!inbox.next().await.unwrap());
    }

    #[tokio::test]
    async fn a_cut_frame_is_an_error_and_a_huge_one_is_refused() {
        let mut cut = Inbox::new(&[4, 0, 0, 0, 1][..], 10);
        assert!(matches!(cut.next().await, Err(ConnectionError::Io(_))));
        let mut huge = Inbox::new(&[11, 0, 0, 0, 1][..], 10);
        assert!(huge.next().await.unwrap_err().is_violation());
        assert_eq!(huge.payload.capacity(), 0, "refused before anything is allocated");
    }
}
