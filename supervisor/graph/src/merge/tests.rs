use std::io::Read;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::owners::Owners;
use crate::testing::{TestGraph, spool};

const CAPTURE: &str = include_str!("../../tests/data/example-merge.ndjson");

fn read(upload: &Upload) -> String {
    let mut text = String::new();
    upload.reader().read_to_string(&mut text).unwrap();
    text
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn time() -> Timestamp {
    "2026-11-22T11:30:17.9Z".parse().unwrap()
}

#[test]
fn the_example_graph_is_byte_for_byte_what_the_peer_sends() {
    let (_temp, dir) = spool();
    let account = TestGraph::from_ndjson(CAPTURE).stage(&dir, &mut Owners::new()).unwrap();
    assert_eq!(*account.findings(), crate::staging::Findings::default());
    let upload = Batch::new(vec![account], time()).whole(Replace::Accounts);
    let text = read(&upload);
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&text), sorted(CAPTURE));
    let count = |key: &str| text.lines().filter(|line| line.starts_with(key)).count() as u64;
    assert_eq!(upload.nodes(), count("{\"id\":"));
    assert_eq!(upload.edges(), count("{\"from\":"));
    assert_eq!(upload.deferred(), count("{\"from_selector\":"));
    assert_eq!(upload.len(), text.len() as u64);
}

fn batch(accounts: usize) -> (tempfile::TempDir, Batch) {
    let (temp, dir) = spool();
    let mut owners = Owners::new();
    let stage = |n| TestGraph::with_resources(&format!("{n}"), 12).stage(&dir, &mut owners).unwrap();
    (temp, Batch::new((0..accounts).map(stage).collect(), time()))
}

#[test]
fn accounts_share_root_and_cloud_and_replace_themselves() {
    let (_temp, batch) = batch(3);
    let upload = batch.whole(Replace::Accounts);
    let lines = lines(&read(&upload));
    let of_kind =
        |kind: &str| lines.iter().filter(|line| line["reported"]["kind"] == kind).collect::<Vec<_>>();
    assert_eq!(
        (of_kind("graph_root").len(), of_kind("cloud").len(), of_kind("test_account").len()),
        (1, 1, 3)
    );
    assert!(of_kind("test_account").iter().all(|line| line["metadata"]["replace"] == true));
    assert!(
        of_kind("test_account").iter().all(|line| line["metadata"]["exported_at"] == "2026-11-22T11:30:17Z")
    );
    assert_eq!(lines.iter().filter(|line| line["metadata"].get("replace").is_some()).count(), 3);
    assert_eq!(upload.nodes(), 2 + 3 * 13);
    assert_eq!(upload.edges(), 1 + 3 * 13);
    assert_eq!(lines.len() as u64, upload.nodes() + upload.edges());
}

#[test]
fn a_cloud_replaces_itself_only() {
    let (_temp, batch) = batch(2);
    let lines = lines(&read(&batch.whole(Replace::Cloud)));
    let marked: Vec<_> = lines.iter().filter(|line| line["metadata"].get("replace").is_some()).collect();
    assert_eq!(marked.len(), 1);
    assert_eq!(marked[0]["reported"]["kind"], "cloud");
    assert_eq!(lines.iter().filter(|line| line["metadata"].get("exported_at").is_some()).count(), 2);
}

#[test]
fn marks_fit_into_any_metadata() {
    let (_temp, dir) = spool();
    for (metadata, expected) in [
        (", \"metadata\": {\"categories\": []}", 3),
        (", \"metadata\": {}", 2),
        (", \"metadata\": { }", 2),
        ("", 2),
    ] {
        let mut graph = TestGraph::account("1");
        for node in &mut graph.nodes {
            node.json = node.json.replace(", \"metadata\": {\"categories\": []}", metadata);
        }
        let account = graph.stage(&dir, &mut Owners::new()).unwrap();
        let lines = lines(&read(&Batch::new(vec![account], time()).whole(Replace::Accounts)));
        assert_eq!(lines[2]["metadata"].as_object().unwrap().len(), expected, "{metadata}");
        assert_eq!(lines[2]["metadata"]["replace"], true);
    }
}

#[test]
fn the_same_choice_gives_the_same_bytes_and_gzip_restores_them() {
    let (_temp, batch) = batch(4);
    let first = batch.upload(&[1, 3], Replace::Accounts);
    let again = batch.upload(&[1, 3], Replace::Accounts);
    assert_eq!(read(&first), read(&again));
    assert_eq!(read(&first), read(&first));
    let mut packed = first.gzip_reader();
    let mut bytes = Vec::new();
    while let Some(chunk) = read_chunk(&mut packed).unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    assert!(bytes.len() < read(&first).len() / 4);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, read(&first));
}

#[test]
fn organizations_are_noticed() {
    let (_temp, dir) = spool();
    let mut graph = TestGraph::account("1");
    let parts = ["test_ou", "test", "undefined", "undefined", "undefined", "ou"];
    let id = crate::rule::node_id(&parts).unwrap();
    graph.node(&id, "test_ou", Role::Organization, "ou");
    graph.edge(&TestGraph::cloud(), &id, ipc_proto::graph::EdgeType::Default);
    let account = graph.stage(&dir, &mut Owners::new()).unwrap();
    assert!(account.has_organization() && account.weight().alone);
    assert_eq!(account.cloud_node(), TestGraph::cloud());
    assert!(read(&Batch::new(vec![account], time()).whole(Replace::Accounts)).contains("test_ou"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_part_is_a_graph_of_its_own(chosen in prop::collection::btree_set(0_usize..5, 1..5)) {
        let (_temp, batch) = batch(5);
        let chosen: Vec<usize> = chosen.into_iter().collect();
        let upload = batch.upload(&chosen, Replace::Accounts);
        let mut ids = HashSet::new();
        let mut edges = 0;
        for line in lines(&read(&upload)) {
            if let Some(id) = line["id"].as_str() {
                prop_assert!(ids.insert(id.to_owned()), "twice: {}", id);
            } else {
                edges += 1;
                prop_assert!(["from", "to"].iter().all(|end| ids.contains(line[end].as_str().unwrap())));
            }
        }
        prop_assert_eq!(ids.len() as u64, upload.nodes());
        prop_assert_eq!(edges, upload.edges());
        prop_assert_eq!(ids.len(), 2 + chosen.len() * 13);
    }
}
