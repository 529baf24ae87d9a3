//! What is not worth keeping: regions in which nobody made anything, and models that nobody uses.
//!
//! The Python worker drops every region with three resources or fewer. Here one resource of one's own keeps its region,
//! because whoever has only a forgotten volume somewhere wants to see just that.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::{EdgeType, Graph, Home, Node, NodeIndex};
use crate::regions::RegionIndex;

/// Models of AWS that everybody sees: kept only with something below them.
const MODELS: &str = "aws_bedrock_foundation_model";

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unused {
    /// Nodes to leave out in any case.
    pub(super) nodes: BTreeSet<NodeIndex>,
    /// Nodes of the regions in which somebody made something.
    pub(super) in_use: Vec<NodeIndex>,
    /// The other regions.
    pub(super) regions: Vec<RegionIndex>,
}

/// Finds models with nothing below them, and regions with nothing in them but what AWS makes by itself.
pub(super) fn unused(graph: &Graph) -> Unused {
    let mut found = Unused { nodes: unused_models(graph), ..Unused::default() };
    let used = used_regions(graph, &found.nodes);
    for (at, node) in graph.nodes.iter().enumerate() {
        if let (Home::Region(region), "aws_region") = (node.home, node.kind) {
            if used.contains(&region) {
                found.in_use.push(at);
            } else {
                found.regions.push(region);
            }
        }
    }
    found
}

fn unused_models(graph: &Graph) -> BTreeSet<NodeIndex> {
    let models = graph.nodes.iter().enumerate().filter(|(_, node)| node.kind == MODELS).map(|(at, _)| at);
    let mut models: BTreeSet<NodeIndex> = models.collect();
    if !models.is_empty() {
        for edge in graph.edges.iter().filter(|edge| edge.edge_type == EdgeType::Default) {
            models.remove(&edge.from);
        }
    }
    models
}

fn used_regions(graph: &Graph, removed: &BTreeSet<NodeIndex>) -> HashSet<RegionIndex> {
    let mut used = HashSet::new();
    let mut phantoms: HashMap<&str, bool> = HashMap::new();
    let default_vpcs = default_vpcs(graph);
    for (at, node) in graph.nodes.iter().enumerate() {
        let Home::Region(region) = node.home else { continue };
        if used.contains(&region) || node.kind == "aws_region" || removed.contains(&at) {
            continue;
        }
        let is_phantom = || graph.table().is_a(node.kind, "phantom_resource");
        let phantom = *phantoms.entry(node.kind).or_insert_with(is_phantom);
        if !phantom && !made_by_aws(graph, at, node, &default_vpcs) {
            used.insert(region);
        }
    }
    used
}

fn default_vpcs(graph: &Graph) -> HashSet<&str> {
    let vpcs = graph.nodes.iter().enumerate().filter(|(_, node)| node.kind == "aws_vpc");
    vpcs.filter(|(at, _)| is_true(graph, *at, "vpc_is_default")).map(|(_, node)| &*node.id).collect()
}

/// Whether AWS has made a resource by itself, as it does in every region, or for one that counts itself: the main table,
/// the default list and the default group of a VPC.
fn made_by_aws(graph: &Graph, at: NodeIndex, node: &Node, default_vpcs: &HashSet<&str>) -> bool {
    let text =
        |property: &str| graph.property(at, property).and_then(|value| Some(value.as_str()?.to_owned()));
    let any = |list: &str, is: &dyn Fn(&Value) -> bool| matches!(graph.property(at, list), Some(Value::Array(items)) if items.iter().any(is));
    match node.kind {
        "aws_vpc" => default_vpcs.contains(&*node.id),
        "aws_ec2_subnet" => is_true(graph, at, "subnet_default_for_az"),
        "aws_ec2_route_table" => any("route_table_associations", &|of| of["main"] == true),
        "aws_ec2_network_acl" => is_true(graph, at, "is_default"),
        "aws_ec2_security_group" => text("name").as_deref() == Some("default"),
        "aws_ec2_internet_gateway" => any("gateway_attachments", &|of| {
            of["vpc_id"].as_str().is_some_and(|vpc| default_vpcs.contains(vpc))
        }),
        "aws_athena_work_group" => &*node.name == "primary",
        "aws_athena_data_catalog" => &*node.name == "AwsDataCatalog",
        "aws_backup_vault" => matches!(&*node.name, "Default" | "aws/efs/automatic-backup-vault"),
        "aws_kms_key" => text("kms_key_manager").as_deref() == Some("AWS"),
        // A trail of all regions is seen in each of them, and is at home in one.
        "aws_cloud_trail" => match (text("trail_home_region"), node.home) {
            (Some(home), Home::Region(region)) => graph.regions.get(region.position()) != Some(&home),
            _ => false,
        },
        _ => false,
    }
}

fn is_true(graph: &Graph, node: NodeIndex, property: &str) -> bool {
    graph.property(node, property) == Some(Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{add, graph, region};
    use super::*;

    /// Whether a region is in use that has this one resource, beside a default VPC.
    fn in_use(kind: &str, id: &str, properties: Value) -> bool {
        let mut graph = graph();
        let home = Home::Region(region(1));
        add(&mut graph, "aws_region", "eu-west-1", home, json!({}));
        add(&mut graph, "aws_vpc", "vpc-default", home, json!({"vpc_is_default": true}));
        add(&mut graph, kind, id, home, properties);
        !unused(&graph).in_use.is_empty()
    }

    #[test]
    fn what_aws_makes_in_every_region_does_not_count() {
        for (kind, id, properties) in [
            ("aws_ec2_subnet", "s", json!({"subnet_default_for_az": true})),
            ("aws_ec2_route_table", "r", json!({"route_table_associations": [{"main": true}]})),
            ("aws_ec2_network_acl", "a", json!({"is_default": true})),
            ("aws_ec2_security_group", "g", json!({"name": "default"})),
            ("aws_ec2_internet_gateway", "i", json!({"gateway_attachments": [{"vpc_id": "vpc-default"}]})),
            ("aws_athena_work_group", "primary", json!({})),
            ("aws_athena_data_catalog", "AwsDataCatalog", json!({})),
            ("aws_backup_vault", "Default", json!({})),
            ("aws_kms_key", "k", json!({"kms_key_manager": "AWS"})),
            ("aws_cloud_trail", "t", json!({"trail_home_region": "us-east-1"})),
            ("aws_service_quota", "q", json!({})),
            ("aws_bedrock_foundation_model", "m", json!({})),
        ] {
            assert!(!in_use(kind, id, properties), "{kind}");
        }
    }

    #[test]
    fn one_resource_of_somebody_keeps_its_region() {
        for (kind, id, properties) in [
            ("aws_ec2_volume", "v", json!({})),
            ("aws_vpc", "vpc-own", json!({"vpc_is_default": false})),
            ("aws_ec2_subnet", "s", json!({"subnet_default_for_az": false})),
            ("aws_ec2_route_table", "r", json!({"route_table_associations": [{"main": false}]})),
            ("aws_ec2_network_acl", "a", json!({"is_default": false})),
            ("aws_ec2_security_group", "g", json!({"name": "web"})),
            ("aws_ec2_internet_gateway", "i", json!({"gateway_attachments": [{"vpc_id": "vpc-own"}]})),
            ("aws_ec2_internet_gateway", "i", json!({"gateway_attachments": []})),
            ("aws_athena_work_group", "mine", json!({})),
            ("aws_backup_vault", "mine", json!({})),
            ("aws_kms_key", "k", json!({"kms_key_manager": "CUSTOMER"})),
            ("aws_cloud_trail", "t", json!({"trail_home_region": "eu-west-1"})),
        ] {
            assert!(in_use(kind, id, properties), "{kind}");
        }
    }

    #[test]
    fn models_stay_only_with_something_below_them() {
        let mut graph = graph();
        let home = Home::Region(region(1));
        let [used, unused_one] = ["m0", "m1"].map(|id| add(&mut graph, MODELS, id, home, json!({})));
        let own = add(&mut graph, "aws_bedrock_custom_model", "c", home, json!({}));
        graph.edge(used, own, EdgeType::Default);
        graph.edge(unused_one, own, EdgeType::Delete);
        assert_eq!(unused(&graph).nodes, BTreeSet::from([unused_one]));
    }
}
