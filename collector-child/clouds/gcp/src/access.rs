//! Credentials of a setting, and a client that asks with them.

use std::env;
use std::sync::Arc;

use collector::{Failure, FaultExt, fault};
use engine::Plans;
use http_client::{Advisor, CaBundle, Class, Hub, Roots, Trouble};
use ipc_proto::fault::FaultKind;
use rest_client::{Built, Rest};
use tables::plan::CloudPlan;

use crate::auth::Credentials;

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

/// The way in with the credentials that a setting names, for calls about `project`.
pub(crate) fn access(setting: &str, project: &str) -> Result<Access, Failure> {
    let hub = hub()?;
    let found = Credentials::find(hub.clone(), setting, &variable);
    let hint = "name a credential file in gcp.service_account, or an empty text for the application default credentials";
    through(hub, found.map_err(|told| fault(FaultKind::Credentials, told).with_hint(hint))?, project)
}

/// The way in with the credentials that came with a job for `project`.
pub(crate) fn handed_access(given: &collector::Credentials, project: &str) -> Result<Access, Failure> {
    let hub = hub()?;
    let credentials = Credentials::handed(hub.clone(), given, project)?;
    through(hub, credentials, project)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn hub() -> Result<Arc<Hub>, Failure> {
    let bundle =
        variable("SSL_CERT_FILE").map(|path| CaBundle { path: path.into(), named_by: "SSL_CERT_FILE" });
    BUILT.hub(Roots { bundle, named_by: "SSL_CERT_FILE" })
}

fn through(hub: Arc<Hub>, credentials: Credentials, project: &str) -> Result<Access, Failure> {
    let credentials = Arc::new(credentials);
    let rest = BUILT
        .client_on(hub, project)?
        .with_catalog(&gcp_shapes::CATALOG)
        .with_auth("bearer", credentials.clone())
        .with_advisor(Advisor(advice));
    Ok(Access { credentials, rest })
}

/// What to do about a trouble.
fn advice(trouble: &Trouble) -> Option<String> {
    match trouble.class {
        Class::Credentials(_) => Some(
            "look at the credential file that gcp.service_account names; a new key is made with `gcloud iam service-accounts keys create`"
                .to_owned(),
        ),
        Class::AccessDenied { .. } => Some(format!(
            "give the credentials the role Viewer (roles/viewer) in the project {}",
            trouble.account
        )),
        Class::Network => Some(
            "look whether the worker reaches googleapis.com; proxies are taken from HTTPS_PROXY, further certificates from SSL_CERT_FILE"
                .to_owned(),
        ),
        _ => None,
    }
}
