//! Everything up to the first action.

use std::sync::Arc;
use std::time::Duration;

use fixworker_fixcore::bootstrap::{ConnectErrorKind, first_identity};
use fixworker_fixcore::http::subscribe::Subscription;
use fixworker_fixcore::token::BearerVerifier;
use fixworker_fixcore::ws::actions::{self, Actions};
use fixworker_fixcore::ws::events::{self, Events};
use fixworker_fixcore::{CancellationToken, ConnectError, ConnectOptions, CoreClient};
use fixworker_graph::spool::{SpoolDir, SpoolError};
use fixworker_settings::cli::DaemonArgs;
use fixworker_settings::collectors::select;
use fixworker_settings::{Environment, Sections};
use fixworker_surface::history::{self, History, HistoryError, RunKind};
use fixworker_surface::metrics;
use fixworker_surface::web::{BindError, WebServer, WebState};
use thiserror::Error;
use tokio::sync::watch;

use crate::cleanup::courier::Courier;
use crate::config::{self, ConfigError, Loaded, Sources};
use crate::describe::{DescribeError, describe};
use crate::exit_code::ExitCode;
use crate::notify::Manager;
use crate::reach::{self, ReachError};
use crate::setup;
use crate::signals::Shutdown;
use crate::tasks::Tasks;
use crate::walls::{self, Incomplete};
use crate::work::Tools;

use super::gauges;
use super::listen;
use super::web::{Identity, Parts, State};

/// Between attempts to read the configuration.
const RETRY: Duration = Duration::from_secs(2);
/// Runs of each kind of the past that are on the board.
const SHOWN: usize = 5;

/// Why the worker does not start.
#[derive(Debug, Error)]
pub(super) enum StartError {
    /// A signal came.
    #[error("stopped while starting")]
    Stopped,
    /// The command line.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// fixcore.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The config document.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The child program.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// The sandbox.
    #[error(transparent)]
    Walls(#[from] Incomplete),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The runs of the past.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The web server.
    #[error(transparent)]
    Web(#[from] BindError),
    /// Something of this program.
    #[error("{0}")]
    Internal(String),
}

impl StartError {
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Stopped => ExitCode::Fine,
            Self::Describe(error) if error.is_cancelled() => ExitCode::Fine,
            Self::Reach(_)
            | Self::Describe(_)
            | Self::Walls(_)
            | Self::Spool(_)
            | Self::History(_)
            | Self::Web(_)
            | Self::Config(ConfigError::Document { .. }) => ExitCode::Usage,
            Self::Connect(error) => match error.kind() {
                ConnectErrorKind::Usage => ExitCode::Usage,
                ConnectErrorKind::Final | ConnectErrorKind::Transient => ExitCode::Fixcore,
                ConnectErrorKind::Stopped => ExitCode::Fine,
            },
            Self::Config(ConfigError::Core(_)) => ExitCode::Fixcore,
            Self::Internal(_) => ExitCode::Internal,
        }
    }
}

/// A worker that is ready to serve.
pub(super) struct Worker {
    pub(super) client: CoreClient,
    pub(super) tools: Tools,
    pub(super) sources: Arc<Sources>,
    pub(super) loaded: Loaded,
    pub(super) actions: Actions,
    pub(super) subscriptions: watch::Sender<Vec<Subscription>>,
    pub(super) events: Events,
    pub(super) tasks: Tasks,
    pub(super) courier: Courier,
    pub(super) links: CancellationToken,
    pub(super) state: Arc<State>,
    pub(super) web: Option<WebServer>,
    pub(super) idle_timeout: Option<Duration>,
    /// Whether fixcore is to forget this worker when it ends.
    pub(super) unsubscribe: bool,
    /// Of services.
    pub(super) manager: Manager,
}

pub(super) async fn start(
    args: DaemonArgs,
    environment: Environment,
    stop: &CancellationToken,
    shutdown: &mut Shutdown,
) -> Result<Worker, StartError> {
    let subscriber = reach::subscriber(&args);
    tracing::info!("fixworker {} starts as {}", env!("CARGO_PKG_VERSION"), subscriber.name());
    let endpoint = reach::endpoint(&args)?;
    let mut manager = Manager::of_this_process();
    manager.alive(format!("waiting for fixcore at {}", endpoint.uri()));
    let metrics = metrics::install().map_err(|error| StartError::Internal(error.to_string()))?;
    let fleet = setup::fleet(args.common.collector_bin.clone(), Some(endpoint.port()));
    let collectors = describe(&fleet, shutdown).await?;
    let described = Arc::clone(&collectors.described);
    let names: Vec<_> = described.iter().map(|one| one.collector.as_str()).collect();
    tracing::info!("collectors: {}", names.join(", "));
    let (sections, errors) = Sections::new(&setup::facts(&described, &environment), &described);
    for error in &errors {
        tracing::error!("{error}");
    }
    let sources = Arc::new(Sources { sections, overrides: args.common.overrides, environment });
    let running = config::offline(&sources);
    let (waits, waiting) = watch::channel(String::new());
    let identity = Identity { subscriber: subscriber.name(), fixcore: endpoint.uri().to_owned() };
    let bearer = args.core.psk.map(BearerVerifier::new);
    let state = Arc::new(State::new(identity, described, running.clone(), waiting, bearer));
    // Files of the command line are read here: a typo should not wait for fixcore.
    let first = first_identity(&endpoint, &subscriber.name()).await?;
    let early = listen::early(running.worker(), first, Arc::clone(&state), metrics.clone()).await;

    let options = ConnectOptions { patience: None, waits: Some(waits.clone()) };
    let connected = fixworker_fixcore::connect(&endpoint, subscriber.clone(), &options, stop).await;
    let connected = connected.map_err(|error| match error {
        ConnectError::Stopped => StartError::Stopped,
        error => error.into(),
    })?;
    let client = connected.client;
    tracing::info!("connected to fixcore at {}", endpoint.uri());
    let loaded = tokio::select! {
        loaded = configuration(&client, &sources, &waits) => loaded?,
        () = stop.cancelled() => return Err(StartError::Stopped),
    };
    state.set_running(loaded.running.clone());
    config::write_files(&loaded.running, &args.home_files);
    walls::announce(&loaded.running)?;
    let fixcore = Some(endpoint.port());
    let (running, environment) = (&loaded.running, &sources.environment);
    setup::update_fleet(&fleet, running, &collectors, environment, fixcore, setup::HEARTBEAT);
    let spool = setup::spool(loaded.running.supervisor(), &subscriber.name())?;
    fleet.hide(spool.path());
    let history = open_history(&spool, &state)?;
    let tools = setup::tools(fleet, spool, collectors, sources.environment.clone())?;
    tools.brokers.announce(&select(&loaded.running.worker().collector, &tools.described).active);

    let links = CancellationToken::new();
    let (subscriptions, wanted) = watch::channel(super::serve::subscriptions(&loaded.running));
    let actions = actions::start(&client, wanted, links.clone());
    let events = events::start(&client, links.clone());
    let tasks = Tasks::start(&client, tools.clone(), loaded.running.clone(), links.clone());
    let courier = Courier::start(client.clone(), &tools.spool, links.clone())?;
    tokio::spawn(gauges::measure(tools.clone(), Arc::clone(&state), links.clone()));
    tokio::spawn(gauges::watch_connection("events", events.health.clone()));
    tokio::spawn(gauges::watch_connection("actions", actions.health.clone()));
    tokio::spawn(gauges::watch_connection("tasks", tasks.health.clone()));
    let health = [
        ("Config Listener", events.health.clone()),
        ("CoreActions", actions.health.clone()),
        ("CoreTasks", tasks.health.clone()),
    ];
    state.connected(Parts { tools: tools.clone(), history, links: health.into() });
    let (worker, identity) = (loaded.running.worker(), connected.identity);
    let web = listen::serve(early, worker, Arc::clone(&state), metrics, identity, links.clone()).await?;
    Ok(Worker {
        client,
        tools,
        sources,
        loaded,
        actions,
        subscriptions,
        events,
        tasks,
        courier,
        links,
        state,
        web: Some(web),
        idle_timeout: args.idle_timeout,
        unsubscribe: args.unsubscribe_at_exit,
        manager,
    })
}

/// The settings. A fixcore that is slow, or goes away just now, is waited for.
async fn configuration(
    client: &CoreClient,
    sources: &Sources,
    waits: &watch::Sender<String>,
) -> Result<Loaded, ConfigError> {
    loop {
        match config::start(client, sources).await {
            Err(ConfigError::Core(error)) if error.is_transient() => {
                tracing::info!("the configuration is read again in {} s: {error}", RETRY.as_secs());
                waits.send_replace(error.to_string());
                tokio::time::sleep(RETRY).await;
            }
            other => return other,
        }
    }
}

/// The runs of the past, and the last of them on the board.
fn open_history(spool: &SpoolDir, state: &State) -> Result<History, HistoryError> {
    let history = History::open(&spool.path().join(history::FOLDER))?;
    let mut last = Vec::new();
    for kind in [RunKind::Collect, RunKind::Cleanup] {
        let ids = history.summaries().into_iter().filter(|run| run.kind == kind).take(SHOWN);
        for run in ids {
            last.extend(history.read(&run.id)?);
        }
    }
    state.board().remember(last);
    Ok(history)
}
