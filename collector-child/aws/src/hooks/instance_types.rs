//! The types of instances that are in use: one node for each region and type, above its instances, which take
//! cores and memory from it.

use std::collections::{BTreeMap, BTreeSet};

use super::prelude::*;
use super::prices;

const KIND: &str = "aws_ec2_instance_type";
/// Values of one filter that EC2 accepts.
const VALUES: usize = 200;
/// Prices asked for at once; the budget of the client bounds the calls.
const AT_ONCE: usize = 8;

pub(super) struct InstanceTypes;

/// The instances by region and type.
type Used = BTreeMap<(RegionIndex, String), Vec<NodeIndex>>;

impl Hook for InstanceTypes {
    fn name(&self) -> &'static str {
        "instance_types"
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let used = used(context);
            let described = describe(context, &used).await?;
            let described = &described;
            let used: Vec<_> = used.into_iter().collect();
            each(AT_ONCE, used, |((region, instance_type), instances)| {
                Box::pin(async move {
                    match described.get(&instance_type) {
                        Some(document) => add(context.at(region), document.clone(), &instances).await,
                        None => Ok(()),
                    }
                })
            })
            .await
        })
    }

    fn finish<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
        node: &'a mut Draft,
        document: &'a Value,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            let Some(instance_type) = document["InstanceType"].as_str() else { return Ok(Verdict::Drop) };
            let account = context.account();
            let arn =
                format!("arn:{}:ec2:global:{}:instance/{instance_type}", account.scope.partition, account.id);
            node.set("arn", arn);
            let attributes = [
                ("operatingSystem", "Linux"),
                ("operation", "RunInstances"),
                ("capacitystatus", "Used"),
                ("tenancy", "Shared"),
                ("instanceType", instance_type),
            ];
            node.set("ondemand_cost", prices::on_demand(context, &context.region().id, &attributes).await?);
            Ok(Verdict::Keep)
        })
    }
}

fn used(context: Context<'_>) -> Used {
    let mut used = Used::new();
    if context.job.plans.get(KIND).is_none() || !context.config().should_collect_child(KIND) {
        return used;
    }
    context.graph(|graph| {
        for node in graph.of_kind("aws_ec2_instance") {
            let instance_type = graph.property(node, "instance_type");
            if let (Some(Value::String(instance_type)), Some(region)) = (instance_type, graph.region_of(node))
            {
                used.entry((region, instance_type)).or_default().push(node);
            }
        }
    });
    used
}

/// What EC2 tells about the types in use. They are the same everywhere, but not all exist in each region: each is
/// asked for in the first region that uses it.
async fn describe(context: Context<'_>, used: &Used) -> Result<BTreeMap<String, Value>, Failure> {
    let mut wanted: BTreeMap<RegionIndex, Vec<String>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (region, instance_type) in used.keys() {
        if seen.insert(instance_type) {
            wanted.entry(*region).or_default().push(instance_type.clone());
        }
    }
    let calls: Vec<(RegionIndex, Value)> = wanted
        .iter()
        .flat_map(|(region, types)| types.chunks(VALUES).map(|some| (*region, some)))
        .map(|(region, types)| (region, json!([{"Name": "instance-type", "Values": types}])))
        .collect();
    let answers = gather(AT_ONCE, calls, |(region, filters)| {
        let ask = context.at(region).ask("ec2", "DescribeInstanceTypes").with("Filters", filters);
        Box::pin(ask.all("InstanceTypes"))
    });
    let answers = answers.await?;
    let types = answers.into_iter().flatten();
    Ok(types
        .filter_map(|described| Some((described["InstanceType"].as_str()?.to_owned(), described)))
        .collect())
}

async fn add(context: Context<'_>, document: Value, instances: &[NodeIndex]) -> Result<(), Failure> {
    let Some(node) = context.make(KIND, document).await? else { return Ok(()) };
    context.graph(|graph| {
        let properties = graph.properties(node);
        for instance in instances {
            graph.edge(node, *instance, EdgeType::Default);
            for property in ["instance_cores", "instance_memory"] {
                if let Some(value) = properties.get(property) {
                    graph.set(*instance, property, value.clone());
                }
            }
        }
    });
    Ok(())
}
