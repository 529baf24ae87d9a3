//! Graphs as files.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::Arc;

use fixworker_graph::export::{DebugDump, write_graph_file};
use fixworker_graph::{Batch, KindTable, MemoryLimits, Owners, SpoolDir, Staging, StagingLimits};
use ipc_proto::graph::{Chunk, Edge, EdgeType, Node, Role, Tally};
use ipc_proto::job::Account;
use ipc_proto::message::Done;
use jiff::civil::date;
use serde_json::Value;

const ROOT: &str = "jhGgCglHlbuWRQy1l0y_FA";

/// Accounts of several clouds, each with nothing but its hierarchy.
fn batch(dir: &SpoolDir, accounts: &[(&str, &str)]) -> Batch {
    let mut owners = Owners::new();
    let stage = |(cloud, id): &(&str, &str)| {
        let ids = [
            ROOT.to_owned(),
            fixworker_graph::rule::cloud_node_id(cloud).unwrap(),
            format!("account-{cloud}-{id}"),
        ];
        let line = |at: usize, reported: &str, kind: &str| {
            format!(r#"{{"id": "{}", "reported": {{"id": "{reported}", "kind": "{kind}"}}}}"#, ids[at])
        };
        let lines = [line(0, "root", "graph_root"), line(1, cloud, "cloud"), line(2, id, "x_account")];
        let node = |at: usize, kind, role| Node { id: &ids[at], kind, role, json: lines[at].as_bytes() };
        let edge = |from: usize, to: usize| Edge {
            from: &ids[from],
            to: &ids[to],
            edge_type: EdgeType::Default,
            reported: None,
        };
        let chunk = Chunk {
            nodes: vec![
                node(0, "graph_root", Role::Root),
                node(1, "cloud", Role::Cloud),
                node(2, "x_account", Role::Account),
            ],
            edges: vec![edge(0, 1), edge(1, 2)],
            ..Chunk::default()
        };
        let account = Account {
            cloud: (*cloud).to_owned(),
            id: (*id).to_owned(),
            name: (*id).to_owned(),
            node_id: ids[2].clone(),
            scope: Vec::new().into(),
        };
        let mut staging = Staging::new(dir, Arc::new(KindTable::open()), &account, StagingLimits::default());
        let mut tally = Tally::default();
        tally.add(&chunk);
        staging.chunk(&chunk).unwrap();
        staging.finish(&Done { totals: tally.totals(), faults: 0 }).unwrap().claim(&mut owners).unwrap()
    };
    Batch::new(accounts.iter().map(stage).collect(), jiff::Timestamp::UNIX_EPOCH)
}

fn spool() -> (tempfile::TempDir, SpoolDir) {
    let temp = tempfile::tempdir().unwrap();
    let dir = SpoolDir::open(&temp.path().join("spool"), MemoryLimits::default()).unwrap();
    (temp, dir)
}

#[test]
fn the_output_has_one_root_each_cloud_once_and_nodes_first() {
    let (temp, dir) = spool();
    let path = temp.path().join("graph.ndjson");
    fs::write(&path, "older content that is longer than nothing").unwrap();
    let written = write_graph_file(&batch(&dir, &[("a", "1"), ("b", "1"), ("a", "2")]), &path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().filter_map(|line| line["reported"]["kind"].as_str()).collect();
    assert_eq!(kinds, ["graph_root", "cloud", "cloud", "x_account", "x_account", "x_account"]);
    assert!(lines[..6].iter().all(|line| line.get("id").is_some()));
    assert!(lines[6..].iter().all(|line| line.get("from").is_some()));
    assert_eq!((written.nodes(), written.edges(), written.len()), (6, 5, text.len() as u64));
    let others = fs::read_dir(temp.path()).unwrap().count();
    assert_eq!(others, 2, "only the spool and the output are left");
}

#[test]
fn a_symlink_stays_and_a_device_is_written_directly() {
    let (temp, dir) = spool();
    let real = temp.path().join("real.ndjson");
    fs::write(&real, "").unwrap();
    let link = temp.path().join("link.ndjson");
    symlink(&real, &link).unwrap();
    let batch = batch(&dir, &[("a", "1")]);
    write_graph_file(&batch, &link).unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert!(fs::metadata(&real).unwrap().len() > 0);
    write_graph_file(&batch, std::path::Path::new("/dev/null")).unwrap();
    assert!(fs::metadata("/dev/null").unwrap().rdev() > 0);
    let missing = write_graph_file(&batch, &temp.path().join("no/such/folder/x")).unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn debug_dumps_are_named_like_the_peers_and_private() {
    let (temp, dir) = spool();
    let dump = DebugDump::create(Some(temp.path()), "task/../1").unwrap();
    assert_eq!(dump.folder().parent(), Some(temp.path()));
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name(dump.folder()).starts_with("fix-task1"), "{}", name(dump.folder()));
    let time = date(2026, 11, 22).at(9, 5, 7, 0);
    let upload = batch(&dir, &[("a", "1")]).whole(fixworker_graph::Replace::Accounts);
    let graph = dump.graph(&upload, time).unwrap();
    let model = dump.model("[]", time).unwrap();
    assert!(name(&graph).starts_with("fix-graph-2026-11-22-09-05-"));
    assert_eq!(graph.extension().unwrap(), "ndjson");
    assert!(name(&model).starts_with("fix-model-2026-11-22-09-05-"));
    assert_eq!(model.extension().unwrap(), "json");
    assert_eq!(fs::metadata(&graph).unwrap().len(), upload.len());
    assert_eq!(fs::read_to_string(&model).unwrap(), "[]");
    assert_eq!(fs::metadata(&graph).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(dump.folder()).unwrap().mode() & 0o777, 0o700);
}
