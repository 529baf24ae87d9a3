//! Cleanup of AWS through the daemon and the real fixcore, in one account with everything that has to go in an order
//! (`tests/aws/cleanup_estate.py`).
//!
//! moto deletes at once, and of what depends on what it checks little. So the order is read from its log, and what AWS
//! refuses while instances and gateways go away is refused by faults before it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::aws::CleanupCloud;
use fixworker_tests::core::Fixcore;
use fixworker_tests::worker::Worker;
use fixworker_tests::{process, wait};
use nix::sys::signal::Signal;
use serde_json::Value;

const FOR_REAL: &str = "fixworker.cleanup_dry_run=false";

/// Runs a cleanup to its end, and returns the kind of the answer.
#[track_caller]
fn clean(core: &Fixcore) -> String {
    let task = core.start_workflow("cleanup");
    core.await_workflow(&task);
    answer(core, &task)
}

#[track_caller]
fn answer(core: &Fixcore, task: &str) -> String {
    let answers = core.answers(task);
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers[0].1.clone()
}

/// The nodes that are found, as `kind, id` lines.
fn found(core: &Fixcore, search: &str) -> Vec<String> {
    let said = core.cli(&format!("search {search} | list kind, id"));
    said.lines().filter(|line| line.contains("kind=")).map(str::to_owned).collect()
}

/// Everything marked is gone from the cloud and cleaned in fixcore, and nothing else.
#[track_caller]
fn assert_all_gone(core: &Fixcore, cloud: &CleanupCloud) {
    assert_eq!(cloud.left(), cloud.kept());
    assert_eq!(found(core, "/desired.clean=true and /metadata.cleaned!=true"), [""; 0]);
    assert!(found(core, "/metadata.cleaned=true").len() > 30);
    assert_eq!(found(core, "/metadata.cleaned=true and /desired.clean!=true"), [""; 0]);
}

/// Messages for people of this level.
fn infos(core: &Fixcore, level: &str) -> Vec<String> {
    let infos = core.messages("action_info").into_iter().filter(|info| info["data"]["level"] == level);
    infos.map(|info| info["data"]["message"].as_str().unwrap().to_owned()).collect()
}

/// A protected instance holds its interface, which nobody marked, and so the group of that.
#[test]
fn a_protected_instance_holds_the_group_of_its_interface() {
    let Some(core) = Fixcore::http() else { return };
    let Some(cloud) = CleanupCloud::with_faults(&[]) else { return };
    let mut worker = cloud.worker(&core, &[FOR_REAL]);
    core.collect();
    let instance = format!("search is(aws_ec2_instance) and id={}", cloud.id("instance"));
    let group = format!("search is(aws_ec2_security_group) and id={}", cloud.id("group"));
    for command in [format!("{instance} | protect"), format!("{group} | clean")] {
        let said = core.cli(&command);
        assert!(!said.contains("rror"), "{command}: {said}");
    }
    assert_eq!(clean(&core), "action_done");
    assert_eq!(cloud.changes(), [Value::Null; 0], "the group is not even asked to go");
    let told = infos(&core, "error").join("\n");
    assert!(told.contains("not touched") && told.contains("is protected"), "{told}");
    assert!(told.contains("holds aws_ec2_network_interface"), "{told}");
    assert_eq!(worker.stop(), 0);
}

/// What was done before what: the last call of the one comes before the first of the other that met no fault.
const ORDER: [(&str, &str); 23] = [
    ("TerminateInstances", "DeleteVpc"),
    ("TerminateInstances", "ReleaseAddress"),
    ("DeleteNatGateway", "ReleaseAddress"),
    ("DisassociateAddress", "ReleaseAddress"),
    ("DeleteVpcEndpoints", "DeleteVpc"),
    ("DeleteNetworkInterface", "DeleteVpc"),
    ("DeleteNetworkAcl", "DeleteVpc"),
    ("RevokeSecurityGroupIngress", "DeleteVpc"),
    ("RevokeSecurityGroupEgress", "DeleteVpc"),
    ("DeleteSecurityGroup", "DeleteVpc"),
    ("DetachInternetGateway", "DeleteInternetGateway"),
    ("DeleteInternetGateway", "DeleteVpc"),
    ("DisassociateRouteTable", "DeleteRouteTable"),
    ("DeleteRouteTable", "DeleteVpc"),
    ("DeleteSubnet", "DeleteVpc"),
    ("DeleteLoginProfile", "DeleteUser"),
    ("DetachUserPolicy", "DeleteUser"),
    ("DeleteRolePolicy", "DeleteRole"),
    ("RemoveRoleFromInstanceProfile", "DeleteRole"),
    ("DetachRolePolicy", "DeletePolicy"),
    ("DeletePolicyVersion", "DeletePolicy"),
    ("AbortMultipartUpload", "DeleteBucket"),
    ("ChangeResourceRecordSets", "DeleteHostedZone"),
];

#[track_caller]
fn assert_order(changes: &[Value]) {
    for (before, after) in ORDER {
        let of = |name: &str| -> Vec<usize> {
            let met = |call: &Value| call["operation"] == name && call["fault"].is_null();
            (0..changes.len()).filter(|at| met(&changes[*at])).collect()
        };
        let last = *of(before).last().unwrap_or_else(|| panic!("{before} was never called"));
        // Of several resources of a kind the last one counts: the others may have had nothing in the way.
        let first = *of(after).last().unwrap_or_else(|| panic!("{after} was never called"));
        assert!(last < first, "{before} has to come before {after}: {changes:#?}");
    }
    // The user who goes may be taken from the group on its own account, at the same time.
    let group = changes.iter().rposition(|call| call["operation"] == "DeleteGroup");
    let member = changes.iter().position(|call| {
        call["operation"] == "RemoveUserFromGroup" && call["params"]["UserName"] == "keeper"
    });
    assert!(member.is_some() && member < group, "the group is emptied before it goes: {changes:#?}");
}

fn count(changes: &[Value], operation: &str) -> usize {
    changes.iter().filter(|call| call["operation"] == operation).count()
}

#[test]
fn a_dry_run_changes_nothing_and_one_run_removes_everything() {
    let Some(core) = Fixcore::http() else { return };
    // As long as an instance shuts down, and gateways go away.
    let faults = [
        "ec2.DeleteSecurityGroup=DependencyViolation:2",
        "ec2.DeleteSubnet=DependencyViolation:3",
        "ec2.DetachInternetGateway=DependencyViolation:2",
        "ec2.ReleaseAddress=AddressInUse:3",
        "ec2.DeleteVpc=DependencyViolation:2",
        "iam.DeletePolicy=DeleteConflict:1",
    ];
    let Some(cloud) = CleanupCloud::with_faults(&faults) else { return };
    let mut worker = cloud.worker(&core, &[]);
    core.collect();
    cloud.mark(&core);
    let before = cloud.left();
    let told = infos(&core, "error").len();

    assert_eq!(clean(&core), "action_done");
    assert_eq!(cloud.changes(), Vec::<Value>::new());
    assert_eq!(cloud.left(), before);
    assert_eq!(found(&core, "/metadata.cleaned=true"), [""; 0]);
    assert_planned(&infos(&core, "info"), &cloud);
    assert_eq!(infos(&core, "error").len(), told, "nothing stays");
    assert_eq!(worker.stop(), 0);

    let mut worker = cloud.worker(&core, &[FOR_REAL]);
    assert_eq!(clean(&core), "action_done");
    assert_all_gone(&core, &cloud);
    let changes = cloud.changes();
    assert_order(&changes);
    for (operation, times) in
        [("DetachInternetGateway", 3), ("ReleaseAddress", 5), ("DeleteVpc", 3), ("TerminateInstances", 1)]
    {
        assert_eq!(count(&changes, operation), times, "{operation}");
    }
    assert_eq!(worker.stop(), 0);
}

/// The plan names everything in order, in messages that fixcore takes.
#[track_caller]
fn assert_planned(infos: &[String], cloud: &CleanupCloud) {
    assert!(infos.iter().all(|text| text.len() <= 500), "{infos:#?}");
    let plan = infos.iter().filter(|text| text.contains("dry run")).cloned().collect::<String>();
    let at = |what: &str| plan.find(what).unwrap_or_else(|| panic!("{what} is not planned: {plan}"));
    let vpc = format!("would call ec2:DeleteVpc(VpcId={})", cloud.id("vpc"));
    let instance = format!("would call ec2:TerminateInstances(InstanceIds=[{}])", cloud.id("instance"));
    let gateway = format!("would call ec2:DeleteNatGateway(NatGatewayId={})", cloud.id("nat"));
    assert!(at(&instance) < at(&vpc) && at(&gateway) < at(&vpc), "{plan}");
    assert!(at("iam:DetachRolePolicy(RoleName=machine") < at("iam:DeleteRole(RoleName=machine)"), "{plan}");
    assert!(at("s3:DeleteObjects(Bucket=versions-go") < at("s3:DeleteBucket(Bucket=versions-go)"), "{plan}");
    assert!(at("iam:DeleteAccessKey(UserName=leaver") < at("iam:DeleteUser(UserName=leaver)"), "{plan}");
    assert!(
        infos.iter().any(|text| text.contains("would be deleted, ") || text.ends_with("would be deleted"))
    );
}

/// Children are killed while they wait for an answer: to a call that was carried out, or was not. In the end it is the
/// worker. A SIGKILL looks like a lack of memory, which is borne once in a pass.
#[test]
fn a_child_killed_in_every_pass_and_a_killed_worker_forget_nothing() {
    let Some(core) = Fixcore::http() else { return };
    let faults = [
        "ec2.TerminateInstances=lost:1",
        "iam.DeleteRole=hold:1",
        "ec2.ReleaseAddress=lost:1",
        "ec2.DeleteVpc=lost:2",
    ];
    let Some(cloud) = CleanupCloud::with_faults(&faults) else { return };
    let mut worker = cloud.worker(&core, &[FOR_REAL, "supervisor.max_attempts=10"]);
    core.collect();
    cloud.mark(&core);

    let task = core.start_workflow("cleanup");
    for (operation, signal) in [
        ("TerminateInstances", Signal::SIGKILL),
        ("DeleteRole", Signal::SIGABRT),
        ("ReleaseAddress", Signal::SIGKILL),
        ("DeleteVpc", Signal::SIGKILL),
    ] {
        wait::until(&format!("{operation} has no answer"), || cloud.strikes(operation) > 0);
        kill_child(&worker, signal);
    }
    wait::until("DeleteVpc has no answer again", || cloud.strikes("DeleteVpc") == 2);
    worker.process().kill_hard();
    worker.scratch().await_no_collectors();
    assert!(!is_cleaned(&core, cloud.id("vpc")));
    worker.start_again(&core);
    core.await_workflow(&task);

    assert_eq!(answer(&core, &task), "action_done");
    assert_all_gone(&core, &cloud);
    let changes = cloud.changes();
    assert_eq!(count(&changes, "TerminateInstances"), 2, "it was asked for again, once");
    assert_eq!(count(&changes, "DeleteVpc"), 3);
    assert_eq!(count(&changes, "DeleteNatGateway"), 1, "what is gone is not asked for again");
    assert_eq!(worker.stop(), 0);
}

/// Kills the child of the account, and waits until it is gone.
#[track_caller]
fn kill_child(worker: &Worker, signal: Signal) {
    let children = worker.await_children(1);
    let pids: Vec<i32> = children.iter().map(|child| child.pid).collect();
    assert_eq!(children[0].label(), Some("aws/100000000001"));
    for pid in &pids {
        process::signal(*pid, signal);
    }
    wait::until("the child is gone", || !worker.children().iter().any(|child| pids.contains(&child.pid)));
}

fn is_cleaned(core: &Fixcore, cloud_id: &str) -> bool {
    !found(core, &format!("/reported.id={cloud_id} and /metadata.cleaned=true")).is_empty()
}

/// What must stay, and what may not be deleted: everything else goes, and people are told why this did not.
#[test]
fn what_stays_says_why() {
    let Some(core) = Fixcore::http() else { return };
    let Some(cloud) = CleanupCloud::with_faults(&["s3.DeleteBucket=AccessDenied"]) else { return };
    let mut worker = cloud.worker(&core, &[FOR_REAL]);
    core.collect();
    for search in [
        "is(aws_vpc) and vpc_is_default=true",
        "is(aws_ec2_security_group) and name=default",
        "is(aws_s3_bucket) and name=plain-go",
        "is(aws_ec2_volume) and tags.fate=go and volume_status=available",
        &format!("is(aws_ec2_instance) and id={}", cloud.id("stays")),
        "is(aws_ec2_nat_gateway)",
        "is(aws_ec2_subnet)",
    ] {
        let said = core.cli(&format!("search {search} | clean"));
        assert!(said.contains("kind="), "{search}: {said}");
    }
    // The gateway's subnet waits for it, and must not be asked for.
    core.cli("search is(aws_ec2_nat_gateway) | protect");
    let before = cloud.left();

    assert_eq!(clean(&core), "action_done");
    let errors = infos(&core, "error");
    for parts in [
        ["deletion refused", "is the default VPC of its region"],
        ["it goes with aws_vpc vpc-", "which cannot be deleted): aws_ec2_security_group default"],
        ["s3:DeleteBucket", "access denied"],
        ["plain-go", "allow s3:DeleteBucket"],
    ] {
        let told = errors.iter().any(|text| parts.iter().all(|part| text.contains(part)));
        assert!(told, "{parts:?}: {errors:#?}");
    }
    let left = cloud.left();
    assert!(
        ["plain-go", cloud.id("nat"), cloud.id("vpc"), cloud.id("group")]
            .iter()
            .all(|id| { left.iter().any(|other| other == id) })
    );
    assert!(!left.iter().any(|id| id == cloud.id("stays")));
    assert!(left.len() < before.len());
    let changes = cloud.changes();
    for never in ["DeleteNatGateway", "DeleteVpc", "DeleteSecurityGroup", "RevokeSecurityGroupIngress"] {
        assert_eq!(count(&changes, never), 0, "{never}");
    }
    assert_eq!(worker.stop(), 0);
}
