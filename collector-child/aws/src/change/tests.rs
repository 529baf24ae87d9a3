//! Changes in a cloud in the process.

use std::sync::{Arc, Mutex};

use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::{FaultKind, Retry};
use serde_json::{Map, Value, json};

use super::*;
use crate::config::AwsConfig;
use crate::failure::Failure;
use crate::plans::Plans;
use crate::testing::{Called, Recorder, Reply, client_of, plans};

const TABLES: &str = r#"
service = "ec2"

[aws_ec2_volume]
list = { op = "DescribeVolumes", items = "Volumes" }
unset = ["snapshot_before_delete", "arn", "volume_kms_key_id"]
[aws_ec2_volume.map]
name = "VolumeId"
volume_status = { const = "available" }
[aws_ec2_volume.tag]
set = { op = "CreateTags", args = { Resources = ["{id}"], Tags = [{ Key = "{$key}", Value = "{$value}" }] } }
remove = { op = "DeleteTags", args = { Resources = ["{id}"], Tags = [{ Key = "{$key}" }] } }
[aws_ec2_volume.delete]
refuse = [{ when = ["volume_status == in-use"], reason = "it is in use" }]
with = [{ kind = "aws_vpc", when = ["name == default"], reason = "it is the default one" }]
before = [
    { each = { op = "DescribeSnapshots", args = { Filters = [{ Name = "volume-id", Values = ["{id}"] }] }, items = "Snapshots" }, op = "DeleteSnapshot", args = { SnapshotId = "{$each.SnapshotId}" } },
]
calls = [{ op = "DeleteVolume", args = { VolumeId = "{id}" } }]
gone = ["InvalidVolume.Lost"]
later = ["VolumeBusy"]
"#;

/// What a change told and called.
struct Seen<T> {
    result: T,
    log: Vec<String>,
    calls: Vec<Called>,
}

impl<T> Seen<T> {
    fn operations(&self) -> Vec<&str> {
        self.calls.iter().map(|called| called.operation.as_str()).collect()
    }
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Journal for Log {
    fn done(&self, message: String) {
        self.0.lock().unwrap().push(message);
    }

    fn failed(&self, message: String) {
        self.0.lock().unwrap().push(format!("failed: {message}"));
    }
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn volume(more: Value) -> Resource {
    let mut reported = object(json!({"id": "vol-1", "name": "v", "volume_status": "available"}));
    reported.extend(object(more));
    let account = object(json!({"id": "100000000001"}));
    Resource::new(
        "aws_ec2_volume",
        reported,
        account,
        object(json!({"id": "eu-west-1", "name": "eu-west-1"})),
    )
}

fn config() -> AwsConfig {
    serde_json::from_value(json!({"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret"})).unwrap()
}

/// A changer in a cloud that answers so.
async fn changer(
    answers: impl Fn(&Called) -> Reply + Send + Sync + 'static,
) -> (Changer, Arc<Mutex<Vec<Called>>>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let client = client_of(move |called| {
        seen.lock().unwrap().push(called.clone());
        Some(answers(called))
    })
    .await;
    let changer = Changer::with_client(&config(), client);
    (changer.knowing("AKIDEXAMPLE", "100000000001").await, calls)
}

async fn clean(
    answers: impl Fn(&Called) -> Reply + Send + Sync + 'static,
    resource: Resource,
    dry_run: bool,
) -> Seen<Result<CleanOutcome, Failure>> {
    clean_below(answers, resource, dry_run, &[]).await
}

async fn clean_below(
    answers: impl Fn(&Called) -> Reply + Send + Sync + 'static,
    resource: Resource,
    dry_run: bool,
    above: &[Above],
) -> Seen<Result<CleanOutcome, Failure>> {
    let (changer, calls) = changer(answers).await;
    let plans: Plans = plans(TABLES);
    let plan = plans.get("aws_ec2_volume").unwrap().delete.as_ref().unwrap();
    let log = Log::default();
    let deletion = Deletion { config: &config(), resource: &resource, above, dry_run, remaining: None };
    let result = changer.by_plan(plan, &deletion, &log, &Recorder::default()).await;
    let result = match result {
        Ok(()) if dry_run => Ok(CleanOutcome::Planned),
        Ok(()) => Ok(CleanOutcome::Gone),
        Err(judge::Stop::Outcome(outcome)) => Ok(outcome),
        Err(judge::Stop::Failure(failure)) => Err(failure),
    };
    let calls = calls.lock().unwrap().clone();
    Seen { result, log: log.0.into_inner().unwrap(), calls }
}

fn ec2_error(code: &str) -> Reply {
    Reply::xml_status(
        400,
        &format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors></Response>"
        ),
    )
}

/// Two snapshots, and everything can be deleted.
fn usual(called: &Called) -> Reply {
    match called.operation.as_str() {
        "DescribeSnapshots" => Reply::xml(
            "<DescribeSnapshotsResponse><snapshotSet><item><snapshotId>snap-1</snapshotId></item><item>\
             <snapshotId>snap-2</snapshotId></item></snapshotSet></DescribeSnapshotsResponse>",
        ),
        operation => Reply::xml(&format!("<{operation}Response><return>true</return></{operation}Response>")),
    }
}

/// Everything as usual but one operation, which is answered with an error.
fn but(operation: &'static str, code: &'static str) -> impl Fn(&Called) -> Reply + Send + Sync {
    move |called| if called.operation == operation { ec2_error(code) } else { usual(called) }
}

#[tokio::test]
async fn what_has_to_go_before_goes_before() {
    let seen = clean(usual, volume(json!({})), false).await;
    assert_eq!(seen.result.unwrap(), CleanOutcome::Gone);
    let operations: Vec<&str> = seen.calls.iter().map(|called| called.operation.as_str()).collect();
    assert_eq!(operations, ["DescribeSnapshots", "DeleteSnapshot", "DeleteSnapshot", "DeleteVolume"]);
    assert_eq!(
        seen.log,
        [
            "called ec2:DeleteSnapshot(SnapshotId=snap-1)",
            "called ec2:DeleteSnapshot(SnapshotId=snap-2)",
            "called ec2:DeleteVolume(VolumeId=vol-1)",
        ]
    );
    assert!(seen.calls.iter().all(|called| called.region == "eu-west-1"));
}

#[tokio::test]
async fn a_dry_run_reads_and_tells() {
    let seen = clean(usual, volume(json!({})), true).await;
    assert_eq!(seen.operations(), ["DescribeSnapshots"]);
    assert_eq!(seen.result.unwrap(), CleanOutcome::Planned);
    assert_eq!(seen.log.len(), 3);
    assert_eq!(seen.log[2], "would call ec2:DeleteVolume(VolumeId=vol-1)");
}

#[tokio::test]
async fn a_dry_run_goes_on_where_it_may_not_look() {
    let seen = clean(but("DescribeSnapshots", "UnauthorizedOperation"), volume(json!({})), true).await;
    assert_eq!(seen.result.unwrap(), CleanOutcome::Planned);
    assert!(seen.log[0].starts_with("failed: what would have to go first is not known"), "{:?}", seen.log);
}

#[tokio::test]
async fn what_is_not_there_counts_as_deleted() {
    for code in ["InvalidVolume.Lost", "InvalidVolume.NotFound"] {
        let seen = clean(but("DeleteVolume", code), volume(json!({})), false).await;
        assert_eq!(seen.result.unwrap(), CleanOutcome::Gone, "{code}");
        assert_eq!(seen.log.last().unwrap(), "it is gone already");
    }
    // What goes before may be gone as well.
    let seen = clean(but("DeleteSnapshot", "InvalidSnapshot.NotFound"), volume(json!({})), false).await;
    assert_eq!(seen.operations().len(), 4);
    assert_eq!(seen.result.unwrap(), CleanOutcome::Gone);
}

#[tokio::test]
async fn what_is_busy_is_left_for_later() {
    for (operation, code) in [
        ("DeleteVolume", "VolumeBusy"),
        ("DeleteVolume", "DependencyViolation"),
        ("DeleteVolume", "RequestLimitExceeded"),
        ("DeleteSnapshot", "VolumeBusy"),
        ("DescribeSnapshots", "InternalError"),
    ] {
        let seen = clean(but(operation, code), volume(json!({})), false).await;
        assert_eq!(seen.operations().last(), Some(&operation), "nothing after it");
        match seen.result.unwrap() {
            CleanOutcome::Later { reason } => assert!(reason.contains(code), "{reason}"),
            other => panic!("{operation} {code}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_refusal_of_the_cloud_costs_the_resource_and_bad_credentials_the_job() {
    for (code, kind) in [
        ("OperationNotPermitted", FaultKind::InvalidAnswer),
        ("UnauthorizedOperation", FaultKind::AccessDenied),
        ("ExpiredToken", FaultKind::Credentials),
    ] {
        let seen = clean(but("DeleteVolume", code), volume(json!({})), false).await;
        let Err(Failure::Fault(fault)) = seen.result else { panic!("{code}") };
        assert_eq!((fault.kind, fault.retry), (kind, Retry::Never), "{code}");
    }
    let seen = clean(but("DescribeSnapshots", "ExpiredToken"), volume(json!({})), true).await;
    assert!(matches!(seen.result, Err(Failure::Fault(_))), "in a dry run as well");
}

#[tokio::test]
async fn what_must_stay_is_refused_without_a_call() {
    let seen = clean(usual, volume(json!({"volume_status": "in-use"})), false).await;
    assert!(seen.calls.is_empty());
    assert_eq!(seen.result.unwrap(), CleanOutcome::Refused { reason: "it is in use".to_owned() });
}

#[tokio::test]
async fn what_goes_with_another_one_is_never_called_for() {
    let above = |goes| [Above { kind: "aws_vpc".to_owned(), title: "aws_vpc x".to_owned(), goes }];
    let default = || volume(json!({"name": "default"}));
    let seen = clean_below(usual, default(), false, &above(true)).await;
    assert!(seen.calls.is_empty());
    assert_eq!(
        (seen.result.unwrap(), seen.log),
        (CleanOutcome::Gone, vec!["goes away with aws_vpc x".to_owned()])
    );
    for above in [above(false).to_vec(), Vec::new()] {
        let seen = clean_below(usual, default(), false, &above).await;
        assert!(seen.calls.is_empty());
        match seen.result.unwrap() {
            CleanOutcome::Refused { reason } => {
                assert!(reason.starts_with("it is the default one; "), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_node_without_what_the_call_needs_fails_and_does_not_count_as_gone() {
    let seen = clean(usual, volume(json!({"id": null})), false).await;
    assert!(seen.calls.is_empty());
    match seen.result.unwrap() {
        CleanOutcome::Failed { reason } => assert!(reason.contains("VolumeId"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

/// A notebook that the cloud describes so.
async fn notebook(describe: Reply, dry_run: bool) -> Seen<Result<(), judge::Stop>> {
    let (changer, calls) = changer(move |called| match called.operation.as_str() {
        "DescribeNotebookInstance" => describe.clone(),
        _ => Reply::json(&json!({})),
    })
    .await;
    let plan = aws_tables::plan::DeletePlan {
        hook: Some("stop_notebook".to_owned()),
        later: vec!["ValidationException".to_owned()],
        ..Default::default()
    };
    let reported = object(json!({"id": "n", "name": "n"}));
    let resource =
        Resource::new("aws_sagemaker_notebook", reported, object(json!({"id": "100000000001"})), Map::new());
    let log = Log::default();
    let deletion = Deletion { config: &config(), resource: &resource, above: &[], dry_run, remaining: None };
    let result = changer.by_plan(&plan, &deletion, &log, &Recorder::default()).await;
    let calls = calls.lock().unwrap().clone();
    Seen { result, log: log.0.into_inner().unwrap(), calls }
}

#[tokio::test]
async fn a_notebook_is_stopped_only_if_it_runs() {
    let status = |status: &str| Reply::json(&json!({"NotebookInstanceStatus": status}));
    let stopped = notebook(status("Stopped"), false).await;
    assert_eq!((stopped.operations(), stopped.result.is_ok()), (vec!["DescribeNotebookInstance"], true));
    let running = notebook(status("InService"), true).await;
    assert_eq!((running.operations(), running.result.is_ok()), (vec!["DescribeNotebookInstance"], true));
    assert!(running.log[0].contains("StopNotebookInstance"), "{:?}", running.log);
    let message = json!({"__type": "ValidationException", "message": "RecordNotFound"});
    let gone = notebook(Reply::json_status(400, &message), false).await;
    assert!(matches!(gone.result, Err(judge::Stop::Outcome(CleanOutcome::Gone))));
}

async fn tag(
    answers: impl Fn(&Called) -> Reply + Send + Sync + 'static,
    remove: &[&str],
    set: &[(&str, &str)],
) -> Seen<Result<(), Failure>> {
    let (changer, calls) = changer(answers).await;
    let plans: Plans = plans(TABLES);
    let plan = plans.get("aws_ec2_volume").unwrap().tag.as_ref().unwrap();
    let remove: Vec<String> = remove.iter().map(|key| (*key).to_owned()).collect();
    let set: Vec<(String, String)> =
        set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let resource = volume(json!({}));
    let tagging =
        Tagging { config: &config(), resource: &resource, remove: &remove, set: &set, remaining: None };
    let result = changer.tag_by_plan(plan, &tagging, &Recorder::default()).await;
    let calls = calls.lock().unwrap().clone();
    Seen { result, log: Vec::new(), calls }
}

#[tokio::test]
async fn tags_are_removed_and_then_set() {
    let seen = tag(usual, &["a"], &[("b", "1")]).await;
    assert_eq!(seen.operations(), ["DeleteTags", "CreateTags"]);
    assert!(seen.calls[0].body.contains("Tag.1.Key=a") && !seen.calls[0].body.contains("Tag.1.Value"));
    assert!(seen.calls[1].body.contains("Tag.1.Key=b") && seen.calls[1].body.contains("Tag.1.Value=1"));
    seen.result.unwrap();
}

#[tokio::test]
async fn who_changes_tags_reads_why_it_failed() {
    for (code, told) in [
        ("UnauthorizedOperation", "access denied"),
        ("InvalidVolume.NotFound", "does not exist any more"),
        ("TagLimitExceeded", "TagLimitExceeded"),
        ("RequestLimitExceeded", "throttled"),
    ] {
        let seen = tag(but("CreateTags", code), &[], &[("a", "b")]).await;
        let message = seen.result.unwrap_err().to_string();
        assert!(message.contains(told), "{code}: {message}");
    }
}

fn s3(called: &Called) -> Reply {
    let tags = "<Tagging><TagSet><Tag><Key>team</Key><Value>blue</Value></Tag></TagSet></Tagging>";
    match called.operation.split(' ').next() {
        Some("GET") => Reply::xml(tags),
        _ => Reply::xml(""),
    }
}

#[tokio::test]
async fn tags_of_buckets_keep_the_others() {
    let hook = |set: &'static [(&str, &str)], remove: &'static [&str]| async move {
        let (changer, calls) = changer(s3).await;
        let plan = aws_tables::plan::TagPlan { hook: Some("bucket_tags".to_owned()), ..Default::default() };
        let bucket = Resource::new(
            "aws_s3_bucket",
            object(json!({"id": "b", "name": "b"})),
            object(json!({"id": "100000000001"})),
            Map::new(),
        );
        let set: Vec<_> = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let remove: Vec<_> = remove.iter().map(|key| (*key).to_owned()).collect();
        let tagging =
            Tagging { config: &config(), resource: &bucket, remove: &remove, set: &set, remaining: None };
        let result = changer.tag_by_plan(&plan, &tagging, &Recorder::default()).await;
        let calls = calls.lock().unwrap().clone();
        (result.map_err(|failure| failure.to_string()), calls)
    };
    let (result, calls) = hook(&[("owner", "me")], &[]).await;
    assert_eq!((result, calls.len()), (Ok(()), 2));
    assert!(calls[1].body.contains("blue") && calls[1].body.contains("owner"), "{}", calls[1].body);
    let (result, calls) = hook(&[], &["team"]).await;
    result.unwrap();
    assert!(calls[1].operation.starts_with("DELETE "), "the last tag: {}", calls[1].operation);
    let (result, calls) = hook(&[], &["other"]).await;
    assert_eq!((calls.len(), result.unwrap_err().contains("no tag \"other\"")), (1, true));
}

#[tokio::test]
async fn a_command_reads_all_pages() {
    let pages = |called: &Called| {
        let token = if called.body.contains("NextToken") { "" } else { "<nextToken>more</nextToken>" };
        let id = if token.is_empty() { "vol-2" } else { "vol-1" };
        Reply::xml(&format!(
            "<DescribeVolumesResponse>{token}<volumeSet><item><volumeId>{id}</volumeId></item></volumeSet></DescribeVolumesResponse>"
        ))
    };
    let ask = |words: &'static str| async move {
        let (changer, calls) = changer(pages).await;
        let args: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let resource = volume(json!({}));
        let command = Command { config: &config(), args: &args, resource: Some(&resource), remaining: None };
        let answer = changer.command(&command, &Recorder::default()).await;
        let calls = calls.lock().unwrap().clone();
        (answer.map_err(|failure| failure.to_string()), calls)
    };
    let (answer, calls) = ask("ec2 describe-volumes").await;
    assert_eq!(answer.unwrap(), json!({"Volumes": [{"VolumeId": "vol-1"}, {"VolumeId": "vol-2"}]}));
    assert_eq!((calls.len(), calls[0].region.as_str()), (2, "eu-west-1"));
    let (answer, calls) = ask("ec2 describe-volumes --max-items 1 --region us-east-1").await;
    assert_eq!(answer.unwrap(), json!({"Volumes": [{"VolumeId": "vol-1"}]}));
    assert_eq!((calls.len(), calls[0].region.as_str()), (1, "us-east-1"));
    let (answer, calls) = ask("ec2 describe-volume").await;
    assert_eq!((calls.len(), answer.unwrap_err().contains("did you mean describe-volumes?")), (0, true));
    let (answer, calls) = ask(r#"ec2 describe-volumes --filters [{"Nam":"x"}]"#).await;
    assert_eq!((calls.len(), answer.unwrap_err().contains("there is no such parameter")), (0, true));
}

#[test]
fn kinds_can_be_changed_as_their_tables_say() {
    assert_eq!(ability(Change::Clean, "aws_ec2_instance"), Ability::Yes);
    assert_eq!(ability(Change::Tag, "aws_ec2_instance"), Ability::Yes);
    assert_eq!(ability(Change::Clean, "aws_ec2_instance_type"), Ability::Phantom);
    assert_eq!(ability(Change::Clean, "aws_region"), Ability::Phantom);
    assert_eq!(ability(Change::Clean, "aws_account"), Ability::No);
    assert_eq!(ability(Change::Clean, "gcp_disk"), Ability::Unknown);
}

#[test]
fn every_hook_that_a_table_names_exists() {
    assert_eq!(ability::unknown_hooks(), Vec::<String>::new());
}

/// A dry run makes these calls.
#[test]
fn what_is_listed_before_a_deletion_only_reads() {
    use aws_tables::plan::EachOf;
    let reading = ["Describe", "List", "Get"];
    for plan in crate::tables::plans().unwrap().all() {
        let Some(delete) = &plan.delete else { continue };
        for call in delete.before.iter().chain(&delete.calls) {
            if let Some(EachOf::Call(list)) = &call.each {
                let operation = &list.call.operation;
                assert!(
                    reading.iter().any(|start| operation.starts_with(start)),
                    "{}: {operation}",
                    plan.kind
                );
            }
        }
    }
}
