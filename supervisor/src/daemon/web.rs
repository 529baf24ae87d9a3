//! What the web server shows of the daemon.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use fixworker_fixcore::CancellationToken;
use fixworker_fixcore::tls::TlsIdentity;
use fixworker_fixcore::token::BearerVerifier;
use fixworker_fixcore::ws::LinkHealth;
use fixworker_settings::collectors::select;
use fixworker_settings::{Running, WorkerSettings};
use fixworker_surface::history::{Bounds, History, RunRecord};
use fixworker_surface::metrics::MetricsHandle;
use fixworker_surface::web::{self, BindError, Health, Info, WebConfig, WebServer, WebState, WebTls};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::work::Tools;

/// The state that the endpoints read.
pub(super) struct State {
    tools: Tools,
    running: RwLock<Running>,
    /// The websockets by the names that the peer has for them.
    links: BTreeMap<&'static str, watch::Receiver<LinkHealth>>,
    /// Troubles that last, by their name.
    troubles: RwLock<BTreeMap<&'static str, String>>,
    bearer: Option<BearerVerifier>,
    history: History,
}

impl State {
    pub(super) fn new(
        tools: Tools,
        running: Running,
        links: BTreeMap<&'static str, watch::Receiver<LinkHealth>>,
        bearer: Option<BearerVerifier>,
        history: History,
    ) -> Self {
        Self { tools, running: RwLock::new(running), links, troubles: RwLock::default(), bearer, history }
    }

    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// Keeps a run. It is in the history a moment later: files are written where that may take time.
    pub(super) fn remember(self: &Arc<Self>, record: RunRecord, bounds: Bounds) {
        let state = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let kept = state.history.add(&record, bounds);
            if let Err(error) = &kept {
                tracing::error!("run {} is missing from the history: {error}", record.id);
            }
        });
    }

    pub(super) fn set_running(&self, running: Running) {
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = running;
    }

    /// Makes `/health` fail with this name and text, or not any more.
    pub(super) fn set_trouble(&self, name: &'static str, trouble: Option<String>) {
        let mut troubles = self.troubles.write().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(text) => drop(troubles.insert(name, text)),
            None => drop(troubles.remove(name)),
        }
    }
}

impl WebState for State {
    fn health(&self) -> Health {
        let links = self.links.iter().filter_map(|(name, health)| match &*health.borrow() {
            LinkHealth::Disconnected { why, .. } => Some(format!("{name}: {why}")),
            LinkHealth::Idle | LinkHealth::Connected { .. } | LinkHealth::Stopped => None,
        });
        let troubles = self.troubles.read().unwrap_or_else(PoisonError::into_inner);
        let troubles = troubles.iter().map(|(name, text)| format!("{name}: {text}"));
        Health { unhealthy: links.chain(troubles).collect() }
    }

    fn children(&self) -> Value {
        let children = self.tools.fleet.running();
        let rows = children.iter().map(|child| {
            let account = child.subject.account.as_ref();
            let jobs = child.jobs.iter().map(|job| {
                let account = job.subject.account.as_ref();
                json!({
                    "account": account.map(|account| &account.id),
                    "account_name": account.map(|account| &account.name),
                    "attempt": job.attempt,
                    "running_s": job.started.elapsed().as_secs_f64(),
                    "step": job.step,
                    "nodes": job.nodes,
                })
            });
            json!({
                "label": child.label,
                "collector": child.subject.collector,
                "account": account.map(|account| &account.id),
                "account_name": account.map(|account| &account.name),
                "pid": child.pid,
                "state": child.state,
                "age_s": child.age().as_secs_f64(),
                "rss_bytes": child.rss,
                "jobs": jobs.collect::<Vec<_>>(),
            })
        });
        rows.collect()
    }

    fn history(&self) -> History {
        self.history.clone()
    }

    fn info(&self) -> Info {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let described = &self.tools.described;
        let brokers = &self.tools.brokers;
        let one_for_all = !running.worker().fork_process;
        let names = described.iter().map(|one| one.collector.clone());
        let credentials = names.map(|name| (name.clone(), brokers.describe(&name, one_for_all))).collect();
        Info {
            active_collectors: select(&running.worker().collector, described).active,
            all_collectors: described.iter().map(|one| one.collector.clone()).collect(),
            sandbox: crate::walls::info(&running),
            credentials,
        }
    }

    fn authorize(&self, header: Option<&str>) -> bool {
        let (Some(bearer), Some(header)) = (&self.bearer, header) else { return false };
        // The web server calls this on a thread that may block.
        tokio::runtime::Handle::current().block_on(bearer.verify(header)).is_ok()
    }
}

/// Starts the web server; its certificate follows `identity` until `stop`.
pub(super) async fn serve(
    worker: &WorkerSettings,
    state: Arc<State>,
    metrics: MetricsHandle,
    identity: Option<watch::Receiver<TlsIdentity>>,
    stop: CancellationToken,
) -> Result<WebServer, BindError> {
    let first = identity.as_ref().map(|identity| identity.borrow().clone());
    let tls = first.and_then(|first| match WebTls::new(first.chain().to_vec(), first.key().clone_key()) {
        Ok(tls) => Some(tls),
        Err(error) => {
            tracing::error!("{error}; the web server speaks plain http");
            None
        }
    });
    if let (Some(tls), Some(identity)) = (tls.clone(), identity) {
        tokio::spawn(follow(tls, identity, stop));
    }
    let config = WebConfig {
        host: worker.web_host.clone(),
        port: worker.web_port,
        path: worker.web_path.clone(),
        tls,
    };
    web::serve(config, state, metrics).await
}

async fn follow(tls: WebTls, mut identity: watch::Receiver<TlsIdentity>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = identity.changed() => if changed.is_err() { return },
        }
        let new = identity.borrow_and_update().clone();
        match tls.replace(new.chain().to_vec(), new.key().clone_key()) {
            Ok(()) => tracing::info!("the web server has a new certificate"),
            Err(error) => tracing::error!("{error}; the web server keeps the old certificate"),
        }
    }
}
