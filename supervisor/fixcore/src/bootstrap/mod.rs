//! From an address to a client that works: wait, trust, identify, prove access.

mod error;
mod ready;
pub(crate) mod trust;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use error::{ConnectError, ConnectErrorKind};

use crate::endpoint::{Endpoint, VerifyMode};
use crate::http::client::Trust;
use crate::http::client::{Call, CoreClient};
use crate::http::error::CoreError;
use crate::subscriber::Subscriber;
use crate::tls::{
    CoreVerifier, IdentityError, IdentitySource, SigningRequest, TlsIdentity, certificates_from_file,
    certificates_from_pem, client_config, keep_identity, load_identity, signing_request,
};
use ready::wait_until_ready;
use trust::{TrustKeeper, fetch_authority};

/// Between attempts.
pub(crate) const RETRY: Duration = Duration::from_secs(2);

/// How to connect.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// How long to wait for a fixcore that is not there or not ready; `None` is for ever. The peer waits 300 s and ends,
    /// which takes away who could say what is wrong.
    pub patience: Option<Duration>,
    /// Is told why there is no connection yet.
    pub waits: Option<watch::Sender<String>>,
}

impl ConnectOptions {
    fn tell(&self, why: &str) {
        if let Some(waits) = &self.waits {
            waits.send_replace(why.to_owned());
        }
    }
}

/// A working connection.
#[derive(Debug)]
pub struct Connected {
    /// Makes the calls.
    pub client: CoreClient,
    /// The certificate for our web server, now and after each renewal; `None` for a fixcore without TLS.
    pub identity: Option<watch::Receiver<TlsIdentity>>,
}

/// Connects to fixcore as this subscriber (`fix.worker`). What can not get better by waiting is returned at
/// once; everything else is tried again until the patience ends. The renewal of the certificate runs until
/// `stop` is cancelled.
pub async fn connect(
    endpoint: &Endpoint,
    subscriber: impl Into<Subscriber>,
    options: &ConnectOptions,
    stop: &CancellationToken,
) -> Result<Connected, ConnectError> {
    crate::tls::install_default();
    let subscriber = subscriber.into();
    let until = options.patience.map(|patience| Instant::now() + patience);
    // Files first: a typo should not wait for fixcore.
    let files = read_files(endpoint).await?;
    wait_until_ready(endpoint, until, options, stop).await?;
    loop {
        let attempt = tokio::select! {
            () = stop.cancelled() => return Err(ConnectError::Stopped),
            attempt = attempt(endpoint, &subscriber, &files) => attempt,
        };
        let error = match attempt {
            Ok((client, identity)) => return Ok(connected(client, identity, stop)),
            Err(error) => error,
        };
        let is_late = until.is_some_and(|until| Instant::now() + RETRY > until);
        if error.kind() != ConnectErrorKind::Transient || is_late {
            return Err(error);
        }
        options.tell(&error.to_string());
        tracing::info!("connecting to fixcore again in {} s: {error}", RETRY.as_secs());
        tokio::select! {
            () = stop.cancelled() => return Err(ConnectError::Stopped),
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// What was given on the command line.
struct Files {
    authorities: Vec<CertificateDer<'static>>,
    identity: Option<TlsIdentity>,
}

async fn read_files(endpoint: &Endpoint) -> Result<Files, ConnectError> {
    if !endpoint.is_secure() {
        return Ok(Files { authorities: Vec::new(), identity: None });
    }
    let (verify, identity) = (endpoint.verify().clone(), endpoint.identity().cloned());
    blocking(move || {
        let authorities = match &verify {
            VerifyMode::CustomCa(path) => certificates_from_file("the CA certificate", path)?,
            VerifyMode::FixcoreCa | VerifyMode::None => Vec::new(),
        };
        let identity = identity.as_ref().map(load_identity).transpose()?;
        Ok(Files { authorities, identity })
    })
    .await
    .map_err(ConnectError::Setup)?
}

async fn attempt(
    endpoint: &Endpoint,
    subscriber: &Subscriber,
    files: &Files,
) -> Result<(CoreClient, Option<TlsIdentity>), ConnectError> {
    let client = new_client(endpoint, subscriber, files).await?;
    let identity = match &files.identity {
        _ if !endpoint.is_secure() => None,
        Some(identity) => Some(identity.clone()),
        None => Some(sign_identity(&client).await?),
    };
    client.check_access().await.map_err(|error| ConnectError::call(endpoint, error))?;
    Ok((client, identity))
}

async fn new_client(
    endpoint: &Endpoint,
    subscriber: &Subscriber,
    files: &Files,
) -> Result<CoreClient, ConnectError> {
    let setup = |error: &dyn std::fmt::Display| ConnectError::Setup(error.to_string());
    let (tls, trust) = if endpoint.is_secure() {
        let (verifier, trust) = match endpoint.verify() {
            VerifyMode::CustomCa(_) => {
                (Arc::new(CoreVerifier::with_roots(&files.authorities).map_err(|e| setup(&e))?), None)
            }
            VerifyMode::FixcoreCa => {
                let authority = fetch_authority(endpoint).await?;
                let roots = std::slice::from_ref(&authority);
                let verifier = Arc::new(CoreVerifier::with_roots(roots).map_err(|e| setup(&e))?);
                let keeper: Box<dyn Trust> = Box::new(TrustKeeper::new(Arc::clone(&verifier), authority));
                (verifier, Some(keeper))
            }
            VerifyMode::None => {
                // The proof is checked all the same: it tells a wrong pre-shared key before the first call.
                fetch_authority(endpoint).await?;
                tracing::warn!("certificates of fixcore are not verified (--no-verify-certs)");
                (Arc::new(CoreVerifier::any()), None)
            }
        };
        (Some(Arc::new(client_config(verifier).map_err(|e| setup(&e))?)), trust)
    } else {
        (None, None)
    };
    CoreClient::new(endpoint.clone(), subscriber.clone(), tls, trust).map_err(|e| setup(&e))
}

fn connected(client: CoreClient, identity: Option<TlsIdentity>, stop: &CancellationToken) -> Connected {
    let Some(identity) = identity else { return Connected { client, identity: None } };
    let source = match client.endpoint().identity() {
        Some(files) => IdentitySource::Files(files.clone()),
        None => IdentitySource::Signed,
    };
    let (sender, receiver) = watch::channel(identity);
    // Without fixcore's authority there is nothing that could change: the sender stays with the task.
    let (never, unchanged) = watch::channel(0);
    let authorities = client.authorities().unwrap_or(unchanged);
    let (stop, maker, made_from) = (stop.clone(), client.clone(), source.clone());
    tokio::spawn(async move {
        let _never = never;
        keep_identity(source, sender, authorities, stop, || new_identity(&maker, &made_from)).await;
    });
    Connected { client, identity: Some(receiver) }
}

async fn new_identity(client: &CoreClient, source: &IdentitySource) -> Result<TlsIdentity, ConnectError> {
    match source {
        IdentitySource::Signed => sign_identity(client).await,
        IdentitySource::Files(files) => {
            let files = files.clone();
            Ok(blocking(move || load_identity(&files)).await.map_err(ConnectError::Setup)??)
        }
    }
}

/// Whether fixcore answers at all, before anything is trusted: the time by its clock as an HTTP date if it says one, or what is
/// wrong as a sentence that fits after "fixcore at X: ".
pub async fn first_look(endpoint: &Endpoint) -> Result<Option<String>, String> {
    crate::tls::install_default();
    ready::ask_once(endpoint).await
}

/// With which certificate a web server can answer before there is a connection: that of the command line, or one that
/// nobody has signed. `None` for a fixcore without TLS.
pub async fn first_identity(
    endpoint: &Endpoint,
    subscriber: &str,
) -> Result<Option<TlsIdentity>, ConnectError> {
    crate::tls::install_default();
    if !endpoint.is_secure() {
        return Ok(None);
    }
    let (files, name) = (endpoint.identity().cloned(), subscriber.to_owned());
    let make = move || match files {
        Some(files) => load_identity(&files),
        None => TlsIdentity::temporary(&name),
    };
    Ok(Some(blocking(make).await.map_err(ConnectError::Setup)??))
}

/// Makes a key and has fixcore sign a certificate for it.
async fn sign_identity(client: &CoreClient) -> Result<TlsIdentity, ConnectError> {
    let name = client.subscriber().name();
    let SigningRequest { pem, key } = blocking(move || signing_request(&name))
        .await
        .map_err(ConnectError::Setup)?
        .map_err(|error| IdentityError::Request(error.to_string()))?;
    let action = "have a certificate signed for the web server".to_owned();
    let mut call = Call::new(action, Method::POST, &["ca", "sign"]);
    call.body = Bytes::from(pem);
    call.limit = 64 * 1024;
    let answer = client.call_ok(call).await.map_err(|error| match error {
        CoreError::Refused { status, answer, .. } if (400..500).contains(&status) => {
            ConnectError::NotSigned { status, answer }
        }
        error => ConnectError::call(client.endpoint(), error),
    })?;
    let chain = certificates_from_pem(&answer.body).map_err(IdentityError::Signed)?;
    Ok(TlsIdentity::signed(chain, key)?)
}

/// Runs what costs CPU or reads files off the runtime's threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| format!("a blocking task failed: {error}"))
}
