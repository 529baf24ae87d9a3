//! The authority of fixcore: fetched, proven, and fetched again when fixcore starts over with a new one.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method};
use rustls_pki_types::CertificateDer;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::{ConnectError, blocking};
use crate::endpoint::Endpoint;
use crate::http::client::{Call, CoreClient, Trust, expect_success};
use crate::tls::{CoreVerifier, certificates_from_pem, check_authority, client_config};

/// A new authority is looked for at most this often.
const AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// Keeps the verifier in step with fixcore's authority.
pub(crate) struct TrustKeeper {
    verifier: Arc<CoreVerifier>,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

struct State {
    authority: CertificateDer<'static>,
    last_look: Option<(Instant, bool)>,
}

impl TrustKeeper {
    pub(crate) fn new(verifier: Arc<CoreVerifier>, authority: CertificateDer<'static>) -> Self {
        let state = Mutex::new(State { authority, last_look: None });
        Self { verifier, state, changes: watch::Sender::new(0) }
    }

    /// After a certificate was not accepted. True if fixcore has proven a new authority with the pre-shared key
    /// (its database was started afresh) and new connections will accept it. Without a pre-shared key nothing
    /// could prove it: somebody in between looks the same.
    async fn renewed(&self, endpoint: &Endpoint) -> bool {
        if endpoint.psk().is_none() {
            return false;
        }
        let mut state = self.state.lock().await;
        if let Some((at, changed)) = state.last_look.filter(|(at, _)| at.elapsed() < AT_MOST_EVERY) {
            tracing::debug!("looked for a new authority of fixcore {:?} ago", at.elapsed());
            return changed;
        }
        let changed = match fetch_authority(endpoint).await {
            Ok(authority) if authority != state.authority => self.replace(&mut state, authority),
            Ok(_same) => false,
            Err(error) => {
                tracing::error!(
                    "the certificate of fixcore is not trusted, and its authority is not proven: {error}"
                );
                false
            }
        };
        state.last_look = Some((Instant::now(), changed));
        changed
    }

    fn replace(&self, state: &mut State, authority: CertificateDer<'static>) -> bool {
        match self.verifier.replace_roots(std::slice::from_ref(&authority)) {
            Ok(()) => {
                tracing::warn!(
                    "fixcore has a new certificate authority and proved it with the pre-shared key; it is trusted now"
                );
                state.authority = authority;
                self.changes.send_modify(|count| *count += 1);
                true
            }
            Err(error) => {
                tracing::error!("the new certificate authority of fixcore cannot be used: {error}");
                false
            }
        }
    }
}

impl Trust for TrustKeeper {
    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn look_again<'a>(&'a self, endpoint: &'a Endpoint) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(self.renewed(endpoint))
    }
}

/// Gets the authority and checks its proof. The connection is not verified: the proof is what counts.
pub(crate) async fn fetch_authority(endpoint: &Endpoint) -> Result<CertificateDer<'static>, ConnectError> {
    let anonymous = endpoint.clone().with_psk(None);
    let tls = client_config(Arc::new(CoreVerifier::any())).map_err(|e| ConnectError::Setup(e.to_string()))?;
    let client = CoreClient::new(anonymous, "", Some(Arc::new(tls)), None)
        .map_err(|error| ConnectError::Setup(error.to_string()))?;
    let action = "get the certificate authority".to_owned();
    let mut call = Call::new(action.clone(), Method::GET, &["ca", "cert"]);
    call.limit = 64 * 1024;
    call.timeout = Duration::from_secs(30);
    let answer = client.call_once(&call).await.and_then(|answer| expect_success(&action, answer));
    let answer = answer.map_err(|error| ConnectError::call(endpoint, error))?;
    let header =
        answer.headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or("unreadable").to_owned());
    let authority = certificates_from_pem(&answer.body)
        .map_err(|why| crate::tls::AuthorityError::Unusable(format!("the certificate itself: {why}")))?
        .swap_remove(0);
    let (certificate, psk) = (authority.clone(), endpoint.psk().cloned());
    let pinned = endpoint.ca_fingerprint().map(str::to_owned);
    blocking(move || check_authority(&certificate, header.as_deref(), psk.as_ref(), pinned.as_deref()))
        .await
        .map_err(ConnectError::Setup)??;
    Ok(authority)
}

/// A client that accepts any certificate and sends no token.
pub(super) fn unverified_client(endpoint: &Endpoint) -> Result<Client, ConnectError> {
    let setup = |error: &dyn std::fmt::Display| ConnectError::Setup(error.to_string());
    let tls = client_config(Arc::new(CoreVerifier::any())).map_err(|e| setup(&e))?;
    let client = CoreClient::new(endpoint.clone().with_psk(None), "", Some(Arc::new(tls)), None);
    Ok(client.map_err(|e| setup(&e))?.http().clone())
}
