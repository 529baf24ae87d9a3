//! The supervisor: holds the connections to fixcore, and has every account collected by a child of its own.
//!
//! # Map
//!
//! ```text
//! main ---> daemon   (fixcore says when)        ---+
//!      \--> oneshot  (`fixworker collect`)      ---+--> collect: list, collect, check, deliver
//!
//! setup      what both need: the child program, its description, the spool, the fleet
//! config     the config document at fixcore         work       what collect, cleanup and tasks have in common
//! observers  log and fixcore watch a run            signals    stages of a shutdown
//! reporting  what a run leaves behind               history    `fixworker history`
//! tasks      tags and commands of the work queue    reach      where fixcore is, and who we are there
//! notify     what the service manager is told       unsubscribe  fixcore forgets this worker
//! check      `fixworker check`
//! ```
//!
//! The parts with a life of their own are crates in this folder: `fixcore` (its client), `fleet` (child
//! processes), `graph` (what children send, checked and merged), `settings` (command line and config document),
//! `surface` (web server, metrics, logs, display, report).
//!
//! # Invariants
//!
//! - Nothing here knows a cloud, or reads a property of a resource.
//! - Only `collect` decides what is delivered; only `daemon` answers actions; each action is answered once.
//! - The pre-shared key stays in `secrecy` types from the command line to the token.

mod binary;
mod board;
pub mod broker;
mod check;
pub mod cleanup;
pub mod collect;
pub mod config;
mod daemon;
mod describe;
pub mod exit_code;
mod history;
mod notify;
pub mod observers;
mod oneshot;
mod reach;
mod reporting;
mod restart;
mod setup;
pub mod signals;
mod tasks;
mod unsubscribe;
mod walls;
pub mod work;

use std::ffi::OsString;
use std::io::Write;

use fixworker_settings::cli::{CommonArgs, DaemonArgs, LogFormat, LogLevel};
use fixworker_settings::{Environment, Invocation, UsageError, argv, cli};
use fixworker_surface::telemetry;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::exit_code::ExitCode;

/// The memory of this process holds the pre-shared key and the secrets of the configuration.
fn forbid_core_dumps() -> nix::Result<()> {
    // Not 0: that forbids files only, while the kernel takes 1 for "also not to a program that stores dumps".
    const NEITHER_FILE_NOR_PIPE: u64 = 1;
    let (_, allowed) = getrlimit(Resource::RLIMIT_CORE)?;
    let limit = NEITHER_FILE_NOR_PIPE.min(allowed);
    setrlimit(Resource::RLIMIT_CORE, limit, limit)
}

/// As many open files as this process may have: connections to children and graphs that wait take some. Children get a
/// limit of their own.
fn raise_open_files() -> nix::Result<()> {
    let (_, allowed) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, allowed, allowed)
}

/// Closes this process to all others of the same user: no other may read its memory, its environment, its
/// descriptors, or trace it.
fn close_to_others() -> nix::Result<()> {
    prctl::set_dumpable(false)
}

/// The whole program.
pub fn main() -> ExitCode {
    let closed = close_to_others();
    let code = run(closed);
    // Nothing that was started outlives this process.
    fixworker_fleet::dismiss();
    code
}

fn run(closed: nix::Result<()>) -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let environment = Environment::of_this_process();
    let invocation = match cli::parse(arguments.iter().cloned(), &environment) {
        Ok(invocation) => invocation,
        Err(UsageError { text }) => {
            complain(&text);
            return ExitCode::Usage;
        }
    };
    match invocation {
        Invocation::Print(text) => print(&text),
        Invocation::Daemon(mut args) => {
            let hidden = argv::hide_secrets();
            // Before there are other threads, and before this process grows.
            let forks = fixworker_fleet::prepare();
            if let Err(UsageError { text }) = args.core.read_psk_file() {
                complain(&text);
                return ExitCode::Usage;
            }
            if let Err(code) = start_logs(&args.common, "fixworker") {
                return code;
            }
            complain_of_start(closed, forks);
            complain_of_argv(hidden);
            let end = on_runtime(daemon::run(*args, environment));
            match end {
                daemon::End::Exit(code) => code,
                daemon::End::Restart => {
                    fixworker_fleet::dismiss();
                    restart::replace_this_process(&arguments)
                }
            }
        }
        Invocation::Collect(args) => {
            let forks = fixworker_fleet::prepare();
            if let Err(code) = start_logs(&args.common, "fixworker collect") {
                return code;
            }
            complain_of_start(closed, forks);
            on_runtime(oneshot::run(*args, environment))
        }
        Invocation::History(args) => history::run(&args),
        Invocation::Unsubscribe(args) => unsubscribe(*args),
        Invocation::Check(mut args) => {
            let hidden = argv::hide_secrets();
            let forks = fixworker_fleet::prepare();
            if let Err(UsageError { text }) = args.core.read_psk_file() {
                complain(&text);
                return ExitCode::Usage;
            }
            // The table says what is wrong; a log beside it would say it twice.
            if args.common.log_level == LogLevel::Normal {
                args.common.log_level = LogLevel::Quiet;
            }
            if let Err(code) = start_logs(&args.common, "fixworker check") {
                return code;
            }
            complain_of_start(closed, forks);
            complain_of_argv(hidden);
            on_runtime(check::run(*args, environment))
        }
    }
}

/// `fixworker unsubscribe`.
fn unsubscribe(mut args: DaemonArgs) -> ExitCode {
    let hidden = argv::hide_secrets();
    if let Err(UsageError { text }) = args.core.read_psk_file() {
        complain(&text);
        return ExitCode::Usage;
    }
    if let Err(code) = start_logs(&args.common, "fixworker unsubscribe") {
        return code;
    }
    complain_of_argv(hidden);
    on_runtime(async {
        match unsubscribe::run(&args).await {
            Ok(text) => print(&text),
            Err(error) => {
                tracing::error!("{error}");
                error.exit_code()
            }
        }
    })
}

fn complain_of_argv(hidden: std::io::Result<usize>) {
    if let Err(error) = hidden {
        tracing::warn!("secrets of the command line stay visible to other users of this host: {error}");
    }
}

fn complain_of_start(closed: nix::Result<()>, forks: std::io::Result<()>) {
    if let Err(error) = closed {
        tracing::warn!("other processes of this user can read the secrets of this one: {error}");
    }
    if let Err(error) = forks {
        tracing::warn!("no process to start children yet, it is tried again for the first one: {error}");
    }
}

/// The form of the log: as asked for, else by environment and terminal.
fn log_format(args: &CommonArgs) -> telemetry::LogFormat {
    telemetry::LogFormat::detect(args.log_format.map(|format| match format {
        LogFormat::Text => telemetry::LogFormat::Text,
        LogFormat::Json => telemetry::LogFormat::Json,
    }))
}

fn start_logs(args: &CommonArgs, process: &str) -> Result<(), ExitCode> {
    let level = match args.log_level {
        LogLevel::Quiet => telemetry::Level::Quiet,
        LogLevel::Normal => telemetry::Level::Normal,
        LogLevel::Verbose => telemetry::Level::Verbose,
        LogLevel::Trace => telemetry::Level::Trace,
    };
    telemetry::init(log_format(args), level).map_err(|error| {
        complain(&format!("error: {process} cannot log: {error}"));
        ExitCode::Internal
    })?;
    if let Err(error) = raise_open_files() {
        tracing::warn!("many accounts at once may need more open files than this process may have: {error}");
    }
    if let Err(error) = forbid_core_dumps() {
        tracing::warn!("a core dump of this process would hold secrets, and cannot be forbidden: {error}");
    }
    Ok(())
}

fn on_runtime<T: From<ExitCode>>(work: impl Future<Output = T>) -> T {
    // Two threads: the supervisor moves bytes and waits; the work is in the children.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(work);
            // A reader of a network file system may hang in a blocking thread; do not wait for it.
            runtime.shutdown_background();
            result
        }
        Err(error) => {
            tracing::error!("the asynchronous runtime cannot start: {error}");
            ExitCode::Internal.into()
        }
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::Fine,
        // Somebody like `head` has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::Fine,
        Err(_) => ExitCode::Internal,
    }
}

#[expect(clippy::print_stderr, reason = "there is no log yet, and this is for the person at the terminal")]
fn complain(text: &str) {
    eprintln!("{}", text.trim_end());
}
