//! Alarms with what they watch and with the filters whose metrics they are about; log groups with the resource
//! policies of their region.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::prelude::*;
use engine::glob::Glob;

const ALARM: &str = "aws_cloudwatch_alarm";
const FILTER: &str = "aws_cloudwatch_metric_filter";
const LOG_GROUP: &str = "aws_cloudwatch_log_group";

/// What an alarm watches: the namespace of its metric, a dimension, the kind that the dimension names, and the
/// property of the kind that it holds.
const WATCHED: [(&str, &str, &str, Lookup); 16] = [
    ("AWS/ApplicationELB", "LoadBalancer", "aws_alb", Lookup::Name),
    ("AWS/ApplicationELB", "TargetGroup", "aws_alb_target_group", Lookup::Name),
    ("AWS/AutoScaling", "AutoScalingGroupName", "aws_autoscaling_group", Lookup::Name),
    ("AWS/DynamoDB", "TableName", "aws_dynamodb_table", Lookup::Name),
    ("AWS/EBS", "VolumeId", "aws_ec2_volume", Lookup::Id),
    ("AWS/EC2", "AutoScalingGroupName", "aws_autoscaling_group", Lookup::Name),
    ("AWS/EC2", "InstanceId", "aws_ec2_instance", Lookup::Id),
    ("AWS/ECS", "ClusterName", "aws_ecs_cluster", Lookup::Name),
    ("AWS/EFS", "FileSystemId", "aws_efs_file_system", Lookup::Id),
    ("AWS/ELB", "LoadBalancerName", "aws_elb", Lookup::Name),
    ("AWS/Kinesis", "StreamName", "aws_kinesis_stream", Lookup::Name),
    ("AWS/NetworkELB", "LoadBalancer", "aws_alb", Lookup::Name),
    ("AWS/Redshift", "ClusterIdentifier", "aws_redshift_cluster", Lookup::Id),
    ("AWS/S3", "BucketName", "aws_s3_bucket", Lookup::Name),
    ("AWS/SNS", "TopicName", "aws_sns_topic", Lookup::Name),
    ("AWS/SQS", "QueueName", "aws_sqs_queue", Lookup::Name),
];

pub(super) struct CloudWatch;

impl Hook for CloudWatch {
    fn name(&self) -> &'static str {
        "cloudwatch"
    }

    fn finish<'a>(
        &'a self,
        context: Context<'a>,
        plan: &'static KindPlan,
        node: &'a mut Draft,
        _document: &'a Value,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            if plan.kind == LOG_GROUP
                && let Some(Value::String(arn)) = node.get("arn")
            {
                let policies = ResourcePolicies::of_region(context).await?;
                if let Some(about) = about(policies.iter(), arn) {
                    node.set("group_policy", about);
                }
            }
            Ok(Verdict::Keep)
        })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.graph(|graph| {
                let alarms = alarms(graph);
                for alarm in &alarms {
                    connect_watched(graph, alarm);
                }
                connect_filters(graph, &alarms);
            });
            Ok(())
        })
    }
}

/// An alarm about one metric.
struct Alarm {
    node: NodeIndex,
    region: Option<RegionIndex>,
    namespace: String,
    metric: String,
    /// Names and values.
    dimensions: Vec<(String, String)>,
}

fn alarms(graph: &Graph) -> Vec<Alarm> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let alarm = |node| {
        let properties = graph.properties(node);
        let property = |name: &str| properties.get(name).unwrap_or(&Value::Null);
        let dimensions = property("cloudwatch_dimensions").as_array().into_iter().flatten();
        Alarm {
            node,
            region: graph.region_of(node),
            namespace: text(property("cloudwatch_namespace")),
            metric: text(property("cloudwatch_metric_name")),
            dimensions: dimensions.map(|one| (text(&one["name"]), text(&one["value"]))).collect(),
        }
    };
    graph.of_kind(ALARM).into_iter().map(alarm).collect()
}

/// Edges from what an alarm watches.
fn connect_watched(graph: &mut Graph, alarm: &Alarm) {
    for (dimension, value) in &alarm.dimensions {
        let Some((kind, by)) = watched(&alarm.namespace, dimension) else { continue };
        let value = named(kind, value);
        if let Some(found) = graph.find(Target::Kind(kind), by, value, alarm.region, false) {
            graph.edge(found, alarm.node, EdgeType::Default);
            graph.edge(found, alarm.node, EdgeType::Delete);
        }
    }
}

fn watched(namespace: &str, dimension: &str) -> Option<(&'static str, &'static Lookup)> {
    let known = |entry: &&(&str, &str, _, _)| entry.0 == namespace && entry.1 == dimension;
    WATCHED.iter().find(known).map(|(_, _, kind, by)| (*kind, by))
}

/// What a dimension calls a thing: load balancers are `app/NAME/ID` there, their groups `targetgroup/NAME/ID`.
fn named<'v>(kind: &str, value: &'v str) -> &'v str {
    match kind {
        "aws_alb" | "aws_alb_target_group" => value.split('/').nth(1).unwrap_or(value),
        _ => value,
    }
}

/// Edges from each filter of logs to the alarms of its region for a metric that it makes.
fn connect_filters(graph: &mut Graph, alarms: &[Alarm]) {
    let mut of_metric: HashMap<_, Vec<NodeIndex>> = HashMap::new();
    for Alarm { node, region, namespace, metric, .. } in alarms {
        of_metric.entry((*region, namespace.as_str(), metric.as_str())).or_default().push(*node);
    }
    if of_metric.is_empty() {
        return;
    }
    for filter in graph.of_kind(FILTER) {
        let region = graph.region_of(filter);
        let transformations = graph.property(filter, "filter_transformations").unwrap_or_default();
        for one in transformations.as_array().into_iter().flatten() {
            let (Some(namespace), Some(metric)) =
                (one["metric_namespace"].as_str(), one["metric_name"].as_str())
            else {
                continue;
            };
            for alarm in of_metric.get(&(region, namespace, metric)).into_iter().flatten() {
                graph.edge(filter, *alarm, EdgeType::Default);
            }
        }
    }
}

/// The resource policies of each region, fetched when its first log group is made.
#[derive(Debug, Default)]
struct ResourcePolicies {
    regions: Mutex<HashMap<RegionIndex, OfRegion>>,
}

type OfRegion = Arc<OnceCell<Arc<[Policy]>>>;

/// A resource policy with the patterns of the log groups that it is about: read once, asked for each log group.
#[derive(Debug)]
struct Policy {
    name: String,
    whole: Value,
    groups: Vec<Glob>,
}

impl ResourcePolicies {
    async fn of_region(context: Context<'_>) -> Result<Arc<[Policy]>, Failure> {
        let shared = context.shared::<Self>();
        let cell = {
            let mut regions = shared.regions.lock().unwrap_or_else(PoisonError::into_inner);
            regions.entry(context.region_index()).or_default().clone()
        };
        let fetch = || async {
            let ask = context.ask("logs", "DescribeResourcePolicies");
            let policies = ask.expecting(&["ResourceNotFoundException"]).all("resourcePolicies").await?;
            Ok(policies.into_iter().map(Policy::new).collect())
        };
        cell.get_or_try_init(fetch).await.cloned()
    }
}

impl Policy {
    fn new(policy: Value) -> Self {
        let name = policy["policyName"].as_str().unwrap_or("Unknown").to_owned();
        let document = policy["policyDocument"].as_str().unwrap_or_default();
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let groups = one_or_many(&document["Statement"])
            .flat_map(|statement| one_or_many(&statement["Resource"]))
            .filter_map(Value::as_str)
            // A stream of a group is about the group, too.
            .map(|resource| resource.split_once(":log-stream:").map_or(resource, |(group, _)| group));
        let mut groups: Vec<Glob> = groups.map(Glob::new).collect();
        groups.sort_unstable();
        groups.dedup();
        Self { name, whole: policy, groups }
    }

    /// `group` is the address of a log group, with or without the `:*` that stands for its streams.
    fn is_about(&self, group: &[char]) -> bool {
        let plain = group.strip_suffix(&[':', '*']).unwrap_or(group);
        self.groups.iter().any(|pattern| pattern.matches(group) || pattern.matches(plain))
    }
}

/// The policies that are about a log group, by name; `None` if there are none.
fn about<'p>(policies: impl Iterator<Item = &'p Policy>, group: &str) -> Option<Value> {
    let group: Vec<char> = group.chars().collect();
    let about: BTreeMap<&str, &Value> = policies
        .filter(|policy| policy.is_about(&group))
        .map(|policy| (policy.name.as_str(), &policy.whole))
        .collect();
    (!about.is_empty()).then(|| json!(about))
}

/// The elements of a list; what is no list counts as the only one.
fn one_or_many(value: &Value) -> impl Iterator<Item = &Value> {
    let many = value.as_array();
    many.into_iter().flatten().chain(many.is_none().then_some(value))
}

#[cfg(test)]
mod tests;
