//! Findings of GuardDuty and Inspector, at the resources that they are about.

mod guardduty;
mod inspector;

use std::sync::Mutex;

use super::prelude::*;
use engine::lock;

/// Regions that are asked at once.
const REGIONS_AT_ONCE: usize = 16;

/// Their names in `collect` and `no_collect`.
pub(super) const KINDS: [&str; 2] = [guardduty::KIND, inspector::KIND];

pub(super) struct Findings;

/// A finding about a resource.
#[derive(Debug, PartialEq)]
struct About {
    resource: Resource,
    finding: Value,
}

/// How a finding names a resource.
#[derive(Debug, PartialEq)]
struct Resource {
    kind: &'static str,
    by: Lookup,
    value: String,
}

impl Resource {
    fn new(kind: &'static str, by: Lookup, value: &str) -> Self {
        Self { kind, by, value: value.to_owned() }
    }
}

impl Hook for Findings {
    fn name(&self) -> &'static str {
        "findings"
    }

    fn ahead<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let guard_duty = each_region(context, guardduty::KIND, |context| {
                Box::pin(async move { guardduty::findings(context).await })
            });
            let inspector = each_region(context, inspector::KIND, |context| {
                Box::pin(async move { inspector::findings(context).await })
            });
            let (guard_duty, inspector) = futures_util::future::try_join(guard_duty, inspector).await?;
            let found = [(guardduty::PROVIDER, guard_duty), (inspector::PROVIDER, inspector)];
            *lock(&context.shared::<Found>().0) = found.into();
            Ok(())
        })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let found = std::mem::take(&mut *lock(&context.shared::<Found>().0));
            context.graph(|graph| {
                for (provider, regions) in found {
                    attach(graph, provider, regions);
                }
            });
            Ok(())
        })
    }
}

/// What a provider has found, by region.
type OfRegions = Vec<(RegionIndex, Vec<About>)>;

/// The findings of all providers, until all resources are there.
#[derive(Debug, Default)]
struct Found(Mutex<Vec<(&'static str, OfRegions)>>);

/// The findings of all regions, if findings of this kind are wanted.
async fn each_region<'a>(
    context: Context<'a>,
    kind: &str,
    findings: impl Fn(Context<'a>) -> BoxFuture<'a, Result<Vec<About>, Failure>>,
) -> Result<OfRegions, Failure> {
    if !context.config().should_collect(kind) {
        return Ok(Vec::new());
    }
    let regions: Vec<RegionIndex> = context.regions().regional().map(|(region, _)| region).collect();
    let found = gather(REGIONS_AT_ONCE, regions.clone(), |region| findings(context.at(region))).await?;
    Ok(regions.into_iter().zip(found).collect())
}

/// Adds findings to the resources of their region, or to those that belong to no region.
fn attach(graph: &mut Graph, provider: &str, regions: OfRegions) {
    for (region, findings) in regions {
        for About { resource: Resource { kind, by, value }, finding } in findings {
            if let Some(node) = graph.find(Target::Kind(kind), &by, &value, Some(region), false) {
                graph.assess(node, json!({"provider": provider, "findings": [finding]}));
            }
        }
    }
}

#[cfg(test)]
mod tests;
