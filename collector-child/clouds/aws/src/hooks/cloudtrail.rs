//! Trails of the whole organization and of several regions are listed wherever they record. Each is collected once,
//! at home; everywhere else there is an edge to it.

use super::prelude::*;
use engine::graph::{Deferred, End};

pub(super) struct CloudTrail;

impl Hook for CloudTrail {
    fn name(&self) -> &'static str {
        "cloudtrail"
    }

    fn listed<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
        items: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let (region, account) = (&context.region().name, &context.account().id);
            let (home, away): (Vec<_>, Vec<_>) =
                items.into_iter().partition(|trail| is_at_home(trail, region, account));
            let from = context.region_node(context.region_index());
            for arn in away.iter().filter_map(|trail| trail["TrailARN"].as_str()) {
                let search = format!("is(aws_cloud_trail) and reported.arn==\"{arn}\"");
                context.graph(|graph| {
                    graph.deferred_edge(Deferred {
                        from: End::Node(from),
                        to: End::Search(search),
                        edge_type: EdgeType::Default,
                    });
                });
            }
            Ok(home)
        })
    }
}

fn is_at_home(trail: &Value, region: &str, account: &str) -> bool {
    let arn = trail["TrailARN"].as_str().unwrap_or_default();
    trail["HomeRegion"] == region && arn.split(':').nth(4) == Some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_is_at_home_in_one_region_of_one_account() {
        let trail = json!({"TrailARN": "arn:aws:cloudtrail:us-east-1:123456789012:trail/t", "HomeRegion": "us-east-1"});
        assert!(is_at_home(&trail, "us-east-1", "123456789012"));
        assert!(!is_at_home(&trail, "eu-west-1", "123456789012"));
        assert!(!is_at_home(&trail, "us-east-1", "210987654321"));
        assert!(!is_at_home(&json!({}), "us-east-1", "123456789012"));
    }
}
