//! The top of the graph: root, cloud, account, regions.

use std::borrow::Cow;

use collector::{Failure, fault};
use inventory::{KindTable, NodeFault};
use ipc_proto::fault::FaultKind;
use serde_json::Value;
use tables::plan::Properties;

use super::context::AccountFacts;
use crate::facts::{LAUNCH_DAY, region_facts};
use crate::graph::{CLOUD, DnsZone, EdgeType, Graph, Home, NewNode, NodeIndex};
use crate::regions::Regions;

/// The place of the cloud in every graph: behind the root.
pub(super) const CLOUD_NODE: NodeIndex = 1;

/// A graph with its top.
#[derive(Debug)]
pub(super) struct Top {
    pub(super) graph: Graph,
    pub(super) account: NodeIndex,
    /// The nodes of the regions by position.
    pub(super) regions: Vec<NodeIndex>,
}

/// Makes the top of the graph. The edges from the account to its regions come at the end, with all others.
pub(super) fn top(
    table: &'static KindTable,
    account: &AccountFacts,
    regions: &Regions,
) -> Result<Top, Failure> {
    let ids = regions.all().map(|(_, region)| region.id.clone()).collect();
    let mut graph = Graph::new(table, &account.id, ids);
    let root = add(&mut graph, "graph_root", "root", Home::Top, &[])?;
    let cloud = add(&mut graph, "cloud", CLOUD, Home::Top, &[])?;
    graph.edge(root, cloud, EdgeType::Default);
    let scope = &account.scope;
    let facts = [
        ("name", Value::from(account.name.as_str())),
        ("role", Value::from(scope.role.clone())),
        ("profile", Value::from(scope.profile.clone())),
        ("partition", Value::from(scope.partition.as_str())),
    ];
    let account = add(&mut graph, "aws_account", &account.id, Home::Account, &facts)?;
    graph.edge(cloud, account, EdgeType::Default);
    let mut nodes = Vec::with_capacity(regions.len());
    for (index, region) in regions.all() {
        let mut facts = vec![("name", Value::from(region.name.as_str())), ("ctime", Value::from(LAUNCH_DAY))];
        if let Some(known) = region_facts(&region.id) {
            facts.push(("long_name", known.long_name.into()));
            facts.push(("latitude", known.latitude.into()));
            facts.push(("longitude", known.longitude.into()));
        }
        nodes.push(add(&mut graph, "aws_region", &region.id, Home::Region(index), &facts)?);
    }
    Ok(Top { graph, account, regions: nodes })
}

fn add(
    graph: &mut Graph,
    kind: &str,
    id: &str,
    home: Home,
    facts: &[(&'static str, Value)],
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
        key: &[],
        dns_zone: DnsZone::NotInKey,
        link: None,
        assessments: None,
    };
    let broken = |error: NodeFault| Failure::from(fault(FaultKind::Internal, error.to_string()));
    graph.add(&node).map(|added| added.node).map_err(broken)
}
