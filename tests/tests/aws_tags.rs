//! Tags and the command `aws` from fixcore's shell: in the cloud and in the graph at once, and words for every trouble.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::aws::CleanupCloud;
use fixworker_tests::core::Fixcore;
use serde_json::{Value, json};

/// What fixcore says of a node that is found; it must be one.
#[track_caller]
fn node(core: &Fixcore, search: &str) -> Value {
    let body = Some(("text/plain", search.to_owned()));
    let answer = core.call("POST", "/graph/fix/search/list?section=reported", body);
    let found = answer.expect_success().json();
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), 1, "{search}: {found:?}");
    core.node(found[0]["id"].as_str().unwrap())
}

/// What is stored but for tags, revision and what is computed.
fn without_tags(mut node: Value) -> Value {
    let mut kept = json!({"reported": node["reported"].take(), "metadata": node["metadata"].take()});
    for passing in ["tags", "age", "last_update", "last_access"] {
        kept["reported"].as_object_mut().unwrap().remove(passing);
    }
    kept
}

#[track_caller]
fn assert_says(core: &Fixcore, command: &str, parts: &[&str]) {
    let body = Some(("text/plain", command.to_owned()));
    let said = core.call("POST", "/cli/execute?graph=fix", body).text;
    for part in parts {
        assert!(said.contains(part), "{command} does not say {part:?}: {said}");
    }
}

#[test]
fn tags_and_commands_reach_the_cloud() {
    let Some(core) = Fixcore::http() else { return };
    let Some(cloud) = CleanupCloud::with_faults(&["ec2.DeleteTags=AccessDenied"]) else { return };
    let operations = "aws.command_operations=describe-*,list-*,get-*,ec2:terminate-instances";
    let mut worker = cloud.worker(&core, &[operations]);
    core.await_task("tag", Some("aws"));
    core.collect();
    let instance = format!("is(aws_ec2_instance) and id={}", cloud.id("stays"));
    let bucket = "is(aws_s3_bucket) and name=bucket-stays";
    let role = "is(aws_iam_role) and name=machine";

    changed(&core, &cloud, [&instance, bucket, role]);
    refused(&core, &cloud, &instance, bucket, role);
    asked(&core, &cloud);
    assert_eq!(worker.stop(), 0);
}

/// A tag is set and taken away in the cloud and in the graph, and the rest of the node is as it was.
#[track_caller]
fn changed(core: &Fixcore, cloud: &CleanupCloud, searches: [&str; 3]) {
    let ids = [cloud.id("stays"), "bucket-stays", "machine"];
    for (search, id) in searches.into_iter().zip(ids) {
        let before = node(core, search);
        let fate = before["reported"]["tags"]["fate"].clone();
        let said = core.cli(&format!("search {search} | tag update owner \"me & you\""));
        assert!(!said.contains("rror"), "{search}: {said}");
        let expected = json!({"fate": fate, "owner": "me & you"});
        let after = node(core, search);
        assert_eq!(cloud.tags()[id], expected);
        assert_eq!(after["reported"]["tags"], expected);
        assert_eq!(without_tags(after), without_tags(before));
    }
    for (search, id) in searches.into_iter().zip(ids).skip(1) {
        let said = core.cli(&format!("search {search} | tag delete owner"));
        assert!(!said.contains("rror"), "{search}: {said}");
        assert!(cloud.tags()[id]["owner"].is_null(), "{:?}", cloud.tags());
        assert!(node(core, search)["reported"]["tags"]["owner"].is_null());
    }
}

/// Nothing is changed, and the user reads why.
#[track_caller]
fn refused(core: &Fixcore, cloud: &CleanupCloud, instance: &str, bucket: &str, role: &str) {
    let tags = cloud.tags();
    core.cli(&format!("search {role} | protect"));
    for (command, parts) in [
        (format!("search {bucket} | tag delete nonsense"), ["aws_s3_bucket bucket-stays", "there is no tag"]),
        (format!("search {role} | tag update owner me"), ["aws_iam_role machine", "is protected"]),
        (
            "search is(aws_iam_group) | tag update owner me".to_owned(),
            ["aws_iam_group people", "have no tags that can be changed"],
        ),
        (
            format!("search {instance} | tag delete owner"),
            ["ec2:DeleteTags in eu-west-1 of account 100000000001: access denied", "allow ec2:DeleteTags"],
        ),
    ] {
        assert_says(core, &command, &["Error executing task: ", parts[0], parts[1]]);
    }
    assert_eq!(cloud.tags(), tags);
    assert_eq!(node(core, instance)["reported"]["tags"]["owner"], "me & you");

    // It went behind our back: what the cloud says counts.
    let gone = format!("search is(aws_ec2_instance) and id={} | tag update owner me", cloud.id("instance"));
    core.cli(&format!(
        "search is(aws_ec2_instance) and id={} | aws ec2 terminate-instances --instance-ids {{id}}",
        cloud.id("instance")
    ));
    assert_says(core, &gone, &["kind=aws_ec2_instance"]);
}

/// Operations of AWS, with the account and region of the resource.
#[track_caller]
fn asked(core: &Fixcore, cloud: &CleanupCloud) {
    let vpc = format!("search is(aws_vpc) and id={}", cloud.id("vpc"));
    let of_it = format!("\"VpcId\": \"{}\"", cloud.id("vpc"));
    assert_says(
        core,
        &format!("{vpc} | aws ec2 describe-subnets --filters Name=vpc-id,Values={{id}}"),
        &[&of_it],
    );
    let here =
        "search is(aws_s3_bucket) and name=versions-go | aws s3api list-object-versions --bucket {name}";
    assert_says(core, here, &["folder/0 & more", "DeleteMarkers"]);
    assert_says(core, "search is(aws_account) | aws sts get-caller-identity", &["100000000001"]);
    assert_says(core, "aws ec2 stop-instances --instance-ids i-1", &["ec2 stop-instances is not allowed"]);
    assert_says(core, "aws sts get-session-token", &["its answer may hold credentials"]);
    assert_says(core, "aws ec2 no-such-thing", &["Error executing task: command aws: ec2 has no operation"]);
    assert_says(
        core,
        &format!("{vpc} | aws ec2 describe-vpcs --nonsense x"),
        &["command aws on aws_vpc", "has no parameter --nonsense"],
    );
    assert_says(
        core,
        &format!("{vpc} | aws ec2 describe-vpcs --vpc-ids vpc-00000000"),
        &["Error executing task: ", "InvalidVpcID.NotFound"],
    );
}
