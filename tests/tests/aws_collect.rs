//! The collector `aws` as a user runs it: under the daemon with the real fixcore, as a one-shot, and by hand.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};

use fixworker_tests::aws::{ACCOUNTS, AwsAlone, MockCloud, REGIONS, ROLE, SECRET};
use fixworker_tests::core::Fixcore;
use fixworker_tests::graph::Export;
use fixworker_tests::oneshot::Oneshot;
use fixworker_tests::recording::Recording;
use fixworker_tests::worker::{Worker, WorkerOptions};
use fixworker_tests::{procfs, wait};
use serde_json::{Value, json};

/// The account of the keys, which is none of those that are collected.
const ROOT: &str = "999999999999";
/// What the mock says to everyone who asks for the alias of an account.
const ALIAS: &str = "AccountAliase-0";
/// Enough kinds over all protocols to be a graph with edges, and few enough for a test.
const KINDS: [&str; 9] = [
    "aws_ec2_*",
    "aws_vpc*",
    "aws_iam_*",
    "aws_kms_key",
    "aws_s3_bucket",
    "aws_sns_topic",
    "aws_sqs_queue",
    "aws_lambda_function",
    "aws_rds_*",
];

fn section() -> Value {
    json!({
        "role": ROLE,
        "account": ACCOUNTS,
        "region": REGIONS,
        "account_pool_size": 4,
        "collect": KINDS,
        "collect_usage_metrics": false,
    })
}

/// A daemon that finds its collector and accounts in fixcore's config document.
fn worker(core: &Fixcore, cloud: &MockCloud, section: &Value) -> Worker {
    core.put_config(&json!({"fixworker": {"collector": ["aws"]}, "aws": section}));
    let mut options = WorkerOptions::unconfigured(core);
    for (name, value) in cloud.environment(ROOT) {
        options = options.env(&name, &value);
    }
    options.start(core)
}

/// The child alone, as the daemon would run it.
fn alone(cloud: &MockCloud) -> AwsAlone {
    let section = section();
    let settings = section.as_object().unwrap().iter();
    settings.fold(AwsAlone::new(cloud, ROOT), |alone, (name, value)| alone.set(name, value.clone()))
}

/// What was seen of the children while a run went on.
#[derive(Debug, Default)]
struct Seen {
    /// Process ids by label.
    pids: BTreeMap<String, BTreeSet<i32>>,
    /// Accounts that `/children` showed.
    shown: BTreeSet<String>,
}

/// Runs the workflow `collect` and watches the children.
fn collect_and_watch(core: &Fixcore, worker: &Worker) -> (Value, Seen) {
    let mut seen = Seen::default();
    let task = core.start_workflow("collect");
    wait::until("the run is done", || {
        for child in worker.children() {
            let label = child.label().unwrap_or_default().to_owned();
            assert_no_secrets(child.pid, &child.args);
            seen.pids.entry(label).or_default().insert(child.pid);
        }
        let shown = worker.shown_children().to_string();
        seen.shown.extend(ACCOUNTS.iter().filter(|id| shown.contains(*id)).map(ToString::to_string));
        core.workflow(&task)["done"] == true
    });
    (core.workflow(&task), seen)
}

/// Keys and the address of the cloud travel over the socket, so that no `ps` shows them.
fn assert_no_secrets(pid: i32, args: &[String]) {
    assert!(args.iter().all(|arg| !arg.contains(SECRET) && !arg.contains("AKIA")), "{args:?}");
    // A process that has ended meanwhile has nothing to show.
    for (name, value) in procfs::environment(pid).unwrap_or_default() {
        assert!(!name.starts_with("AWS_") && value != SECRET, "{name} is in the environment of a child");
    }
}

fn ids(accounts: &[&str]) -> Vec<String> {
    accounts.iter().map(ToString::to_string).collect()
}

#[test]
fn one_workflow_collects_four_accounts_in_one_process_each() {
    let Some(core) = Fixcore::http() else { return };
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let mut worker = worker(&core, &cloud, &section());
    let (run, seen) = collect_and_watch(&core, &worker);
    assert_eq!(run["has_error"], false, "{run}");
    assert_eq!(core.reported_errors(), [] as [String; 0]);

    let labels: BTreeSet<String> = ACCOUNTS.iter().map(|id| format!("aws/{id}")).collect();
    assert_eq!(seen.pids.keys().cloned().collect::<BTreeSet<_>>(), labels);
    let pids: Vec<i32> = seen.pids.values().flatten().copied().collect();
    assert_eq!(pids.iter().collect::<BTreeSet<_>>().len(), 4, "one process for each account: {seen:?}");
    assert_eq!(pids.len(), 4, "no process has two accounts: {seen:?}");
    assert_eq!(seen.shown, ACCOUNTS.iter().map(ToString::to_string).collect());
    for account in ACCOUNTS {
        assert!(cloud.count("ec2", "DescribeInstances", account) >= 2, "{account} was asked in both regions");
    }
    assert_eq!(cloud.count("ec2", "DescribeInstances", ROOT), 0, "the account of the keys is not among them");

    let graph = core.graph();
    assert_eq!(graph.accounts(), ids(&ACCOUNTS));
    let expected = ACCOUNTS.map(|id| alone(&cloud).collect(Some(id)).expect_code(0).graph());
    let expected = expected.into_iter().fold(Export::default(), Export::and);
    assert!(expected.of_kind("aws_ec2_instance").len() >= 16, "the mock has some in each account and region");
    graph.assert_is(&expected);
    let found = core.cli("search is(aws_ec2_instance) and /ancestors.region.reported.id==eu-west-1");
    assert_eq!(found.lines().filter(|line| line.contains("aws_ec2_instance")).count(), 8, "{found}");

    assert_progress(&core);
    assert_eq!(worker.stop(), 0);
    let log = worker.log();
    assert!(!log.contains(SECRET) && !log.contains(&MockCloud::key_of(ROOT)), "keys are in the log");
    cloud.expect_sound();
}

/// The tree of the Python worker: the collector, its accounts as `name (id)`, and the regions below each.
fn assert_progress(core: &Fixcore) {
    let told = core.messages("action_progress");
    let paths: BTreeSet<Vec<String>> =
        told.iter().flat_map(|message| places(&message["data"]["progress"])).collect();
    assert!(paths.contains(&vec!["aws".to_owned()]), "{paths:?}");
    for account in ACCOUNTS {
        let account = format!("{ALIAS} ({account})");
        for region in ["global", "us-east-1", "eu-west-1"] {
            let place = vec!["aws".to_owned(), account.clone(), region.to_owned()];
            assert!(paths.contains(&place), "no progress of {place:?} in {paths:?}");
        }
    }
}

/// The places of one progress message: where it hangs, and its parts.
fn places(progress: &Value) -> Vec<Vec<String>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut path: Vec<String> = progress["path"].as_array().into_iter().flatten().map(text).collect();
    path.push(text(&progress["name"]));
    let parts = progress["parts"].as_array().into_iter().flatten().flat_map(places);
    let parts = parts.map(|part| if part.starts_with(&path) { part } else { [path.clone(), part].concat() });
    let mut all: Vec<_> = parts.collect();
    all.push(path);
    all
}

#[test]
fn an_account_that_fails_leaves_the_others_and_is_told_with_its_remedy() {
    let Some(core) = Fixcore::http() else { return };
    let failing = ACCOUNTS[2];
    let faults = [
        format!("sts.GetCallerIdentity/{failing}=ExpiredToken"),
        format!("kms.ListKeys@eu-west-1/{}=InternalError", ACCOUNTS[1]),
        format!("sqs.ListQueues@us-east-1/{}=AccessDenied", ACCOUNTS[3]),
    ];
    let Some(cloud) = MockCloud::shapes(faults) else { return };
    let mut worker = worker(&core, &cloud, &section());
    let run = core.collect();
    let task = run["id"].as_str().unwrap().to_owned();
    assert_eq!(core.answers(&task), [("collect".to_owned(), "action_done".to_owned())]);
    assert_eq!(core.graph().accounts(), ids(&[ACCOUNTS[0], ACCOUNTS[1], ACCOUNTS[3]]));

    let lost = core.await_reported(&[failing, "expired"]);
    for part in [ALIAS, "sts", "GetCallerIdentity", "renew them"] {
        assert!(lost.contains(part), "does not say {part:?}: {lost}");
    }
    let broken = core.await_reported(&[ACCOUNTS[1], "kms: ListKeys"]);
    for part in ["eu-west-1", "InternalError", "it may work again"] {
        assert!(broken.contains(part), "does not say {part:?}: {broken}");
    }
    let errors = core.reported_errors();
    assert_eq!(errors.len(), 2, "denials are no errors: {errors:#?}");
    let infos = core.messages("action_info");
    let denied = infos.iter().map(|info| info["data"]["message"].as_str().unwrap_or_default());
    let denied: Vec<_> = denied.filter(|text| text.contains("sqs: ListQueues")).collect();
    assert_eq!(denied.len(), 1, "{infos:#?}");
    for part in [ACCOUNTS[3], "us-east-1", "access denied", "allow sqs:ListQueues"] {
        assert!(denied[0].contains(part), "does not say {part:?}: {}", denied[0]);
    }
    assert_eq!(worker.stop(), 0);
}

#[test]
fn one_account_by_hand_with_nothing_but_credentials() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let account = ACCOUNTS[0];
    let keys_only = || AwsAlone::new(&cloud, account).without(&["AWS_EC2_METADATA_DISABLED"]);

    let listed = keys_only().run(&["accounts", "--json"]);
    listed.expect_code(0);
    let entry: Value = serde_json::from_str(&listed.output).unwrap();
    assert_eq!(
        (&entry["id"], &entry["name"], &entry["cloud"]),
        (&json!(account), &json!(ALIAS), &json!("aws"))
    );

    let collected = keys_only().set("collect", json!(KINDS)).collect(None);
    collected.expect_code(0);
    let graph = collected.graph();
    let node = graph.of_kind("aws_account");
    assert_eq!((node.len(), &node[0]["reported"]["name"]), (1, &json!(ALIAS)));
    for kind in ["aws_ec2_instance", "aws_kms_key", "aws_iam_role", "aws_s3_bucket", "aws_sns_topic"] {
        assert!(!graph.of_kind(kind).is_empty(), "{kind}");
    }
    assert!(collected.errors.contains("aws_ec2_instance") && collected.errors.contains("0 faults"));
    assert!(!collected.errors.contains(SECRET));
    cloud.expect_sound();
}

#[test]
fn accounts_are_listed_with_role_and_alias() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let listed = alone(&cloud).run(&["accounts", "--json"]);
    listed.expect_code(0);
    let entries: Vec<Value> = listed.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: Vec<_> = entries.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, ACCOUNTS);
    assert!(entries.iter().all(|entry| entry["name"] == ALIAS), "{entries:?}");
    assert!(!listed.output.contains(ROLE), "the scope stays inside");

    let table = alone(&cloud).run(&["accounts"]);
    assert!(table.output.contains(ACCOUNTS[3]) && table.output.contains(ALIAS), "{}", table.output);

    let unclear = alone(&cloud).collect(None);
    unclear.expect_code(64);
    assert!(unclear.troubles()[0].contains("choose one with --account"), "{:?}", unclear.troubles());
}

#[test]
fn the_one_shot_collects_all_accounts_into_one_file() {
    let failing = ACCOUNTS[1];
    let Some(cloud) = MockCloud::shapes([format!("sts.GetCallerIdentity/{failing}=InvalidToken")]) else {
        return;
    };
    let oneshot = Oneshot::new("aws");
    let config = oneshot.scratch().file("config.json", json!({"aws": section()}).to_string());
    let oneshot =
        cloud.environment(ROOT).iter().fold(oneshot, |oneshot, (name, value)| oneshot.env(name, value));
    let finished = oneshot.args(&["--config", config.to_str().unwrap()]).run();
    finished.expect_code(3);
    let graph = finished.graph();
    let mut found: Vec<_> =
        graph.of_kind("aws_account").iter().map(|node| node["reported"]["id"].clone()).collect();
    found.sort_by_key(ToString::to_string);
    assert_eq!(found, [ACCOUNTS[0], ACCOUNTS[2], ACCOUNTS[3]].map(Value::from));
    let account = finished.account(failing);
    assert_eq!((&account["state"], &account["attempts"]), (&json!("failed"), &json!(1)), "{account}");
    assert_eq!(account["error"]["kind"], "credentials");
    assert!(account["error"]["hint"].as_str().unwrap().contains("access key"), "{account}");
    let good = finished.account(ACCOUNTS[0]);
    assert_eq!(good["name"], ALIAS);
    assert!(good["nodes"].as_u64().unwrap() > 50, "{good}");
    assert!(!finished.errors.contains(SECRET));
    cloud.expect_sound();
}

/// An estate with relations and odd answers, through the whole of the worker into the real fixcore.
#[test]
fn an_estate_of_moto_lands_in_fixcore() {
    let Some(core) = Fixcore::http() else { return };
    let account = ACCOUNTS[0];
    let Some(cloud) = MockCloud::moto(&[account]) else { return };
    let mut section = section();
    section["account"] = json!([account]);
    section["collect"] = json!([]);
    let mut worker = worker(&core, &cloud, &section);
    let run = core.collect();
    // What moto does not know it refuses, so there are errors, but none that costs the account.
    let task = run["id"].as_str().unwrap().to_owned();
    assert_eq!(core.answers(&task), [("collect".to_owned(), "action_done".to_owned())]);
    assert_eq!(core.graph().accounts(), [account]);
    assert_eq!(core.refused().len(), 0);
    let graph = core.graph();
    let count = |kind: &str| graph.of_kind(kind).len();
    for kind in
        ["aws_vpc", "aws_ec2_subnet", "aws_ec2_instance", "aws_ec2_volume", "aws_s3_bucket", "aws_iam_role"]
    {
        assert!(count(kind) > 0, "{kind}");
    }
    let ids_of = |kind: &str| -> BTreeSet<String> {
        graph.of_kind(kind).iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
    };
    let (vpcs, subnets) = (ids_of("aws_vpc"), ids_of("aws_ec2_subnet"));
    let inside = graph.edges.iter().filter(|(from, to, edge_type)| {
        edge_type == "default" && vpcs.contains(from) && subnets.contains(to)
    });
    assert_eq!(inside.count(), subnets.len(), "every subnet hangs at its VPC");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_recording_of_all_kinds_is_collected_again_without_the_cloud() {
    let Some(cloud) = MockCloud::shapes::<&str>([]) else { return };
    let alone = AwsAlone::new(&cloud, ACCOUNTS[0]).set("region", json!([REGIONS[1]]));
    let alone =
        alone.set("collect_usage_metrics", true).set("role", ROLE).set("account", json!([ACCOUNTS[0]]));
    let args = ["collect", "--account", ACCOUNTS[0], "-o", "graph.ndjson", "--record", "recording"];
    let recorded = alone.run(&args);
    drop(cloud);
    let recording = Recording::of(&recorded.folder().join("recording"));
    assert!(!recording.text().contains(SECRET));
    let calls = recording.inspect();
    assert_eq!(calls.matches("Action=AssumeRole ").count(), 1, "once for the name and the collection");
    let (first, graph) = recording.replay();
    assert_eq!(first.code, recorded.code, "{}", first.errors);
    assert_eq!(recording.replay().1, graph, "two replays");
    recording.assert_same_but_for_secrets(&recorded.graph());
}
