use serde_json::{Value, json};

use crate::testing::{Called, Reply, Trial};

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
