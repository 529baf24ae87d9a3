//! Who asks: what a user of a kubeconfig is to the cluster.

mod exec;
mod oidc;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use data_encoding::BASE64;
use http::Request;
use http_body_util::Full;
use http_client::{BoxFuture, CallError, CallPlace, Class, ClientCertificate, CredentialsTrouble, tape};
use rest_client::{Auth, Basic, Bearer};
use zeroize::Zeroizing;

use crate::kubeconfig::{Given, Secret, Target};

/// Tokens in files are written anew, in pods every hour.
const READ_AGAIN: Duration = Duration::from_mins(1);

/// What a cluster is shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) auth: Arc<dyn Auth>,
    pub(crate) certificate: Option<ClientCertificate>,
}

/// What a target's user shows. Programs are started here, because what they give may be a certificate. The error is for
/// people, without secrets.
pub(crate) async fn shown(target: &Target) -> Result<Shown, String> {
    if tape::is_replaying() {
        return Ok(Shown { auth: Arc::new(Bearer::new(tape::STAND_IN)), certificate: None });
    }
    let user = &target.user;
    let mut certificate = match (&user.certificate, &user.key) {
        (Some(chain), Some(key)) => {
            let chain = pem(chain).map_err(|why| format!("the client certificate: {why}"))?;
            Some(ClientCertificate {
                chain: chain.to_vec(),
                key: pem(key).map_err(|why| format!("the client key: {why}"))?,
            })
        }
        (None, None) => None,
        _ => return Err("of a client certificate and its key only one is there".to_owned()),
    };
    let auth: Arc<dyn Auth> = if let Some(exec) = &user.exec {
        let first = exec::run(exec, &target.cluster).await?;
        certificate = first.certificate.clone().or(certificate);
        Arc::new(exec::Plugin::new(exec.clone(), target.cluster.clone(), first))
    } else if let Some(path) = &user.token_file {
        Arc::new(TokenFile::new(path.clone()))
    } else if let Some(token) = &user.token {
        Arc::new(Bearer::new(token))
    } else if let Some((name, password)) = &user.basic {
        Arc::new(Basic::new(name, password))
    } else if let Some(provider) = &user.provider {
        match provider.name.as_str() {
            "oidc" => Arc::new(oidc::Tokens::new(provider)?),
            other => return Err(format!("the auth-provider {other} is no more: {}", successor(other))),
        }
    } else {
        Arc::new(Nobody)
    };
    Ok(Shown { auth, certificate })
}

fn successor(provider: &str) -> &'static str {
    match provider {
        "gcp" => "gke-gcloud-auth-plugin has taken its place (gcloud container clusters get-credentials)",
        "azure" => "kubelogin has taken its place (kubelogin convert-kubeconfig)",
        _ => "an exec plugin takes its place",
    }
}

/// PEM that stands in the kubeconfig, or in a file.
pub(crate) fn pem(given: &Given) -> Result<Zeroizing<Vec<u8>>, String> {
    match given {
        Given::File(path) => read(path),
        Given::Data(data) => {
            let text: Zeroizing<String> = Zeroizing::new(data.split_whitespace().collect());
            let bytes = BASE64.decode(text.as_bytes()).map_err(|_| "it is no base64".to_owned())?;
            Ok(Zeroizing::new(bytes))
        }
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    std::fs::read(path).map(Zeroizing::new).map_err(|error| unreadable(path, &error))
}

/// Why a file cannot be read; behind walls that is what the operator has not granted.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    let granted = "(if its user may read it: add it to supervisor.child_paths, or write it into the kubeconfig with kubectl config view --raw --flatten)";
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!("{path} cannot be read: {error} {granted}"),
        _ => format!("{path} cannot be read: {error}"),
    }
}

fn trouble(kind: CredentialsTrouble, place: CallPlace<'_>, message: impl Into<String>) -> CallError {
    CallError::new(Class::Credentials(kind), place, message)
}

/// A cluster that asks nobody, or is shown a certificate.
#[derive(Debug)]
struct Nobody;

impl Auth for Nobody {
    fn apply<'a>(
        &'a self,
        _: &'a mut Request<Full<Bytes>>,
        _: &'a [u8],
        _: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async { Ok(()) })
    }
}

/// A token in a file that somebody else keeps fresh.
struct TokenFile {
    path: PathBuf,
    known: Mutex<Option<(Secret, Instant)>>,
}

impl TokenFile {
    fn new(path: PathBuf) -> Self {
        Self { path, known: Mutex::default() }
    }

    fn token(&self) -> Result<Secret, String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, at)) = &*known
            && at.elapsed() < READ_AGAIN
        {
            return Ok(token.clone());
        }
        let bytes = read(&self.path)?;
        let token = Zeroizing::new(String::from_utf8_lossy(&bytes).trim().to_owned());
        if token.is_empty() {
            return Err(format!("{} is empty", self.path.display()));
        }
        *known = Some((token.clone(), Instant::now()));
        Ok(token)
    }
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenFile").field(&self.path).finish()
    }
}

impl Auth for TokenFile {
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        body: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let token = self.token();
            let token = token.map_err(|why| {
                trouble(CredentialsTrouble::Broken, place, format!("the token file: {why}"))
            })?;
            Bearer::new(&token).apply(request, body, place).await
        })
    }

    /// There may be another one by now.
    fn refused(&self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            let before = self.known.lock().unwrap_or_else(PoisonError::into_inner).take();
            match (before, self.token()) {
                (Some((before, _)), Ok(now)) => before != now,
                _ => false,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::kubeconfig::Kubeconfig;

    async fn shown_of(user: &str, folder: &Path) -> Result<Shown, String> {
        let text = format!(
            "clusters: [{{name: c, cluster: {{server: https://c}}}}]\nusers: [{{name: u, user: {user}}}]\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]"
        );
        shown(&Kubeconfig::parse(&text, folder).unwrap().target("x").unwrap()).await
    }

    async fn header(auth: &dyn Auth) -> Result<String, CallError> {
        let mut request = Request::new(Full::default());
        auth.apply(&mut request, &[], CallPlace::default()).await?;
        let headers = request.headers();
        Ok(headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default())
    }

    #[tokio::test]
    async fn tokens_passwords_and_files_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "from-file\n").unwrap();
        for (user, expected) in [
            ("{token: t}", "Bearer t"),
            ("{tokenFile: token, token: t}", "Bearer from-file"),
            ("{username: a, password: b}", "Basic YTpi"),
            ("{}", ""),
        ] {
            let shown = shown_of(user, folder.path()).await.unwrap();
            assert_eq!(header(&*shown.auth).await.unwrap(), expected, "{user}");
            assert!(shown.certificate.is_none());
        }
        let shown = shown_of("{tokenFile: token}", folder.path()).await.unwrap();
        header(&*shown.auth).await.unwrap();
        assert!(!shown.auth.refused().await, "it is the same");
        header(&*shown.auth).await.unwrap();
        std::fs::write(folder.path().join("token"), "another").unwrap();
        assert_eq!(header(&*shown.auth).await.unwrap(), "Bearer from-file");
        assert!(shown.auth.refused().await);
        assert_eq!(header(&*shown.auth).await.unwrap(), "Bearer another");
        let missing = shown_of("{tokenFile: none}", folder.path()).await.unwrap();
        assert!(header(&*missing.auth).await.unwrap_err().message.contains("cannot be read"));
    }

    #[tokio::test]
    async fn a_certificate_comes_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("k.pem"), "KEY").unwrap();
        let shown =
            shown_of("{client-certificate-data: Q0VSVA==, client-key: k.pem}", folder.path()).await.unwrap();
        let certificate = shown.certificate.unwrap();
        assert_eq!((certificate.chain.as_slice(), certificate.key.as_slice()), (&b"CERT"[..], &b"KEY"[..]));
        for (user, told) in [
            ("{client-certificate-data: Q0VSVA==}", "of a client certificate and its key only one is there"),
            ("{client-certificate-data: '%', client-key: k.pem}", "the client certificate: it is no base64"),
            (
                "{auth-provider: {name: azure}}",
                "the auth-provider azure is no more: kubelogin has taken its place (kubelogin convert-kubeconfig)",
            ),
        ] {
            assert_eq!(shown_of(user, folder.path()).await.unwrap_err(), told);
        }
    }

    #[tokio::test]
    async fn a_plugin_gives_tokens_and_is_asked_again_when_they_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let script = "n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) > n; printf '{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%s-%s\"}}' \"$WHO\" \"$n\"";
        let user = format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, args: [-c, {}], env: [{{name: WHO, value: me}}]}}}}",
            serde_json::to_string(&format!("cd {} && {script}", folder.path().display())).unwrap()
        );
        let shown = shown_of(&user, folder.path()).await.unwrap();
        assert_eq!(header(&*shown.auth).await.unwrap(), "Bearer me-0");
        assert_eq!(header(&*shown.auth).await.unwrap(), "Bearer me-0");
        assert!(shown.auth.refused().await);
        assert_eq!(header(&*shown.auth).await.unwrap(), "Bearer me-1");
        assert!(!format!("{:?}", shown.auth).contains("me-"));
        for (command, told) in [
            ("/no/such/program", "the plugin /no/such/program cannot be started"),
            ("/bin/false", "the plugin /bin/false failed"),
            ("/bin/true", "the plugin /bin/true gave no credentials"),
        ] {
            let error =
                shown_of(&format!("{{exec: {{command: {command}, installHint: get it}}}}"), folder.path())
                    .await
                    .unwrap_err();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
