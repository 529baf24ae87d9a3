//! `fixworker check`: looks at everything that a run needs, and changes nothing.
//!
//! ```text
//! core, settings, places, sandbox, accounts   look   --> findings (pure) --> table or JSON, exit code
//! ```

mod accounts;
mod core;
mod finding;
mod places;
mod sandbox;
mod settings;

use std::time::Duration;

use fixworker_fixcore::CancellationToken;
use fixworker_fleet::{Fleet, stopper};
use fixworker_settings::cli::CheckArgs;
use fixworker_settings::collectors::Selection;
use fixworker_settings::{Environment, Running};
use serde_json::json;

use self::finding::{Area, Finding, exit_code, table};
use crate::describe::{Collectors, describe};
use crate::exit_code::ExitCode;
use crate::oneshot::spool::Spool;
use crate::signals::{self, Shutdown, Stage};
use crate::{setup, walls};

/// Looks, prints, and says by the exit code what has to be mended first.
pub(crate) async fn run(args: CheckArgs, environment: Environment) -> ExitCode {
    let fleet = setup::fleet(args.common.collector_bin.clone(), port_of_core(&args));
    if args.walls {
        return only_walls(&fleet, args.json).await;
    }
    let (_stages, shutdown) = match signals::listen() {
        Ok(listening) => listening,
        Err(error) => {
            crate::complain(&format!("error: signals cannot be received: {error}"));
            return ExitCode::Internal;
        }
    };
    let findings = look(&args, environment, &fleet, shutdown).await;
    let code = exit_code(&findings);
    let text = if args.json {
        format!(
            "{:#}\n",
            json!({"version": env!("CARGO_PKG_VERSION"), "exit_code": code as u8, "findings": findings})
        )
    } else {
        table(&findings)
    };
    match crate::print(&text) {
        ExitCode::Fine => code,
        failed => failed,
    }
}

/// Children are kept from it, as those of the worker are.
fn port_of_core(args: &CheckArgs) -> Option<u16> {
    setup::endpoint(&args.core).ok().map(|endpoint| endpoint.port())
}

async fn only_walls(fleet: &Fleet, as_json: bool) -> ExitCode {
    let trials = match walls::trials(fleet).await {
        Ok(trials) => trials,
        Err(error) => {
            crate::complain(&format!("error: {error}"));
            return ExitCode::Usage;
        }
    };
    let text = if as_json { format!("{:#}\n", json!(trials)) } else { walls::listing(&trials) };
    let is_open = trials.iter().any(|trial| trial.mark == walls::Mark::Open);
    match (crate::print(&text), is_open) {
        (ExitCode::Fine, true) => ExitCode::Internal,
        (code, _) => code,
    }
}

async fn look(
    args: &CheckArgs,
    environment: Environment,
    fleet: &Fleet,
    mut shutdown: Shutdown,
) -> Vec<Finding> {
    let stop = CancellationToken::new();
    let program = fleet.settings().binary.display().to_string();
    let seen = core::look(&args.core, &stop).await;
    let mut findings = Vec::new();
    let (document, read) = settings::read(args.config.as_deref(), seen.client.as_ref()).await;
    let collectors = match describe(fleet, &mut shutdown).await {
        Ok(collectors) => collectors,
        Err(error) => {
            let broken = Finding::failed(Area::Program, &program, error.to_string());
            findings.push(
                broken.todo("name the program with --collector-bin; it is of the same release as this one"),
            );
            findings.extend(seen.findings);
            findings.extend(read);
            let said = "without the program that collects";
            findings.extend([Area::Collector, Area::Sandbox].map(|area| Finding::skipped(area, "all", said)));
            return findings;
        }
    };
    let said = format!("has {} collectors", collectors.described.len());
    findings.push(Finding::ok(Area::Program, &program, said));
    findings.extend(seen.findings);
    findings.extend(read);
    let (running, selection, found) =
        settings::load(&document, &args.common.overrides, &collectors.described, &environment);
    findings.extend(found);
    findings.extend(places::look(running.supervisor(), &args.core.subscriber_id));
    let fixcore = port_of_core(args);
    setup::update_fleet(fleet, &running, &collectors, &environment, fixcore, setup::LIVE_HEARTBEAT);
    once(fleet);
    findings.extend(sandbox::judge(&walls::trials(fleet).await, running.supervisor().sandbox));
    findings.extend(accounts(fleet, running, selection, collectors, environment, shutdown).await);
    stop.cancel();
    findings
}

/// Who asks wants an answer now: nothing is tried a second time.
fn once(fleet: &Fleet) {
    let mut settings = (*fleet.settings()).clone();
    settings.max_attempts = 1;
    settings.grace = settings.grace.min(Duration::from_secs(2));
    fleet.update(settings);
}

async fn accounts(
    fleet: &Fleet,
    running: Running,
    selection: Selection,
    collectors: Collectors,
    environment: Environment,
    mut shutdown: Shutdown,
) -> Vec<Finding> {
    // Not the one of the worker, which may be running.
    let spool = match Spool::open(None, u64::MAX) {
        Ok(spool) => spool,
        Err(error) => return vec![Finding::skipped(Area::Collector, "all", error.to_string())],
    };
    fleet.hide(spool.dir.path());
    let tools = match setup::tools(fleet.clone(), spool.dir.clone(), collectors, environment) {
        Ok(tools) => tools,
        Err(error) => return vec![Finding::failed(Area::Program, "fix-collector", error.to_string())],
    };
    let (stopper, token) = stopper();
    let looking = accounts::look(&tools, &running, selection, &token);
    tokio::pin!(looking);
    tokio::select! {
        findings = &mut looking => findings,
        () = shutdown.reached(Stage::Graceful) => {
            stopper.kill_now("interrupted");
            looking.await
        }
    }
}
