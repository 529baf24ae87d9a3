//! Bad input of the collector `aws`: every trouble is told with place, call and remedy, the run goes on, and the
//! exit code says what kind of trouble it was.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Mutex;
use std::thread;

use fixworker_tests::aws::{AwsAlone, Ended, MockCloud};
use fixworker_tests::core::free_port;
use fixworker_tests::oneshot::{Finished, Oneshot};
use fixworker_tests::scratch::Scratch;
use serde_json::json;

/// Kinds that count when a region is looked at for being in use, over four protocols: json, query, ec2 and both.
const KINDS: [&str; 4] = ["aws_kms_key", "aws_sns_topic", "aws_ec2_volume", "aws_sqs_queue"];
/// The mock has so many of each in a region.
const EACH: usize = 2;
/// Cases at once; most of their time they wait before the next attempt.
const AT_ONCE: usize = 6;

const DONE: i32 = 0;
const TRY_AGAIN: i32 = 75;
const CREDENTIALS: i32 = 77;
const CONFIG: i32 = 78;
const FAULTS: i32 = 79;

/// One trouble, and what has to come of it.
struct Case {
    /// What the mock does, and where: `OPERATION[@REGION]=KIND[:TIMES]`.
    fault: &'static str,
    code: i32,
    /// Words of the one trouble that is told; nothing is told if there are none.
    said: &'static [&'static str],
    /// The kinds that are missing in eu-west-1; `None` if there is no graph at all.
    missing: Option<&'static [&'static str]>,
}

const fn lost(fault: &'static str, code: i32, said: &'static [&'static str]) -> Case {
    Case { fault, code, said, missing: None }
}

const fn partly(
    fault: &'static str,
    said: &'static [&'static str],
    missing: &'static [&'static str],
) -> Case {
    Case { fault, code: FAULTS, said, missing: Some(missing) }
}

const fn whole(fault: &'static str) -> Case {
    Case { fault, code: DONE, said: &[], missing: Some(&[]) }
}

const KEYS: &str = "[eu-west-1 kms ListKeys]";
const TOPICS: &str = "[eu-west-1 sns ListTopics]";

const CASES: &[Case] = &[
    // Credentials: without them nothing can be collected, and an empty graph would replace a good one.
    lost("sts.*=ExpiredToken", CREDENTIALS, &["sts", "have expired", "hint: renew them"]),
    lost("sts.*=InvalidToken", CREDENTIALS, &["sts", "are not valid", "hint: check the access key id"]),
    lost(
        "sts.*=SignatureDoesNotMatch",
        CREDENTIALS,
        &["sts", "are not valid", "hint: check the access key id"],
    ),
    lost("sts.*=ClockSkew", CREDENTIALS, &["sts", "the clock", "hint: set the clock"]),
    // The way to AWS.
    lost("sts.*=html", TRY_AGAIN, &["sts", "HTML", "502", "hint: look for a proxy"]),
    lost("sts.*=reset", TRY_AGAIN, &["sts", "could not be reached", "hint: check the network"]),
    lost("sts.*=InternalError", TRY_AGAIN, &["sts", "errors of its own", "hint:"]),
    // What one call lacks costs what it lists, and nothing else. Denials are notes: roles are often meant so.
    partly(
        "kms.ListKeys@eu-west-1=AccessDenied",
        &["note:", KEYS, "hint: allow kms:ListKeys"],
        &["aws_kms_key"],
    ),
    partly(
        "ec2.DescribeVolumes@eu-west-1=AccessDenied",
        &[
            "fault:",
            "[eu-west-1 ec2 DescribeVolumes]",
            "UnauthorizedOperation",
            "hint: allow ec2:DescribeVolumes",
        ],
        &["aws_ec2_volume"],
    ),
    partly(
        "kms.DescribeKey@eu-west-1=AccessDenied",
        &["note:", "[eu-west-1 kms DescribeKey]", "2 times", "hint: allow kms:DescribeKey"],
        &["aws_kms_key"],
    ),
    partly(
        "kms.ListKeys@eu-west-1=ExpiredToken",
        &["fault:", KEYS, "have expired", "hint:"],
        &["aws_kms_key"],
    ),
    partly(
        "kms.ListKeys@eu-west-1=truncated",
        &["fault:", KEYS, "cut off", "hint: look for"],
        &["aws_kms_key"],
    ),
    partly("sns.ListTopics@eu-west-1=truncated", &["fault:", TOPICS, "cut off", "hint:"], &["aws_sns_topic"]),
    partly(
        "kms.ListKeys@eu-west-1=html",
        &["fault:", KEYS, "HTML", "502", "hint: look for"],
        &["aws_kms_key"],
    ),
    partly("sns.ListTopics@eu-west-1=html", &["fault:", TOPICS, "HTML", "502", "hint:"], &["aws_sns_topic"]),
    partly(
        "sns.ListTopics@eu-west-1=empty",
        &["fault:", TOPICS, "empty", "hint: look for"],
        &["aws_sns_topic"],
    ),
    // The items are named in what is cut off: it is one trouble all the same.
    partly(
        "kms.DescribeKey@eu-west-1=truncated",
        &["fault:", "[eu-west-1 kms DescribeKey]", "cut off", "2 times", "hint:"],
        &["aws_kms_key"],
    ),
    partly(
        "kms.ListKeys@eu-west-1=reset",
        &["fault:", KEYS, "could not be reached", "hint:"],
        &["aws_kms_key"],
    ),
    partly(
        "kms.ListKeys@eu-west-1=InternalError",
        &["fault:", KEYS, "errors of its own", "after 5 attempts", "hint: it may work again"],
        &["aws_kms_key"],
    ),
    // Listings without an end keep what they have.
    partly(
        "sqs.ListQueues@eu-west-1=repeated",
        &[
            "fault:",
            "[eu-west-1 sqs ListQueues]",
            "round in circles",
            "hint: what was listed until then is kept",
        ],
        &[],
    ),
    partly(
        "sqs.ListQueues@eu-west-1=endless",
        &["fault:", "[eu-west-1 sqs ListQueues]", "does not end", "hint: what was listed until then is kept"],
        &[],
    ),
    // What passes leaves no trace.
    whole("sqs.ListQueues@eu-west-1=Throttling:3"),
    whole("ec2.DescribeVolumes@eu-west-1=Throttling:2"),
    whole("sns.ListTopics@eu-west-1=Throttling:2"),
    whole("kms.ListKeys@eu-west-1=reset:2"),
    whole("kms.ListKeys@eu-west-1=truncated:1"),
    whole("sns.ListTopics@eu-west-1=html:2"),
    whole("kms.ListKeys=slow:1"),
];

fn account(number: usize) -> String {
    format!("2{number:011}")
}

/// The fault with its account: `OPERATION[@REGION]/ACCOUNT=KIND[:TIMES]`.
fn placed(fault: &str, number: usize) -> String {
    let (place, kind) = fault.split_once('=').unwrap();
    format!("{place}/{}={kind}", account(number))
}

fn collect(cloud: &MockCloud, number: usize) -> Ended {
    AwsAlone::new(cloud, &account(number)).set("collect", json!(KINDS)).collect(None)
}

fn check(case: &Case, ended: &Ended) {
    ended.expect_code(case.code);
    let troubles = ended.troubles();
    assert_eq!(troubles.len(), usize::from(!case.said.is_empty()), "troubles: {troubles:#?}");
    for part in case.said {
        assert!(troubles[0].contains(part), "does not say {part:?}: {}", troubles[0]);
    }
    assert_eq!(ended.has_graph(), case.missing.is_some());
    let Some(missing) = case.missing else { return };
    let graph = ended.graph();
    for kind in KINDS {
        let places = if missing.contains(&kind) { 1 } else { 2 };
        let found = graph.of_kind(kind).len();
        // The mock counts its endless pages in what they list.
        let more = case.fault.contains("=endless") && kind == "aws_sqs_queue";
        assert!(found == EACH * places || more && found > EACH * places, "{found} of {kind}");
    }
}

#[test]
fn each_trouble_costs_what_it_is_about_and_says_what_to_do() {
    let faults = CASES.iter().enumerate().map(|(number, case)| placed(case.fault, number));
    let Some(cloud) = MockCloud::shapes(faults) else { return };
    // The slow ones first, so that nobody waits for them at the end.
    let waiting: Mutex<Vec<_>> = Mutex::new(CASES.iter().enumerate().collect());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((number, case)) = { waiting.lock().unwrap().pop() } {
                    let ended = collect(&cloud, number);
                    let checked =
                        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(case, &ended)));
                    if checked.is_err() {
                        failed.lock().unwrap().push(format!("{}:\n{}", case.fault, ended.errors));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
    cloud.expect_sound();
}

#[test]
fn without_credentials_it_says_where_it_looked() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let alone = AwsAlone::new(&cloud, &account(0)).without(&keys);
    let ended = alone.collect(None);
    ended.expect_code(CREDENTIALS);
    let troubles = ended.troubles();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    for part in
        ["no credentials", "AWS_ACCESS_KEY_ID", "metadata of the instance", "hint: set aws.access_key_id"]
    {
        assert!(troubles[0].contains(part), "{part}: {}", troubles[0]);
    }
    assert!(!ended.has_graph());
    assert_eq!(cloud.calls(), [] as [serde_json::Value; 0]);
}

/// Four profiles with keys of four accounts: the one of `AWS_PROFILE` alone is used, and one that is not there is named.
#[test]
fn the_profile_of_the_environment_is_the_only_one_that_is_used() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let config = cloud.profiles(&[0, 1, 2, 3].map(account));
    let alone = |profile: &str| {
        let alone =
            AwsAlone::new(&cloud, &account(0)).without(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
        alone.env("AWS_CONFIG_FILE", &config).env("AWS_PROFILE", profile).run(&["accounts", "--json"])
    };
    let listed = alone(&format!("of-{}", account(2)));
    listed.expect_code(DONE);
    let entries: Vec<serde_json::Value> =
        listed.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = entries.iter().map(|entry| entry["id"].clone()).collect();
    assert_eq!(ids, [json!(account(2))]);
    let missing = alone("no-such-profile");
    missing.expect_code(CREDENTIALS);
    let troubles = missing.troubles();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    for part in ["there is no profile \"no-such-profile\"", &format!("of-{}", account(3))] {
        assert!(troubles[0].contains(part), "{part}: {}", troubles[0]);
    }
    assert_eq!(cloud.asked_accounts().into_iter().collect::<Vec<_>>(), [account(2)]);
}

#[test]
fn a_role_that_cannot_be_assumed_is_named_with_its_account() {
    let fault = format!("sts.AssumeRole/{}=AccessDenied", account(0));
    let Some(cloud) = MockCloud::shapes([fault]) else { return };
    let member = account(7);
    let alone = AwsAlone::new(&cloud, &account(0)).set("role", "Missing").set("account", json!([member]));
    let ended = alone.collect(None);
    ended.expect_code(CREDENTIALS);
    let troubles = ended.troubles();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    let arn = format!("arn:aws:iam::{member}:role/Missing");
    for part in
        ["sts AssumeRole", "cannot be assumed", &arn, "hint: check that the role exists", "trust policy"]
    {
        assert!(troubles[0].contains(part), "{part}: {}", troubles[0]);
    }
    assert!(!ended.has_graph());
}

/// Credentials that end in the middle cost the account: what is not seen any more would look as if it were gone.
#[test]
fn credentials_that_expire_in_the_middle_cost_the_account() {
    let id = account(0);
    let fault = |text: &str| text.replace('=', &format!("/{id}="));
    let faults =
        ["sts.GetCallerIdentity=none:2", "sts.*=ExpiredToken", "kms.ListKeys=ExpiredToken"].map(fault);
    let Some(cloud) = MockCloud::shapes(faults) else { return };
    let ended = AwsAlone::new(&cloud, &id).set("collect", json!(KINDS)).collect(None);
    ended.expect_code(CREDENTIALS);
    let troubles = ended.troubles();
    let last = troubles.last().unwrap();
    assert!(
        last.starts_with("error:") && last.contains("have expired") && last.contains("hint: renew"),
        "{last}"
    );
    assert!(!ended.has_graph());
}

/// What a program gives when the credentials end may be another account's: nothing of that is taken for this one's.
#[test]
fn credentials_that_become_those_of_another_account_cost_the_account() {
    let [ours, other] = [0, 1].map(account);
    let Some(cloud) = MockCloud::shapes([format!("kms.ListKeys/{ours}=ExpiredToken")]) else { return };
    let scratch = Scratch::new();
    let (given, program) = (scratch.path().join("given"), scratch.path().join("give"));
    let text = format!(
        "if test -e {given}; then account={other}; else account={ours}; fi; touch {given}; exec cat {folder}/$account\n",
        given = given.display(),
        folder = scratch.path().display(),
    );
    scratch.file("give", text);
    for account in [&ours, &other] {
        let variables = cloud.environment(account);
        let of =
            |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let (key, secret) = (of("AWS_ACCESS_KEY_ID").unwrap(), of("AWS_SECRET_ACCESS_KEY").unwrap());
        let keys = json!({"Version": 1, "AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": "t"});
        scratch.file(account, keys.to_string());
    }
    let config =
        scratch.file("config", format!("[default]\ncredential_process = /bin/sh {}\n", program.display()));
    let alone = AwsAlone::new(&cloud, &ours).without(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
    let alone = alone.env("AWS_CONFIG_FILE", &config.display().to_string()).set("collect", json!(KINDS));
    let ended = alone.collect(Some(&ours));
    ended.expect_code(CREDENTIALS);
    let troubles = ended.troubles();
    let last = troubles.last().unwrap();
    for part in
        ["another account", "replaced by others", &other, &ours, "hint: let whatever gives the credentials"]
    {
        assert!(last.contains(part), "{part}: {last}");
    }
    assert!(!ended.has_graph());
    let with_theirs: Vec<_> =
        cloud.calls().into_iter().filter(|call| call["account"] == json!(other)).collect();
    assert!(with_theirs.iter().all(|call| call["operation"] == "GetCallerIdentity"), "{with_theirs:?}");
}

/// A region that does not answer, or accepts nobody, is not empty: no part of the account is written, and another time may be
/// better.
#[test]
fn a_region_that_cannot_be_read_costs_the_account() {
    for (fault, code, words) in [
        ("reset", TRY_AGAIN, &["could not be reached", "leave eu-west-1 out"][..]),
        ("OptInRequired", CREDENTIALS, &["does not use this region", "enable eu-west-1"]),
        (
            "InvalidToken",
            CREDENTIALS,
            &["does not accept the credentials", "enable the region", "leave eu-west-1 out"],
        ),
    ] {
        let Some(cloud) = MockCloud::shapes([format!("*@eu-west-1/{}={fault}", account(0))]) else { return };
        let ended = collect(&cloud, 0);
        ended.expect_code(code);
        let troubles = ended.troubles();
        let last = troubles.last().unwrap();
        for part in ["error:", "nothing could be read in eu-west-1"].iter().chain(words) {
            assert!(last.contains(part), "{part}: {last}");
        }
        assert!(!ended.has_graph());
    }
}

/// `fixworker collect` on the account of a case.
fn oneshot(cloud: &MockCloud, args: &[&str], settings: &[&str]) -> Finished {
    prepared(cloud, args, settings).run()
}

fn prepared(cloud: &MockCloud, args: &[&str], settings: &[&str]) -> Oneshot {
    let usual =
        ["aws.region=us-east-1,eu-west-1", "aws.collect_usage_metrics=false", "supervisor.max_attempts=1"];
    let oneshot = Oneshot::new("aws").set_all(&usual).set_all(settings).args(args);
    let environment = cloud.environment(&account(0));
    environment.iter().fold(oneshot, |oneshot, (name, value)| oneshot.env(name, value))
}

#[test]
fn denied_calls_are_in_summary_and_report_and_count_if_that_is_asked_for() {
    let id = account(0);
    let faults = ["kms.ListKeys", "sns.ListTopics"].map(|call| format!("{call}/{id}=AccessDenied"));
    let Some(cloud) = MockCloud::shapes(faults) else { return };
    let narrow = format!("aws.collect={}", KINDS.join(","));
    let ended = oneshot(&cloud, &[], &[&narrow]);
    ended.expect_code(0);
    let said = "4 calls denied for lack of permission: kms:ListKeys, sns:ListTopics";
    assert!(ended.output.contains(said), "{}", ended.output);
    let report = ended.report();
    let denied = report["denied"].as_array().unwrap();
    let actions: Vec<_> = denied.iter().map(|denied| denied["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["kms:ListKeys", "sns:ListTopics"]);
    assert!(denied.iter().all(|denied| denied["regions"] == json!(["eu-west-1", "us-east-1"])), "{report}");
    assert_eq!((&report["totals"]["denied"], &report["totals"]["faults"]), (&json!(4), &json!(4)));
    assert_eq!(report["faults"].as_array().unwrap().len(), 1, "one cause is told once: {report}");
    oneshot(&cloud, &["--strict"], &[&narrow]).expect_code(3);
}

/// The accounts of a profile that is not there are missing: a trouble of the listing, which no account has.
#[test]
fn a_profile_that_is_not_there_is_in_summary_and_report_and_counts_if_that_is_asked_for() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let config = cloud.profiles(&[account(1)]);
    let profiles = format!("aws.profiles=of-{},gone", account(1));
    let ended = |args: &[&str]| {
        let settings = [profiles.as_str(), "aws.collect=aws_kms_key"];
        prepared(&cloud, args, &settings).env("AWS_CONFIG_FILE", &config).run()
    };
    let lenient = ended(&[]);
    lenient.expect_code(0);
    let said = "accounts of aws: no accounts of the profile \"gone\"";
    assert!(
        lenient.output.contains("1 fault: 1 credentials") && lenient.output.contains(said),
        "{}",
        lenient.output
    );
    let report = lenient.report();
    let faults = report["faults"].as_array().unwrap();
    assert_eq!(
        (faults.len(), &faults[0]["account"], &faults[0]["cloud"]),
        (1, &json!(null), &json!("aws")),
        "{report}"
    );
    ended(&["--strict"]).expect_code(3);
}

#[test]
fn a_region_of_another_partition_is_told_and_is_wrong_configuration_if_there_is_no_other() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let mixed =
        oneshot(&cloud, &["--strict"], &["aws.collect=aws_kms_key", "aws.region=eu-west-1,cn-north-1"]);
    mixed.expect_code(3);
    assert!(mixed.output.contains("aws.region names cn-north-1 (aws-cn)"), "{}", mixed.output);
    let none = oneshot(&cloud, &[], &["aws.region=cn-north-1,us-gov-east-1"]);
    none.expect_code(2).expect_said(&["cn-north-1 (aws-cn) and us-gov-east-1 (aws-us-gov)"]);
    assert!(!none.has_graph());
}

#[test]
fn a_name_that_nothing_has_is_wrong_configuration() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    for (setting, said) in [
        ("aws.collect=aws_ec2_instances", "did you mean aws_ec2_instance?"),
        ("aws.no_collect=aws_ec2_volums", "did you mean aws_ec2_volume?"),
        ("aws.region=eu-west-1a", "did you mean eu-west-1?"),
        ("aws.region=eu-wst-1", "did you mean eu-west-1?"),
        ("aws.no_collect=aws_*", "aws.no_collect leaves no kind"),
    ] {
        let ended = oneshot(&cloud, &[], &[setting]);
        ended.expect_code(2).expect_said(&[said]);
        assert!(!ended.has_graph());
    }
}

/// A service whose address does not exist: told once, everything else is there.
#[test]
fn a_service_that_has_no_address_costs_its_own_kinds() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let alone = AwsAlone::new(&cloud, &account(0)).env("AWS_ENDPOINT_URL_KMS", "http://kms.nowhere.invalid");
    let ended = alone.set("collect", json!(KINDS)).collect(None);
    ended.expect_code(FAULTS);
    let troubles = ended.troubles();
    assert_eq!(troubles.len(), 1, "one cause: {troubles:#?}");
    for part in
        ["DnsFailure", "kms.nowhere.invalid", "in eu-west-1 and us-east-1", "hint: check the name servers"]
    {
        assert!(troubles[0].contains(part), "{part}: {}", troubles[0]);
    }
    let graph = ended.graph();
    assert_eq!(graph.of_kind("aws_kms_key").len(), 0);
    assert_eq!(graph.of_kind("aws_sns_topic").len(), 2 * EACH);
}

/// AWS lists regions for it in which it has no host: where nothing else is wanted, the region itself answers.
#[test]
fn a_service_without_host_does_not_cost_the_account() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let nowhere = "http://bedrock-agent.nowhere.invalid";
    let alone = AwsAlone::new(&cloud, &account(0)).env("AWS_ENDPOINT_URL_BEDROCK_AGENT", nowhere);
    let ended = alone.set("collect", json!(["aws_bedrock_agent"])).collect(None);
    ended.expect_code(FAULTS);
    assert!(ended.has_graph());
    assert_eq!(ended.troubles().len(), 1, "{:#?}", ended.troubles());
}

#[test]
fn nobody_at_the_endpoint_is_a_trouble_that_may_pass() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let ended = AwsAlone::new(&cloud, &account(0)).env("AWS_ENDPOINT_URL", &nobody).collect(None);
    ended.expect_code(TRY_AGAIN);
    let troubles = ended.troubles();
    assert!(troubles.len() == 1 && troubles[0].contains("no connection to 127.0.0.1"), "{troubles:?}");
}

#[test]
fn settings_that_contradict_each_other_are_refused_with_a_remedy() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let cases = [
        ("assume_current", json!(true), "do_not_scrape_current"),
        ("access_key_id", json!("AKIA"), "aws.secret_access_key"),
        ("cloudwatch_metrics_for_atime_mtime_period", json!("soon"), "60d"),
        ("account", json!({"not": "a list"}), "aws"),
        ("region", json!("eu-west-1 or so"), "aws"),
        ("region", json!(["us-east-1", "eu-west-1a"]), "did you mean eu-west-1?"),
        ("collect", json!(["aws_ec2_instances"]), "did you mean aws_ec2_instance?"),
        ("no_collect", json!(["aws_ec2_volums"]), "did you mean aws_ec2_volume?"),
    ];
    for (name, value, said) in cases {
        let ended = AwsAlone::new(&cloud, &account(0)).set(name, value).collect(None);
        ended.expect_code(CONFIG);
        let troubles = ended.troubles();
        assert!(troubles.iter().any(|trouble| trouble.contains(said)), "{name}: {troubles:?}");
        assert!(!ended.has_graph());
    }
    assert_eq!(cloud.calls(), [] as [serde_json::Value; 0], "nothing is asked before the settings are right");
}

/// With `discard_account_on_resource_error` a trouble with resources costs the account, as it is asked for.
#[test]
fn the_account_is_given_up_if_the_settings_say_so() {
    let fault = format!("kms.ListKeys@eu-west-1/{}=InternalError", account(0));
    let Some(cloud) = MockCloud::shapes([fault]) else { return };
    let alone = AwsAlone::new(&cloud, &account(0)).set("collect", json!(KINDS));
    let ended = alone.set("discard_account_on_resource_error", true).collect(None);
    ended.expect_code(TRY_AGAIN);
    assert!(ended.troubles().iter().any(|trouble| trouble.contains(KEYS)), "{:?}", ended.troubles());
    assert!(!ended.has_graph());
}
