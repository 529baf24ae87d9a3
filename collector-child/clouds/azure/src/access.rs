//! Credentials of a setting, and a client that asks with them.

use std::env;
use std::sync::Arc;

use collector::{Failure, FaultExt, fault};
use engine::Plans;
use http_client::{Advisor, CaBundle, Class, Roots, Trouble, tape};
use ipc_proto::fault::FaultKind;
use rest_client::{Built, Handed, Rest};
use tables::plan::CloudPlan;
use zeroize::Zeroizing;

use crate::auth::{Credentials, Scoped, Source};
use crate::config::AccountConfig;

/// What tokens for the resource manager are asked for.
pub(crate) const ARM: &str = "https://management.azure.com/.default";
/// The same for Microsoft Graph.
pub(crate) const GRAPH: &str = "https://graph.microsoft.com/.default";
const AUTHORITY: &str = "https://login.microsoftonline.com";

static BUILT: Built = Built::new(
    include_str!(concat!(env!("OUT_DIR"), "/cloud.json")),
    include!(concat!(env!("OUT_DIR"), "/plans.rs")),
);

/// What `cloud.toml` says, and the plans of all kinds.
///
/// # Errors
///
/// The build is broken: it was written by another version of the compiler.
pub fn about() -> Result<(&'static CloudPlan, &'static Plans), Failure> {
    Ok((BUILT.cloud()?, BUILT.plans()?))
}

pub(crate) fn plans() -> Result<&'static Plans, Failure> {
    BUILT.plans()
}

/// Credentials and a client that asks with them.
pub(crate) struct Access {
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) rest: Rest,
}

/// The way in with the credentials that the settings call `name`, for calls about `subscription`.
pub(crate) fn access(name: &str, config: &AccountConfig, subscription: &str) -> Result<Access, Failure> {
    let source = source(name, config).map_err(|told| {
        let hint =
            format!("set azure.accounts.{name}.client_secret, or the variables that the message names");
        Failure::from(fault(FaultKind::Credentials, told).with_hint(hint))
    })?;
    through(source, subscription)
}

/// The way in with the credentials that came with a job for `account`, a subscription or an organization.
pub(crate) fn handed_access(given: &collector::Credentials, account: &str) -> Result<Access, Failure> {
    let handed = Handed::new(given.clone(), account);
    let identity = handed.about()?;
    through(Source::Handed { handed: Arc::new(handed), identity }, account)
}

fn through(source: Source, subscription: &str) -> Result<Access, Failure> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let bundle =
        variable("SSL_CERT_FILE").map(|path| CaBundle { path: path.into(), named_by: "SSL_CERT_FILE" });
    let hub = BUILT.hub(Roots { bundle, named_by: "SSL_CERT_FILE" })?;
    let authority = variable("AZURE_AUTHORITY_HOST").unwrap_or_else(|| AUTHORITY.to_owned());
    let login = BUILT.client_on(hub.clone(), subscription)?.with_advisor(Advisor(advice));
    let credentials = Arc::new(Credentials::new(
        hub.clone(),
        login,
        source,
        authority.trim_end_matches('/').to_owned(),
        variable("IDENTITY_ENDPOINT"),
    ));
    let rest = BUILT
        .client_on(hub, subscription)?
        .with_auth("arm", Arc::new(Scoped::new(credentials.clone(), ARM)))
        .with_auth("graph", Arc::new(Scoped::new(credentials.clone(), GRAPH)))
        .with_advisor(Advisor(advice));
    Ok(Access { credentials, rest })
}

/// The source of the credentials; while a recording is replayed, none is needed.
fn source(name: &str, config: &AccountConfig) -> Result<Source, String> {
    let fact = format!("credentials {name}");
    if tape::is_replaying() {
        let recorded = tape::recalled(&fact).map(|identity| Source::Recorded { identity });
        return recorded.ok_or_else(|| format!("the recording has nothing of the credentials {name:?}"));
    }
    let source = match &config.client_secret {
        Some(secret) => Source::Secret {
            tenant: secret.tenant_id.trim().to_owned(),
            client: secret.client_id.trim().to_owned(),
            secret: Zeroizing::new(secret.secret.trim().to_owned()),
        },
        None => Source::of_environment(&|name| env::var(name).ok())?,
    };
    tape::remember(&fact, || source.identity());
    Ok(source)
}

/// What to do about a trouble.
fn advice(trouble: &Trouble) -> Option<String> {
    match trouble.class {
        Class::Credentials(_) => Some(
            "look at the application that azure.accounts or AZURE_CLIENT_ID names: tenant, id, and a secret or certificate that \
             has not expired"
                .to_owned(),
        ),
        Class::AccessDenied { .. } if trouble.service == "graph" => Some(
            "give the application the permissions Directory.Read.All and Policy.Read.All of Microsoft Graph, with the consent \
             of an administrator, or set collect_microsoft_graph of its entry in azure.accounts to false"
                .to_owned(),
        ),
        Class::AccessDenied { .. } => Some(format!(
            "give the credentials the role Reader in the subscription {}",
            trouble.account
        )),
        Class::Network => Some(
            "look whether the worker reaches management.azure.com and login.microsoftonline.com; proxies are taken from \
             HTTPS_PROXY, further certificates from SSL_CERT_FILE"
                .to_owned(),
        ),
        _ => None,
    }
}
