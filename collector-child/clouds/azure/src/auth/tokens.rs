//! Tokens: got when they are first needed, for each scope one, and again before they end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use collector::Failure;
use http::{HeaderValue, Request, header::HeaderName};
use http_body_util::Full;
use http_client::{BoxFuture, CallError, CallPlace, Class, CredentialsTrouble, Freshness, Hub, Use, tape};
use ipc_proto::seal::Seal;
use rest_client::{Asked, Auth, Bearer, GotToken, Rest, hand_over};
use serde_json::{Value, json};
use tables::plan::Place;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::grant::{self, Ask};
use super::{Source, cli};

/// Credentials, and the tokens that are got for them. All calls share them.
pub struct Credentials {
    hub: Arc<Hub>,
    /// Makes the calls for tokens.
    rest: Rest,
    source: Source,
    /// The address of the endpoint of tokens, which statements about an application are for.
    authority: String,
    /// The address of the identity that a service offers.
    endpoint: Option<String>,
    held: Mutex<BTreeMap<&'static str, Held>>,
}

struct Held {
    token: GotToken,
    freshness: Freshness,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Tokens of this source. `rest` makes the calls for them, without credentials of its own.
    pub fn new(
        hub: Arc<Hub>,
        rest: Rest,
        source: Source,
        authority: String,
        endpoint: Option<String>,
    ) -> Self {
        let rest = match &source {
            Source::Hosted { header, .. } => {
                rest.with_auth("hosted", Arc::new(Hosted { header: header.clone() }))
            }
            _ => rest,
        };
        Self { hub, rest, source, authority, endpoint, held: Mutex::default() }
    }

    /// Whose they are, for people.
    pub fn identity(&self) -> String {
        self.source.identity()
    }

    /// A token of this scope for another process that works on `account`, of which people say `noun`.
    ///
    /// # Errors
    ///
    /// There is no token to be had.
    pub async fn hand_over(&self, scope: &'static str, account: &str, noun: &str) -> Result<Seal, Failure> {
        let place = CallPlace { account, ..CallPlace::default() };
        let token = self.fetch(scope, place).await.map_err(|error| error.to_fault())?;
        let identity = self.identity();
        let shared = format!(
            "is reached with a token of {identity}, which is good for all that this may see: Azure has none for one {noun}"
        );
        hand_over(account, &identity, [(scope, token)], self.hub.clock.now(), Some(shared))
    }

    /// A token for a scope that is good for now.
    async fn token(&self, scope: &'static str, place: CallPlace<'_>) -> Result<Zeroizing<String>, CallError> {
        // Whoever waits here finds what the first one has got.
        let mut held = self.held.lock().await;
        let now = self.hub.clock.now();
        match held.get(scope).map(|held| held.freshness.now(now)) {
            Some(Use::Fresh) => {}
            usable => match self.fetch(scope, place).await {
                Ok(token) => {
                    let freshness = Freshness::new(now, token.ends, self.hub.chance());
                    held.insert(scope, Held { token, freshness });
                }
                Err(error) if usable == Some(Use::Due) => {
                    tracing::warn!(
                        "the token could not be renewed, the old one is used while it holds: {error}"
                    );
                    if let Some(held) = held.get_mut(scope) {
                        held.freshness = held.freshness.postponed(now);
                    }
                }
                Err(error) => return Err(error),
            },
        }
        let token = held.get(scope).map(|held| held.token.text.clone());
        token.ok_or_else(|| trouble(CredentialsTrouble::Missing, place, "there is no token"))
    }

    async fn fetch(&self, scope: &'static str, place: CallPlace<'_>) -> Result<GotToken, CallError> {
        let broken = |why: String| trouble(CredentialsTrouble::Broken, place, why);
        let ask = match &self.source {
            Source::Secret { tenant, client, secret } => grant::by_secret(tenant, client, secret, scope),
            Source::Certificate { tenant, client, pem } => {
                let audience = format!("{}/{tenant}/oauth2/v2.0/token", self.authority);
                let statement = grant::statement(pem, client, &audience, self.hub.clock.now());
                grant::by_assertion(tenant, client, &statement.map_err(broken)?, scope)
            }
            Source::Federated { tenant, client, file } => {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    broken(format!("the token file {file} of AZURE_FEDERATED_TOKEN_FILE: {error}"))
                })?;
                let text = Zeroizing::new(text);
                grant::by_assertion(tenant, client, text.trim(), scope)
            }
            Source::Machine { client } => grant::of_machine(client.as_deref(), scope),
            Source::Hosted { client, .. } => {
                let mut ask = grant::hosted(client.as_deref(), scope);
                ask.params.insert("path".to_owned(), json!({"+address": self.endpoint}));
                ask
            }
            Source::CommandLine { tenant } => {
                let (text, ends) = cli::token(scope, tenant.as_deref()).await.map_err(|why| {
                    trouble(CredentialsTrouble::Missing, place, why).advising(
                        "name an application in azure.accounts; behind the walls of the worker no program is started, so az is \
                         for fix-collector by hand, or for supervisor.sandbox: off",
                    )
                })?;
                return Ok(GotToken { text, ends });
            }
            Source::Handed { handed, .. } => return handed.token(scope, place).await,
            Source::Recorded { .. } => {
                return Ok(GotToken { text: Zeroizing::new(tape::STAND_IN.to_owned()), ends: None });
            }
        };
        let answer = self.ask(&ask).await?;
        granted(&answer, self.hub.clock.now())
            .ok_or_else(|| CallError::new(Class::Garbage, place, "the answer holds no token"))
    }

    async fn ask(&self, ask: &Ask) -> Result<Value, CallError> {
        let place = Place::new("", "", "", "");
        let asked =
            Asked { service: ask.service, operation: ask.operation, paging: None, list: None, place: &place };
        let answer = self.rest.call(asked, &ask.params).await;
        answer.map_err(|error| match (&self.source, &error.class) {
            // Nobody is there: not a machine of Azure, or one without an identity.
            (Source::Machine { .. }, Class::Network | Class::Credentials(_)) => error.advising(
                "name an application in azure.accounts or in AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or log in with az; \
                 outside of Azure there is no managed identity",
            ),
            _ => error,
        })
    }
}

/// The token of an answer. Its life is a number, or a text with one.
fn granted(answer: &Value, now: SystemTime) -> Option<GotToken> {
    let text = answer["access_token"].as_str().filter(|text| !text.is_empty())?;
    let told = &answer["expires_in"];
    let seconds = told.as_u64().or_else(|| told.as_str()?.parse().ok());
    let ends = seconds.and_then(|seconds| now.checked_add(Duration::from_secs(seconds)));
    Some(GotToken { text: Zeroizing::new(text.to_owned()), ends })
}

/// Credentials as one host takes them: with the tokens of its scope.
#[derive(Debug)]
pub struct Scoped {
    credentials: Arc<Credentials>,
    scope: &'static str,
}

impl Scoped {
    /// For this scope: `https://HOST/.default`.
    pub fn new(credentials: Arc<Credentials>, scope: &'static str) -> Self {
        Self { credentials, scope }
    }
}

impl Auth for Scoped {
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        body: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let token = self.credentials.token(self.scope, place).await?;
            Bearer::new(&token).apply(request, body, place).await
        })
    }

    /// A token that was taken before may have been withdrawn; a new one that is refused says that asking on is in vain.
    fn refused(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move { self.credentials.held.lock().await.remove(self.scope).is_some() })
    }
}

/// What a service wants to see before it gives the program a token.
struct Hosted {
    header: Zeroizing<String>,
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hosted([redacted])")
    }
}

impl Auth for Hosted {
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        _: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let wrong = |_| {
                trouble(
                    CredentialsTrouble::Broken,
                    place,
                    "IDENTITY_HEADER has characters that no header has",
                )
            };
            let mut value = HeaderValue::from_str(&self.header).map_err(wrong)?;
            value.set_sensitive(true);
            request.headers_mut().insert(HeaderName::from_static("x-identity-header"), value);
            Ok(())
        })
    }
}

fn trouble(kind: CredentialsTrouble, place: CallPlace<'_>, message: impl Into<String>) -> CallError {
    CallError::new(Class::Credentials(kind), place, message)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn the_life_of_a_token_is_a_number_or_a_text() {
        let ends = |answer: Value| granted(&answer, UNIX_EPOCH).map(|token| token.ends);
        let hour = Some(UNIX_EPOCH + Duration::from_hours(1));
        assert_eq!(ends(json!({"access_token": "t", "expires_in": 3600})), Some(hour));
        assert_eq!(ends(json!({"access_token": "t", "expires_in": "3600"})), Some(hour));
        assert_eq!(ends(json!({"access_token": "t"})), Some(None));
        assert_eq!(ends(json!({"access_token": ""})), None);
    }
}
