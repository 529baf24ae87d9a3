//! Usage of resources, as CloudWatch measured it.

use std::collections::HashMap;
use std::time::Duration;

use collector::Failure;
use engine::Context;
use engine::metrics::{Query, period};
use jiff::Timestamp;
use serde_json::{Value, json};
use tables::plan::Stat;

/// Metrics of one call. CloudWatch allows 500.
pub(crate) const METRICS_OF_CALL: usize = 499;

/// Results of a good answer that are none.
pub(crate) const WITHOUT_VALUES: &str = "MetricDataResults[StatusCode in InternalError, Forbidden]";

/// The values of each query, the latest first.
pub(crate) async fn ask(
    context: Context<'_>,
    now: Timestamp,
    length: Duration,
    queries: &[Query<'_>],
) -> Result<Vec<Vec<f64>>, Failure> {
    let start = now.checked_sub(length).unwrap_or(Timestamp::UNIX_EPOCH);
    let wire: Vec<Value> =
        queries.iter().enumerate().map(|(number, query)| wire(*query, number, length)).collect();
    let ask = context.ask("cloudwatch", "GetMetricData").with("ScanBy", "TimestampDescending");
    let ask = ask.with("StartTime", text(start)).with("EndTime", text(now)).failing(WITHOUT_VALUES)?;
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

fn wire(query: Query<'_>, number: usize, length: Duration) -> Value {
    let rule = query.rule();
    let dimensions: Vec<Value> =
        query.dimensions().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    let stat = match query.stat {
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
