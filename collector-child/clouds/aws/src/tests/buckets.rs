//! Where buckets are, and that faults name them.

use engine::hooks::Hooks;
use serde_json::{Value, json};

use crate::hooks::of_kinds;
use crate::testing::{Called, Collected, Reply, Trial};

const TABLES: &str = include_str!("../../kinds/s3.toml");

/// Three buckets: where `dark` and `told` are may not be asked, and the listing tells it of `told`.
fn buckets(called: &Called) -> Option<Reply> {
    if called.service != "s3" {
        return None;
    }
    let error = |code: &str| Some(Reply::xml_status(403, &format!("<Error><Code>{code}</Code></Error>")));
    match (called.operation.as_str(), called.query.as_str()) {
        ("GET /", _) => Some(Reply::xml(
            "<ListAllMyBucketsResult><Buckets><Bucket><Name>dark</Name></Bucket><Bucket><Name>plain</Name></Bucket>\
             <Bucket><Name>told</Name><BucketRegion>eu-north-1</BucketRegion></Bucket></Buckets></ListAllMyBucketsResult>",
        )),
        ("GET /plain", query) if query.starts_with("location") => Some(Reply::xml("<LocationConstraint/>")),
        (_, query) if query.starts_with("location") => error("AccessDenied"),
        _ => error("MethodNotAllowed"),
    }
}

async fn collected() -> Collected {
    let hooks: Hooks = of_kinds();
    Trial { tables: TABLES, hooks, ..Trial::of(buckets) }.run().await
}

#[tokio::test]
async fn a_bucket_is_not_said_to_be_where_nobody_told() {
    let done = collected().await;
    done.result.unwrap();
    let location = |name: &str| -> Option<Value> {
        let nodes = done.sent.of_kind("aws_s3_bucket");
        let node = nodes.into_iter().find(|node| node["reported"]["id"] == name).unwrap();
        node["reported"].get("bucket_location").filter(|location| !location.is_null()).cloned()
    };
    assert_eq!(location("plain"), Some(json!("us-east-1")), "the oldest region has no name there");
    assert_eq!(location("told"), Some(json!("eu-north-1")));
    assert_eq!(location("dark"), None);
    let message = "no answer told the region of the bucket dark: its location is left open";
    assert!(done.sent.faults.iter().any(|fault| fault.message == message), "{:?}", done.sent.faults);
}

#[tokio::test]
async fn faults_of_buckets_name_them() {
    let done = collected().await;
    let about = |action: &str| {
        let named = |fault: &&ipc_proto::fault::Fault| fault.scope.action.as_deref() == Some(action);
        &done.sent.faults.iter().find(named).unwrap().message
    };
    let denied = about("GetBucketLocation");
    assert!(denied.contains("(for bucket dark and bucket told)"), "{denied}");
    let refused = done.sent.faults.iter().find(|fault| fault.message.contains("MethodNotAllowed")).unwrap();
    let all = "(for bucket dark, bucket plain and bucket told)";
    assert!(refused.message.contains(all), "{}", refused.message);
}
