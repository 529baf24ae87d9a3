//! Tags, commands and deletion by hand: `fix-collector` alone against moto, with one account in which everything has to
//! go in an order (`tests/aws/cleanup_estate.py`).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fixworker_tests::aws::{CleanupCloud, Ended};
use fixworker_tests::graph::Export;
use fixworker_tests::scratch::Scratch;
use serde_json::{Value, json};

const ACCOUNT: &str = "100000000001";
const DONE: i32 = 0;
const CONFIG: i32 = 78;
const FAULTS: i32 = 79;

/// The account as it was collected.
struct Collected {
    cloud: CleanupCloud,
    scratch: Scratch,
    file: PathBuf,
    graph: Export,
}

impl Collected {
    fn new(faults: &[&str]) -> Option<Self> {
        let cloud = CleanupCloud::with_faults(faults)?;
        let scratch = Scratch::new();
        let file = scratch.path().join("graph.ndjson");
        // Not all that moto is asked for is served, so there may be faults.
        cloud.alone().run(&["collect", "--account", ACCOUNT, "--output", text(&file)]);
        let graph = Export::read(&file);
        Some(Self { cloud, scratch, file, graph })
    }

    /// The node of this kind and name or id, as a task of fixcore brings it.
    #[track_caller]
    fn node(&self, kind: &str, name: &str) -> Value {
        let reported = |node: &&&Value| {
            node["reported"]["kind"] == kind
                && (node["reported"]["name"] == name || node["reported"]["id"] == name)
        };
        let mut node =
            self.graph.nodes.values().find(|node| reported(&node)).expect("it was collected").clone();
        let of_kind =
            |kind: &str| self.graph.nodes.values().find(|node| node["reported"]["kind"] == kind).unwrap();
        let region = if kind.starts_with("aws_ec2_") { "eu-west-1" } else { "global" };
        let regions = self.graph.nodes.values().filter(|node| node["reported"]["kind"] == "aws_region");
        let region = regions.into_iter().find(|node| node["reported"]["name"] == region);
        node["ancestors"] = json!({
            "cloud": of_kind("cloud"),
            "account": of_kind("aws_account"),
            "region": region.unwrap(),
        });
        node
    }

    /// A file with that node.
    fn node_file(&self, kind: &str, name: &str) -> PathBuf {
        self.scratch.file(&format!("{kind}-{name}.json"), self.node(kind, name).to_string())
    }

    /// Everything that is to go: what is tagged so, or cannot be tagged, and what goes with the VPC.
    fn chosen(&self) -> BTreeSet<String> {
        let goes = |reported: &Value| {
            let named = |kind: &str, name: &str| reported["kind"] == kind && reported["name"] == name;
            reported["tags"]["fate"] == "go"
                || named("aws_iam_group", "people")
                || named("aws_iam_policy", "shared")
                || named("aws_iam_instance_profile", "profile")
                || named("aws_iam_access_key", "leaver")
                || reported["volume_attachments"][0]["instance_id"] == self.cloud.id("instance")
        };
        let marked = self.graph.nodes.iter().filter(|(_, node)| goes(&node["reported"]));
        let mut chosen: BTreeSet<String> = marked.map(|(id, _)| id.clone()).collect();
        let vpc = self.node("aws_vpc", self.cloud.id("vpc"));
        let held_back =
            self.graph.edges.iter().filter(|(from, _, kind)| *from == vpc["id"] && kind == "delete");
        chosen.extend(held_back.map(|(_, to, _)| to.clone()));
        chosen
    }

    /// `fix-collector clean` of the chosen ones.
    fn clean(&self, chosen: &BTreeSet<String>, options: &[&str]) -> Ended {
        let ids = chosen.iter().flat_map(|id| ["--id", id]);
        let args = ["clean", "--json", "--input", text(&self.file), "--patience", "60"];
        let args: Vec<&str> = args.into_iter().chain(options.iter().copied()).chain(ids).collect();
        self.cloud.alone().run(&args)
    }

    /// `fix-collector tag`.
    fn tag(&self, kind: &str, name: &str, change: &[&str]) -> Ended {
        let node = self.node_file(kind, name);
        let args: Vec<&str> =
            ["tag", "--node", text(&node)].into_iter().chain(change.iter().copied()).collect();
        self.cloud.alone().run(&args)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What became of each resource: kind, outcome.
fn outcomes(ended: &Ended) -> Vec<(String, String)> {
    let lines = ended.output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let word = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    lines.map(|line| (word(&line, "kind"), word(&line, "outcome"))).collect()
}

#[test]
fn a_dry_run_changes_nothing_and_one_run_removes_everything() {
    // What AWS refuses while a NAT gateway and an instance go away.
    let faults =
        ["ec2.DetachInternetGateway=DependencyViolation:2", "ec2.DeleteSubnet=DependencyViolation:3"];
    let Some(collected) = Collected::new(&faults) else { return };
    let chosen = collected.chosen();
    assert!(chosen.len() > 30, "{chosen:?}");

    let planned = collected.clean(&chosen, &["--dry-run"]);
    planned.expect_code(DONE);
    assert_eq!(collected.cloud.changes(), [Value::Null; 0], "a dry run");
    let all = outcomes(&planned);
    assert_eq!(
        (all.len(), all.iter().all(|(_, outcome)| outcome == "planned")),
        (chosen.len(), true),
        "{all:?}"
    );
    for told in [
        "would call ec2:TerminateInstances",
        "would call iam:DeleteLoginProfile",
        "would call s3:AbortMultipartUpload",
        "would call route53:ChangeResourceRecordSets",
        "goes away with aws_vpc",
    ] {
        assert!(planned.output.contains(told), "{told}: {}", planned.output);
    }

    let cleaned = collected.clean(&chosen, &["--yes"]);
    cleaned.expect_code(DONE);
    assert!(outcomes(&cleaned).iter().all(|(_, outcome)| outcome == "gone"), "{}", cleaned.output);
    assert_eq!(collected.cloud.left(), collected.cloud.kept());

    // Nobody remembers what was deleted here: the same once more finds nothing and is content.
    collected.clean(&chosen, &["--yes"]).expect_code(DONE);
    assert_eq!(collected.cloud.left(), collected.cloud.kept());
}

#[test]
fn what_the_cloud_refuses_stays_and_says_why() {
    let Some(collected) = Collected::new(&["ec2.DeleteVolume=AccessDenied"]) else { return };
    let volumes = collected.graph.nodes.iter().filter(|(_, node)| {
        node["reported"]["kind"] == "aws_ec2_volume" && node["reported"]["tags"]["fate"] == "go"
    });
    let volumes: BTreeSet<String> = volumes.map(|(id, _)| id.clone()).collect();
    let refused = collected.clean(&volumes, &["--yes"]);
    refused.expect_code(FAULTS);
    assert!(refused.output.contains("access denied") && refused.output.contains("ec2:DeleteVolume"));
    held_through_an_interface(&collected);
    // By itself the default security group cannot go.
    let is_default = |node: &Value| {
        node["reported"]["kind"] == "aws_ec2_security_group" && node["reported"]["name"] == "default"
    };
    let (id, _) = collected.graph.nodes.iter().find(|(_, node)| is_default(node)).unwrap();
    let before = collected.cloud.changes().len();
    let kept = collected.clean(&BTreeSet::from([id.clone()]), &["--yes"]);
    kept.expect_code(FAULTS);
    assert!(kept.output.contains("only goes away with its aws_vpc"), "{}", kept.output);
    assert_eq!(collected.cloud.changes().len(), before, "nothing was called");
}

/// An instance, its interface that is not to go, and the group of the interface: the instance goes first, and if it is
/// protected, the group stays.
#[track_caller]
fn held_through_an_interface(collected: &Collected) {
    let id = |kind: &str, name: &str| collected.node(kind, name)["id"].as_str().unwrap().to_owned();
    let instance = id("aws_ec2_instance", collected.cloud.id("instance"));
    let group = id("aws_ec2_security_group", collected.cloud.id("group"));
    let leads = |from: &str, to: &str| {
        let mut edges = collected.graph.edges.iter();
        edges.any(|(start, end, kind)| start == from && end == to && kind == "delete")
    };
    let between = |one: &&String| leads(&group, one) && leads(one, &instance);
    assert!(collected.graph.nodes.keys().any(|one| between(&one)), "an interface is between them");
    let planned = collected.clean(&BTreeSet::from([instance.clone(), group.clone()]), &["--dry-run"]);
    planned.expect_code(DONE);
    let order: Vec<String> = outcomes(&planned).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(order, ["aws_ec2_instance", "aws_ec2_security_group"], "{}", planned.output);

    let lines = std::fs::read_to_string(&collected.file).unwrap();
    let protect = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if line["id"] == instance.as_str() {
            line["metadata"]["protected"] = json!(true);
        }
        line.to_string()
    };
    let lines: Vec<String> = lines.lines().map(protect).collect();
    let file = collected.scratch.file("protected.ndjson", lines.join("\n"));
    let before = collected.cloud.changes().len();
    let args = ["clean", "--json", "--yes", "--input", text(&file), "--id", &group];
    let kept = collected.cloud.alone().run(&args);
    kept.expect_code(FAULTS);
    assert!(kept.output.contains("and is protected") && kept.output.contains("refused"), "{}", kept.output);
    assert_eq!(collected.cloud.changes().len(), before, "the group is not even asked to go");

    // A file with nothing but the VPC.
    let vpc = collected.node("aws_vpc", collected.cloud.id("vpc"));
    let alone = collected.scratch.file("vpc.ndjson", vpc.to_string());
    let args = ["clean", "--dry-run", "--input", text(&alone), "--id", vpc["id"].as_str().unwrap()];
    let blind = collected.cloud.alone().run(&args);
    assert!(blind.errors.contains("whether it can be deleted cannot be known"), "{}", blind.errors);
    assert!(!planned.errors.contains("cannot be known"), "the export has it all: {}", planned.errors);
}

#[test]
fn what_goes_with_a_vpc_stays_with_it() {
    let Some(collected) = Collected::new(&["ec2.DeleteVpc=AccessDenied"]) else { return };
    let vpc = collected.node("aws_vpc", collected.cloud.id("vpc"))["id"].as_str().unwrap().to_owned();
    let is_first = |id: &str| {
        let reported = &collected.graph.nodes[id]["reported"];
        reported["kind"] == "aws_ec2_security_group" && reported["name"] == "default"
    };
    let held = collected.graph.edges.iter().filter(|(from, _, kind)| *from == vpc && kind == "delete");
    let group = held.map(|(_, to, _)| to.clone()).find(|to| is_first(to)).unwrap();
    let ended = collected.clean(&BTreeSet::from([vpc, group]), &["--yes"]);
    ended.expect_code(FAULTS);
    let mut ends = outcomes(&ended);
    ends.sort_unstable();
    let pair = |kind: &str, outcome: &str| (kind.to_owned(), outcome.to_owned());
    assert_eq!(
        ends,
        [pair("aws_ec2_security_group", "refused"), pair("aws_vpc", "failed")],
        "{}",
        ended.output
    );
    assert!(ended.output.contains("it goes with aws_vpc"), "{}", ended.output);
}

#[test]
fn tags_and_commands() {
    let Some(collected) = Collected::new(&["ec2.DeleteTags=AccessDenied"]) else { return };
    tagged(&collected);
    commanded(&collected);
}

/// Tags in the cloud, and words for what cannot be.
#[track_caller]
fn tagged(collected: &Collected) {
    let stays = collected.cloud.id("stays");
    for (kind, name) in
        [("aws_ec2_instance", stays), ("aws_s3_bucket", "bucket-stays"), ("aws_iam_role", "machine")]
    {
        let ended = collected.tag(kind, name, &["--set", "owner=me & you"]);
        ended.expect_code(DONE);
        let node: Value = serde_json::from_str(&ended.output).unwrap();
        assert_eq!(node["reported"]["tags"]["owner"], "me & you", "{kind}");
        let tags = &collected.cloud.tags()[name];
        assert_eq!(tags["owner"], "me & you", "{kind}: {tags}");
        assert!(tags["fate"].is_string(), "{kind}: the others stay: {tags}");
    }
    collected.tag("aws_s3_bucket", "bucket-stays", &["--remove", "fate"]).expect_code(DONE);
    assert_eq!(collected.cloud.tags()["bucket-stays"], json!({"owner": "me & you"}));
    for (kind, name, change, told) in [
        ("aws_s3_bucket", "bucket-stays", "--remove=none", "there is no tag \"none\""),
        ("aws_s3_bucket", "bucket-stays", "--remove=fate", "no tag \"fate\" to remove"),
        ("aws_iam_group", "people", "--set=a=b", "have no tags that can be changed"),
        ("aws_ec2_instance", stays, "--remove=fate", "access denied"),
    ] {
        let ended = collected.tag(kind, name, &[change]);
        assert_ne!(ended.code, DONE, "{kind} {change}");
        assert!(ended.errors.contains(told), "{kind} {change}: {}", ended.errors);
    }
}

/// Commands with and without a resource.
#[track_caller]
fn commanded(collected: &Collected) {
    let stays = collected.cloud.id("stays");
    let instance = collected.node_file("aws_ec2_instance", stays);
    let on_instance = |words: &str| {
        let words = words.split(' ');
        let args: Vec<&str> =
            ["command", "--override", "aws.command_operations=*", "--node", text(&instance), "aws"]
                .into_iter()
                .chain(words)
                .collect();
        collected.cloud.alone().run(&args)
    };
    let found = on_instance(&format!("ec2 describe-instances --instance-ids {stays}"));
    found.expect_code(DONE);
    let found: Value = serde_json::from_str(&found.output).unwrap();
    assert_eq!(found["Reservations"][0]["Instances"][0]["InstanceId"], stays, "in its account and region");
    let filtered = on_instance("ec2 describe-volumes --filters Name=tag:fate,Values=go --max-items 1");
    let filtered: Value = serde_json::from_str(&filtered.output).unwrap();
    assert_eq!(filtered["Volumes"].as_array().unwrap().len(), 1);
    let nobody = collected.cloud.alone().run(&["command", "aws", "sts", "get-caller-identity"]);
    nobody.expect_code(DONE);
    assert!(nobody.output.contains("\"Account\""), "{}", nobody.output);
    for (words, told) in [
        ("ec2 describe-instance", "did you mean describe-instances?"),
        ("ec2 describe-instances --instance-id x", "did you mean instance-ids?"),
        ("ec2 delete-volume", "needs --volume-id"),
        ("s3 ls", "is a program of the AWS command line"),
        ("ec3 describe-instances", "did you mean ec2"),
    ] {
        let ended = on_instance(words);
        ended.expect_code(CONFIG);
        assert!(ended.errors.contains(told), "{words}: {}", ended.errors);
    }
    let unknown = on_instance("ec2 describe-volumes --volume-ids vol-00000000000000000");
    assert!(unknown.code != DONE && unknown.errors.contains("InvalidVolume.NotFound"), "{}", unknown.errors);
}
