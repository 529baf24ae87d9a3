//! When something was last used, as far as CloudWatch knows: the last time at which a metric was not zero.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::prelude::*;

/// Metrics that one call of CloudWatch may ask for are 500; one less, as with all of them answers get cut.
const QUERIES: usize = 499;
/// Regions that are asked at once.
pub(super) const REGIONS_AT_ONCE: usize = 16;
/// Calls at once; the budget of the client bounds them too.
const AT_ONCE: usize = 4;

/// A metric of one resource.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Metric {
    /// Name and value of what it is measured for.
    pub(super) dimension: (&'static str, String),
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
}

/// For each metric the last time at which it was not zero, within the time that the settings look back.
pub(super) async fn latest(context: Context<'_>, metrics: &[Metric]) -> Result<Vec<Option<String>>, Failure> {
    let config = context.config();
    let now = today();
    let (start, end) = (text(start(now, config.atime_period())), text(now));
    let period = config.atime_granularity().as_secs().max(60) / 60 * 60;
    // Resources come as their answers come: calls are to be the same in each run.
    let mut order: Vec<usize> = (0..metrics.len()).collect();
    order.sort_by_key(|at| metrics.get(*at));
    let ordered: Vec<&Metric> = order.iter().filter_map(|at| metrics.get(*at)).collect();
    let calls = ordered.chunks(QUERIES).map(|some| queries(some, period)).collect();
    let answers = gather(AT_ONCE, calls, |queries| {
        let ask = context.ask("cloudwatch", "GetMetricData").with("ScanBy", "TimestampDescending");
        let ask = ask.with("StartTime", start.as_str()).with("EndTime", end.as_str());
        Box::pin(async move {
            let ask = ask.failing(crate::metrics::WITHOUT_VALUES)?;
            ask.of_members("MetricDataQueries", queries, "MetricDataResults").await
        })
    });
    let answers = answers.await?;
    let sizes = ordered.chunks(QUERIES).map(<[&Metric]>::len);
    let found = answers.iter().zip(sizes).flat_map(|(results, size)| of_chunk(results, size));
    let mut by_place: Vec<(usize, Option<String>)> = order.into_iter().zip(found).collect();
    by_place.sort_by_key(|(at, _)| *at);
    Ok(by_place.into_iter().map(|(_, time)| time).collect())
}

/// What is said about resources of which CloudWatch knows nothing: they are not used since they were made, or for
/// as long as it was looked back.
pub(super) fn unknown(context: Context<'_>, made: Option<&str>) -> String {
    let start = text(start(today(), context.config().atime_period()));
    // Both are in UTC and of the same form, so the later one is the greater text.
    made.map_or(start.clone(), |made| start.max(made.to_owned()))
}

/// The present time.
fn today() -> Timestamp {
    Timestamp::try_from(http_client::tape::now()).unwrap_or_default()
}

/// The present time, for what is in use now.
pub(super) fn now() -> String {
    text(today())
}

fn queries(metrics: &[&Metric], period: u64) -> Vec<Value> {
    let query = |(number, metric): (usize, &Metric)| {
        let (dimension, value) = &metric.dimension;
        json!({
            "Id": format!("q{number}"),
            "MetricStat": {
                "Metric": {
                    "Namespace": metric.namespace,
                    "MetricName": metric.name,
                    "Dimensions": [{"Name": dimension, "Value": value}],
                },
                "Period": period,
                "Stat": "Sum",
                "Unit": "Count",
            },
            "ReturnData": true,
        })
    };
    metrics.iter().copied().enumerate().map(query).collect()
}

/// The last times of the metrics of one call; results of one metric may be on several pages.
fn of_chunk(results: &[Value], size: usize) -> Vec<Option<String>> {
    let mut latest: HashMap<&str, &str> = HashMap::new();
    for result in results {
        let (Some(id), Some(times), Some(values)) =
            (result["Id"].as_str(), result["Timestamps"].as_array(), result["Values"].as_array())
        else {
            continue;
        };
        let used =
            times.iter().zip(values).filter(|(_, value)| value.as_f64().is_some_and(|value| value != 0.0));
        for time in used.filter_map(|(time, _)| time.as_str()) {
            let known = latest.entry(id).or_insert(time);
            *known = time.max(known);
        }
    }
    (0..size).map(|number| latest.get(format!("q{number}").as_str()).map(|time| (*time).to_owned())).collect()
}

fn start(now: Timestamp, period: Duration) -> Timestamp {
    now.checked_sub(period).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_time_of_use_is_found_over_all_pages() {
        let results = [
            json!({"Id": "q0", "Timestamps": ["2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z"], "Values": [0.0, 3.0]}),
            json!({"Id": "q2", "Timestamps": ["2026-03-02T00:00:00Z"], "Values": [0.0]}),
            json!({"Id": "q0", "Timestamps": ["2026-02-01T00:00:00Z"], "Values": [1.0]}),
        ];
        assert_eq!(of_chunk(&results, 3), [Some("2026-03-01T00:00:00Z".to_owned()), None, None]);
    }

    #[test]
    fn queries_are_told_apart_by_their_number() {
        let metric = |id: &str| Metric {
            namespace: "AWS/EBS",
            name: "VolumeReadOps",
            dimension: ("VolumeId", id.to_owned()),
        };
        let queries = queries(&[&metric("vol-1"), &metric("vol-2")], 3600);
        assert_eq!(queries[1]["Id"], "q1");
        assert_eq!(
            queries[1]["MetricStat"]["Metric"]["Dimensions"],
            json!([{"Name": "VolumeId", "Value": "vol-2"}])
        );
        assert_eq!(queries[0]["MetricStat"]["Period"], 3600);
    }
}
