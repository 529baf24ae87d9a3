//! Runs of one kind: what is on, what is asked for, how it ends. Collect and cleanup have a lane each.

use fixworker_fixcore::messages::{Action, ActionKey};
use fixworker_settings::Running;
use fixworker_surface::history::{Bounds, CleanupReport, RunKind, RunOutcome, RunRecord};
use fixworker_surface::metrics;
use fixworker_surface::report::Report;
use fixworker_surface::scrub::scrub;
use fixworker_surface::web::WebState;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::answer::{self, Leaves, RunEnd};
use super::start::Worker;
use super::turns::{Effect, Event, Ignored, Runs, StopReason};
use crate::cleanup::Cleanup;
use crate::work::RunControl;

/// What runs of a lane do; also the type of their actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Collect,
    Cleanup,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Cleanup => "cleanup",
        }
    }
}

/// A run under way.
struct Current {
    action: Action,
    control: RunControl,
    stopped: Option<StopReason>,
    task: JoinHandle<RunEnd>,
}

/// One kind of runs, at most one at a time.
pub(super) struct Lane {
    kind: Kind,
    runs: Runs,
    current: Option<Current>,
}

impl Lane {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, runs: Runs::default(), current: None }
    }

    /// Whether a run is on.
    pub(super) fn is_busy(&self) -> bool {
        self.current.is_some()
    }

    /// fixcore asks for a run.
    pub(super) fn action(&mut self, action: Action, worker: &Worker) {
        let key = action.key.clone();
        match self.runs.step(Event::Action(action)) {
            Effect::Ignore(Ignored::Duplicate) => {
                tracing::info!("fixcore repeats the action {key}, which is in progress");
            }
            effect => self.perform(effect, worker),
        }
    }

    /// fixcore has ended a task.
    pub(super) fn abort(&mut self, key: ActionKey, worker: &Worker) {
        let effect = self.runs.step(Event::Abort(key));
        self.perform(effect, worker);
    }

    /// The worker is going down.
    pub(super) fn shut_down(&mut self, worker: &Worker) {
        let effect = self.runs.step(Event::Shutdown);
        self.perform(effect, worker);
    }

    /// Kills the children of the run.
    pub(super) fn kill(&self, reason: &str) {
        if let Some(current) = &self.current {
            current.control.kill(reason);
        }
    }

    /// Waits for the end of the run that is on; for ever if there is none.
    pub(super) async fn ended(&mut self) -> RunEnd {
        match &mut self.current {
            Some(current) => match (&mut current.task).await {
                Ok(end) => end,
                Err(error) => {
                    // Its children have nobody to report to.
                    current.control.kill("a fault of the worker ended the run");
                    RunEnd::broken(format!("a fault of the worker ended the run: {error}"))
                }
            },
            None => std::future::pending().await,
        }
    }

    /// The run has ended: fixcore gets its answer, and the next one may begin.
    pub(super) fn answer(&mut self, mut end: RunEnd, worker: &Worker) {
        let Some(current) = self.current.take() else { return };
        // A run that was through when the worker was told to go is answered as any other.
        let stopped = current.stopped.filter(|reason| *reason != StopReason::Shutdown || !end.complete);
        if self.kind == Kind::Collect {
            metrics::run_ended(if stopped.is_some() { "stopped" } else { end.name() }, end.taken);
        }
        remember(self.kind, &current.action, stopped, &mut end, worker);
        let (name, replies) = (self.kind.name(), &worker.actions.replies);
        match (stopped, &end.answer) {
            (Some(reason), _) => {
                let reason = reason.text();
                tracing::info!("{name} run {} is over: {reason}; {}", current.action.key, end.summary);
            }
            (None, Ok(())) => {
                tracing::info!("{name} run {} is done: {}", current.action.key, end.summary);
                replies.done(&current.action);
            }
            (None, Err(message)) => {
                let message = format!("Failed to {name}: {message}");
                tracing::error!("run {}: {message}; {}", current.action.key, end.summary);
                replies.error(&current.action, &scrub(message));
            }
        }
        let effect = self.runs.step(Event::Ended);
        self.perform(effect, worker);
    }

    fn perform(&mut self, effect: Effect, worker: &Worker) {
        match effect {
            Effect::Start(action) => self.start(action, worker),
            Effect::Stop(reason) => {
                if let Some(current) = &mut self.current {
                    let name = self.kind.name();
                    tracing::info!("stopping the {name} run {}: {}", current.action.key, reason.text());
                    current.stopped = Some(reason);
                    match reason {
                        StopReason::Aborted | StopReason::Displaced => current.control.discard(reason.text()),
                        StopReason::Shutdown => current.control.stop(reason.text()),
                    }
                }
            }
            Effect::Ignore(why) => tracing::debug!("{}: nothing to do: {why:?}", self.kind.name()),
        }
    }

    fn start(&mut self, action: Action, worker: &Worker) {
        tracing::info!("{} run {} begins", self.kind.name(), action.key);
        let (control, board) = (RunControl::default(), worker.state.board());
        let (client, tools) = (worker.client.clone(), worker.tools.clone());
        let (settings, replies) = (worker.loaded.running.clone(), worker.actions.replies.clone());
        let task = match self.kind {
            Kind::Collect => {
                let run =
                    answer::run(client, tools, board, settings, action.clone(), replies, control.clone());
                tokio::spawn(run)
            }
            Kind::Cleanup => {
                let cleanup = Cleanup { client, tools, settings, courier: worker.courier.clone() };
                tokio::spawn(answer::clean(cleanup, board, action.clone(), replies, control.clone()))
            }
        };
        self.current = Some(Current { action, control, stopped: None, task });
    }
}

/// Puts the run into the history.
fn remember(kind: Kind, action: &Action, stopped: Option<StopReason>, end: &mut RunEnd, worker: &Worker) {
    let Leaves { report, cleanup, resumed } = std::mem::take(&mut end.record);
    let started = report.started.unwrap_or_else(Timestamp::now);
    let kind = match kind {
        Kind::Collect => RunKind::Collect,
        Kind::Cleanup => RunKind::Cleanup,
    };
    let (outcome, message) = match (stopped, &end.answer) {
        (Some(reason), _) => (RunOutcome::Stopped, Some(reason.text().to_owned())),
        (None, Err(message)) => (RunOutcome::Failed, Some(scrub(message.clone()))),
        (None, Ok(())) if is_whole(&report, cleanup.as_ref()) => (RunOutcome::Done, None),
        (None, Ok(())) => (RunOutcome::SomeFailed, None),
    };
    let (task, summary) = (action.key.to_string(), end.summary.clone());
    let id = worker.state.name_run(started, kind);
    let record =
        RunRecord { id, kind, task, outcome, message, summary, resumed, cleanup, left_out: 0, report };
    worker.state.remember(record.bounded(), bounds(&worker.loaded.running));
}

/// Whether nothing is missing that was wanted.
fn is_whole(report: &Report, cleanup: Option<&CleanupReport>) -> bool {
    let totals = report.totals();
    let stays = |fate: &str| ["failed", "unfinished"].contains(&fate);
    let left = cleanup.is_some_and(|it| it.resources.iter().any(|resource| stays(&resource.fate)));
    totals.done == totals.accounts && report.collectors.is_empty() && !left
}

/// How much of the history is kept.
fn bounds(running: &Running) -> Bounds {
    let settings = running.supervisor();
    Bounds { runs: settings.history_runs, bytes: settings.history_limit_mb.saturating_mul(1 << 20) }
}
