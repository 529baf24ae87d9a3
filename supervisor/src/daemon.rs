//! The daemon: connects, keeps the config, takes actions, answers them.
//!
//! ```text
//! start   describe the collectors -> web server -> connect -> config -> spool -> links
//! serve   actions  -> runs (pure) -> a run in a task of its own -> its end -> answer
//! reload  events   -> config again -> live, or restart
//! stop    children within their grace, answers sent, links closed
//! ```

mod answer;
mod gauges;
mod lanes;
mod listen;
mod reload;
mod serve;
mod start;
mod stop;
mod turns;
mod web;

use fixworker_fixcore::CancellationToken;
use fixworker_settings::Environment;
use fixworker_settings::cli::DaemonArgs;

use crate::exit_code::ExitCode;
use crate::signals::{self, Stage};

/// How the daemon ended.
#[derive(Debug)]
pub(crate) enum End {
    /// With this code.
    Exit(ExitCode),
    /// A setting asks for a new process.
    Restart,
}

impl From<ExitCode> for End {
    fn from(code: ExitCode) -> Self {
        Self::Exit(code)
    }
}

/// Works until a signal, a final error, or a setting that needs a new process.
pub(crate) async fn run(args: DaemonArgs, environment: Environment) -> End {
    let (stages, mut shutdown) = match signals::listen() {
        Ok(listening) => listening,
        Err(error) => {
            tracing::error!("signals cannot be received: {error}");
            return ExitCode::Internal.into();
        }
    };
    // Ends the attempts to connect when a signal comes first.
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    let mut waiting = shutdown.clone();
    tokio::spawn(async move {
        waiting.reached(Stage::Graceful).await;
        cancel.cancel();
    });
    match start::start(args, environment, &stop, &mut shutdown).await {
        Ok(worker) => serve::serve(worker, &stages, shutdown).await,
        Err(error) if error.exit_code() == ExitCode::Fine => {
            tracing::info!("stopped while starting");
            ExitCode::Fine.into()
        }
        Err(error) => {
            tracing::error!("{error}");
            error.exit_code().into()
        }
    }
}
