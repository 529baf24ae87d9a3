//! Changes with the credentials of one account for resources of another.

use std::sync::{Arc, Mutex};

use aws_client::Client;
use collector::Failure;
use collector::changes::Journal;
use engine::change::Memory;
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::job::Account;
use ipc_proto::secret::Secret;
use serde_json::{Map, Value, json};

use super::*;
use crate::accounts::Scope;
use crate::accounts::sessions;
use crate::config::AwsConfig;
use crate::job::Way;
use crate::testing::{Called, Recorder, Reply, client_of};

/// The account of the keys.
const OURS: &str = "100000000001";
/// The account of the resource in most tests.
const OTHER: &str = "200000000002";

/// A cloud in which keys belong to the account that they name, and with what it was asked.
struct Cloud {
    client: Client,
    calls: Arc<Mutex<Vec<Called>>>,
}

impl Cloud {
    async fn new(refuses_roles: bool) -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let client = client_of(move |called| {
            seen.lock().unwrap().push(called.clone());
            Some(answer(called, refuses_roles))
        })
        .await;
        Self { client, calls }
    }

    fn changer(&self, config: &AwsConfig) -> Changer {
        Changer::with_client(config, self.client.clone())
    }

    fn operations(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|called| called.operation.clone()).collect()
    }
}

fn answer(called: &Called, refuses_roles: bool) -> Reply {
    let operation = &called.operation;
    let body = match operation.as_str() {
        "AssumeRole" if refuses_roles => return Reply::xml_error("AccessDenied"),
        "AssumeRole" => {
            let account = called.body.split("%3Aiam%3A%3A").nth(1).unwrap().get(..12).unwrap();
            format!(
                "<Credentials><AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                 <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
            )
        }
        "GetCallerIdentity" => {
            let account = called.key.strip_prefix("ASIA").unwrap_or(OURS);
            format!("<Account>{account}</Account><Arn>arn:aws:iam::{account}:user/x</Arn>")
        }
        "DescribeRegions" => {
            let body = "<regionInfo><item><regionName>eu-west-7</regionName></item></regionInfo>";
            return Reply::xml(&format!("<DescribeRegionsResponse>{body}</DescribeRegionsResponse>"));
        }
        _ => String::new(),
    };
    Reply::xml(&format!(
        "<{operation}Response><{operation}Result>{body}</{operation}Result></{operation}Response>"
    ))
}

fn config(more: Value) -> AwsConfig {
    let mut settings = json!({"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret"});
    settings.as_object_mut().unwrap().extend(object(more));
    serde_json::from_value(settings).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn user(account: Value) -> Resource {
    Resource::new("aws_iam_role", object(json!({"id": "r", "name": "same"})), object(account), Map::new())
}

struct Silent;

impl Journal for Silent {
    fn done(&self, _: String) {}
    fn failed(&self, _: String) {}
}

fn fault_of<T: std::fmt::Debug>(result: Result<T, Failure>) -> Fault {
    match result {
        Err(Failure::Fault(fault)) => *fault,
        other => panic!("no fault: {other:?}"),
    }
}

async fn tag(changer: &Changer, config: &AwsConfig, resource: &Resource) -> Result<(), Failure> {
    let set = [("a".to_owned(), "b".to_owned())];
    let tagging = Tagging { config, resource, remove: &[], set: &set, remaining: None };
    changer.tag(&tagging, &Recorder::default()).await
}

#[tokio::test]
async fn what_does_not_say_its_region_keeps_its_tags() {
    let (cloud, config) = (Cloud::new(false).await, config(json!({})));
    let reported = object(json!({"id": "vol-0"}));
    let resource = Resource::new("aws_ec2_volume", reported, object(json!({"id": OURS})), Map::new());
    let fault = fault_of(tag(&cloud.changer(&config), &config, &resource).await);
    assert_eq!(fault.message, "the node of this aws_ec2_volume does not say which region it is in");
    assert!(cloud.operations().is_empty());
}

#[tokio::test]
async fn nothing_is_called_in_the_account_of_the_credentials_for_a_resource_of_another() {
    let (cloud, config) = (Cloud::new(false).await, config(json!({})));
    let changer = cloud.changer(&config);
    let resource = user(json!({"id": OTHER}));
    let identity = changer.identity(&config, &resource).await.unwrap();
    assert_eq!(identity.account, OURS);
    assert_eq!(identity.credentials, "the keys of aws.access_key_id, arn:aws:iam::100000000001:user/x");
    // Whoever asks all the same gets nowhere.
    for dry_run in [true, false] {
        let memory = Memory::default();
        let deletion = Deletion {
            config: &config,
            resource: &resource,
            above: &[],
            dry_run,
            remaining: None,
            memory: &memory,
        };
        let refused = fault_of(changer.clean(&deletion, &Silent, &Recorder::default()).await);
        assert_eq!(refused.kind, FaultKind::WrongAccount);
        assert!(refused.message.contains(OURS) && refused.message.contains(OTHER), "{}", refused.message);
    }
    assert_eq!(fault_of(tag(&changer, &config, &resource).await).kind, FaultKind::WrongAccount);
    assert_eq!(cloud.operations(), ["GetCallerIdentity"], "once for these credentials");
}

#[tokio::test]
async fn own_resources_are_changed_with_what_is_there_whatever_the_role() {
    // As the account of an organization that lists the others: its node has no role, and the role need not exist in it.
    let (cloud, config) = (Cloud::new(true).await, config(json!({"role": "Fix"})));
    let changer = cloud.changer(&config);
    let resource = user(json!({"id": OURS}));
    assert_eq!(changer.identity(&config, &resource).await.unwrap().account, OURS);
    tag(&changer, &config, &resource).await.unwrap();
    tag(&changer, &config, &resource).await.unwrap();
    assert_eq!(cloud.operations(), ["GetCallerIdentity", "TagRole", "TagRole"]);
}

#[tokio::test]
async fn the_configured_role_leads_into_accounts_that_name_none() {
    let (cloud, config) =
        (Cloud::new(false).await, config(json!({"role": "Fix", "role_external_id": " x1 "})));
    let changer = cloud.changer(&config);
    for account in [json!({"id": OTHER}), json!({"id": "300000000003", "role": "Own"})] {
        let resource = user(account.clone());
        let identity = changer.identity(&config, &resource).await.unwrap();
        assert_eq!(json!(identity.account), account["id"]);
        tag(&changer, &config, &resource).await.unwrap();
    }
    let expected =
        "GetCallerIdentity AssumeRole GetCallerIdentity TagRole AssumeRole GetCallerIdentity TagRole";
    assert_eq!(cloud.operations().join(" "), expected);
    let calls = cloud.calls.lock().unwrap();
    let keys: Vec<&str> =
        calls.iter().filter(|call| call.operation == "TagRole").map(|call| call.key.as_str()).collect();
    assert_eq!(keys, ["ASIA200000000002", "ASIA300000000003"]);
    for call in calls.iter().filter(|call| call.operation == "AssumeRole") {
        assert!(call.body.contains("ExternalId=x1"), "{}", call.body);
    }
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_says_whose_the_credentials_are() {
    let (cloud, config) = (Cloud::new(true).await, config(json!({})));
    let changer = cloud.changer(&config);
    let fault = fault_of(changer.identity(&config, &user(json!({"id": OTHER, "role": "Fix"}))).await);
    assert_eq!(fault.kind, FaultKind::WrongAccount);
    for told in [OURS, OTHER, "the role Fix", "aws.access_key_id"] {
        assert!(fault.message.contains(told), "{told}: {}", fault.message);
    }
}

#[tokio::test]
async fn a_profile_that_is_not_there_is_for_another_worker() {
    let (cloud, config) = (Cloud::new(false).await, config(json!({})));
    let changer = cloud.changer(&config);
    for role in [Value::Null, json!("Fix")] {
        let resource = user(json!({"id": OTHER, "profile": "nobody-has-this-profile", "role": role}));
        let fault = fault_of(changer.identity(&config, &resource).await);
        assert_eq!(fault.kind, FaultKind::WrongAccount);
        for told in [OTHER, "nobody-has-this-profile"] {
            assert!(fault.message.contains(told), "{told}: {}", fault.message);
        }
    }
    assert!(cloud.operations().is_empty());
}

#[tokio::test]
async fn the_role_of_the_organization_has_the_external_id_as_well() {
    let cloud = Cloud::new(false).await;
    let arn = "arn:aws:iam::300000000003:role/List";
    let config = config(json!({"scrape_org_role_arn": arn, "role_external_id": "x1"}));
    let base = sessions::base(&cloud.client, &config, None).await.unwrap();
    let organization = sessions::of_organization(&cloud.client, &config, &base, "aws", OURS);
    organization.check().await.unwrap();
    assert!(cloud.calls.lock().unwrap()[0].body.contains("ExternalId=x1"));
}

#[tokio::test]
async fn a_command_is_for_the_account_it_names_or_that_of_its_resource() {
    let (cloud, config) =
        (Cloud::new(false).await, config(json!({"command_operations": ["iam:delete-role"]})));
    let changer = cloud.changer(&config);
    let resource = user(json!({"id": OTHER}));
    let words = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let command = |args, resource| Command { config: &config, args, resource, remaining: None };
    let args = words("iam delete-role --role-name same");
    let (wanted, identity) =
        changer.identity_of_command(&command(&args, Some(&resource))).await.unwrap().unwrap();
    assert_eq!((wanted.as_str(), identity.account.as_str()), (OTHER, OURS));
    let refused = changer.command(&command(&args, Some(&resource)), &Recorder::default()).await;
    assert_eq!(fault_of(refused).kind, FaultKind::WrongAccount);
    let told = changer.identity_of_command(&command(&args, None)).await.unwrap_err().to_string();
    assert!(told.contains("--account"), "what may change something names its account: {told}");
    let elsewhere = words("iam delete-role --role-name same --account 300000000003 --role Admin");
    let (wanted, identity) =
        changer.identity_of_command(&command(&elsewhere, Some(&resource))).await.unwrap().unwrap();
    assert_eq!((wanted.as_str(), identity.account.as_str()), ("300000000003", "300000000003"));
    assert!(!cloud.operations().contains(&"DeleteRole".to_owned()));
}

#[tokio::test]
async fn whose_the_credentials_of_a_collection_are_is_asked_unless_a_role_says_it() {
    let cloud = Cloud::new(false).await;
    for (role, account, calls) in [(None, OURS, 1), (Some("Fix".to_owned()), OTHER, 1)] {
        let scope = Scope { role, profile: None, partition: "aws".to_owned(), regions: Vec::new() };
        let account_to_collect = Account {
            cloud: "aws".to_owned(),
            id: OTHER.to_owned(),
            name: String::new(),
            node_id: String::new(),
            scope: Secret::new(scope.to_bytes()),
        };
        let way =
            Way::through(cloud.client.clone(), &config(json!({})), &account_to_collect, None).await.unwrap();
        assert_eq!(way.identity(&config(json!({}))).await.unwrap().account, account);
        assert_eq!(cloud.operations().len(), calls);
    }
}

/// Where a call goes there may be another resource of the same id.
#[tokio::test]
async fn a_node_whose_region_cannot_be_one_of_its_account_is_not_changed() {
    let (cloud, config) = (Cloud::new(false).await, config(json!({})));
    let changer = cloud.changer(&config);
    let in_region = |region: &str| {
        let reported = object(json!({"id": "vol-0"}));
        let account = object(json!({"id": OURS, "partition": "aws"}));
        let region = object(json!({"id": region, "name": region}));
        Resource::new("aws_ec2_volume", reported, account, region)
    };
    for (region, said) in [
        ("eu-west-1a", "the node of this aws_ec2_volume names the region \"eu-west-1a\""),
        ("moon", "the node of this aws_ec2_volume names the region \"moon\""),
        ("cn-north-1", "cn-north-1, which is in the partition aws-cn, and an account of aws"),
    ] {
        let resource = in_region(region);
        let memory = Memory::default();
        let deletion = Deletion {
            config: &config,
            resource: &resource,
            above: &[],
            dry_run: false,
            remaining: None,
            memory: &memory,
        };
        let refused = [
            fault_of(changer.clean(&deletion, &Silent, &Recorder::default()).await),
            fault_of(tag(&changer, &config, &resource).await),
            fault_of(changer.identity(&config, &resource).await),
        ];
        assert!(refused.iter().all(|fault| fault.message.contains(said)), "{refused:?}");
    }
    assert!(cloud.operations().is_empty(), "{:?}", cloud.operations());
    // One that is newer than this program.
    tag(&changer, &config, &in_region("eu-west-9")).await.unwrap();
    assert_eq!(cloud.operations().last().unwrap(), "CreateTags");
}

#[tokio::test]
async fn a_region_that_is_typed_and_newer_than_the_program_is_asked_for() {
    let (cloud, config) = (Cloud::new(false).await, config(json!({})));
    let changer = cloud.changer(&config);
    let run = async |region: &str| {
        let args: Vec<String> =
            ["sts", "get-caller-identity", "--region", region].map(str::to_owned).to_vec();
        let command = Command { config: &config, args: &args, resource: None, remaining: None };
        changer.command(&command, &Recorder::default()).await
    };
    let refused = fault_of(run("eu-west-9").await);
    assert!(
        refused.message.contains("\"eu-west-9\"") && refused.message.ends_with("neither does AWS"),
        "{refused:?}"
    );
    assert!(refused.hint.unwrap().starts_with("did you mean eu-west-"));
    assert_eq!(cloud.operations(), ["DescribeRegions"]);
    assert_eq!(run("eu-west-7").await.unwrap()["Account"], OURS);
    run("eu-west-1").await.unwrap();
    let asked = cloud.operations();
    assert_eq!(
        asked[1..],
        ["DescribeRegions", "GetCallerIdentity", "GetCallerIdentity"],
        "only if it is needed"
    );
}
