//! Standing alone: one collector by hand, without supervisor, socket and server.
//!
//! The job runs by the same code as under the supervisor, and its frames go through the same queue; only at
//! the far end there is a [`sheet`] that writes NDJSON lines instead of a socket.

use std::io::{self, Write};

use ipc_proto::exit_code::ExitCode;
use ipc_proto::fault::Fault;

use crate::collectors;
use crate::telemetry::{self, Format};
use cli::{Command, Recordings};
use trouble::Trouble;

mod accounts;
mod clean;
pub(crate) mod cli;
mod collect;
mod describe;
mod engine;
mod kinds;
mod pages;
mod placeholders;
mod recording;
mod screen;
mod settings;
mod sheet;
mod spool;
mod summary;
mod tasks;
pub(crate) mod trouble;

/// Runs one command, and says on stderr what went wrong.
pub(crate) fn run(command: Command) -> ExitCode {
    telemetry::init(Format::Text, command.verbose());
    telemetry::log_panics();
    let collectors = collectors::all();
    let ended = match command {
        Command::Describe(command) => describe::run(&collectors, &command),
        Command::Accounts(command) => accounts::run(collectors, &command),
        Command::Collect(command) => collect::run(collectors, &command),
        Command::Clean(command) => clean::run(collectors, &command),
        Command::Tag(command) => tasks::tag(collectors, &command),
        Command::Execute(command) => tasks::command(collectors, &command),
        Command::Record(Recordings::Inspect(command)) => recording::inspect(&command),
        Command::SelfCheck { fill: true, .. } => Ok(crate::selfcheck::fill()),
        Command::Completions { shell } => pages::completions(shell),
        Command::Man { command } => pages::man(command.as_deref()),
        Command::SelfCheck { json, .. } => Ok(crate::selfcheck::run(json)),
    };
    match ended {
        Ok(code) => code,
        Err(trouble) => {
            trouble.print();
            trouble.code
        }
    }
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no trouble.
pub(crate) fn print(text: &str) -> Result<(), Trouble> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Trouble::new(ExitCode::TryAgain, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error, where nobody may be listening.
fn say(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// A fault as people read it, with where, how often, and what to do.
fn fault_text(fault: &Fault) -> String {
    let scope = &fault.scope;
    let places = [&scope.region, &scope.service, &scope.action].into_iter().flatten();
    let place = places.map(String::as_str).collect::<Vec<_>>().join(" ");
    let place = if place.is_empty() { String::new() } else { format!("[{place}] ") };
    let count = if fault.count > 1 { format!(" ({} times)", fault.count) } else { String::new() };
    let hint = fault.hint.as_ref().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
    format!("{place}{}{count}{hint}", fault.message)
}
