//! What the web server shows of the daemon, from its first moment on.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use fixworker_fixcore::token::BearerVerifier;
use fixworker_fixcore::ws::LinkHealth;
use fixworker_settings::Running;
use fixworker_settings::collectors::select;
use fixworker_surface::history::{Bounds, History, RunId, RunKind, RunRecord};
use fixworker_surface::status::{
    Board, Condition, Connection, Degraded, Happened, LinkState, Sandbox, Stage,
};
use fixworker_surface::web::{Info, WebState};
use ipc_proto::job::Described;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::work::Tools;

/// What is there once the worker is connected.
pub(super) struct Parts {
    pub(super) tools: Tools,
    pub(super) history: History,
    /// The websockets by the names that the peer has for them.
    pub(super) links: BTreeMap<&'static str, watch::Receiver<LinkHealth>>,
}

/// The state that the endpoints read.
pub(super) struct State {
    identity: Identity,
    described: Arc<[Described]>,
    settings: RwLock<Settings>,
    board: Board,
    parts: OnceLock<Parts>,
    /// Why there is no connection, as long as there is none.
    waits: watch::Receiver<String>,
    stage: RwLock<Stage>,
    /// What keeps the worker from working, by its name.
    troubles: RwLock<BTreeMap<&'static str, String>>,
    /// What does not.
    limits: RwLock<BTreeMap<&'static str, String>>,
    bearer: Option<BearerVerifier>,
}

/// Who this is, and for whom it works.
pub(super) struct Identity {
    pub(super) subscriber: String,
    pub(super) fixcore: String,
}

struct Settings {
    running: Running,
    sandbox: Sandbox,
}

impl Settings {
    /// Looks at the host, which takes system calls: not for each request.
    fn new(running: Running) -> Self {
        let sandbox = crate::walls::sandbox(&running);
        Self { running, sandbox }
    }
}

impl State {
    /// A worker that starts.
    pub(super) fn new(
        identity: Identity,
        described: Arc<[Described]>,
        running: Running,
        waits: watch::Receiver<String>,
        bearer: Option<BearerVerifier>,
    ) -> Self {
        Self {
            identity,
            described,
            settings: RwLock::new(Settings::new(running)),
            board: Board::default(),
            parts: OnceLock::new(),
            waits,
            stage: RwLock::default(),
            troubles: RwLock::default(),
            limits: RwLock::default(),
            bearer,
        }
    }

    pub(super) fn set_running(&self, running: Running) {
        let settings = Settings::new(running);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// The worker is connected.
    pub(super) fn connected(&self, parts: Parts) {
        if self.parts.set(parts).is_err() {
            tracing::error!("the worker was connected twice; the page shows the first connection");
        }
        self.set_stage(Stage::Serving);
    }

    pub(super) fn set_stage(&self, stage: Stage) {
        *self.stage.write().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    /// Makes `/health` fail with this name and text, or not any more.
    pub(super) fn set_trouble(&self, name: &'static str, trouble: Option<String>) {
        set(&self.troubles, name, trouble);
    }

    /// The same for what only has to be known.
    pub(super) fn set_limit(&self, name: &'static str, limit: Option<String>) {
        set(&self.limits, name, limit);
    }

    /// A name for a run that began then.
    pub(super) fn name_run(&self, started: Timestamp, kind: RunKind) -> RunId {
        let history = self.history();
        history.map_or_else(|| RunId::new(started, kind, 0), |history| history.name(started, kind))
    }

    /// Keeps a run. It is in the history a moment later: files are written where that may take time.
    pub(super) fn remember(self: &Arc<Self>, record: RunRecord, bounds: Bounds) {
        self.board.tell(Happened::Ended(Box::new(record.clone())), Timestamp::now());
        let Some(history) = self.history() else { return };
        let state = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let missing = history.add(&record, bounds).err().map(|error| error.to_string());
            if let Some(error) = &missing {
                tracing::error!("run {} is missing from the history: {error}", record.id);
            }
            state.set_limit("History", missing);
        });
    }

    fn connections(&self) -> Vec<Connection> {
        let Some(parts) = self.parts.get() else {
            let why = Some(self.waits.borrow().clone()).filter(|why| !why.is_empty());
            let why = why.or_else(|| Some("not connected yet".to_owned()));
            return vec![Connection { name: "fixcore".to_owned(), state: LinkState::Down, since: None, why }];
        };
        let shown = |(name, health): (&&'static str, &watch::Receiver<LinkHealth>)| {
            let (state, since, why) = match &*health.borrow() {
                LinkHealth::Connected { since } => (LinkState::Up, Some(*since), None),
                LinkHealth::Disconnected { since, why, .. } => {
                    (LinkState::Down, Some(*since), Some(why.clone()))
                }
                LinkHealth::Idle | LinkHealth::Stopped => (LinkState::Idle, None, None),
            };
            Connection { name: (*name).to_owned(), state, since, why }
        };
        parts.links.iter().map(shown).collect()
    }
}

fn set(texts: &RwLock<BTreeMap<&'static str, String>>, name: &'static str, text: Option<String>) {
    let mut texts = texts.write().unwrap_or_else(PoisonError::into_inner);
    match text {
        Some(text) => drop(texts.insert(name, text)),
        None => drop(texts.remove(name)),
    }
}

fn listed(texts: &RwLock<BTreeMap<&'static str, String>>) -> Vec<Degraded> {
    let texts = texts.read().unwrap_or_else(PoisonError::into_inner);
    texts.iter().map(|(name, why)| Degraded { name: (*name).to_owned(), why: why.clone() }).collect()
}

impl WebState for State {
    fn condition(&self) -> Condition {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        let worker = settings.running.worker();
        Condition {
            worker: self.identity.subscriber.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            stage: *self.stage.read().unwrap_or_else(PoisonError::into_inner),
            fixcore: self.identity.fixcore.clone(),
            connections: self.connections(),
            failing: listed(&self.troubles),
            degraded: listed(&self.limits),
            sandbox: settings.sandbox.clone(),
            collectors: select(&worker.collector, &self.described).active,
            pool: worker.pool_size,
        }
    }

    fn board(&self) -> Board {
        self.board.clone()
    }

    fn children(&self) -> Value {
        let children = self.parts.get().map(|parts| parts.tools.fleet.running()).unwrap_or_default();
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

    fn history(&self) -> Option<History> {
        self.parts.get().map(|parts| parts.history.clone())
    }

    fn info(&self) -> Info {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        let running = &settings.running;
        let one_for_all = !running.worker().fork_process;
        let names = self.described.iter().map(|one| one.collector.clone());
        let credentials = self.parts.get().map(|parts| {
            let brokers = &parts.tools.brokers;
            names.map(|name| (name.clone(), brokers.describe(&name, one_for_all))).collect()
        });
        Info {
            active_collectors: select(&running.worker().collector, &self.described).active,
            all_collectors: self.described.iter().map(|one| one.collector.clone()).collect(),
            sandbox: crate::walls::info(running),
            credentials: credentials.unwrap_or_default(),
        }
    }

    fn authorize(&self, header: Option<&str>) -> bool {
        let (Some(bearer), Some(header)) = (&self.bearer, header) else { return false };
        // The web server calls this on a thread that may block.
        tokio::runtime::Handle::current().block_on(bearer.verify(header)).is_ok()
    }
}
