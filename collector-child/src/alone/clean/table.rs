//! What became of each resource, for people and for programs.

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use serde_json::{Value, json};

use super::plan::{Answer, Item, Plan};

/// One row for each resource, in the order in which they were done; what has no answer comes last.
pub(super) fn text(plan: &Plan) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["pass", "resource", "where", "outcome", "what"]);
    for item in in_order(plan) {
        let (pass, outcome, what) = match &item.answer {
            Some(answer) => (pass(answer), answer.outcome.name(), what(answer)),
            None => ("-".to_owned(), "not answered", String::new()),
        };
        table.add_row([pass, item.node.title(), place(item), outcome.to_owned(), what]);
    }
    format!("{table}\n")
}

/// One JSON object for each resource, in the same order.
pub(super) fn lines(plan: &Plan) -> String {
    let mut lines = String::new();
    for item in in_order(plan) {
        lines.push_str(&line(item).to_string());
        lines.push('\n');
    }
    lines
}

/// One sentence about all of it.
pub(super) fn sentence(plan: &Plan, dry_run: bool) -> String {
    let count = |name: &str| {
        let answers = plan.items.iter().filter_map(|item| item.answer.as_ref());
        answers.filter(|answer| answer.outcome.name() == name).count()
    };
    let done = if dry_run {
        format!("{} would be deleted", count("planned"))
    } else {
        format!("{} deleted", count("gone"))
    };
    let unreached = plan.items.iter().filter(|item| item.answer.is_none()).count();
    format!(
        "{done}, {} refused, {} failed, {} still waiting, {unreached} not answered",
        count("refused"),
        count("failed"),
        count("later"),
    )
}

fn in_order(plan: &Plan) -> Vec<&Item> {
    let mut items: Vec<&Item> = plan.items.iter().collect();
    // Stable: within a pass as they came.
    items.sort_by_key(|item| item.answer.as_ref().map_or(u32::MAX, |answer| answer.pass));
    items
}

fn line(item: &Item) -> Value {
    let above = &item.node.ancestors;
    let answer = item.answer.as_ref();
    json!({
        "pass": answer.map(|answer| answer.pass),
        "id": item.node.id,
        "kind": item.node.kind,
        "cloud_id": item.node.cloud_id(),
        "name": item.node.name(),
        "account": above.account_id(),
        "region": above.region_id(),
        "outcome": answer.map(|answer| answer.outcome.name()),
        "reason": answer.and_then(|answer| answer.outcome.reason()),
        "log": answer.map(|answer| {
            let log = answer.log.iter();
            log.map(|event| json!({"message": event.message, "failed": event.failed})).collect::<Vec<_>>()
        }),
    })
}

fn pass(answer: &Answer) -> String {
    if answer.pass == 0 { "-".to_owned() } else { answer.pass.to_string() }
}

fn place(item: &Item) -> String {
    let above = &item.node.ancestors;
    let parts = [above.account.as_ref(), above.region.as_ref(), above.zone.as_ref()];
    parts.into_iter().flatten().map(collector::node::Ancestor::name).collect::<Vec<_>>().join(" / ")
}

fn what(answer: &Answer) -> String {
    let log = answer
        .log
        .iter()
        .map(|event| if event.failed { format!("failed: {}", event.message) } else { event.message.clone() });
    log.chain(answer.outcome.reason().map(str::to_owned)).collect::<Vec<_>>().join("\n")
}
