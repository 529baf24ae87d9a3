//! A graph of a given size at full speed: what the way to fixcore can carry, not what a collector can make.

use ipc_proto::graph::{Chunk, Edge, EdgeType, Node, Role, Tally};
use ipc_proto::limits::CHUNK_TARGET;
use ipc_proto::message::{Done, JobId, Report};

use super::graph::OwnedGraph;
use super::link::Link;
use crate::expect::{self, ids};

const KIND: &str = "example_volume";
/// The size of a node line; about what a resource of a real cloud has.
const LINE: usize = 1000;

/// Sends the hierarchy, then as many megabytes of volumes as the account's number says.
pub(super) fn send(link: &mut Link, job: JobId, account: &str) -> anyhow::Result<Done> {
    let mut tally = Tally::default();
    let mut seq = 0;
    let mut next = |chunk: Chunk<'_>, tally: &mut Tally| {
        let chunk = Chunk { seq, ..chunk };
        seq += 1;
        tally.add(&chunk);
        link.send(job, Report::Chunk(chunk))
    };
    for chunk in OwnedGraph::without_resources(account).chunks() {
        next(chunk, &mut tally)?;
    }
    let nodes = expect::number_of(account).unwrap_or(1) * 1_000_000 / LINE;
    let per_chunk = CHUNK_TARGET / LINE;
    let parent = ids::account(account);
    for first in (0..nodes).step_by(per_chunk) {
        let lines: Vec<_> =
            (first..nodes.min(first + per_chunk)).map(|number| line(account, number)).collect();
        let nodes = lines.iter().map(|(id, json)| Node {
            id,
            kind: KIND,
            role: Role::Resource,
            json: json.as_bytes(),
        });
        let edges = lines.iter().map(|(id, _)| Edge {
            from: &parent,
            to: id,
            edge_type: EdgeType::Default,
            reported: None,
        });
        let chunk = Chunk { nodes: nodes.collect(), edges: edges.collect(), ..Chunk::default() };
        next(chunk, &mut tally)?;
    }
    Ok(Done { totals: tally.totals(), faults: 0 })
}

fn line(account: &str, number: usize) -> (String, String) {
    let (id, name) = (ids::volume(account, number), ids::volume_name(account, number));
    let head = format!(
        r#"{{"id": "{id}", "reported": {{"id": "{name}", "name": "{name}", "kind": "{KIND}", "volume_size": 10, "tags": {{"fill": ""#
    );
    let tail = r#""}}, "metadata": {"python_type": "rogue.Rogue", "categories": []}}"#;
    let fill = LINE.saturating_sub(head.len() + tail.len());
    (id, format!("{head}{}{tail}", "x".repeat(fill)))
}
