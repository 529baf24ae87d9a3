//! Stacks know the resources that they made only by type and name.

use super::prelude::*;
use engine::graph::{Deferred, End, Graph};

const STACK: &str = "aws_cloudformation_stack";
const STACK_INSTANCE: &str = "aws_cloud_formation_stack_instance_summary";

pub(super) struct CloudFormation;

impl Hook for CloudFormation {
    fn name(&self) -> &'static str {
        "cloudformation"
    }

    fn prepare<'a>(
        &'a self,
        _context: Context<'a>,
        plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            if plan.kind == STACK_INSTANCE {
                document["Id"] = Value::String(stack_instance_id(document));
            }
            Ok(Verdict::Keep)
        })
    }

    fn finish<'a>(
        &'a self,
        _context: Context<'a>,
        plan: &'static KindPlan,
        node: &'a mut Draft,
        document: &'a Value,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            node.keep = match plan.kind.as_str() {
                STACK => Some(made(document)),
                _ => Some(json!([document["StackSetId"], document["StackId"]])),
            };
            Ok(Verdict::Keep)
        })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.graph(|graph| {
                for stack in graph.kept_of(STACK) {
                    connect_stack(graph, stack);
                }
                for instance in graph.kept_of(STACK_INSTANCE) {
                    connect_instance(graph, instance);
                }
            });
            Ok(())
        })
    }
}

fn connect_stack(graph: &mut Graph, stack: NodeIndex) {
    let made = graph.take_kept(stack).unwrap_or_default();
    let region = graph.region_of(stack);
    for resource in made.as_array().into_iter().flatten() {
        let (Some(kind), Some(name)) = (resource[0].as_str(), resource[1].as_str()) else { continue };
        if let Some(found) = graph.find(Target::Kind(kind), &Lookup::Name, name, region, true) {
            graph.edge(stack, found, EdgeType::Default);
        }
    }
}

/// The stack of an instance may be in any account, so fixcore has to find it.
fn connect_instance(graph: &mut Graph, instance: NodeIndex) {
    let kept = graph.take_kept(instance).unwrap_or_default();
    let (Some(set), Some(stack)) = (kept[0].as_str(), kept[1].as_str()) else { return };
    let target = Target::Kind("aws_cloudformation_stack_set");
    if let Some(set) = graph.find(target, &Lookup::Id, set, graph.region_of(instance), false) {
        let search = format!("is(aws_cloudformation_stack) and reported.id=\"{stack}\"");
        graph.deferred_edge(Deferred {
            from: End::Node(set),
            to: End::Search(search),
            edge_type: EdgeType::Default,
        });
    }
}

/// What a stack made: pairs of kind and name.
fn made(stack: &Value) -> Value {
    let resources = stack["Resources"].as_array().into_iter().flatten();
    resources
        .filter_map(|resource| {
            let kind = resource["ResourceType"].as_str()?.replace("::", "_").to_lowercase();
            Some(json!([kind, resource["PhysicalResourceId"].as_str()?]))
        })
        .collect()
}

fn stack_instance_id(instance: &Value) -> String {
    let text = |member: &str| instance[member].as_str().unwrap_or_default();
    let stack = text("StackId").rsplit('/').next().unwrap_or_default();
    format!("{}/{stack}/{}/{}", text("StackSetId"), text("Account"), text("Region"))
}
