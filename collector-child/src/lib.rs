//! The child of fixworker that collects one account.
//!
//! # Theory of operation
//!
//! ```text
//! fix-collector --connect ...                     fix-collector collect ... (by hand)
//!   bootstrap   parent-death signal, connection     alone::cli, settings
//!   handshake   prefaces, Hello, Welcome            alone::engine
//!   session     orders, heartbeats, exit code           |
//!        \                                             /
//!         job::run: Ready ... Done or Fatal, one per job
//!                          |
//!         collectors: put nodes, edges, faults into an output::Output;
//!                     delete and tag the resources that job::clean and job::tag let through
//!                          |
//!         frames of ipc-proto in a short queue
//!        /                                             \
//!   the socket                                      alone::sheet: NDJSON lines
//! ```
//!
//! # Invariants
//!
//! - A connected child has one thread until it knows its first job: the environment changes before any other
//!   thread exists, and only in `environment`.
//! - Standard output is never protocol. Logs go to stderr.
//! - The socket is served by threads of its own: whatever a collector does to the runtime, heartbeats go on,
//!   and the end of the supervisor is the end of the child within two seconds.
//! - After Done or Fatal nothing is sent about a job: both are queued under the lock that every other message
//!   of the job takes.
//! - Secrets (config, scope, variables) are in no argument, log, error text or `Debug`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use ipc_proto::exit_code::ExitCode as Exit;

use alone::cli::Cli;

mod credentials;
pub mod output;

mod alone;
mod bootstrap;
mod collectors;
mod connected;
mod environment;
mod handshake;
mod job;
mod memory;
mod panics;
mod selfcheck;
mod session;
mod telemetry;
mod walls;
mod wire;

/// Runs the program with its command line, the name of the program included.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    memory::keep_small();
    let code = match Cli::try_parse_from(arguments) {
        Ok(Cli { connect: Some(connection), .. }) => connected::run(&connection, 0),
        Ok(Cli { command: Some(command), .. }) => alone::run(command),
        Ok(Cli { .. }) => {
            // Whoever closed standard error does not want to read it.
            drop(std::io::Write::write_all(
                &mut std::io::stderr(),
                Cli::command().render_long_help().to_string().as_bytes(),
            ));
            Exit::Usage
        }
        Err(error) => {
            drop(error.print());
            // Help and version are errors of the parser, but not of the user.
            if error.use_stderr() { Exit::Usage } else { Exit::Done }
        }
    };
    ExitCode::from(code.code())
}
