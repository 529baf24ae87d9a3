//! The section `fixworker`: names, types and defaults of the Python worker 4.2.

use std::num::NonZeroU64;
use std::time::Duration;

use indexmap::IndexMap;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::setting::{Setting, complex_kind, enum_kind, root_kind};

/// The name of the section.
pub const SECTION: &str = "fixworker";

const POOL_MAX: f64 = 10_000.0;
const YEAR_S: f64 = 31_536_000.0;

/// The section `fixworker`.
#[expect(clippy::struct_excessive_bools, reason = "the settings are the peer's")]
#[derive(Debug, Clone, Deserialize)]
pub struct WorkerSettings {
    /// Names of the collectors to run, in this order.
    pub collector: Vec<String>,
    /// The graph in fixcore.
    pub graph: String,
    /// Bounds a whole run.
    #[serde(deserialize_with = "seconds")]
    pub timeout: Duration,
    /// How many collectors run at once, and how many accounts of a collector that has no pool setting of its
    /// own. 0 means that nothing is collected.
    pub pool_size: usize,
    /// How many uploads run at once.
    pub graph_sender_pool_size: usize,
    /// One process per account; otherwise one per collector.
    pub fork_process: bool,
    /// The kind of node that a merge replaces.
    pub graph_merge_kind: MergeKind,
    /// Keep what is uploaded as files in `tempdir`.
    pub debug_dump_json: bool,
    /// Where temporary files go; `None` is the system's place.
    pub tempdir: Option<String>,
    /// An account with more resources fails; `None` is no limit, also for a 0 in the document.
    #[serde(deserialize_with = "zero_as_none")]
    pub max_resources_per_account: Option<NonZeroU64>,
    /// Whether flagged resources are deleted.
    pub cleanup: bool,
    /// How many deletions run at once.
    pub cleanup_pool_size: usize,
    /// Only say what would be deleted.
    pub cleanup_dry_run: bool,
    /// Serve plain http even if fixcore speaks https.
    pub no_tls: bool,
    /// Address of the web server.
    pub web_host: String,
    /// Port of the web server; 0 is any free one.
    pub web_port: u16,
    /// Path below which the web server answers.
    pub web_path: String,
    /// The old form of `files_in_home_dir`.
    pub write_files_to_home_dir: Vec<HomeFile>,
    /// Files to write below the home directory, by path.
    #[serde(deserialize_with = "null_as_empty")]
    pub files_in_home_dir: IndexMap<String, SecretString>,
}

/// The kind of node that a merge replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MergeKind {
    /// Each cloud as a whole.
    Cloud,
    /// Each account.
    Account,
}

/// A file to write below the home directory.
#[derive(Debug, Clone, Deserialize)]
pub struct HomeFile {
    /// Relative to the home directory, or with a leading `~/`, or absolute below it.
    pub path: String,
    /// The content, which may be a credential.
    pub content: SecretString,
}

impl WorkerSettings {
    /// All files for the home directory, the old list first: a later one wins.
    pub fn home_files(&self) -> Vec<HomeFile> {
        let map = self.files_in_home_dir.iter();
        let map = map.map(|(path, content)| HomeFile { path: path.clone(), content: content.clone() });
        self.write_files_to_home_dir.iter().cloned().chain(map).collect()
    }

    /// Whether whole clouds are replaced.
    pub fn merges_clouds(&self) -> bool {
        self.graph_merge_kind == MergeKind::Cloud
    }

    /// How long before the end of a run collecting stops, so that what is there can still be sent: a fifth of
    /// the timeout, at most 60 seconds, but at least a twentieth of it.
    pub fn send_reserve(&self) -> Duration {
        (self.timeout / 20).max((self.timeout / 5).min(Duration::from_mins(1)))
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

fn zero_as_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZeroU64>, D::Error> {
    Option::deserialize(deserializer).map(|limit: Option<u64>| limit.and_then(NonZeroU64::new))
}

fn null_as_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<IndexMap<String, SecretString>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The settings whose values may be credentials: problems never show them.
pub(crate) const SECRET: [&str; 2] = ["write_files_to_home_dir", "files_in_home_dir"];

/// The kinds of the section.
pub(crate) fn kinds() -> Vec<Value> {
    let file = [
        json!({"name": "path", "kind": "string", "required": true,
               "description": "Path of the file, relative to the home directory"}),
        json!({"name": "content", "kind": "string", "required": true,
               "description": "What the file holds", "metadata": {"ui-hint": "multiline"}}),
    ];
    vec![
        root_kind(SECTION, SETTINGS),
        enum_kind("graph_merge_kind", &["cloud", "account"]),
        complex_kind("fixworker_home_directory_file", &file),
    ]
}

pub(crate) const SETTINGS: &[Setting] = &[
    Setting::new(
        "collector",
        "string[]",
        |facts| json!(facts.auto_collectors),
        "The collectors that run. Without an entry here: those that find credentials on the first start",
    )
    .restart(),
    Setting::new("graph", "string", |_| json!("fix"), "The graph in fixcore that is filled and searched"),
    Setting::new("timeout", "int64", |_| json!(10_800), "A collect or cleanup run ends after this many seconds")
        .within(1.0, 10.0 * YEAR_S, "seconds"),
    Setting::new(
        "pool_size",
        "int64",
        |_| json!(5),
        "How many collectors run at the same time, and how many accounts of each that has no such setting. \
         0 collects nothing",
    )
    .within(0.0, POOL_MAX, "collectors"),
    Setting::new("graph_sender_pool_size", "int64", |_| json!(5), "How many uploads to fixcore run at once")
        .within(1.0, POOL_MAX, "uploads"),
    Setting::new(
        "fork_process",
        "boolean",
        |_| json!(true),
        "A process for each account. Otherwise one process for each collector serves all its accounts",
    ),
    Setting::new(
        "graph_merge_kind",
        "graph_merge_kind",
        |_| json!("account"),
        "What an upload replaces in fixcore: each account on its own, or the whole cloud",
    ),
    Setting::new("debug_dump_json", "boolean", |_| json!(false), "Keep every upload as a file, for debugging"),
    Setting::new("tempdir", "string", |_| Value::Null, "Directory for temporary files").optional(),
    Setting::new(
        "max_resources_per_account",
        "int64",
        |_| Value::Null,
        "An account with more resources than this is reported and not uploaded",
    )
    .optional()
    .within(0.0, 1e12, "resources"),
    Setting::new("cleanup", "boolean", |_| json!(false), "Delete resources that are marked for cleanup"),
    Setting::new(
        "cleanup_pool_size",
        "int64",
        |facts| json!(2 * facts.cpus.max(2)),
        "How many resources are cleaned up at the same time",
    )
    .within(1.0, POOL_MAX, "resources"),
    Setting::new(
        "cleanup_dry_run",
        "boolean",
        |_| json!(true),
        "Report what a cleanup would delete, and delete nothing",
    ),
    Setting::new("no_tls", "boolean", |_| json!(false), "Serve plain http, also when fixcore uses https")
        .restart(),
    Setting::new("web_host", "string", |_| json!("::"), "Address that the web server listens on").restart(),
    Setting::new("web_port", "int64", |_| json!(9956), "Port that the web server listens on")
        .within(0.0, 65_535.0, "port")
        .restart(),
    Setting::new("web_path", "string", |_| json!("/"), "Path of the web server, behind an ingress for example")
        .restart(),
    Setting::new(
        "write_files_to_home_dir",
        "fixworker_home_directory_file[]",
        |_| json!([]),
        "The old form of files_in_home_dir",
    )
    .restart(),
    Setting::new(
        "files_in_home_dir",
        "dictionary[string, string]",
        |_| json!({}),
        "Files that the worker writes below its home directory, for example .aws/credentials or .kube/config.\n\
         Each key is a path, its value the content",
    )
    .optional()
    .restart(),
];
