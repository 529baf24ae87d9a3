//! Usage of resources, as CloudWatch measured it.
//!
//! What to ask is noted when a node is made, while its document is at hand; it is asked when all nodes are there,
//! many metrics with one call.

mod window;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::time::Duration;

use collector::Failure;
use jiff::Timestamp;
use serde_json::{Value, json};
use tables::plan::{Condition, KindPlan, MetricRule, Scope, Stat};

use super::bounded;
use super::context::{Context, lock};
use crate::graph::NodeIndex;
use crate::regions::RegionIndex;
use window::{period, window};

/// Metrics of one call. CloudWatch allows 500.
const METRICS_OF_CALL: usize = 499;
/// Calls at once; the budget of the client bounds them too.
const CALLS_AT_ONCE: usize = 20;

/// Something to be asked about a node.
#[derive(Debug)]
pub(crate) struct Measure {
    node: NodeIndex,
    rule: &'static MetricRule,
    region: RegionIndex,
    /// Values of the dimensions, in the order of the rule.
    dimensions: Box<[Box<str>]>,
}

/// One metric in a call.
#[derive(Debug, Clone, Copy)]
struct Query<'m> {
    measure: &'m Measure,
    stat: Stat,
}

/// Notes what is to be asked about a node.
pub(super) fn note(context: Context<'_>, plan: &'static KindPlan, scope: &Scope<'_>, node: NodeIndex) {
    if plan.metrics.is_empty() || context.config().collect_usage_metrics != Some(true) {
        return;
    }
    let measures = plan.metrics.iter().filter(|rule| Condition::all(&rule.when, scope)).filter_map(|rule| {
        let region = match &rule.region {
            Some(template) => context.regions().find(&template.fill(scope)?)?,
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
pub(super) async fn collect(context: Context<'_>) -> Result<(), Failure> {
    let measures = std::mem::take(&mut *lock(&context.job.measures));
    let now = Timestamp::now();
    let since_last_run = window(context.last_run_started_ago());
    let calls = calls(&measures, since_last_run);
    let results = bounded::gather(CALLS_AT_ONCE, calls, |(region, length, queries)| {
        Box::pin(async move {
            let values = ask(context.at(region), now, length, &queries).await?;
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
fn calls(measures: &[Measure], since_last_run: Duration) -> Vec<(RegionIndex, Duration, Vec<Query<'_>>)> {
    let mut groups: BTreeMap<(RegionIndex, Duration), Vec<Query<'_>>> = BTreeMap::new();
    for measure in measures {
        let length = window::of_rule(measure.rule, since_last_run);
        let queries = groups.entry((measure.region, length)).or_default();
        queries.extend(measure.rule.stats.iter().map(|stat| Query { measure, stat: *stat }));
    }
    let chunks = |((region, length), queries): ((RegionIndex, Duration), Vec<_>)| {
        let chunks: Vec<_> = queries.chunks(METRICS_OF_CALL).map(<[Query<'_>]>::to_vec).collect();
        chunks.into_iter().map(move |chunk| (region, length, chunk))
    };
    groups.into_iter().flat_map(chunks).collect()
}

/// The values of each query, the latest first.
async fn ask(
    context: Context<'_>,
    now: Timestamp,
    length: Duration,
    queries: &[Query<'_>],
) -> Result<Vec<Vec<f64>>, Failure> {
    let start = now.checked_sub(length).unwrap_or(Timestamp::UNIX_EPOCH);
    let wire: Vec<Value> =
        queries.iter().enumerate().map(|(number, query)| query.wire(number, length)).collect();
    let ask = context.ask("cloudwatch", "GetMetricData").with("ScanBy", "TimestampDescending");
    let ask = ask.with("StartTime", text(start)).with("EndTime", text(now));
    let results = ask.of_members("MetricDataQueries", wire, "MetricDataResults").await?;
    let mut values: HashMap<String, Vec<f64>> = HashMap::new();
    for result in &results {
        // Those of one metric may be on several pages.
        let id = result["Id"].as_str().unwrap_or_default().to_owned();
        let found = result["Values"].as_array().into_iter().flatten().filter_map(Value::as_f64);
        values.entry(id).or_default().extend(found);
    }
    Ok((0..queries.len()).map(|number| values.remove(&id(number)).unwrap_or_default()).collect())
}

fn id(number: usize) -> String {
    format!("m{number}")
}

fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Query<'_> {
    fn wire(self, number: usize, length: Duration) -> Value {
        let Measure { rule, dimensions, .. } = self.measure;
        let names = rule.dimensions.iter().map(|(name, _)| name);
        let dimensions: Vec<Value> =
            names.zip(dimensions).map(|(name, value)| json!({"Name": name, "Value": value})).collect();
        let stat = match self.stat {
            Stat::Min => "Minimum",
            Stat::Avg => "Average",
            Stat::Max => "Maximum",
            Stat::Sum => "Sum",
        };
        json!({
            "Id": id(number),
            "MetricStat": {
                "Metric": {"Namespace": rule.namespace, "MetricName": rule.metric, "Dimensions": dimensions},
                "Period": period(rule, length),
                "Stat": stat,
                "Unit": rule.unit,
            },
            "ReturnData": true,
        })
    }
}

/// Our statistics out of the values of one of CloudWatch's: the latest one, or for sums minimum, average and
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
mod tests;
