//! The metrics of `/metrics` (and of `docs/metrics.md`, which a test makes of them): every name in one table, and one small function for each thing that happens.
//!
//! Names that the peer has are the peer's, so that its dashboards go on working (its summaries are histograms
//! here, which have the same `_count` and `_sum`). No metric has a label for an account: an estate of thousands
//! must not become thousands of time series.

#[cfg(test)]
mod document;
mod process;

use std::sync::Arc;
use std::time::Duration;

use ::metrics::{SetRecorderError, Unit, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use thiserror::Error;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    /// With these upper bounds.
    Histogram(Buckets),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Buckets {
    /// Parts of a second to minutes: a call, an upload.
    Short,
    /// Seconds to hours: an account, a run.
    Long,
}

impl Buckets {
    fn bounds(self) -> &'static [f64] {
        match self {
            Self::Short => &[0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0],
            Self::Long => &[1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0],
        }
    }
}

struct Metric {
    name: &'static str,
    kind: Kind,
    unit: Unit,
    /// Its labels. Without any it exists from the start, with zero.
    labels: &'static [&'static str],
    description: &'static str,
}

const fn metric(
    name: &'static str,
    kind: Kind,
    unit: Unit,
    labels: &'static [&'static str],
    description: &'static str,
) -> Metric {
    Metric { name, kind, unit, labels, description }
}

use Kind::{Counter, Gauge, Histogram};

// Of the peer.
const PLUGIN_EXCEPTIONS: &str = "fix_unhandled_plugin_exceptions_total";
const AWS_COLLECT: &str = "fix_plugin_aws_collect_seconds";
const AWS_ACCOUNT_EXCEPTIONS: &str = "fix_plugin_aws_unhandled_account_exceptions_total";
const CLEANUP: &str = "fix_cleanup_seconds";
const RESOURCE_CLEANUP: &str = "fix_resource_cleanup_seconds";
const RESOURCE_CLEANUP_EXCEPTIONS: &str = "resource_cleanup_exceptions_total";
// Ours.
const CHILDREN_RUNNING: &str = "fixworker_children_running";
const CHILDREN_RSS: &str = "fixworker_children_rss_bytes";
const ATTEMPTS: &str = "fixworker_attempts_total";
const ATTEMPT_SECONDS: &str = "fixworker_attempt_seconds";
const KILLS: &str = "fixworker_kills_total";
const ACCOUNTS: &str = "fixworker_accounts_total";
const RUNS: &str = "fixworker_runs_total";
const RUN_SECONDS: &str = "fixworker_run_seconds";
const NODES: &str = "fixworker_nodes_total";
const EDGES: &str = "fixworker_edges_total";
const FAULTS: &str = "fixworker_faults_total";
const MERGES: &str = "fixworker_merges_total";
const MERGE_SECONDS: &str = "fixworker_merge_seconds";
const UPLOADED: &str = "fixworker_uploaded_bytes_total";
const RECONNECTS: &str = "fixworker_reconnects_total";
const SPOOL: &str = "fixworker_spool_bytes";
const WALLS: &str = "fixworker_child_wall";
const TASKS: &str = "fixworker_tasks_total";
const TASK_SECONDS: &str = "fixworker_task_seconds";
const BUILD_INFO: &str = "fixworker_build_info";
const CONNECTED: &str = "fixworker_connected";
const LAST_SUCCESS: &str = "fixworker_last_success_timestamp_seconds";
const RUN_ACCOUNTS: &str = "fixworker_run_accounts";
const BACKLOG: &str = "fixworker_merge_backlog_accounts";
const BACKLOG_BYTES: &str = "fixworker_merge_backlog_bytes";
const PROBLEMS: &str = "fixworker_problems";

/// Every metric that is recorded. Those of the process itself are in [`process`].
const TABLE: &[Metric] = &[
    metric(PLUGIN_EXCEPTIONS, Counter, Unit::Count, &["plugin"], "Collectors that failed as a whole"),
    metric(
        AWS_COLLECT,
        Histogram(Buckets::Long),
        Unit::Seconds,
        &[],
        "Time to collect all AWS accounts of a run",
    ),
    metric(AWS_ACCOUNT_EXCEPTIONS, Counter, Unit::Count, &[], "AWS accounts that failed"),
    metric(CLEANUP, Histogram(Buckets::Long), Unit::Seconds, &[], "Time of a whole cleanup"),
    metric(RESOURCE_CLEANUP, Histogram(Buckets::Short), Unit::Seconds, &[], "Time to clean up one resource"),
    metric(
        RESOURCE_CLEANUP_EXCEPTIONS,
        Counter,
        Unit::Count,
        &["cloud", "kind"],
        "Resources that could not be cleaned up",
    ),
    metric(CHILDREN_RUNNING, Gauge, Unit::Count, &["collector"], "Child processes that run now"),
    metric(CHILDREN_RSS, Gauge, Unit::Bytes, &[], "Resident memory of all children that run now"),
    metric(
        ATTEMPTS,
        Counter,
        Unit::Count,
        &["collector", "outcome"],
        "Child processes that ended, by outcome",
    ),
    metric(
        ATTEMPT_SECONDS,
        Histogram(Buckets::Long),
        Unit::Seconds,
        &["collector"],
        "Life of a child process",
    ),
    metric(
        KILLS,
        Counter,
        Unit::Count,
        &["stage"],
        "Child processes that had to be stopped, by the last stage needed",
    ),
    metric(
        ACCOUNTS,
        Counter,
        Unit::Count,
        &["collector", "state"],
        "Accounts of all runs, by how they ended",
    ),
    metric(RUNS, Counter, Unit::Count, &["result"], "Collect runs, by how they ended"),
    metric(RUN_SECONDS, Histogram(Buckets::Long), Unit::Seconds, &[], "Time of a collect run"),
    metric(NODES, Counter, Unit::Count, &[], "Nodes of accounts that were committed"),
    metric(EDGES, Counter, Unit::Count, &[], "Edges of accounts that were committed"),
    metric(
        FAULTS,
        Counter,
        Unit::Count,
        &["collector", "kind"],
        "Troubles that collectors reported, by kind",
    ),
    metric(MERGES, Counter, Unit::Count, &["outcome"], "Uploads to fixcore, by outcome"),
    metric(
        MERGE_SECONDS,
        Histogram(Buckets::Short),
        Unit::Seconds,
        &[],
        "Time until fixcore answered an upload",
    ),
    metric(UPLOADED, Counter, Unit::Bytes, &[], "Bytes of graph sent to fixcore, as they went over the wire"),
    metric(RECONNECTS, Counter, Unit::Count, &["connection"], "Connections to fixcore that were made again"),
    metric(SPOOL, Gauge, Unit::Bytes, &[], "Bytes in the spool directory"),
    metric(WALLS, Gauge, Unit::Count, &["wall"], "1 if children are behind this wall of the sandbox, else 0"),
    metric(TASKS, Counter, Unit::Count, &["task", "result"], "Tags and commands, by name and how they ended"),
    metric(
        TASK_SECONDS,
        Histogram(Buckets::Short),
        Unit::Seconds,
        &[],
        "Time until a tag or command was answered, waiting included",
    ),
    metric(BUILD_INFO, Gauge, Unit::Count, &["version"], "1, with the release of the worker"),
    metric(CONNECTED, Gauge, Unit::Count, &["connection"], "1 if a connection to fixcore is up, else 0"),
    metric(
        LAST_SUCCESS,
        Gauge,
        Unit::Seconds,
        &["collector"],
        "When all accounts of a collector were collected the last time, in seconds since 1970",
    ),
    metric(
        RUN_ACCOUNTS,
        Gauge,
        Unit::Count,
        &["state"],
        "Accounts of the collect run that is on, by where they stand; 0 while none is",
    ),
    metric(BACKLOG, Gauge, Unit::Count, &[], "Accounts that are collected and not yet merged by fixcore"),
    metric(
        BACKLOG_BYTES,
        Gauge,
        Unit::Bytes,
        &[],
        "Bytes of graphs that wait for fixcore, in memory and on disk",
    ),
    metric(PROBLEMS, Gauge, Unit::Count, &["state"], "Entries of /health, by state: failing, degraded"),
];

/// The metrics cannot be recorded.
#[derive(Debug, Error)]
pub enum InstallError {
    /// Another recorder is there already.
    #[error("metrics are set up already: {0}")]
    Recorder(#[from] SetRecorderError<PrometheusRecorder>),
    /// The table of this module is wrong.
    #[error("the table of metrics is wrong: {0}")]
    Table(#[from] metrics_exporter_prometheus::BuildError),
}

/// Gives the text of `/metrics`.
#[derive(Debug, Clone)]
pub struct MetricsHandle(Arc<PrometheusHandle>);

impl MetricsHandle {
    /// Everything in the Prometheus text format (version 0.0.4), with the metrics of the process itself.
    pub fn render(&self) -> String {
        let mut text = self.0.render();
        process::render(&mut text);
        text
    }

    /// Moves recorded samples to where they take no room. Call it every few seconds; the web server does.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Records all metrics of this process from here on. Once per process.
pub fn install() -> Result<MetricsHandle, InstallError> {
    let recorder = recorder()?;
    let handle = MetricsHandle(Arc::new(recorder.handle()));
    ::metrics::set_global_recorder(recorder)?;
    describe();
    Ok(handle)
}

fn recorder() -> Result<PrometheusRecorder, metrics_exporter_prometheus::BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in TABLE {
        if let Histogram(buckets) = metric.kind {
            builder =
                builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets.bounds())?;
        }
    }
    Ok(builder.build_recorder())
}

/// Registers the descriptions, and those without labels with their first value.
fn describe() {
    for &Metric { name, kind, unit, labels, description } in TABLE {
        let plain = labels.is_empty();
        match kind {
            Counter => ::metrics::describe_counter!(name, unit, description),
            Gauge => ::metrics::describe_gauge!(name, unit, description),
            Histogram(_) => ::metrics::describe_histogram!(name, unit, description),
        }
        match kind {
            Counter if plain => counter!(name).absolute(0),
            Gauge if plain => gauge!(name).set(0.0),
            Histogram(_) if plain => drop(histogram!(name)),
            Counter | Gauge | Histogram(_) => {}
        }
    }
}

// Gauges and histograms take floating point; what is lost above 2^53 bytes does not matter.
#[expect(clippy::cast_precision_loss, reason = "a metric is read with a few digits")]
fn float(count: u64) -> f64 {
    count as f64
}

/// A child process of `collector` was started.
pub fn child_started(collector: &str) {
    gauge!(CHILDREN_RUNNING, "collector" => collector.to_owned()).increment(1.0);
}

/// A child process of `collector` is gone after `life`. `outcome` is one of a fixed set of names.
pub fn child_ended(collector: &str, outcome: &'static str, life: Duration) {
    gauge!(CHILDREN_RUNNING, "collector" => collector.to_owned()).decrement(1.0);
    counter!(ATTEMPTS, "collector" => collector.to_owned(), "outcome" => outcome).increment(1);
    histogram!(ATTEMPT_SECONDS, "collector" => collector.to_owned()).record(life);
}

/// The resident memory of all children together, in bytes.
pub fn children_rss(bytes: u64) {
    gauge!(CHILDREN_RSS).set(float(bytes));
}

/// A child had to be stopped, and `stage` (one of a fixed set of names) was the last that was needed.
pub fn child_killed(stage: &'static str) {
    counter!(KILLS, "stage" => stage).increment(1);
}

/// An account ended; `state` is `done`, `failed` or `cancelled`.
pub fn account_ended(collector: &str, state: &'static str) {
    counter!(ACCOUNTS, "collector" => collector.to_owned(), "state" => state).increment(1);
    if collector == "aws" && state == "failed" {
        counter!(AWS_ACCOUNT_EXCEPTIONS).increment(1);
    }
}

/// All accounts of `collector` have ended, `taken` after the first began.
pub fn collector_ended(collector: &str, taken: Duration) {
    if collector == "aws" {
        histogram!(AWS_COLLECT).record(taken);
    }
}

/// `collector` failed as a whole: its accounts could not be listed.
pub fn collector_failed(collector: &str) {
    counter!(PLUGIN_EXCEPTIONS, "plugin" => collector.to_owned()).increment(1);
}

/// The graph of an account was committed.
pub fn account_committed(nodes: u64, edges: u64) {
    counter!(NODES).increment(nodes);
    counter!(EDGES).increment(edges);
}

/// A collector reported `count` troubles of `kind`, which is one of a fixed set of names.
pub fn faults(collector: &str, kind: &'static str, count: u64) {
    counter!(FAULTS, "collector" => collector.to_owned(), "kind" => kind).increment(count);
}

/// A collect run ended; `result` is one of a fixed set of names.
pub fn run_ended(result: &'static str, taken: Duration) {
    counter!(RUNS, "result" => result).increment(1);
    histogram!(RUN_SECONDS).record(taken);
}

/// fixcore answered an upload, or the connection was lost; `outcome` is one of a fixed set of names.
pub fn merge_ended(outcome: &'static str, taken: Duration) {
    counter!(MERGES, "outcome" => outcome).increment(1);
    histogram!(MERGE_SECONDS).record(taken);
}

/// Bytes of graph went over the wire.
pub fn uploaded(bytes: u64) {
    counter!(UPLOADED).increment(bytes);
}

/// A connection to fixcore was lost and made again; `connection` is one of a fixed set of names.
pub fn reconnected(connection: &'static str) {
    counter!(RECONNECTS, "connection" => connection).increment(1);
}

/// The bytes that the spool directory holds now.
pub fn spool_bytes(bytes: u64) {
    gauge!(SPOOL).set(float(bytes));
}

/// Whether a wall of the sandbox of children is there. `wall` is one of a fixed set of names.
pub fn child_wall(wall: &'static str, is_there: bool) {
    gauge!(WALLS, "wall" => wall).set(if is_there { 1.0 } else { 0.0 });
}

/// A task of the work queue ended. `task` is `tag` or the name of a command that a collector declared, `result` one
/// of a fixed set of names.
pub fn task_ended(task: &str, result: &'static str, taken: Duration) {
    counter!(TASKS, "task" => task.to_owned(), "result" => result).increment(1);
    histogram!(TASK_SECONDS).record(taken);
}

/// A whole cleanup ended.
pub fn cleanup_ended(taken: Duration) {
    histogram!(CLEANUP).record(taken);
}

/// One resource was cleaned up, or failed to be.
pub fn resource_cleaned(cloud: &str, kind: &str, failed: bool, taken: Duration) {
    histogram!(RESOURCE_CLEANUP).record(taken);
    if failed {
        counter!(RESOURCE_CLEANUP_EXCEPTIONS, "cloud" => cloud.to_owned(), "kind" => kind.to_owned())
            .increment(1);
    }
}

/// Which release this is.
pub fn build_info(version: &'static str) {
    gauge!(BUILD_INFO, "version" => version).set(1.0);
}

/// Whether a connection to fixcore is up; `connection` is one of a fixed set of names.
pub fn connected(connection: &'static str, is_up: bool) {
    gauge!(CONNECTED, "connection" => connection).set(if is_up { 1.0 } else { 0.0 });
}

/// All accounts of `collector` were collected at `now`, in seconds since 1970.
pub fn collector_succeeded(collector: &str, now: i64) {
    gauge!(LAST_SUCCESS, "collector" => collector.to_owned())
        .set(float(u64::try_from(now).unwrap_or_default()));
}

/// Where the accounts of the run stand; `state` is the name of a [`Phase`](crate::status::Phase).
pub fn run_accounts(state: &'static str, count: usize) {
    gauge!(RUN_ACCOUNTS, "state" => state).set(float(count as u64));
}

/// What waits for fixcore.
pub fn merge_backlog(accounts: usize, bytes: u64) {
    gauge!(BACKLOG).set(float(accounts as u64));
    gauge!(BACKLOG_BYTES).set(float(bytes));
}

/// How many things `/health` names; `state` is `failing` or `degraded`.
pub fn problems(state: &'static str, count: usize) {
    gauge!(PROBLEMS, "state" => state).set(float(count as u64));
}

#[cfg(test)]
pub(crate) fn local() -> (PrometheusRecorder, MetricsHandle) {
    let recorder = recorder().expect("the table is right");
    let handle = MetricsHandle(Arc::new(recorder.handle()));
    ::metrics::with_local_recorder(&recorder, describe);
    (recorder, handle)
}

#[cfg(test)]
mod tests;
