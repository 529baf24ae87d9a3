use std::io::Read;

use ipc_proto::fault::Retry;
use ipc_proto::graph::EdgeType;
use ipc_proto::message::Done;

use super::*;
use crate::merge::{Batch, Replace, StagedAccount};
use crate::owners::Owners;
use crate::spool::MemoryLimits;
use crate::testing::{Sel, TestGraph, spool, spool_with};

fn refuse(graph: &TestGraph) -> StagingError {
    let (_temp, dir) = spool();
    graph.stage(&dir, &mut Owners::new()).unwrap_err()
}

fn violation(graph: &TestGraph) -> String {
    match refuse(graph) {
        StagingError::Violation(violation) => violation.to_string(),
        other => panic!("not a violation: {other}"),
    }
}

fn body(account: &Arc<StagedAccount>) -> String {
    let batch = Batch::new(vec![Arc::clone(account)], jiff::Timestamp::UNIX_EPOCH);
    let mut text = String::new();
    batch.whole(Replace::Accounts).reader().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn chunks_must_follow_each_other() {
    let graph = TestGraph::with_resources("1", 20);
    let (_temp, dir) = spool();
    let mut chunks = graph.chunks(7);
    let last = chunks.pop().unwrap();
    chunks.pop();
    chunks.push(last);
    let gap = graph.receive(&dir, &chunks).unwrap_err();
    assert!(matches!(gap, StagingError::Violation(Violation::Sequence { .. })), "{gap}");
    let mut chunks = graph.chunks(7);
    chunks.insert(1, chunks[0].clone());
    let repeated = graph.receive(&dir, &chunks).unwrap_err();
    assert_eq!(repeated.to_string(), "the collector broke the protocol: chunk 0 came where chunk 1 was due");
    assert_eq!(repeated.retry(), Retry::Later);
}

#[test]
fn done_must_fit_to_what_came() {
    let graph = TestGraph::with_resources("1", 3);
    let (_temp, dir) = spool();
    let spoil: [fn(&mut Done); 6] = [
        |done| done.totals.chunks += 1,
        |done| done.totals.nodes -= 1,
        |done| done.totals.edges += 1,
        |done| done.totals.deferred += 1,
        |done| done.totals.bytes += 1,
        |done| done.totals.digest ^= 1,
    ];
    for spoil in spoil {
        let (staging, mut done) = graph.receive(&dir, &graph.chunks(100)).unwrap();
        spoil(&mut done);
        let error = staging.finish(&done).unwrap_err();
        assert!(matches!(error, StagingError::Violation(Violation::Totals { .. })), "{error}");
    }
}

#[test]
fn the_account_is_the_one_of_the_job() {
    let mut second = TestGraph::account("1");
    second.node("account-2", "test_account", Role::Account, "2");
    assert_eq!(
        violation(&second),
        "node \"test_account\" \"account-2\" is refused: it is a second account node; the graph of an account has exactly one"
    );
    let mut other = TestGraph::account("1");
    other.account.id = "2".into();
    assert!(violation(&other).contains("its reported.id is \"1\", but has to be \"2\""));
    let mut other = TestGraph::account("1");
    other.account.node_id = "account-2".into();
    assert!(violation(&other).contains("its id is \"account-1\", but has to be \"account-2\""));
    let mut other = TestGraph::account("1");
    other.account.cloud = "aws".into();
    assert!(violation(&other).contains("its reported.id is \"test\", but has to be \"aws\""));
}

#[test]
fn root_and_cloud_are_the_known_ones() {
    let mut root = TestGraph::account("1");
    root.nodes[0].id = "elsewhere".into();
    root.nodes[0].json = root.nodes[0].json.replace(ROOT_NODE_ID, "elsewhere");
    assert!(violation(&root).contains("has to be \"jhGgCglHlbuWRQy1l0y_FA\""));
    for (kind, role, reported_id) in [("graph_root", Role::Root, "root"), ("cloud", Role::Cloud, "test")] {
        let mut second = TestGraph::account("1");
        second.node("second", kind, role, reported_id);
        assert!(violation(&second).contains(&format!("it is a second {kind} node")));
    }
    let mut hidden = TestGraph::account("1");
    hidden.node("second", "cloud", Role::Resource, "test");
    assert!(violation(&hidden).contains("poses as Resource"));
    let mut without = TestGraph::account("1");
    without.nodes.remove(2);
    assert_eq!(refuse(&without).to_string(), "the graph is not valid: the graph has no account node");
}

#[test]
fn poisoned_lines_never_pass() {
    for (from, to) in [
        ("\"categories\": []", "\"replace\": true"),
        ("\"categories\": []", "\"repl\\u0061ce\": true"),
        ("\"metadata\"", "\"ancestors\": {}, \"metadata\""),
        ("\"metadata\"", "\"replace\": true, \"metadata\""),
        ("\"metadata\"", "\"search\": \"x\", \"metadata\""),
        ("}}", "}}\n{\"id\": \"x\"}"),
    ] {
        let mut graph = TestGraph::with_resources("1", 3);
        let line = &mut graph.nodes[4].json;
        assert!(line.contains(from), "{line}");
        *line = line.replace(from, to);
        assert!(violation(&graph).starts_with("node \"test_volume\" \"1-1\" is refused: its "), "{to}");
    }
}

#[test]
fn a_resource_twice_is_told_and_the_hierarchy_twice_is_refused() {
    let mut graph = TestGraph::with_resources("1", 2);
    graph.node("1-1", "test_volume", Role::Resource, "second");
    let (_temp, dir) = spool();
    let account = graph.stage(&dir, &mut Owners::new()).unwrap();
    assert_eq!(account.counts().nodes, 5);
    assert!(!body(&account).contains("second"));
    let faults = account.findings().faults();
    assert_eq!(faults[0].message, "1 nodes were sent twice, the first stayed; for example test_volume 1-1");

    let mut graph = TestGraph::with_resources("1", 2);
    graph.node("1-1", "test_organization", Role::Organization, "o");
    assert!(violation(&graph).ends_with("its id was used before"));
}

#[test]
fn edges_out_of_the_account_are_left_to_fixcore() {
    let mut graph = TestGraph::with_resources("1", 3);
    graph.edge("1-1", "other", EdgeType::Delete);
    graph.edges.push(("1-2".into(), "other".into(), EdgeType::Iam, Some("{\"a\": 1}".into())));
    graph.edge("other", "1-2", EdgeType::Iam);
    graph.edge("nobody", "nowhere", EdgeType::Default);
    graph.edge("1-1", "1-2", EdgeType::Default);
    graph.edge("1-1", "1-2", EdgeType::Default);
    let search = || Sel::Search("is(x)".into());
    graph.deferred.push((Sel::Id("1-1".into()), search(), EdgeType::Default));
    graph.deferred.push((search(), search(), EdgeType::Default));
    let (_temp, dir) = spool();
    let account = graph.stage(&dir, &mut Owners::new()).unwrap();
    let found = account.findings();
    assert_eq!(
        (found.outward_edges, found.dangling_edges, found.duplicate_edges, found.foreign_deferred),
        (2, 2, 1, 1)
    );
    let text = body(&account);
    assert_eq!(
        text.lines().filter(|line| line.starts_with("{\"from\":")).count() as u64,
        account.counts().edges
    );
    let deferred: Vec<_> = text.lines().filter(|line| line.starts_with("{\"from_selector\":")).collect();
    assert_eq!(deferred.len() as u64, account.counts().deferred);
    assert!(deferred.contains(
        &r#"{"from_selector": {"node_id": "1-2"}, "to_selector": {"node_id": "other"}, "edge_type": "iam", "reported": {"a": 1}}"#
    ));
    assert_eq!(account.counts().edges, 6);
    assert_eq!(account.findings().faults().len(), 2);
}

#[test]
fn an_owned_id_names_both_accounts_and_the_node() {
    let (_temp, dir) = spool();
    let mut owners = Owners::new();
    TestGraph::with_resources("1", 3).stage(&dir, &mut owners).unwrap();
    let mut thief = TestGraph::with_resources("2", 3);
    thief.node("1-2", "test_volume", Role::Resource, "stolen");
    thief.edge("account-2", "1-2", EdgeType::Default);
    let error = thief.stage(&dir, &mut owners).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the graph holds 1 nodes that test account name of 1 (1) claims as well, for example test_volume name stolen \
         (1-2); nothing tells whose they are, so that neither graph is sent"
    );
    assert_eq!(error.retry(), Retry::Never);
    let victim = ipc_proto::account::AccountName::from(&TestGraph::account("1").account);
    assert!(owners.contest(&victim).is_some());

    let mut owners = Owners::new();
    owners.reserve([TestGraph::account("1").account].iter());
    let mut thief = TestGraph::with_resources("2", 3);
    thief.node("account-1", "test_volume", Role::Resource, "stolen");
    thief.edge("account-2", "account-1", EdgeType::Default);
    let error = thief.stage(&dir, &mut owners).unwrap_err().to_string();
    assert!(
        error.starts_with("the graph holds 1 nodes that belong to test account name of 1 (1)"),
        "{error}"
    );
}

/// A resource whose id follows the rule, as if it were of `account`.
fn ruled(graph: &mut TestGraph, account: &str, id: &str) {
    let parts = ["test_volume", "test", account, "undefined", "undefined", id];
    let node_id = crate::rule::node_id(&parts).unwrap();
    graph.node(&node_id, "test_volume", Role::Resource, id);
    graph.edge(&graph.account.node_id.clone(), &node_id, EdgeType::Default);
}

#[test]
fn a_graph_whose_ids_follow_the_rule_is_certain_and_wins_against_one_that_took_them() {
    let (_temp, dir) = spool();
    for thief_first in [true, false] {
        let (mut thief, mut victim) = (TestGraph::account("1"), TestGraph::account("2"));
        ruled(&mut thief, "2", "x");
        ruled(&mut victim, "2", "x");
        let mut owners = Owners::new();
        let mut staged = None;
        if thief_first {
            let account = thief.stage(&dir, &mut owners).unwrap();
            assert!(!account.is_certain(), "it has to wait");
            staged = Some(account);
        }
        assert!(victim.stage(&dir, &mut owners).unwrap().is_certain());
        match staged {
            Some(thief) => assert!(owners.contest(thief.account()).is_some()),
            None => assert!(matches!(
                thief.stage(&dir, &mut owners),
                Err(StagingError::OwnedElsewhere { count: 1, .. })
            )),
        }
    }
}

#[test]
fn what_is_above_the_account_is_written_by_the_supervisor() {
    let mut renamed = TestGraph::account("1");
    for node in &mut renamed.nodes[..2] {
        node.json = node.json.replace("\"name\": \"name ", "\"name\": \"PWNED ");
    }
    let (_temp, dir) = spool();
    let text = body(&renamed.stage(&dir, &mut Owners::new()).unwrap());
    assert!(!text.contains("PWNED"), "{text}");
    assert!(
        text.contains(r#""reported": {"id": "test", "tags": {}, "name": "test", "kind": "cloud"}"#),
        "{text}"
    );

    let mut elsewhere = TestGraph::account("1");
    for node in &mut elsewhere.nodes {
        node.id = node.id.replace(&TestGraph::cloud(), "account-2");
        node.json = node.json.replace(&TestGraph::cloud(), "account-2");
    }
    assert!(violation(&elsewhere).contains("its id is \"account-2\", but has to be"));
    let mut unit = TestGraph::account("1");
    unit.node("account-2", "test_ou", Role::Organization, "ou");
    assert!(violation(&unit).ends_with("its id is not the one that an organization of this cloud has"));
}

#[test]
fn marks_above_the_resources_are_refused() {
    for (mark, from, to) in [
        ("desired", "\"metadata\"", "\"desired\": {\"clean\": true}, \"metadata\""),
        ("protected", "\"categories\": []", "\"protected\": true"),
        ("cleaned", "\"categories\": []", "\"cleaned\": true"),
        ("phantom", "\"categories\": []", "\"ph\\u0061ntom\": true"),
    ] {
        for number in 0..3 {
            let mut graph = TestGraph::account("1");
            graph.nodes[number].json = graph.nodes[number].json.replace(from, to);
            assert!(violation(&graph).contains(&format!("it carries {mark}, ")), "{mark} on {number}");
        }
        let mut graph = TestGraph::with_resources("1", 2);
        graph.nodes[4].json = graph.nodes[4].json.replace(from, to);
        let (_temp, dir) = spool();
        graph.stage(&dir, &mut Owners::new()).unwrap();
    }
}

#[test]
fn edge_ends_without_nodes_are_bounded() {
    let mut graph = TestGraph::account("1");
    for number in 0..60_000 {
        graph.edge("account-1", &format!("nobody-{number}"), EdgeType::Iam);
    }
    let (_temp, dir) = spool();
    let chunks = graph.chunks(10_000);
    let error = graph.receive(&dir, &chunks).unwrap_err().to_string();
    assert!(error.contains("edge ends that are no nodes of it"), "{error}");
}

#[test]
fn a_broken_structure_names_its_nodes() {
    let mut graph = TestGraph::with_resources("1", 3);
    graph.edge("1-1", "1-2", EdgeType::Delete);
    graph.edge("1-2", "1-1", EdgeType::Delete);
    let text = refuse(&graph).to_string();
    let volume = |n: u32| format!("test_volume name r{n} (1-{n})");
    let turns = [[1, 2, 1], [2, 1, 2]].map(|turn| turn.map(volume).join(" -> "));
    let start = "the graph is not valid: 2 nodes form a cycle of delete edges: ";
    assert!(turns.iter().any(|turn| text == format!("{start}{turn}")), "{text}");
}

#[test]
fn limits_hold() {
    let graph = TestGraph::with_resources("1", 20);
    let (_temp, dir) = spool();
    let none = StagingLimits { nodes: 23, edges: 22, deferred: 0, bytes: 1 << 20, shared_bytes: 1 << 10 };
    for (limits, what) in [
        (StagingLimits { nodes: 22, ..none }, "nodes"),
        (StagingLimits { edges: 21, ..none }, "edges"),
        (StagingLimits { bytes: 100, ..none }, "bytes"),
        (StagingLimits { shared_bytes: 100, ..none }, "bytes of root"),
    ] {
        let mut staging = Staging::new(&dir, Arc::new(KindTable::open()), &graph.account, limits);
        let error = graph.chunks(7).iter().find_map(|chunk| staging.chunk(chunk).err()).unwrap();
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(error.to_fault().kind.name(), "limit");
    }
    let mut staging = Staging::new(&dir, Arc::new(KindTable::open()), &graph.account, none);
    assert!(graph.chunks(7).iter().all(|chunk| staging.chunk(chunk).is_ok()));
}

#[test]
fn the_cut_into_chunks_does_not_matter() {
    let mut graph = TestGraph::with_resources("1", 30);
    graph.edge("1-1", "other", EdgeType::Delete);
    let (_temp, dir) = spool();
    let bodies: Vec<String> = [1, 3, 1000]
        .map(|size| {
            let (staging, done) = graph.receive(&dir, &graph.chunks(size)).unwrap();
            body(&staging.finish(&done).unwrap().claim(&mut Owners::new()).unwrap())
        })
        .to_vec();
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    // Edges first: the shared ones are found behind.
    let mut chunks = graph.chunks(1000);
    chunks.reverse();
    for (chunk, seq) in chunks.iter_mut().zip(0..) {
        chunk.seq = seq;
    }
    let (staging, done) = graph.receive(&dir, &chunks).unwrap();
    assert_eq!(body(&staging.finish(&done).unwrap().claim(&mut Owners::new()).unwrap()), bodies[0]);
}

#[test]
fn spilled_and_unspilled_are_the_same_and_leave_nothing() {
    let mut graph = TestGraph::with_resources("1", 4000);
    graph.edge("1-1", "other", EdgeType::Delete);
    let (_temp, memory) = spool();
    let expected = body(&graph.stage(&memory, &mut Owners::new()).unwrap());
    assert_eq!(memory.in_memory(), 0);

    let (temp, dir) = spool_with(MemoryLimits { per_buffer: 0, total: 0 });
    let files = || std::fs::read_dir(temp.path().join("spool/staging")).unwrap().count();
    let account = graph.stage(&dir, &mut Owners::new()).unwrap();
    assert!(account.nodes.is_file() && account.edges.is_file() && account.deferred.is_file());
    assert_eq!(files(), 0, "what has a name can be changed after its check");
    assert!(dir.on_disk() > 0);
    assert_eq!(body(&account), expected);
    drop(account);
    assert_eq!(dir.on_disk(), 0);
    let (staging, mut done) = graph.receive(&dir, &graph.chunks(50)).unwrap();
    assert!(dir.on_disk() > 0);
    done.totals.nodes = 0;
    assert!(staging.finish(&done).is_err());
    assert_eq!(dir.on_disk(), 0);
}

#[test]
fn memory_is_one_budget_for_all() {
    let graph = TestGraph::with_resources("1", 1000);
    let (_temp, dir) = spool_with(MemoryLimits { per_buffer: 1 << 20, total: 512 << 10 });
    let staged: Vec<_> = (0..8).map(|_| graph.stage(&dir, &mut Owners::new()).unwrap()).collect();
    assert!(dir.in_memory() > 0 && dir.in_memory() <= 512 << 10, "{}", dir.in_memory());
    let bodies: Vec<_> = staged.iter().map(body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    drop(staged);
    assert_eq!(dir.in_memory(), 0);
}
