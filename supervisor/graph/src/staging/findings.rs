//! What the checks changed in an account graph that is good otherwise.

use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};

/// Counts of what was dropped or changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Nodes with an id that came before: the first stayed.
    pub duplicate_nodes: u64,
    /// Kind and id of some of them.
    pub duplicate_examples: Vec<String>,
    /// Edges that do not start in this graph, or default edges that leave it: dropped.
    pub dangling_edges: u64,
    /// Deferred edges that are not the business of this graph: dropped.
    pub foreign_deferred: u64,
    /// Edges that end outside of the account: left to fixcore as deferred edges.
    pub outward_edges: u64,
    /// Edges that came twice: the first stayed.
    pub duplicate_edges: u64,
}

impl Findings {
    /// What the user has to know, as children report their troubles. Edges that came twice or lead outward are
    /// nobody's trouble.
    pub fn faults(&self) -> Vec<Fault> {
        let examples = self.duplicate_examples.join(", ");
        [
            (
                self.duplicate_nodes,
                format!("nodes were sent twice, the first stayed; for example {examples}"),
            ),
            (self.dangling_edges, "edges to or from unknown nodes were dropped".to_owned()),
            (self.foreign_deferred, "deferred edges that reach beyond the account were dropped".to_owned()),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| fault(count, &what))
        .collect()
    }
}

fn fault(count: u64, what: &str) -> Fault {
    Fault {
        scope: FaultScope::default(),
        kind: FaultKind::Resource,
        source: FaultSource::Collector,
        retry: Retry::Never,
        level: Level::Info,
        message: format!("{count} {what}"),
        hint: None,
        count: u32::try_from(count).unwrap_or(u32::MAX),
    }
}
