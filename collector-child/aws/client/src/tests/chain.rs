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
        Err(error) => println!("FAILED {error}"),
    }
}

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
        () if came.line.starts_with("GET /container") => keys("AKIDCONTAINER", ""),
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

fn key_of(came: &Came) -> Option<&str> {
    came.header("authorization")?.split("Credential=").nth(1)?.split('/').next()
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let config = "[profile process]\ncredential_process = /bin/sh -c 'printf %s \
        \"{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"AKIDPROCESS\\\",\\\"SecretAccessKey\\\":\\\"s\\\"}\"'\n\
        [profile keys]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n\
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
    let cases: [(&str, &[(&str, &str)]); 7] = [
        ("AKIDENV", &[("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s")]),
        ("AKIDFILE", &[("AWS_PROFILE", "keys")]),
        ("AKIDPROCESS", &[("LOOK_PROFILE", "process")]),
        ("AKIDFILE", &[("LOOK_PROFILE", "keys"), ("AWS_ACCESS_KEY_ID", "X"), ("AWS_SECRET_ACCESS_KEY", "s")]),
        ("AKIDWEB", &[("AWS_WEB_IDENTITY_TOKEN_FILE", &token), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")]),
        ("AKIDCONTAINER", &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container)]),
        ("AKIDINSTANCE", &[]),
    ];
    for (key, variables) in cases {
        let all: Vec<(&str, &str)> = base.iter().chain(variables).copied().collect();
        let told = found(home.path(), &all).await;
        assert!(told.contains("found"), "{key}: {told}");
        assert_eq!(fake.came().last().and_then(key_of), Some(key), "{told}");
    }
    let came = fake.came();
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
    assert_eq!(fake.came().len(), 1, "the instance is asked once");
    assert!(begin.elapsed().as_secs() < 60);
}

#[tokio::test]
async fn profiles_that_are_wrong_are_named() {
    let home = home();
    for (profile, words) in [("nowhere", "there is no profile nowhere"), ("broken", "nobody")] {
        let told =
            found(home.path(), &[("LOOK_PROFILE", profile), ("AWS_EC2_METADATA_DISABLED", "true")]).await;
        assert!(told.contains("the source of the credentials failed") && told.contains(words), "{told}");
    }
}
