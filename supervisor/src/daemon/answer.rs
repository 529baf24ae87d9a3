//! One collect action from its start to its answer.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use fixworker_fixcore::CoreClient;
use fixworker_fixcore::messages::Action;
use fixworker_fixcore::ws::actions::ActionReplies;
use fixworker_graph::batch::BatchLimits;
use fixworker_graph::export::DebugDump;
use fixworker_graph::journal::{Journal, RunKey};
use fixworker_graph::merge::MergeKind;
use fixworker_settings::collectors::select;
use fixworker_settings::{Compression, Running};

use crate::describe;
use crate::observers::{CoreObserver, LogObserver, Observers};
use crate::run::delivery::{Delivery, DeliverySettings};
use crate::run::event::{Observer, RunEvent};
use crate::run::ledger::Verdict;
use crate::run::target::{CoreTarget, Target, now_civil};
use crate::run::{RunControl, RunPlan, Tools, collect};

/// How often gathered progress goes to fixcore.
const FLUSH: Duration = Duration::from_millis(500);

/// The end of a run.
#[derive(Debug)]
pub(super) struct RunEnd {
    /// Whether it worked, or what to tell fixcore.
    pub(super) answer: Result<(), String>,
    /// One line for the log.
    pub(super) summary: String,
    /// How long it took.
    pub(super) taken: Duration,
    verdict: &'static str,
}

impl RunEnd {
    /// A run that ended by a fault of ours.
    pub(super) fn broken(message: String) -> Self {
        Self { answer: Err(message), summary: String::new(), taken: Duration::ZERO, verdict: "failed" }
    }

    /// A stable name for metrics.
    pub(super) fn name(&self) -> &'static str {
        self.verdict
    }
}

/// Runs what `action` asks for. Stops early as `control` says; whether there is an answer then is not decided
/// here.
pub(super) async fn run(
    client: CoreClient,
    tools: Tools,
    settings: Running,
    action: Action,
    replies: ActionReplies,
    control: RunControl,
) -> RunEnd {
    let began = Instant::now();
    let core = Arc::new(CoreObserver::new(replies, action.clone()));
    let flusher = tokio::spawn(flush(Arc::clone(&core)));
    let observer: Arc<dyn Observer> = Arc::new(Observers(vec![Arc::new(LogObserver), core.clone()]));
    let end = run_observed(client, &tools, settings, &action, &observer, &control, began).await;
    flusher.abort();
    core.flush();
    match end {
        Ok(end) => end,
        Err(message) => RunEnd { taken: began.elapsed(), ..RunEnd::broken(message) },
    }
}

async fn flush(core: Arc<CoreObserver>) {
    loop {
        tokio::time::sleep(FLUSH).await;
        core.flush();
    }
}

async fn run_observed(
    client: CoreClient,
    tools: &Tools,
    settings: Running,
    action: &Action,
    observer: &Arc<dyn Observer>,
    control: &RunControl,
    began: Instant,
) -> Result<RunEnd, String> {
    let worker = settings.worker();
    let merge_kind = if worker.merges_clouds() { MergeKind::Cloud } else { MergeKind::Account };
    let mut journal = Journal::open(&tools.spool).map_err(|error| error.to_string())?;
    let key = RunKey {
        task: action.key.task.clone(),
        step: action.key.step.clone(),
        graph: worker.graph.clone(),
        merge_kind,
    };
    let delivered_before = journal.begin(&key).map_err(|error| error.to_string())?;
    if !delivered_before.is_empty() {
        let message = format!(
            "resuming: {} accounts were merged before the worker was restarted",
            delivered_before.len()
        );
        observer.event(&RunEvent::Notice { error: false, message });
    }
    let selection = select(&worker.collector, &tools.described);
    if worker.pool_size == 0 {
        return Err("fixworker.pool_size is 0, so nothing is collected".to_owned());
    }
    let model = describe::model(&tools.described, &selection.active).map_err(|error| error.to_string())?;
    let deadline = began + worker.timeout;
    let delivery = Delivery::new(
        client.clone(),
        DeliverySettings {
            graph: worker.graph.clone(),
            task: action.key.task.clone(),
            model: model.into(),
            gzip: gzip(&settings, &client),
            deadline,
            senders: worker.graph_sender_pool_size,
        },
    );
    tokio::select! {
        prepared = delivery.prepare() => prepared?,
        () = control.stopped() => return Err("stopped before it began".to_owned()),
    }
    let dump = dump(&settings, &action.key.task, &delivery)?;
    let limits = settings.supervisor();
    let limits = BatchLimits {
        nodes: limits.merge_batch_nodes,
        wait: limits.merge_batch_seconds,
        cost: limits.merge_batch_cost,
    };
    let target = CoreTarget::new(delivery, limits, worker.merges_clouds(), dump);
    let collect_until = began + worker.timeout.saturating_sub(worker.send_reserve());
    let plan = RunPlan {
        settings: settings.clone(),
        selection,
        only: Vec::new(),
        delivered_before,
        last_run_started_ago: last_run(action),
        collect_until: Some(collect_until),
    };
    let target = Target::Core(Box::new(target));
    let (ledger, result) =
        collect(tools, plan, target, Some(&mut journal), Arc::clone(observer), control).await;
    result?;
    if !control.is_resumable()
        && let Err(error) = journal.ended()
    {
        tracing::warn!("the end of the run cannot be noted: {error}");
    }
    let (answer, verdict) = match ledger.verdict() {
        Verdict::Fine => (Ok(()), "done"),
        Verdict::SomeFailed => (Ok(()), "some_failed"),
        Verdict::Nothing(why) => (Err(why), "failed"),
    };
    Ok(RunEnd { answer, summary: ledger.summary(), taken: began.elapsed(), verdict })
}

fn gzip(settings: &Running, client: &CoreClient) -> bool {
    match settings.supervisor().compress_uploads {
        Compression::Auto => !client.endpoint().is_loopback(),
        Compression::Always => true,
        Compression::Never => false,
    }
}

fn dump(settings: &Running, task: &str, delivery: &Delivery) -> Result<Option<DebugDump>, String> {
    let worker = settings.worker();
    if !worker.debug_dump_json {
        return Ok(None);
    }
    let tempdir = worker.tempdir.as_deref().map(std::path::Path::new);
    let failed = |error: std::io::Error| {
        let place = tempdir.map_or_else(std::env::temp_dir, std::path::Path::to_path_buf);
        format!("debug_dump_json: cannot write below {}: {error}; change fixworker.tempdir", place.display())
    };
    let dump = DebugDump::create(tempdir, task).map_err(failed)?;
    let model = serde_json::to_string(delivery.model()).map_err(|error| error.to_string())?;
    dump.model(&model, now_civil()).map_err(failed)?;
    tracing::info!("debug_dump_json: uploads are kept in {}", dump.folder().display());
    Ok(Some(dump))
}

/// How long ago fixcore saw this step start the last time.
fn last_run(action: &Action) -> Option<Duration> {
    let started = action.last_started_at().filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
    let started = SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(started).ok()?)?;
    started.elapsed().ok()
}
