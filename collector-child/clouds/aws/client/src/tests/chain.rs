//! The places where credentials are looked for. Each case runs in a process of its own, as it is the real
//! environment that is looked at.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use super::fake::{Came, Fake, Reply, ok};
use super::quick;
use crate::client::{Client, Target};
use crate::credentials::Login;

/// What the other process does: it says what it found. Ignored, as it is only for [`found`].
#[tokio::test]
#[ignore = "run by the other tests, in an environment of their making"]
async fn look() {
    let profile = std::env::var("LOOK_PROFILE").map_or(Login::Environment, Login::Profile);
    let told = async {
        let client = Client::new(quick()).await?;
        let session = client.session(profile).await?;
        let target = Target { session: &session, region: "eu-west-1", account: "", deadline: None };
        client.call(&target, "sts", "GetCallerIdentity", serde_json::Value::Null).await
    };
    match told.await {
        Ok(_) => println!("found"),
        Err(error) => println!("FAILED {error} HINT {}", error.to_fault().hint.unwrap_or_default()),
    }
}

type Variables<'a> = &'a [(&'a str, &'a str)];

#[expect(clippy::disallowed_methods, reason = "a test process with another environment")]
async fn found(home: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tests::chain::look", "--ignored", "--nocapture"]).env_clear();
    command.env("HOME", home).envs(variables.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// AWS and metadata in one: it answers STS by the key that it is called with.
async fn aws() -> Fake {
    Fake::new(|came| match () {
        () if came.line.starts_with("PUT /latest/api/token") => {
            Reply::Whole(200, "x-aws-ec2-metadata-token-ttl-seconds: 60\r\n".to_owned(), "tok".to_owned())
        }
        () if came.line.starts_with("GET /latest/meta-data/iam/security-credentials/ ") => {
            ok("instance-role")
        }
        () if came.line.starts_with("GET /latest/meta-data/iam/security-credentials/instance-role") => {
            keys("AKIDINSTANCE", "\"Code\":\"Success\",")
        }
        () if came.line.starts_with("GET /container/broken") => Reply::Whole(
            400,
            String::new(),
            "{\"code\":\"NoRole\",\"message\":\"the task has no role\"}".to_owned(),
        ),
        () if came.line.starts_with("GET /container") => keys("AKIDCONTAINER", ""),
        () if came.param("Action").as_deref() == Some("AssumeRole") => assumed(came),
        () if came.param("Action").as_deref() == Some("AssumeRoleWithWebIdentity") => {
            ok("<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKIDWEB</AccessKeyId>\
             <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>")
        }
        () => ok(super::IDENTITY),
    })
    .await
}

fn keys(id: &str, more: &str) -> Reply {
    ok(format!(
        "{{{more}\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\
         \"Expiration\":\"2099-01-01T00:00:00Z\",\"Type\":\"AWS-HMAC\",\"LastUpdated\":\"2026-01-01T00:00:00Z\"}}"
    ))
}

/// A role has a key that is called after its account.
fn assumed(came: &Came) -> Reply {
    let account = came.param("RoleArn").unwrap().split("%3A").nth(4).unwrap().to_owned();
    ok(format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIDROLE{account}</AccessKeyId>\
         <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    ))
}

fn region_of(came: &Came) -> Option<&str> {
    came.header("authorization")?.split("Credential=").nth(1)?.split('/').nth(2)
}

fn key_of(came: &Came) -> Option<&str> {
    came.header("authorization")?.split("Credential=").nth(1)?.split('/').next()
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let config = "[profile process]\ncredential_process = /bin/sh -c 'printf %s \
        \"{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"AKIDPROCESS\\\",\\\"SecretAccessKey\\\":\\\"s\\\"}\"'\n\
        [profile keys]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n\
        [profile failing]\ncredential_process = echo 'run corp-login first' >&2; exit 3\n\
        [profile gone]\ncredential_process = /nowhere/get-credentials\n\
        [profile asking]\ncredential_process = echo 'Enter password:'\n\
        [profile over]\ncredential_process = /bin/sh -c 'printf %s \
        \"{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"A\\\",\\\"SecretAccessKey\\\":\\\"s\\\",\
        \\\"Expiration\\\":\\\"2020-01-01T00:00:00Z\\\"}\"'\n\
        [profile corp]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = ReadOnly\n\
        [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n\
        [profile chained]\nrole_arn = arn:aws:iam::222222222222:role/b\nsource_profile = middle\n\
        region = eu-central-1\nexternal_id = ext-1\nrole_session_name = me\nduration_seconds = 900\n\
        [profile middle]\nrole_arn = arn:aws:iam::111111111111:role/a\nsource_profile = keys\n\
        [profile by-instance]\nrole_arn = arn:aws:iam::333333333333:role/c\ncredential_source = Ec2InstanceMetadata\n\
        [profile region-only]\nregion = eu-west-1\n\
        [profile broken]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = nobody\n";
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    std::fs::write(home.path().join("token"), "web.identity.token").unwrap();
    home
}

#[tokio::test]
async fn each_place_is_found() {
    let (fake, home) = (aws().await, home());
    let address = fake.address();
    let base = [("AWS_ENDPOINT_URL", address.as_str()), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &address)];
    let token = home.path().join("token").display().to_string();
    let container = format!("{address}/container");
    let cases: [(&str, Variables<'_>); 10] = [
        ("AKIDENV", &[("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s")]),
        ("AKIDFILE", &[("AWS_PROFILE", "keys")]),
        (
            "AKIDENV",
            &[("AWS_PROFILE", "keys"), ("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s")],
        ),
        ("AKIDROLE222222222222", &[("AWS_PROFILE", "chained")]),
        ("AKIDPROCESS", &[("LOOK_PROFILE", "process")]),
        ("AKIDFILE", &[("LOOK_PROFILE", "keys"), ("AWS_ACCESS_KEY_ID", "X"), ("AWS_SECRET_ACCESS_KEY", "s")]),
        ("AKIDWEB", &[("AWS_WEB_IDENTITY_TOKEN_FILE", &token), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")]),
        ("AKIDCONTAINER", &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container)]),
        ("AKIDINSTANCE", &[("AWS_PROFILE", "region-only")]),
        ("AKIDINSTANCE", &[]),
    ];
    for (key, variables) in cases {
        let all: Vec<(&str, &str)> = base.iter().chain(variables).copied().collect();
        let told = found(home.path(), &all).await;
        assert!(told.contains("found"), "{key}: {told}");
        assert_eq!(fake.came().last().and_then(key_of), Some(key), "{told}");
    }
    let came = fake.came();
    let roles: Vec<_> =
        came.iter().filter(|came| came.param("RoleArn").is_some() && key_of(came).is_some()).collect();
    assert_eq!(
        roles.iter().map(|came| key_of(came).unwrap()).collect::<Vec<_>>(),
        ["AKIDFILE", "AKIDROLE111111111111"]
    );
    assert!(roles.iter().all(|came| region_of(came) == Some("eu-central-1")), "the region of the profile");
    let last = |name| roles[1].param(name);
    assert_eq!(
        (last("ExternalId").as_deref(), last("RoleSessionName").as_deref()),
        (Some("ext-1"), Some("me"))
    );
    assert_eq!(last("DurationSeconds").as_deref(), Some("900"));
    let first = came.iter().position(|came| came.line.contains("/latest/")).unwrap();
    let container = came.iter().position(|came| key_of(came) == Some("AKIDCONTAINER")).unwrap();
    assert!(first > container, "only the last case asks the instance");
}

#[tokio::test]
async fn nothing_anywhere_ends_soon_and_names_all_places() {
    let (fake, home) = (Fake::new(|_| Reply::Silent).await, tempfile::tempdir().unwrap());
    let begin = Instant::now();
    let told = found(home.path(), &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &fake.address())]).await;
    assert!(told.contains("FAILED") && told.contains("no credentials: there are none in"), "{told}");
    for place in
        ["AWS_ACCESS_KEY_ID", "profile files", "web identity", "container", "metadata of the instance"]
    {
        assert!(told.contains(place), "{place}: {told}");
    }
    assert!(told.contains("a hop limit of 1") && told.contains("--http-put-response-hop-limit 2"), "{told}");
    assert_eq!(fake.came().len(), 2, "once with and once without a token");
    assert!(begin.elapsed().as_secs() < 60);
}

#[tokio::test]
async fn profiles_that_are_wrong_are_named() {
    let home = home();
    for (profile, words) in [
        ("nowhere", "there is no profile \"nowhere\""),
        ("broken", "nobody"),
        ("failing", "run corp-login first"),
        ("gone", "get-credentials"),
        ("asking", "the credential_process of the profile asking"),
        ("over", "the credential_process of the profile over gave credentials that were over at 2020-01-01"),
        ("corp", "aws sso login --profile corp"),
    ] {
        for variable in ["LOOK_PROFILE", "AWS_PROFILE"] {
            let told =
                found(home.path(), &[(variable, profile), ("AWS_EC2_METADATA_DISABLED", "true")]).await;
            assert!(told.contains("FAILED") && told.contains(words), "{profile}: {told}");
        }
    }
    let keys = [("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_PROFILE", "nowhere")];
    assert!(found(home.path(), &keys).await.contains("there is no profile \"nowhere\""));
}

#[tokio::test]
async fn what_a_container_or_a_cluster_lacks_is_named() {
    let (fake, home) = (aws().await, home());
    let address = fake.address();
    let (container, broken) = (format!("{address}/container"), format!("{address}/container/broken"));
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x");
    let cases: [(Variables<'_>, &[&str]); 6] = [
        (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token"), role], &["/nowhere/token"]),
        (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token")], &["AWS_ROLE_ARN is missing"]),
        (&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/x")], &["http://192.0.2.1/x"]),
        (&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &broken)], &[&broken, "the task has no role"]),
        (
            &[
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/auth"),
            ],
            &["/nowhere/auth"],
        ),
        (&[("AWS_ACCESS_KEY_ID", "A")], &["AWS_SECRET_ACCESS_KEY is missing"]),
    ];
    for (variables, words) in cases {
        let all = [("AWS_ENDPOINT_URL", address.as_str()), ("AWS_EC2_METADATA_DISABLED", "true")];
        let all: Vec<_> = all.iter().chain(variables).copied().collect();
        let told = found(home.path(), &all).await;
        assert!(told.contains("FAILED") && words.iter().all(|word| told.contains(word)), "{told}");
    }
}

/// An instance whose token and roles answer as told.
async fn instance(token: Reply, tokens_only: bool, roles: Reply) -> Fake {
    Fake::new(move |came| match () {
        () if came.line.starts_with("PUT /latest/api/token") => token.clone(),
        () if tokens_only
            && came.header("x-aws-ec2-metadata-token").is_none()
            && came.line.contains("/latest/") =>
        {
            Reply::Whole(401, String::new(), String::new())
        }
        () if came.line.starts_with("GET /latest/meta-data/iam/security-credentials/ ") => roles.clone(),
        () if came.line.starts_with("GET /latest/meta-data/iam/security-credentials/role") => {
            keys("AKIDINSTANCE", "\"Code\":\"Success\",")
        }
        () => ok(super::IDENTITY),
    })
    .await
}

#[tokio::test]
async fn the_metadata_of_an_instance_work_or_say_why_not() {
    let home = home();
    let none = Reply::Whole(404, String::new(), String::new());
    let cases = [
        (instance(ok("tok"), true, ok("role")).await, "found"),
        (instance(Reply::Silent, false, ok("role")).await, "found"),
        (instance(none.clone(), false, ok("role")).await, "found"),
        (instance(Reply::Silent, true, ok("role")).await, "the session token did not come within 1 second"),
        (instance(ok("tok"), true, none.clone()).await, "no role is attached to the instance"),
        (instance(ok("tok"), true, ok("")).await, "no role is attached to the instance"),
    ];
    for (fake, words) in cases {
        let address = fake.address();
        let variables =
            [("AWS_ENDPOINT_URL", address.as_str()), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &address)];
        let told = found(home.path(), &variables).await;
        assert!(told.contains(words), "{words}: {told}");
        assert!(!told.contains("did not come") || told.contains("hop limit"), "{told}");
    }
    let fake = instance(Reply::Silent, false, ok("role")).await;
    let address = fake.address();
    let token_only =
        [("AWS_EC2_METADATA_SERVICE_ENDPOINT", address.as_str()), ("AWS_EC2_METADATA_V1_DISABLED", "true")];
    assert!(found(home.path(), &token_only).await.contains("the session token did not come"));
    assert_eq!(fake.came().len(), 1);
}
