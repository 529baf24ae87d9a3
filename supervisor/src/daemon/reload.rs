//! A new config document: read in the background, then live, or a restart.

use std::sync::Arc;
use std::time::Duration;

use fixworker_fixcore::CoreClient;
use fixworker_fixcore::http::subscribe::Subscription;
use fixworker_fixcore::ws::events::CoreEvent;
use fixworker_settings::{Change, Running, SettingPath};

use super::serve::{Server, subscriptions};
use super::web::State;
use crate::config::{self, ConfigError, Loaded, Sources};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two attempts to read the document.
const PAUSE_MAX: Duration = Duration::from_mins(1);

impl Server {
    pub(super) fn core_event(&mut self, event: &CoreEvent) {
        match event {
            CoreEvent::Connected { first: true } => {}
            CoreEvent::Connected { first: false } => self.reload(),
            CoreEvent::ConfigUpdated { id, revision } => {
                let ours = id == self.worker.client.subscriber().document();
                let known = revision.is_some() && *revision == self.worker.loaded.revision;
                if ours && !known {
                    self.reload();
                }
            }
        }
    }

    /// Starts to read the document, anew if that is being done already.
    fn reload(&mut self) {
        let (client, sources) = (self.worker.client.clone(), Arc::clone(&self.worker.sources));
        let (running, state) = (self.worker.loaded.running.clone(), Arc::clone(&self.worker.state));
        self.reloading.abort_all();
        self.reloading.spawn(read(client, sources, running, state));
    }

    /// Puts the new settings into use. `None` if there are none.
    pub(super) fn loaded(&mut self, new: Option<Loaded>) {
        let Some(new) = new else { return };
        let old = std::mem::replace(&mut self.worker.loaded, new).running;
        let running = self.worker.loaded.running.clone();
        let change = Change::between(&old, &running);
        self.worker.state.set_running(running.clone());
        if change.is_empty() {
            return;
        }
        if !change.restart.is_empty() {
            tracing::info!("restarting for new values of {}", names(&change.restart));
            self.restart = true;
            return;
        }
        tracing::info!("new values in use: {}", names(&change.reload));
        let tools = &self.worker.tools;
        crate::setup::update_fleet(
            &tools.fleet,
            &running,
            tools.brokers.collectors(),
            &tools.environment,
            Some(self.worker.client.endpoint().port()),
            crate::setup::HEARTBEAT,
        );
        self.worker.tasks.configure(&running);
        self.subscribe(&running);
    }

    /// The link subscribes when it connects; a new timeout should not wait for that.
    fn subscribe(&self, running: &Running) {
        let wanted = subscriptions(running);
        if *self.worker.subscriptions.borrow() == wanted {
            return;
        }
        self.worker.subscriptions.send_replace(wanted.clone());
        tokio::spawn(subscribe(self.worker.client.clone(), wanted));
    }
}

async fn subscribe(client: CoreClient, wanted: Vec<Subscription>) {
    for subscription in wanted {
        if let Err(error) = client.subscribe(&subscription).await {
            tracing::warn!("{error}; it is done again with the next connection");
        }
    }
}

/// Reads the document until fixcore gives it. `None` if there is nothing new to use.
async fn read(
    client: CoreClient,
    sources: Arc<Sources>,
    previous: Running,
    state: Arc<State>,
) -> Option<Loaded> {
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match config::reload(&client, &sources, &previous).await {
            Ok(loaded) => {
                state.set_trouble("Config", None);
                return loaded;
            }
            Err(error) => error,
        };
        if pause == FIRST_PAUSE {
            tracing::error!("the new configuration is not in use: {error}");
        } else {
            tracing::debug!("the new configuration is still not in use: {error}");
        }
        state.set_trouble("Config", Some(error.to_string()));
        match error {
            // Somebody has to change it, and then there is an event.
            ConfigError::Document { .. } => return None,
            ConfigError::Core(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn names(paths: &[SettingPath]) -> String {
    paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
