//! The top of the graph: root, cloud, account, regions.

use std::borrow::Cow;

use collector::{Failure, fault};
use inventory::{KindTable, NodeFault};
use ipc_proto::fault::FaultKind;
use serde_json::Value;
use tables::plan::Properties;

use crate::facts::CloudFacts;
use crate::graph::{DnsZone, EdgeType, Graph, Home, NewNode, NodeIndex};
use crate::regions::Regions;

/// The place of the cloud in every graph: behind the root.
pub(crate) const CLOUD_NODE: NodeIndex = 1;

/// An account or a region, as it is known before anything is asked about resources.
#[derive(Debug, Clone, PartialEq)]
pub struct TopNode {
    /// Its id.
    pub id: String,
    /// Properties; null is none.
    pub properties: Vec<(&'static str, Value)>,
    /// What the key of the node has besides.
    pub key: Vec<Option<String>>,
}

/// A graph with its top.
#[derive(Debug)]
pub struct Top {
    pub(crate) graph: Graph,
    pub(crate) account: NodeIndex,
    /// The nodes of the regions by position.
    pub(crate) regions: Vec<NodeIndex>,
}

impl Top {
    /// Makes the top of a graph. The edges from the account to its regions come at the end, with all others.
    pub fn new(
        table: &'static KindTable,
        facts: &'static CloudFacts,
        account: &TopNode,
        regions: &Regions,
        region_nodes: &[TopNode],
        zone_nodes: &[TopNode],
    ) -> Result<Self, Failure> {
        let ids = regions.all().map(|(_, region)| region.id.clone()).collect();
        let zones = regions.zones().map(|(_, zone)| zone.id.clone()).collect();
        let mut graph = Graph::new(table, facts, &account.id, ids).with_zones(zones);
        let root = add(&mut graph, "graph_root", "root", Home::Top, &[], &[])?;
        let cloud = add(&mut graph, "cloud", facts.cloud, Home::Top, &[], &[])?;
        graph.edge(root, cloud, EdgeType::Default);
        let account = add(
            &mut graph,
            facts.account_kind,
            &account.id,
            Home::Account,
            &account.properties,
            &account.key,
        )?;
        graph.edge(cloud, account, EdgeType::Default);
        let mut nodes = Vec::with_capacity(region_nodes.len());
        // Without a region for what belongs to none, that is where the account is.
        if !facts.has_global_region {
            nodes.push(account);
        }
        for ((index, _), node) in regions.all().skip(nodes.len()).zip(region_nodes) {
            nodes.push(add(
                &mut graph,
                facts.region_kind,
                &node.id,
                Home::Region(index),
                &node.properties,
                &node.key,
            )?);
        }
        let mut in_regions = Vec::with_capacity(zone_nodes.len());
        for ((_, zone), node) in regions.zones().zip(zone_nodes) {
            let kind = facts.zone_kind.unwrap_or("zone");
            in_regions.push(add(
                &mut graph,
                kind,
                &node.id,
                Home::Region(zone.region),
                &node.properties,
                &node.key,
            )?);
        }
        graph.zone_nodes = in_regions;
        Ok(Self { graph, account, regions: nodes })
    }
}

fn add(
    graph: &mut Graph,
    kind: &str,
    id: &str,
    home: Home,
    facts: &[(&'static str, Value)],
    key: &[Option<String>],
) -> Result<NodeIndex, Failure> {
    let mut properties = Properties::default();
    for (name, value) in facts {
        properties.set(*name, Cow::Borrowed(value));
    }
    let node = NewNode {
        kind,
        home,
        id,
        properties: &properties,
        arn_in_key: true,
        key,
        dns_zone: DnsZone::NotInKey,
        link: None,
        assessments: None,
    };
    let broken = |error: NodeFault| Failure::from(fault(FaultKind::Internal, error.to_string()));
    graph.add(&node).map(|added| added.node).map_err(broken)
}
