//! The loop of the daemon.

use std::pin::pin;
use std::time::{Duration, Instant};

use fixworker_fixcore::http::subscribe::Subscription;
use fixworker_fixcore::messages::Action;
use fixworker_fixcore::ws::LinkHealth;
use fixworker_fixcore::ws::actions::ActionEvent;
use fixworker_settings::Running;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};

use super::End;
use super::lanes::{Kind, Lane};
use super::start::Worker;
use crate::config::Loaded;
use crate::exit_code::ExitCode;
use crate::signals::{self, Shutdown, Stage};
use crate::work::until;

/// What to subscribe. Cleanup always, as the peer does: fixcore gives a connection only what was subscribed before
/// it was made, so a cleanup that is enabled later would never come. While it is not enabled it is done at once.
pub(super) fn subscriptions(running: &Running) -> Vec<Subscription> {
    let timeout = running.worker().timeout;
    let subscription = |kind: Kind| Subscription { action: kind.name().to_owned(), timeout };
    [Kind::Collect, Kind::Cleanup].map(subscription).to_vec()
}

pub(super) struct Server {
    pub(super) worker: Worker,
    pub(super) collect: Lane,
    pub(super) cleanup: Lane,
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
        collect: Lane::new(Kind::Collect),
        cleanup: Lane::new(Kind::Cleanup),
        reloading: JoinSet::new(),
        restart: false,
        collected_once: false,
    };
    let mut graceful = shutdown.clone();
    let Worker { actions, events, tasks, .. } = &server.worker;
    let links = [actions.health.clone(), events.health.clone(), tasks.health.clone()];
    let mut connected = pin!(connected(links));
    let mut ready = false;
    let mut beat = Beat::new(server.worker.manager.pace());
    loop {
        let idle = idle_until.filter(|_| !server.collected_once);
        tokio::select! {
            Some(event) = server.worker.actions.events.recv() => server.action(event),
            Some(event) = server.worker.events.events.recv() => server.core_event(&event),
            Some(Ok(loaded)) = server.reloading.join_next() => server.loaded(loaded),
            end = server.collect.ended() => server.collect.answer(end, &server.worker),
            end = server.cleanup.ended() => server.cleanup.answer(end, &server.worker),
            () = &mut connected, if !ready => {
                ready = true;
                tracing::info!("ready");
                server.worker.manager.ready();
            }
            () = beat.next() => server.alive(ready),
            () = graceful.reached(Stage::Graceful) => break,
            () = until(idle) => {
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
    if !restart {
        server.worker.manager.stopping();
    }
    let code = server.stop(shutdown.clone()).await;
    // A signal during the stop asks for more than a restart.
    if restart && shutdown.stage() == Stage::Running { End::Restart } else { code.into() }
}

/// When a sign of life is due. From the loop itself, because a loop that hangs is what the watchdog is for.
pub(super) struct Beat(Option<Interval>);

impl Beat {
    pub(super) fn new(pace: Option<Duration>) -> Self {
        Self(pace.map(|pace| {
            let mut interval = tokio::time::interval(pace);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        }))
    }

    pub(super) async fn next(&mut self) {
        match &mut self.0 {
            Some(interval) => drop(interval.tick().await),
            None => std::future::pending().await,
        }
    }
}

/// Waits until each of them was connected, or has nothing to connect for.
async fn connected(links: [watch::Receiver<LinkHealth>; 3]) {
    for mut link in links {
        // Err: the worker is ending.
        let _ended = link.wait_for(LinkHealth::is_healthy).await.is_err();
    }
}

impl Server {
    /// Tells the service manager that this loop turns, and what is done.
    pub(super) fn alive(&mut self, ready: bool) {
        let busy = [(&self.collect, "collecting"), (&self.cleanup, "cleaning up")];
        let busy: Vec<_> = busy.iter().filter(|(lane, _)| lane.is_busy()).map(|(_, what)| *what).collect();
        let status = match busy.as_slice() {
            [] if ready => "connected to fixcore, waiting for work".to_owned(),
            [] => "connecting to fixcore".to_owned(),
            busy => {
                let children = self.worker.tools.fleet.running().len();
                format!("{}, children: {children}", busy.join(" and "))
            }
        };
        self.worker.manager.alive(status);
    }

    pub(super) fn action(&mut self, event: ActionEvent) {
        match event {
            ActionEvent::Do(action) => match action.message_type.as_str() {
                "collect" => {
                    self.collected_once = true;
                    self.collect.action(action, &self.worker);
                }
                "cleanup" if self.worker.loaded.running.worker().cleanup => {
                    self.cleanup.action(action, &self.worker);
                }
                "cleanup" => {
                    tracing::info!("cleanup was asked for, but is not enabled (fixworker.cleanup)");
                    self.worker.actions.replies.done(&action);
                }
                _ => self.refuse(&action),
            },
            ActionEvent::Abort(key) => {
                tracing::info!("fixcore aborts {key}");
                self.collect.abort(key.clone(), &self.worker);
                self.cleanup.abort(key, &self.worker);
            }
        }
    }

    fn refuse(&self, action: &Action) {
        let message = format!("Failed to {0}: this worker knows no {0}", action.message_type);
        tracing::error!("{message}");
        self.worker.actions.replies.error(action, &message);
    }
}
