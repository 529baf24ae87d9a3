//! The clusters that the settings lead to, and a client for one of them.

use std::env;
use std::fs;
use std::io;
use std::path::Path;

use collector::{Failure, FaultExt, config_fault, fault};
use engine::Plans;
use http_client::{Advisor, Class, Limits, Roots, Server, Transport, Trouble, tape};
use ipc_proto::fault::FaultKind;
use rest_client::{Built, Endpoints, Rest};

use crate::auth::{self, Shown};
use crate::config::K8sConfig;
use crate::kubeconfig::{Cluster, Target, User};
use crate::sources::{Found, Machine, find};

static BUILT: Built = Built::new(
    include_str!(concat!(env!("OUT_DIR"), "/cloud.json")),
    include!(concat!(env!("OUT_DIR"), "/plans.rs")),
);
/// The services of `cloud.toml`, all of which are the server of the cluster.
const SERVICES: [&str; 3] = ["k8s", "k8s-metadata", "k8s-object"];
/// What a recording remembers of the clusters: names and servers.
const CLUSTERS: &str = "clusters";

pub(crate) fn plans() -> Result<&'static Plans, Failure> {
    BUILT.plans()
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn text(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

/// The clusters that the settings lead to; while a recording is replayed, those that were found when it was made.
pub(crate) fn clusters(config: &K8sConfig) -> Result<Found, Failure> {
    if tape::is_replaying() {
        let recorded: Option<Vec<(String, String)>> = tape::recalled(CLUSTERS);
        let recorded = recorded.ok_or_else(|| fault(FaultKind::Config, "the recording names no clusters"))?;
        let target = |(name, server)| Target {
            name,
            cluster: Cluster { server, ..Cluster::default() },
            user: User::default(),
        };
        return Ok(Found { targets: recorded.into_iter().map(target).collect(), wrong: Vec::new() });
    }
    let found = find(config, &Machine { variable: &variable, read: &text });
    tape::remember(CLUSTERS, || {
        let public = |target: &Target| (target.name.clone(), target.cluster.server.clone());
        found.targets.iter().map(public).collect::<Vec<_>>()
    });
    Ok(found)
}

/// The cluster of this name.
pub(crate) fn cluster(config: &K8sConfig, name: &str) -> Result<Target, Failure> {
    let Found { targets, wrong } = clusters(config)?;
    if let Some(target) = targets.into_iter().find(|target| target.name == name) {
        return Ok(target);
    }
    let why = if wrong.is_empty() { String::new() } else { format!(" ({})", wrong.join("; ")) };
    let message = format!("no kubeconfig has a context {name}{why}");
    let hint = "name its kubeconfig in k8s.config_files, or leave it to a worker that has it";
    Err(fault(FaultKind::WrongAccount, message).with_hint(hint).into())
}

/// A client that asks a cluster, with the credentials of its user.
pub(crate) async fn client(target: &Target) -> Result<Rest, Failure> {
    let Target { name, cluster, .. } = target;
    let Shown { auth, certificate } = auth::shown(target).await.map_err(|why| {
        let message = format!("no credentials for the context {name}: {why}");
        let hint = format!(
            "look whether `kubectl --context {name} get namespaces` works for the user that collects"
        );
        fault(FaultKind::Credentials, message).with_hint(hint)
    })?;
    let wrong = |why: String| {
        let hint = format!("correct the cluster of the context {name} in its kubeconfig");
        config_fault(format!("the context {name}: {why}"), &hint)
    };
    let authority = match &cluster.authority {
        Some(given) if !tape::is_replaying() => {
            let pem = auth::pem(given).map_err(|why| wrong(format!("the certificate authority: {why}")))?;
            Some(pem.to_vec())
        }
        _ => None,
    };
    let server = Server {
        authorities: authority,
        certificate,
        name: cluster.server_name.clone(),
        proxy: cluster.proxy.clone(),
    };
    let roots = Roots { bundle: None, named_by: "certificate-authority" };
    let transport = Transport::to_server(Limits::default(), roots, server, &variable).map_err(wrong)?;
    let endpoints =
        SERVICES.iter().fold(Endpoints::default(), |all, service| all.with(service, &cluster.server));
    let rest = Rest::new(BUILT.hub_over(transport)?, BUILT.cloud()?, name, endpoints);
    Ok(rest.with_auth("user", auth).with_advisor(Advisor(advice)))
}

/// What to do about a trouble.
fn advice(trouble: &Trouble) -> Option<String> {
    let name = &trouble.account;
    match trouble.class {
        Class::Credentials(_) => Some(format!(
            "look whether `kubectl --context {name} get namespaces` works for the user that collects, and log in again if not"
        )),
        Class::AccessDenied { .. } => {
            Some("bind the cluster role of docs/kubernetes.yaml to the user that collects".to_owned())
        }
        Class::Network if trouble.message.contains("certificate") => Some(format!(
            "put the authority of the cluster into certificate-authority-data of the context {name}; certificates are always verified, insecure-skip-tls-verify is without effect"
        )),
        Class::Network => Some(format!(
            "look whether the worker reaches the server of the context {name}; proxies are taken from its proxy-url, or from HTTPS_PROXY"
        )),
        _ => None,
    }
}
