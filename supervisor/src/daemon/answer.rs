//! One action from its start to its answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fixworker_fixcore::CoreClient;
use fixworker_fixcore::messages::Action;
use fixworker_fixcore::ws::actions::ActionReplies;
use fixworker_graph::batch::BatchLimits;
use fixworker_graph::export::DebugDump;
use fixworker_graph::journal::{Journal, RunKey};
use fixworker_graph::merge::MergeKind;
use fixworker_graph::timings::Timings;
use fixworker_settings::collectors::select;
use fixworker_settings::{Compression, Running};
use fixworker_surface::history::CleanupReport;
use fixworker_surface::metrics;
use fixworker_surface::report::Report;
use fixworker_surface::status::Board;
use jiff::Timestamp;

use crate::board::BoardObserver;
use crate::cleanup::{self, Cleanup, CleanupEnd};
use crate::collect::delivery::{Delivery, DeliverySettings};
use crate::collect::ledger::{Ledger, Verdict};
use crate::collect::target::{CoreTarget, Target, now_civil};
use crate::collect::{RunPlan, collect};
use crate::describe;
use crate::observers::{CoreObserver, LogObserver, MetricsObserver, Observers};
use crate::reporting::{FaultObserver, Span, report};
use crate::work::event::{Observer, RunEvent};
use crate::work::{RunControl, Tools};

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
    /// Nothing was called off, so the answer holds even if somebody wanted to stop the run.
    pub(super) complete: bool,
    /// What it leaves to the history.
    pub(super) record: Leaves,
    verdict: &'static str,
}

/// What a run leaves to the history, besides its answer.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    pub(super) report: Report,
    pub(super) cleanup: Option<CleanupReport>,
    pub(super) resumed: u64,
}

impl RunEnd {
    /// A run that ended by a fault of ours.
    pub(super) fn broken(message: String) -> Self {
        let (summary, taken) = ("nothing was delivered".to_owned(), Duration::ZERO);
        let record = Leaves::default();
        Self { answer: Err(message), summary, taken, complete: false, record, verdict: "failed" }
    }

    /// The same of a run that began with `span`.
    fn failed(message: String, span: Span) -> Self {
        let report = span.report();
        let record = Leaves { report, ..Leaves::default() };
        Self { taken: span.elapsed(), record, ..Self::broken(message) }
    }

    /// A stable name for metrics.
    pub(super) fn name(&self) -> &'static str {
        self.verdict
    }
}

/// Cleans up, as `action` asks. Stops early as `control` says.
pub(super) async fn clean(
    cleanup: Cleanup,
    board: Board,
    action: Action,
    replies: ActionReplies,
    control: RunControl,
) -> RunEnd {
    let span = Span::begin();
    let board = Arc::new(BoardObserver::of_cleanup(board, action.key.to_string()));
    let core = Arc::new(CoreObserver::new(replies, action));
    let faults = Arc::new(FaultObserver::default());
    let observer: Arc<dyn Observer> =
        Arc::new(Observers(vec![Arc::new(LogObserver::default()), faults.clone(), core.clone(), board]));
    let end = tokio::select! {
        end = cleanup::run(&cleanup, observer, &control) => end,
        never = flush(&core) => match never {},
    };
    core.flush();
    match end {
        Ok(CleanupEnd { answer, summary, complete, report }) => {
            let (found, denied) = faults.take();
            let cleanup = Some(report);
            let report = Report { faults: found, denied, ..span.report() };
            let record = Leaves { report, cleanup, resumed: 0 };
            RunEnd { answer, summary, taken: span.elapsed(), complete, record, verdict: "cleanup" }
        }
        Err(message) => RunEnd::failed(message, span),
    }
}

/// Collects what `action` asks for. Stops early as `control` says; whether there is an answer then is not decided
/// here.
pub(super) async fn run(
    client: CoreClient,
    tools: Tools,
    board: Board,
    settings: Running,
    action: Action,
    replies: ActionReplies,
    control: RunControl,
) -> RunEnd {
    let span = Span::begin();
    let timings = Timings::load(&tools.spool);
    let board = Arc::new(BoardObserver::of_collect(board, timings, action.key.to_string()));
    let core = Arc::new(CoreObserver::new(replies, action.clone()));
    let counted = Arc::new(MetricsObserver::default());
    let faults = Arc::new(FaultObserver::default());
    let log = Arc::new(LogObserver::default());
    let observer: Arc<dyn Observer> =
        Arc::new(Observers(vec![log, counted, faults.clone(), core.clone(), board]));
    let end = tokio::select! {
        end = run_observed(client, &tools, settings, &action, &observer, &control, span) => end,
        never = flush(&core) => match never {},
    };
    core.flush();
    match end {
        Ok((ledger, verdict)) => {
            for collector in ledger.whole_collectors() {
                metrics::collector_succeeded(collector, Timestamp::now().as_second());
            }
            let (answer, verdict) = match verdict {
                Verdict::Fine => (Ok(()), "done"),
                Verdict::SomeFailed => (Ok(()), "some_failed"),
                Verdict::Nothing(why) => (Err(why), "failed"),
            };
            let (report, resumed) = (report(&ledger, faults.take(), span), ledger.resumed_accounts());
            let record = Leaves { report, cleanup: None, resumed };
            let (summary, complete) = (ledger.summary(), ledger.is_complete());
            RunEnd { answer, summary, taken: span.elapsed(), complete, record, verdict }
        }
        Err(message) => {
            let (found, denied) = faults.take();
            let mut end = RunEnd::failed(message, span);
            (end.record.report.faults, end.record.report.denied) = (found, denied);
            end
        }
    }
}

async fn flush(core: &CoreObserver) -> Infallible {
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
    span: Span,
) -> Result<(Ledger, Verdict), String> {
    let began = span.began;
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
            gzip: gzip(settings.supervisor().compress_uploads, client.endpoint().is_loopback()),
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
        last_run_started_ago: last_run(action, SystemTime::now()),
        collect_until: Some(collect_until),
    };
    let target = Target::Core(Box::new(target));
    let (ledger, result) =
        collect(tools, plan, target, Some(&mut journal), Arc::clone(observer), control).await;
    result?;
    // Otherwise it stays open in the journal: until fixcore has the answer it may ask again, and then a
    // restarted worker knows what has landed.
    if control.is_over()
        && let Err(error) = journal.ended()
    {
        tracing::warn!("the end of the run cannot be noted: {error}");
    }
    let verdict = ledger.verdict();
    Ok((ledger, verdict))
}

fn gzip(wanted: Compression, is_loopback: bool) -> bool {
    match wanted {
        Compression::Auto => !is_loopback,
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
fn last_run(action: &Action, now: SystemTime) -> Option<Duration> {
    let started = action.last_started_at().filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
    let started = SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(started).ok()?)?;
    now.duration_since(started).ok()
}

#[cfg(test)]
mod tests {
    use fixworker_fixcore::messages::ActionKey;
    use serde_json::{Value, json};

    use super::*;

    fn ago(timing: Value) -> Option<Duration> {
        let key = ActionKey { task: "t".into(), step: "collect".into() };
        let data = [("timing".to_owned(), timing)].into_iter().collect();
        let action = Action { message_type: "collect".into(), key, data };
        last_run(&action, SystemTime::UNIX_EPOCH + Duration::from_secs(1000))
    }

    #[test]
    fn the_last_run_is_as_old_as_fixcore_says_if_that_makes_sense() {
        let started = |at: Value| ago(json!({"collect": {"started_at": at, "finished_at": 950}}));
        assert_eq!(started(json!(900)), Some(Duration::from_secs(100)));
        assert_eq!(started(json!(999.5)), Some(Duration::from_millis(500)));
        assert_eq!(started(json!(2000)), None, "the clocks differ");
        assert_eq!(started(json!(-1)), None);
        assert_eq!(started(json!(1e300)), None);
        assert_eq!(ago(json!({})), None, "the first run");
        assert_eq!(ago(Value::Null), None, "a repeated action has no timing");
    }

    #[test]
    fn uploads_are_compressed_where_they_leave_the_host() {
        assert!(gzip(Compression::Auto, false) && !gzip(Compression::Auto, true));
        assert!(gzip(Compression::Always, true) && !gzip(Compression::Never, false));
    }
}
