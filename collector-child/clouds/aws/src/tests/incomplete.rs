//! Answers that tell less than there is: more without a token, failures in good answers, denials of one member, items that
//! were deleted since they were listed.

use engine::hooks::Hooks;
use ipc_proto::fault::Level;
use serde_json::{Value, json};

use crate::testing::{Called, Collected, Reply, Trial};

async fn collected(
    tables: &'static str,
    answers: impl Fn(&Called) -> Option<Reply> + Send + Sync + 'static,
) -> Collected {
    let config = json!({"collect_usage_metrics": false});
    // What belongs to no region is asked for in the other one.
    let elsewhere = |called: &Called| called.region != "eu-west-1" && called.service != "route53";
    let answers = move |called: &Called| if elsewhere(called) { None } else { answers(called) };
    let done = Trial { tables, config, hooks: Hooks::new(Vec::new()), ..Trial::of(answers) }.run().await;
    assert!(done.result.is_ok(), "{:?}", done.result);
    done
}

fn names(done: &Collected, kind: &str) -> Vec<String> {
    let nodes = done.sent.of_kind(kind);
    let name = |node: &&Value| node["reported"]["name"].as_str().unwrap_or_default().to_owned();
    let mut names: Vec<String> = nodes.iter().map(name).collect();
    names.sort_unstable();
    names
}

fn told(done: &Collected) -> Vec<&str> {
    done.sent.faults.iter().map(|fault| fault.message.as_str()).collect()
}

fn times(done: &Collected, operation: &str) -> usize {
    done.calls.iter().filter(|call| call.operation == operation).count()
}

const ECS: &str = include_str!("../../kinds/ecs.toml");

/// Clusters k0, k1, ... with one service for each of these names; `refuse` says what becomes of a batch of services.
async fn services(
    services: usize,
    refuse: impl Fn(&[String]) -> Option<Reply> + Send + Sync + 'static,
) -> Collected {
    let arn = |what: String| format!("arn:aws:ecs:eu-west-1:1:{what}");
    let of = |params: &Value| -> Vec<String> {
        params.as_array().unwrap().iter().map(|arn| arn.as_str().unwrap().to_owned()).collect()
    };
    let answers = move |called: &Called| {
        Some(match called.operation.as_str() {
            "ListClusters" => Reply::json(&json!({"clusterArns": [arn("cluster/k".into())]})),
            "DescribeClusters" => Reply::json(&json!({"clusters": [
                {"clusterArn": arn("cluster/k".into()), "clusterName": "k"}
            ]})),
            "ListServices" => {
                let arns: Vec<String> = (0..services).map(|n| arn(format!("service/k/s{n}"))).collect();
                Reply::json(&json!({"serviceArns": arns}))
            }
            "DescribeServices" => {
                let arns = of(&called.params["services"]);
                refuse(&arns).unwrap_or_else(|| {
                    let found = arns
                        .iter()
                        .map(|arn| json!({"serviceArn": arn, "serviceName": arn.rsplit('/').next()}));
                    Reply::json(&json!({"services": found.collect::<Vec<_>>(), "failures": []}))
                })
            }
            _ => return None,
        })
    };
    collected(ECS, answers).await
}

fn denial(arn: &str) -> Reply {
    let message = format!(
        "User: x is not authorized to perform: ecs:DescribeServices on resource: {arn} with an explicit deny"
    );
    Reply::json_status(400, &json!({"__type": "AccessDeniedException", "message": message}))
}

#[tokio::test]
async fn a_member_that_is_denied_costs_the_others_nothing() {
    let done = services(8, |arns| arns.iter().find(|arn| arn.ends_with("/s2")).map(|arn| denial(arn))).await;
    assert_eq!(names(&done, "aws_ecs_service").len(), 7, "{:?}", told(&done));
    assert_eq!(times(&done, "DescribeServices"), 2);
    assert_eq!(done.sent.denied.len(), 1);
}

#[tokio::test]
async fn a_member_of_another_form_costs_the_others_nothing() {
    let answers = |called: &Called| {
        Some(Reply::json(&match called.operation.as_str() {
            "ListClusters" => json!({"clusterArns": ["arn:a", 7, null, "arn:b"]}),
            "DescribeClusters" => {
                let arns = called.params["clusters"].as_array().unwrap().iter();
                let found = arns.map(|arn| json!({"clusterArn": arn, "clusterName": arn}));
                json!({"clusters": found.collect::<Vec<_>>()})
            }
            _ => return None,
        }))
    };
    let done = collected(ECS, answers).await;
    assert_eq!(names(&done, "aws_ecs_cluster"), ["arn:a", "arn:b"], "{:?}", told(&done));
    assert_eq!(done.sent.faults.iter().filter(|fault| fault.level == Level::Error).count(), 1);
}

#[tokio::test]
async fn where_every_member_is_denied_not_each_is_asked_for() {
    let done = services(10, |arns| Some(denial(&arns[0]))).await;
    assert!(names(&done, "aws_ecs_service").is_empty());
    assert_eq!(times(&done, "DescribeServices"), 4);
    assert_eq!(told(&done).len(), 1, "{:?}", told(&done));
}

#[tokio::test]
async fn failures_in_a_good_answer_are_told_unless_it_was_deleted() {
    let partly = |arns: &[String]| {
        let missing = json!({"arn": arns[1], "reason": "MISSING"});
        let denied = json!({"arn": arns[2], "reason": "ACCESS_DENIED"});
        let service = json!({"serviceArn": arns[0], "serviceName": "s0"});
        Some(Reply::json(&json!({"services": [service], "failures": [missing, denied]})))
    };
    let done = services(3, partly).await;
    assert_eq!(names(&done, "aws_ecs_service"), ["s0"]);
    let [fault] = done.sent.faults.as_slice() else { panic!("{:?}", told(&done)) };
    assert_eq!((fault.level, fault.count), (Level::Info, 1));
    assert!(fault.message.contains("service/k/s2") && !fault.message.contains("service/k/s1"), "{fault:?}");
    assert_eq!((done.sent.denied[0].operation.as_str(), done.sent.denied[0].calls), ("DescribeServices", 1));
    let broken = |arns: &[String]| {
        Some(Reply::json(&json!({"services": [], "failures": [{"arn": arns[0], "reason": "INTERNAL"}]})))
    };
    let done = services(1, broken).await;
    assert!(told(&done)[0].contains("[INTERNAL]"), "{:?}", told(&done));
    assert_eq!(done.sent.faults[0].level, Level::Error);
}

#[tokio::test]
async fn what_was_listed_and_a_good_answer_does_not_tell_about_is_told() {
    let first_only = |arns: &[String]| {
        let service = json!({"serviceArn": arns[0], "serviceName": "s0"});
        Some(Reply::json(&json!({"services": [service], "failures": []})))
    };
    let done = services(3, first_only).await;
    assert_eq!(names(&done, "aws_ecs_service"), ["s0"]);
    let expected =
        "an aws_ecs_service was left out: it is listed, but ecs:DescribeServices does not tell about it";
    assert_eq!(told(&done), [expected; 2]);
    assert!(done.sent.faults.iter().all(|fault| fault.level == Level::Error));
    // One by one, without the name that is needed, too.
    let answers = |called: &Called| {
        Some(Reply::json(&match called.operation.as_str() {
            "ListKeys" => json!({"Keys": [{"KeyId": "k"}, {"KeyArn": "arn:x"}]}),
            "DescribeKey" => json!({"KeyMetadata": null}),
            _ => return None,
        }))
    };
    let done = collected(include_str!("../../kinds/kms.toml"), answers).await;
    let mut told = told(&done);
    told.sort_unstable();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("kms:DescribeKey cannot be asked about it"), "{told:?}");
    assert!(told[1].contains("kms:DescribeKey does not tell about it"), "{told:?}");
}

#[tokio::test]
async fn a_listing_that_says_more_and_not_how_is_told() {
    let zone = "<HostedZone><Id>/hostedzone/Z1</Id><Name>a.</Name></HostedZone>";
    let answers = move |called: &Called| {
        let list = "<ListHostedZonesResponse><HostedZones>";
        let end = "</HostedZones><IsTruncated>true</IsTruncated></ListHostedZonesResponse>";
        (called.operation.ends_with("/hostedzone")).then(|| Reply::xml(&format!("{list}{zone}{end}")))
    };
    let tables = "service = \"route53\"\n[aws_route53_zone]\nscope = \"global\"\n\
                  list = { op = \"ListHostedZones\", items = \"HostedZones\" }\n\
                  unset = [\"tags\", \"zone_logging_config\", \"private_zone\"]\n";
    let done = collected(tables, answers).await;
    assert_eq!(names(&done, "aws_route53_zone"), ["a."], "what was listed is kept");
    let [fault] = done.sent.faults.as_slice() else { panic!("{:?}", told(&done)) };
    assert!(fault.message.starts_with("[NoToken] the listing breaks off: after page 1"), "{fault:?}");
    assert_eq!(fault.level, Level::Error);
}

#[tokio::test]
async fn streams_go_on_behind_the_last_name() {
    let answers = |called: &Called| {
        let name = called.params["StreamName"].as_str().unwrap_or_default();
        Some(Reply::json(&match called.operation.as_str() {
            "ListStreams" => match called.params["ExclusiveStartStreamName"].as_str() {
                None => json!({"StreamNames": ["a", "b"], "HasMoreStreams": true}),
                Some("b") => json!({"StreamNames": ["c"], "HasMoreStreams": false}),
                Some(other) => panic!("{other}"),
            },
            "DescribeStream" => json!({"StreamDescription": {
                "StreamName": name, "StreamARN": format!("arn:{name}"), "StreamStatus": "ACTIVE", "Shards": [], "HasMoreShards": false,
            }}),
            _ => return None,
        }))
    };
    let done = collected(include_str!("../../kinds/kinesis.toml"), answers).await;
    assert_eq!(names(&done, "aws_kinesis_stream"), ["a", "b", "c"], "{:?}", told(&done));
    assert!(told(&done).is_empty(), "{:?}", told(&done));
}

/// Tables whose items are asked for one by one: what lists them, and what is said of one that is gone.
const ONE_BY_ONE: [(&str, &str, &str, &str); 7] = [
    (include_str!("../../kinds/kms.toml"), "ListKeys", r#"{"Keys": [{"KeyId": "k"}]}"#, "NotFoundException"),
    (
        include_str!("../../kinds/kinesis.toml"),
        "ListStreams",
        r#"{"StreamNames": ["s"], "HasMoreStreams": false}"#,
        "ResourceNotFoundException",
    ),
    (
        include_str!("../../kinds/dynamodb.toml"),
        "ListTables",
        r#"{"TableNames": ["t"]}"#,
        "ResourceNotFoundException",
    ),
    (
        include_str!("../../kinds/sqs.toml"),
        "ListQueues",
        r#"{"QueueUrls": ["https://sqs/1/q"]}"#,
        "QueueDoesNotExist",
    ),
    (
        include_str!("../../kinds/sqs.toml"),
        "ListQueues",
        r#"{"QueueUrls": ["https://sqs/1/q"]}"#,
        "AWS.SimpleQueueService.NonExistentQueue",
    ),
    (
        include_str!("../../kinds/athena.toml"),
        "ListWorkGroups",
        r#"{"WorkGroups": [{"Name": "w"}]}"#,
        "InvalidRequestException",
    ),
    (
        include_str!("../../kinds/cognito.toml"),
        "ListUserPools",
        r#"{"UserPools": [{"Id": "p", "Name": "p"}]}"#,
        "ResourceNotFoundException",
    ),
];

#[tokio::test]
async fn what_was_deleted_since_it_was_listed_is_neither_made_nor_told() {
    for (tables, listing, listed, code) in ONE_BY_ONE {
        let answers = move |called: &Called| {
            if called.operation == listing {
                return Some(Reply::json(&serde_json::from_str(listed).unwrap()));
            }
            let lists = ["ListDataCatalogs", "ListGlobalTables"].contains(&called.operation.as_str());
            if lists || called.service == "organizations" || called.service == "iam" {
                return lists.then(|| Reply::json(&json!({})));
            }
            let said = json!({"__type": code, "message": "WorkGroup w is not found."});
            (called.service != "sts" && called.service != "ec2").then(|| Reply::json_status(400, &said))
        };
        let done = collected(tables, answers).await;
        let errors = done.sent.faults.iter().filter(|fault| fault.level == Level::Error);
        assert_eq!(errors.count(), 0, "{listing} {code}: {:?}", told(&done));
        let made = done.sent.nodes.iter().filter(|node| {
            let kind = node["reported"]["kind"].as_str().unwrap_or_default();
            !["aws_account", "aws_region", "cloud", "graph_root"].contains(&kind)
        });
        assert_eq!(made.count(), 0, "{listing} {code}");
        let of_services = done
            .calls
            .iter()
            .filter(|call| !["sts", "ec2", "iam", "organizations"].contains(&&*call.service));
        assert!(of_services.filter(|call| call.operation != listing).count() > 0, "{listing} {code}");
    }
}
