//! The way into a session: what `--connect` does, in this order, on one thread until the first job is known.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use interprocess::local_socket::traits::Stream as _;
use interprocess::local_socket::{GenericFilePath, Stream, ToFsName};
use ipc_proto::exit_code::ExitCode;
use thiserror::Error;

use crate::bootstrap::{self, BootstrapError};
use crate::environment::{self, EnvironmentError};
use crate::handshake::{self, HandshakeError};
use crate::session::{self, Connection};
use crate::telemetry::{self, Format};
use crate::wire::PayloadReader;
use crate::{collectors, job};

/// Why a connected child ends without having served.
#[derive(Debug, Error)]
enum ConnectError {
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    #[error("cannot connect to the supervisor at {path}: {error}")]
    Socket { path: String, error: io::Error },
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error("cannot start threads: {0}")]
    Threads(io::Error),
}

impl ConnectError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Bootstrap(error) => error.exit_code(),
            Self::Socket { .. } | Self::Threads(_) => ExitCode::TryAgain,
            Self::Handshake(error) => error.exit_code(),
            Self::Environment(EnvironmentError::Malformed(_)) => ExitCode::Protocol,
            Self::Environment(EnvironmentError::Threads(_)) => ExitCode::Internal,
        }
    }
}

/// Serves the supervisor that listens at `path`, until it closes the socket.
pub(crate) fn run(path: &Path, verbose: u8) -> ExitCode {
    telemetry::init(Format::Json, verbose);
    telemetry::log_panics();
    match serve(path) {
        Ok(code) => code,
        Err(error) => {
            let code = error.exit_code();
            tracing::error!(exit_code = code.code(), "{error}");
            code
        }
    }
}

fn serve(path: &Path) -> Result<ExitCode, ConnectError> {
    bootstrap::protect()?;
    let token = bootstrap::read_token()?;
    let socket_error = |error| ConnectError::Socket { path: path.display().to_string(), error };
    let name = path.to_fs_name::<GenericFilePath>().map_err(socket_error)?;
    let mut stream = Stream::connect(name).map_err(socket_error)?;
    let mut frames = PayloadReader::new();
    let terms = handshake::introduce(&mut stream, &mut frames, token)?;
    let Some((id, mut start)) = handshake::first_job(&mut stream, &mut frames)? else {
        return Ok(ExitCode::Done);
    };
    environment::set(&std::mem::take(&mut start.environment))?;
    tracing::debug!(what = job::title(&start.job), "first job");
    let stream = Arc::new(stream);
    let connection = Connection { reader: Half(Arc::clone(&stream)), frames, writer: Half(stream), terms };
    session::serve(collectors::all(), connection, (id, start), Box::new(end_process))
        .map_err(ConnectError::Threads)
}

/// One of the two threads on the socket.
struct Half(Arc<Stream>);

impl Read for Half {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Write for Half {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}

#[expect(clippy::exit, reason = "a collector that never yields holds a thread that cannot be joined")]
fn end_process(code: ExitCode) {
    std::process::exit(i32::from(code.code()));
}
