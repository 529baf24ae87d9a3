//! The table at the end of a collect.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use ipc_proto::graph::EdgeType;
use ipc_proto::message::Denied;

use super::sheet::Counts;

/// What one run was.
pub(super) struct Run<'a> {
    /// What was collected: collector and account.
    pub(super) title: &'a str,
    /// What is in the graph.
    pub(super) counts: &'a Counts,
    /// Faults that were printed.
    pub(super) faults: u32,
    /// How long it took.
    pub(super) duration: Duration,
    /// The most memory it held, in bytes.
    pub(super) peak_memory: u64,
    /// Where the graph is.
    pub(super) output: &'a str,
}

/// The table of kinds, and one sentence.
pub(super) fn text(run: &Run<'_>) -> String {
    let mut kinds: Vec<(&String, &u64)> = run.counts.kinds.iter().collect();
    kinds.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["kind", "nodes"]);
    for (kind, count) in kinds {
        table.add_row([kind.clone(), count.to_string()]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{table}\n{}", sentence(run))
}

fn sentence(run: &Run<'_>) -> String {
    let by_type: Vec<String> = EdgeType::ALL
        .into_iter()
        .filter_map(|edge_type| Some(format!("{} {}", run.counts.edges.get(&edge_type)?, edge_type.name())))
        .collect();
    let by_type = if by_type.is_empty() { String::new() } else { format!(" ({})", by_type.join(", ")) };
    format!(
        "{}: {}, {}{by_type}, {}, {}; {:.1} s, peak memory {} MiB; written to {}",
        run.title,
        counted(run.counts.nodes(), "node"),
        counted(run.counts.all_edges(), "edge"),
        counted(run.counts.deferred, "deferred edge"),
        counted(run.faults.into(), "fault"),
        run.duration.as_secs_f64(),
        run.peak_memory.div_ceil(1 << 20),
        run.output,
    )
}

/// Every operation that was denied, a line for each service.
pub(super) fn denied(calls: &[Denied]) -> Vec<String> {
    let mut services: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Denied { service, operation, regions, calls: _ } in calls {
        services.entry(service).or_default().push(format!("{operation} ({})", regions.join(", ")));
    }
    services
        .iter()
        .map(|(service, operations)| format!("denied: {service}: {}", operations.join(", ")))
        .collect()
}

fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_denied_operation_is_named_with_its_regions() {
        let call = |service: &str, operation: &str, regions: &[&str]| Denied {
            service: service.to_owned(),
            operation: operation.to_owned(),
            regions: regions.iter().map(ToString::to_string).collect(),
            calls: 1,
        };
        let calls =
            [call("kms", "ListKeys", &["eu", "us"]), call("ec2", "A", &["us"]), call("kms", "B", &["us"])];
        assert_eq!(denied(&calls), ["denied: ec2: A (us)", "denied: kms: ListKeys (eu, us), B (us)"]);
    }

    #[test]
    fn the_biggest_kind_comes_first() {
        let counts = Counts {
            kinds: [("b_kind".to_owned(), 2), ("a_kind".to_owned(), 2), ("c_kind".to_owned(), 30)].into(),
            edges: [(EdgeType::Delete, 4), (EdgeType::Default, 5)].into(),
            deferred: 1,
            ..Counts::default()
        };
        let run = Run {
            title: "example/Example Account",
            counts: &counts,
            faults: 0,
            duration: Duration::from_millis(1240),
            peak_memory: 9_000_000,
            output: "out.ndjson",
        };
        insta::assert_snapshot!(text(&run), @"
        ┌────────┬───────┐
        │ kind   ┆ nodes │
        ╞════════╪═══════╡
        │ c_kind ┆    30 │
        │ a_kind ┆     2 │
        │ b_kind ┆     2 │
        └────────┴───────┘
        example/Example Account: 34 nodes, 9 edges (5 default, 4 delete), 1 deferred edge, 0 faults; 1.2 s, peak memory 9 MiB; written to out.ndjson
        ");
    }
}
