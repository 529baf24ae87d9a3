//! Usage of resources, as Azure Monitor measured it.
//!
//! One call tells several metrics of one resource. In tables the dimension `resource` is the address of what is measured; what
//! has a `period` has no finer values, and is not asked about less time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use collector::{BoxFuture, Failure};
use engine::Context;
use engine::hooks::prelude::gather;
use engine::metrics::Query;
use jiff::Timestamp;
use serde_json::{Value, json};
use tables::plan::Stat;

/// Calls at once; the budget of the client bounds them too.
const AT_ONCE: usize = 16;
const OPERATION: &str = "GET {+resource}/providers/Microsoft.Insights/metrics";
const VERSION: &str = "2019-07-01";

/// The values of each query, for [`rest_client::TableClient::measuring`].
pub(crate) fn ask<'a>(
    context: Context<'a>,
    now: Timestamp,
    length: Duration,
    queries: &'a [Query<'a>],
) -> BoxFuture<'a, Result<Vec<Vec<f64>>, Failure>> {
    Box::pin(async move {
        let measured: Vec<Measured<'_>> = queries.iter().map(|query| Measured::of(*query, length)).collect();
        let results = gather(AT_ONCE, questions(&measured), |question| {
            Box::pin(async move {
                let answer = question.ask(context, now).await?;
                Ok(question.values(&answer))
            })
        });
        let mut values = vec![Vec::new(); queries.len()];
        for (at, mean) in results.await?.into_iter().flatten() {
            values[at] = vec![mean];
        }
        Ok(values)
    })
}

/// What a query asks for.
#[derive(Debug, Clone)]
struct Measured<'q> {
    resource: &'q str,
    namespace: &'q str,
    metric: &'q str,
    aggregation: &'static str,
    length: Duration,
}

impl<'q> Measured<'q> {
    fn of(query: Query<'q>, length: Duration) -> Self {
        let rule = query.rule();
        let resource = query.dimensions().find(|(name, _)| *name == "resource");
        let finest = rule.period.map(|seconds| Duration::from_secs(seconds.into()));
        Self {
            resource: resource.map_or("", |(_, value)| value),
            namespace: &rule.namespace,
            metric: &rule.metric,
            aggregation: aggregation(query.stat),
            length: finest.map_or(length, |finest| length.max(finest)),
        }
    }
}

/// Its name in questions and in answers.
fn aggregation(stat: Stat) -> &'static str {
    match stat {
        Stat::Min => "minimum",
        Stat::Avg => "average",
        Stat::Max => "maximum",
        Stat::Sum => "total",
    }
}

/// One call: metrics of a resource.
#[derive(Debug)]
struct Question<'q> {
    resource: &'q str,
    namespace: &'q str,
    length: Duration,
    metrics: BTreeSet<&'q str>,
    aggregations: BTreeSet<&'static str>,
    /// The queries by metric and aggregation.
    queries: Vec<(usize, &'q str, &'static str)>,
}

/// What has to be asked: each resource once, for each namespace.
fn questions<'q>(measured: &[Measured<'q>]) -> Vec<Question<'q>> {
    let mut all: BTreeMap<(&str, &str, Duration), Question<'_>> = BTreeMap::new();
    for (at, one) in measured.iter().enumerate() {
        let Measured { resource, namespace, metric, aggregation, length } = *one;
        let question = all.entry((resource, namespace, length)).or_insert_with(|| Question {
            resource,
            namespace,
            length,
            metrics: BTreeSet::new(),
            aggregations: BTreeSet::new(),
            queries: Vec::new(),
        });
        question.metrics.insert(metric);
        question.aggregations.insert(aggregation);
        question.queries.push((at, metric, aggregation));
    }
    all.into_values().collect()
}

impl Question<'_> {
    async fn ask(&self, context: Context<'_>, now: Timestamp) -> Result<Vec<Value>, Failure> {
        let start = now.checked_sub(self.length).unwrap_or(Timestamp::UNIX_EPOCH);
        let joined = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(",");
        let query = json!({
            "api-version": VERSION,
            "metricnames": joined(&self.metrics),
            "metricNamespace": self.namespace,
            "timespan": format!("{}/{}", text(start), text(now)),
            "aggregation": joined(&self.aggregations),
            "interval": interval(self.length),
            "AutoAdjustTimegrain": "true",
            "ValidateDimensions": "false",
        });
        // It may be gone since it was listed.
        let ask = context.ask("arm", OPERATION).with("path", json!({"+resource": self.resource}));
        ask.with("query", query).of_item().all("value").await
    }

    /// The means over the time of the queries that are answered.
    fn values(&self, answer: &[Value]) -> Vec<(usize, f64)> {
        let of = |metric: &str, aggregation: &str| {
            let mut told = answer.iter().filter(|one| one["name"]["value"] == metric);
            mean(told.next()?, aggregation)
        };
        let queries = self.queries.iter();
        queries.filter_map(|(at, metric, aggregation)| Some((*at, of(metric, aggregation)?))).collect()
    }
}

/// The mean of an aggregation over all points of all series that have it.
fn mean(metric: &Value, aggregation: &str) -> Option<f64> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let points = list(&metric["timeseries"]).into_iter().flat_map(|series| list(&series["data"]));
    let values: Vec<f64> = points.filter_map(|point| point[aggregation].as_f64()).collect();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 values")]
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The time of one value: the one that the Python worker asks for.
fn interval(length: Duration) -> &'static str {
    match length.as_secs() / 60 {
        ..5 => "PT1M",
        5..15 => "PT5M",
        15..30 => "PT15M",
        30..60 => "PT30M",
        60..360 => "PT1H",
        360..720 => "PT6H",
        720..1440 => "PT12H",
        _ => "P1D",
    }
}

fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn measured(
        resource: &'static str,
        metric: &'static str,
        aggregation: &'static str,
    ) -> Measured<'static> {
        Measured { resource, namespace: "n", metric, aggregation, length: HOUR }
    }

    #[test]
    fn metrics_of_one_resource_are_asked_for_together() {
        let all =
            [measured("a", "x", "average"), measured("b", "x", "average"), measured("a", "y", "maximum")];
        let asked = questions(&all);
        assert_eq!(asked.len(), 2);
        assert_eq!((asked[0].metrics.len(), asked[0].aggregations.len()), (2, 2));
        let answer = json!([
            {"name": {"value": "x"}, "timeseries": [
                {"data": [{"average": 1.0, "maximum": 9.0}, {"timeStamp": "t"}]},
                {"data": [{"average": 4.0}]},
            ]},
            {"name": {"value": "y"}, "timeseries": [{"data": [{"average": 1.0, "maximum": null}]}]},
        ]);
        assert_eq!(asked[0].values(answer.as_array().unwrap()), [(0, 2.5)]);
        assert!(asked[1].values(&[]).is_empty());
    }

    #[test]
    fn values_are_as_fine_as_the_time_is_short() {
        let of = |minutes| interval(Duration::from_mins(minutes));
        assert_eq!([of(4), of(10), of(59), of(60), of(1440)], ["PT1M", "PT5M", "PT30M", "PT1H", "P1D"]);
    }
}
