use std::borrow::Cow;

use engine::RegionIndex;
use engine::graph::{Deferred, DnsZone, Edge, EdgeType, End, Graph, Home, NewNode, NodeIndex, Target};
use inventory::KindTable;
use serde_json::{Value, json};
use tables::plan::{Lookup, Properties};

use crate::cloud::FACTS;

pub(super) fn graph() -> Graph {
    let table: &'static KindTable = Box::leak(Box::new(KindTable::load(&["base", "aws"]).unwrap()));
    let regions = ["us-east-1", "eu-west-1", "us-east-1"].map(str::to_owned).to_vec();
    Graph::new(table, &FACTS, "100000000001", regions)
}

/// The region at a position: 0 is the global one.
pub(super) fn region(position: usize) -> RegionIndex {
    let ids = ["eu-west-1", "us-east-1"].map(str::to_owned);
    crate::regions::regions("1", "aws", &ids).all().nth(position).unwrap().0
}

pub(super) fn add(graph: &mut Graph, kind: &str, id: &str, home: Home, facts: Value) -> NodeIndex {
    let mut properties = Properties::default();
    properties.set("id", Cow::Owned(Value::from(id)));
    let Value::Object(facts) = facts else { panic!("an object") };
    for (name, value) in facts {
        properties.set(name, Cow::Owned(value));
    }
    let new = NewNode {
        kind,
        home,
        id,
        properties: &properties,
        arn_in_key: true,
        key: &[],
        dns_zone: DnsZone::NotInKey,
        link: None,
        assessments: None,
    };
    let added = graph.add(&new).unwrap();
    assert!(added.new && added.misfits.is_empty(), "{:?}", added.misfits);
    added.node
}

fn line(graph: &Graph, node: NodeIndex) -> Value {
    serde_json::from_slice(&graph.line(node)).unwrap()
}

#[test]
fn node_ids_are_those_of_the_python_worker() {
    let mut graph = graph();
    let account = add(&mut graph, "aws_account", "100000000001", Home::Account, json!({}));
    assert_eq!(graph.node(account).node_id.as_str(), "gqxVsegjbVjD6xkvyJjwZw");
    let global =
        add(&mut graph, "aws_region", "us-east-1", Home::Region(region(0)), json!({"name": "global"}));
    assert_eq!(graph.node(global).node_id.as_str(), "GBy84m9g2JaOG7ti4KGGuQ");
    let arn = "arn:aws:ec2:us-east-1:100000000001:instance/i-48b11f45de04d6198";
    let instance = Home::Region(region(2));
    let instance = add(&mut graph, "aws_ec2_instance", "i-48b11f45de04d6198", instance, json!({"arn": arn}));
    assert_eq!(graph.node(instance).node_id.as_str(), "ATsYZHwJTyF8EO3DS6Elcg");
}

#[test]
fn the_first_of_two_nodes_with_one_id_stays() {
    let mut graph = graph();
    let home = Home::Region(region(1));
    let first = add(&mut graph, "aws_kms_key", "k", home, json!({"name": "first"}));
    let mut properties = Properties::default();
    properties.set("name", Cow::Owned(json!("second")));
    let new = NewNode {
        kind: "aws_kms_key",
        home,
        id: "k",
        properties: &properties,
        arn_in_key: true,
        key: &[],
        dns_zone: DnsZone::NotInKey,
        link: None,
        assessments: None,
    };
    let again = graph.add(&new).unwrap();
    assert_eq!((again.node, again.new, graph.len()), (first, false, 1));
    assert_eq!(&*graph.node(first).name, "first");
}

#[test]
fn what_does_not_fit_costs_the_property_only() {
    let mut graph = graph();
    let mut properties = Properties::default();
    properties.set("name", Cow::Owned(json!("n")));
    properties.set("ctime", Cow::Owned(json!("not a time")));
    let new = NewNode {
        kind: "aws_kms_key",
        home: Home::Region(region(1)),
        id: "k",
        properties: &properties,
        arn_in_key: true,
        key: &[],
        dns_zone: DnsZone::NotInKey,
        link: Some("https://x"),
        assessments: None,
    };
    let added = graph.add(&new).unwrap();
    assert_eq!(added.misfits.len(), 1);
    let line = line(&graph, added.node);
    assert_eq!(line["reported"]["name"], "n");
    assert_eq!(line["metadata"]["provider_link"], "https://x");
    assert!(graph.add(&NewNode { kind: "aws_nothing", ..new }).is_err());
}

#[test]
fn look_ups_prefer_the_own_region_then_the_global_one_and_never_another() {
    let mut graph = graph();
    let key = |graph: &mut Graph, position: usize| {
        let arn = format!("arn:{position}");
        add(
            graph,
            "aws_ec2_keypair",
            "key",
            Home::Region(region(position)),
            json!({"arn": arn, "name": "shared"}),
        )
    };
    let in_us = key(&mut graph, 2);
    let find = |graph: &mut Graph, near: usize, any: bool| {
        graph.find(Target::Kind("aws_ec2_keypair"), &Lookup::Name, "shared", Some(region(near)), any)
    };
    assert_eq!(find(&mut graph, 1, false), None);
    assert_eq!(find(&mut graph, 1, true), Some(in_us));
    let global = key(&mut graph, 0);
    assert_eq!(find(&mut graph, 1, false), Some(global));
    let in_eu = key(&mut graph, 1);
    assert_eq!(find(&mut graph, 1, true), Some(in_eu), "nodes that came after the index was made are found");
    assert_eq!(find(&mut graph, 2, false), Some(in_us));
    let by_arn = graph.find(Target::Any, &Lookup::Arn, "arn:2", Some(region(1)), false);
    assert_eq!(by_arn, Some(in_us), "an arn says its region itself");
}

#[test]
fn look_ups_know_bases_and_properties() {
    let mut graph = graph();
    let home = Home::Region(region(1));
    let vpc = add(&mut graph, "aws_vpc", "vpc-1", home, json!({"vpc_cidr_block": "10.0.0.0/16"}));
    add(&mut graph, "aws_ec2_subnet", "vpc-1", home, json!({}));
    let mut find = |target, by: Lookup, value| graph.find(target, &by, value, Some(region(1)), false);
    assert_eq!(find(Target::Kind("network"), Lookup::Id, "vpc-1"), Some(vpc));
    assert_eq!(
        find(Target::Kind("aws_vpc"), Lookup::Property("vpc_cidr_block".into()), "10.0.0.0/16"),
        Some(vpc)
    );
    assert_eq!(find(Target::Kind("aws_vpc"), Lookup::Id, "vpc-2"), None);
}

#[test]
fn changes_are_converted_and_written_in_order() {
    let mut graph = graph();
    let home = Home::Region(region(1));
    let volume =
        add(&mut graph, "aws_ec2_volume", "vol-1", home, json!({"volume_size": 8, "volume_type": "gp2"}));
    graph.set(volume, "atime", json!("2026-01-02T03:04:05.678+00:00"));
    graph.set(volume, "volume_type", Value::Null);
    graph.set(volume, "volume_size", json!(9));
    assert_eq!(graph.property(volume, "volume_size"), Some(json!(9)));
    graph.usage(volume, "volume_read_ops", &[("avg", 1.5)]);
    graph.assess(volume, json!({"provider": "p", "findings": [{"title": "a"}]}));
    graph.assess(volume, json!({"provider": "p", "findings": [{"title": "b"}]}));
    let left_out = graph.finish(false);
    assert!(left_out.misfits.is_empty());
    let line = line(&graph, volume);
    let reported = line["reported"].as_object().unwrap();
    assert_eq!(reported["atime"], "2026-01-02T03:04:05Z");
    assert_eq!(reported["volume_size"], 9);
    assert_ne!(reported.get("volume_type"), Some(&json!("gp2")));
    assert_eq!(reported.keys().next_back().unwrap(), "kind");
    let position = |name: &str| reported.keys().position(|key| key == name).unwrap();
    assert!(position("name") < position("atime") && position("atime") < position("volume_size"));
    assert_eq!(line["usage"], json!({"volume_read_ops": {"avg": 1.5}}));
    let findings = &line["metadata"]["assessments"][0]["findings"];
    assert_eq!(findings.as_array().unwrap().len(), 2);
}

#[test]
fn a_change_that_does_not_fit_is_left_out() {
    let mut graph = graph();
    let volume = add(&mut graph, "aws_ec2_volume", "vol-1", Home::Region(region(1)), json!({}));
    graph.set(volume, "atime", json!("soon"));
    graph.set(volume, "nonsense", json!(1));
    assert_eq!(graph.finish(false).misfits.len(), 2);
    let line = line(&graph, volume);
    assert!(line["reported"].get("atime").is_none() && line["reported"].get("nonsense").is_none());
}

/// An account whose only resource of its own is a key in us-east-1; eu-west-1 has a default VPC with an address in it.
fn with_an_unused_region() -> Graph {
    let mut graph = graph();
    let account = add(&mut graph, "aws_account", "100000000001", Home::Account, json!({}));
    let regions: Vec<NodeIndex> =
        [("us-east-1", "global"), ("eu-west-1", "eu-west-1"), ("us-east-1", "us-east-1")]
            .into_iter()
            .enumerate()
            .map(|(at, (id, name))| {
                add(&mut graph, "aws_region", id, Home::Region(region(at)), json!({"name": name}))
            })
            .collect();
    add(&mut graph, "aws_kms_key", "k", Home::Region(region(2)), json!({}));
    let vpc = add(&mut graph, "aws_vpc", "v", Home::Region(region(1)), json!({"vpc_is_default": true}));
    let subnet = add(
        &mut graph,
        "aws_ec2_subnet",
        "s",
        Home::Region(region(1)),
        json!({"subnet_default_for_az": true}),
    );
    graph.edge(vpc, subnet, EdgeType::Default);
    let deferred =
        Deferred { from: End::Node(subnet), to: End::Search("x".to_owned()), edge_type: EdgeType::Default };
    graph.deferred_edge(deferred);
    graph.connect_hierarchy(account, &regions);
    graph
}

fn ids(graph: &Graph) -> Vec<&str> {
    graph.nodes().map(|(_, node)| &*node.id).collect()
}

#[test]
fn a_region_with_nothing_of_ones_own_goes_with_all_that_is_in_it() {
    let mut graph = with_an_unused_region();
    assert_eq!(graph.finish(false).regions, [region(0), region(1)]);
    assert_eq!(ids(&graph), ["100000000001", "us-east-1", "k"]);
    assert_eq!(line(&graph, 1)["reported"]["region_in_use"], true);
    let edge = |from, to| Edge { from, to, edge_type: EdgeType::Default };
    assert_eq!(graph.edges(), [edge(0, 1), edge(1, 2)]);
    assert!(graph.deferred().is_empty(), "its node is gone");
}

#[test]
fn a_region_that_is_asked_for_stays() {
    let mut graph = with_an_unused_region();
    assert_eq!(graph.finish(true).regions, [region(0)]);
    assert_eq!(ids(&graph), ["100000000001", "eu-west-1", "us-east-1", "k", "v", "s"]);
    assert_ne!(line(&graph, 1)["reported"].get("region_in_use"), Some(&json!(true)));
    assert_eq!(graph.deferred().len(), 1);
}

#[test]
fn an_edge_that_closes_a_cycle_is_left_out() {
    let mut graph = graph();
    let home = Home::Region(region(1));
    let nodes: Vec<NodeIndex> =
        (0..3).map(|number| add(&mut graph, "aws_kms_key", &format!("k{number}"), home, json!({}))).collect();
    for at in 0..3 {
        graph.edge(nodes[at], nodes[(at + 1) % 3], EdgeType::Delete);
        graph.edge(nodes[at], nodes[at], EdgeType::Default);
    }
    let left_out = graph.finish(false);
    assert_eq!(left_out.cycles, [("aws_kms_key", "aws_kms_key", EdgeType::Delete)]);
    assert_eq!(graph.edges().len(), 2);
}

#[test]
fn what_is_kept_is_taken_once() {
    let mut graph = graph();
    let node = add(&mut graph, "aws_kms_key", "k", Home::Region(region(1)), json!({}));
    graph.keep(node, json!(1));
    assert_eq!(graph.kept_of("aws_kms_key"), [node]);
    assert_eq!((graph.take_kept(node), graph.take_kept(node)), (Some(json!(1)), None));
}
