//! The types of instances that are in use: one node for each region and type, above its instances, which take
//! cores and memory from it.
//!
//! EC2 and the price list tell about them. What they do not tell, or not to this account, is taken from a table of
//! published facts: reports of costs do not depend on a permission.

use std::collections::{BTreeMap, BTreeSet};

use super::prelude::*;
use super::prices;
use crate::instance_types::{InstanceFacts, instance_facts};

const KIND: &str = "aws_ec2_instance_type";
/// Values of one filter that EC2 accepts.
const VALUES: usize = 200;
/// Prices asked for at once; the budget of the client bounds the calls.
const AT_ONCE: usize = 20;

pub(super) struct InstanceTypes;

/// The instances by region and type.
type Used = BTreeMap<(RegionIndex, String), Vec<NodeIndex>>;

impl Hook for InstanceTypes {
    fn name(&self) -> &'static str {
        "instance_types"
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(&["aws_ec2_instance"])
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let used = used(context);
            let described = describe(context, &used).await?;
            let described = &described;
            let used: Vec<_> = used.into_iter().collect();
            each(AT_ONCE, used, |((region, instance_type), instances)| {
                Box::pin(async move {
                    let document = described.get(&instance_type).cloned();
                    match document.or_else(|| from_facts(&instance_type)) {
                        Some(document) => add(context.at(region), document, &instances).await,
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
            let arn = format!(
                "arn:{}:ec2:global:{}:instance/{instance_type}",
                context.scope().partition,
                account.id
            );
            node.set("arn", arn);
            let attributes = [
                ("operatingSystem", "Linux"),
                ("operation", "RunInstances"),
                ("capacitystatus", "Used"),
                ("tenancy", "Shared"),
                ("instanceType", instance_type),
            ];
            let region = &context.region().id;
            let price = prices::on_demand(context, region, &attributes).await?;
            let facts = instance_facts(instance_type);
            node.set("ondemand_cost", price.or_else(|| facts?.on_demand(region)));
            if let Some(facts) = &facts {
                add_facts(node, facts);
            }
            Ok(Verdict::Keep)
        })
    }
}

/// What EC2 never tells.
fn add_facts(node: &mut Draft, facts: &InstanceFacts<'_>) {
    node.set("pretty_name", facts.pretty_name).set("ecu", facts.ecu);
    let parts = [
        ("instance_type_processor_info", "physical_processor", facts.processor),
        ("instance_type_gpu_info", "gpu_model", facts.gpu),
    ];
    for (part, property, fact) in parts {
        if let (Some(Value::Object(part_of_node)), Some(fact)) = (node.get(part), fact) {
            let mut changed = part_of_node.clone();
            changed.insert(property.to_owned(), fact.into());
            node.set(part, changed);
        }
    }
}

/// What EC2 would have told about a type, as far as it is known.
fn from_facts(instance_type: &str) -> Option<Value> {
    let facts = instance_facts(instance_type)?;
    Some(json!({
        "InstanceType": instance_type,
        "VCpuInfo": {"DefaultVCpus": facts.cores},
        "MemoryInfo": {"SizeInMiB": facts.memory},
        "ProcessorInfo": {"SupportedArchitectures": []},
    }))
}

fn used(context: Context<'_>) -> Used {
    let mut used = Used::new();
    if context.plans().get(KIND).is_none() || !context.config().should_collect_child(KIND) {
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
    let calls: Vec<(RegionIndex, Vec<Value>)> = wanted
        .iter()
        .flat_map(|(region, types)| types.chunks(VALUES).map(|some| (*region, some)))
        .map(|(region, types)| (region, types.iter().map(|name| name.as_str().into()).collect()))
        .collect();
    let answers = gather(AT_ONCE, calls, |(region, types)| {
        let ask = context.at(region).ask("ec2", "DescribeInstanceTypes");
        let filters = |types| json!([{"Name": "instance-type", "Values": Value::Array(types)}]);
        Box::pin(ask.of_members_in("Filters", filters, types, "InstanceTypes"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Called, Reply, Sent, Trial};
    use engine::hooks::Hooks;

    const TABLE: &str = include_str!("../../kinds/ec2.toml");

    /// Instances of types that the table knows and of one that it does not know, in one region.
    fn cloud(called: &Called) -> Option<Reply> {
        let item = |instance_type: &str| {
            format!(
                "<item><reservationId>r</reservationId><instancesSet><item><instanceId>i-{instance_type}</instanceId>\
                 <instanceType>{instance_type}</instanceType></item></instancesSet></item>"
            )
        };
        let reservations = match (called.operation.as_str(), called.region.as_str()) {
            ("DescribeInstances", "eu-west-1") => {
                ["m5.large", "g4dn.xlarge", "x9.huge", "t3.micro"].map(item).concat()
            }
            ("DescribeInstanceTypes", _) => {
                return Some(Reply::xml(
                    "<DescribeInstanceTypesResponse><instanceTypeSet><item><instanceType>m5.large</instanceType><vCpuInfo><defaultVCpus>2</defaultVCpus>\
                     </vCpuInfo><processorInfo><supportedArchitectures><item>x86_64</item></supportedArchitectures>\
                     </processorInfo></item></instanceTypeSet></DescribeInstanceTypesResponse>",
                ));
            }
            _ if called.service == "ec2" => String::new(),
            _ => return None,
        };
        Some(Reply::xml(&format!(
            "<DescribeInstancesResponse><reservationSet>{reservations}</reservationSet></DescribeInstancesResponse>"
        )))
    }

    async fn collected(answers: impl Fn(&Called) -> Option<Reply> + Send + Sync + 'static) -> Sent {
        let hooks = Hooks::new(vec![
            Box::new(InstanceTypes),
            Box::new(crate::hooks::volumes::Volumes),
            Box::new(crate::hooks::volume_types::VolumeTypes),
            Box::new(crate::hooks::network_interfaces::NetworkInterfaces),
        ]);
        let config = json!({"collect": ["aws_ec2_instance", "aws_ec2_instance_type"]});
        let done = Trial { tables: TABLE, hooks, config, ..Trial::of(answers) }.run().await;
        done.result.unwrap();
        done.sent
    }

    fn node<'s>(sent: &'s Sent, instance_type: &str) -> &'s Value {
        let nodes = sent.of_kind(KIND);
        nodes.into_iter().find(|node| node["reported"]["id"] == instance_type).unwrap()
    }

    #[tokio::test]
    async fn without_the_price_list_the_price_is_the_published_one() {
        let denied = |called: &Called| match called.operation.as_str() {
            "GetProducts" => Some(Reply::json_error("AccessDeniedException")),
            _ => cloud(called),
        };
        let sent = collected(denied).await;
        let reported = &node(&sent, "m5.large")["reported"];
        assert_eq!(reported["ondemand_cost"], 0.107, "{reported}");
        assert_eq!(reported["pretty_name"], "M5 General Purpose Large");
        assert_eq!(reported["ecu"], 10.0);
        let processor = &reported["instance_type_processor_info"];
        assert_eq!(processor["physical_processor"], "Intel Xeon Platinum 8175");
        assert_eq!(processor["supported_architectures"], json!(["x86_64"]));
        // EC2 does not tell about it.
        let reported = &node(&sent, "g4dn.xlarge")["reported"];
        assert_eq!((&reported["instance_cores"], &reported["ondemand_cost"]), (&json!(4.0), &json!(0.587)));
        assert_eq!((&reported["instance_memory"], &reported["ecu"]), (&json!(16.0), &json!(0.0)));
        assert_eq!(sent.below(node(&sent, "g4dn.xlarge"), EdgeType::Default), ["i-g4dn.xlarge"]);
        assert!(sent.of_kind(KIND).iter().all(|node| node["reported"]["id"] != "x9.huge"));
    }

    #[tokio::test]
    async fn the_price_list_knows_better() {
        let product = json!({"terms": {"OnDemand": {"A": {"priceDimensions": {"B": {
            "pricePerUnit": {"USD": "0.2000000000"},
        }}}}}});
        let priced = move |called: &Called| match called.operation.as_str() {
            "GetProducts" => Some(Reply::json(&json!({"PriceList": [product.to_string()]}))),
            _ => cloud(called),
        };
        let sent = collected(priced).await;
        assert_eq!(node(&sent, "m5.large")["reported"]["ondemand_cost"], 0.2);
    }
}
