//! What does not keep its region.

use engine::graph::{EdgeType, Home};
use serde_json::{Value, json};

use super::graph::{add, graph, region};

/// Whether a region is in use that has this one resource, beside a default VPC.
fn in_use(kind: &str, id: &str, properties: Value) -> bool {
    let mut graph = graph();
    let home = Home::Region(region(1));
    add(&mut graph, "aws_region", "eu-west-1", home, json!({}));
    add(&mut graph, "aws_vpc", "vpc-default", home, json!({"vpc_is_default": true}));
    add(&mut graph, kind, id, home, properties);
    graph.finish(false).regions.is_empty()
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
    const MODEL: &str = "aws_bedrock_foundation_model";
    let mut graph = graph();
    let home = Home::Region(region(1));
    let [used, unused_one] = ["m0", "m1"].map(|id| add(&mut graph, MODEL, id, home, json!({})));
    let own = add(&mut graph, "aws_bedrock_custom_model", "c", home, json!({}));
    graph.edge(used, own, EdgeType::Default);
    graph.edge(unused_one, own, EdgeType::Delete);
    graph.finish(true);
    let left: Vec<&str> = graph.of_kind(MODEL).into_iter().map(|node| &*graph.node(node).id).collect();
    assert_eq!(left, ["m0"]);
}
