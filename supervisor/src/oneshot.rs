//! `fixworker collect`: the same run once, without fixcore, into one file.

mod observe;
mod outputs;
pub(crate) mod spool;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fixworker_graph::spool::SpoolError;
use fixworker_settings::cli::{CollectArgs, LogLevel};
use fixworker_settings::collectors::select;
use fixworker_settings::document::{ConfigFileError, read_config_file};
use fixworker_settings::{Environment, Inputs, Running, Sections, Severity};
use fixworker_surface::display::{self, Display};
use fixworker_surface::report::{Report, TableLook};
use fixworker_surface::telemetry;
use ipc_proto::job::Described;
use serde_json::Map;
use thiserror::Error;
use tokio::sync::watch;

use self::observe::DisplayObserver;
use self::outputs::OutputError;
use self::spool::Spool;
use crate::collect::target::{FileTarget, Target};
use crate::collect::{RunPlan, collect};
use crate::describe::{DescribeError, describe};
use crate::exit_code::ExitCode;
use crate::observers::{LogObserver, Observers};
use crate::reporting::{FaultObserver, Span, report};
use crate::setup;
use crate::signals::{self, Shutdown, Stage};
use crate::walls::{self, Incomplete};
use crate::work::event::Observer;
use crate::work::{RunControl, Tools};

#[derive(Debug, Error)]
enum OneShotError {
    #[error(transparent)]
    ConfigFile(#[from] ConfigFileError),
    #[error("{}", .0.join("\n"))]
    Problems(Vec<String>),
    #[error(transparent)]
    Describe(#[from] DescribeError),
    #[error(transparent)]
    Walls(#[from] Incomplete),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("{0}")]
    Internal(String),
}

impl OneShotError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Describe(error) if error.is_cancelled() => ExitCode::NothingCollected,
            Self::ConfigFile(_)
            | Self::Output(_)
            | Self::Problems(_)
            | Self::Describe(_)
            | Self::Walls(_)
            | Self::Spool(_) => ExitCode::Usage,
            Self::Internal(_) => ExitCode::Internal,
        }
    }
}

/// Collects once.
pub(crate) async fn run(args: CollectArgs, environment: Environment) -> ExitCode {
    match run_or_fail(args, environment).await {
        Ok(code) => code,
        Err(error) => {
            for line in error.to_string().lines() {
                tracing::error!("{line}");
            }
            error.exit_code()
        }
    }
}

async fn run_or_fail(args: CollectArgs, environment: Environment) -> Result<ExitCode, OneShotError> {
    let (stages, mut shutdown) =
        signals::listen().map_err(|error| OneShotError::Internal(error.to_string()))?;
    outputs::check(&args)?;
    let fleet = setup::fleet(args.common.collector_bin.clone(), None);
    let collectors = describe(&fleet, &mut shutdown).await?;
    let described = Arc::clone(&collectors.described);
    let settings = settings(&args, &described, &environment)?;
    walls::announce(&settings)?;
    setup::update_fleet(&fleet, &settings, &collectors, &environment, None, setup::LIVE_HEARTBEAT);
    let limit = settings.supervisor().spool_limit_mb.saturating_mul(1 << 20);
    let spool = Spool::open(settings.supervisor().spool_dir.as_deref(), limit)?;
    fleet.hide(spool.dir.path());
    let selection = select(&settings.worker().collector, &described);
    let tools = setup::tools(fleet, spool.dir.clone(), collectors, environment)?;
    tools.brokers.announce(&selection.active);
    let collect_until = Instant::now().checked_add(settings.worker().timeout);
    let plan = RunPlan {
        settings,
        selection,
        only: args.accounts.clone(),
        delivered_before: std::collections::BTreeSet::new(),
        last_run_started_ago: None,
        collect_until,
    };
    collect_and_report(&args, &tools, plan, &stages, shutdown).await
}

/// The settings, or everything that is wrong with them.
fn settings(
    args: &CollectArgs,
    described: &[Described],
    environment: &Environment,
) -> Result<Running, OneShotError> {
    let document = args.config.as_deref().map(read_config_file).transpose()?.unwrap_or_else(Map::new);
    let (sections, errors) = Sections::new(&setup::facts(described, environment), described);
    let overrides = &args.common.overrides;
    let inputs = Inputs { sections: &sections, document: &document, overrides, environment };
    let running = Running::load(inputs, None);
    running.used_variables().for_each(|(name, value)| fixworker_surface::scrub::hide(name, value));
    let (wrong, doubtful): (Vec<_>, Vec<_>) =
        running.problems().iter().partition(|problem| problem.severity() == Severity::Error);
    for problem in doubtful {
        tracing::warn!("{problem}");
    }
    let missing = select(&running.worker().collector, described).missing;
    let no_pool = (running.worker().pool_size == 0).then(|| "fixworker.pool_size is 0: raise it".to_owned());
    let problems: Vec<String> = wrong
        .iter()
        .map(ToString::to_string)
        .chain(errors.iter().map(ToString::to_string))
        .chain(missing.iter().map(ToString::to_string))
        .chain(no_pool)
        .collect();
    if problems.is_empty() { Ok(running) } else { Err(OneShotError::Problems(problems)) }
}

async fn collect_and_report(
    args: &CollectArgs,
    tools: &Tools,
    plan: RunPlan,
    stages: &watch::Sender<Stage>,
    shutdown: Shutdown,
) -> Result<ExitCode, OneShotError> {
    let span = Span::begin();
    let output = outputs::graph(args);
    let display = display(args)?;
    let faults = Arc::new(FaultObserver::default());
    let mut observers: Vec<Arc<dyn Observer>> = vec![faults.clone()];
    match &display {
        Some(display) => observers.push(display.clone()),
        // What went wrong is said even so.
        None => observers.push(Arc::new(LogObserver::default())),
    }
    let control = RunControl::default();
    let budget = plan.settings.supervisor().shutdown_timeout;
    let stopping = stop_on_signal(control.clone(), stages.clone(), shutdown.clone(), budget);
    let stopping = tokio::spawn(stopping);
    let target = Target::File(FileTarget::new(output.clone()));
    let (ledger, result) = collect(tools, plan, target, None, Arc::new(Observers(observers)), &control).await;
    stopping.abort();
    if let Some(display) = display {
        display.finish();
    }
    let written = output.filter(|_| ledger.landed() > 0);
    let report = Report {
        output: written.map(|path| path.display().to_string()),
        strict: args.strict,
        ..report(&ledger, faults.take(), span)
    };
    if args.common.log_level != LogLevel::Quiet {
        show(&report, outputs::stdout_is_data(args));
    }
    let reported = args.report.as_deref().map(|path| report.write(path));
    if let Err(error) = result {
        tracing::error!("{error}; choose another place with --output");
        return Ok(ExitCode::Usage);
    }
    if let Some(Err(error)) = reported {
        tracing::error!("{error}");
        return Ok(ExitCode::Usage);
    }
    Ok(exit_code(shutdown.stage(), report.exit_code()))
}

/// A forced end counts more than what was collected before.
fn exit_code(stage: Stage, report: u8) -> ExitCode {
    match (stage, report) {
        (Stage::Kill, _) => ExitCode::Forced,
        (Stage::Running | Stage::Graceful, 0) => ExitCode::Fine,
        (Stage::Running | Stage::Graceful, 2) => ExitCode::Usage,
        (Stage::Running | Stage::Graceful, 3) => ExitCode::SomeFailed,
        (Stage::Running | Stage::Graceful, _) => ExitCode::NothingCollected,
    }
}

/// The live display, unless the user wants to hear of errors only.
fn display(args: &CollectArgs) -> Result<Option<Arc<DisplayObserver>>, OneShotError> {
    if args.common.log_level == LogLevel::Quiet {
        return Ok(None);
    }
    let log_is_json = crate::log_format(&args.common) == telemetry::LogFormat::Json;
    let display = Display::start(display::Output::detect(log_is_json))
        .map_err(|error| OneShotError::Internal(format!("the display cannot start: {error}")))?;
    Ok(Some(Arc::new(DisplayObserver::new(display))))
}

/// The first signal stops the children and keeps what is complete; the second, or the end of the budget, kills
/// them. What is complete is written even then: that is a matter of moments, and a third signal ends it.
async fn stop_on_signal(
    control: RunControl,
    stages: watch::Sender<Stage>,
    mut shutdown: Shutdown,
    budget: Duration,
) {
    shutdown.reached(Stage::Graceful).await;
    control.stop("interrupted");
    tokio::select! {
        () = shutdown.reached(Stage::Kill) => {}
        () = tokio::time::sleep(budget) => {
            tracing::warn!("stopping takes longer than {budget:?}: killing the children");
            signals::raise(&stages, Stage::Kill);
        }
    }
    control.kill_children("interrupted again");
}

#[expect(clippy::print_stderr, clippy::print_stdout, reason = "the summary is what the user asked for")]
fn show(report: &Report, stdout_is_data: bool) {
    use std::io::IsTerminal;
    let is_terminal =
        if stdout_is_data { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    let table = report.summary_table(TableLook::detect(is_terminal));
    if stdout_is_data {
        eprint!("{table}");
    } else {
        print!("{table}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_how_much_was_collected() {
        let codes = |stage| [0, 2, 3, 4].map(|report| exit_code(stage, report) as u8);
        assert_eq!(codes(Stage::Running), [0, 2, 3, 4]);
        assert_eq!(codes(Stage::Graceful), [0, 2, 3, 4]);
        assert_eq!(codes(Stage::Kill), [6, 6, 6, 6]);
    }
}
