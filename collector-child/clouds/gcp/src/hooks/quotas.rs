//! Quotas of regions: a node for each region, with all of them by name.

use engine::hooks::prelude::*;

pub(super) struct RegionQuotas;

impl Hook for RegionQuotas {
    fn name(&self) -> &'static str {
        "region_quotas"
    }

    fn collect<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let project = context.account().id.as_str();
            let regions = context.ask("compute", "regions.list").with("project", project).all("items");
            let mut regions = regions.await?;
            for region in &mut regions {
                region["quotas"] = quotas(&region["quotas"]);
            }
            Ok(regions)
        })
    }
}

/// The quotas by their names in lower case, with how much of each is used.
fn quotas(told: &Value) -> Value {
    let quota = |quota: &Value| {
        let name = quota["metric"].as_str()?.to_lowercase();
        let (limit, usage) = (quota["limit"].as_f64()?, quota["usage"].as_f64()?);
        Some((name, json!({"limit": limit, "usage": usage, "percentage": percentage(usage, limit)})))
    };
    told.as_array().into_iter().flatten().filter_map(quota).collect::<Map<String, Value>>().into()
}

/// With two decimals; of nothing, nothing is used.
fn percentage(usage: f64, limit: f64) -> f64 {
    if limit > 0.0 { (usage / limit * 10_000.0).round() / 100.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_known_by_name() {
        let told = json!([
            {"metric": "CPUS", "limit": 24.0, "usage": 2.0, "owner": "x"},
            {"metric": "NOTHING", "limit": 0.0, "usage": 0.0},
            {"limit": 1.0},
        ]);
        let made = json!({
            "cpus": {"limit": 24.0, "usage": 2.0, "percentage": 8.33},
            "nothing": {"limit": 0.0, "usage": 0.0, "percentage": 0.0},
        });
        assert_eq!(quotas(&told), made);
        assert_eq!(quotas(&Value::Null), json!({}));
    }
}
