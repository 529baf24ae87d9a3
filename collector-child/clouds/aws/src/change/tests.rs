//! Changes in a cloud in the process.

use std::sync::{Arc, Mutex};

use collector::Failure;
use collector::changes::{Ability, Change, Journal};
use engine::change::{Above, Memory, Stop};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::{FaultKind, Retry};
use serde_json::{Map, Value, json};

use super::*;
use crate::config::AwsConfig;
use crate::testing::{Called, Recorder, Reply, client_of, plans};
use engine::Plans;

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
    { each = { op = "DescribeSnapshots", args = { Filters = [{ Name = "volume-id", Values = ["{id}"] }] }, items = "Snapshots" }, op = "DeleteSnapshot", args = { SnapshotId = "{$each.SnapshotId}" }, expect = ["InvalidSnapshot.NotFound"] },
]
holds = [
    { each = { op = "DescribeVolumeStatus", args = { VolumeIds = ["{id}"] }, items = "VolumeStatuses" }, when = ["$each.VolumeStatus.Status == impaired"], reason = "its status in {$each.AvailabilityZone} keeps it" },
]
calls = [{ op = "DeleteVolume", args = { VolumeId = "{id}" } }]
gone = ["InvalidVolume.Lost", "InvalidParameterValue: does not exist"]
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
    let (config, memory) = (config(), Memory::default());
    let deletion =
        Deletion { config: &config, resource: &resource, above, dry_run, remaining: None, memory: &memory };
    let result = changer.by_plan(plan, &deletion, &log, &Recorder::default()).await;
    let result = match result {
        Ok(()) if dry_run => Ok(CleanOutcome::Planned),
        Ok(()) => Ok(CleanOutcome::Gone),
        Err(Stop::Held(reason)) => Ok(CleanOutcome::Later { reason }),
        Err(Stop::Outcome(outcome)) => Ok(outcome),
        Err(Stop::Failure(failure)) => Err(failure),
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

/// As usual, but that EC2 says of an operation that it was not done.
fn not_done(operation: &'static str) -> impl Fn(&Called) -> Reply + Send + Sync {
    move |called| {
        let told = format!("<{operation}Response><return>false</return></{operation}Response>");
        if called.operation == operation { Reply::xml(&told) } else { usual(called) }
    }
}

#[tokio::test]
async fn what_was_not_done_is_no_success() {
    let seen = clean(not_done("DeleteVolume"), volume(json!({})), false).await;
    let told = seen.result.unwrap_err().to_string();
    assert!(told.contains("ec2:DeleteVolume") && told.contains("was not done"), "{told}");
    for (operation, remove) in [("CreateTags", &[][..]), ("DeleteTags", &["a"][..])] {
        let told = tag(not_done(operation), remove, &[("b", "1")]).await.result.unwrap_err().to_string();
        assert!(told.contains(operation) && told.contains("was not done"), "{told}");
    }
}

#[tokio::test]
async fn what_belongs_to_another_account_is_not_changed_whatever_it_is_below() {
    let shared = || volume(json!({"arn": "arn:aws:ec2:eu-west-1:333333333333:volume/vol-1"}));
    for dry_run in [false, true] {
        let seen = clean(usual, shared(), dry_run).await;
        let Ok(CleanOutcome::Refused { reason }) = &seen.result else { panic!("{:?}", seen.result) };
        assert!(reason.contains("333333333333") && reason.contains("100000000001"), "{reason}");
        assert!(seen.calls.is_empty(), "{:?}", seen.calls);
    }
    let (changer, calls) = changer(usual).await;
    let plans: Plans = plans(TABLES);
    let plan = plans.get("aws_ec2_volume").unwrap().tag.as_ref().unwrap();
    let (config, set) = (config(), [("a".to_owned(), "b".to_owned())]);
    let tagging = Tagging { config: &config, resource: &shared(), remove: &[], set: &set, remaining: None };
    let told = changer.tag_by_plan(plan, &tagging, &Recorder::default()).await.unwrap_err().to_string();
    assert!(told.contains("333333333333") && calls.lock().unwrap().is_empty(), "{told}");
}

/// As EC2 would be if snapshots held their volume: `refusing` is answered with an error as well.
fn held(refusing: &'static [(&str, &str)]) -> impl Fn(&Called) -> Reply + Send + Sync {
    let deleted = Mutex::new(Vec::new());
    move |called| {
        if let Some((_, code)) = refusing.iter().find(|(operation, _)| *operation == called.operation) {
            return ec2_error(code);
        }
        let mut deleted = deleted.lock().unwrap();
        match called.operation.as_str() {
            "DeleteVolume" if deleted.len() < 2 => return ec2_error("VolumeBusy"),
            "DeleteSnapshot" if deleted.contains(&called.body) => {
                return ec2_error("InvalidSnapshot.NotFound");
            }
            "DeleteSnapshot" => deleted.push(called.body.clone()),
            _ => {}
        }
        usual(called)
    }
}

#[tokio::test]
async fn what_holds_it_is_taken_away_when_the_cloud_says_so() {
    let seen = clean(held(&[]), volume(json!({})), false).await;
    assert_eq!(seen.result.as_ref().unwrap(), &CleanOutcome::Gone);
    assert_eq!(
        seen.operations(),
        [
            "DeleteVolume",
            "DescribeVolumeStatus",
            "DescribeSnapshots",
            "DeleteSnapshot",
            "DeleteSnapshot",
            "DeleteVolume"
        ]
    );
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
async fn nothing_is_taken_away_from_what_stays_anyway() {
    // Nothing is in the way, or the cloud refuses whatever is.
    let seen = clean(usual, volume(json!({})), false).await;
    assert_eq!(seen.operations(), ["DeleteVolume"]);
    for code in ["UnauthorizedOperation", "OperationNotPermitted", "RequestLimitExceeded", "InternalError"] {
        let seen = clean(but("DeleteVolume", code), volume(json!({})), false).await;
        assert!(seen.operations().iter().all(|operation| *operation == "DeleteVolume"), "{code}");
    }
    // Something else is in the way.
    let impaired = |called: &Called| match called.operation.as_str() {
        "DeleteVolume" => ec2_error("VolumeBusy"),
        "DescribeVolumeStatus" => Reply::xml(
            "<DescribeVolumeStatusResponse><volumeStatusSet><item><availabilityZone>a</availabilityZone>\
             <volumeStatus><status>impaired</status></volumeStatus></item></volumeStatusSet></DescribeVolumeStatusResponse>",
        ),
        _ => usual(called),
    };
    let seen = clean(impaired, volume(json!({})), false).await;
    assert_eq!(seen.operations(), ["DeleteVolume", "DescribeVolumeStatus"]);
    let reason = seen.result.unwrap().reason().unwrap().to_owned();
    assert!(reason.contains("VolumeBusy") && reason.ends_with("; its status in a keeps it"), "{reason}");
}

#[tokio::test]
async fn what_cannot_be_looked_up_or_taken_away_is_told_with_the_refusal() {
    // Not allowed: it will not work later either.
    for refused in
        [("DescribeSnapshots", "UnauthorizedOperation"), ("DeleteSnapshot", "UnauthorizedOperation")]
    {
        let refusing: &'static [(&str, &str)] = Box::leak(Box::new([refused]));
        let seen = clean(held(refusing), volume(json!({})), false).await;
        let deletions = seen.operations().iter().filter(|operation| **operation == "DeleteSnapshot").count();
        assert_eq!(deletions, usize::from(refused.0 == "DeleteSnapshot"), "the rest of them is left");
        match seen.result.unwrap() {
            CleanOutcome::Failed { reason } => {
                assert!(
                    reason.contains("VolumeBusy") && reason.contains("UnauthorizedOperation"),
                    "{reason}"
                );
            }
            other => panic!("{refused:?}: {other:?}"),
        }
    }
    // It may work later.
    for refused in [("DescribeSnapshots", "InternalError"), ("DeleteSnapshot", "ResourceInUse")] {
        let refusing: &'static [(&str, &str)] = Box::leak(Box::new([refused]));
        let seen = clean(held(refusing), volume(json!({})), false).await;
        match seen.result.unwrap() {
            CleanOutcome::Later { reason } => {
                assert!(reason.contains("VolumeBusy") && reason.contains(refused.1), "{reason}");
            }
            other => panic!("{refused:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_look_that_fails_is_no_reason_to_stay() {
    let seen = clean(but("DescribeSnapshots", "UnauthorizedOperation"), volume(json!({})), false).await;
    assert_eq!(seen.result.unwrap(), CleanOutcome::Gone);
}

#[tokio::test]
async fn what_was_taken_away_in_one_pass_is_not_in_the_next() {
    // The volume never goes, and the snapshots are listed for ever.
    let (changer, calls) = changer(held(&[("DeleteVolume", "VolumeBusy")])).await;
    let plans: Plans = plans(TABLES);
    let plan = plans.get("aws_ec2_volume").unwrap().delete.as_ref().unwrap();
    let (config, resource, memory, log) = (config(), volume(json!({})), Memory::default(), Log::default());
    let deletion = Deletion {
        config: &config,
        resource: &resource,
        above: &[],
        dry_run: false,
        remaining: None,
        memory: &memory,
    };
    let times =
        |operation: &str| calls.lock().unwrap().iter().filter(|call| call.operation == operation).count();
    let mut passes = Vec::new();
    for _ in 0..3 {
        let ended = changer.by_plan(plan, &deletion, &log, &Recorder::default()).await;
        assert!(matches!(ended, Err(Stop::Held(_))), "{ended:?}");
        passes.push((times("DeleteSnapshot"), times("DeleteVolume")));
    }
    assert_eq!(passes, [(2, 2), (2, 3), (2, 4)]);
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
    let seen = clean(but("DeleteVolume", "InvalidVolume.Lost"), volume(json!({})), false).await;
    assert_eq!(seen.result.unwrap(), CleanOutcome::Gone);
    assert_eq!(seen.log.last().unwrap(), "it is gone already");
    // Something else is not there.
    for code in ["InvalidSnapshot.NotFound", "NoSuchEntity", "InvalidParameterValue"] {
        let seen = clean(but("DeleteVolume", code), volume(json!({})), false).await;
        assert!(matches!(seen.result, Err(Failure::Fault(_))), "{code}");
    }
}

#[tokio::test]
async fn what_is_busy_is_left_for_later() {
    for (operation, code) in [
        ("DeleteVolume", "VolumeBusy"),
        ("DeleteVolume", "DependencyViolation"),
        ("DeleteVolume", "RequestLimitExceeded"),
    ] {
        let seen = clean(but(operation, code), volume(json!({})), false).await;
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
    let above = |goes| {
        let (node_id, kind, title) = ("n".to_owned(), "aws_vpc".to_owned(), "aws_vpc x".to_owned());
        [Above { node_id, kind, title, goes }]
    };
    let default = || volume(json!({"name": "default"}));
    let seen = clean_below(usual, default(), false, &above(true)).await;
    assert!(seen.calls.is_empty());
    assert_eq!(
        (seen.result.unwrap(), seen.log),
        (CleanOutcome::GoesWith { node_id: "n".to_owned() }, vec!["goes away with aws_vpc x".to_owned()]),
        "whether it went, the other one tells"
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
async fn notebook(describe: Reply, dry_run: bool) -> Seen<Result<(), Stop>> {
    let (changer, calls) = changer(move |called| match called.operation.as_str() {
        "DescribeNotebookInstance" => describe.clone(),
        _ => Reply::json(&json!({})),
    })
    .await;
    let plan = tables::plan::DeletePlan {
        hook: Some("stop_notebook".to_owned()),
        gone: vec!["ValidationException: RecordNotFound".to_owned().into()],
        later: vec!["ValidationException: Status (".to_owned().into()],
        first: true,
        ..Default::default()
    };
    let reported = object(json!({"id": "n", "name": "n"}));
    let resource =
        Resource::new("aws_sagemaker_notebook", reported, object(json!({"id": "100000000001"})), Map::new());
    let log = Log::default();
    let (config, memory) = (config(), Memory::default());
    let deletion = Deletion {
        config: &config,
        resource: &resource,
        above: &[],
        dry_run,
        remaining: None,
        memory: &memory,
    };
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
    assert!(matches!(gone.result, Err(Stop::Outcome(CleanOutcome::Gone))));
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
        let plan = tables::plan::TagPlan { hook: Some("bucket_tags".to_owned()), ..Default::default() };
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
    use tables::plan::EachOf;
    let reading = ["Describe", "List", "Get"];
    for plan in crate::built_in::plans().unwrap().all() {
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

/// A status and the words for it come from whatever is between here and the service, too.
#[test]
fn what_any_server_says_of_any_address_is_not_that_a_resource_is_gone() {
    for plan in crate::built_in::plans().unwrap().all() {
        let Some(delete) = &plan.delete else { continue };
        for said in delete.gone.iter().filter(|said| said.words.is_none()) {
            let of_anybody = matches!(said.code.as_str(), "NotFound" | "Not Found" | "404" | "410");
            assert!(!of_anybody, "{}: {}", plan.kind, said.code);
        }
    }
}

/// Two security groups that name each other, as EC2 has them: what is revoked, and which of them is in use.
#[derive(Default)]
struct Groups {
    revoked: Vec<String>,
    deleted: Vec<String>,
    in_use: bool,
}

impl Groups {
    fn answer(&mut self, called: &Called) -> Reply {
        let is = |id: &str| called.body.contains(id);
        let (own, other) = if is("sg-a") { ("sg-a", "sg-b") } else { ("sg-b", "sg-a") };
        let names = |groups: &Self, by: &str| {
            !groups.revoked.iter().any(|id| id == by) && !groups.deleted.iter().any(|id| id == by)
        };
        let reply = |operation: &str, inside: &str| {
            Reply::xml(&format!("<{operation}Response>{inside}</{operation}Response>"))
        };
        match called.operation.as_str() {
            "DeleteSecurityGroup" if self.in_use || names(self, other) => ec2_error("DependencyViolation"),
            "DeleteSecurityGroup" => {
                self.deleted.push(own.to_owned());
                reply("DeleteSecurityGroup", "")
            }
            "DescribeNetworkInterfaces" if self.in_use => reply(
                "DescribeNetworkInterfaces",
                "<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId></item></networkInterfaceSet>",
            ),
            "DescribeSecurityGroups" if is("Filter.1.Name=ip-permission") && names(self, other) => {
                let inside =
                    format!("<securityGroupInfo><item><groupId>{other}</groupId></item></securityGroupInfo>");
                reply("DescribeSecurityGroups", &inside)
            }
            "DescribeSecurityGroups" if is("GroupId.1=") => {
                let inside = format!(
                    "<securityGroupInfo><item><groupId>{own}</groupId><ipPermissions><item><ipProtocol>tcp</ipProtocol>\
                     <fromPort>1</fromPort><toPort>1</toPort><groups><item><groupId>{other}</groupId></item></groups>\
                     <ipRanges><item><cidrIp>10.0.0.0/8</cidrIp></item></ipRanges></item></ipPermissions></item></securityGroupInfo>"
                );
                reply("DescribeSecurityGroups", &inside)
            }
            "RevokeSecurityGroupIngress" => {
                assert!(!is("CidrIp"), "address ranges stay: {}", called.body);
                let whose = called.body.split('&').find_map(|part| part.strip_prefix("GroupId="));
                self.revoked.push(whose.unwrap().to_owned());
                reply("RevokeSecurityGroupIngress", "")
            }
            operation => reply(operation, ""),
        }
    }
}

/// Passes over the groups until they are gone, at most three; what every pass ended with.
async fn untangle(groups: Groups, ids: &[&str]) -> (Vec<String>, Vec<String>) {
    let groups = Arc::new(Mutex::new(groups));
    let cloud = Arc::clone(&groups);
    let (changer, _) = changer(move |called| cloud.lock().unwrap().answer(called)).await;
    let plan = crate::built_in::plans().unwrap().get("aws_ec2_security_group").unwrap();
    let (config, memory) = (config(), Memory::default());
    let mut said = Vec::new();
    for _ in 0..3 {
        for id in ids {
            if groups.lock().unwrap().deleted.iter().any(|gone| gone == id) {
                continue;
            }
            let reported = object(json!({"id": id, "name": id}));
            let region = object(json!({"id": "eu-west-1", "name": "eu-west-1"}));
            let account = object(json!({"id": "100000000001"}));
            let resource = Resource::new("aws_ec2_security_group", reported, account, region);
            let deletion = Deletion {
                config: &config,
                resource: &resource,
                above: &[],
                dry_run: false,
                remaining: None,
                memory: &memory,
            };
            let delete = plan.delete.as_ref().unwrap();
            let ended = changer.by_plan(delete, &deletion, &Log::default(), &Recorder::default()).await;
            said.push(match ended {
                Ok(()) => format!("{id} gone"),
                Err(Stop::Held(reason)) => format!("{id} held: {reason}"),
                Err(other) => format!("{id} {other:?}"),
            });
        }
    }
    (said, groups.lock().unwrap().revoked.clone())
}

#[tokio::test]
async fn groups_that_name_each_other_lose_that_and_go() {
    let (said, revoked) = untangle(Groups::default(), &["sg-a", "sg-b"]).await;
    assert_eq!(revoked, ["sg-b"], "the second knows that the first is to go as well");
    let gone: Vec<&str> = said.iter().filter_map(|said| said.strip_suffix(" gone")).collect();
    assert_eq!(gone, ["sg-a", "sg-b"], "{said:?}");
}

#[tokio::test]
async fn a_group_that_stays_keeps_its_rules() {
    let used = Groups { in_use: true, ..Groups::default() };
    let (said, revoked) = untangle(used, &["sg-a", "sg-b"]).await;
    assert_eq!(revoked, [""; 0]);
    assert!(said[0].ends_with("the network interface eni-1 uses it"), "{said:?}");
    let (said, revoked) = untangle(Groups::default(), &["sg-a"]).await;
    assert_eq!(revoked, [""; 0]);
    assert!(said[2].ends_with("rules of the group sg-b name it"), "{said:?}");
}

#[tokio::test]
async fn tags_of_scaling_groups_keep_whether_instances_get_them() {
    let described = |called: &Called| {
        let tag = "<Tags><member><ResourceId>web</ResourceId><Key>Team</Key><Value>red</Value>\
                   <PropagateAtLaunch>true</PropagateAtLaunch></member></Tags>";
        let known = called.operation == "DescribeTags" && called.body.contains("Team");
        let result = if known { tag } else { "<Tags/>" };
        let operation = &called.operation;
        Reply::xml(&format!(
            "<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"
        ))
    };
    let change = |set: &'static [(&str, &str)], remove: &'static [&str]| async move {
        let (changer, calls) = changer(described).await;
        let plan =
            crate::built_in::plans().unwrap().get("aws_autoscaling_group").unwrap().tag.as_ref().unwrap();
        let group = Resource::new(
            "aws_autoscaling_group",
            object(json!({"id": "web", "name": "web"})),
            object(json!({"id": "100000000001"})),
            object(json!({"id": "eu-west-1", "name": "eu-west-1"})),
        );
        let set: Vec<_> = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let remove: Vec<_> = remove.iter().map(|key| (*key).to_owned()).collect();
        let tagging =
            Tagging { config: &config(), resource: &group, remove: &remove, set: &set, remaining: None };
        let result = changer.tag_by_plan(plan, &tagging, &Recorder::default()).await;
        let last = calls.lock().unwrap().last().unwrap().clone();
        (result.map_err(|failure| failure.to_string()), last)
    };
    for (key, value, propagates) in [("Team", "blue", "true"), ("New", "1", "false")] {
        let set: &'static [(&str, &str)] = Box::leak(Box::new([(key, value)]));
        let (result, last) = change(set, &[]).await;
        result.unwrap();
        assert_eq!(last.operation, "CreateOrUpdateTags");
        assert!(last.body.contains(&format!("PropagateAtLaunch={propagates}")), "{key}: {}", last.body);
        assert!(last.body.contains(&format!("Value={value}")), "{key}: {}", last.body);
    }
    let (result, last) = change(&[], &["Team"]).await;
    assert_eq!((result, last.operation.as_str()), (Ok(()), "DeleteTags"));
    let (result, last) = change(&[], &["None"]).await;
    assert_eq!(
        (result.unwrap_err().contains("no tag \"None\""), last.operation.as_str()),
        (true, "DescribeTags")
    );
}
