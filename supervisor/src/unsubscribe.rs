//! `fixworker unsubscribe`: fixcore forgets a worker that does not come back.

use std::time::Duration;

use fixworker_fixcore::bootstrap::ConnectErrorKind;
use fixworker_fixcore::{CancellationToken, ConnectError, ConnectOptions, CoreError};
use fixworker_settings::cli::DaemonArgs;
use thiserror::Error;

use crate::exit_code::ExitCode;
use crate::reach::{self, ReachError};

/// Somebody waits at the terminal.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why fixcore still waits for the worker.
#[derive(Debug, Error)]
pub(crate) enum UnsubscribeError {
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl UnsubscribeError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Reach(_) => ExitCode::Usage,
            Self::Connect(error) if error.kind() == ConnectErrorKind::Usage => ExitCode::Usage,
            Self::Connect(_) | Self::Core(_) => ExitCode::Fixcore,
        }
    }
}

/// Takes the subscriptions of the worker of this command line back, and says what was done.
pub(crate) async fn run(args: &DaemonArgs) -> Result<String, UnsubscribeError> {
    let endpoint = reach::endpoint(args)?;
    let subscriber = reach::subscriber(args);
    let options = ConnectOptions { patience: Some(PATIENCE), waits: None };
    let stop = CancellationToken::new();
    let connected = fixworker_fixcore::connect(&endpoint, subscriber.clone(), &options, &stop).await?;
    let was_known = connected.client.unsubscribe().await?;
    stop.cancel();
    let (name, uri) = (subscriber.of_actions(), endpoint.uri());
    Ok(if was_known {
        format!("{name} is unsubscribed: the fixcore at {uri} waits for this worker no longer\n")
    } else {
        format!("{name} was not subscribed: the fixcore at {uri} does not wait for this worker\n")
    })
}
