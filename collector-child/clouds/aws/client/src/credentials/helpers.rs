//! Credentials that others keep: single sign-on, and programs. The work is the SDK's; what it says when it fails
//! becomes words for people here.

use std::error::Error;
use std::time::Duration;

use aws_config::credential_process::CredentialProcessProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sso::SsoCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_types::region::Region;
use http_client::{CredentialsTrouble, Transport};

use super::chain::Trouble;
use super::plan::SignOn;
use super::sdk::SdkTransport;
use crate::environment::Environment;

/// A program may ask a person, single sign-on may be slow; but not for ever.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the program prints.
pub(super) async fn process(profile: &str, command: &str) -> Result<Credentials, Trouble> {
    let provider = CredentialProcessProvider::new(command.to_owned());
    let broken = |why: String| {
        let message = format!("the credential_process of the profile {profile} gave none: {why}");
        Trouble::new(CredentialsTrouble::Broken, message).advising(format!(
            "run the credential_process of the profile {profile} by hand, as the user that collects"
        ))
    };
    match tokio::time::timeout(PATIENCE, provider.provide_credentials()).await {
        Ok(Ok(credentials)) => Ok(credentials),
        Ok(Err(error)) => Err(broken(causes(&error))),
        Err(_) => Err(broken("it did not end within a minute".to_owned())),
    }
}

/// The credentials of the role that the user has by single sign-on.
pub(super) async fn sign_on(
    sign_on: &SignOn,
    environment: &Environment,
    transport: &Transport,
) -> Result<Credentials, Trouble> {
    let flavor = environment.flavor();
    let config = ProviderConfig::without_region()
        .with_http_client(SdkTransport(transport.clone()))
        .with_use_fips(Some(flavor.fips))
        .with_use_dual_stack(Some(flavor.dual_stack));
    let mut provider = SsoCredentialsProvider::builder()
        .configure(&config)
        .account_id(&sign_on.account)
        .role_name(&sign_on.role)
        .start_url(&sign_on.start_url)
        .region(Region::new(sign_on.region.clone()));
    provider.set_session_name(sign_on.session.clone());
    match tokio::time::timeout(PATIENCE, provider.build().provide_credentials()).await {
        Ok(Ok(credentials)) => Ok(credentials),
        Ok(Err(error)) => Err(refused(sign_on, &causes(&error))),
        Err(_) => Err(refused(sign_on, "it took longer than a minute")),
    }
}

/// What the SDK's words mean; there is nothing else to tell it by.
fn refused(sign_on: &SignOn, why: &str) -> Trouble {
    let SignOn { profile, account, role, start_url, .. } = sign_on;
    let says = |words: &[&str]| words.iter().any(|word| why.contains(word));
    let (kind, what) = if says(&["failed to load the cached SSO token", "failed to read"]) {
        (CredentialsTrouble::Missing, format!("nobody has logged in yet ({start_url})"))
    } else if says(&["expired", "UnauthorizedException", "in the cached SSO token", "in cached SSO token"]) {
        (CredentialsTrouble::Expired, format!("the log-in is over: {why}"))
    } else if says(&["ForbiddenException", "ResourceNotFoundException", "No access"]) {
        let message = format!("it does not give the role {role} in the account {account}: {why}");
        (CredentialsTrouble::Broken, message)
    } else {
        (CredentialsTrouble::Broken, why.to_owned())
    };
    let advice = match kind {
        CredentialsTrouble::Broken => {
            format!(
                "check sso_account_id and sso_role_name of the profile {profile}, and that aws sso login --profile {profile} works"
            )
        }
        _ => format!("log in as the user that collects: aws sso login --profile {profile}"),
    };
    let message = format!("single sign-on of the profile {profile}: {what}");
    Trouble::new(kind, message).advising(advice)
}

/// The words of all causes from the second on, which say more than the first, without repetitions.
fn causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    let mut words: Vec<String> = Vec::new();
    for cause in causes.skip(1).map(ToString::to_string) {
        if !words.iter().any(|known| known.contains(&cause)) {
            words.push(cause);
        }
    }
    if words.is_empty() { error.to_string() } else { words.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(why: &str) -> Trouble {
        let text = str::to_owned;
        let sign_on = SignOn {
            profile: text("corp"),
            session: None,
            start_url: text("https://corp.awsapps.com/start"),
            region: text("eu-west-1"),
            account: text("123456789012"),
            role: text("ReadOnly"),
        };
        refused(&sign_on, why)
    }

    #[test]
    fn whoever_has_to_log_in_is_told_how() {
        for (why, kind) in [
            ("failed to load the cached SSO token", CredentialsTrouble::Missing),
            ("failed to read `/home/x/.aws/sso/cache/1.json`: No such file", CredentialsTrouble::Missing),
            ("the SSO token has expired and cannot be refreshed", CredentialsTrouble::Expired),
            (
                "invalid value for the `expiresAt` field in the cached SSO token file",
                CredentialsTrouble::Expired,
            ),
            (
                "service error: UnauthorizedException: Session token not found or invalid",
                CredentialsTrouble::Expired,
            ),
        ] {
            let trouble = told(why);
            assert_eq!(trouble.kind, kind, "{why}");
            assert!(trouble.advice.unwrap().ends_with("aws sso login --profile corp"));
            assert!(trouble.message.contains("single sign-on of the profile corp"));
        }
    }

    #[test]
    fn a_role_that_is_not_given_is_named() {
        let trouble = told("service error: ForbiddenException: No access");
        assert_eq!(trouble.kind, CredentialsTrouble::Broken);
        assert!(trouble.message.contains("the role ReadOnly in the account 123456789012"), "{trouble:?}");
    }
}
