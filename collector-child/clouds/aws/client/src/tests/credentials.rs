//! Roles: assumed once, kept, renewed.

use std::sync::Arc;

use http_client::{Class, CredentialsTrouble};

use super::fake::{Came, Fake, Reply, ok, query_error};
use super::{Bench, IDENTITY};
use crate::client::Target;
use crate::credentials::Role;

fn assumed(number: usize) -> Reply {
    ok(format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA{number}</AccessKeyId>\
         <SecretAccessKey>s{number}</SecretAccessKey><SessionToken>t{number}</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    ))
}

fn action(came: &Came) -> String {
    came.param("Action").unwrap_or_default()
}

fn role() -> Role {
    let role = Role::of_account("aws", "222222222222", "fix", "us-east-1", "unique");
    Role { external_id: Some("ext-1".to_owned()), ..role }
}

#[tokio::test]
async fn a_role_is_assumed_once_for_all_calls() {
    let fake = Fake::new(|came| if action(came) == "AssumeRole" { assumed(1) } else { ok(IDENTITY) }).await;
    let bench = Arc::new(Bench::new(&fake).await);
    let session = bench.client.assume(&bench.session, role());
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (bench, session) = (bench.clone(), session.clone());
        calls.spawn(async move {
            let target =
                Target { session: &session, region: "us-east-1", account: "222222222222", deadline: None };
            bench.client.call(&target, "sts", "GetCallerIdentity", serde_json::Value::Null).await.unwrap();
        });
    }
    calls.join_all().await;
    let came = fake.came();
    let (assumed, calls): (Vec<&Came>, Vec<&Came>) =
        came.iter().partition(|came| action(came) == "AssumeRole");
    assert_eq!((assumed.len(), calls.len()), (1, 30));
    assert_eq!(assumed[0].param("ExternalId").as_deref(), Some("ext-1"));
    assert_eq!(assumed[0].param("RoleSessionName").as_deref(), Some("222222222222-unique"));
    assert!(assumed[0].header("authorization").unwrap().contains("Credential=AKIDEXAMPLE/"));
    for call in calls {
        assert!(call.header("authorization").unwrap().contains("Credential=ASIA1/"));
        assert_eq!(call.header("x-amz-security-token"), Some("t1"));
    }
}

#[tokio::test]
async fn credentials_that_aws_calls_expired_are_renewed_once() {
    let fake = Fake::new(|came| match action(came).as_str() {
        "AssumeRole" => assumed(came.number),
        _ if came.header("x-amz-security-token") == Some("t0") => query_error(403, "ExpiredToken", "old"),
        _ => ok(IDENTITY),
    })
    .await;
    let bench = Bench::new(&fake).await;
    let session = bench.client.assume(&bench.session, role());
    let target = Target { session: &session, region: "us-east-1", account: "2", deadline: None };
    let call = bench.client.call(&target, "sts", "GetCallerIdentity", serde_json::Value::Null);
    assert!(call.await.is_ok());
    let actions: Vec<String> = fake.came().iter().map(action).collect();
    assert_eq!(actions, ["AssumeRole", "GetCallerIdentity", "AssumeRole", "GetCallerIdentity"]);
}

/// By a clock that is ahead they are over when they come. AWS knows better.
#[tokio::test]
async fn credentials_that_are_over_when_they_come_are_used_until_aws_refuses_them() {
    let fake = Fake::new(|came| match action(came).as_str() {
        "AssumeRole" => match assumed(came.number) {
            Reply::Whole(status, headers, body) => {
                Reply::Whole(status, headers, body.replace("2099", "2020"))
            }
            other => other,
        },
        _ if came.number > 3 && came.header("x-amz-security-token") == Some("t0") => {
            query_error(403, "ExpiredToken", "old")
        }
        _ => ok(IDENTITY),
    })
    .await;
    let bench = Bench::new(&fake).await;
    let session = bench.client.assume(&bench.session, role());
    let target = Target { session: &session, region: "us-east-1", account: "2", deadline: None };
    for _ in 0..5 {
        bench.client.call(&target, "sts", "GetCallerIdentity", serde_json::Value::Null).await.unwrap();
    }
    let assumed = fake.came().iter().filter(|came| action(came) == "AssumeRole").count();
    assert_eq!(assumed, 2);
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_costs_one_attempt_and_says_why() {
    let fake =
        Fake::new(|_| query_error(403, "AccessDenied", "is not authorized to perform: sts:AssumeRole")).await;
    let bench = Bench::new(&fake).await;
    let session = bench.client.assume(&bench.session, role());
    for region in ["eu-west-1", "eu-west-2", "eu-west-3"] {
        let target = Target { session: &session, region, account: "222222222222", deadline: None };
        let error =
            bench.client.call(&target, "ec2", "DescribeVpcs", serde_json::json!({})).await.unwrap_err();
        assert_eq!(error.class, Class::Credentials(CredentialsTrouble::Role));
        assert_eq!((error.service.as_str(), error.operation.as_str()), ("sts", "AssumeRole"));
        assert_eq!((error.region.as_str(), error.account.as_str()), (region, "222222222222"));
        assert!(error.message.contains("arn:aws:iam::222222222222:role/fix"), "{error}");
        assert!(error.to_fault().hint.unwrap().contains("trust policy"));
    }
    assert_eq!(fake.came().len(), 1, "all calls share the one refusal");
}

#[tokio::test]
async fn keys_of_the_configuration_are_not_renewed() {
    let fake = Fake::new(|_| query_error(403, "ExpiredToken", "old")).await;
    let error = Bench::new(&fake).await.error().await;
    assert_eq!((error.class, fake.came().len()), (Class::Credentials(CredentialsTrouble::Expired), 1));
}
