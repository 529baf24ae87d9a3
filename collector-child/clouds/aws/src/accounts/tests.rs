//! Finding accounts in a cloud in the process.

use std::sync::{Arc, Mutex};

use ipc_proto::fault::Level;
use serde_json::{Value, json};

use super::*;
use crate::listed::Listed;
use crate::testing::{Called, Recorder, Reply, client_of};

/// The account 111111111111 is the management account of an organization of three; role credentials are named
/// after their account.
fn organization(called: &Called) -> Option<Reply> {
    Some(match (called.service.as_str(), called.operation.as_str()) {
        ("sts", "GetCallerIdentity") => Reply::xml(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        ),
        ("sts", "AssumeRole") => Reply::xml(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
        ),
        ("ec2", "DescribeRegions") => Reply::xml(
            "<DescribeRegionsResponse><regionInfo><item><regionName>eu-west-1</regionName></item><item><regionName>us-east-1</regionName></item></regionInfo></DescribeRegionsResponse>",
        ),
        ("iam", "ListAccountAliases") => Reply::xml_error("AccessDenied"),
        ("organizations", "ListAccounts") if called.params.get("NextToken").is_none() => {
            Reply::json(&json!({"Accounts": [{"Id": "111111111111", "Name": "one"}], "NextToken": "x"}))
        }
        ("organizations", "ListAccounts") => Reply::json(&json!({"Accounts": [
            {"Id": "222222222222", "Name": "two"}, {"Id": "333333333333", "Name": "three"},
        ]})),
        ("organizations", "DescribeAccount") => Reply::json(
            &json!({"Account": {"Name": format!("told {}", called.params["AccountId"].as_str()?)}}),
        ),
        _ => return None,
    })
}

async fn found(config: Value) -> (Result<Vec<Account>, Failure>, Vec<Fault>) {
    found_in(config, organization).await
}

async fn found_in(
    mut config: Value,
    answers: impl Fn(&Called) -> Option<Reply> + Send + Sync + 'static,
) -> (Result<Vec<Account>, Failure>, Vec<Fault>) {
    config["access_key_id"] = json!("AKID");
    config["secret_access_key"] = json!("secret");
    let config: AwsConfig = serde_json::from_value(config).unwrap();
    let recorder = Recorder::default();
    let accounts = list(&client_of(answers).await, &config, false, &recorder).await;
    let accounts = accounts.map(|listed| listed.into_iter().map(|(account, _)| account).collect());
    (accounts, recorder.0.into_inner().unwrap().faults)
}

fn names(accounts: &[Account]) -> Vec<(&str, &str)> {
    accounts.iter().map(|account| (account.id.as_str(), account.name.as_str())).collect()
}

#[tokio::test]
async fn a_region_that_nobody_knows_is_refused_and_a_new_one_is_not() {
    let asked = |region: &str, answers: fn(&Called) -> Option<Reply>| {
        let region = region.to_owned();
        async move { found_in(json!({"region": [region]}), answers).await.0 }
    };
    let Err(Failure::Fault(fault)) = asked("eu-wst-1", organization).await else { panic!("there is none") };
    assert_eq!(fault.kind, FaultKind::Config);
    assert_eq!(fault.message, "aws.region names \"eu-wst-1\", which is no region of AWS");
    assert_eq!(fault.hint.as_deref(), Some("did you mean eu-west-1?"));
    let new = |called: &Called| match called.operation.as_str() {
        "DescribeRegions" => Some(Reply::xml(
            "<DescribeRegionsResponse><regionInfo><item><regionName>eu-moon-1</regionName></item></regionInfo></DescribeRegionsResponse>",
        )),
        _ => organization(called),
    };
    assert_eq!(asked("eu-moon-1", new).await.unwrap().len(), 1);
    let denied = |called: &Called| match called.operation.as_str() {
        "DescribeRegions" => Some(Reply::xml_error("UnauthorizedOperation")),
        _ => organization(called),
    };
    assert_eq!(asked("eu-moon-1", denied).await.unwrap().len(), 1, "nobody says that it is not there");
}

#[tokio::test]
async fn the_account_of_the_credentials_is_found() {
    let (accounts, faults) = found(json!({})).await;
    let accounts = accounts.unwrap();
    assert_eq!(names(&accounts), [("111111111111", "told 111111111111")]);
    let scope = scope_of(&accounts[0]).unwrap();
    assert_eq!((scope.partition.as_str(), scope.role), ("aws", None));
    assert!(scope.regions.is_empty(), "the account is asked when it is collected");
    assert!(faults.is_empty());
    let configured = found(json!({"region": ["eu-west-1"]})).await.0.unwrap();
    assert_eq!(scope_of(&configured[0]).unwrap().regions, ["eu-west-1"]);
}

#[tokio::test]
async fn the_organization_is_listed_with_roles_and_without_the_excluded() {
    let config = json!({"role": "Fix", "scrape_org": true, "region": ["eu-west-1"], "scrape_exclude_account": ["333333333333"]});
    let accounts = found(config).await.0.unwrap();
    assert_eq!(names(&accounts), [("222222222222", "two"), ("111111111111", "told 111111111111")]);
    let roles: Vec<_> = accounts.iter().map(|account| scope_of(account).unwrap().role).collect();
    assert_eq!(roles, [Some("Fix".to_owned()), None]);
    let without =
        json!({"role": "Fix", "scrape_org": true, "region": ["eu-west-1"], "do_not_scrape_current": true});
    assert_eq!(names(&found(without).await.0.unwrap()), [("222222222222", "two"), ("333333333333", "three")]);
}

#[tokio::test]
async fn listed_accounts_get_the_role() {
    let config = json!({"role": "Fix", "account": ["222222222222"], "region": ["eu-west-1"]});
    let accounts = found(config).await.0.unwrap();
    assert_eq!(names(&accounts), [("222222222222", "told 222222222222")]);
    assert_eq!(scope_of(&accounts[0]).unwrap().role.as_deref(), Some("Fix"));
}

#[tokio::test]
async fn an_organization_that_may_not_be_listed_leaves_the_current_account() {
    let answers = |called: &Called| match called.operation.as_str() {
        "ListAccounts" => Some(Reply::json_error("AccessDeniedException")),
        _ => organization(called),
    };
    let config = json!({"role": "Fix", "scrape_org": true, "region": ["eu-west-1"]});
    let (accounts, faults) = found_in(config, answers).await;
    assert_eq!(names(&accounts.unwrap()).len(), 1);
    assert_eq!(faults.len(), 1);
    assert!(faults[0].message.starts_with("the accounts of the organization cannot be listed"));
}

#[tokio::test]
async fn accounts_of_the_organization_that_are_not_active_are_told_and_left_out() {
    let answers = |called: &Called| match called.operation.as_str() {
        "ListAccounts" => Some(Reply::json(&json!({"Accounts": [
            {"Id": "222222222222", "State": "ACTIVE"},
            {"Id": "333333333333", "State": "SUSPENDED"},
            {"Id": "444444444444", "Status": "PENDING_CLOSURE"},
        ]}))),
        _ => organization(called),
    };
    let config = json!({"role": "Fix", "scrape_org": true, "do_not_scrape_current": true});
    let (accounts, faults) = found_in(config, answers).await;
    assert_eq!(names(&accounts.unwrap()).len(), 1);
    assert_eq!((faults.len(), faults[0].level), (1, Level::Info));
    assert_eq!(
        faults[0].message,
        "2 accounts of the organization are not active and left out: 333333333333 (SUSPENDED), 444444444444 (PENDING_CLOSURE)"
    );
}

/// The regions of the calls of an operation, in their order, while `found_in` looks.
async fn asked(
    operation: &'static str,
    config: Value,
    answers: impl Fn(&Called) -> Option<Reply> + Send + Sync + 'static,
) -> (Vec<String>, Result<Vec<Account>, Failure>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let answers = move |called: &Called| {
        if called.operation == operation {
            noted.lock().unwrap().push(called.region.clone());
        }
        answers(called)
    };
    let accounts = found_in(config, answers).await.0;
    let seen = seen.lock().unwrap().clone();
    (seen, accounts)
}

/// Only these regions know the key.
fn known_in(regions: &'static [&'static str]) -> impl Fn(&Called) -> Option<Reply> + Send + Sync + 'static {
    move |called: &Called| match called.operation.as_str() {
        "GetCallerIdentity" if !regions.contains(&called.region.as_str()) => {
            Some(Reply::xml_error("InvalidClientTokenId"))
        }
        _ => organization(called),
    }
}

#[tokio::test]
async fn partitions_are_tried_until_one_knows_the_key() {
    for (region, partition) in
        [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")]
    {
        let regions: &'static [&'static str] = Box::leak(Box::new([region]));
        let accounts = found_in(json!({}), known_in(regions)).await.0.unwrap();
        assert_eq!(scope_of(&accounts[0]).unwrap().partition, partition);
    }
}

#[tokio::test]
async fn the_region_that_is_named_is_asked_first() {
    for region in ["eu-west-1", "eusc-de-east-1", "us-iso-west-1", "cn-northwest-1"] {
        let regions: &'static [&'static str] = Box::leak(Box::new([region]));
        let (asked, accounts) =
            asked("GetCallerIdentity", json!({"region": [region]}), known_in(regions)).await;
        assert_eq!(asked, [region]);
        let partition = scope_of(&accounts.unwrap()[0]).unwrap().partition;
        assert_eq!(Some(partition.as_str()), crate::partition::of_region(region));
    }
}

#[tokio::test]
async fn roles_are_assumed_in_the_region_that_is_named() {
    let config = json!({"role": "Fix", "account": ["222222222222"], "region": ["eu-north-1"]});
    assert_eq!(asked("AssumeRole", config, organization).await.0, ["eu-north-1"]);
}

#[tokio::test]
async fn where_one_address_answers_for_all_partitions_the_answer_says_which_it_is() {
    let answers = |called: &Called| match called.operation.as_str() {
        "GetCallerIdentity" => Some(Reply::xml(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111111111111</Account><Arn>arn:aws-eusc:iam::111111111111:user/x</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>",
        )),
        _ => organization(called),
    };
    let accounts = found_in(json!({}), answers).await.0.unwrap();
    assert_eq!(scope_of(&accounts[0]).unwrap().partition, "aws-eusc");
}

#[tokio::test]
async fn a_region_of_another_partition_is_left_out_and_told() {
    let known: &'static [&'static str] = &["eu-west-1", "us-east-1"];
    for regions in [["eu-west-1", "cn-north-1"], ["cn-north-1", "eu-west-1"]] {
        let (accounts, faults) = found_in(json!({"region": regions}), known_in(known)).await;
        assert_eq!(scope_of(&accounts.unwrap()[0]).unwrap().regions, ["eu-west-1"]);
        let told: Vec<_> = faults.iter().map(|fault| (fault.kind, fault.message.as_str())).collect();
        let message = "aws.region names cn-north-1 (aws-cn), a region of another partition than that of the credentials, \
                       which is aws: left out";
        assert_eq!(told, [(FaultKind::Config, message)]);
    }
    let (accounts, faults) =
        found_in(json!({"region": ["cn-north-1", "us-gov-east-1"]}), known_in(known)).await;
    let Err(Failure::Fault(fault)) = accounts else { panic!("there are no accounts") };
    assert_eq!((fault.kind, faults.len()), (FaultKind::Config, 0), "{faults:?}");
    assert!(
        fault.message.contains("cn-north-1 (aws-cn) and us-gov-east-1 (aws-us-gov)"),
        "{}",
        fault.message
    );
}

#[tokio::test]
async fn credentials_that_nobody_knows_are_a_failure_of_that_kind() {
    let (accounts, _) = found_in(json!({}), |_| Some(Reply::xml_error("InvalidClientTokenId"))).await;
    let Err(Failure::Fault(fault)) = accounts else { panic!("there are no accounts") };
    assert_eq!(fault.kind, FaultKind::Credentials);
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_named() {
    let (accounts, faults) = found(json!({"profiles": ["gone", "lost"]})).await;
    let Err(Failure::Fault(fault)) = accounts else { panic!("there are no accounts") };
    assert!(fault.message.contains("lost") && faults[0].message.contains("gone"), "{fault:?} {faults:?}");
}

/// What the account says of its regions, with the faults and the calls.
async fn regions_of(
    scope_regions: &[&str],
    answers: impl Fn(&Called) -> Option<Reply> + Send + Sync + 'static,
) -> (Result<Vec<String>, CallError>, Vec<Fault>) {
    let client = client_of(answers).await;
    let session = client.session(crate::testing::keys()).await.unwrap();
    let regions = scope_regions.iter().map(|region| (*region).to_owned()).collect();
    let scope = Scope { role: None, profile: None, partition: "aws".to_owned(), regions };
    let api = Api::new(client, session, "111111111111");
    let recorder = Recorder::default();
    let regions = super::regions::of_account(&api, &scope, &recorder).await;
    (regions, recorder.0.into_inner().unwrap().faults)
}

#[tokio::test]
async fn the_regions_are_those_of_the_settings_or_of_the_account() {
    let (regions, faults) = regions_of(&["eu-north-1"], |_| Some(Reply::xml_error("AccessDenied"))).await;
    assert_eq!((regions.unwrap(), faults.len()), (vec!["eu-north-1".to_owned()], 0));
    let (regions, faults) = regions_of(&[], organization).await;
    assert_eq!(regions.unwrap(), ["eu-west-1", "us-east-1"]);
    assert!(faults.is_empty());
}

#[tokio::test]
async fn regions_that_are_not_enabled_are_not_the_accounts() {
    let answers = |called: &Called| match called.operation.as_str() {
        "DescribeRegions" => Some(Reply::xml(
            "<DescribeRegionsResponse><regionInfo>\
             <item><regionName>us-east-1</regionName><optInStatus>opt-in-not-required</optInStatus></item>\
             <item><regionName>me-south-1</regionName><optInStatus>not-opted-in</optInStatus></item>\
             <item><regionName>af-south-1</regionName><optInStatus>opted-in</optInStatus></item>\
             </regionInfo></DescribeRegionsResponse>",
        )),
        _ => None,
    };
    assert_eq!(regions_of(&[], answers).await.0.unwrap(), ["us-east-1", "af-south-1"]);
}

/// Somebody answers for STS who says nothing of an account.
#[tokio::test]
async fn an_identity_without_an_account_is_no_answer() {
    let answers = |called: &Called| {
        let nobody = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account></Account>\
                      </GetCallerIdentityResult></GetCallerIdentityResponse>";
        (called.operation == "GetCallerIdentity").then(|| Reply::xml(nobody))
    };
    let Err(Failure::Fault(fault)) = found_in(json!({}), answers).await.0 else { panic!("no account") };
    assert_eq!(fault.kind.exit_code(fault.retry), ipc_proto::exit_code::ExitCode::TryAgain, "{fault:?}");
}

#[tokio::test]
async fn no_account_has_no_region() {
    for nothing in
        ["<regionInfo/>", "", "<regionInfo><item><optInStatus>opted-in</optInStatus></item></regionInfo>"]
    {
        let body = format!("<DescribeRegionsResponse>{nothing}</DescribeRegionsResponse>");
        let answers = move |called: &Called| match called.operation.as_str() {
            "DescribeRegions" => Some(Reply::xml(&body)),
            "GetCallerIdentity" => Some(Reply::xml_error("InvalidClientTokenId")),
            _ => None,
        };
        let (regions, faults) = regions_of(&[], answers).await;
        assert!(regions.unwrap().contains(&"us-east-1".to_owned()), "those that are known");
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].message.contains("names no region"), "{}", faults[0].message);
    }
}

#[tokio::test]
async fn an_account_that_may_not_tell_its_regions_is_collected_in_those_that_know_it() {
    let answers = |called: &Called| match (called.operation.as_str(), called.region.as_str()) {
        ("DescribeRegions", _) => Some(Reply::xml_error("UnauthorizedOperation")),
        ("GetCallerIdentity", "af-south-1") => organization(called),
        ("GetCallerIdentity", _) => Some(Reply::xml_error("InvalidClientTokenId")),
        _ => None,
    };
    let (regions, faults) = regions_of(&[], answers).await;
    let regions = regions.unwrap();
    assert!(
        ["af-south-1", "eu-west-1", "us-east-1"]
            .iter()
            .all(|region| regions.iter().any(|known| known == region))
    );
    assert_eq!(regions.len(), 18, "{regions:?}");
    assert_eq!(faults.len(), 1);
    assert!(faults[0].message.starts_with("which regions the account has enabled is not told"), "{faults:?}");
    assert!(faults[0].hint.as_ref().unwrap().contains("ec2:DescribeRegions"));
}

#[tokio::test]
async fn an_account_that_cannot_be_asked_for_its_regions_fails() {
    let (regions, faults) = regions_of(&[], |_| Some(Reply::xml_status(500, "<x/>"))).await;
    assert!(regions.is_err() && faults.is_empty());
}

/// The role of an account that was asked for its alias is not assumed again to collect it, unless other settings say so.
#[tokio::test]
async fn credentials_of_the_listing_are_kept_for_one_collection_with_the_same_settings() {
    let config = |role: &str| -> AwsConfig {
        let settings = json!({"role": role, "account": ["222222222222", "333333333333"],
            "access_key_id": "AKID", "secret_access_key": "secret"});
        serde_json::from_value(settings).unwrap()
    };
    let client = client_of(organization).await;
    let listed = list(&client, &config("Fix"), false, &Recorder::default()).await.unwrap();
    let store = Listed::default();
    let accounts = store.keep(config("Fix"), listed);
    assert!(store.take(&config("Other"), &accounts[0]).is_none());
    let taken = store.take(&config("Fix"), &accounts[0]).unwrap();
    assert_eq!(taken.assumed_role().unwrap(), "arn:aws:iam::222222222222:role/Fix");
    assert!(store.take(&config("Fix"), &accounts[0]).is_none(), "another collection looks them up");
    let again = list(&client, &config("Fix"), false, &Recorder::default()).await.unwrap();
    store.keep(config("Fix"), again.into_iter().take(1).collect());
    assert!(store.take(&config("Fix"), &accounts[1]).is_none(), "not of an older listing");
}
