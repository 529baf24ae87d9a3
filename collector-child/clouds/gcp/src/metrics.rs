//! Usage of resources, as Cloud Monitoring measured it.
//!
//! One call tells a statistic of a metric about all resources of the project, so that calls do not grow with resources. In
//! tables a dimension is a label (`metric.labels.X`, `resource.labels.X`); a metric may be a sum: `a + b`. How several
//! series of one resource become one follows from the unit: `Percent` is averaged, `Milliseconds` are distributions of
//! which percentiles are asked for, everything else is added up.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use collector::{BoxFuture, Failure};
use engine::Context;
use engine::hooks::prelude::gather;
use engine::metrics::{Query, period};
use jiff::Timestamp;
use serde_json::Value;
use tables::plan::Stat;

/// Calls at once; the budget of the client bounds them too.
const AT_ONCE: usize = 16;
/// Series of one page; more make answers that are held at once larger.
const SERIES_OF_PAGE: u32 = 2_000;

/// The values of each query, the latest first.
pub(crate) fn ask<'a>(
    context: Context<'a>,
    now: Timestamp,
    length: Duration,
    queries: &'a [Query<'a>],
) -> BoxFuture<'a, Result<Vec<Vec<f64>>, Failure>> {
    Box::pin(values(context, now, length, queries))
}

async fn values(
    context: Context<'_>,
    now: Timestamp,
    length: Duration,
    queries: &[Query<'_>],
) -> Result<Vec<Vec<f64>>, Failure> {
    let measured: Vec<Measured<'_>> = queries.iter().map(|query| Measured::of(*query)).collect();
    let questions = questions(&measured);
    let results = gather(AT_ONCE, questions, |question| {
        Box::pin(async move {
            let series = question.ask(context, now, length).await?;
            Ok(question.values(&series))
        })
    });
    let mut values = vec![Vec::new(); queries.len()];
    for (at, found) in results.await?.into_iter().flatten() {
        add(&mut values[at], &found);
    }
    Ok(values)
}

/// What a query asks for.
#[derive(Debug, Clone)]
struct Measured<'q> {
    metric: &'q str,
    unit: &'q str,
    stat: Stat,
    /// Seconds of one value, where the table says it.
    rule: Option<Query<'q>>,
    labels: Vec<(&'q str, &'q str)>,
}

impl<'q> Measured<'q> {
    fn of(query: Query<'q>) -> Self {
        let rule = query.rule();
        let labels = query.dimensions().collect();
        Self { metric: &rule.metric, unit: &rule.unit, stat: query.stat, rule: Some(query), labels }
    }
}

/// One listing of series.
#[derive(Debug)]
struct Question<'q> {
    metric: &'q str,
    unit: &'q str,
    stat: Stat,
    rule: Option<Query<'q>>,
    /// Labels that have the same value for all resources.
    same: Vec<(&'q str, &'q str)>,
    /// Labels that tell resources apart.
    apart: Vec<&'q str>,
    /// The queries by the values of those.
    queries: HashMap<Vec<&'q str>, Vec<usize>>,
}

/// What has to be asked: for each metric and statistic once, for all resources.
fn questions<'q>(measured: &[Measured<'q>]) -> Vec<Question<'q>> {
    let mut groups: BTreeMap<(&str, u8, Vec<&str>), Vec<usize>> = BTreeMap::new();
    for (at, one) in measured.iter().enumerate() {
        let names: Vec<&str> = one.labels.iter().map(|(name, _)| *name).collect();
        for metric in one.metric.split(" + ") {
            groups.entry((metric, one.stat as u8, names.clone())).or_default().push(at);
        }
    }
    groups.into_iter().map(|((metric, _, _), of)| Question::new(metric, &of, measured)).collect()
}

impl<'q> Question<'q> {
    fn new(metric: &'q str, of: &[usize], measured: &[Measured<'q>]) -> Self {
        let first = &measured[of[0]];
        let is_same = |at: &usize| of.iter().all(|one| measured[*one].labels[*at].1 == first.labels[*at].1);
        let (same, apart): (Vec<usize>, Vec<usize>) = (0..first.labels.len()).partition(is_same);
        let mut queries: HashMap<Vec<&str>, Vec<usize>> = HashMap::new();
        for one in of {
            let values = apart.iter().map(|at| measured[*one].labels[*at].1).collect();
            queries.entry(values).or_default().push(*one);
        }
        Self {
            metric,
            unit: first.unit,
            stat: first.stat,
            rule: first.rule,
            same: same.into_iter().map(|at| first.labels[at]).collect(),
            apart: apart.into_iter().map(|at| first.labels[at].0).collect(),
            queries,
        }
    }

    async fn ask(
        &self,
        context: Context<'_>,
        now: Timestamp,
        length: Duration,
    ) -> Result<Vec<Value>, Failure> {
        let project = context.account().id.as_str();
        let start = now.checked_sub(length).unwrap_or(Timestamp::UNIX_EPOCH);
        let seconds = self.rule.map_or(length.as_secs(), |query| period(query.rule(), length));
        let (aligner, reducer) = statistic(self.unit, self.stat);
        let fields: Vec<Value> = self.apart.iter().map(|name| Value::from(*name)).collect();
        context
            .ask("monitoring", "projects.timeSeries.list")
            .with("name", format!("projects/{project}"))
            .with("filter", self.filter(project))
            .with("interval.startTime", text(start))
            .with("interval.endTime", text(now))
            .with("aggregation.alignmentPeriod", format!("{seconds}s"))
            .with("aggregation.perSeriesAligner", aligner)
            .with("aggregation.crossSeriesReducer", reducer)
            .with("aggregation.groupByFields", fields)
            .with("pageSize", SERIES_OF_PAGE)
            .failing("executionErrors")?
            .all("timeSeries")
            .await
    }

    /// Projects may see what is measured in others.
    fn filter(&self, project: &str) -> String {
        let mut parts = vec![
            format!("metric.type = {}", quoted(self.metric)),
            format!("resource.labels.project_id = {}", quoted(project)),
        ];
        parts.extend(self.same.iter().map(|(name, value)| format!("{name} = {}", quoted(value))));
        parts.join(" AND ")
    }

    /// The values of each query that is answered.
    fn values(&self, series: &[Value]) -> Vec<(usize, Vec<f64>)> {
        let mut found = Vec::new();
        for one in series {
            let labels: Option<Vec<&str>> = self.apart.iter().map(|name| label(one, name)).collect();
            let Some(queries) = labels.and_then(|labels| self.queries.get(&labels)) else { continue };
            let points = one["points"].as_array().into_iter().flatten();
            let points: Vec<f64> = points.filter_map(|point| number(&point["value"])).collect();
            found.extend(queries.iter().map(|query| (*query, points.clone())));
        }
        found
    }
}

/// How the points of a series become one, and several series one.
fn statistic(unit: &str, stat: Stat) -> (&'static str, &'static str) {
    match (unit, stat) {
        ("Milliseconds", Stat::Min) => ("ALIGN_DELTA", "REDUCE_PERCENTILE_05"),
        ("Milliseconds", Stat::Max) => ("ALIGN_DELTA", "REDUCE_PERCENTILE_99"),
        ("Milliseconds", Stat::Avg | Stat::Sum) => ("ALIGN_DELTA", "REDUCE_PERCENTILE_50"),
        ("Percent", Stat::Min) => ("ALIGN_MIN", "REDUCE_MIN"),
        ("Percent", Stat::Max) => ("ALIGN_MAX", "REDUCE_MAX"),
        ("Percent", Stat::Avg | Stat::Sum) => ("ALIGN_MEAN", "REDUCE_MEAN"),
        (_, Stat::Min) => ("ALIGN_MIN", "REDUCE_SUM"),
        (_, Stat::Max) => ("ALIGN_MAX", "REDUCE_SUM"),
        (_, Stat::Avg) => ("ALIGN_MEAN", "REDUCE_SUM"),
        (_, Stat::Sum) => ("ALIGN_SUM", "REDUCE_SUM"),
    }
}

/// The label that a table calls `metric.labels.X` or `resource.labels.X`.
fn label<'s>(series: &'s Value, name: &str) -> Option<&'s str> {
    let mut parts = name.splitn(3, '.');
    let (of, _, name) = (parts.next()?, parts.next()?, parts.next()?);
    series[of]["labels"][name].as_str()
}

/// Whole numbers of 64 bits are texts.
fn number(value: &Value) -> Option<f64> {
    let whole = || value["int64Value"].as_str()?.parse().ok();
    value["doubleValue"].as_f64().or_else(whole)
}

/// The sum of two metrics, point by point.
fn add(sum: &mut Vec<f64>, more: &[f64]) {
    for (at, value) in more.iter().enumerate() {
        match sum.get_mut(at) {
            Some(there) => *there += value,
            None => sum.push(*value),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn measured<'q>(metric: &'q str, stat: Stat, labels: &[(&'q str, &'q str)]) -> Measured<'q> {
        Measured { metric, unit: "Bytes", stat, rule: None, labels: labels.to_vec() }
    }

    #[test]
    fn resources_are_asked_about_together_and_told_apart_by_what_differs() {
        let name = "metric.labels.instance_name";
        let zone = "resource.labels.zone";
        let all = [
            measured("m", Stat::Min, &[(name, "a"), (zone, "z")]),
            measured("m", Stat::Min, &[(name, "b"), (zone, "z")]),
            measured("m", Stat::Max, &[(name, "b\""), (zone, "z")]),
        ];
        let asked = questions(&all);
        assert_eq!(asked.len(), 2);
        assert_eq!((asked[0].apart.clone(), asked[1].apart.len()), (vec![name], 0));
        let filter =
            r#"metric.type = "m" AND resource.labels.project_id = "p" AND resource.labels.zone = "z""#;
        assert_eq!(asked[0].filter("p"), filter);
        let one = r#"metric.type = "m" AND resource.labels.project_id = "p" AND metric.labels.instance_name = "b\"" AND resource.labels.zone = "z""#;
        assert_eq!(asked[1].filter("p"), one);
        let point = |value: Value| json!({"interval": {}, "value": value});
        let series = [
            json!({"metric": {"labels": {"instance_name": "b"}}, "points": [point(json!({"int64Value": "7"})), point(json!({"doubleValue": 0.5}))]}),
            json!({"metric": {"labels": {"instance_name": "of nobody"}}, "points": [point(json!({"int64Value": "1"}))]}),
            json!({"points": [point(json!({"int64Value": "1"}))]}),
        ];
        assert_eq!(asked[0].values(&series), [(1, vec![7.0, 0.5])]);
    }

    #[test]
    fn a_sum_is_asked_for_part_by_part() {
        let all = [measured("a + b", Stat::Avg, &[]), measured("a", Stat::Avg, &[])];
        let asked: Vec<_> =
            questions(&all).iter().map(|one| (one.metric, one.queries[&vec![]].clone())).collect();
        assert_eq!(asked, [("a", vec![0, 1]), ("b", vec![0])]);
        let mut sum = vec![1.0];
        add(&mut sum, &[2.0, 3.0]);
        assert_eq!(sum, [3.0, 3.0]);
    }

    #[test]
    fn several_series_become_one_by_what_they_measure() {
        assert_eq!(statistic("Bytes", Stat::Max), ("ALIGN_MAX", "REDUCE_SUM"));
        assert_eq!(statistic("Percent", Stat::Avg), ("ALIGN_MEAN", "REDUCE_MEAN"));
        assert_eq!(statistic("Milliseconds", Stat::Max), ("ALIGN_DELTA", "REDUCE_PERCENTILE_99"));
    }
}
