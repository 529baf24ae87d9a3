//! What types of machines and disks cost on demand, from the price list of Cloud Billing.
//!
//! The list has some ten thousand prices; of each page only those are kept that a type in use may have ([`sku`] reads
//! them). They become nodes above the types whose cost is made of them ([`cost`] says how).

mod cost;
mod sku;

use std::collections::BTreeSet;
use std::sync::Mutex;

use cost::{Disk, Machine};
use engine::hooks::prelude::*;
use engine::lock;
use sku::Sku;

use super::part;

const SERVICE: &str = "gcp_service";
const SKU: &str = "gcp_sku";
const MACHINE_TYPE: &str = "gcp_machine_type";
const DISK_TYPE: &str = "gcp_disk_type";
/// The service whose prices are those of machines and disks.
const COMPUTE: &str = "Compute Engine";
/// Prices of one page, the most that there may be.
const OF_PAGE: u32 = 5_000;

pub(super) struct Prices;

/// Prices, and what the list tells of them.
type Listed = Vec<(Sku, Value)>;

/// The service, and the prices that may be those of something, until all types are there.
#[derive(Debug, Default)]
struct Found(Mutex<Option<(Value, Listed)>>);

impl Hook for Prices {
    fn name(&self) -> &'static str {
        "prices"
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(&["gcp_instance", "gcp_disk"])
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let wanted = context.wanted();
            let used = used(context);
            if !(wanted.collects(SERVICE) || wanted.collects(SKU)) || used.is_empty() {
                return Ok(());
            }
            let mut services = context.ask("cloudbilling", "services.list").all("services").await?;
            services.retain(|service| service["displayName"] == COMPUTE);
            let Some(service) = services.pop() else { return Ok(()) };
            let found = prices(context, &service, &used).await?;
            *lock(&context.shared::<Found>().0) = Some((service, found));
            Ok(())
        })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let found = lock(&context.shared::<Found>().0).take();
            let Some((service, found)) = found else { return Ok(()) };
            let costs = costs(context, &found);
            let used: BTreeSet<usize> = costs.iter().flat_map(|(_, cost)| cost.of.iter().copied()).collect();
            let above = if used.is_empty() || !context.wanted().collects(SERVICE) {
                None
            } else {
                context.make(SERVICE, service).await?
            };
            let mut nodes = vec![None; found.len()];
            for (at, (sku, mut document)) in found.into_iter().enumerate() {
                if used.contains(&at) && context.wanted().collects(SKU) {
                    document["usageUnitNanos"] = sku.nanos.into();
                    nodes[at] = context.make(SKU, document).await?;
                }
            }
            context.graph(|graph| {
                let below = |node: &Option<NodeIndex>| above.zip(*node);
                for (service, sku) in nodes.iter().filter_map(below) {
                    graph.edge(service, sku, EdgeType::Default);
                }
                for (node, cost) in costs {
                    graph.set(node, "ondemand_cost", cost.value.into());
                    for sku in cost.of.into_iter().filter_map(|at| nodes[at]) {
                        graph.edge(sku, node, EdgeType::Default);
                    }
                }
            });
            Ok(())
        })
    }
}

/// The regions in which machines or disks are.
fn used(context: Context<'_>) -> BTreeSet<String> {
    context.graph(|graph| {
        let mut regions = BTreeSet::new();
        for kind in ["gcp_instance", "gcp_disk"] {
            for node in graph.of_kind(kind) {
                let region = graph.region_of(node).and_then(|region| graph.region_id(region));
                regions.extend(region.map(str::to_owned));
            }
        }
        regions
    })
}

/// The prices of machines and disks in these regions.
async fn prices(
    context: Context<'_>,
    service: &Value,
    regions: &BTreeSet<String>,
) -> Result<Listed, Failure> {
    let parent = service["name"].as_str().unwrap_or_default();
    let ask = context.ask("cloudbilling", "services.skus.list").with("parent", parent);
    let mut pages = ask.with("pageSize", OF_PAGE).pages();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await? {
        let Value::Object(mut page) = page else { continue };
        let Some(Value::Array(skus)) = page.swap_remove("skus") else { continue };
        found.extend(skus.into_iter().filter_map(|told| Some((Sku::of(&told, regions)?, told))));
    }
    Ok(found)
}

/// What each type costs, where the list says it without doubt.
fn costs(context: Context<'_>, found: &[(Sku, Value)]) -> Vec<(NodeIndex, cost::Cost)> {
    let skus: Vec<&Sku> = found.iter().map(|(sku, _)| sku).collect();
    context.graph(|graph| {
        let mut costs = Vec::new();
        for node in graph.of_kind(MACHINE_TYPE) {
            let region = graph.region_of(node).and_then(|region| graph.region_id(region)).map(str::to_owned);
            let cost = Machine::of(&graph.properties(node)).zip(region);
            let cost = cost.and_then(|(machine, region)| machine.cost(&region, &skus));
            costs.extend(cost.map(|cost| (node, cost)));
        }
        for node in graph.of_kind(DISK_TYPE) {
            let region = graph.region_of(node).and_then(|region| graph.region_id(region)).map(str::to_owned);
            let properties = graph.properties(node);
            let link = properties.get("link").and_then(Value::as_str).unwrap_or_default();
            let name = properties.get("name").and_then(Value::as_str);
            let disk = name.map(|name| Disk { name, regional: part(link, "zones").is_none() });
            let cost = disk.zip(region).and_then(|(disk, region)| disk.cost(&region, &skus));
            costs.extend(cost.map(|cost| (node, cost)));
        }
        costs
    })
}
