//! Much more than a collector has to say.

use ipc_proto::fault::{Fault, FaultKind, FaultScope, Retry};
use ipc_proto::graph::{Chunk, Edge, EdgeType, Tally};
use ipc_proto::message::{Done, JobId, Progress, Report};

use super::graph::OwnedGraph;
use super::link::Link;
use super::modes::fault;
use crate::expect::{Mode, ids};

/// A text that just fits into a frame.
pub(super) const HUGE: usize = 3_900_000;
const EDGES: usize = 1_000_000;

/// Faults or progress, too large or too many.
pub(super) fn words(link: &mut Link, id: JobId, mode: Mode) -> anyhow::Result<()> {
    match mode {
        Mode::BigFaults => repeat(60, |n| link.send(id, Report::Fault(trouble(n, HUGE, 10)))),
        Mode::ManyFaults => repeat(900, |n| link.send(id, Report::Fault(trouble(n, 100, 40_000)))),
        Mode::BigProgress => repeat(25, |n| link.send(id, Report::Progress(vec![line(n, HUGE)]))),
        Mode::ManyProgress => repeat(20, |n| {
            let lines = (0..10_000).map(|line_number| line(n * 10_000 + line_number, 0));
            link.send(id, Report::Progress(lines.collect()))
        }),
        _ => Ok(()),
    }
}

fn repeat(times: usize, send: impl FnMut(usize) -> anyhow::Result<()>) -> anyhow::Result<()> {
    (0..times).try_for_each(send)
}

/// With what a terminal obeys.
fn trouble(number: usize, message: usize, rest: usize) -> Fault {
    let message = format!("{number}\u{1b}[2J\nforged {}", "m".repeat(message));
    let scope = FaultScope { region: Some("r".repeat(rest)), ..FaultScope::default() };
    let hint = Some("h".repeat(rest));
    Fault { scope, hint, ..fault(FaultKind::AccessDenied, Retry::Never, &message) }
}

fn line(number: usize, size: usize) -> Progress {
    Progress { path: Vec::new(), name: format!("{number}{}", "n".repeat(size)), current: 1, total: 2 }
}

/// A healthy graph, then edges that lead nowhere.
pub(super) fn edges(link: &mut Link, job: JobId, account: &str) -> anyhow::Result<Done> {
    let mut tally = Tally::default();
    let mut seq = 0;
    for chunk in OwnedGraph::without_resources(account).chunks() {
        tally.add(&chunk);
        link.send(job, Report::Chunk(chunk))?;
        seq += 1;
    }
    let from = ids::account(account);
    let names: Vec<_> = (0..10_000).map(|number| format!("nobody-{number}")).collect();
    for part in 0..EDGES / names.len() {
        let names: Vec<_> = names.iter().map(|name| format!("{name}-{part}")).collect();
        let edges = names.iter().map(|to| Edge { from: &from, to, edge_type: EdgeType::Iam, reported: None });
        let chunk = Chunk { seq, edges: edges.collect(), ..Chunk::default() };
        tally.add(&chunk);
        link.send(job, Report::Chunk(chunk))?;
        seq += 1;
    }
    Ok(Done { totals: tally.totals(), faults: 0 })
}
