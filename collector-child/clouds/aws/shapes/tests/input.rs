//! Parameters that do not fit, and requests from those that do.

use aws_shapes::service;
use serde_json::{Map, Value, json};
use shapes::{InputFault, Request, build};

const TOKEN: &str = "00000000-0000-4000-8000-000000000000";

fn call(at: &str, params: &Value) -> Result<Request, InputFault> {
    let (name, operation) = at.split_once(':').expect("service:operation");
    let service = service(name).expect("a service");
    let operation = service.operation(operation).expect("an operation");
    build(service, operation, params.as_object().expect("an object"), TOKEN)
}

fn sent(at: &str, params: &Value) -> Request {
    call(at, params).unwrap_or_else(|fault| panic!("{fault}"))
}

#[test]
fn faults_name_the_place() {
    for (at, params, path, problem) in [
        ("ec2:DescribeInstances", json!({"Filter": []}), "Filter", "there is no such parameter"),
        (
            "ec2:DescribeInstances",
            json!({"Filters": [{"Name": "a"}, {"Values": "b"}]}),
            "Filters[1].Values",
            "a list is needed, not text",
        ),
        ("ec2:DescribeInstances", json!({"MaxResults": "5"}), "MaxResults", "an integer is needed, not text"),
        (
            "ec2:DescribeInstances",
            json!({"MaxResults": 1.5}),
            "MaxResults",
            "an integer is needed, not a number",
        ),
        ("s3:GetBucketPolicy", json!({}), "Bucket", "it is required and missing"),
        ("s3:GetBucketPolicy", json!({"Bucket": null}), "Bucket", "it is required and missing"),
        (
            "s3:DeleteObject",
            json!({"Bucket": "b", "Key": ""}),
            "Key",
            "it is part of the path and must not be empty",
        ),
        (
            "logs:PutIntegration",
            json!({"integrationName": "n", "integrationType": "OPENSEARCH", "resourceConfig": {}}),
            "resourceConfig",
            "exactly one of its members is needed",
        ),
        (
            "cloudtrail:LookupEvents",
            json!({"StartTime": "soon"}),
            "StartTime",
            "a point in time is needed: text in ISO 8601, or seconds since 1970",
        ),
        ("sns:ListTopics", json!({"NextToken": ["a"]}), "NextToken", "a string is needed, not a list"),
        ("ec2:DescribeInstances", json!({"DryRun": "true"}), "DryRun", "a boolean is needed, not text"),
        (
            "s3control:ListJobs",
            json!({"AccountId": "1/evil.example"}),
            "AccountId",
            "it is part of the host name: only letters, digits, dots and hyphens are allowed",
        ),
    ] {
        let fault = call(at, &params).expect_err(at);
        assert_eq!((fault.path.as_str(), fault.problem.as_str()), (path, problem), "{at} {params}");
        assert!(fault.to_string().starts_with(at), "{fault}");
    }
}

#[test]
fn parameters_that_contain_themselves_without_end_are_refused() {
    let mut value = json!({"S": "x"});
    for _ in 0..200 {
        value = json!({"M": {"a": value}});
    }
    let fault =
        call("dynamodb:PutItem", &json!({"TableName": "t", "Item": {"a": value}})).expect_err("too deep");
    assert_eq!(fault.problem, "it is nested too deeply");
}

#[test]
fn nulls_are_parameters_left_out() {
    let request = sent("ec2:DescribeInstances", &json!({"Filters": null, "MaxResults": null}));
    assert_eq!(request.body, b"Action=DescribeInstances&Version=2016-11-15");
    let request = sent("lambda:ListFunctions", &json!({"Marker": null}));
    assert_eq!(request.query, []);
}

#[test]
fn tokens_for_idempotency_are_given_where_they_are_wanted() {
    let given = |params: &Value| {
        let request = sent("athena:CreateNamedQuery", params);
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        body["ClientRequestToken"].clone()
    };
    let mut params = json!({"Name": "n", "Database": "d", "QueryString": "q"});
    assert_eq!(given(&params), TOKEN);
    params["ClientRequestToken"] = "mine".into();
    assert_eq!(given(&params), "mine");
}

#[test]
fn the_first_segment_of_a_path_of_s3_is_the_bucket() {
    let request = sent("s3:GetObject", &json!({"Bucket": "b", "Key": "a/b c"}));
    assert_eq!(request.target(), "/b/a/b%20c");
    let request = sent("s3:GetBucketVersioning", &json!({"Bucket": "b"}));
    assert_eq!(request.target(), "/b?versioning=");
    assert_eq!(sent("s3:ListBuckets", &json!({})).target(), "/");
}

#[test]
fn names_of_boto3_that_are_not_the_services_are_understood() {
    let request = sent("ec2:DescribeInstances", &json!({"Filters": [{"Name": "a", "Values": ["b"]}]}));
    assert!(String::from_utf8_lossy(&request.body).contains("Filter.1.Name=a&Filter.1.Value.1=b"));
    let alias = json!({"Filters": [{"Name": "a", "Values": ["b"]}]});
    let aliased = service("ec2").expect("ec2");
    let by_alias = aliased.operations().filter_map(|name| aliased.operation(name)).find(|operation| {
        let input = operation.input.and_then(|id| aliased.shape(id).as_structure());
        input.is_some_and(|input| {
            input.member("Filter").is_some() && input.members.iter().all(|member| !member.required)
        })
    });
    let operation = by_alias.expect("an operation whose parameter boto3 shows as Filters");
    let params = alias.as_object().expect("an object");
    let request = build(aliased, operation, params, TOKEN).expect("a request");
    assert!(String::from_utf8_lossy(&request.body).contains("Filter.1.Name=a"), "{}", operation.name);
}

#[test]
fn requests_keep_their_parameters_to_themselves() {
    let request =
        sent("secretsmanager:PutSecretValue", &json!({"SecretId": "my-secret", "SecretString": "hunter2"}));
    let shown = format!("{request:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("my-secret"), "{shown}");
}

#[test]
fn the_same_parameters_make_the_same_request() {
    let params: Map<String, Value> =
        serde_json::from_value(json!({"TagKeys": ["b", "a"], "ResourceArn": "arn:x"})).expect("an object");
    let sns = service("sns").expect("sns");
    let operation = sns.operation("UntagResource").expect("an operation");
    let first = build(sns, operation, &params, TOKEN).expect("a request");
    assert_eq!(first, build(sns, operation, &params, TOKEN).expect("a request"));
    let body =
        "Action=UntagResource&Version=2010-03-31&TagKeys.member.1=b&TagKeys.member.2=a&ResourceArn=arn%3Ax";
    assert_eq!(String::from_utf8_lossy(&first.body), body);
}
