//! Patterns in `aws.collect` by which nothing is collected although they match: kinds that only come with others, and parts
//! of resources. An account of which nothing is collected for that reason would look empty.

use collector::{Failure, config_fault};
use engine::Plans;
use engine::glob::matches;
use tables::plan::{KindPlan, Source};

use super::AwsConfig;
use crate::built_in;
use crate::hooks::FINDINGS;

/// How a kind gets into the graph.
enum Comes<'a> {
    /// It is listed, or made wherever it is used.
    ByItself,
    /// With what is listed of this kind.
    With(&'a str),
    /// It is no node.
    InResources,
}

impl AwsConfig {
    /// Refuses such a pattern. `known` are all kinds.
    pub(super) fn check_wanted(&self, known: &[&str]) -> Result<(), Failure> {
        let plans = built_in::plans()?;
        match self.collect.iter().find_map(|pattern| Some((pattern, self.useless(plans, pattern, known)?))) {
            None => Ok(()),
            Some((pattern, (why, hint))) => {
                Err(config_fault(format!("aws.collect has {pattern:?}, {why}"), hint).into())
            }
        }
    }

    /// Why nothing is collected by a pattern, and what to do.
    fn useless(&self, plans: &Plans, pattern: &str, known: &[&str]) -> Option<(String, String)> {
        let mut with = None;
        for kind in known.iter().filter(|kind| matches(pattern, kind)) {
            match comes(plans, kind) {
                Comes::ByItself => return None,
                Comes::With(first) if self.should_collect(first) => return None,
                Comes::With(first) => with = with.or(Some(first)),
                Comes::InResources => {}
            }
        }
        Some(match with {
            Some(first) => (
                format!("which is collected with {first} only, and that is not wanted"),
                format!("add {first} to aws.collect"),
            ),
            None => (
                "which matches parts of resources only".to_owned(),
                "name the kind of the resource that has them".to_owned(),
            ),
        })
    }
}

fn comes<'a>(plans: &'a Plans, kind: &str) -> Comes<'a> {
    let Some(plan) = plans.get(kind) else {
        return if FINDINGS.contains(&kind) { Comes::ByItself } else { Comes::InResources };
    };
    let above = std::iter::successors(parent(plan), |kind| plans.get(kind).and_then(parent));
    above.last().map_or(Comes::ByItself, Comes::With)
}

fn parent(plan: &KindPlan) -> Option<&str> {
    match &plan.source {
        Source::List { parent, .. } => parent.as_deref(),
        Source::Elements { parent, .. } => Some(parent),
        Source::Hook | Source::Elsewhere => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(collect: &[&str]) -> Option<String> {
        let config: AwsConfig = serde_json::from_value(json!({ "collect": collect })).unwrap();
        config.check().err().map(|failure| failure.to_string())
    }

    #[test]
    fn what_only_comes_with_another_kind_needs_that_one() {
        let told = refused(&["aws_ecs_service"]).unwrap();
        assert!(told.contains("\"aws_ecs_service\", which is collected with aws_ecs_cluster only"), "{told}");
        // It is the first of them that is listed, not the next.
        let told = refused(&["aws_s3_bucket", "aws_apigateway_authorizer"]).unwrap();
        assert!(told.contains("with aws_apigateway_rest_api only"), "{told}");
        assert_eq!(refused(&["aws_ecs_service", "aws_ecs_cluster"]), None);
        assert_eq!(refused(&["aws_ecs_s*", "aws_ecs_c*"]), None);
    }

    #[test]
    fn parts_of_resources_are_nothing_to_collect() {
        let told = refused(&["aws_ec2_volume", "aws_ec2_tag"]).unwrap();
        assert!(told.contains("\"aws_ec2_tag\", which matches parts of resources only"), "{told}");
        for fine in ["aws_ec2_*", "aws_account", "aws_region", "aws_root_user", "aws_guard_duty_finding"] {
            assert_eq!(refused(&[fine]), None, "{fine}");
        }
    }
}
