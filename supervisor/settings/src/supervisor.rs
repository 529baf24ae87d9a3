//! The section `supervisor`: how children are bounded, retried and stopped.

use std::num::NonZeroU32;
use std::time::Duration;

use ipc_proto::paths::operator_grant;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::problem::{Problem, SettingPath, What};
use crate::setting::{Setting, enum_kind, root_kind};

/// The name of the section.
pub const SECTION: &str = "supervisor";

const YEAR_S: f64 = 31_536_000.0;
const DAY_S: f64 = 86_400.0;
// Shorter than any use of a timer, long enough to be seen by one.
const SHORTEST_S: f64 = 0.01;

/// The section `supervisor`. Durations are seconds with fractions in the document.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SupervisorSettings {
    /// Attempts for one account in one run.
    pub max_attempts: u32,
    /// Bounds one attempt; `None` is `fixworker.timeout`.
    #[serde(deserialize_with = "maybe_seconds")]
    pub account_timeout: Option<Duration>,
    /// From the start of a child to Ready.
    #[serde(deserialize_with = "seconds")]
    pub handshake_timeout: Duration,
    /// A child without a frame for so long is stopped. Heartbeats must come well within it.
    #[serde(deserialize_with = "seconds")]
    pub stall_timeout: Duration,
    /// A child whose counters do not move for so long is stopped.
    #[serde(deserialize_with = "seconds")]
    pub no_progress_timeout: Duration,
    /// From SIGTERM to SIGKILL; zero is SIGKILL at once.
    #[serde(deserialize_with = "seconds")]
    pub grace: Duration,
    /// The wait before the second attempt; it doubles from then on.
    #[serde(deserialize_with = "seconds")]
    pub backoff_initial: Duration,
    /// The longest wait before an attempt.
    #[serde(deserialize_with = "seconds")]
    pub backoff_max: Duration,
    /// Memory of one child in MiB; `None` is no limit.
    pub child_memory_limit_mb: Option<u64>,
    /// Niceness of children, 0 to 19.
    pub child_nice: u8,
    /// Whether children are confined to a sandbox.
    pub sandbox: Sandbox,
    /// Paths that children may reach beside those that their collector declares, as
    /// [`ipc_proto::paths::operator_grant`] reads them.
    pub child_paths: Vec<String>,
    /// A user and process id namespace for each child.
    pub child_namespace: bool,
    /// A batch of merged accounts closes at so many nodes.
    pub merge_batch_nodes: u64,
    /// A batch closes after so long.
    #[serde(deserialize_with = "seconds")]
    pub merge_batch_seconds: Duration,
    /// A batch closes at this cost: (clouds + accounts + regions + zones) times nodes.
    pub merge_batch_cost: u64,
    /// Children of all collectors together; `None` is no cap.
    pub max_children: Option<usize>,
    /// Staging and journal; `None` is the place by the rule of the spool.
    pub spool_dir: Option<String>,
    /// What the collected graphs may take on disk together, in MiB.
    pub spool_limit_mb: u64,
    /// So many runs are kept in the history.
    pub history_runs: usize,
    /// What the history may take on disk, in MiB.
    pub history_limit_mb: u64,
    /// When uploads are compressed.
    pub compress_uploads: Compression,
    /// The part of the accounts that is ours; `None` is all.
    #[serde(deserialize_with = "maybe_shard")]
    pub shard: Option<Shard>,
    /// The budget of a graceful shutdown.
    #[serde(deserialize_with = "seconds")]
    pub shutdown_timeout: Duration,
    /// The first pause before a cleanup tries again what could not go yet; it doubles.
    #[serde(deserialize_with = "seconds")]
    pub cleanup_pause: Duration,
    /// So long without any deletion, and a cleanup gives up what could not go yet.
    #[serde(deserialize_with = "seconds")]
    pub cleanup_patience: Duration,
}

/// Whether children are confined to a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sandbox {
    /// As far as the kernel has one.
    Auto,
    /// Completely, or nothing is collected.
    Require,
    /// Not at all.
    Off,
}

/// When uploads are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Unless fixcore is on the same host.
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// One of several workers that share the accounts, written `i/n` with i from 1 to n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `count`.
    pub index: NonZeroU32,
    /// All workers.
    pub count: NonZeroU32,
}

impl Shard {
    /// Reads `i/n`.
    pub fn parse(text: &str) -> Option<Self> {
        let (index, count) = text.split_once('/')?;
        let shard = Self { index: index.trim().parse().ok()?, count: count.trim().parse().ok()? };
        (shard.index <= shard.count).then_some(shard)
    }

    /// Reads `NAME-K/n` with K from 0 to n-1, as the pods of a StatefulSet are called.
    pub fn of_name(text: &str) -> Option<Self> {
        let (name, count) = text.rsplit_once('/')?;
        let (name, ordinal) = name.trim().rsplit_once('-')?;
        let index = NonZeroU32::MIN.checked_add(ordinal.parse().ok()?)?;
        let shard = Self { index, count: count.trim().parse().ok()? };
        (!name.is_empty() && shard.index <= shard.count).then_some(shard)
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
}

fn maybe_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds: Option<f64> = Option::deserialize(deserializer)?;
    seconds.map(Duration::try_from_secs_f64).transpose().map_err(serde::de::Error::custom)
}

fn maybe_shard<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Shard>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    let shard = text.map(|text| Shard::parse(&text).ok_or(text)).transpose();
    shard.map_err(|text| serde::de::Error::custom(format!("{text:?} is not of the form i/n")))
}

/// What the types and bounds of the section do not say.
pub(crate) fn check(values: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = check_shard(values);
    let paths = values.get("child_paths").and_then(Value::as_array).into_iter().flatten();
    for text in paths.filter_map(Value::as_str).filter(|text| operator_grant(text).is_none()) {
        let expected = "an absolute path, with r:, w: or x: before it if need be".to_owned();
        let path = SettingPath::section(SECTION).key("child_paths");
        problems.push(Problem::document(path, What::WrongType { expected, found: format!("{text:?}") }));
    }
    problems
}

fn check_shard(values: &Map<String, Value>) -> Vec<Problem> {
    match values.get("shard").and_then(Value::as_str) {
        Some(text) if Shard::parse(text).is_none() => {
            let expected = "\"i/n\" with i from 1 to n, such as \"2/3\"".to_owned();
            let path = SettingPath::section(SECTION).key("shard");
            vec![Problem::document(path, What::WrongType { expected, found: format!("{text:?}") })]
        }
        _ => Vec::new(),
    }
}

/// The kinds of the section.
pub(crate) fn kinds() -> Vec<Value> {
    vec![
        root_kind(SECTION, SETTINGS),
        enum_kind("supervisor_compress_uploads", &["auto", "always", "never"]),
        enum_kind("supervisor_sandbox", &["auto", "require", "off"]),
    ]
}

pub(crate) const SETTINGS: &[Setting] = &[
    Setting::new("max_attempts", "int64", |_| json!(3), "How often an account is tried in one run")
        .within(1.0, 1000.0, "attempts"),
    Setting::new(
        "account_timeout",
        "double",
        |_| Value::Null,
        "Seconds for one attempt to collect an account. Without a value: fixworker.timeout",
    )
    .optional()
    .within(SHORTEST_S, 10.0 * YEAR_S, "seconds"),
    Setting::new(
        "handshake_timeout",
        "double",
        |_| json!(10),
        "Seconds from the start of a child until it has to be ready",
    )
    .within(SHORTEST_S, DAY_S, "seconds"),
    Setting::new(
        "stall_timeout",
        "double",
        |_| json!(60),
        "A child that says nothing for this many seconds is stopped and tried again",
    )
    .within(SHORTEST_S, YEAR_S, "seconds"),
    Setting::new(
        "no_progress_timeout",
        "double",
        |_| json!(1800),
        "A child that is alive and gets nothing done for this many seconds is stopped and tried again",
    )
    .within(SHORTEST_S, YEAR_S, "seconds"),
    Setting::new(
        "grace",
        "double",
        |_| json!(10),
        "Seconds between SIGTERM and SIGKILL when a child is stopped. 0 kills at once",
    )
    .within(0.0, DAY_S, "seconds"),
    Setting::new(
        "backoff_initial",
        "double",
        |_| json!(1),
        "Seconds before an account is tried again. It doubles with every attempt",
    )
    .within(0.0, DAY_S, "seconds"),
    Setting::new("backoff_max", "double", |_| json!(300), "The most seconds between two attempts")
        .within(0.0, DAY_S, "seconds"),
    Setting::new(
        "child_memory_limit_mb",
        "int64",
        |_| Value::Null,
        "A child that uses more memory than this many MiB is stopped",
    )
    .optional()
    .within(1.0, 1e9, "MiB"),
    Setting::new("child_nice", "int64", |_| json!(5), "Niceness of the children").within(
        0.0,
        19.0,
        "a niceness",
    ),
    Setting::new(
        "sandbox",
        "supervisor_sandbox",
        |_| json!("auto"),
        "Confine children: auto as far as the kernel can, require refuses to start where it cannot, off does not",
    ),
    Setting::new(
        "child_paths",
        "string[]",
        |_| json!([]),
        "Paths that children may reach beside those their collector declares, as r:PATH to read, w:PATH to write, \
         x:PATH to execute",
    ),
    Setting::new(
        "child_namespace",
        "boolean",
        |_| json!(false),
        "Give each child a user and process id namespace of its own, where the host allows it",
    ),
    Setting::new("merge_batch_nodes", "int64", |_| json!(20_000), "An upload is closed at this many nodes")
        .within(1.0, 1e12, "nodes"),
    Setting::new(
        "merge_batch_seconds",
        "double",
        |_| json!(5),
        "An upload is closed after this many seconds",
    )
    .within(0.0, YEAR_S, "seconds"),
    Setting::new(
        "merge_batch_cost",
        "int64",
        |_| json!(2_000_000),
        "An upload is closed at this cost for fixcore: \
         the number of clouds, accounts, regions and zones, times the number of nodes",
    )
    .within(1.0, 1e15, "cost"),
    Setting::new("max_children", "int64", |_| Value::Null, "The most children of all collectors together")
        .optional()
        .within(1.0, 100_000.0, "children"),
    Setting::new(
        "spool_dir",
        "string",
        |_| Value::Null,
        "Directory for collected graphs until they are sent",
    )
    .optional()
    .restart(),
    Setting::new(
        "spool_limit_mb",
        "int64",
        |_| json!(16_384),
        "What collected graphs may take on disk until they are sent, all together in MiB",
    )
    .within(1.0, 1e9, "MiB")
    .restart(),
    Setting::new(
        "history_runs",
        "int64",
        |_| json!(100),
        "The most runs of which the worker keeps the report",
    )
    .within(1.0, 100_000.0, "runs"),
    Setting::new(
        "history_limit_mb",
        "int64",
        |_| json!(64),
        "What the reports of runs may take on disk, all together in MiB. The last one is kept in any case",
    )
    .within(1.0, 1e6, "MiB"),
    Setting::new(
        "compress_uploads",
        "supervisor_compress_uploads",
        |_| json!("auto"),
        "Compress uploads: auto does it unless fixcore is on the same host",
    ),
    Setting::new(
        "shard",
        "string",
        |_| Value::Null,
        "Collect only one of n parts of the accounts, written i/n with i from 1 to n",
    )
    .optional(),
    Setting::new("shutdown_timeout", "double", |_| json!(30), "Seconds for a shutdown before it is forced")
        .within(0.0, DAY_S, "seconds"),
    Setting::new(
        "cleanup_pause",
        "double",
        |_| json!(5),
        "Seconds before a cleanup tries again to delete what something still depends on. It doubles, \
         up to twelve times as long",
    )
    .within(SHORTEST_S, DAY_S, "seconds"),
    Setting::new(
        "cleanup_patience",
        "double",
        |_| json!(300),
        "A cleanup that has deleted nothing for this many seconds gives up what something still depends on; if that is \
         something that nobody marked, two equal refusals are enough",
    )
    .within(0.0, YEAR_S, "seconds"),
];
