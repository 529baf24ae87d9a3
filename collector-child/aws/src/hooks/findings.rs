//! Findings of GuardDuty and Inspector, at the resources that they are about.

mod guardduty;
mod inspector;

use super::prelude::*;

/// Regions that are asked at once.
const REGIONS_AT_ONCE: usize = 16;

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

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let regions = || context.regions().regional().map(|(region, _)| context.at(region)).collect();
            if context.config().should_collect(guardduty::KIND) {
                let found = gather(REGIONS_AT_ONCE, regions(), |context| {
                    Box::pin(async move { Ok((context, guardduty::findings(context).await?)) })
                });
                attach(guardduty::PROVIDER, found.await?);
            }
            if context.config().should_collect(inspector::KIND) {
                let found = gather(REGIONS_AT_ONCE, regions(), |context| {
                    Box::pin(async move { Ok((context, inspector::findings(context).await?)) })
                });
                attach(inspector::PROVIDER, found.await?);
            }
            Ok(())
        })
    }
}

/// Adds findings to the resources of their region, or to those that belong to no region.
fn attach(provider: &str, regions: Vec<(Context<'_>, Vec<About>)>) {
    for (context, findings) in regions {
        let region = Some(context.region_index());
        context.graph(|graph| {
            for About { resource: Resource { kind, by, value }, finding } in findings {
                if let Some(node) = graph.find(Target::Kind(kind), &by, &value, region, false) {
                    graph.assess(node, json!({"provider": provider, "findings": [finding]}));
                }
            }
        });
    }
}

#[cfg(test)]
mod tests;
