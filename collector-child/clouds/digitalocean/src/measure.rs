//! What was measured of droplets: two calls for each, which tell everything about the time that is asked about.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use collector::{BoxFuture, Failure};
use engine::hooks::prelude::Context;
use engine::metrics::Query;
use jiff::Timestamp;
use serde_json::{Value, json};
use tables::plan::Stat;

const SERVICE: &str = "digitalocean";
const MIB: f64 = 1024.0 * 1024.0;

/// The values of each query, for [`rest_client::TableClient::measuring`].
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
    let end = now.as_second();
    let start = end.saturating_sub(i64::try_from(length.as_secs()).unwrap_or(i64::MAX));
    let mut known: HashMap<(&str, &str), Vec<f64>> = HashMap::new();
    let mut values = Vec::with_capacity(queries.len());
    for query in queries {
        let metric = query.rule().metric.as_str();
        let dimension =
            |name| query.dimensions().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        let (host, whole) = (dimension("host_id"), dimension("whole"));
        let all = match known.entry((metric, host)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                let operation = if metric == "cpu" { CPU } else { MEMORY };
                let params = json!({"host_id": host, "start": start, "end": end});
                // A droplet may be gone since it was listed.
                let asked = context.ask(SERVICE, operation).with("query", params).of_item();
                let answer = asked.answer().await?.unwrap_or_default();
                let whole = whole.parse().unwrap_or(0.0);
                vacant.insert(used(metric, &answer["data"]["result"], whole))
            }
        };
        values.push(of_all(query.stat, all).into_iter().collect());
    }
    Ok(values)
}

const CPU: &str = "GET /v2/monitoring/metrics/droplet/cpu";
const MEMORY: &str = "GET /v2/monitoring/metrics/droplet/memory_available";

/// The percentages that were in use of what a droplet has: `whole` are processors, or MiB.
fn used(metric: &str, result: &Value, whole: f64) -> Vec<f64> {
    let series = result.as_array().map(Vec::as_slice).unwrap_or_default();
    if whole <= 0.0 {
        return Vec::new();
    }
    if metric == "cpu" {
        let idle = series.iter().filter(|one| one["metric"]["mode"] == "idle");
        return idle.flat_map(|one| of_idle(&points(one), whole)).collect();
    }
    let free = series.iter().flat_map(points);
    free.map(|(_, bytes)| (1.0 - bytes / (whole * MIB)) * 100.0).collect()
}

/// Times and values of a series: `[1650000000, "12.5"]`.
fn points(series: &Value) -> Vec<(f64, f64)> {
    let points = series["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    points.iter().filter_map(|point| Some((number(&point[0])?, number(&point[1])?))).collect()
}

/// Seconds that processors were idle since they were started become what they did between two times. After a restart the
/// counter begins again: nothing is known of that time.
fn of_idle(points: &[(f64, f64)], processors: f64) -> Vec<f64> {
    let pairs = points.windows(2).filter(|pair| pair[1].0 > pair[0].0 && pair[1].1 >= pair[0].1);
    pairs
        .map(|pair| (1.0 - (pair[1].1 - pair[0].1) / ((pair[1].0 - pair[0].0) * processors)) * 100.0)
        .collect()
}

fn of_all(stat: Stat, values: &[f64]) -> Option<f64> {
    match stat {
        Stat::Min => values.iter().copied().reduce(f64::min),
        Stat::Max => values.iter().copied().reduce(f64::max),
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 values")]
        Stat::Avg | Stat::Sum => {
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_used_when_they_are_not_idle() {
        let result = json!([
            {"metric": {"mode": "idle"}, "values": [[0, "100"], [10, "105"], [20, "125"], [30, "3"], [40, "13.0"]]},
            {"metric": {"mode": "user"}, "values": [[0, "1"], [10, "9"]]},
        ]);
        assert_eq!(used("cpu", &result, 2.0), [75.0, 0.0, 50.0]);
        assert!(used("cpu", &result, 0.0).is_empty());
        assert!(used("cpu", &Value::Null, 2.0).is_empty());
    }

    #[test]
    fn memory_is_used_that_is_not_available() {
        let half = 512.0 * MIB;
        let result = json!([{"metric": {}, "values": [[0, half.to_string()], [10, "0"], [20, null]]}]);
        assert_eq!(used("memory_available", &result, 1024.0), [50.0, 100.0]);
    }

    #[test]
    fn statistics_are_of_all_values() {
        let of = |stat| of_all(stat, &[2.0, 1.0, 6.0]);
        assert_eq!([of(Stat::Min), of(Stat::Avg), of(Stat::Max)], [Some(1.0), Some(3.0), Some(6.0)]);
        assert_eq!(of_all(Stat::Avg, &[]), None);
    }
}
