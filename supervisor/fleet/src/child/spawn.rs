//! The birth of a child: what the supervisor asks of the fork server, and how it hears of the outcome.
//!
//! One thread asks, because an answer takes a fork. The two ends of the child's connection are made here, and
//! the child's end goes to the fork server, which makes it the standard input of the child: nobody can connect to
//! it, and a socket cannot be opened through /proc.
#![expect(unsafe_code, reason = "pidfd_open, and its registration, have no safe form")]

use std::ffi::OsString;
use std::io::{self, PipeReader};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, mpsc};

use nix::libc;
use nix::unistd::Pid;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tracing::warn;

use super::error::SpawnError;
use super::kill::Leader;
use crate::fork_server::{self, ForkServer, Limits, Order, Reply};
use crate::walls::{Sandbox, Walls};

/// What the child is told to serve: its standard input.
const CONNECT: &str = "fd:0";
/// Bytes of data (heap, stacks) that a child may have if no memory limit is configured: far above what the
/// largest account needs, far below what takes a host down.
const DEFAULT_DATA: u64 = 4 << 30;
/// Bytes of the largest file that a child may write. It has to write none but small caches of tokens.
const FILE_SIZE: u64 = 64 << 20;

/// Processes and threads of a child together.
const PROCESSES: u64 = 1024;

/// What to start.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) binary: PathBuf,
    pub(crate) label: String,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) nice: i32,
    pub(crate) open_files: u64,
    pub(crate) collector: Option<String>,
    /// It has the credentials of one account and needs no others.
    pub(crate) sealed: bool,
    pub(crate) walls: Arc<Walls>,
    pub(crate) purpose: Purpose,
}

/// What a process is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To serve jobs.
    Serve,
    /// To try what its walls hold.
    SelfCheck,
    /// To take more memory than it may.
    Fill,
}

/// A process that was started.
#[derive(Debug)]
pub(crate) struct Born {
    pub(crate) leader: Leader,
    pub(crate) socket: UnixStream,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// The birth of one child. If it is dropped first, the late process is killed.
pub(crate) type Birth = Pin<Box<dyn Future<Output = Result<Born, SpawnError>> + Send>>;

/// A process that was forked and may become the program.
struct Forked {
    born: Born,
    status: PipeReader,
}

type Request = (Box<Launch>, oneshot::Sender<Result<Forked, SpawnError>>);

/// Starts a process.
pub(crate) fn spawn(launch: Launch) -> Birth {
    let binary = launch.binary.clone();
    let (reply, receiver) = oneshot::channel();
    if let Some(requests) = thread() {
        // A request that cannot be sent drops its reply, which the receiver sees.
        let _closed = requests.send((Box::new(launch), reply));
    }
    Box::pin(async move {
        let nobody = || SpawnError::Exhausted(io::Error::other("no thread to start it"));
        let Forked { born, status } = receiver.await.map_err(|_| nobody())??;
        became_program(status).await.map_err(|error| SpawnError::from_io(&binary, error))?;
        Ok(born)
    })
}

/// Waits until a forked process is the program, which closes the pipe, or has written why it is not.
async fn became_program(status: PipeReader) -> io::Result<()> {
    let mut status = pipe::Receiver::from_owned_fd(status.into())?;
    let mut code = [0; 4];
    match status.read_exact(&mut code).await {
        Ok(_) => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(code))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        Err(error) => Err(error),
    }
}

/// The thread, started on first use. It lives as long as the program, because its sender is never dropped.
fn thread() -> Option<&'static mpsc::Sender<Request>> {
    static REQUESTS: OnceLock<Option<mpsc::Sender<Request>>> = OnceLock::new();
    let start = || {
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new().name("spawn".to_owned());
        match thread.spawn(move || serve(&receiver)) {
            Ok(_) => Some(sender),
            Err(error) => {
                warn!("cannot start the thread that starts children: {error}");
                None
            }
        }
    };
    REQUESTS.get_or_init(start).as_ref()
}

fn serve(requests: &mpsc::Receiver<Request>) {
    while let Ok((launch, reply)) = requests.recv() {
        if !reply.is_closed() {
            // If nobody takes it, the leader inside is killed and reaped by its Drop.
            let _unwanted = reply.send(fork(&launch));
        }
    }
}

fn fork(launch: &Launch) -> Result<Forked, SpawnError> {
    let (socket, theirs) = UnixStream::pair().map_err(SpawnError::Socket)?;
    socket.set_nonblocking(true).map_err(SpawnError::Socket)?;
    let ((stdout, their_stdout), (stderr, their_stderr), (status, their_status)) =
        (|| Ok((io::pipe()?, io::pipe()?, io::pipe()?)))().map_err(SpawnError::Exhausted)?;
    let fds =
        [theirs.as_raw_fd(), their_stdout.as_raw_fd(), their_stderr.as_raw_fd(), their_status.as_raw_fd()];
    let order = Order::Start(Box::new(order(launch)));
    let (server, pid) = start(&order, &fds)?;
    let leader = Leader::new(pid, server);
    Ok(Forked { born: Born { leader, socket, stdout: stdout.into(), stderr: stderr.into() }, status })
}

/// Asks the fork server; a second time if the first one turns out to be gone.
fn start(order: &Order, fds: &[i32; 4]) -> Result<(Arc<ForkServer>, Pid), SpawnError> {
    let mut last = io::Error::other("no process to start it");
    for _ in 0..2 {
        let server = fork_server::current().map_err(SpawnError::Exhausted)?;
        match server.ask(order, fds) {
            Ok(Reply::Started(pid)) => return Ok((server, Pid::from_raw(pid))),
            Ok(Reply::NotStarted(code)) => {
                return Err(SpawnError::Exhausted(io::Error::from_raw_os_error(code)));
            }
            Ok(other) => last = io::Error::other(format!("{other:?} is no answer to a start")),
            Err(error) => last = error,
        }
    }
    Err(SpawnError::Exhausted(last))
}

fn order(launch: &Launch) -> fork_server::Launch {
    let arguments: &[&str] = match launch.purpose {
        Purpose::Serve => &["--connect", CONNECT, "--label", &launch.label],
        Purpose::SelfCheck => &["self-check", "--json"],
        Purpose::Fill => &["self-check", "--fill"],
    };
    let mut command = vec![launch.binary.clone().into_os_string()];
    command.extend(arguments.iter().map(OsString::from));
    fork_server::Launch {
        command,
        variable: launch.walls.variable(),
        nice: launch.nice,
        open_files: launch.open_files,
        // Stacks and the reserve of the allocator count here but not as resident memory, so the backstop is
        // wider than the limit that the watch on resident memory enforces.
        data: launch.memory_limit.map_or(DEFAULT_DATA, |limit| limit + limit / 4 + (64 << 20)),
        file_size: FILE_SIZE,
        limits: (launch.walls.sandbox != Sandbox::Off)
            .then(|| Limits { memory: launch.memory_limit.unwrap_or(DEFAULT_DATA), processes: PROCESSES }),
        namespace: launch.walls.namespace,
        walls: launch.walls.plan(launch.collector.as_deref(), launch.sealed, &launch.binary),
    }
}

/// A descriptor that becomes readable when the process exits.
pub(super) fn pidfd(pid: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the call takes plain numbers; a result that is not negative is a new descriptor that nobody
    // else owns. The kernel sets close-on-exec on it.
    let fd = unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0);
        let fd = libc::c_int::try_from(fd).unwrap_or(-1);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        OwnedFd::from_raw_fd(fd)
    };
    // SAFETY: an OwnedFd is one descriptor, the same one for as long as AsyncFd owns it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}
