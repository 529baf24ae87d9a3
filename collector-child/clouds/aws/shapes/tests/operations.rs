//! Pages of listings, as the tables have them.

use aws_shapes::{CATALOG, service, services};
use serde_json::{Value, json};

#[test]
fn the_tables_are_in_their_format() {
    CATALOG.check().expect("sound tables");
}

fn wanted(name: &str, operation: &str, params: &Value) -> Option<(&'static str, usize)> {
    let operation = service(name).expect("a service").operation(operation).expect("an operation");
    let params = params.as_object().cloned().unwrap_or_default();
    operation.pagination.as_ref().expect("it has pages").wanted_size(&params)
}

#[test]
fn services_that_page_on_demand_are_asked_to() {
    for (name, operation, expected) in [
        ("ec2", "DescribeSnapshots", ("MaxResults", 500)),
        ("ec2", "DescribeVolumes", ("MaxResults", 1000)),
        ("ec2", "DescribeHosts", ("MaxResults", 500)),
        ("ec2", "DescribeLaunchTemplateVersions", ("MaxResults", 200)),
        ("ec2", "DescribeRouteTables", ("MaxResults", 100)),
        ("ec2", "DescribeInstanceTypes", ("MaxResults", 100)),
        ("sqs", "ListQueues", ("MaxResults", 1000)),
        ("s3", "ListBuckets", ("MaxBuckets", 1000)),
        ("elasticbeanstalk", "DescribeEnvironments", ("MaxRecords", 500)),
    ] {
        assert_eq!(wanted(name, operation, &json!({})), Some(expected), "{name}:{operation}");
    }
    assert_eq!(wanted("iam", "ListRoles", &json!({})), None, "it has pages anyway");
}

#[test]
fn no_size_is_asked_for_where_it_is_refused_or_said() {
    let of = |params: Value| wanted("ec2", "DescribeInstances", &params).is_some();
    assert!(of(json!({"Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}]})));
    assert!(!of(json!({"InstanceIds": ["i-1"]})));
    assert!(!of(json!({"MaxResults": 5})));
    assert!(!of(json!({"NextToken": "a"})));
    assert!(wanted("ec2", "DescribeSnapshots", &json!({"OwnerIds": ["self"]})).is_some());
    assert!(wanted("ec2", "DescribeImages", &json!({"Owners": ["self"]})).is_some());
}

#[test]
fn sizes_are_within_what_the_service_allows() {
    for name in services() {
        let service = service(name).expect("it is listed");
        for operation in service.operations().filter_map(|name| service.operation(name)) {
            let Some(pages) = &operation.pagination else { continue };
            let input = operation.input.and_then(|input| service.shape(input).as_structure());
            let known = |name: &str| input.is_some_and(|input| input.member(name).is_some());
            let mut given = pages.input_tokens.iter().chain(&pages.limit_key).chain(&pages.no_size_with);
            assert!(given.all(|name| known(name)), "{name}:{}", operation.name);
            assert!(pages.size.is_none_or(|size| (5..=1000).contains(&size)), "{name}:{}", operation.name);
        }
    }
}

#[test]
fn failures_in_good_answers_are_known() {
    let of = |name, operation| {
        let service = service(name).expect("a service");
        service.operation(operation).expect("an operation").failures(service)
    };
    for (name, operation, member) in [
        ("ecs", "DescribeTasks", "failures"),
        ("guardduty", "GetMemberDetectors", "UnprocessedAccounts"),
        ("ecr", "BatchGetImage", "failures"),
        ("dynamodb", "BatchGetItem", "UnprocessedKeys"),
        ("athena", "BatchGetNamedQuery", "UnprocessedNamedQueryIds"),
        ("secretsmanager", "BatchGetSecretValue", "Errors"),
    ] {
        assert_eq!(of(name, operation), Some(member), "{name}:{operation}");
    }
    assert_eq!(of("sagemaker", "DescribeApp"), None);
    assert_eq!(of("ec2", "DescribeVolumes"), None);
}

#[test]
fn a_token_that_nobody_follows_is_known() {
    let of = |name, operation| {
        let service = service(name).expect("a service");
        service.operation(operation).expect("an operation").unfollowed_token(service)
    };
    assert_eq!(of("guardduty", "GetFindingsStatistics").as_deref(), Some("NextToken"));
    assert_eq!(of("s3", "GetObjectAttributes").as_deref(), Some("ObjectParts.IsTruncated"));
    for (name, operation) in [
        ("athena", "ListWorkGroups"),
        ("cloudfront", "ListCachePolicies"),
        ("kinesis", "ListTagsForStream"),
        ("ecr", "GetLifecyclePolicy"),
        ("wafv2", "UpdateWebACL"),
        ("s3", "GetBucketAcl"),
    ] {
        assert_eq!(of(name, operation), None, "{name}:{operation}");
    }
}
