//! Credentials by profile and role.

use aws_client::{CallError, Client, Login, Role, Session};
use zeroize::Zeroizing;

use super::Scope;
use crate::api::Api;
use crate::config::AwsConfig;
use crate::partition::home;

/// The credentials of a profile, or without one those of the config or the environment.
pub(crate) async fn base(
    client: &Client,
    config: &AwsConfig,
    profile: Option<&str>,
) -> Result<Session, CallError> {
    let login = match (profile, config.keys()) {
        (Some(profile), _) => Login::Profile(profile.to_owned()),
        (None, Some((id, secret))) => {
            Login::Keys { access_key_id: id.to_owned(), secret_access_key: Zeroizing::new(secret.to_owned()) }
        }
        (None, None) => Login::Environment,
    };
    client.session(login).await
}

/// The credentials of an account: those of its role, if it has one.
pub(crate) async fn of_account(
    client: &Client,
    config: &AwsConfig,
    account: &str,
    scope: &Scope,
) -> Result<Api, CallError> {
    let base = base(client, config, scope.profile.as_deref()).await?;
    Ok(Api::new(client.clone(), in_account(client, &base, account, scope), account))
}

/// The same, with the credentials of the profile at hand.
pub(crate) fn in_account(client: &Client, base: &Session, account: &str, scope: &Scope) -> Session {
    match &scope.role {
        Some(role) => {
            let region = home(&hints(base, Some(&scope.regions)), &scope.partition);
            client.assume(base, Role::of_account(&scope.partition, account, role, &region, &client.unique()))
        }
        None => base.clone(),
    }
}

/// The credentials that may ask about the organization.
pub(super) fn of_organization(
    client: &Client,
    config: &AwsConfig,
    base: &Session,
    partition: &str,
    account: &str,
) -> Session {
    match config.organization_role() {
        Some(arn) => {
            let region = home(&hints(base, config.region.as_deref()), partition);
            let session_name = format!("organization-{}", client.unique());
            let role = Role::of_arn(arn, &region, "");
            let role = Role { session_name, account: account.to_owned(), ..role };
            client.assume(base, role)
        }
        None => base.clone(),
    }
}

/// The regions that are named, the likeliest home of the credentials first: by the environment or the profile, then
/// by the settings.
pub(crate) fn hints(session: &Session, configured: Option<&[String]>) -> Vec<String> {
    session.default_region().into_iter().chain(configured.unwrap_or_default().iter().cloned()).collect()
}
