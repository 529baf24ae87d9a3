//! Finding accounts in a cloud in the process.

use serde_json::{Value, json};

use super::*;
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
    (accounts, recorder.0.into_inner().unwrap().faults)
}

fn names(accounts: &[Account]) -> Vec<(&str, &str)> {
    accounts.iter().map(|account| (account.id.as_str(), account.name.as_str())).collect()
}

#[tokio::test]
async fn the_account_of_the_credentials_is_found_with_its_regions() {
    let (accounts, faults) = found(json!({})).await;
    let accounts = accounts.unwrap();
    assert_eq!(names(&accounts), [("111111111111", "told 111111111111")]);
    let scope = scope_of(&accounts[0]).unwrap();
    assert_eq!((scope.partition.as_str(), scope.role), ("aws", None));
    assert_eq!(scope.regions, ["eu-west-1", "us-east-1"]);
    assert!(faults.is_empty());
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
async fn partitions_are_tried_until_one_knows_the_key() {
    let answers = |called: &Called| match (called.operation.as_str(), called.region.as_str()) {
        ("GetCallerIdentity", "cn-north-1") => organization(called),
        ("GetCallerIdentity", _) => Some(Reply::xml_error("InvalidClientTokenId")),
        _ => organization(called),
    };
    let accounts = found_in(json!({"region": ["cn-north-1"]}), answers).await.0.unwrap();
    assert_eq!(scope_of(&accounts[0]).unwrap().partition, "aws-cn");
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
