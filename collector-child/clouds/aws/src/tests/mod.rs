//! Whole collections against a cloud in the process.

mod buckets;
mod faults;
mod follow;
mod graph;
mod incomplete;
mod listings;
mod metrics;
mod odd;
mod unused;

use collector::Failure;
use ipc_proto::fault::{FaultKind, Level, Retry};
use ipc_proto::graph::EdgeType;
use serde_json::{Value, json};

use crate::hooks::prelude::*;
use crate::testing::{Called, Reply, Trial};
use engine::hooks::Hooks;
use engine::is_regional;
use engine::longest_first;

/// Two pages of four keys, each described; a secret that uses the second of them. The same in both regions.
fn keys(called: &Called) -> Option<Reply> {
    let id = called.params["KeyId"].as_str().unwrap_or_default();
    Some(match (called.service.as_str(), called.operation.as_str()) {
        ("kms", "ListKeys") if called.params.get("Marker").is_none() => Reply::json(&json!({
            "Keys": [{"KeyId": "k0"}, {"KeyId": "k1"}], "Truncated": true, "NextMarker": "more",
        })),
        ("kms", "ListKeys") => Reply::json(&json!({"Keys": [{"KeyId": "k2"}, {"KeyId": "k3"}]})),
        ("kms", "DescribeKey") => Reply::json(&json!({"KeyMetadata": {
            "KeyId": id, "Arn": format!("arn:aws:kms:{}:1:key/{id}", called.region),
            "CreationDate": 1_700_000_000, "KeyState": "Enabled", "KeyManager": if id == "k0" {"AWS"} else {"CUSTOMER"},
        }})),
        ("kms", "GetKeyPolicy") if id == "k3" => Reply::json_error("NotFoundException"),
        ("kms", "GetKeyPolicy") => Reply::json(&json!({"Policy": "{\"Version\": \"1\"}"})),
        ("kms", "GetKeyRotationStatus") => Reply::json(&json!({"KeyRotationEnabled": true})),
        ("secretsmanager", "ListSecrets") => Reply::json(&json!({"SecretList": [
            {"Name": "s", "ARN": format!("arn:aws:secretsmanager:{}:1:secret:s", called.region), "KmsKeyId": "alias/k1"},
        ]})),
        _ => return None,
    })
}

fn messages(faults: &[ipc_proto::fault::Fault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.message.as_str()).collect()
}

#[tokio::test]
async fn documents_become_nodes_and_edges() {
    let done = Trial::of(keys).run().await;
    done.result.unwrap();
    let sent = done.sent;
    assert!(sent.faults.is_empty(), "{:?}", messages(&sent.faults));
    let keys = sent.of_kind("aws_kms_key");
    assert_eq!(keys.len(), 8, "two pages in two regions");
    let key = |region: &str, id: &str| -> Value {
        let arn = format!("arn:aws:kms:{region}:1:key/{id}");
        keys.iter().find(|node| node["reported"]["arn"] == arn.as_str()).unwrap().to_owned().clone()
    };
    let first = key("eu-west-1", "k0");
    assert_eq!(first["reported"]["ctime"], "2023-11-14T22:13:20Z");
    assert_eq!(first["reported"]["kms_key_policy"], json!({"Version": "1"}));
    assert_eq!(
        first["metadata"]["provider_link"],
        "https://eu-west-1.console.aws.amazon.com/kms/home?region=eu-west-1#/kms/keys/k0"
    );
    assert!(key("eu-west-1", "k3")["reported"].get("kms_key_policy").is_none());
    let rotation = |id: &str| key("us-east-1", id)["reported"].get("kms_key_rotation_enabled").cloned();
    assert_eq!((rotation("k0"), rotation("k1")), (None, Some(json!(true))), "only for keys of the customer");
    // Of the keys with the same id in two regions, each secret uses that of its own.
    for secret in sent.of_kind("aws_secretsmanager_secret") {
        let region = secret["reported"]["arn"].as_str().unwrap().split(':').nth(3).unwrap();
        let own = key(region, "k1");
        let has = |from: &Value, to: &Value, kind: EdgeType| {
            let id = |node: &Value| node["id"].as_str().unwrap().to_owned();
            sent.edges.contains(&(id(from), id(to), kind))
        };
        assert!(has(secret, &own, EdgeType::Default) && has(&own, secret, EdgeType::Delete));
        assert_eq!(sent.below(secret, EdgeType::Default), ["k1"]);
    }
    let rotations = done.calls.iter().filter(|call| call.operation == "GetKeyRotationStatus").count();
    assert_eq!(rotations, 6);
}

#[tokio::test]
async fn regions_progress_from_open_to_done_and_unused_ones_go() {
    let only_eu = |called: &Called| if called.region == "us-east-1" { None } else { keys(called) };
    let sent = Trial::of(only_eu).run().await.sent;
    let regions: Vec<&Value> = sent.of_kind("aws_region");
    let ids: Vec<_> = regions.iter().map(|region| region["reported"]["name"].as_str().unwrap()).collect();
    assert_eq!(ids, ["eu-west-1"]);
    assert_eq!(regions[0]["reported"]["long_name"], "Europe (Ireland)");
    assert_eq!(regions[0]["reported"]["ctime"], "2006-03-19T00:00:00Z");
    assert_eq!(sent.below(regions[0], EdgeType::Default), ["k0", "k1", "k2", "k3", "s"]);
    let mut progress = sent.progress;
    assert_eq!(progress[..3], [("global".into(), 0), ("eu-west-1".into(), 0), ("us-east-1".into(), 0)]);
    progress[3..].sort();
    assert_eq!(progress[3..], [("eu-west-1".into(), 1), ("global".into(), 1), ("us-east-1".into(), 1)]);
}

#[tokio::test]
async fn credentials_that_no_region_accepts_cost_the_account() {
    let everywhere = |called: &Called| match called.service.as_str() {
        "sts" => None,
        _ => Some(Reply::json_error("UnrecognizedClientException")),
    };
    let Err(Failure::Fault(fault)) = Trial::of(everywhere).run().await.result else { panic!("done") };
    assert_eq!((fault.kind, fault.retry), (FaultKind::Credentials, Retry::Never));
    assert!(fault.message.contains("does not accept the credentials anywhere"), "{}", fault.message);
}

/// A session that is good in some regions only (those of STS's global endpoint), or a region that is not enabled: whatever
/// is there stays as it was known.
#[tokio::test]
async fn a_region_that_does_not_accept_the_credentials_costs_the_account() {
    for code in ["UnrecognizedClientException", "InvalidClientTokenId", "InvalidToken"] {
        let done = with_eu_west_1(Some(Reply::json_error(code)), None).await;
        let Err(Failure::Fault(fault)) = done.result else { panic!("the account is lost") };
        assert_eq!((fault.kind, fault.retry), (FaultKind::Credentials, Retry::Never), "{fault:?}");
        assert!(fault.message.starts_with("nothing could be read in eu-west-1"), "{}", fault.message);
        assert!(fault.message.contains("does not accept the credentials"), "{}", fault.message);
        let hint = fault.hint.unwrap();
        assert!(
            hint.starts_with("enable the region") && hint.ends_with("leave eu-west-1 out with aws.region")
        );
        assert!(done.sent.nodes.is_empty(), "no part of an account is sent");
    }
    // One service may lack what others have.
    let empty = Some(Reply::json(&json!({})));
    let refused = Some(Reply::json_error("UnrecognizedClientException"));
    with_eu_west_1(empty, refused).await.result.unwrap();
}

/// Whoever names a region wants to know what is there.
#[tokio::test]
async fn a_region_that_the_settings_name_is_not_left_out_because_it_is_not_enabled() {
    let answers = |called: &Called| match (called.region.as_str(), called.service.as_str()) {
        ("eu-west-1", "kms" | "secretsmanager") => Some(Reply::json_error("OptInRequired")),
        _ => keys(called),
    };
    let config = json!({"region": ["eu-west-1", "us-east-1"]});
    let Err(Failure::Fault(fault)) = (Trial { config, ..Trial::of(answers) }).run().await.result else {
        panic!("the account is lost")
    };
    assert_eq!(fault.kind, FaultKind::Credentials);
    assert!(fault.message.starts_with("nothing could be read in eu-west-1"), "{}", fault.message);
    // What is denied there is denied, by whomsoever.
    let denied = |called: &Called| match (called.region.as_str(), called.service.as_str()) {
        ("eu-west-1", "kms" | "secretsmanager") => Some(Reply::json_status(
            400,
            &json!({"__type": "AccessDeniedException", "message":
                "not authorized with an explicit deny in a service control policy"}),
        )),
        _ => keys(called),
    };
    let config = json!({"region": ["eu-west-1", "us-east-1"]});
    (Trial { config, ..Trial::of(denied) }).run().await.result.unwrap();
}

#[tokio::test]
async fn a_call_that_fails_costs_its_item_and_is_told_once() {
    let answers = |called: &Called| match called.operation.as_str() {
        "DescribeKey" if called.params["KeyId"] != "k1" => Some(Reply::json_error("AccessDeniedException")),
        "ListSecrets" => Some(Reply::json_error("InternalNonsense")),
        _ => keys(called),
    };
    let done = Trial::of(answers).run().await;
    done.result.unwrap();
    let told: Vec<(Option<&str>, Level, u32, &str)> = done
        .sent
        .faults
        .iter()
        .map(|fault| (fault.scope.region.as_deref(), fault.level, fault.count, fault.message.as_str()))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    let denied = "[AccessDenied] access denied in eu-west-1 and us-east-1. Affected services and actions: kms: DescribeKey. AWS says: no";
    assert!(told.contains(&(None, Level::Info, 6, denied)), "{told:?}");
    let refused = "[InternalNonsense] the service refused, so resources are missing in eu-west-1 and us-east-1. Affected services and actions: secretsmanager: ListSecrets. AWS says: no";
    assert!(told.contains(&(None, Level::Error, 2, refused)), "{told:?}");
    let [denied] = &done.sent.denied[..] else { panic!("one operation: {:?}", done.sent.denied) };
    assert_eq!((denied.operation.as_str(), denied.calls), ("DescribeKey", 6));
    assert_eq!(denied.regions, ["eu-west-1", "us-east-1"]);
}

/// What becomes of an account if every listing in eu-west-1 is answered so, but that of keys as `keys` says.
async fn with_eu_west_1(all: Option<Reply>, of_keys: Option<Reply>) -> crate::testing::Collected {
    let answers = move |called: &Called| match (called.region.as_str(), called.service.as_str()) {
        (_, "sts" | "iam" | "organizations") => None,
        ("eu-west-1", "kms") if of_keys.is_some() => of_keys.clone(),
        ("eu-west-1", _) if all.is_some() => all.clone(),
        _ => keys(called),
    };
    Trial::of(answers).run().await
}

/// A region that is down for a while is not empty: the account fails, and what fixcore knows of it stays.
#[tokio::test]
async fn a_region_of_which_nothing_was_read_costs_the_account() {
    let down = || Some(Reply::json_status(503, &json!({"message": "down"})));
    let odd = || Some(Reply::json_error("InternalNonsense"));
    let foreign = || Some(Reply::json(&json!({"blocked": true})));
    let denied = || Some(Reply::json_error("AccessDeniedException"));
    for (all, of_keys) in [
        (down(), None),
        (odd(), None),
        (foreign(), None),
        (Some(Reply::page_of_a_proxy()), None),
        (down(), denied()),
    ] {
        let done = with_eu_west_1(all, of_keys).await;
        let Err(Failure::Fault(fault)) = done.result else { panic!("the account is lost") };
        assert_eq!((fault.kind, fault.retry), (FaultKind::Unavailable, Retry::Later), "{fault:?}");
        assert!(fault.message.starts_with("nothing could be read in eu-west-1"), "{}", fault.message);
        assert!(fault.hint.unwrap().ends_with("leave eu-west-1 out with aws.region"));
        assert!(done.sent.nodes.is_empty(), "no part of an account is sent");
    }
}

#[tokio::test]
async fn a_region_that_is_denied_or_partly_read_does_not_cost_the_account() {
    let denied = || Some(Reply::json_error("AccessDeniedException"));
    let empty = || Some(Reply::json(&json!({})));
    let down = || Some(Reply::json_status(503, &json!({"message": "down"})));
    for (all, of_keys) in [
        (denied(), None),
        (Some(Reply::json_error("OptInRequired")), None),
        (down(), empty()),
        (empty(), down()),
    ] {
        let done = with_eu_west_1(all, of_keys).await;
        done.result.unwrap();
        assert_eq!(done.sent.of_kind("aws_kms_key").len(), 4, "the other region is there");
    }
}

#[tokio::test]
async fn an_account_of_which_nothing_was_read_is_lost() {
    let answers = |called: &Called| {
        (called.service != "sts").then(|| Reply::json_status(500, &json!({"message": "down"})))
    };
    let done = Trial::of(answers).run().await;
    let Err(Failure::Fault(fault)) = done.result else { panic!("the account is lost") };
    assert_eq!((fault.kind, fault.retry), (FaultKind::Unavailable, Retry::Later));
    let begin = "nothing of the account could be read in global, eu-west-1 and us-east-1, so it is not known";
    assert!(fault.message.starts_with(begin), "{}", fault.message);
}

/// Where nothing but one global kind is wanted, its listing is all that there is.
#[tokio::test]
async fn an_account_whose_only_global_listing_failed_is_lost() {
    let run = async |kinds: &[&str]| {
        let answers = |called: &Called| match called.operation.as_str() {
            "ListWorkGroups" => Some(Reply::json_status(500, &json!({"message": "down"}))),
            _ => keys(called),
        };
        let config = json!({"collect": kinds, "collect_usage_metrics": false});
        Trial { config, ..Trial::of(answers) }.run().await
    };
    let done = run(&["aws_athena_work_group"]).await;
    let Err(Failure::Fault(fault)) = done.result else { panic!("the account is lost") };
    assert_eq!((fault.kind, fault.retry), (FaultKind::Unavailable, Retry::Later));
    assert!(fault.message.starts_with("nothing of the account could be read in global"), "{}", fault.message);
    let done = run(&["aws_athena_work_group", "aws_kms_key"]).await;
    let Err(Failure::Fault(fault)) = done.result else { panic!("global counts as a region") };
    assert!(fault.message.starts_with("nothing could be read in global"), "{}", fault.message);
    assert!(!fault.hint.unwrap_or_default().contains("leave global"), "it cannot be left out");
}

/// A region that the settings name stays, also if it is empty; otherwise what is left out is told once.
#[tokio::test]
async fn regions_without_anything_are_left_out_unless_they_are_asked_for() {
    let only_eu = |called: &Called| if called.region == "us-east-1" { None } else { keys(called) };
    let sent = Trial::of(only_eu).run().await.sent;
    let [told] = &sent.left_out[..] else { panic!("one remark: {:?}", messages(&sent.left_out)) };
    assert!(
        told.message.starts_with("1 region without resources of your own: us-east-1;"),
        "{}",
        told.message
    );
    assert!(!told.costs());
    for narrow in [json!({"region": ["eu-west-1", "us-east-1"]}), json!({"collect": ["aws_kms_*"]})] {
        let sent = Trial { config: narrow, ..Trial::of(only_eu) }.run().await.sent;
        assert!(sent.left_out.is_empty(), "{:?}", messages(&sent.left_out));
        assert_eq!(sent.of_kind("aws_region").len(), 2);
    }
}

#[tokio::test]
async fn a_page_that_makes_no_sense_costs_what_comes_behind_it() {
    let answers = |called: &Called| match called.operation.as_str() {
        "ListKeys" if called.params.get("Marker").is_some() => Some(Reply::page_of_a_proxy()),
        _ => keys(called),
    };
    let done = Trial::of(answers).run().await;
    done.result.unwrap();
    assert_eq!(done.sent.faults.len(), 1);
    assert!(done.sent.faults.iter().all(|fault| fault.kind == FaultKind::InvalidAnswer));
    let strict = Trial { config: json!({"discard_account_on_resource_error": true}), ..Trial::of(answers) };
    let done = strict.run().await;
    let Err(Failure::Fault(fault)) = done.result else { panic!("the account is lost") };
    assert_eq!(fault.kind, FaultKind::InvalidAnswer);
    assert!(done.sent.nodes.is_empty(), "no part of an account is sent");
}

/// The question whose they are goes out with the first calls. What those were told is not told again.
#[tokio::test]
async fn credentials_that_do_not_work_end_the_account_with_one_fault() {
    let done = Trial::of(|_| Some(Reply::xml_error("ExpiredToken"))).run().await;
    let Err(Failure::Fault(fault)) = done.result else { panic!("the account is lost") };
    assert_eq!(fault.kind, FaultKind::Credentials);
    assert_eq!(fault.scope.action.as_deref(), Some("GetCallerIdentity"));
    assert!(done.sent.nodes.is_empty() && done.sent.faults.is_empty(), "{:?}", done.sent.faults);
}

/// Whoever hands credentials over names the role that they are of, and may be wrong.
#[tokio::test]
async fn credentials_of_another_account_end_the_account() {
    const OTHER: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>999999999999</Account>\
                         </GetCallerIdentityResult></GetCallerIdentityResponse>";
    let done = Trial::of(|called| (called.service == "sts").then(|| Reply::xml(OTHER))).run().await;
    let Err(Failure::Fault(fault)) = done.result else { panic!("the account is lost") };
    assert_eq!((fault.kind, fault.retry), (FaultKind::WrongAccount, Retry::Later), "{fault:?}");
    assert!(fault.message.contains("they belong to 999999999999, not to "), "{fault:?}");
    assert!(done.sent.nodes.is_empty() && done.sent.faults.is_empty(), "{:?}", done.sent.faults);
}

#[tokio::test]
async fn credentials_that_stop_working_end_the_account() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let over = AtomicBool::new(false);
    let answers = move |called: &Called| match called.operation.as_str() {
        "ListKeys" => {
            over.store(true, Ordering::Relaxed);
            Some(Reply::json_error("ExpiredTokenException"))
        }
        "GetCallerIdentity" if over.load(Ordering::Relaxed) => Some(Reply::xml_error("ExpiredToken")),
        _ => keys(called),
    };
    let done = Trial::of(answers).run().await;
    let Err(Failure::Fault(fault)) = done.result else { panic!("the account is lost") };
    assert_eq!(fault.kind, FaultKind::Credentials);
    assert!(done.sent.nodes.is_empty());
}

#[tokio::test]
async fn one_service_that_does_not_know_the_key_does_not_end_the_account() {
    let answers = |called: &Called| match called.operation.as_str() {
        "ListSecrets" => Some(Reply::json_error("UnrecognizedClientException")),
        _ => keys(called),
    };
    let done = Trial::of(answers).run().await;
    done.result.unwrap();
    assert_eq!(done.sent.of_kind("aws_kms_key").len(), 8);
    assert!(done.sent.faults.iter().all(|fault| fault.scope.action.as_deref() == Some("ListSecrets")));
}

#[tokio::test]
async fn only_wanted_kinds_are_asked_for() {
    let trial = Trial { config: json!({"no_collect": ["aws_kms_*", "aws_athena*"]}), ..Trial::of(keys) };
    let calls = trial.run().await.calls;
    assert!(calls.iter().all(|call| call.service != "kms" && call.service != "athena"));
    assert_eq!(calls.iter().filter(|call| call.service == "secretsmanager").count(), 2);
}

#[tokio::test]
async fn what_is_global_is_asked_once_and_batches_have_their_size() {
    let answers = |called: &Called| {
        Some(match called.operation.as_str() {
            "ListWorkGroups" => Reply::json(
                &json!({"WorkGroups": (0..5).map(|n| json!({"Name": format!("g{n}")})).collect::<Vec<_>>()}),
            ),
            "GetWorkGroup" => {
                Reply::json(&json!({"WorkGroup": {"Name": called.params["WorkGroup"], "State": "ENABLED"}}))
            }
            _ => return None,
        })
    };
    let done = Trial::of(answers).run().await;
    let of =
        |operation: &str| done.calls.iter().filter(|call| call.operation == operation).collect::<Vec<_>>();
    assert_eq!(of("ListWorkGroups").len(), 1);
    let mut sizes: Vec<usize> = of("BatchGetNamedQuery")
        .iter()
        .map(|call| call.params["NamedQueryIds"].as_array().unwrap().len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2, 2]);
    assert_eq!(of("GetWorkGroup").len(), 5);
}

/// Uses every stage.
struct Stages;

impl Hook for Stages {
    fn name(&self) -> &'static str {
        "stages"
    }

    fn collect<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move { context.ask("kms", "ListKeys").all("Keys").await })
    }

    fn listed<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        mut items: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        items.retain(|item| item["KeyId"] != "k0");
        Box::pin(async { Ok(items) })
    }

    fn prepare<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            document["Arn"] = json!(format!("arn:{}:{}", context.region().name, document["KeyId"]));
            Ok(if document["KeyId"] == "k1" { Verdict::Drop } else { Verdict::Keep })
        })
    }

    fn finish<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        node: &'a mut Draft,
        document: &'a Value,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            node.set("name", "finished");
            node.keep = Some(document["KeyId"].clone());
            Ok(Verdict::Keep)
        })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let home = Home::Region(context.regions().find("eu-west-1").unwrap());
            let mut new = Draft::new("aws_sqs_queue", "made", home);
            new.set("name", "made by hand");
            let queue = context.add(&new)?.unwrap();
            context.graph(|graph| {
                for node in graph.kept_of("aws_kms_key") {
                    let kept = graph.take_kept(node).unwrap();
                    graph.set(node, "kms_key_usage", kept);
                    graph.edge(queue, node, EdgeType::Default);
                }
            });
            Ok(())
        })
    }
}

#[tokio::test]
async fn hooks_take_part_in_every_stage() {
    const TABLE: &str = r#"
service = "kms"
[aws_kms_key]
hook = "stages"
document = { "." = "DescribeKey:KeyMetadata" }
unset = ["kms_key_policy", "kms_key_rotation_enabled", "access_key_status"]
[aws_kms_key.map]
name = "KeyId"
arn = "Arn"
"#;
    let hooks = Hooks::new(vec![Box::new(Stages)]);
    let six = |called: &Called| {
        let keys: Vec<Value> = (0..6).map(|number| json!({"KeyId": format!("k{number}")})).collect();
        (called.operation == "ListKeys").then(|| Reply::json(&json!({"Keys": keys})))
    };
    let sent = Trial { tables: TABLE, hooks, ..Trial::of(six) }.run().await.sent;
    let keys = sent.of_kind("aws_kms_key");
    let ids: Vec<_> =
        keys.iter().map(|key| (&key["reported"]["id"], &key["reported"]["kms_key_usage"])).collect();
    assert_eq!(keys.len(), 8, "{ids:?}");
    assert!(ids.iter().all(|(id, kept)| id == kept));
    assert!(keys.iter().all(|key| key["reported"]["name"] == "finished"));
    let queue = sent.of_kind("aws_sqs_queue")[0];
    assert_eq!(sent.below(queue, EdgeType::Default), ["k2", "k2", "k3", "k3", "k4", "k4", "k5", "k5"]);
}

#[test]
fn services_that_need_longest_come_first() {
    let plans = crate::built_in::plans().unwrap();
    let all: Vec<&KindPlan> = plans.roots().filter(|plan| is_regional(plan)).collect();
    let at_once = |service: &str| if service == "sagemaker" { 2 } else { 100 };
    let ordered = longest_first(all.clone(), at_once);
    let sagemaker = all.iter().filter(|plan| plan.service == "sagemaker").count();
    assert!(sagemaker > 10 && ordered[..sagemaker].iter().all(|plan| plan.service == "sagemaker"));
    let others = all.iter().filter(|plan| plan.service != "sagemaker").map(|plan| &plan.kind);
    assert!(others.eq(ordered[sagemaker..].iter().map(|plan| &plan.kind)), "as they were");
}
