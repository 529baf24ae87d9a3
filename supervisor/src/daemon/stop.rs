//! The end: children within their grace, answers sent, links closed, all within one budget.

use std::time::{Duration, Instant};

use fixworker_fleet::ChildStatus;
use fixworker_surface::status::Stage;

use super::serve::{Beat, Server};
use crate::exit_code::ExitCode;
use crate::signals::{self, Shutdown};
use crate::work;

/// Results that cannot be sent are waited for so long when the worker goes.
const DRAIN: Duration = Duration::from_secs(5);
/// How often stragglers of a shutdown are named.
const STRAGGLERS: Duration = Duration::from_secs(5);
/// After children were killed, so long is waited for their run: a dead file system may hold it for ever.
const AFTER_KILL: Duration = Duration::from_secs(15);
/// The last steps need a moment even if the budget is spent.
const LAST_STEPS: Duration = Duration::from_secs(1);

impl Server {
    /// Ends everything within the shutdown budget.
    pub(super) async fn stop(mut self, mut shutdown: Shutdown) -> ExitCode {
        let budget = self.worker.loaded.running.supervisor().shutdown_timeout;
        let until = Instant::now() + budget;
        self.worker.state.set_stage(Stage::Stopping);
        self.reloading.abort_all();
        self.collect.shut_down(&self.worker);
        self.cleanup.shut_down(&self.worker);
        self.worker.tasks.shut_down();
        let mut tasks_over = false;
        let mut killed: Option<Instant> = None;
        let mut name_at = Instant::now() + STRAGGLERS;
        let mut beat = Beat::new(self.worker.manager.pace());
        while self.collect.is_busy() || self.cleanup.is_busy() || !tasks_over {
            tokio::select! {
                end = self.collect.ended() => self.collect.answer(end, &self.worker),
                end = self.cleanup.ended() => self.cleanup.answer(end, &self.worker),
                () = self.worker.tasks.quiet(), if !tasks_over => tasks_over = true,
                () = beat.next() => self.alive(true),
                // fixcore may end or repeat tasks meanwhile; the machine answers that nothing starts any more.
                Some(event) = self.worker.actions.events.recv() => self.action(event),
                () = shutdown.reached(signals::Stage::Kill), if killed.is_none() => {
                    killed = Some(self.kill("the shutdown was forced"));
                }
                () = work::until(Some(until)), if killed.is_none() => {
                    tracing::warn!("the shutdown takes longer than {budget:?}: killing what is left");
                    killed = Some(self.kill("the time for the shutdown was over"));
                }
                () = work::until(killed.map(|at| at + AFTER_KILL)) => {
                    tracing::error!("not everything ends even so; fixcore will repeat an open action");
                    break;
                }
                () = work::until(Some(name_at)), if killed.is_none() => {
                    name_at = Instant::now() + STRAGGLERS;
                    self.name_stragglers(until);
                }
            }
        }
        let left = until.saturating_duration_since(Instant::now()).clamp(LAST_STEPS, DRAIN);
        if !self.worker.actions.replies.drained(left).await {
            tracing::warn!("results of actions could not be sent; fixcore will repeat the actions");
        }
        self.close(left).await;
        if self.worker.unsubscribe && !self.restart {
            self.unsubscribe(left).await;
        }
        tracing::info!("shutdown complete");
        if killed.is_some() { ExitCode::Forced } else { ExitCode::Fine }
    }

    /// Kills the children, and says when.
    fn kill(&self, reason: &str) -> Instant {
        self.name_stragglers(Instant::now());
        self.collect.kill(reason);
        self.cleanup.kill(reason);
        self.worker.tasks.give_up();
        Instant::now()
    }

    fn name_stragglers(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now()).as_secs();
        let children = self.worker.tools.fleet.running();
        match children.as_slice() {
            [] => tracing::info!("waiting for uploads and answers to end, {left} s left"),
            children => {
                let names: Vec<_> = children.iter().map(ChildStatus::describe).collect();
                tracing::warn!(
                    "waiting for {} children, {left} s left: {}",
                    children.len(),
                    names.join("; ")
                );
            }
        }
    }

    /// After the connection of actions is closed: an open one would subscribe again.
    async fn unsubscribe(&self, within: Duration) {
        match tokio::time::timeout(within, self.worker.client.unsubscribe()).await {
            Ok(Ok(_)) => tracing::info!("unsubscribed: fixcore waits for this worker no longer"),
            Ok(Err(error)) => tracing::error!("{error}; fixworker unsubscribe does it again"),
            Err(_) => {
                tracing::error!("cannot unsubscribe: no answer in time; fixworker unsubscribe does it again");
            }
        }
    }

    async fn close(&mut self, within: Duration) {
        self.worker.links.cancel();
        if let Some(web) = self.worker.web.take() {
            web.stop(within).await;
        }
        let (actions, events) = (&mut self.worker.actions.task, &mut self.worker.events.task);
        let tasks = self.worker.tasks.closed();
        let closed = async { drop(tokio::join!(actions, events, tasks)) };
        if tokio::time::timeout(within, closed).await.is_err() {
            tracing::debug!("the websockets did not close in time");
        }
    }
}
