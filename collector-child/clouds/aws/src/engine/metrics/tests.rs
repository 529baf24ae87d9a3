use serde_json::json;

use super::*;
use crate::testing::{Called, Reply, Trial};

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
    let sizes: Vec<(u64, usize)> = calls(&measures, Duration::from_hours(1))
        .into_iter()
        .map(|(_, length, queries)| (length.as_secs(), queries.len()))
        .collect();
    assert_eq!(sizes, [(3600, 499), (3600, 101), (7200, 1)]);
}

const TABLE: &str = r#"
service = "secretsmanager"
[aws_secretsmanager_secret]
list = { op = "ListSecrets", items = "SecretList" }
unset = ["policy"]
metrics = [{ namespace = "N", unit = "Count", stats = ["sum"], period = 300, dimensions = { Name = "{name}" }, metrics = { a_count = "A", b_count = "B" } }]
[aws_secretsmanager_secret.map]
id = "Name"
"#;

/// Five secrets in one region; A has values on two pages, B has none.
fn answers(called: &Called) -> Option<Reply> {
    match (called.service.as_str(), called.region.as_str()) {
        ("secretsmanager", "eu-west-1") => {
            let secrets: Vec<Value> = (0..5).map(|number| json!({"Name": format!("s{number}")})).collect();
            Some(Reply::json(&json!({"SecretList": secrets})))
        }
        ("monitoring", _) => {
            let first = !called.body.contains("NextToken");
            let values = if first { "<member>3</member>" } else { "<member>1</member>" };
            let token = if first { "<NextToken>more</NextToken>" } else { "" };
            let results: Vec<String> = (0..10)
                .step_by(2)
                .map(|number| format!("<member><Id>m{number}</Id><Values>{values}</Values></member>"))
                .collect();
            let results = results.concat();
            Some(Reply::xml(&format!(
                "<GetMetricDataResponse><GetMetricDataResult><MetricDataResults>{results}</MetricDataResults>{token}</GetMetricDataResult></GetMetricDataResponse>"
            )))
        }
        _ => None,
    }
}

#[tokio::test]
async fn usage_comes_with_one_call_for_all() {
    let done = Trial { tables: TABLE, ..Trial::of(answers) }.run().await;
    done.result.unwrap();
    let secrets = done.sent.of_kind("aws_secretsmanager_secret");
    assert_eq!(secrets.len(), 5);
    for secret in secrets {
        assert_eq!(secret["usage"], json!({"a_count": {"min": 1.0, "avg": 2.0, "max": 3.0}}));
    }
    assert_eq!(done.calls.iter().filter(|call| call.service == "monitoring").count(), 2);
}

#[tokio::test]
async fn usage_can_be_switched_off() {
    let config = json!({"collect_usage_metrics": false});
    let done = Trial { tables: TABLE, config, ..Trial::of(answers) }.run().await;
    assert!(done.calls.iter().all(|call| call.service != "monitoring"));
    assert_eq!(done.sent.of_kind("aws_secretsmanager_secret").len(), 5);
}
