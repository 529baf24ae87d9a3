//! What became of each resource, for people and for programs.

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use decisions::cleanup::Fate;
use serde_json::{Value, json};

use super::run::{Record, Run};
use super::work::Resource;

/// One row for each resource, in the order in which they were done; what has no answer comes last.
pub(super) fn text(run: &Run) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["pass", "resource", "where", "outcome", "what"]);
    for (one, record) in in_order(run) {
        let pass = pass(record).filter(|pass| *pass > 0).map_or("-".to_owned(), |pass| pass.to_string());
        let outcome = outcome(record).unwrap_or("not answered").to_owned();
        table.add_row([pass, one.node.title(), place(one), outcome, what(record)]);
    }
    format!("{table}\n")
}

/// One JSON object for each resource, in the same order.
pub(super) fn lines(run: &Run) -> String {
    let mut lines = String::new();
    for (one, record) in in_order(run) {
        lines.push_str(&line(one, record).to_string());
        lines.push('\n');
    }
    lines
}

/// One sentence about all of it.
pub(super) fn sentence(run: &Run, dry_run: bool) -> String {
    let count = |name: Option<&str>| run.records.iter().filter(|record| outcome(record) == name).count();
    let done = if dry_run {
        format!("{} would be deleted", count(Some("planned")))
    } else {
        format!("{} deleted", count(Some("gone")))
    };
    format!(
        "{done}, {} refused, {} failed, {} still waiting, {} not answered",
        count(Some("refused")),
        count(Some("failed")),
        count(Some("later")),
        count(None),
    )
}

/// The name of what became of a resource, stable; none if that is not known.
fn outcome(record: &Record) -> Option<&'static str> {
    match record.end.as_ref().map(|end| &end.fate)? {
        Fate::Gone => Some("gone"),
        Fate::Planned => Some("planned"),
        Fate::Failed(_) | Fate::Unfinished(_) if record.later => Some("later"),
        Fate::Failed(_) | Fate::Elsewhere(_) => Some("failed"),
        Fate::Refused(_) | Fate::Skipped(_) => Some("refused"),
        Fate::Unfinished(_) => None,
    }
}

fn reason(record: &Record) -> Option<&str> {
    record.end.as_ref().and_then(|end| end.fate.reason())
}

/// The pass in which it was known what became of a resource.
fn pass(record: &Record) -> Option<u32> {
    outcome(record).and(record.end.as_ref()).map(|end| end.pass)
}

fn in_order(run: &Run) -> Vec<(&Resource, &Record)> {
    let mut all: Vec<_> = run.work.resources.iter().zip(&run.records).collect();
    // Stable: within a pass as they came.
    all.sort_by_key(|(_, record)| pass(record).unwrap_or(u32::MAX));
    all
}

fn line(one: &Resource, record: &Record) -> Value {
    let (above, log) = (&one.node.ancestors, record.log.iter());
    let log = log.map(|event| json!({"message": event.message, "failed": event.failed}));
    json!({
        "pass": pass(record),
        "id": one.node.id,
        "kind": one.node.kind,
        "cloud_id": one.node.cloud_id(),
        "name": one.node.name(),
        "account": above.account_id(),
        "region": above.region_id(),
        "outcome": outcome(record),
        "reason": reason(record),
        "log": outcome(record).map(|_| log.collect::<Vec<_>>()),
    })
}

fn place(one: &Resource) -> String {
    let above = &one.node.ancestors;
    let parts = [above.account.as_ref(), above.region.as_ref(), above.zone.as_ref()];
    parts.into_iter().flatten().map(collector::node::Ancestor::name).collect::<Vec<_>>().join(" / ")
}

fn what(record: &Record) -> String {
    let log = record
        .log
        .iter()
        .map(|event| if event.failed { format!("failed: {}", event.message) } else { event.message.clone() });
    log.chain(reason(record).map(str::to_owned)).collect::<Vec<_>>().join("\n")
}
