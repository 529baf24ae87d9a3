//! OpenID Connect: an id token, renewed with a refresh token.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::Full;
use http_client::{
    AGENT, BoxFuture, CallError, CallPlace, CredentialsTrouble, Limits, Roots, Server, Transport,
};
use rest_client::{Auth, Bearer};
use serde_json::Value;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::{pem, trouble};
use crate::kubeconfig::{Given, Provider, Secret};

/// As other clients of Kubernetes: a token that ends sooner is not used.
const BEFORE_THE_END: Duration = Duration::from_secs(10);

/// Id tokens of an issuer.
pub(super) struct Tokens {
    issuer: String,
    client: String,
    secret: Secret,
    transport: Transport,
    held: Mutex<Held>,
}

/// What is known by now.
#[derive(Default)]
struct Held {
    id: Option<Secret>,
    refresh: Option<Secret>,
}

impl Tokens {
    /// As the auth-provider of a user says. The error is for people.
    pub(super) fn new(provider: &Provider) -> Result<Self, String> {
        let text = |name: &str| provider.get(name).map(|value| (**value).clone()).unwrap_or_default();
        let data = provider.get("idp-certificate-authority-data").cloned().map(Given::Data);
        let file = provider.get("idp-certificate-authority").map(|path| Given::File(path.as_str().into()));
        let authorities = data.or(file).map(|given| pem(&given)).transpose();
        let authorities = authorities.map_err(|why| format!("the authority of the issuer: {why}"))?;
        let server = Server { authorities: authorities.map(|pem| pem.to_vec()), ..Server::default() };
        let variable = |name: &str| std::env::var(name).ok();
        let transport = Transport::to_server(Limits::default(), Roots::default(), server, &variable)?;
        let held =
            Held { id: provider.get("id-token").cloned(), refresh: provider.get("refresh-token").cloned() };
        if held.id.is_none() && held.refresh.is_none() {
            return Err("the auth-provider oidc has neither id-token nor refresh-token".to_owned());
        }
        Ok(Self {
            issuer: text("idp-issuer-url").trim_end_matches('/').to_owned(),
            client: text("client-id"),
            secret: Zeroizing::new(text("client-secret")),
            transport: transport.for_credentials(),
            held: Mutex::new(held),
        })
    }

    async fn token(&self) -> Result<Secret, (CredentialsTrouble, String)> {
        let mut held = self.held.lock().await;
        if let Some(id) = &held.id
            && is_fresh(id)
        {
            return Ok(id.clone());
        }
        let Some(refresh) = held.refresh.clone() else {
            let told = "the id token is over, and there is no refresh token; log in again".to_owned();
            return Err((CredentialsTrouble::Expired, told));
        };
        let (id, next) = self.renewed(&refresh).await?;
        held.id = Some(id.clone());
        if next.is_some() {
            held.refresh = next;
        }
        Ok(id)
    }

    async fn renewed(&self, refresh: &str) -> Result<(Secret, Option<Secret>), (CredentialsTrouble, String)> {
        let broken = |why: String| (CredentialsTrouble::Broken, format!("the issuer {}: {why}", self.issuer));
        let address = format!("{}/.well-known/openid-configuration", self.issuer);
        let request =
            Request::get(address).body(Full::default()).map_err(|error| broken(error.to_string()))?;
        let (status, told) = self.ask(request).await.map_err(broken)?;
        let endpoint = told.get("token_endpoint").and_then(Value::as_str).filter(|_| status == 200);
        let endpoint = endpoint
            .ok_or_else(|| broken(format!("it does not tell its token_endpoint (status {status})")))?;
        if self.issuer.starts_with("https://") && !endpoint.starts_with("https://") {
            return Err(broken("its token_endpoint is without TLS".to_owned()));
        }
        let form = Zeroizing::new(format!("grant_type=refresh_token&refresh_token={}", escaped(refresh)));
        let request = Request::post(endpoint).body(Full::new(Bytes::copy_from_slice(form.as_bytes())));
        let mut request = request.map_err(|error| broken(error.to_string()))?;
        let pair = Zeroizing::new(format!("{}:{}", escaped(&self.client), escaped(&self.secret)));
        let basic = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
        let mut basic =
            HeaderValue::from_str(&basic).map_err(|_| broken("the client id is none".to_owned()))?;
        basic.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, basic);
        let media = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, media);
        let (status, told) = self.ask(request).await.map_err(broken)?;
        let text =
            |name: &str| told.get(name).and_then(Value::as_str).map(|text| Zeroizing::new(text.to_owned()));
        match text("id_token") {
            Some(id) if status == 200 => Ok((id, text("refresh_token"))),
            _ if text("error").is_some_and(|error| *error == "invalid_grant") => {
                let told = format!(
                    "the issuer {} does not take the refresh token any more; log in again",
                    self.issuer
                );
                Err((CredentialsTrouble::Expired, told))
            }
            _ => Err(broken(format!("it gave no id token (status {status})"))),
        }
    }

    async fn ask(&self, mut request: Request<Full<Bytes>>) -> Result<(u16, Value), String> {
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let answer = self.transport.send(request).await.map_err(|trouble| trouble.to_string())?;
        let body = self.transport.body(&answer)?;
        Ok((answer.status, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

/// Whether a token says that it holds on. What does not say it is left to the cluster.
fn is_fresh(token: &str) -> bool {
    let claims = token.split('.').nth(1).and_then(|part| BASE64URL_NOPAD.decode(part.as_bytes()).ok());
    let claims: Value = claims.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let Some(ends) = claims.get("exp").and_then(Value::as_f64) else { return true };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + BEFORE_THE_END;
    now.as_secs_f64() < ends
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Auth for Tokens {
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        body: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let token = self.token().await.map_err(|(kind, told)| trouble(kind, place, told))?;
            Bearer::new(&token).apply(request, body, place).await
        })
    }

    /// Another one, if there is a way to get it.
    fn refused(&self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            let mut held = self.held.lock().await;
            held.id.take().is_some() && held.refresh.is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::extract::State;
    use axum::routing::{get, post};
    use axum::{Json, Router};
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    fn token(ends: u64) -> String {
        format!("e30.{}.x", BASE64URL_NOPAD.encode(json!({"exp": ends}).to_string().as_bytes()))
    }

    fn provider(issuer: &str, id: &str) -> Provider {
        let config = [
            ("idp-issuer-url", issuer),
            ("client-id", "c"),
            ("client-secret", "s3cret"),
            ("id-token", id),
            ("refresh-token", "r1"),
        ];
        let config = config.map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned()))).to_vec();
        Provider { name: "oidc".to_owned(), config }
    }

    async fn issuer() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let endpoint = format!("{address}/token");
        let asked = Arc::new(AtomicU32::new(0));
        let give = |State(asked): State<Arc<AtomicU32>>, headers: HeaderMap, form: String| async move {
            assert_eq!(headers["authorization"], "Basic YzpzM2NyZXQ=");
            let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
            if !form.split('&').any(|field| field == format!("refresh_token=r{number}")) {
                return Json(json!({"error": "invalid_grant"}));
            }
            Json(
                json!({"id_token": token(4_000_000_000 + u64::from(number)), "refresh_token": format!("r{}", number + 1)}),
            )
        };
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(move || async move { Json(json!({"token_endpoint": endpoint})) }),
            )
            .route("/token", post(give))
            .with_state(asked);
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    #[tokio::test]
    async fn a_token_is_renewed_when_it_is_over_or_refused() {
        let tokens = Tokens::new(&provider(&issuer().await, &token(1))).unwrap();
        assert_eq!(*tokens.token().await.unwrap(), token(4_000_000_001));
        assert_eq!(*tokens.token().await.unwrap(), token(4_000_000_001));
        assert!(tokens.refused().await);
        assert_eq!(*tokens.token().await.unwrap(), token(4_000_000_002));
        tokens.held.lock().await.refresh = Some(Zeroizing::new("withdrawn".to_owned()));
        assert!(tokens.refused().await);
        let (kind, told) = tokens.token().await.unwrap_err();
        assert_eq!(kind, CredentialsTrouble::Expired);
        assert!(told.contains("log in again") && !told.contains("withdrawn"), "{told}");
    }

    #[tokio::test]
    async fn a_token_that_holds_is_used() {
        let tokens = Tokens::new(&provider("http://127.0.0.1:1", &token(4_000_000_000))).unwrap();
        assert_eq!(*tokens.token().await.unwrap(), token(4_000_000_000));
        assert!(is_fresh("no-jwt") && !is_fresh(&token(0)));
        assert!(!format!("{tokens:?}").contains("s3cret"));
    }
}
