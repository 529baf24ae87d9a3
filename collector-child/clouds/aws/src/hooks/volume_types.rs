//! The types of volumes that are in use: one node for each region and type, above its volumes.

use std::collections::BTreeMap;

use super::prelude::*;
use super::prices;

const KIND: &str = "aws_ec2_volume_type";

/// Types of EBS volumes and how the price list calls them.
const PRICED: [(&str, &str); 7] = [
    ("gp2", "General Purpose"),
    ("gp3", "General Purpose"),
    ("io1", "Provisioned IOPS"),
    ("io2", "Provisioned IOPS"),
    ("sc1", "Cold HDD"),
    ("st1", "Throughput Optimized HDD"),
    ("standard", "Magnetic"),
];

/// Prices asked for at once; the budget of the client bounds the calls.
const AT_ONCE: usize = 20;

pub(super) struct VolumeTypes;

impl Hook for VolumeTypes {
    fn name(&self) -> &'static str {
        "volume_types"
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(&["aws_ec2_volume"])
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let used: Vec<_> = used(context).into_iter().collect();
            each(AT_ONCE, used, |((region, volume_type), volumes)| {
                Box::pin(async move { add(context.at(region), &volume_type, &volumes).await })
            })
            .await
        })
    }
}

/// The volumes by region and type.
fn used(context: Context<'_>) -> BTreeMap<(RegionIndex, String), Vec<NodeIndex>> {
    let mut used: BTreeMap<_, Vec<NodeIndex>> = BTreeMap::new();
    if !context.config().should_collect_child(KIND) {
        return used;
    }
    context.graph(|graph| {
        for node in graph.of_kind("aws_ec2_volume") {
            let volume_type = graph.property(node, "volume_type");
            if let (Some(Value::String(volume_type)), Some(region)) = (volume_type, graph.region_of(node))
                && !volume_type.is_empty()
            {
                used.entry((region, volume_type)).or_default().push(node);
            }
        }
    });
    used
}

async fn add(context: Context<'_>, volume_type: &str, volumes: &[NodeIndex]) -> Result<(), Failure> {
    let region = context.region();
    let mut draft = Draft::new(KIND, volume_type, Home::Region(context.region_index()));
    let account = context.account();
    let arn =
        format!("arn:{}:ec2:{}:{}:volume/{volume_type}", context.scope().partition, region.name, account.id);
    draft.set("name", volume_type).set("volume_type", volume_type).set("arn", arn);
    if let Some((_, product)) = PRICED.iter().find(|(known, _)| *known == volume_type) {
        let attributes = [("volumeType", *product), ("volumeApiName", volume_type)];
        draft.set("ondemand_cost", prices::on_demand(context, &region.id, &attributes).await?);
    }
    if let Some(node) = context.add(&draft)? {
        context.graph(|graph| {
            for volume in volumes {
                graph.edge(node, *volume, EdgeType::Default);
            }
        });
    }
    Ok(())
}
