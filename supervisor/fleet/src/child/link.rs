//! The socket of one child: listen, let exactly the right process in, shake hands, read frames.

use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interprocess::local_socket::tokio::{Listener, Stream, prelude::*};
use interprocess::local_socket::{GenericFilePath, ListenerOptions, ToFsName};
use ipc_proto::codec;
use ipc_proto::connection::{ConnectionError, FrameReader, FrameWriter, exchange_prefaces};
use ipc_proto::frame::{self, HEADER_LEN};
use ipc_proto::handshake::{Hello, HelloReply, Reject, RejectReason, SUPPORTED, Welcome, negotiate};
use ipc_proto::limits::{MAX_FRAME, TOKEN_LEN};
use ipc_proto::message::ToSupervisor;
use ipc_proto::preface::Role;
use ipc_proto::secret::Secret;
use nix::unistd::{Pid, geteuid, getpgid};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tracing::warn;

use crate::run_dir::RunDir;

/// How long a stranger on the socket may hold us up while it is told to go.
const STRANGER_TIMEOUT: Duration = Duration::from_millis(100);

/// A socket that waits for one child. Dropping it removes the path.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: Listener,
    path: PathBuf,
}

impl Socket {
    /// Listens at a fresh path.
    pub(crate) fn listen(dir: &RunDir) -> io::Result<Self> {
        let path = dir.socket_path()?;
        let name = path.as_path().to_fs_name::<GenericFilePath>()?;
        Ok(Self { listener: ListenerOptions::new().name(name).create_tokio()?, path })
    }

    /// Where the child finds it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Who is expected, and on which terms.
#[derive(Debug)]
pub(crate) struct Terms {
    /// The group of the child.
    pub(crate) group: Pid,
    /// What the child read from its standard input.
    pub(crate) token: Secret<[u8; TOKEN_LEN]>,
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

/// Waits for the child, sends strangers away, and shakes hands. The path is gone afterwards.
pub(crate) async fn establish(socket: Socket, terms: Terms) -> Result<Link, LinkError> {
    let (mut stream, peer) = loop {
        let stream = socket.listener.accept().await.map_err(LinkError::Lost)?;
        match belongs(&stream, terms.group) {
            Ok(peer) => break (inner(stream), peer),
            Err(who) => {
                warn!(group = terms.group.as_raw(), "refused a connection to the socket of a child: {who}");
                let reply = send_away(inner(stream), &terms.build);
                let _told_or_not = tokio::time::timeout(STRANGER_TIMEOUT, reply).await;
            }
        }
    };
    drop(socket);
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
            Ok(Link { inbox: Inbox::new(read, MAX_FRAME), outbox: write, peer, build: hello.build })
        }
        Err((reason, error)) => {
            writer.send(&refusal(reason, &terms.build)).await?;
            Err(error)
        }
    }
}

/// The tokio socket, whose halves close their direction when dropped.
fn inner(stream: Stream) -> UnixStream {
    let Stream::UdSocket(stream) = stream;
    stream.into()
}

fn refusal(reason: RejectReason, build: &str) -> HelloReply {
    HelloReply::Reject(Reject { reason, supported: SUPPORTED, build: build.to_owned() })
}

fn judge(hello: &Hello, terms: &Terms) -> Result<u16, (RejectReason, LinkError)> {
    if !same(hello.token.expose(), terms.token.expose()) {
        let error = LinkError::Violation("did not return the token it was given".to_owned());
        return Err((RejectReason::Token, error));
    }
    negotiate(SUPPORTED, hello.versions).ok_or_else(|| {
        let text = format!(
            "no common protocol version: {} speaks version {}, {} speaks version {SUPPORTED}",
            hello.build, hello.versions, terms.build
        );
        (RejectReason::Version, LinkError::Version(text))
    })
}

/// Compares in constant time, so that the answer tells nothing about where two tokens differ.
fn same(a: &[u8; TOKEN_LEN], b: &[u8; TOKEN_LEN]) -> bool {
    black_box(a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b))) == 0
}

/// The process at the other end, if it may speak for the child.
fn belongs(stream: &Stream, group: Pid) -> Result<Option<Pid>, String> {
    let creds = stream.peer_creds().map_err(|error| format!("its credentials are unknown: {error}"))?;
    let ours = geteuid().as_raw();
    match creds.euid() {
        Some(uid) if uid == ours => {}
        Some(uid) => return Err(format!("it runs as user {uid}")),
        None => return Err("its user is unknown".to_owned()),
    }
    let pid = creds.pid().map(Pid::from_raw).ok_or("its process is unknown")?;
    match getpgid(Some(pid)) {
        Ok(its) if its == group => Ok(Some(pid)),
        Ok(_) => Err(format!("process {pid} is not in the group of the child")),
        Err(error) => Err(format!("the group of process {pid} is unknown: {error}")),
    }
}

async fn send_away(mut stream: UnixStream, build: &str) -> Result<(), ConnectionError> {
    exchange_prefaces(&mut stream, Role::Supervisor).await?;
    FrameWriter::new(&mut stream).send(&refusal(RejectReason::Peer, build)).await
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
    use ipc_proto::message::{JobId, Report};
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn hello(token: u8, versions: VersionRange) -> Hello {
        Hello { versions, build: "fix-collector 9.9".into(), token: [token; TOKEN_LEN].into(), pid: 1 }
    }

    fn terms() -> Terms {
        let heartbeat = Duration::from_secs(5);
        let token = [7; TOKEN_LEN].into();
        Terms { group: Pid::from_raw(1), token, build: "fixworker 1.0".into(), heartbeat }
    }

    #[test]
    fn the_right_child_is_welcome() {
        assert_eq!(judge(&hello(7, SUPPORTED), &terms()).unwrap(), SUPPORTED.max);
    }

    #[test]
    fn a_wrong_token_is_refused_before_the_version_is_looked_at() {
        let error = judge(&hello(8, VersionRange { min: 90, max: 91 }), &terms()).unwrap_err();
        assert!(matches!(error, (RejectReason::Token, LinkError::Violation(_))), "{error:?}");
    }

    #[test]
    fn a_version_mismatch_names_both_sides() {
        let (reason, error) = judge(&hello(7, VersionRange { min: 90, max: 91 }), &terms()).unwrap_err();
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
    fn every_byte_of_the_token_counts() {
        let token = [7; TOKEN_LEN];
        assert!(same(&token, &token));
        for at in 0..TOKEN_LEN {
            let mut other = token;
            other[at] ^= 1;
            assert!(!same(&token, &other), "{at}");
        }
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
