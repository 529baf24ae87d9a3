//! A change never reaches another account: two accounts of moto with a log group, a role and a table of the same names,
//! each with keys of its own and nothing that leads from one into the other.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::{Path, PathBuf};

use fixworker_tests::aws::{Ended, TWINS, TwinCloud};
use fixworker_tests::core::Fixcore;
use fixworker_tests::graph::Export;
use fixworker_tests::scratch::Scratch;
use serde_json::{Value, json};

const OURS: &str = TWINS[0];
const OTHER: &str = TWINS[1];
const KINDS: [&str; 3] = ["aws_cloudwatch_log_group", "aws_iam_role", "aws_dynamodb_table"];
const DONE: i32 = 0;
const CREDENTIALS: i32 = 77;
/// Exit code of a run that left something.
const FAULTS: i32 = 79;

/// An account as it was collected with its own keys.
struct Collected {
    file: PathBuf,
    graph: Export,
    scratch: Scratch,
}

impl Collected {
    fn of(cloud: &TwinCloud, account: &str) -> Self {
        let scratch = Scratch::new();
        let file = scratch.path().join("graph.ndjson");
        cloud.alone(account).run(&["collect", "--account", account, "--output", text(&file)]);
        let graph = Export::read(&file);
        Self { file, graph, scratch }
    }

    fn twin(&self, kind: &str) -> &Value {
        let is = |node: &&Value| node["reported"]["kind"] == kind && node["reported"]["name"] == "twin";
        self.graph.nodes.values().find(is).unwrap_or_else(|| panic!("no {kind}"))
    }

    /// `clean` of all twins with the keys of `account`.
    fn clean(&self, cloud: &TwinCloud, account: &str, more: &[&str]) -> Ended {
        let ids = KINDS.map(|kind| self.twin(kind)["id"].as_str().unwrap());
        let mut args = vec!["clean", "--json", "--input", text(&self.file), "--patience", "1"];
        args.extend(more);
        args.extend(ids.iter().flat_map(|id| ["--id", id]));
        cloud.alone(account).run(&args)
    }

    /// The node of a twin, as a task brings it.
    fn node_file(&self, kind: &str) -> PathBuf {
        let one = |kind: &str, name: &str| {
            let is = |node: &&Value| {
                node["reported"]["kind"] == kind && (name.is_empty() || node["reported"]["name"] == name)
            };
            self.graph.nodes.values().find(is).unwrap().clone()
        };
        let region = if kind == "aws_iam_role" { "global" } else { "eu-west-1" };
        let mut node = self.twin(kind).clone();
        node["ancestors"] = json!({
            "cloud": one("cloud", ""), "account": one("aws_account", ""), "region": one("aws_region", region),
        });
        self.scratch.file(&format!("{kind}.json"), node.to_string())
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The refusal names both accounts and what to do.
#[track_caller]
fn assert_refused(said: &str) {
    for part in [OURS, OTHER, "belong to the account", "aws.role"] {
        assert!(said.contains(part), "no {part:?}: {said}");
    }
}

#[test]
fn by_hand_nothing_reaches_the_account_of_the_credentials_for_another_one() {
    let Some(cloud) = TwinCloud::start() else { return };
    let other = Collected::of(&cloud, OTHER);
    for how in ["--dry-run", "--yes"] {
        let cleaned = other.clean(&cloud, OURS, &[how]);
        cleaned.expect_code(CREDENTIALS);
        assert_refused(&cleaned.output);
    }
    for kind in KINDS {
        let node = other.node_file(kind);
        let tagged = cloud.alone(OURS).run(&["tag", "--node", text(&node), "--set", "a=b"]);
        tagged.expect_code(CREDENTIALS);
        assert_refused(&tagged.errors);
    }
    let node = other.node_file("aws_iam_role");
    let allowed = "aws.command_operations=iam:delete-role";
    let node = ["command", "--override", allowed, "--node", text(&node)];
    let command: Vec<&str> =
        node.into_iter().chain(["aws", "iam", "delete-role", "--role-name", "twin"]).collect();
    let called = cloud.alone(OURS).run(&command);
    called.expect_code(CREDENTIALS);
    assert_refused(&called.errors);
    for account in TWINS {
        cloud.expect_untouched(account);
    }

    // A role of the configuration leads into it, and into no other account.
    let node = other.node_file("aws_cloudwatch_log_group");
    let by_role = cloud.alone(OURS).set("role", "Fix").run(&["tag", "--node", text(&node), "--set", "a=b"]);
    by_role.expect_code(DONE);
    assert_eq!(cloud.left(OTHER)["log group"], json!({"a": "b"}));
    other.clean(&cloud, OTHER, &["--yes"]).expect_code(DONE);
    assert_eq!(cloud.left(OTHER), json!({}));
    cloud.expect_untouched(OURS);
}

#[test]
fn without_sts_nothing_is_changed() {
    let Some(cloud) = TwinCloud::start() else { return };
    let ours = Collected::of(&cloud, OURS);
    let args = ["clean", "--json", "--yes", "--patience", "1", "--input", text(&ours.file), "--id"];
    let id = ours.twin("aws_cloudwatch_log_group")["id"].as_str().unwrap();
    let args: Vec<&str> = args.into_iter().chain([id]).collect();
    // Nobody listens there.
    let cleaned = cloud.alone(OURS).env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9").run(&args);
    assert!(cleaned.code != DONE && cleaned.code != FAULTS, "{}: {}", cleaned.code, cleaned.errors);
    let told = "nothing is deleted there, because it cannot be learned to which account the credentials belong; try again";
    assert!(cleaned.output.contains(told), "{}", cleaned.output);
    cloud.expect_untouched(OURS);
}

/// The nodes of the twins of an account in fixcore.
fn twins_of(account: &str) -> String {
    format!("search name=twin and /ancestors.account.reported.id=\"{account}\"")
}

fn cleaned(core: &Fixcore, account: &str) -> usize {
    let said = core.cli(&format!("{} and /metadata.cleaned=true | list kind, id", twins_of(account)));
    said.lines().filter(|line| line.contains("kind=")).count()
}

#[test]
fn two_workers_on_one_fixcore_each_clean_up_their_own_account() {
    let (Some(core), Some(cloud)) = (Fixcore::http(), TwinCloud::start()) else { return };
    let mut ours = cloud.worker(&core, OURS, "fix.worker", &[]);
    let mut theirs = cloud.worker(&core, OTHER, "fix.worker.other", &[]);
    core.collect();
    let said = core.cli(&format!("{} | clean", twins_of(OTHER)));
    assert!(!said.contains("rror"), "{said}");
    let task = core.start_workflow("cleanup");
    core.await_workflow(&task);
    assert_eq!(core.answers(&task).len(), 2);
    assert!(core.answers(&task).iter().all(|(_, kind)| kind == "action_done"), "{:?}", core.answers(&task));
    assert_eq!(cloud.left(OTHER), json!({}));
    cloud.expect_untouched(OURS);
    assert_eq!((cleaned(&core, OTHER), cleaned(&core, OURS)), (3, 0));
    // The worker that cannot get in says so once, and does not speak of failure.
    let infos: Vec<Value> =
        core.messages("action_info").into_iter().map(|info| info["data"].clone()).collect();
    let told: Vec<&Value> = infos
        .iter()
        .filter(|info| info["message"].as_str().unwrap().contains("belong to the account"))
        .collect();
    assert_eq!(told.len(), 1, "{infos:?}");
    assert_eq!(told[0]["level"], "info");
    assert_refused(told[0]["message"].as_str().unwrap());
    assert!(infos.iter().all(|info| info["level"] != "error"), "{infos:?}");
    let log = core.cli(&format!("{} | list /metadata.event_log", twins_of(OTHER)));
    assert!(log.contains("deleted") && !log.contains("belong to the account"), "{log}");
    assert_eq!(theirs.stop(), 0);

    // A tag for the account of the worker that is gone.
    core.await_task("tag", Some("aws"));
    let body = Some(("text/plain", format!("{} | tag update a b", twins_of(OTHER))));
    let said = core.call("POST", "/cli/execute?graph=fix", body).text;
    assert_refused(&said);
    let body = Some(("text/plain", format!("{} | tag update a b", twins_of(OURS))));
    core.call("POST", "/cli/execute?graph=fix", body).expect_success();
    assert_eq!(cloud.left(OURS)["table"], json!({"a": "b"}));
    assert_eq!(ours.stop(), 0);
}
