//! Plugins: programs that print credentials (`client.authentication.k8s.io`).

use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use http_client::{BoxFuture, CallError, CallPlace, ClientCertificate, CredentialsTrouble};
use jiff::Timestamp;
use rest_client::{Auth, Bearer};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::{pem, trouble};
use crate::kubeconfig::{Cluster, Exec, Secret};

/// A program may ask a person; but not for ever.
const PATIENCE: Duration = Duration::from_mins(1);
/// What is about to end is not used any more.
const BEFORE_THE_END: Duration = Duration::from_secs(30);
/// Of what a program complains about.
const MOST_WORDS: usize = 300;

/// What a program has given.
#[derive(Clone, Default)]
pub(super) struct Printed {
    token: Option<Secret>,
    pub(super) certificate: Option<ClientCertificate>,
    ends: Option<SystemTime>,
}

impl Printed {
    fn is_fresh(&self) -> bool {
        self.ends.is_none_or(|ends| SystemTime::now() + BEFORE_THE_END < ends)
    }
}

/// Runs the program. The error is for people, without what it has printed.
pub(super) async fn run(exec: &Exec, cluster: &Cluster) -> Result<Printed, String> {
    let name = &exec.command;
    let hint = exec.install_hint.as_deref().map(|hint| format!("; {}", hint.trim())).unwrap_or_default();
    // A path begins at the folder of the kubeconfig, a name is looked for.
    let program = if name.contains('/') { exec.folder.join(name) } else { Path::new(name).to_owned() };
    #[expect(
        clippy::disallowed_methods,
        reason = "the operator's kubeconfig names the program, and the walls let only such a child start one"
    )]
    let mut command = Command::new(program);
    let pairs = exec.env.iter().map(|(name, value)| (name, value.as_str()));
    command.args(&exec.args).envs(pairs).env("KUBERNETES_EXEC_INFO", info(exec, cluster).to_string());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(PATIENCE, command.output()).await {
        Err(_) => return Err(format!("the plugin {name} did not end within a minute")),
        Ok(Err(error)) => return Err(format!("the plugin {name} cannot be started: {error}{hint}")),
        Ok(Ok(output)) => output,
    };
    let printed = Zeroizing::new(output.stdout);
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        let told: String = told.trim().chars().take(MOST_WORDS).collect();
        return Err(format!("the plugin {name} failed ({}): {told}", output.status));
    }
    parse(&printed).map_err(|why| format!("the plugin {name} gave no credentials: {why}"))
}

/// What the program is told.
fn info(exec: &Exec, cluster: &Cluster) -> Value {
    let mut spec = json!({"interactive": false});
    if exec.provide_cluster {
        spec["cluster"] = json!({"server": cluster.server});
        if let Some(name) = &cluster.server_name {
            spec["cluster"]["tls-server-name"] = name.as_str().into();
        }
        if let Some(authority) = cluster.authority.as_ref().and_then(|given| pem(given).ok()) {
            spec["cluster"]["certificate-authority-data"] = data_encoding::BASE64.encode(&authority).into();
        }
    }
    json!({"apiVersion": exec.version, "kind": "ExecCredential", "spec": spec})
}

fn parse(printed: &[u8]) -> Result<Printed, String> {
    let document: Value = serde_json::from_slice(printed).map_err(|_| "it printed no JSON".to_owned())?;
    let text = |name: &str| document.get("status")?.get(name)?.as_str().filter(|text| !text.is_empty());
    let certificate = match (text("clientCertificateData"), text("clientKeyData")) {
        (Some(chain), Some(key)) => Some(ClientCertificate {
            chain: chain.as_bytes().to_vec(),
            key: Zeroizing::new(key.as_bytes().to_vec()),
        }),
        _ => None,
    };
    let token = text("token").map(|token| Zeroizing::new(token.to_owned()));
    if token.is_none() && certificate.is_none() {
        return Err("neither a token nor a certificate with its key".to_owned());
    }
    let ends =
        text("expirationTimestamp").and_then(|time| time.parse::<Timestamp>().ok()).map(SystemTime::from);
    Ok(Printed { token, certificate, ends })
}

/// The tokens of a program.
pub(super) struct Plugin {
    exec: Exec,
    cluster: Cluster,
    printed: Arc<Mutex<Option<Printed>>>,
}

impl Plugin {
    pub(super) fn new(exec: Exec, cluster: Cluster, first: Printed) -> Self {
        Self { exec, cluster, printed: Arc::new(Mutex::new(Some(first))) }
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plugin").field(&self.exec.command).finish()
    }
}

impl Auth for Plugin {
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        body: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            // Others wait for the program, instead of starting it, too.
            let mut printed = self.printed.lock().await;
            let fresh = match printed.take().filter(Printed::is_fresh) {
                Some(fresh) => fresh,
                None => run(&self.exec, &self.cluster)
                    .await
                    .map_err(|why| trouble(CredentialsTrouble::Broken, place, why))?,
            };
            let token = fresh.token.clone();
            *printed = Some(fresh);
            drop(printed);
            match token {
                Some(token) => Bearer::new(&token).apply(request, body, place).await,
                None => Ok(()),
            }
        })
    }

    /// The program may give another token.
    fn refused(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.printed.lock().await.take().is_some() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_soon_is_not_fresh() {
        let printed = |ends: &str| {
            let text = json!({"status": {"token": "t", "expirationTimestamp": ends}}).to_string();
            parse(text.as_bytes()).unwrap()
        };
        assert!(printed("2999-01-01T00:00:00Z").is_fresh() && printed("").is_fresh());
        assert!(!printed("2020-01-01T00:00:00Z").is_fresh());
        assert_eq!(parse(b"{}").err().unwrap(), "neither a token nor a certificate with its key");
        assert_eq!(parse(b"s3cret").err().unwrap(), "it printed no JSON");
    }
}
