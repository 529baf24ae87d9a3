use std::collections::HashSet;

use super::*;
use crate::testing::{Called, Reply, Trial};
use engine::hooks::Hooks;

#[test]
fn what_is_watched_is_named_in_its_own_way() {
    assert_eq!(named("aws_alb", "app/front/50dc6c495c0c9188"), "front");
    assert_eq!(named("aws_alb_target_group", "targetgroup/front/73e2d6bc24d8a067"), "front");
    assert_eq!(named("aws_sqs_queue", "a/b"), "a/b");
    assert_eq!(watched("AWS/EBS", "VolumeId").unwrap().0, "aws_ec2_volume");
    assert!(watched("AWS/EBS", "InstanceId").is_none());
}

#[test]
fn what_is_watched_exists() {
    let kinds = crate::testing::kinds();
    let all: HashSet<(&str, &str)> =
        WATCHED.iter().map(|(space, dimension, ..)| (*space, *dimension)).collect();
    assert_eq!(all.len(), WATCHED.len());
    for (_, _, kind, _) in WATCHED {
        assert!(kinds.contains(kind), "{kind}");
    }
}

#[test]
fn policies_are_about_the_groups_they_name() {
    let group = "arn:aws:logs:eu-west-1:1:log-group:/aws/app:*";
    let policy = |resource: Value| {
        let document = json!({"Statement": {"Resource": resource}});
        json!({"policyName": "p", "policyDocument": document.to_string()})
    };
    let is_about = |policy: Value| Policy::new(policy).is_about(&group.chars().collect::<Vec<char>>());
    for resource in [
        json!("arn:aws:logs:eu-west-1:1:log-group:/aws/app:*"),
        json!("arn:aws:logs:eu-west-1:1:log-group:/aws/app"),
        json!("arn:aws:logs:*:1:log-group:/aws/*"),
        json!(["x", "arn:aws:logs:eu-west-1:1:log-group:/aws/app:log-stream:*"]),
    ] {
        assert!(is_about(policy(resource.clone())), "{resource}");
    }
    for resource in [json!("arn:aws:logs:eu-west-1:1:log-group:/aws/ap"), json!([]), json!(7), Value::Null] {
        assert!(!is_about(policy(resource.clone())), "{resource}");
    }
    assert!(!is_about(json!({"policyDocument": "no json"})));
    let found = about([policy(json!("*")), policy(json!("x"))].map(Policy::new).iter(), group).unwrap();
    assert_eq!(found["p"]["policyName"], "p");
    assert_eq!(about([policy(json!("x"))].map(Policy::new).iter(), group), None);
}

const TABLE: &str = r#"
service = "cloudwatch"
[aws_cloudwatch_alarm]
list = { op = "DescribeAlarms", items = "MetricAlarms" }
hook = "cloudwatch"
[aws_cloudwatch_alarm.map]
id = "AlarmName"
[aws_cloudwatch_log_group]
service = "logs"
list = { op = "DescribeLogGroups", items = "logGroups" }
by_hook = ["group_policy"]
hook = "cloudwatch"
[aws_cloudwatch_log_group.map]
id = "logGroupName"
arn = "arn"
[aws_cloudwatch_metric_filter]
service = "logs"
list = { op = "DescribeMetricFilters", items = "metricFilters" }
[aws_cloudwatch_metric_filter.map]
id = "filterName"
[aws_autoscaling_group]
service = "autoscaling"
list = { op = "DescribeAutoScalingGroups", items = "AutoScalingGroups" }
unset = ["max_size", "min_size"]
[aws_autoscaling_group.map]
id = "AutoScalingGroupName"
"#;

/// An alarm about the metric of a filter and one about a scaling group, in both regions; the group is in one of them.
fn answers(called: &Called) -> Option<Reply> {
    let group = |name: &str| json!({"logGroupName": name, "arn": format!("arn:{name}:*")});
    Some(match (called.operation.as_str(), called.region.as_str()) {
        ("DescribeAlarms", _) => Reply::xml(
            "<DescribeAlarmsResponse><DescribeAlarmsResult><MetricAlarms>\
             <member><AlarmName>own</AlarmName><Namespace>App</Namespace><MetricName>errors</MetricName></member>\
             <member><AlarmName>scaling</AlarmName><Namespace>AWS/AutoScaling</Namespace><MetricName>X</MetricName><Dimensions>\
             <member><Name>AutoScalingGroupName</Name><Value>g</Value></member></Dimensions></member>\
             </MetricAlarms></DescribeAlarmsResult></DescribeAlarmsResponse>",
        ),
        ("DescribeLogGroups", _) => Reply::json(&json!({"logGroups": [group("a"), group("b")]})),
        ("DescribeResourcePolicies", _) => Reply::json(&json!({"resourcePolicies": [
            {"policyName": "p", "policyDocument": r#"{"Statement": [{"Resource": "arn:b:*"}]}"#},
        ]})),
        ("DescribeMetricFilters", _) => {
            Reply::json(&json!({"metricFilters": [{"filterName": "f", "metricTransformations": [
                {"metricName": "errors", "metricNamespace": "App", "metricValue": "1"},
            ]}]}))
        }
        ("DescribeAutoScalingGroups", "eu-west-1") => Reply::xml(
            "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups>\
             <member><AutoScalingGroupName>g</AutoScalingGroupName></member>\
             </AutoScalingGroups></DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>",
        ),
        ("DescribeAutoScalingGroups", _) => Reply::xml(
            "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult/></DescribeAutoScalingGroupsResponse>",
        ),
        _ => return None,
    })
}

#[tokio::test]
async fn alarms_and_groups_are_connected_within_their_region() {
    let hooks = Hooks::new(vec![Box::new(CloudWatch)]);
    let done = Trial { tables: TABLE, hooks, ..Trial::of(answers) }.run().await;
    done.result.unwrap();
    let sent = done.sent;
    assert!(sent.faults.is_empty(), "{:?}", sent.faults);
    let filters = sent.of_kind(FILTER);
    assert_eq!(filters.len(), 2);
    for filter in filters {
        assert_eq!(sent.below(filter, EdgeType::Default), ["own"]);
    }
    let [scaling] = sent.of_kind("aws_autoscaling_group")[..] else { panic!("{:?}", sent.nodes) };
    assert_eq!(sent.below(scaling, EdgeType::Default), ["scaling"]);
    assert_eq!(sent.below(scaling, EdgeType::Delete), ["scaling"]);
    for group in sent.of_kind(LOG_GROUP) {
        let policy = &group["reported"]["group_policy"]["p"]["policyName"];
        assert_eq!(policy == "p", group["reported"]["id"] == "b");
    }
    let asked = done.calls.iter().filter(|call| call.operation == "DescribeResourcePolicies").count();
    assert_eq!(asked, 2, "once per region");
}
