//! Listings that are complete: members that are gone, pages of answers, items that are not there any more.

use ipc_proto::fault::Level;
use serde_json::{Value, json};

use crate::testing::{Called, Collected, Reply, Trial};
use engine::hooks::Hooks;

/// Secrets that are described together, up to twenty at once.
const SECRETS: &str = r#"
service = "secretsmanager"

[aws_secretsmanager_secret]
scope = "global"
list = { op = "ListSecrets", items = "SecretList" }
batch = { service = "athena", op = "BatchGetNamedQuery", arg = "NamedQueryIds", from = "Name", size = 20, items = "NamedQueries", failed = "UnprocessedNamedQueryIds", by = "NamedQueryId", into = "Extra" }
unset = ["policy"]

[aws_secretsmanager_secret.map]
id = "Name"
description = "Extra.Description"
"#;

/// Twenty secrets on two pages; a description for each of the members of a batch that `refuse` says nothing about.
async fn secrets(refuse: impl Fn(&[&str]) -> Option<Reply> + Send + Sync + 'static) -> Collected {
    let answers = move |called: &Called| {
        let secret = |n: usize| json!({"Name": format!("g{n}")});
        let page = |from: usize| (from..from + 10).map(secret).collect::<Vec<Value>>();
        Some(match called.operation.as_str() {
            "ListSecrets" if called.params.get("NextToken").is_none() => {
                Reply::json(&json!({"SecretList": page(0), "NextToken": "more"}))
            }
            "ListSecrets" => Reply::json(&json!({"SecretList": page(10)})),
            "BatchGetNamedQuery" => {
                let members = called.params["NamedQueryIds"].as_array().unwrap().iter();
                let members: Vec<&str> = members.map(|member| member.as_str().unwrap()).collect();
                refuse(&members).unwrap_or_else(|| {
                    let found = members.iter().map(|name| json!({"NamedQueryId": name, "Description": name}));
                    Reply::json(&json!({"NamedQueries": found.collect::<Vec<Value>>()}))
                })
            }
            _ => return None,
        })
    };
    Trial { tables: SECRETS, ..Trial::of(answers) }.run().await
}

fn described(done: &Collected) -> usize {
    let secrets = done.sent.of_kind("aws_secretsmanager_secret");
    secrets.iter().filter(|secret| secret["reported"]["description"].is_string()).count()
}

fn batches(done: &Collected) -> usize {
    done.calls.iter().filter(|call| call.operation == "BatchGetNamedQuery").count()
}

#[tokio::test]
async fn a_member_that_is_gone_costs_the_others_nothing() {
    let done =
        secrets(|members| members.contains(&"g3").then(|| Reply::json_error("ResourceNotFoundException")))
            .await;
    assert_eq!((done.sent.of_kind("aws_secretsmanager_secret").len(), described(&done)), (20, 19));
    assert!(done.sent.faults.is_empty(), "{:?}", done.sent.faults);
    assert!(batches(&done) <= 2 + 8, "{} calls", batches(&done));
}

#[tokio::test]
async fn a_member_that_is_refused_is_told_and_costs_the_others_nothing() {
    let guilty = |members: &[&str]| members.iter().any(|name| ["g3", "g14", "g15"].contains(name));
    let done =
        secrets(move |members| guilty(members).then(|| Reply::json_error("ValidationException"))).await;
    assert_eq!(described(&done), 17);
    assert_eq!(done.sent.faults.iter().map(|fault| fault.count).collect::<Vec<_>>(), [3]);
}

#[tokio::test]
async fn what_is_not_about_a_member_is_not_asked_again() {
    for code in ["AccessDeniedException", "ThrottlingException", "InternalFailure"] {
        let done = secrets(|_| Some(Reply::json_error(code))).await;
        assert_eq!((described(&done), batches(&done)), (0, 2), "{code}");
        assert_eq!(done.sent.faults.len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_batch_that_is_always_refused_ends() {
    let done = secrets(|_| Some(Reply::json_error("ValidationException"))).await;
    assert_eq!((described(&done), batches(&done)), (0, 2 * 19));
    assert_eq!(done.sent.faults.len(), 1);
}

#[tokio::test]
async fn pages_of_an_answer_that_is_no_list_are_put_together() {
    let answers = |called: &Called| {
        let shard = |id: &str| json!({"ShardId": id, "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "1"}, "SequenceNumberRange": {"StartingSequenceNumber": "1"}});
        let name = called.params["StreamName"].as_str().unwrap_or_default();
        let stream = |shards: Value, more: bool| {
            json!({"StreamDescription": {
                "StreamName": name, "StreamARN": format!("arn:{name}"), "StreamStatus": "ACTIVE", "Shards": shards, "HasMoreShards": more,
            }})
        };
        let tag = |key: &str| json!([{"Key": key, "Value": "v"}]);
        let begun = |parameter: &str| called.params.get(parameter).is_some();
        Some(Reply::json(&match called.operation.as_str() {
            "ListStreams" => json!({"StreamNames": ["s1", "s2", "s3", "s4"], "HasMoreStreams": false}),
            "DescribeStream" if begun("ExclusiveStartShardId") => stream(json!([shard("2")]), false),
            "DescribeStream" => stream(json!([shard("0"), shard("1")]), true),
            "ListTagsForStream" if begun("ExclusiveStartTagKey") => {
                json!({"Tags": tag("b"), "HasMoreTags": false})
            }
            "ListTagsForStream" => json!({"Tags": tag("a"), "HasMoreTags": true}),
            _ => return None,
        }))
    };
    let tables = include_str!("../../kinds/kinesis.toml");
    let done =
        Trial { tables, config: json!({"collect_usage_metrics": false}), ..Trial::of(answers) }.run().await;
    done.result.unwrap();
    let streams = done.sent.of_kind("aws_kinesis_stream");
    assert_eq!(streams.len(), 8, "in two regions: {:?}", done.sent.faults);
    for stream in streams {
        assert_eq!(stream["reported"]["kinesis_shards"].as_array().map(Vec::len), Some(3), "{stream}");
        assert_eq!(stream["reported"]["tags"], json!({"a": "v", "b": "v"}));
    }
}

/// What a bucket answers that has nothing of what is asked.
fn nothing_of_a_bucket(query: &str) -> &'static str {
    match query.split(['&', '=']).next().unwrap_or_default() {
        "acl" => "<AccessControlPolicy/>",
        "encryption" => "<ServerSideEncryptionConfiguration/>",
        "lifecycle" => "<LifecycleConfiguration/>",
        "location" => "<LocationConstraint/>",
        "logging" => "<BucketLoggingStatus/>",
        "policy" => "{}",
        "publicAccessBlock" => "<PublicAccessBlockConfiguration/>",
        "tagging" => "<Tagging/>",
        "versioning" => "<VersioningConfiguration/>",
        other => panic!("what does a bucket say to {other:?}?"),
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_whatever_is_asked_is_left_out() {
    let answers = |called: &Called| {
        let said = |code: &str| {
            Reply::xml_status(404, &format!("<Error><Code>{code}</Code><Message>no</Message></Error>"))
        };
        Some(match called.operation.as_str() {
            "GET /" => Reply::xml(
                "<ListAllMyBucketsResult><Buckets><Bucket><Name>gone</Name></Bucket><Bucket><Name>denied</Name></Bucket>\
                 <Bucket><Name>here</Name></Bucket><Bucket><Name>too</Name></Bucket><Bucket><Name>there</Name></Bucket></Buckets></ListAllMyBucketsResult>",
            ),
            "GET /gone" => said("NoSuchBucket"),
            "GET /denied" => said("AccessDenied"),
            "GET /here" | "GET /there" | "GET /too" => Reply::xml(nothing_of_a_bucket(&called.query)),
            _ => return None,
        })
    };
    let tables = include_str!("../../kinds/s3.toml");
    let config = json!({"collect_usage_metrics": false});
    let done = Trial { tables, config, hooks: Hooks::new(Vec::new()), ..Trial::of(answers) }.run().await;
    let buckets = done.sent.of_kind("aws_s3_bucket");
    let mut names: Vec<&str> =
        buckets.iter().map(|bucket| bucket["reported"]["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["denied", "here", "there", "too"]);
    let told: Vec<Level> = done.sent.faults.iter().map(|fault| fault.level).collect();
    assert_eq!(told, [Level::Info], "the denial: {:?}", done.sent.faults);
}
