//! Web ACLs of regions, and those of CloudFront, which the global region lists. The listing does not say which is which.

use super::prelude::*;

pub(super) struct Waf;

impl Hook for Waf {
    fn name(&self) -> &'static str {
        "waf"
    }

    fn collect<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let global = context.region_index() == RegionIndex::GLOBAL;
            let mut found = Vec::new();
            for scope in scopes(global, context.region().id == context.global().region().id) {
                found.extend(list(context, scope).await?);
            }
            Ok(found)
        })
    }
}

/// What is listed at a place. The web ACLs of the global region itself belong to no region, as they always have.
fn scopes(global: bool, global_region: bool) -> &'static [&'static str] {
    match (global, global_region) {
        (true, _) => &["REGIONAL", "CLOUDFRONT"],
        (false, true) => &[],
        (false, false) => &["REGIONAL"],
    }
}

async fn list(context: Context<'_>, scope: &str) -> Result<Vec<Value>, Failure> {
    let found = context.ask("wafv2", "ListWebACLs").with("Scope", scope).all("WebACLs").await?;
    Ok(found.into_iter().map(|item| with_scope(item, scope)).collect())
}

/// A web ACL with its scope.
fn with_scope(mut item: Value, scope: &str) -> Value {
    item["Scope"] = scope.into();
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_web_acl_is_listed_at_one_place() {
        assert_eq!(scopes(true, true), ["REGIONAL", "CLOUDFRONT"]);
        assert!(scopes(false, true).is_empty());
        assert_eq!(scopes(false, false), ["REGIONAL"]);
    }

    #[test]
    fn items_know_their_scope() {
        let item = with_scope(json!({"Id": "a"}), "CLOUDFRONT");
        assert_eq!(item, json!({"Id": "a", "Scope": "CLOUDFRONT"}));
    }
}
