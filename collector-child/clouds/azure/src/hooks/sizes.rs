//! The sizes of machines. There are hundreds in each location, so they are asked for where there are machines.

use std::collections::{BTreeMap, BTreeSet};

use engine::hooks::prelude::*;

/// Locations asked at once; the budget of the client bounds the calls.
const AT_ONCE: usize = 8;

/// Sizes, and who says in which locations they are in use.
#[derive(Debug)]
pub(super) struct Sizes {
    hook: &'static str,
    kind: &'static str,
    used_by: &'static [&'static str],
    /// Their properties that name a size.
    properties: &'static [&'static str],
    operation: &'static str,
    version: &'static str,
}

pub(super) const MACHINES: Sizes = Sizes {
    hook: "machine_sizes",
    kind: "azure_compute_virtual_machine_size",
    used_by: &["azure_compute_virtual_machine", "azure_container_service_managed_cluster_snapshot"],
    properties: &["instance_type", "vm_size"],
    operation: "GET /subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/vmSizes",
    version: "2023-03-01",
};

impl Hook for Sizes {
    fn name(&self) -> &'static str {
        self.hook
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(self.used_by)
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if !context.wanted().collects_child(self.kind) {
                return Ok(());
            }
            let used: Vec<_> = self.used(context).into_iter().collect();
            each(AT_ONCE, used, |(region, names)| {
                Box::pin(async move { self.make(context.at(region), &names).await })
            })
            .await
        })
    }
}

impl Sizes {
    /// The names that are in use, by location.
    fn used(&self, context: Context<'_>) -> BTreeMap<RegionIndex, BTreeSet<String>> {
        let mut used: BTreeMap<RegionIndex, BTreeSet<String>> = BTreeMap::new();
        context.graph(|graph| {
            for node in self.used_by.iter().flat_map(|kind| graph.of_kind(kind)).collect::<Vec<_>>() {
                let names = self.properties.iter().filter_map(|name| graph.property(node, name));
                let names = names.filter_map(|name| Some(name.as_str()?.to_lowercase()));
                if let Some(region) = graph.region_of(node) {
                    used.entry(region).or_default().extend(names);
                }
            }
        });
        used
    }

    async fn make(&self, context: Context<'_>, names: &BTreeSet<String>) -> Result<(), Failure> {
        let location = context.region().name.as_str();
        let path = json!({"subscription": context.account().id, "location": location});
        let ask = context.ask("arm", self.operation).with("path", path);
        let ask = ask.with("query", json!({"api-version": self.version}));
        for mut document in ask.all("value").await? {
            let is_used = document["name"].as_str().is_some_and(|name| names.contains(&name.to_lowercase()));
            if !is_used {
                continue;
            }
            document["location"] = location.into();
            let price = price(context, document["name"].as_str().unwrap_or_default()).await?;
            document["price"] = price.into();
            context.make(self.kind, document).await?;
        }
        Ok(())
    }
}

/// What a machine of this size costs in an hour, in US dollars, without Windows.
async fn price(context: Context<'_>, size: &str) -> Result<Option<f64>, Failure> {
    let location = context.region().name.as_str();
    let is_name =
        |text: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    if !is_name(size) || !is_name(location) {
        return Ok(None);
    }
    let filter = format!(
        "serviceName eq 'Virtual Machines' and armSkuName eq '{size}' and armRegionName eq '{location}' \
         and type eq 'Consumption' and isPrimaryMeterRegion eq true"
    );
    let ask = context.ask("prices", "GET /api/retail/prices");
    let ask = ask.with("query", json!({"api-version": "2023-01-01-preview", "$filter": filter}));
    Ok(ask.all("Items").await?.iter().find_map(on_demand))
}

/// The price of an offer that is for anybody, at any time.
fn on_demand(offer: &Value) -> Option<f64> {
    let has = |member: &str, words: &[&str]| {
        let text = offer[member].as_str().unwrap_or_default();
        words.iter().any(|word| text.contains(word))
    };
    let other = has("productName", &["Windows"]) || has("skuName", &["Spot", "Low Priority"]);
    offer["unitPrice"].as_f64().filter(|price| !other && *price > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_anybody_pays_is_a_price() {
        let of = |product, sku| on_demand(&json!({"productName": product, "skuName": sku, "unitPrice": 0.5}));
        assert_eq!(of("Virtual Machines Dv3 Series", "D2 v3"), Some(0.5));
        assert_eq!(of("Virtual Machines Dv3 Series Windows", "D2 v3"), None);
        assert_eq!(of("Virtual Machines Dv3 Series", "D2 v3 Spot"), None);
        assert_eq!(of("Virtual Machines Dv3 Series", "D2 v3 Low Priority"), None);
        assert_eq!(on_demand(&json!({"unitPrice": 0.0})), None);
    }
}
