//! A load balancer stands before what its target groups send requests to.

use std::collections::BTreeMap;

use super::prelude::*;

pub(super) struct Elbv2;

impl Hook for Elbv2 {
    fn name(&self) -> &'static str {
        "elbv2"
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.graph(|graph| {
                let mut backends: BTreeMap<NodeIndex, Vec<Value>> = BTreeMap::new();
                for group in graph.of_kind("aws_alb_target_group") {
                    let targets = targets(graph.property(group, "alb_target_health"));
                    let balancers = graph.property(group, "alb_lb_arns").unwrap_or_default();
                    for arn in balancers.as_array().into_iter().flatten().filter_map(Value::as_str) {
                        let near = graph.region_of(group);
                        let balancer = graph.find(Target::Kind("aws_alb"), &Lookup::Arn, arn, near, false);
                        if let Some(balancer) = balancer {
                            backends.entry(balancer).or_default().extend(targets.iter().cloned());
                        }
                    }
                }
                for (balancer, mut targets) in backends {
                    // The groups come as their answers come; a node that is the same has to look the same.
                    targets.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                    graph.set(balancer, "backends", Value::Array(targets));
                }
            });
            Ok(())
        })
    }
}

/// The ids of the targets of a group, as its health tells them.
fn targets(health: Option<Value>) -> Vec<Value> {
    let Some(Value::Array(health)) = health else { return Vec::new() };
    health.into_iter().map(|mut one| one["target"]["id"].take()).filter(|id| !id.is_null()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_without_an_id_do_not_count() {
        let health = json!([{"target": {"id": "i-1", "port": 80}}, {"target": {}}, {}]);
        assert_eq!(targets(Some(health)), ["i-1"]);
        assert!(targets(None).is_empty());
    }
}
