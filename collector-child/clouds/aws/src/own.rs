//! What AWS makes by itself in every region, so that it does not keep a region in the graph.

use std::collections::HashSet;

use engine::graph::{Graph, Home, Node, NodeIndex};
use serde_json::Value;

/// Whether AWS has made a resource of this graph.
pub(crate) fn made_by_aws(graph: &Graph) -> Box<dyn Fn(NodeIndex) -> bool + '_> {
    let default_vpcs = default_vpcs(graph);
    Box::new(move |node| is_made_by_aws(graph, node, graph.node(node), &default_vpcs))
}

fn default_vpcs(graph: &Graph) -> HashSet<&str> {
    let vpcs = graph.nodes().filter(|(_, node)| node.kind == "aws_vpc");
    vpcs.filter(|(at, _)| is_true(graph, *at, "vpc_is_default")).map(|(_, node)| &*node.id).collect()
}

/// Whether AWS has made a resource by itself, as it does in every region, or for one that counts itself: the main table,
/// the default list and the default group of a VPC.
fn is_made_by_aws(graph: &Graph, at: NodeIndex, node: &Node, default_vpcs: &HashSet<&str>) -> bool {
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
            (Some(home), Home::Region(region)) => graph.region_id(region) != Some(home.as_str()),
            _ => false,
        },
        _ => false,
    }
}

fn is_true(graph: &Graph, node: NodeIndex, property: &str) -> bool {
    graph.property(node, property) == Some(Value::Bool(true))
}
