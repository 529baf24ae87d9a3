//! Usage of resources, as the cloud measured it.
//!
//! What to ask is noted when a node is made, while its document is at hand; it is asked when all nodes are there,
//! many metrics with one call.

mod window;

use std::collections::BTreeMap;
use std::time::Duration;

use collector::Failure;
use jiff::Timestamp;
use tables::plan::{Condition, KindPlan, MetricRule, Scope, Stat};

use crate::Measuring;
use crate::collect::bounded;
use crate::collect::{Context, lock};
use crate::graph::NodeIndex;
use crate::regions::RegionIndex;
pub use window::period;
use window::window;

/// Calls at once; the budget of the client bounds them too.
const CALLS_AT_ONCE: usize = 20;

/// Something to be asked about a node.
#[derive(Debug)]
pub struct Measure {
    node: NodeIndex,
    rule: &'static MetricRule,
    region: RegionIndex,
    /// Values of the dimensions, in the order of the rule.
    dimensions: Box<[Box<str>]>,
}

/// One metric in a call.
#[derive(Debug, Clone, Copy)]
pub struct Query<'m> {
    measure: &'m Measure,
    /// What of the values is asked for.
    pub stat: Stat,
}

impl<'m> Query<'m> {
    /// What the table says about the metric.
    pub fn rule(self) -> &'static MetricRule {
        self.measure.rule
    }

    /// Names and values of the dimensions.
    pub fn dimensions(self) -> impl Iterator<Item = (&'static str, &'m str)> {
        let names = self.measure.rule.dimensions.iter().map(|(name, _)| name.as_str());
        names.zip(self.measure.dimensions.iter().map(|value| &**value))
    }
}

/// Notes what is to be asked about a node.
pub(crate) fn note(context: Context<'_>, plan: &'static KindPlan, scope: &Scope<'_>, node: NodeIndex) {
    if plan.metrics.is_empty() || !context.wanted().usage_metrics() {
        return;
    }
    let measures = plan.metrics.iter().filter(|rule| Condition::all(&rule.when, scope)).filter_map(|rule| {
        let region = match &rule.region {
            Some(template) => context.regions().find(&template.fill(scope)?)?,
            None if context.facts().measuring == Measuring::All => RegionIndex::GLOBAL,
            None => context.region_index(),
        };
        let dimensions = rule.dimensions.iter();
        let dimensions: Option<Box<[_]>> =
            dimensions.map(|(_, value)| value.texts(scope).pop().map(String::into_boxed_str)).collect();
        Some(Measure { node, rule, region, dimensions: dimensions? })
    });
    lock(&context.job.measures).extend(measures);
}

/// Asks for everything that was noted, and adds it to the nodes.
pub(crate) async fn collect(context: Context<'_>) -> Result<(), Failure> {
    let mut measures = std::mem::take(&mut *lock(&context.job.measures));
    // They were noted as the answers came: calls are to be the same in each run.
    measures.sort_by(|a, b| {
        let by_name = || a.rule.name.cmp(&b.rule.name);
        a.region.cmp(&b.region).then_with(|| a.dimensions.cmp(&b.dimensions)).then_with(by_name)
    });
    let now = Timestamp::try_from(http_client::tape::now()).unwrap_or_default();
    let since_last_run = window(context.last_run_started_ago());
    let of_call = match context.facts().measuring {
        Measuring::InRegion(many) => many,
        Measuring::All => usize::MAX,
    };
    let calls = calls(&measures, since_last_run, of_call);
    let results = bounded::gather(CALLS_AT_ONCE, calls, |(region, length, queries)| {
        Box::pin(async move {
            let context = context.at(region);
            let values = context.job.client.measure(context, now, length, &queries).await?;
            Ok(queries.into_iter().zip(values).collect::<Vec<_>>())
        })
    });
    let mut usage: BTreeMap<(NodeIndex, &str), Vec<(&'static str, f64)>> = BTreeMap::new();
    for (query, values) in results.await?.into_iter().flatten() {
        let rule = query.measure.rule;
        let stats = usage.entry((query.measure.node, rule.name.as_str())).or_default();
        stats.extend(
            stats_of(query.stat, &values).into_iter().map(|(stat, value)| (stat, normal(rule, value))),
        );
    }
    context.graph(|graph| {
        for ((node, name), stats) in usage {
            if !stats.is_empty() {
                graph.usage(node, name, &stats);
            }
        }
    });
    Ok(())
}

/// The calls to be made: by region and window, as many metrics in each as fit.
pub fn calls(
    measures: &[Measure],
    since_last_run: Duration,
    of_call: usize,
) -> Vec<(RegionIndex, Duration, Vec<Query<'_>>)> {
    let mut groups: BTreeMap<(RegionIndex, Duration), Vec<Query<'_>>> = BTreeMap::new();
    for measure in measures {
        let length = window::of_rule(measure.rule, since_last_run);
        let queries = groups.entry((measure.region, length)).or_default();
        queries.extend(measure.rule.stats.iter().map(|stat| Query { measure, stat: *stat }));
    }
    let chunks = |((region, length), queries): ((RegionIndex, Duration), Vec<_>)| {
        let chunks: Vec<_> = queries.chunks(of_call.max(1)).map(<[Query<'_>]>::to_vec).collect();
        chunks.into_iter().map(move |chunk| (region, length, chunk))
    };
    groups.into_iter().flat_map(chunks).collect()
}

/// Our statistics out of the values of one of the cloud's: the latest one, or for sums minimum, average and
/// maximum of all.
fn stats_of(stat: Stat, values: &[f64]) -> Vec<(&'static str, f64)> {
    let Some(latest) = values.first().copied() else { return Vec::new() };
    match stat {
        Stat::Min => vec![("min", latest)],
        Stat::Avg => vec![("avg", latest)],
        Stat::Max => vec![("max", latest)],
        Stat::Sum => {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52 values")]
            let average = values.iter().sum::<f64>() / values.len() as f64;
            vec![("min", least), ("avg", average), ("max", most)]
        }
    }
}

/// A value in the unit of the usage, rounded.
fn normal(rule: &MetricRule, value: f64) -> f64 {
    let value = value * rule.factor;
    match rule.round {
        // Text is rounded exactly, which multiplying is not.
        Some(decimals) => {
            let decimals = usize::try_from(decimals).unwrap_or(usize::MAX).min(15);
            format!("{value:.decimals$}").parse().unwrap_or(value)
        }
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rule(settings: &Value) -> MetricRule {
        let mut all = json!({
            "namespace": "N", "metric": "M", "name": "m_count", "unit": "Count", "stats": ["sum"], "dimensions": [],
        });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn sums_are_spread_and_others_are_the_latest() {
        assert_eq!(stats_of(Stat::Sum, &[2.0, 1.0, 6.0]), [("min", 1.0), ("avg", 3.0), ("max", 6.0)]);
        assert_eq!(stats_of(Stat::Max, &[2.0, 9.0]), [("max", 2.0)]);
        assert!(stats_of(Stat::Avg, &[]).is_empty());
    }

    #[test]
    fn values_are_scaled_and_rounded() {
        let scaled = rule(&json!({"factor": 0.5, "round": 2}));
        assert!((normal(&scaled, 1.255) - 0.63).abs() < 1e-9);
        assert!((normal(&rule(&json!({})), 0.123_456_789) - 0.123_456_789).abs() < 1e-12);
    }

    #[test]
    fn rules_have_their_own_time() {
        let hour = Duration::from_hours(1);
        let day = rule(&json!({"window": 172_800, "period": 86_400}));
        assert_eq!((window::of_rule(&day, hour).as_secs(), period(&day, hour)), (172_800, 86_400));
        let fine = rule(&json!({"window": 172_800, "period": 300}));
        assert_eq!(window::of_rule(&fine, hour).as_secs(), 7200);
        assert_eq!(period(&rule(&json!({})), Duration::from_secs(3630)), 3600);
    }

    #[test]
    fn calls_are_by_region_and_window_and_not_too_long() {
        let rule: &'static MetricRule = Box::leak(Box::new(rule(&json!({"stats": ["min", "max"]}))));
        let other: &'static MetricRule = Box::leak(Box::new(self::rule(&json!({"window": 7200}))));
        let region = RegionIndex::GLOBAL;
        let measure = |rule| Measure { node: 0, rule, region, dimensions: Box::default() };
        let mut measures: Vec<Measure> = (0..300).map(|_| measure(rule)).collect();
        measures.push(measure(other));
        let sizes: Vec<(u64, usize)> = calls(&measures, Duration::from_hours(1), 499)
            .into_iter()
            .map(|(_, length, queries)| (length.as_secs(), queries.len()))
            .collect();
        assert_eq!(sizes, [(3600, 499), (3600, 101), (7200, 1)]);
    }
}
