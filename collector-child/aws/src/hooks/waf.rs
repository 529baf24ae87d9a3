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
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let mut ask = context.ask("wafv2", "ListWebACLs").with("Scope", scope);
        if let Some(marker) = &marker {
            ask = ask.with("NextMarker", Value::clone(marker));
        }
        let Some(mut page) = ask.answer().await? else { return Ok(found) };
        let next = page["NextMarker"].take();
        let items = elements(page, scope);
        let last = items.is_empty() || next.is_null() || marker.as_ref() == Some(&next);
        found.extend(items);
        if last {
            return Ok(found);
        }
        marker = Some(next);
    }
}

/// The web ACLs of a page, with their scope.
fn elements(mut page: Value, scope: &str) -> Vec<Value> {
    let Value::Array(mut items) = page["WebACLs"].take() else { return Vec::new() };
    for item in &mut items {
        item["Scope"] = scope.into();
    }
    items
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
        let page = json!({"WebACLs": [{"Id": "a"}, {"Id": "b"}], "NextMarker": "b"});
        assert_eq!(
            elements(page, "CLOUDFRONT"),
            [json!({"Id": "a", "Scope": "CLOUDFRONT"}), json!({"Id": "b", "Scope": "CLOUDFRONT"})]
        );
        assert!(elements(json!({}), "REGIONAL").is_empty());
    }
}
