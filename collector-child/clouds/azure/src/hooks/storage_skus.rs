//! The offers of storage accounts: of hundreds in all locations, those that an account has.

use std::collections::BTreeSet;

use engine::hooks::prelude::*;

pub(super) struct StorageSkus;

const KIND: &str = "azure_storage_sku";
const USED_BY: &str = "azure_storage_account";
const OPERATION: &str = "GET /subscriptions/{subscription}/providers/Microsoft.Storage/skus";

/// Name, tier and location, in lower case.
type Offer = (String, String, String);

impl Hook for StorageSkus {
    fn name(&self) -> &'static str {
        "storage_skus"
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(&[USED_BY])
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if !context.wanted().collects_child(KIND) {
                return Ok(());
            }
            let mut used: BTreeSet<Offer> = context.graph(|graph| {
                let accounts = graph.of_kind(USED_BY).into_iter();
                accounts
                    .filter_map(|account| {
                        let sku = graph.property(account, "azure_sku")?;
                        offer(&sku, graph.property(account, "location")?.as_str()?)
                    })
                    .collect()
            });
            if used.is_empty() {
                return Ok(());
            }
            let path = json!({"subscription": context.account().id});
            let ask = context.ask("arm", OPERATION).with("path", path);
            for sku in ask.with("query", json!({"api-version": "2023-01-01"})).all("value").await? {
                let locations = sku["locations"].as_array().into_iter().flatten().filter_map(Value::as_str);
                // The same offer is there for several kinds of accounts: one is enough.
                let found =
                    locations.filter_map(|location| offer(&sku, location)).find(|offer| used.remove(offer));
                if let Some((_, _, location)) = found {
                    let mut sku = sku;
                    sku["location"] = location.into();
                    context.make(KIND, sku).await?;
                }
            }
            Ok(())
        })
    }
}

fn offer(sku: &Value, location: &str) -> Option<Offer> {
    let lower = |value: &Value| Some(value.as_str()?.to_lowercase());
    Some((lower(&sku["name"])?, lower(&sku["tier"])?, location.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_one_in_a_location() {
        let sku = json!({"name": "Standard_LRS", "tier": "Standard"});
        let made = ("standard_lrs".to_owned(), "standard".to_owned(), "eastus".to_owned());
        assert_eq!(offer(&sku, "EastUS"), Some(made));
        assert_eq!(offer(&json!({"name": "x"}), "y"), None);
    }
}
