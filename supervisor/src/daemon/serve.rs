//! The loop of the daemon.

use std::time::Instant;

use fixworker_fixcore::http::subscribe::Subscription;
use fixworker_fixcore::messages::Action;
use fixworker_fixcore::ws::actions::ActionEvent;
use fixworker_settings::Running;
use fixworker_surface::metrics;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::End;
use super::answer::{self, RunEnd};
use super::start::Worker;
use crate::config::Loaded;
use crate::exit_code::ExitCode;
use crate::run::RunControl;
use crate::runs::{Effect, Event, Ignored, Runs, StopReason};
use crate::signals::{self, Shutdown, Stage};

/// What to subscribe. Cleanup is not in this version: it is subscribed only where the configuration asks for it,
/// so that each of its actions can be answered with an error that says so.
pub(super) fn subscriptions(running: &Running) -> Vec<Subscription> {
    let worker = running.worker();
    let mut actions = vec!["collect"];
    if worker.cleanup {
        actions.push("cleanup");
    }
    let subscription = |action: &str| Subscription { action: action.to_owned(), timeout: worker.timeout };
    actions.into_iter().map(subscription).collect()
}

/// A run under way.
pub(super) struct Current {
    action: Action,
    pub(super) control: RunControl,
    stopped: Option<StopReason>,
    task: JoinHandle<RunEnd>,
}

pub(super) struct Server {
    pub(super) worker: Worker,
    pub(super) runs: Runs,
    pub(super) current: Option<Current>,
    /// The newest config is being read.
    pub(super) reloading: JoinSet<Option<Loaded>>,
    pub(super) restart: bool,
    collected_once: bool,
}

/// Serves until the end.
pub(super) async fn serve(worker: Worker, stages: &watch::Sender<Stage>, shutdown: Shutdown) -> End {
    let idle_until = worker.idle_timeout.map(|timeout| Instant::now() + timeout);
    let mut server = Server {
        worker,
        runs: Runs::default(),
        current: None,
        reloading: JoinSet::new(),
        restart: false,
        collected_once: false,
    };
    let mut graceful = shutdown.clone();
    tracing::info!("ready");
    loop {
        let idle = idle_until.filter(|_| !server.collected_once);
        tokio::select! {
            Some(event) = server.worker.actions.events.recv() => server.action(event),
            Some(event) = server.worker.events.events.recv() => server.core_event(&event),
            Some(Ok(loaded)) = server.reloading.join_next() => server.loaded(loaded),
            end = run_end(&mut server.current) => server.run_ended(&end),
            () = graceful.reached(Stage::Graceful) => break,
            () = at(idle) => {
                tracing::warn!("no collect run came within the idle timeout: shutting down");
                signals::raise(stages, Stage::Graceful);
                let end = server.stop(shutdown).await;
                return if end == ExitCode::Fine { ExitCode::Internal.into() } else { end.into() };
            }
        }
        if server.restart {
            break;
        }
    }
    let restart = server.restart;
    let code = server.stop(shutdown.clone()).await;
    // A signal during the stop asks for more than a restart.
    if restart && shutdown.stage() == Stage::Running { End::Restart } else { code.into() }
}

pub(super) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

pub(super) async fn run_end(current: &mut Option<Current>) -> RunEnd {
    match current {
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

impl Server {
    pub(super) fn action(&mut self, event: ActionEvent) {
        match event {
            ActionEvent::Do(action) if action.message_type == "collect" => {
                let key = action.key.clone();
                match self.runs.step(Event::Action(action)) {
                    Effect::Ignore(Ignored::Duplicate) => {
                        tracing::info!("fixcore repeats the action {key}, which is in progress");
                    }
                    effect => self.perform(effect),
                }
            }
            ActionEvent::Do(action) => self.refuse(&action),
            ActionEvent::Abort(key) => {
                tracing::info!("fixcore aborts {key}");
                let effect = self.runs.step(Event::Abort(key));
                self.perform(effect);
            }
        }
    }

    fn refuse(&self, action: &Action) {
        let message = format!(
            "Failed to {0}: this fixworker collects only; run the Python worker for {0}, or set fixworker.{0} to false",
            action.message_type
        );
        tracing::error!("{message}");
        self.worker.actions.replies.error(action, &message);
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Start(action) => self.start_run(action),
            Effect::Stop(reason) => {
                if let Some(current) = &mut self.current {
                    tracing::info!("stopping the run {}: {}", current.action.key, reason.text());
                    current.stopped = Some(reason);
                    match reason {
                        StopReason::Aborted | StopReason::Displaced => current.control.discard(reason.text()),
                        StopReason::Shutdown => current.control.stop(reason.text()),
                    }
                }
            }
            Effect::Ignore(why) => tracing::debug!("nothing to do: {why:?}"),
        }
    }

    fn start_run(&mut self, action: Action) {
        self.collected_once = true;
        tracing::info!("collect run {} begins", action.key);
        let control = RunControl::default();
        let run = answer::run(
            self.worker.client.clone(),
            self.worker.tools.clone(),
            self.worker.loaded.running.clone(),
            action.clone(),
            self.worker.actions.replies.clone(),
            control.clone(),
        );
        self.current = Some(Current { action, control, stopped: None, task: tokio::spawn(run) });
    }

    pub(super) fn run_ended(&mut self, end: &RunEnd) {
        let Some(current) = self.current.take() else { return };
        // A run that was through when the worker was told to go is answered as any other.
        let stopped = current.stopped.filter(|reason| *reason != StopReason::Shutdown || !end.complete);
        metrics::run_ended(if stopped.is_some() { "stopped" } else { end.name() }, end.taken);
        let replies = &self.worker.actions.replies;
        match (stopped, &end.answer) {
            (Some(reason), _) => tracing::info!("run {} is over: {}", current.action.key, reason.text()),
            (None, Ok(())) => {
                tracing::info!("run {} is done: {}", current.action.key, end.summary);
                replies.done(&current.action);
            }
            (None, Err(message)) => {
                let message = format!("Failed to collect: {message}");
                tracing::error!("run {}: {message}; {}", current.action.key, end.summary);
                replies.error(&current.action, &message);
            }
        }
        let effect = self.runs.step(Event::Ended);
        self.perform(effect);
    }
}
