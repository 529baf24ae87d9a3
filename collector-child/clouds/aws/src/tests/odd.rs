//! Content that no service should send costs a value and not a page.

use ipc_proto::fault::Level;
use serde_json::{Value, json};

use super::keys;
use crate::testing::{Called, Collected, Reply, Trial};

/// What comes of these elements in place of volumes.
async fn volumes(elements: &'static str) -> Collected {
    let answers = move |called: &Called| {
        let body =
            format!("<DescribeVolumesResponse><volumeSet>{elements}</volumeSet></DescribeVolumesResponse>");
        let here = called.region == "eu-west-1";
        let body = if here { body.as_str() } else { "<DescribeVolumesResponse/>" };
        (called.operation == "DescribeVolumes").then(|| Reply::xml(body))
    };
    let tables = include_str!("../../kinds/ec2.toml");
    let config = json!({"collect": ["aws_ec2_volume"], "collect_usage_metrics": false});
    Trial { tables, config, ..Trial::of(answers) }.run().await
}

fn told(done: &Collected) -> Vec<(&str, u32, Level)> {
    done.sent.faults.iter().map(|fault| (fault.message.as_str(), fault.count, fault.level)).collect()
}

#[tokio::test]
async fn characters_that_no_text_can_have_are_replaced() {
    let done = volumes(
        "<item><volumeId>vol-1</volumeId><tagSet><item><key>a</key><value>bell &#x7; here</value></item></tagSet></item>\
         <item><volumeId>vol-2</volumeId><tagSet><item><key>a</key><value>\u{1}</value></item></tagSet></item>\
         <item><volumeId>vol-3</volumeId><tagSet><item><key>a</key><value>plain</value></item></tagSet></item>\
         <item><volumeId>vol-4</volumeId></item>",
    )
    .await;
    let found = done.sent.of_kind("aws_ec2_volume");
    let tags: Vec<&Value> = found.iter().map(|volume| &volume["reported"]["tags"]["a"]).collect();
    assert_eq!(found.len(), 4);
    for tag in ["bell \u{fffd} here", "\u{fffd}", "plain"] {
        assert!(tags.contains(&&json!(tag)), "{tags:?}");
    }
    let message =
        "texts of aws_ec2_volume have characters that no text can have, which were replaced, as in vol-1";
    assert_eq!(told(&done), [(message, 2, Level::Info)]);
}

#[tokio::test]
async fn values_of_another_form_are_left_out_and_told_once() {
    let done = volumes(
        "<item><volumeId>vol-1</volumeId><size>ten</size><createTime/><encrypted>1</encrypted></item>\
         <item><volumeId>vol-2</volumeId><size>eleven</size><createTime>soon</createTime><encrypted>true</encrypted></item>\
         <item><volumeId>vol-3</volumeId><size>12.0</size><createTime>2024-01-01T00:00:00Z</createTime></item>\
         <item><volumeId>vol-4</volumeId><size>13</size></item>",
    )
    .await;
    let mut found = done.sent.of_kind("aws_ec2_volume");
    found.sort_by_key(|volume| volume["reported"]["id"].as_str());
    let of = |name: &str| found.iter().map(|volume| volume["reported"][name].clone()).collect::<Vec<_>>();
    assert_eq!(of("volume_size"), [Value::Null, Value::Null, json!(12), json!(13)]);
    assert_eq!(of("ctime"), [Value::Null, Value::Null, json!("2024-01-01T00:00:00Z"), Value::Null]);
    assert_eq!(of("volume_encrypted")[..2], [json!(true), json!(true)]);
    let mut told: Vec<(&str, u32)> =
        told(&done).into_iter().map(|(message, count, _)| (message, count)).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            (
                "the property ctime of aws_ec2_volume was left out: it should be datetime but is ``, as in vol-1",
                2
            ),
            (
                "the property volume_size of aws_ec2_volume was left out: it should be int64 but is `ten`, as in vol-1",
                2
            ),
        ]
    );
}

#[tokio::test]
async fn json_that_is_nearly_json_costs_nothing_but_its_odd_values() {
    let answers = |called: &Called| {
        let id = called.params["KeyId"].as_str().unwrap_or_default();
        match called.operation.as_str() {
            "ListKeys" if called.params.get("Marker").is_none() => Some(Reply::nearly_json(
                "{\"Keys\": [{\"KeyId\": \"k0\"}, null, {\"KeyId\": \"k1\"},], \"Truncated\": true, \"NextMarker\": \"more\"}",
            )),
            "DescribeKey" if id == "k0" => Some(Reply::nearly_json(
                r#"{"KeyMetadata": {"KeyId": "k0", "Arn": "arn:k0", "CreationDate": 1e20, "Enabled": "True", "KeyState": "a\ud800b",
                    "KeyManager": "AWS", "KeyManager": "CUSTOMER"}}"#,
            )),
            "DescribeKey" if id == "k1" => Some(Reply::nearly_json(
                r#"{"KeyMetadata": {"KeyId": "k1", "Arn": "arn:k1", "CreationDate": NaN, "Enabled": 1, "KeyManager": "CUSTOMER"}}"#,
            )),
            _ => keys(called),
        }
    };
    let done = Trial::of(answers).run().await;
    done.result.unwrap();
    assert_eq!(done.sent.of_kind("aws_kms_key").len(), 8);
    let mut faults = done.sent.faults;
    faults.sort_by(|a, b| a.message.cmp(&b.message));
    let told: Vec<(&str, u32)> = faults.iter().map(|fault| (fault.message.as_str(), fault.count)).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].0.starts_with("texts of aws_kms_key have") && told[0].0.ends_with("as in k0"),
        "{told:?}"
    );
    assert!(told[1].0.starts_with("the property ctime of aws_kms_key was left out"), "{told:?}");
    assert_eq!((told[0].1, told[1].1), (2, 4), "in two regions");
}

#[tokio::test]
async fn values_of_another_shape_are_left_out_and_told_with_their_call_and_an_example() {
    let done = volumes(
        "<item><volumeId>vol-1</volumeId><attachmentSet>x</attachmentSet><size>1e30</size></item>\
         <item><volumeId>vol-2</volumeId><attachmentSet>y</attachmentSet><encrypted>maybe</encrypted></item>",
    )
    .await;
    assert_eq!(done.sent.of_kind("aws_ec2_volume").len(), 2);
    let mut told = told(&done);
    told.sort_unstable_by_key(|(message, ..)| *message);
    let sentence = |path: &str, should: &str, is: &str, example: &str| {
        format!(
            "Volumes.{path} in answers of ec2:DescribeVolumes, of which aws_ec2_volume is made, was left out: it should be \
             {should} but is {is}, as in {example}"
        )
    };
    let expected = [
        (sentence("Attachments", "a list", "the text \"x\"", "vol-1"), 2, Level::Error),
        (sentence("Encrypted", "true or false", "the text \"maybe\"", "vol-2"), 1, Level::Error),
        (sentence("Size", "a whole number of 64 bits", "the text \"1e30\"", "vol-1"), 1, Level::Error),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(said, count, level)| (said.as_str(), *count, *level)).collect();
    assert_eq!(told, expected);
    assert_eq!(done.sent.faults[0].scope.kind.as_deref(), Some("aws_ec2_volume"));
}

#[tokio::test]
async fn a_list_that_is_none_is_a_call_that_failed() {
    let answers = |called: &Called| match called.operation.as_str() {
        "ListKeys" => Some(Reply::json(&json!({"Keys": "a"}))),
        _ => keys(called),
    };
    let done = Trial::of(answers).run().await;
    assert_eq!(done.sent.of_kind("aws_kms_key").len(), 0);
    let (message, count, level) = told(&done)[0];
    assert!(message.contains("Keys should be a list but is the text \"a\""), "{message}");
    assert_eq!((count, level), (2, Level::Error), "in two regions");
}

#[tokio::test]
async fn what_no_database_takes_is_replaced() {
    let answers = |called: &Called| match called.operation.as_str() {
        "DescribeKey" => Some(Reply::nearly_json(
            r#"{"KeyMetadata": {"KeyId": "k0", "Arn": "arn:k0", "KeyState": "a\u0000b", "KeyManager": "CUSTOMER"}}"#,
        )),
        _ => keys(called),
    };
    let done = Trial::of(answers).run().await;
    let found = done.sent.of_kind("aws_kms_key");
    assert!(!found.is_empty() && !serde_json::to_string(&found).unwrap().contains("\\u0000"), "{found:?}");
    assert!(told(&done)[0].0.starts_with("texts of aws_kms_key have characters that no text can have"));
}
