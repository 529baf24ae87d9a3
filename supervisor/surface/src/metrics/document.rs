//! `docs/metrics.md`, and whatever else names metrics, compared with the table.
//!
//! `WRITE_DOCS=1 cargo nextest run -p fixworker-surface docs_of_metrics` writes the document anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use super::{Buckets, Counter, Gauge, Histogram, Metric, TABLE, local};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

const HEAD: &str = "\
# Metrics

`/metrics` of the worker's web server, in the Prometheus text format. This page is made from the table in
`supervisor/surface/src/metrics.rs` by a test, which fails when the two differ. No metric has a label for an account: `/runs`,
`fixworker history` and the status page tell about accounts. [deploy/grafana](../deploy/grafana) has a dashboard,
[deploy/alerts.yaml](../deploy/alerts.yaml) rules for alerts.

Names that begin with `fix_`, and `resource_cleanup_exceptions_total`, are those of the Python worker; its summaries are histograms here, which have the
same `_count` and `_sum`. What it counts and this worker has no such thing of (`fix_graph_resolve_deferred_connections`) is absent.

| name | type | labels | meaning |
|---|---|---|---|
";

fn document() -> String {
    let mut text = HEAD.to_owned();
    for Metric { name, kind, labels, description, .. } in TABLE {
        let kind = match kind {
            Counter => "counter",
            Gauge => "gauge",
            Histogram(_) => "histogram",
        };
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(text, "| `{name}` | {kind} | {} | {description} |", labels.join(", ")).expect("text");
    }
    text.push_str("\nOf the process itself, as all clients of Prometheus have them:\n\n| name | type | meaning |\n|---|---|---|\n");
    for (name, kind, help) in of_the_process() {
        writeln!(text, "| `{name}` | {kind} | {help} |").expect("text");
    }
    let bounds = |buckets: Buckets| {
        let bounds: Vec<_> = buckets.bounds().iter().map(ToString::to_string).collect();
        bounds.join(", ")
    };
    let (short, long) = (bounds(Buckets::Short), bounds(Buckets::Long));
    write!(text, "\nBuckets in seconds: of calls and uploads {short}; of accounts and runs {long}.\n")
        .expect("text");
    text
}

/// Name, type and help of what the process tells of itself.
fn of_the_process() -> Vec<(String, String, String)> {
    let (_recorder, handle) = local();
    let text = handle.render();
    let lines: Vec<&str> = text.lines().collect();
    let helps = lines.iter().zip(lines.iter().skip(1)).filter_map(|(help, kind)| {
        let (name, help) = help.strip_prefix("# HELP ")?.split_once(' ')?;
        let kind = kind.strip_prefix("# TYPE ")?.split(' ').nth(1)?;
        name.starts_with("process_").then(|| (name.to_owned(), kind.to_owned(), help.to_owned()))
    });
    helps.collect()
}

#[test]
fn docs_of_metrics_are_the_table() {
    let path = repository().join("docs/metrics.md");
    if env::var_os("WRITE_DOCS").is_some() {
        fs::write(&path, document()).expect("written");
    }
    let found = fs::read_to_string(&path).expect("docs/metrics.md");
    assert_eq!(
        found,
        document(),
        "write it anew: WRITE_DOCS=1 cargo nextest run -p fixworker-surface docs_of_metrics"
    );
}

/// Words of a text that look like metrics of ours.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_ours = |word: &&str| {
        ["fixworker_", "fix_", "process_", "resource_cleanup_"].iter().any(|start| word.starts_with(start))
    };
    words.filter(is_ours).collect()
}

#[test]
fn dashboard_and_alerts_name_only_what_is_exported() {
    let mut known: BTreeSet<String> = of_the_process().into_iter().map(|(name, ..)| name).collect();
    for Metric { name, kind, .. } in TABLE {
        match kind {
            Counter | Gauge => drop(known.insert((*name).to_owned())),
            Histogram(_) => known.extend(["bucket", "count", "sum"].map(|part| format!("{name}_{part}"))),
        }
    }
    for file in ["deploy/alerts.yaml", "deploy/grafana/fixworker.json"] {
        let text = fs::read_to_string(repository().join(file)).expect(file);
        let named = named(&text);
        assert!(named.len() > 5, "{file}: {named:?}");
        let unknown: Vec<_> = named.iter().filter(|name| !known.contains(**name)).collect();
        assert!(unknown.is_empty(), "{file} names what is not exported: {unknown:?}");
    }
    let dashboard = fs::read_to_string(repository().join("deploy/grafana/fixworker.json")).expect("read");
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    assert!(dashboard["panels"].as_array().is_some_and(|panels| panels.len() > 5));
}
