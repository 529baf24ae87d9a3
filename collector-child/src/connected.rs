//! The way into a session: what `--connect` does, in this order, on one thread until the first job is known.

use std::io::{self, Read, Write};
use std::sync::Arc;

use interprocess::local_socket::Stream;
use interprocess::os::unix::uds_local_socket::Stream as UdSocket;
use ipc_proto::exit_code::ExitCode;
use thiserror::Error;

use crate::bootstrap::{self, BootstrapError};
use crate::environment::{self, EnvironmentError};
use crate::handshake::{self, HandshakeError};
use crate::session::{self, Connection};
use crate::telemetry::{self, Format};
use crate::wire::PayloadReader;
use crate::{collectors, job, walls};

/// Why a connected child ends without having served.
#[derive(Debug, Error)]
enum ConnectError {
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
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
            Self::Threads(_) => ExitCode::TryAgain,
            Self::Handshake(error) => error.exit_code(),
            Self::Environment(EnvironmentError::Malformed(_)) => ExitCode::Protocol,
            Self::Environment(EnvironmentError::Threads(_)) => ExitCode::Internal,
        }
    }
}

/// Serves the supervisor at the other end of the connection, until it closes that.
pub(crate) fn run(connection: &str, verbose: u8) -> ExitCode {
    telemetry::init(Format::Json, verbose);
    telemetry::log_panics();
    match serve(connection) {
        Ok(code) => code,
        Err(error) => {
            let code = error.exit_code();
            tracing::error!(exit_code = code.code(), "{error}");
            code
        }
    }
}

fn serve(connection: &str) -> Result<ExitCode, ConnectError> {
    bootstrap::protect()?;
    let socket = bootstrap::take_connection(connection)?;
    let mut stream = Stream::from(UdSocket::from(socket));
    let mut frames = PayloadReader::new();
    let terms = handshake::introduce(&mut stream, &mut frames)?;
    let Some((id, mut start)) = handshake::first_job(&mut stream, &mut frames)? else {
        return Ok(ExitCode::Done);
    };
    let collectors = collectors::all();
    walls::narrow(&collectors, &start);
    environment::set(&std::mem::take(&mut start.environment))?;
    tracing::debug!(what = job::title(&start.job), "first job");
    let stream = Arc::new(stream);
    let connection = Connection { reader: Half(Arc::clone(&stream)), frames, writer: Half(stream), terms };
    session::serve(collectors, connection, (id, start), Box::new(end_process)).map_err(ConnectError::Threads)
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
