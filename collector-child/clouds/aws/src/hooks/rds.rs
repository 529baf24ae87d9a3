//! When databases were last used: the last time that CloudWatch saw connections.

use std::collections::BTreeMap;

use super::last_used::{Metric, REGIONS_AT_ONCE, latest, unknown};
use super::prelude::*;

pub(super) struct Rds;

impl Hook for Rds {
    fn name(&self) -> &'static str {
        "rds"
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(&["aws_rds_instance"])
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            each(REGIONS_AT_ONCE, instances(context).into_iter().collect(), |(region, instances)| {
                Box::pin(async move { ask(context.at(region), &instances).await })
            })
            .await
        })
    }
}

/// An instance: its node, its id, when it was made.
type Instance = (NodeIndex, String, Option<String>);

fn instances(context: Context<'_>) -> BTreeMap<RegionIndex, Vec<Instance>> {
    let mut instances: BTreeMap<_, Vec<Instance>> = BTreeMap::new();
    context.graph(|graph| {
        for node in graph.of_kind("aws_rds_instance") {
            if let Some(region) = graph.region_of(node) {
                let made = graph.property(node, "ctime");
                let made = made.as_ref().and_then(Value::as_str).map(str::to_owned);
                instances.entry(region).or_default().push((node, graph.node(node).id.to_string(), made));
            }
        }
    });
    instances
}

async fn ask(context: Context<'_>, instances: &[Instance]) -> Result<(), Failure> {
    let metric = |(_, id, _): &Instance| Metric {
        namespace: "AWS/RDS",
        name: "DatabaseConnections",
        dimension: ("DBInstanceIdentifier", id.clone()),
    };
    let metrics: Vec<Metric> = instances.iter().map(metric).collect();
    let found = latest(context, &metrics).await?;
    context.graph(|graph| {
        for ((node, _, made), time) in instances.iter().zip(found) {
            let time = Value::from(time.unwrap_or_else(|| unknown(context, made.as_deref())));
            graph.set(*node, "atime", time.clone());
            graph.set(*node, "mtime", time);
        }
    });
    Ok(())
}
