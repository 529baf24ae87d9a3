//! Credentials that one process hands over to another one.

use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use http_client::{Class, CredentialsTrouble};
use serde_json::json;
use zeroize::Zeroizing;

use super::fake::{Came, Fake, Reply, ok, query_error};
use super::{Bench, SECRET, quick};
use crate::client::{Client, Target};
use crate::credentials::{Given, Giver, Login, Role, Session, account_of_role};
use crate::environment::Environment;

/// Gives these, one after the other.
struct Prepared(Mutex<Vec<Result<Zeroizing<Vec<u8>>, String>>>);

type Renewing<'a> = Pin<Box<dyn Future<Output = Result<Zeroizing<Vec<u8>>, String>> + Send + 'a>>;

impl Prepared {
    fn next(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        self.0.lock().unwrap().remove(0)
    }
}

impl Giver for Prepared {
    fn id(&self) -> usize {
        1
    }

    fn now(&self) -> Zeroizing<Vec<u8>> {
        self.0.lock().unwrap()[0].clone().unwrap()
    }

    fn renew(&self) -> Renewing<'_> {
        self.next().unwrap();
        Box::pin(ready(self.0.lock().unwrap()[0].clone()))
    }
}

/// A cloud where each assumed role has the account of its key, and what is signed with `ASIA1` has expired.
fn cloud(came: &Came) -> Reply {
    let key = came.header("authorization").unwrap_or_default().to_owned();
    let key = key.split("Credential=").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if came.param("Action").as_deref() == Some("AssumeRole") {
        let number = came.number;
        return ok(format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA{number}</AccessKeyId>\
             <SecretAccessKey>s{number}</SecretAccessKey><SessionToken>t{number}</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ));
    }
    if key == "ASIA0" && came.number > 4 {
        return query_error(403, "ExpiredToken", "old");
    }
    let account = if key == "ASIA2" { "222222222222" } else { "111111111111" };
    ok(format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{account}</Account>\
         <Arn>arn:aws:sts::{account}:assumed-role/fix/x</Arn></GetCallerIdentityResult>\
         </GetCallerIdentityResponse>"
    ))
}

const OURS: &str = "111111111111";
const THEIRS: &str = "222222222222";

async fn assumed(bench: &Bench, account: &str) -> Zeroizing<Vec<u8>> {
    let role = Role::of_account("aws", account, "fix", "us-east-1", "unique");
    let session = bench.client.assume(&bench.session, role);
    let handed = session.hand_over(false).await.unwrap();
    assert!(!handed.lasting && handed.ends.is_some());
    handed.bytes
}

/// A session in a process that has nothing but these.
async fn given(fake: &Fake, prepared: Vec<Result<Zeroizing<Vec<u8>>, String>>) -> (Client, Session) {
    let given = Given::new(Prepared(Mutex::new(prepared)));
    let environment = Environment::of_test(&[("AWS_ENDPOINT_URL", &fake.address())], "", None).await.unwrap();
    let client = Client::with_environment(quick(), Arc::new(environment)).unwrap();
    let session = client.session(Login::Given(given)).await.unwrap();
    (client, session)
}

async fn whose(client: &Client, session: &Session) -> Result<String, Class> {
    let target = Target { session, region: "us-east-1", account: "", deadline: None };
    let answer = client.call(&target, "sts", "GetCallerIdentity", json!({})).await;
    answer.map(|answer| answer["Account"].as_str().unwrap().to_owned()).map_err(|error| error.class)
}

#[tokio::test]
async fn a_session_goes_from_one_process_to_another_and_is_replaced_when_it_ends() {
    let fake = Fake::new(cloud).await;
    let bench = Bench::new(&fake).await;
    // ASIA0 ends, ASIA1 is of the same account.
    let both = vec![Ok(assumed(&bench, OURS).await), Ok(assumed(&bench, OURS).await)];
    assert!(both.iter().flatten().all(|bytes| !String::from_utf8_lossy(bytes).contains(SECRET)));
    let (client, session) = given(&fake, both).await;
    assert_eq!(whose(&client, &session).await.as_deref(), Ok("111111111111"));
    session.belongs_to("111111111111", "us-east-1");
    while fake.came().len() < 5 {
        whose(&client, &session).await.unwrap();
    }
    assert_eq!(whose(&client, &session).await.as_deref(), Ok("111111111111"));
    assert_eq!(&*session.key().await.unwrap(), "ASIA1");
}

#[tokio::test]
async fn what_replaces_them_is_of_the_same_account_or_is_not_used() {
    // Whatever role they are said to be of.
    for said in [THEIRS, OURS] {
        let fake = Fake::new(cloud).await;
        let bench = Bench::new(&fake).await;
        let first = assumed(&bench, OURS).await;
        assumed(&bench, OURS).await;
        let (client, session) = given(&fake, vec![Ok(first), Ok(assumed(&bench, said).await)]).await;
        assert_eq!(whose(&client, &session).await.as_deref(), Ok("111111111111"));
        session.belongs_to("111111111111", "us-east-1");
        while fake.came().len() < 5 {
            whose(&client, &session).await.unwrap();
        }
        // ASIA2 is of another account.
        let not_renewed = Class::Credentials(CredentialsTrouble::NotRenewed);
        assert_eq!(whose(&client, &session).await, Err(not_renewed), "{said}");
        assert!(session.key().await.is_err());
    }
}

#[tokio::test]
async fn those_of_a_role_say_of_which() {
    let fake = Fake::new(cloud).await;
    let bench = Bench::new(&fake).await;
    let (_, session) = given(&fake, vec![Ok(assumed(&bench, THEIRS).await)]).await;
    let arn = session.assumed_role().unwrap();
    assert_eq!(arn, "arn:aws:iam::222222222222:role/fix");
    assert_eq!(account_of_role(&arn), Some(THEIRS));
    let keys = bench.session.hand_over(false).await.unwrap().bytes;
    assert_eq!(given(&fake, vec![Ok(keys)]).await.1.assumed_role(), None);
}

#[tokio::test]
async fn keys_of_a_user_are_handed_over_as_they_are_and_said_to_last() {
    let fake = Fake::new(cloud).await;
    let bench = Bench::new(&fake).await;
    let handed = bench.session.hand_over(true).await.unwrap();
    assert!(handed.lasting && handed.ends.is_none());
    let (_, session) = given(&fake, vec![Ok(handed.bytes)]).await;
    assert_eq!(&*session.key().await.unwrap(), "AKIDEXAMPLE");
}

#[tokio::test]
async fn without_new_ones_the_trouble_says_so_and_a_later_attempt_may_have_some() {
    let fake = Fake::new(cloud).await;
    let bench = Bench::new(&fake).await;
    let (client, session) =
        given(&fake, vec![Ok(assumed(&bench, OURS).await), Err("the broker is gone".to_owned())]).await;
    let mut told = Ok(());
    while told.is_ok() {
        let target = Target { session: &session, region: "us-east-1", account: "", deadline: None };
        told = client.call(&target, "sts", "GetCallerIdentity", json!({})).await.map(drop);
    }
    let told = told.unwrap_err();
    assert_eq!(told.class, Class::Credentials(CredentialsTrouble::NotRenewed));
    assert!(told.to_string().contains("the broker is gone"), "{told}");
    assert_eq!(told.to_fault().retry, ipc_proto::fault::Retry::Later);
}
