use ipc_proto::graph::Role;
use proptest::prelude::*;

use super::*;
use crate::id::CompactId;

fn id(name: &str) -> CompactId {
    CompactId::parse(name).unwrap()
}

/// A graph of root, cloud, account, and the given resources, each directly below the account.
fn graph(resources: &[&str]) -> GraphIndex {
    let mut index = GraphIndex::default();
    for (name, role) in [("r", Role::Root), ("c", Role::Cloud), ("a", Role::Account)] {
        index.define(id(name), role);
    }
    edge(&mut index, "r", "c", EdgeType::Default);
    edge(&mut index, "c", "a", EdgeType::Default);
    for name in resources {
        index.define(id(name), Role::Resource);
        edge(&mut index, "a", name, EdgeType::Default);
    }
    index
}

fn edge(index: &mut GraphIndex, from: &str, to: &str, edge_type: EdgeType) {
    index.add_edge([id(from), id(to)], edge_type);
}

#[test]
fn a_plain_graph_passes() {
    let mut index = graph(&["x", "y"]);
    edge(&mut index, "x", "y", EdgeType::Default);
    edge(&mut index, "y", "x", EdgeType::Delete);
    edge(&mut index, "x", "x", EdgeType::Iam);
    edge(&mut index, "x", "y", EdgeType::Iam);
    edge(&mut index, "y", "x", EdgeType::Iam);
    assert_eq!(check(&index), Ok(Sorted::default()));
}

#[test]
fn edges_that_do_not_simply_stay_are_told_apart() {
    let mut index = graph(&["x", "y"]);
    let first = 4;
    edge(&mut index, "x", "elsewhere", EdgeType::Delete);
    edge(&mut index, "nowhere", "elsewhere", EdgeType::Delete);
    edge(&mut index, "x", "y", EdgeType::Default);
    edge(&mut index, "x", "y", EdgeType::Delete);
    edge(&mut index, "x", "y", EdgeType::Default);
    edge(&mut index, "r", "c", EdgeType::Default);
    edge(&mut index, "x", "elsewhere", EdgeType::Default);
    edge(&mut index, "elsewhere", "x", EdgeType::Iam);
    edge(&mut index, "c", "elsewhere", EdgeType::Delete);
    let fates = [
        (0, Fate::Deferred),
        (1, Fate::Dangling),
        (4, Fate::Duplicate),
        (5, Fate::Duplicate),
        (6, Fate::Dangling),
        (7, Fate::Dangling),
        (8, Fate::Dangling),
    ];
    let expected: Vec<_> = fates.iter().map(|(number, fate)| (first + number, *fate)).collect();
    assert_eq!(check(&index).unwrap().edges, expected);
}

#[test]
fn shared_edges_that_came_early_are_found() {
    let mut index = GraphIndex::default();
    edge(&mut index, "r", "c", EdgeType::Default);
    for (name, role) in [("r", Role::Root), ("c", Role::Cloud), ("a", Role::Account)] {
        index.define(id(name), role);
    }
    edge(&mut index, "c", "a", EdgeType::Default);
    assert_eq!(check(&index).unwrap().edges, [(0, Fate::Shared)]);
}

/// Whether a deferred edge passes.
fn defers(from: Option<&str>, to: Result<&str, Finds>, edge_type: EdgeType) -> bool {
    let mut index = graph(&["x", "y"]);
    index.define(id("ou"), Role::Organization);
    edge(&mut index, "c", "ou", EdgeType::Default);
    let finds = to.err().unwrap_or(Finds::Anything);
    index.add_deferred([from.map(id), to.ok().map(id)], edge_type, finds);
    check(&index).unwrap().foreign_deferred.is_empty()
}

#[test]
fn a_deferred_edge_starts_in_the_account_and_puts_nobody_below_it() {
    let all = EdgeType::ALL;
    for edge_type in all {
        let is_default = edge_type == EdgeType::Default;
        assert!(defers(Some("x"), Ok("y"), edge_type));
        assert!(defers(Some("x"), Err(Finds::Resources), edge_type));
        assert_eq!(defers(Some("x"), Ok("other"), edge_type), !is_default, "only a search may lead out");
        assert_eq!(defers(Some("ou"), Err(Finds::Accounts), edge_type), is_default);
        assert!(!defers(Some("x"), Err(Finds::Accounts), edge_type));
        assert!(!defers(Some("x"), Err(Finds::Anything), edge_type));
    }
    for (from, to) in [
        (None, Ok("x")),
        (None, Err(Finds::Resources)),
        (Some("other"), Ok("x")),
        (Some("other"), Err(Finds::Resources)),
        (Some("r"), Ok("other")),
        (Some("c"), Err(Finds::Accounts)),
        (Some("ou"), Ok("other")),
        (Some("x"), Ok("c")),
        (Some("x"), Ok("r")),
        (Some("a"), Ok("ou")),
    ] {
        assert!(!all.iter().any(|edge_type| defers(from, to, *edge_type)), "{from:?} {to:?}");
    }
}

#[test]
fn broken_hierarchies_are_refused() {
    let broken = |from: &str, to: &str, edge_type| {
        let mut index = graph(&["x"]);
        edge(&mut index, from, to, edge_type);
        check(&index).unwrap_err().map(|slot| slot.to_string())
    };
    assert!(matches!(broken("x", "r", EdgeType::Iam), StructureError::IntoRoot { .. }));
    assert!(matches!(broken("c", "x", EdgeType::Delete), StructureError::PastAccount { .. }));
    assert!(matches!(broken("r", "x", EdgeType::Default), StructureError::PastAccount { .. }));
    assert!(matches!(broken("x", "c", EdgeType::Default), StructureError::Upward { .. }));
    assert!(matches!(broken("x", "c", EdgeType::Delete), StructureError::Upward { .. }));
    assert!(matches!(broken("c", "a", EdgeType::Delete), StructureError::Shared { .. }));
    assert!(matches!(broken("a", "a", EdgeType::Default), StructureError::Cycle { length: 1, .. }));
}

#[test]
fn missing_and_unconnected_parts_are_refused() {
    let mut index = graph(&[]);
    index.define(id("lost"), Role::Resource);
    index.define(id("behind"), Role::Resource);
    edge(&mut index, "lost", "behind", EdgeType::Default);
    edge(&mut index, "a", "lost", EdgeType::Delete);
    let error = check(&index).unwrap_err();
    assert_eq!(error, StructureError::Unreachable { from: "account", count: 2, examples: vec![3, 4] });

    let mut index = graph(&[]);
    index.define(id("ou"), Role::Organization);
    assert!(matches!(
        check(&index).unwrap_err(),
        StructureError::Unreachable { from: "cloud", count: 1, .. }
    ));
    edge(&mut index, "c", "ou", EdgeType::Default);
    assert!(check(&index).is_ok());

    let mut index = GraphIndex::default();
    index.define(id("r"), Role::Root);
    index.define(id("c"), Role::Cloud);
    assert_eq!(check(&index).unwrap_err(), StructureError::Missing("account"));
    index.define(id("a"), Role::Account);
    assert_eq!(check(&index).unwrap_err(), StructureError::CloudUnconnected);
}

#[test]
fn a_cycle_is_shown_in_its_order() {
    let mut index = graph(&["x", "y", "z", "tail", "head"]);
    for (from, to) in [("head", "x"), ("x", "y"), ("y", "z"), ("z", "x"), ("z", "tail")] {
        edge(&mut index, from, to, EdgeType::Delete);
    }
    let StructureError::Cycle { edge_type: "delete", length: 3, nodes } = check(&index).unwrap_err() else {
        panic!("a cycle of delete edges is expected");
    };
    // x, y and z have the slots 3, 4 and 5; any of them may come first.
    let start = nodes.iter().position(|slot| *slot == 3).unwrap();
    let turned: Vec<_> = nodes[start..].iter().chain(&nodes[..start]).copied().collect();
    assert_eq!(turned, [3, 4, 5]);
}

#[test]
fn a_long_cycle_is_cut_in_the_report() {
    let names: Vec<String> = (0..100).map(|n| format!("n{n}")).collect();
    let mut index = graph(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for (from, to) in names.iter().zip(names.iter().cycle().skip(1)) {
        edge(&mut index, from, to, EdgeType::Default);
    }
    let text = check(&index).unwrap_err().map(|slot| slot.to_string()).to_string();
    assert!(text.starts_with("100 nodes form a cycle of default edges: "), "{text}");
    assert!(text.ends_with("-> ..."), "{text}");
    assert_eq!(text.matches("->").count(), 20, "{text}");
}

/// Whether a path leads from `start` back to it, by brute force.
fn comes_back(edges: &[(u8, u8)], start: u8) -> bool {
    let mut reached = vec![start];
    let mut at = 0;
    while at < reached.len() {
        for (from, to) in edges {
            if *from == reached[at] {
                if *to == start {
                    return true;
                }
                if !reached.contains(to) {
                    reached.push(*to);
                }
            }
        }
        at += 1;
    }
    false
}

proptest! {
    #[test]
    fn cycles_are_found_exactly_where_they_are(edges in prop::collection::vec((0_u8..12, 0_u8..12), 0..24)) {
        let names: Vec<String> = (0..12).map(|n| format!("n{n}")).collect();
        let mut index = graph(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for (from, to) in &edges {
            edge(&mut index, &names[usize::from(*from)], &names[usize::from(*to)], EdgeType::Delete);
        }
        match check(&index) {
            Ok(_) => prop_assert!(!(0..12).any(|start| comes_back(&edges, start))),
            Err(StructureError::Cycle { nodes, .. }) => {
                for (from, to) in nodes.iter().zip(nodes.iter().cycle().skip(1)) {
                    let (from, to) = (u8::try_from(from - 3).unwrap(), u8::try_from(to - 3).unwrap());
                    prop_assert!(edges.contains(&(from, to)));
                }
            }
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
