//! Measures receive, check, merge and export of generated graphs: CPU of this side only, and peak memory.
//!
//! `cargo run --release -p fixworker-graph --example pipeline -- [NODES EDGES ACCOUNTS]...`
//! Without arguments it runs 30,000 nodes and 60,000 edges in one account, then 1,000,000 and 2,000,000 over
//! 1,000 accounts. Each case runs in this one process, so that the peak is that of all cases so far.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people")]

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fixworker_graph::export::write_graph;
use fixworker_graph::rule::{account_node_id, cloud_node_id, node_id};
use fixworker_graph::spool::SpoolDir;
use fixworker_graph::{Batch, BatchLimits, Batcher, KindTable, MemoryLimits, Owners, Staging, StagingLimits};
use ipc_proto::codec;
use ipc_proto::graph::{Chunk, Edge, EdgeType, Node, Role, Tally};
use ipc_proto::job::Account;
use ipc_proto::limits::CHUNK_TARGET;
use ipc_proto::message::{Done, JobId, Report, ToSupervisor};
use nix::sys::resource::{UsageWho, getrusage};

const ROOT: &str = "jhGgCglHlbuWRQy1l0y_FA";

fn main() {
    let arguments: Vec<u64> = std::env::args().skip(1).map(|text| text.parse().unwrap()).collect();
    let cases =
        if arguments.is_empty() { vec![30_000, 60_000, 1, 1_000_000, 2_000_000, 1000] } else { arguments };
    for case in cases.chunks_exact(3) {
        run(case[0], case[1], case[2]);
    }
}

/// Messages of one account as they come out of the socket, made ahead so that they are not measured.
struct Child {
    account: Account,
    frames: Vec<Vec<u8>>,
    done: Done,
}

struct Generated {
    id: String,
    kind: &'static str,
    role: Role,
    json: String,
}

fn resource_id(account: &str, name: &str) -> String {
    node_id(&["bench_instance", "bench", account, "undefined", "undefined", name]).unwrap()
}

fn generate(account_number: u64, nodes: u64, edges: u64) -> Child {
    let cloud = cloud_node_id("bench").unwrap();
    let account_id = format!("{account_number:012}");
    let mut list = vec![
        line(ROOT.to_owned(), "graph_root", Role::Root, "root", 0),
        line(cloud, "cloud", Role::Cloud, "bench", 0),
        line(
            account_node_id("bench_account", "bench", &account_id).unwrap(),
            "bench_account",
            Role::Account,
            &account_id,
            0,
        ),
    ];
    for number in 1..nodes.saturating_sub(2) {
        let name = format!("i-{number:017x}");
        list.push(line(resource_id(&account_id, &name), "bench_instance", Role::Resource, &name, number));
    }
    let mut pairs: Vec<(usize, usize, EdgeType)> = vec![(0, 1, EdgeType::Default), (1, 2, EdgeType::Default)];
    pairs.extend((3..list.len()).map(|to| ((to / 8).max(2), to, EdgeType::Default)));
    let mut step = 1;
    while (pairs.len() as u64) < edges {
        let from = 3 + (pairs.len() * 7) % (list.len() - 4);
        let to = (from + step).min(list.len() - 1);
        step = step % 97 + 1;
        pairs.push(if pairs.len().is_multiple_of(2) {
            (from, to, EdgeType::Default)
        } else {
            (to, from, EdgeType::Delete)
        });
    }
    let account = Account {
        cloud: "bench".into(),
        id: account_id,
        name: format!("account {account_number}"),
        node_id: list[2].id.clone(),
        scope: Vec::new().into(),
    };
    encode(account, &list, &pairs)
}

fn line(id: String, kind: &'static str, role: Role, name: &str, number: u64) -> Generated {
    let mut json = String::new();
    write!(
        json,
        "{{\"id\": \"{id}\", \"reported\": {{\"id\": \"{name}\", \"tags\": {{\"owner\": \"team-{}\", \"env\": \"production\"}}, \
         \"name\": \"{name}\", \"ctime\": \"2026-11-22T11:09:25Z\", \"instance_cores\": {}.0, \"instance_memory\": 16.5, \
         \"instance_type\": \"m5.xlarge\", \"instance_status\": \"running\", \"description\": \"line {number} \\\"quoted\\\" grün\", \
         \"kind\": \"{kind}\"}}, \"metadata\": {{\"python_type\": \"fix_plugin_bench.BenchInstance\", \"categories\": [\"compute\"]}}}}",
        number % 100,
        number % 64,
    )
    .unwrap();
    Generated { id, kind, role, json }
}

fn encode(account: Account, list: &[Generated], pairs: &[(usize, usize, EdgeType)]) -> Child {
    let mut tally = Tally::default();
    let mut frames = Vec::new();
    let mut push = |chunk: Chunk<'_>| {
        tally.add(&chunk);
        let mut frame = Vec::new();
        codec::encode_into(&ToSupervisor { job: JobId(1), body: Report::Chunk(chunk) }, &mut frame).unwrap();
        frames.push(frame);
    };
    let mut seq = 0;
    for part in list.chunks(CHUNK_TARGET / list.last().unwrap().json.len()) {
        let nodes = part
            .iter()
            .map(|node| Node { id: &node.id, kind: node.kind, role: node.role, json: node.json.as_bytes() })
            .collect();
        push(Chunk { seq, nodes, ..Chunk::default() });
        seq += 1;
    }
    for part in pairs.chunks(CHUNK_TARGET / 50) {
        let edges = part
            .iter()
            .map(|(from, to, edge_type)| Edge {
                from: &list[*from].id,
                to: &list[*to].id,
                edge_type: *edge_type,
                reported: None,
            })
            .collect();
        push(Chunk { seq, edges, ..Chunk::default() });
        seq += 1;
    }
    let done = Done { totals: tally.totals(), faults: 0 };
    Child { account, frames, done }
}

fn run(nodes: u64, edges: u64, accounts: u64) {
    let spool = tempfile::tempdir().unwrap();
    let dir = SpoolDir::open(&spool.path().join("spool"), MemoryLimits::default()).unwrap();
    let mut out = std::fs::File::create(spool.path().join("merged.ndjson")).unwrap();
    let kinds = Arc::new(KindTable::open());
    let mut owners = Owners::new();
    let mut batcher = Batcher::new(BatchLimits::default());
    let mut spent = [Duration::ZERO; 3];
    let mut written = 0;
    let mut uploads = 0;
    let begun = Instant::now();
    let mut send = |accounts: Vec<_>| {
        let batch = Batch::new(accounts, jiff::Timestamp::UNIX_EPOCH);
        written += write_graph(&batch, &mut out).unwrap().len();
        uploads += 1;
    };
    for number in 0..accounts {
        let child = generate(number, nodes / accounts, edges / accounts);
        let mut staging = Staging::new(&dir, Arc::clone(&kinds), &child.account, StagingLimits::default());
        spent[0] += cpu(|| {
            for frame in &child.frames {
                let message: ToSupervisor<'_> = codec::decode(frame).unwrap();
                let Report::Chunk(chunk) = message.body else { unreachable!("only chunks were made") };
                staging.chunk(&chunk).unwrap();
            }
        });
        let mut graph = None;
        spent[1] += cpu(|| graph = Some(staging.finish(&child.done).unwrap().claim(&mut owners).unwrap()));
        let graph = graph.unwrap();
        drop(child);
        spent[2] += cpu(|| {
            let weight = graph.weight();
            let cloud = graph.cloud_node().to_owned();
            batcher.add(&cloud, graph, weight, begun).into_iter().for_each(&mut send);
        });
    }
    spent[2] += cpu(|| batcher.flush().into_iter().for_each(&mut send));
    let total: Duration = spent.iter().sum();
    println!(
        "{nodes} nodes, {edges} edges, {accounts} accounts: {written} bytes in {uploads} uploads; CPU {total:.1?} \
         (receive {:.1?}, check {:.1?}, merge and export {:.1?}); peak {} MiB",
        spent[0],
        spent[1],
        spent[2],
        peak_rss_mib(),
    );
}

/// CPU time of this thread in `work`.
fn cpu(work: impl FnOnce()) -> Duration {
    let now = || {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
        let of = |time: nix::sys::time::TimeVal| {
            Duration::from_secs(u64::try_from(time.tv_sec()).unwrap())
                + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap())
        };
        of(usage.user_time()) + of(usage.system_time())
    };
    let before = now();
    work();
    now().saturating_sub(before)
}

fn peak_rss_mib() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).unwrap().max_rss() / 1024
}
