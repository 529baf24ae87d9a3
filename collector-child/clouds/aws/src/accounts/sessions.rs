//! Credentials by profile and role.

use std::sync::Arc;

use aws_client::{CallError, Client, Login, Role, Session, Target};
use collector::Failure;
use serde_json::json;
use zeroize::Zeroizing;

use super::Scope;
use crate::config::AwsConfig;
use crate::partition::home;

/// The credentials of a profile, or without one those of the config or the environment. In a process that has those of
/// one account only it is these, whatever is asked for.
pub(crate) async fn base(
    client: &Client,
    config: &AwsConfig,
    profile: Option<&str>,
) -> Result<Session, CallError> {
    if let Some(given) = &config.given {
        return client.session(Login::Given(given.clone())).await;
    }
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
) -> Result<Session, CallError> {
    let base = base(client, config, scope.profile.as_deref()).await?;
    Ok(in_account(client, config, &base, account, scope))
}

/// The same, with the credentials of the profile at hand.
pub(crate) fn in_account(
    client: &Client,
    config: &AwsConfig,
    base: &Session,
    account: &str,
    scope: &Scope,
) -> Session {
    match scope.role.as_ref().filter(|_| config.given.is_none()) {
        Some(role) => {
            let region = home(&hints(base, Some(&scope.regions)), &scope.partition);
            let role = Role::of_account(&scope.partition, account, role, &region, &client.unique());
            client.assume(base, Role { external_id: config.external_id(), ..role })
        }
        None => base.clone(),
    }
}

/// The credentials that may ask about the organization.
pub(crate) fn of_organization(
    client: &Client,
    config: &AwsConfig,
    base: &Session,
    partition: &str,
    account: &str,
) -> Session {
    match config.organization_role().filter(|_| config.given.is_none()) {
        Some(arn) => {
            let region = home(&hints(base, config.region.as_deref()), partition);
            let session_name = format!("organization-{}", client.unique());
            let role = Role::of_arn(arn, &region, "");
            let role =
                Role { session_name, account: account.to_owned(), external_id: config.external_id(), ..role };
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

/// Whose credentials a session has, as STS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The id of their access key.
    pub(crate) key: Arc<str>,
    /// The account.
    pub account: String,
    /// Which ones they are, for people: `the profile prod, arn:aws:iam::123456789012:user/fix`.
    pub credentials: String,
}

/// Those of a role that was assumed: they belong to its account, and nobody has to be asked.
pub(crate) fn identity_of_role(
    session: &Session,
    config: &AwsConfig,
    scope: &Scope,
    account: &str,
) -> Identity {
    session.belongs_to(account, &home(&hints(session, Some(&scope.regions)), &scope.partition));
    Identity { key: "".into(), account: account.to_owned(), credentials: source(config, scope) }
}

/// Asks STS whose the credentials of a session are.
pub(crate) async fn identity(
    client: &Client,
    config: &AwsConfig,
    session: &Session,
    scope: &Scope,
) -> Result<Identity, Failure> {
    let key = session.key().await.map_err(|error| error.to_fault())?;
    // Whatever replaces them in the meantime may belong to somebody else.
    let session = session.bound_to(Arc::clone(&key));
    let region = home(&hints(&session, Some(&scope.regions)), &scope.partition);
    let target = Target { session: &session, region: &region, account: "", deadline: None };
    let answer = client.call(&target, "sts", "GetCallerIdentity", json!({})).await;
    let answer = answer.map_err(|error| error.to_fault())?;
    let account = aws_client::account_told(&answer, "", &region).map_err(|error| error.to_fault())?;
    session.belongs_to(account, &region);
    let source = source(config, scope);
    let arn = answer["Arn"].as_str().map(|arn| format!(", {arn}")).unwrap_or_default();
    Ok(Identity { key, account: account.to_owned(), credentials: format!("{source}{arn}") })
}

/// Which credentials are used for a scope, for people.
pub(crate) fn source(config: &AwsConfig, scope: &Scope) -> String {
    match (&scope.role, &scope.profile, &config.access_key_id) {
        (Some(role), _, _) => format!("the role {role}"),
        (None, Some(profile), _) => format!("the profile {profile}"),
        (None, None, Some(_)) => "the keys of aws.access_key_id".to_owned(),
        (None, None, None) if config.given.is_some() => "those that were handed over".to_owned(),
        (None, None, None) => "those of the environment".to_owned(),
    }
}
