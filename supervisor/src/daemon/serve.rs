//! The loop of the daemon.

use std::time::{Duration, Instant};

use fixworker_fixcore::http::subscribe::Subscription;
use fixworker_fixcore::messages::Action;
use fixworker_fixcore::ws::actions::ActionEvent;
use fixworker_fixcore::ws::events::CoreEvent;
use fixworker_settings::{Change, Running};
use fixworker_surface::metrics;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::End;
use super::answer::{self, RunEnd};
use super::start::Worker;
use crate::config;
use crate::exit_code::ExitCode;
use crate::run::RunControl;
use crate::runs::{Effect, Event, Ignored, Runs, StopReason};
use crate::signals::{self, Shutdown, Stage};

/// Results that cannot be sent are waited for so long when the worker goes.
const DRAIN: Duration = Duration::from_secs(5);
/// How often stragglers of a shutdown are named.
const STRAGGLERS: Duration = Duration::from_secs(5);

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
struct Current {
    action: Action,
    control: RunControl,
    stopped: Option<StopReason>,
    task: JoinHandle<RunEnd>,
}

struct Server {
    worker: Worker,
    runs: Runs,
    current: Option<Current>,
    restart: bool,
    collected_once: bool,
}

/// Serves until the end.
pub(super) async fn serve(worker: Worker, stages: &watch::Sender<Stage>, shutdown: Shutdown) -> End {
    let idle_until = worker.idle_timeout.map(|timeout| Instant::now() + timeout);
    let mut server =
        Server { worker, runs: Runs::default(), current: None, restart: false, collected_once: false };
    let mut graceful = shutdown.clone();
    tracing::info!("ready");
    loop {
        let idle = idle_until.filter(|_| !server.collected_once);
        tokio::select! {
            Some(event) = server.worker.actions.events.recv() => server.action(event),
            Some(event) = server.worker.events.events.recv() => server.core_event(event).await,
            end = run_end(&mut server.current) => server.run_ended(&end),
            () = graceful.reached(Stage::Graceful) => break,
            () = at(idle) => {
                tracing::warn!("no collect run came within the idle timeout: shutting down");
                signals::raise(stages, Stage::Graceful);
                let end = server.stop(stages, shutdown).await;
                return if end == ExitCode::Fine { ExitCode::Internal.into() } else { end.into() };
            }
        }
        if server.restart {
            break;
        }
    }
    let restart = server.restart;
    let code = server.stop(stages, shutdown).await;
    if restart && code == ExitCode::Fine { End::Restart } else { code.into() }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

async fn run_end(current: &mut Option<Current>) -> RunEnd {
    match current {
        Some(current) => match (&mut current.task).await {
            Ok(end) => end,
            Err(error) => RunEnd::broken(format!("a fault of the worker ended the run: {error}")),
        },
        None => std::future::pending().await,
    }
}

impl Server {
    fn action(&mut self, event: ActionEvent) {
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

    fn perform(&mut self, effect: Effect) {
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

    fn run_ended(&mut self, end: &RunEnd) {
        let Some(current) = self.current.take() else { return };
        metrics::run_ended(end.name(), end.taken);
        let replies = &self.worker.actions.replies;
        match (current.stopped, &end.answer) {
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

    async fn core_event(&mut self, event: CoreEvent) {
        match event {
            CoreEvent::Connected { first: true } => {}
            CoreEvent::Connected { first: false } => {
                metrics::reconnected("events");
                self.reload().await;
            }
            CoreEvent::ConfigUpdated { id, revision } => {
                let ours = id == self.worker.client.subscriber();
                let known = revision.is_some() && revision == self.worker.loaded.revision;
                if ours && !known {
                    self.reload().await;
                }
            }
        }
    }

    async fn reload(&mut self) {
        let (client, sources) = (&self.worker.client, &self.worker.sources);
        let old = &self.worker.loaded;
        let new = match config::reload(client, sources, &old.running).await {
            Ok(Some(new)) => new,
            Ok(None) => return,
            Err(error) => {
                tracing::error!("the new configuration is not in use: {error}");
                return self.worker.state.set_trouble("Config", Some(error.to_string()));
            }
        };
        self.worker.state.set_trouble("Config", None);
        let change = Change::between(&old.running, &new.running);
        self.worker.loaded = new;
        let running = self.worker.loaded.running.clone();
        self.worker.state.set_running(running.clone());
        if change.is_empty() {
            return;
        }
        let names = |paths: &[fixworker_settings::SettingPath]| {
            paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        if !change.restart.is_empty() {
            tracing::info!("restarting for new values of {}", names(&change.restart));
            self.restart = true;
            return;
        }
        tracing::info!("new values in use: {}", names(&change.reload));
        config::write_files(&running);
        crate::setup::update_fleet(&self.worker.tools.fleet, running.supervisor());
        self.worker.subscriptions.send_replace(subscriptions(&running));
    }

    /// Ends everything within the shutdown budget.
    async fn stop(mut self, stages: &watch::Sender<Stage>, mut shutdown: Shutdown) -> ExitCode {
        let budget = self.worker.loaded.running.supervisor().shutdown_timeout;
        let until = Instant::now() + budget;
        let effect = self.runs.step(Event::Shutdown);
        self.perform(effect);
        let mut forced = false;
        let mut name_at = Instant::now() + STRAGGLERS;
        while self.current.is_some() {
            tokio::select! {
                end = run_end(&mut self.current) => self.run_ended(&end),
                // fixcore may end or repeat tasks meanwhile; the machine answers that nothing starts any more.
                Some(event) = self.worker.actions.events.recv() => self.action(event),
                () = shutdown.reached(Stage::Kill), if !forced => {
                    forced = true;
                    self.kill("the shutdown was forced");
                }
                () = at(Some(until)), if !forced => {
                    tracing::warn!("the shutdown takes longer than {budget:?}: killing what is left");
                    signals::raise(stages, Stage::Kill);
                }
                () = at(Some(name_at)) => {
                    name_at = Instant::now() + STRAGGLERS;
                    self.name_stragglers(until);
                }
            }
        }
        let left = until.saturating_duration_since(Instant::now()).min(DRAIN);
        if !self.worker.actions.replies.drained(left).await {
            tracing::warn!("results of actions could not be sent; fixcore will repeat the actions");
        }
        self.close(left).await;
        tracing::info!("shutdown complete");
        if forced { ExitCode::Forced } else { ExitCode::Fine }
    }

    fn kill(&self, reason: &str) {
        self.name_stragglers(Instant::now());
        if let Some(current) = &self.current {
            current.control.kill(reason);
        }
    }

    fn name_stragglers(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now()).as_secs();
        let children = self.worker.tools.fleet.running();
        match children.as_slice() {
            [] => tracing::info!("waiting for uploads to end, {left} s left"),
            children => {
                let names: Vec<_> = children.iter().map(fixworker_fleet::ChildStatus::describe).collect();
                tracing::warn!(
                    "waiting for {} children, {left} s left: {}",
                    children.len(),
                    names.join("; ")
                );
            }
        }
    }

    async fn close(&mut self, within: Duration) {
        self.worker.links.cancel();
        if let Some(web) = self.worker.web.take() {
            web.stop(within).await;
        }
        let (actions, events) = (&mut self.worker.actions.task, &mut self.worker.events.task);
        let closed = async { drop(tokio::join!(actions, events)) };
        if tokio::time::timeout(within.max(Duration::from_secs(1)), closed).await.is_err() {
            tracing::debug!("the websockets did not close in time");
        }
    }
}
