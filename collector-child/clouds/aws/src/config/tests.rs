use serde_json::{Value, json};

use super::*;

fn config(settings: Value) -> AwsConfig {
    serde_json::from_value(settings).unwrap()
}

#[test]
fn what_is_described_is_what_is_read() {
    let section = section();
    let defaults: Value = serde_json::from_str(&section.defaults_json).unwrap();
    assert_eq!(config(defaults.clone()), AwsConfig::default());
    let kinds: Value = serde_json::from_str(&section.kinds_json).unwrap();
    let described: Vec<&str> = kinds[0]["properties"]
        .as_array()
        .unwrap()
        .iter()
        .map(|property| property["name"].as_str().unwrap())
        .collect();
    let read: Vec<&String> = defaults.as_object().unwrap().keys().collect();
    assert_eq!(described, read);
}

#[test]
fn contradictions_are_named() {
    for (settings, message) in [
        (json!({"assume_current": true}), "aws.assume_current is set without"),
        (json!({"profiles": ["a", "b"], "account": ["1"]}), "aws.account lists accounts and aws.profiles"),
        (json!({"access_key_id": "AKIA"}), "aws.access_key_id is set, but aws.secret_access_key is missing"),
        (
            json!({"access_key_id": " ", "secret_access_key": "s"}),
            "aws.secret_access_key is set, but aws.access_key_id is missing",
        ),
        (
            json!({"cloudwatch_metrics_for_atime_mtime_period": "soon"}),
            "aws.cloudwatch_metrics_for_atime_mtime_period is `soon`",
        ),
        (
            json!({"cloudwatch_metrics_for_atime_mtime_granularity": "0s"}),
            "aws.cloudwatch_metrics_for_atime_mtime_granularity",
        ),
    ] {
        let Err(Failure::Fault(fault)) = config(settings).check() else { panic!("a fault: {message}") };
        assert!(fault.message.starts_with(message), "{}", fault.message);
        assert!(fault.hint.is_some());
    }
    for fine in [
        json!({}),
        json!({"assume_current": true, "do_not_scrape_current": true}),
        json!({"profiles": ["a", "b"], "account": []}),
        json!({"profiles": ["a"], "account": ["1"]}),
    ] {
        config(fine).check().unwrap();
    }
}

#[test]
fn settings_that_do_nothing_say_so() {
    assert!(AwsConfig::default().remarks().is_empty());
    let remarks = config(json!({"fork_process": false, "account": ["1"], "scrape_org": true})).remarks();
    let messages: Vec<&str> = remarks.iter().map(|remark| remark.message.as_str()).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(messages[0].starts_with("aws.fork_process has no effect"));
    assert!(remarks.iter().all(|remark| remark.level == ipc_proto::fault::Level::Info));
}

#[test]
fn no_collect_wins_over_collect() {
    let config = config(json!({"collect": ["aws_ec2_*"], "no_collect": ["*volume*"]}));
    assert!(config.should_collect("aws_ec2_instance"));
    assert!(!config.should_collect("aws_ec2_volume"));
    assert!(!config.should_collect("aws_s3_bucket"));
    assert!(AwsConfig::default().should_collect("aws_s3_bucket"));
}

#[test]
fn budgets_are_at_least_one_and_at_most_the_default() {
    let default = AwsConfig::default();
    assert_eq!((default.tasks_of("ec2"), default.tasks_of("sagemaker")), (20, 6));
    let own = config(json!({
        "resource_pool_tasks_per_service_default": 4,
        "resource_pool_tasks_per_service": {"rds": 0, "ec2": 9, "sns": 2},
    }));
    assert_eq!([own.tasks_of("rds"), own.tasks_of("ec2"), own.tasks_of("sns")], [4, 4, 2]);
}

#[test]
fn account_ids_may_be_numbers() {
    let config = config(json!({"account": [12345, "000000000007"], "scrape_exclude_account": null}));
    assert_eq!(config.account.unwrap(), ["000000012345", "000000000007"]);
    assert!(config.scrape_exclude_account.is_empty());
}

#[test]
fn a_blank_role_for_the_organization_is_none() {
    assert_eq!(config(json!({"scrape_org_role_arn": " "})).organization_role(), None);
    assert_eq!(config(json!({"scrape_org_role_arn": "arn:x"})).organization_role(), Some("arn:x"));
}

#[test]
fn debug_shows_no_keys() {
    let config = config(json!({"access_key_id": "AKIA1", "secret_access_key": "hunter2"}));
    let text = format!("{config:?}");
    assert!(!text.contains("hunter2") && !text.contains("AKIA1"));
}
