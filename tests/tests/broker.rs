//! Credentials of one account: what the child of an account is given when its collector makes such, and what a broker
//! that misbehaves costs.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;

use fixworker_tests::aws::{ACCOUNTS, MockCloud, REGIONS, ROLE, SECRET};
use fixworker_tests::core::Fixcore;
use fixworker_tests::estate::Estate;
use fixworker_tests::oneshot::{Finished, Oneshot};
use fixworker_tests::worker::WorkerOptions;
use serde_json::{Value, json};

/// The account of the keys, which is none of those that are collected.
const ROOT: &str = "999999999999";

/// A run of two accounts with a broker that behaves as the name of the program says.
fn with_broker(order: &str, settings: &[&str]) -> Finished {
    let oneshot = Oneshot::rogue(&["good-1", "good-2"]).collector_name(&format!("describe-{order}"));
    let home = oneshot.scratch().dir("home");
    fs::create_dir_all(home.join(".rogue")).unwrap();
    fs::write(home.join(".rogue/keys"), "keys of all accounts").unwrap();
    let oneshot =
        oneshot.env("ROGUE_SECRET", "hunter2").env("ROGUE_REGION", "north").env("SECRET_OF_OTHERS", "x");
    let oneshot = oneshot.set_all(&["rogue.key=long-lived", "supervisor.max_attempts=4"]);
    oneshot.set_all(settings).run()
}

/// What the child of an account had.
fn dump(finished: &Finished, account: &str) -> Value {
    let path = finished.scratch.path().join("markers").join(format!("dump-{account}"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The questions that brokers were asked: process id, account, whether again.
fn questions(finished: &Finished) -> Vec<(String, String, bool)> {
    let text = fs::read_to_string(finished.scratch.path().join("markers/brokers")).unwrap();
    let question = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[0].to_owned(), words[1].to_owned(), words[2] == "again=true")
    };
    text.lines().map(question).collect()
}

#[track_caller]
fn all_done(finished: &Finished) {
    finished.expect_code(0);
    for account in ["good-1", "good-2"] {
        assert_eq!(finished.account(account)["state"], "done", "{}", finished.account(account));
    }
}

#[test]
fn the_child_of_an_account_has_its_credentials_and_nothing_that_leads_to_others() {
    let finished = with_broker("broker", &[]);
    all_done(&finished);
    for account in ["good-1", "good-2"] {
        let dump = dump(&finished, account);
        assert_eq!(dump["seal"], format!("session of {account}"));
        assert_eq!(dump["variables"], json!(["ROGUE_REGION"]));
        assert_eq!((&dump["config"]["key"], &dump["keys"]), (&Value::Null, &Value::Null), "{dump}");
        assert!(!dump.to_string().contains("long-lived"), "{dump}");
    }
    let asked = questions(&finished);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(asked[0].0, asked[1].0, "one broker makes the credentials of both");
}

/// What deletes, changes tags and executes commands has no more than what collects.
#[test]
fn children_that_change_something_have_the_credentials_of_their_account_only() {
    let Some(core) = Fixcore::http() else { return };
    Estate::rogue().account("good").marked("one").put(&core);
    let options = WorkerOptions::new(&core, "rogue").rogue(&["good"]).collector_name("describe-broker");
    let home = options.scratch().dir("home");
    fs::create_dir_all(home.join(".rogue")).unwrap();
    fs::write(home.join(".rogue/keys"), "keys of all accounts").unwrap();
    let settings = ["rogue.key=long-lived", "fixworker.cleanup=true", "fixworker.cleanup_dry_run=false"];
    let options = options.env("ROGUE_SECRET", "hunter2").env("ROGUE_REGION", "north").set_all(&settings);
    let mut worker = options.start(&core);
    core.await_task("tag", Some("rogue"));
    core.await_task("rogue", None);
    core.await_workflow(&core.start_workflow("cleanup"));
    let command = json!({"name": "rogue", "attrs": {}, "data": {"args": ["echo"]}});
    assert_eq!(core.task(&command)["result"]["args"], json!(["echo"]));
    let tagged = core.task_on("one", "tag", &json!({"update": {"do": "well"}}));
    assert_eq!(tagged["result"]["reported"]["tags"]["do"], "well", "{tagged}");
    for job in ["good", "command", "tag"] {
        let path = worker.scratch().path().join("markers").join(format!("dump-{job}"));
        let dump: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(dump["seal"], format!("session of {job}"));
        assert_eq!((&dump["variables"], &dump["keys"]), (&json!(["ROGUE_REGION"]), &Value::Null), "{dump}");
        assert!(!dump.to_string().contains("long-lived"), "{dump}");
    }
    assert_eq!(worker.stop(), 0);
}

#[test]
fn one_process_for_all_accounts_has_all_credentials() {
    let finished = with_broker("broker", &["fixworker.fork_process=false"]);
    all_done(&finished);
    assert!(!finished.scratch.path().join("markers/brokers").exists());
}

#[test]
fn credentials_are_renewed_while_the_account_is_collected() {
    let finished = with_broker("broker-ask", &[]);
    all_done(&finished);
    for account in ["good-1", "good-2"] {
        assert_eq!(dump(&finished, account)["renewed"], format!("session of {account} again"));
    }
    assert_eq!(questions(&finished).iter().filter(|(_, _, again)| *again).count(), 2);
}

/// Whoever asks without end wears out neither the broker nor those whom it asks.
#[test]
fn a_child_that_asks_without_end_is_answered_now_and_then() {
    let finished = with_broker("broker-ask-greedily", &[]);
    all_done(&finished);
    let asked = questions(&finished);
    for account in ["good-1", "good-2"] {
        assert_eq!(dump(&finished, account)["renewed"], format!("session of {account} again"));
        let again = asked.iter().filter(|(_, of, again)| of == account && *again).count();
        // Two answers, and one that nobody waited for.
        assert!((2..=3).contains(&again), "{account}: {again} times for 20,000 questions");
    }
}

#[test]
fn credentials_of_a_job_that_is_not_its_own_are_refused() {
    let finished = with_broker("broker-ask-for-another", &[]);
    all_done(&finished);
    let attempts = |account| finished.account(account)["attempts"].as_u64().unwrap();
    assert_eq!(attempts("good-1") + attempts("good-2"), 3, "it has cost the attempt that has asked");
    assert!(questions(&finished).iter().all(|(_, _, again)| !again), "nobody was asked");
    finished.expect_said(&["sent Renew about job"]);
}

#[test]
fn a_broker_that_misbehaves_costs_the_attempts_that_need_it_and_is_started_again() {
    for how in ["hang", "die", "junk", "other", "nothing", "huge"] {
        let finished = with_broker(&format!("broker-{how}"), &["supervisor.stall_timeout=2"]);
        all_done(&finished);
        let attempts = |account| finished.account(account)["attempts"].as_u64().unwrap();
        assert!(attempts("good-1") + attempts("good-2") > 2, "{how}: it has cost an attempt");
        let asked = questions(&finished);
        assert!(asked.first().map(|one| &one.0) != asked.last().map(|one| &one.0), "{how}: {asked:?}");
        for account in ["good-1", "good-2"] {
            assert_eq!(dump(&finished, account)["seal"], format!("session of {account}"), "{how}");
        }
    }
}

/// A one-shot over two accounts of the mock cloud by their role.
fn by_role(cloud: &MockCloud, settings: &[&str]) -> Finished {
    let accounts = format!("aws.account={},{}", ACCOUNTS[0], ACCOUNTS[1]);
    let mut oneshot = Oneshot::new("aws").set_all(&[
        &accounts,
        &format!("aws.role={ROLE}"),
        &format!("aws.region={}", REGIONS.join(",")),
        "aws.collect=aws_ec2_volume,aws_sqs_queue,aws_kms_key",
        "aws.collect_usage_metrics=false",
    ]);
    for (name, value) in cloud.environment(ROOT) {
        oneshot = oneshot.env(&name, &value);
    }
    oneshot.set_all(settings).run()
}

/// Calls that were signed with a key that begins so, as `service.Operation`.
fn signed_with(cloud: &MockCloud, beginning: &str) -> Vec<String> {
    let calls = cloud.calls();
    let own = calls.iter().filter(|call| call["key"].as_str().unwrap_or_default().starts_with(beginning));
    own.map(|call| format!("{}.{}", call["service"].as_str().unwrap(), call["operation"].as_str().unwrap()))
        .collect()
}

#[test]
fn accounts_of_aws_are_collected_with_sessions_of_their_role() {
    let Some(cloud) = MockCloud::shapes([""; 0]) else { return };
    let finished = by_role(&cloud, &[]);
    finished.expect_code(0);
    // The worker's own keys assume roles, and do nothing in the accounts.
    let by_keys = signed_with(&cloud, "AKIA");
    assert!(by_keys.iter().all(|call| call.starts_with("sts.")), "{by_keys:?}");
    for account in &ACCOUNTS[..2] {
        assert_eq!(finished.account(account)["state"], "done");
        let by_role = signed_with(&cloud, &format!("ASIA{account}"));
        for call in ["ec2.DescribeVolumes", "sqs.ListQueues"] {
            assert!(by_role.iter().any(|one| one == call), "{account} {call}: {by_role:?}");
        }
        // Whether they are good and whose they are is one question.
        let of_sts: Vec<&str> =
            by_role.iter().map(String::as_str).filter(|one| one.starts_with("sts.")).collect();
        assert_eq!(of_sts, ["sts.GetCallerIdentity"]);
    }
    let said = format!(
        "{}{}",
        finished.errors,
        fs::read_to_string(finished.scratch.path().join("report.json")).unwrap()
    );
    assert!(!said.contains(SECRET) && !said.contains("token-1000"), "{said}");
    cloud.expect_sound();
}

#[test]
fn a_session_that_ends_in_the_middle_is_replaced_by_the_broker() {
    let fault = format!("sqs.ListQueues@eu-west-1/{}=ExpiredToken:1", ACCOUNTS[0]);
    let Some(cloud) = MockCloud::shapes([fault]) else { return };
    let finished = by_role(&cloud, &[]);
    finished.expect_code(0);
    assert_eq!(finished.account(ACCOUNTS[0])["attempts"], 1);
    let calls = cloud.calls();
    let keys: Vec<&str> = calls
        .iter()
        .filter(|call| call["operation"] == "ListQueues" && call["region"] == "eu-west-1")
        .filter(|call| call["account"] == ACCOUNTS[0])
        .map(|call| call["key"].as_str().unwrap())
        .collect();
    assert!(keys.len() == 2 && keys[0] != keys[1], "the second one is signed with another key: {keys:?}");
    // Whose the new ones are, AWS says, whatever role they are said to be of.
    let asked =
        |call: &&serde_json::Value| call["operation"] == "GetCallerIdentity" && call["key"] == keys[1];
    assert_eq!(calls.iter().filter(asked).count(), 1, "{keys:?}");
    cloud.expect_sound();
}
