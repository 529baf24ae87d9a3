//! Tokens: fetched when they are first needed, and again before they end.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use collector::{Failure, fault};
use http::header::{CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::Full;
use http_client::tape::MakesCredentials;
use http_client::{
    AGENT, Answer, BoxFuture, Call, CallError, CallPlace, Cause, Class, CredentialsTrouble, Exchange, Failed,
    Freshness, Hub, Key, Lane, Outcome, Queue, TransportTrouble, Use, ordered_wait, tape,
};
use ipc_proto::fault::FaultKind;
use ipc_proto::seal::Seal;
use rest_client::{Auth, Bearer, GotToken, Handed, hand_over};
use serde_json::Value;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::grant::{self, Ask, Token};
use super::key::{Known, SCOPE, Source, Subject};
use super::sources::{Variable, source};

/// The metadata server of a machine of Google Cloud.
const METADATA: &str = "metadata.google.internal";
const NO_QUOTA_PROJECT: &str = "the quota project has characters that no project has";

/// Credentials, and the tokens that are got for them. All calls share them.
pub struct Credentials {
    hub: Arc<Hub>,
    source: Source,
    metadata: String,
    /// The project whose quotas count for calls.
    quota_project: Option<HeaderValue>,
    held: Mutex<Option<Held>>,
}

struct Held {
    token: Token,
    freshness: Freshness,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Credentials {
    /// The credentials that a setting names: a file, or with an empty text what the programs of Google Cloud would use: the
    /// file of `GOOGLE_APPLICATION_CREDENTIALS`, else that of `gcloud auth application-default login`, else the metadata server
    /// (`GCE_METADATA_HOST`). Reads files; no token is fetched yet.
    ///
    /// # Errors
    ///
    /// A file is missing or is no credential file, in words that name it and nothing of what is in it.
    pub fn find(hub: Arc<Hub>, setting: &str, variable: Variable<'_>) -> Result<Self, String> {
        let source = found(setting, variable)?;
        let metadata = variable("GCE_METADATA_HOST").filter(|host| !host.trim().is_empty());
        let metadata = metadata.unwrap_or_else(|| METADATA.to_owned());
        let named = variable("GOOGLE_CLOUD_QUOTA_PROJECT").filter(|project| !project.trim().is_empty());
        let quota_project = named.as_deref().map(str::trim).or_else(|| source.quota_project());
        let quota_project = quota_project.map(HeaderValue::from_str).transpose();
        let quota_project = quota_project.map_err(|_| NO_QUOTA_PROJECT.to_owned())?;
        Ok(Self { hub, source, metadata, quota_project, held: Mutex::new(None) })
    }

    /// The credentials that came with a job for `project`, in a process that has no others.
    ///
    /// # Errors
    ///
    /// They are of another form, or for another project.
    pub fn handed(hub: Arc<Hub>, given: &collector::Credentials, project: &str) -> Result<Self, Failure> {
        let handed = Handed::new(given.clone(), project);
        let known: Known = handed.about()?;
        let quota_project = known.quota_project.as_deref().map(HeaderValue::from_str).transpose();
        let quota_project = quota_project.map_err(|_| fault(FaultKind::Internal, NO_QUOTA_PROJECT))?;
        let source = Source::Handed(Arc::new(handed), known);
        Ok(Self { hub, source, metadata: METADATA.to_owned(), quota_project, held: Mutex::new(None) })
    }

    /// A token of its own for another process that works on `project`.
    ///
    /// # Errors
    ///
    /// There is no token to be had.
    pub async fn hand_over(&self, project: &str) -> Result<Seal, Failure> {
        let place = CallPlace { account: project, ..CallPlace::default() };
        let got = self.fetch(&self.source, place).await.map_err(|error| error.to_fault())?;
        let quota_project = self.quota_project.as_ref().and_then(|project| project.to_str().ok());
        let known = Known {
            project: self.project().map(str::to_owned),
            quota_project: quota_project.map(str::to_owned),
            identity: self.identity(),
        };
        let shared = format!(
            "is reached with a token of {}, which is good for all that these may see: Google Cloud has none for one project",
            known.identity
        );
        let token = GotToken { text: got.text, ends: got.ends };
        hand_over(project, &known, [(SCOPE, token)], self.hub.clock.now(), Some(shared))
    }

    /// The project that they name as their own.
    pub fn project(&self) -> Option<&str> {
        self.source.project()
    }

    /// Whose they are, for people.
    pub fn identity(&self) -> String {
        self.source.identity()
    }

    /// A token that is good for now.
    async fn token(&self, place: CallPlace<'_>) -> Result<Zeroizing<String>, CallError> {
        // Whoever waits here finds what the first one has fetched.
        let mut held = self.held.lock().await;
        let now = self.hub.clock.now();
        match held.as_ref().map(|held| held.freshness.now(now)) {
            Some(Use::Fresh) => {}
            usable => match self.fetch(&self.source, place).await {
                Ok(token) => {
                    let freshness = Freshness::new(now, token.ends, self.hub.chance());
                    *held = Some(Held { token, freshness });
                }
                Err(error) if usable == Some(Use::Due) => {
                    tracing::warn!(
                        "the token could not be renewed, the old one is used while it holds: {error}"
                    );
                    if let Some(held) = held.as_mut() {
                        held.freshness = held.freshness.postponed(now);
                    }
                }
                Err(error) => return Err(error),
            },
        }
        match held.as_ref() {
            Some(held) => Ok(held.token.text.clone()),
            None => Err(trouble(CredentialsTrouble::Missing, place, "there is no token")),
        }
    }

    fn fetch<'a>(
        &'a self,
        source: &'a Source,
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<Token, CallError>> {
        Box::pin(async move {
            let now = self.hub.clock.now();
            let broken = |why: String| trouble(CredentialsTrouble::Broken, place, why);
            let ask = match source {
                Source::ServiceAccount(account) => grant::signed(account, now).map_err(broken)?,
                Source::User(user) => grant::refreshed(user),
                Source::Federated(federated) => {
                    let subject = self.subject(&federated.subject, place).await?;
                    grant::exchanged(federated, &subject)
                }
                Source::Impersonated(impersonated) => {
                    let base = self.fetch(&impersonated.base, place).await?;
                    grant::impersonated(impersonated, &base)
                }
                Source::Metadata => grant::of_machine(&self.metadata),
                Source::Handed(handed, _) => {
                    let GotToken { text, ends } = handed.token(SCOPE, place).await?;
                    return Ok(Token { text, ends });
                }
                Source::Recorded(_) => {
                    return Ok(Token { text: Zeroizing::new(tape::STAND_IN.to_owned()), ends: None });
                }
            };
            let machine = matches!(source, Source::Metadata);
            let body = self.ask(&ask, source.identity(), machine, place).await?;
            grant::granted(&body, now).map_err(broken)
        })
    }

    /// The token of the identity provider.
    async fn subject(&self, subject: &Subject, place: CallPlace<'_>) -> Result<Zeroizing<String>, CallError> {
        let broken = |why: String| trouble(CredentialsTrouble::Broken, place, why);
        let (text, member, from) = match subject {
            Subject::File { path, member } => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| broken(format!("the file {path} of credential_source: {error}")))?;
                (Zeroizing::new(text), member, path)
            }
            Subject::Address { address, headers, member } => {
                let secret = |(name, value): &(String, String)| (name.clone(), Zeroizing::new(value.clone()));
                let headers = headers.iter().map(secret).collect();
                let ask = Ask { address: address.clone(), headers, body: None };
                let body = self.ask(&ask, format!("the token of {address}"), false, place).await?;
                (Zeroizing::new(String::from_utf8_lossy(&body).into_owned()), member, address)
            }
        };
        let Some(member) = member else { return Ok(Zeroizing::new(text.trim().to_owned())) };
        let told: Value = serde_json::from_str(&text).unwrap_or_default();
        let token = told[member.as_str()].as_str().map(|token| Zeroizing::new(token.to_owned()));
        token.ok_or_else(|| broken(format!("{from} is no JSON with a member {member}")))
    }

    async fn ask(
        &self,
        ask: &Ask,
        whose: String,
        machine: bool,
        place: CallPlace<'_>,
    ) -> Result<Bytes, CallError> {
        let place = CallPlace { service: "oauth2", operation: "token", region: "", ..place };
        let mut exchange = TokenExchange { hub: &self.hub, ask, whose, machine, place, body: Bytes::new() };
        self.hub.call(Call { place, deadline: None, queue: Queue::None }, &mut exchange).await?;
        Ok(exchange.body)
    }
}

impl Auth for Credentials {
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        body: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let token = self.token(place).await?;
            if let Some(project) = &self.quota_project {
                let name = HeaderName::from_static("x-goog-user-project");
                request.headers_mut().insert(name, project.clone());
            }
            Bearer::new(&token).apply(request, body, place).await
        })
    }

    /// A token that was taken before may have been withdrawn; a new one that is refused says that asking on is in vain.
    fn refused(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move { self.held.lock().await.take().is_some() })
    }
}

/// The source that a setting names; while a recording is replayed, the one that it was made with.
fn found(setting: &str, variable: Variable<'_>) -> Result<Source, String> {
    let fact = format!("credentials {setting}");
    if tape::is_replaying() {
        let recorded = tape::recalled(&fact).map(Source::Recorded);
        return recorded.ok_or_else(|| format!("the recording has nothing of the credentials {setting:?}"));
    }
    let source = source(setting, variable)?;
    tape::remember(&fact, || Known::of(&source));
    Ok(source)
}

fn secret(text: &str, place: CallPlace<'_>) -> Result<HeaderValue, CallError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        trouble(CredentialsTrouble::Broken, place, "the token has characters that no token has")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn trouble(kind: CredentialsTrouble, place: CallPlace<'_>, message: impl Into<String>) -> CallError {
    CallError::new(Class::Credentials(kind), place, message)
}

/// One request for a token.
struct TokenExchange<'a> {
    hub: &'a Hub,
    ask: &'a Ask,
    /// Whose token it is, for people.
    whose: String,
    /// It is asked of the metadata server.
    machine: bool,
    place: CallPlace<'a>,
    body: Bytes,
}

impl TokenExchange<'_> {
    fn request(&self) -> Result<Request<Full<Bytes>>, CallError> {
        let body = self
            .ask
            .body
            .as_ref()
            .map_or_else(Bytes::new, |(_, text)| Bytes::copy_from_slice(text.as_bytes()));
        let method = if self.ask.body.is_some() { "POST" } else { "GET" };
        let wrong = |why: String| CallError::new(Class::Config, self.place, why);
        let request = Request::builder().method(method).uri(self.ask.address.as_str());
        let mut request = request.body(Full::new(body)).map_err(|error| wrong(error.to_string()))?;
        request.extensions_mut().insert(MakesCredentials);
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some((media, _)) = &self.ask.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        }
        for (name, value) in &self.ask.headers {
            let known =
                HeaderName::try_from(name.as_str()).map_err(|_| wrong(format!("{name} is no header")))?;
            headers.insert(known, secret(value, self.place)?);
        }
        Ok(request)
    }

    fn read(&mut self, answer: &Answer) -> Outcome {
        let body = match self.hub.transport.body(answer) {
            Ok(body) => body,
            Err(why) => {
                let told = format!("no token for {}: the answer is compressed and {why}", self.whose);
                let error = CallError::new(Class::Garbage, self.place, told)
                    .change(|trouble| trouble.status = Some(answer.status));
                return Outcome::Failed(Failed {
                    error,
                    cause: Cause::Transient,
                    ordered: None,
                    timeout: false,
                });
            }
        };
        if answer.status == 200 {
            self.body = body;
            return Outcome::Answer(Value::Null);
        }
        let (code, message) = grant::refusal(&body);
        let (class, cause) = class(answer.status, code.as_deref(), &message);
        let told = if message.is_empty() { format!("status {}", answer.status) } else { message };
        let error = CallError::new(class, self.place, format!("no token for {}: {told}", self.whose))
            .change(|trouble| (trouble.code, trouble.status) = (code, Some(answer.status)));
        let ordered = ordered_wait(|name| answer.header(name));
        Outcome::Failed(Failed { error, cause, ordered, timeout: false })
    }

    fn unreached(&self, trouble: &TransportTrouble) -> Failed {
        let told = format!("no token for {}: {trouble}", self.whose);
        let error = if self.machine {
            // Nobody is there: not a machine of Google Cloud.
            CallError::new(Class::Credentials(CredentialsTrouble::Missing), self.place, told).advising(
                "name a credential file in gcp.service_account or GOOGLE_APPLICATION_CREDENTIALS; outside of Google \
                 Cloud there is no metadata server",
            )
        } else {
            CallError::new(Class::Network, self.place, told)
        };
        let cause = if trouble.passes() { Cause::Transient } else { Cause::Final };
        Failed { error, cause, ordered: None, timeout: trouble.timeout() }
    }
}

/// What a refusal means.
fn class(status: u16, code: Option<&str>, message: &str) -> (Class, Cause) {
    let of_clock = message.contains("iat") && message.contains("exp");
    match (status, code) {
        (429, _) => (Class::Throttled, Cause::Transient),
        (500.., _) => (Class::Unavailable, Cause::Transient),
        (_, Some("invalid_grant")) if of_clock => {
            (Class::Credentials(CredentialsTrouble::Clock), Cause::Final)
        }
        (_, Some("invalid_grant")) if message.contains("expired") || message.contains("revoked") => {
            (Class::Credentials(CredentialsTrouble::Expired), Cause::Final)
        }
        (_, Some("PERMISSION_DENIED" | "NOT_FOUND")) => {
            (Class::Credentials(CredentialsTrouble::Role), Cause::Final)
        }
        (404, _) => (Class::Credentials(CredentialsTrouble::Missing), Cause::Final),
        _ => (Class::Credentials(CredentialsTrouble::Invalid), Cause::Final),
    }
}

impl Exchange for TokenExchange<'_> {
    fn key(&self) -> Key<'_> {
        Key { operation: self.place.operation, bucket: None }
    }

    async fn attempt(&mut self, lane: &Lane) -> Outcome {
        let request = match self.request() {
            Ok(request) => request,
            Err(error) => return Outcome::Failed(Failed::finally(error)),
        };
        let permit = self.hub.permit(lane).await;
        match self.hub.send(permit, self.place.service, request).await {
            Ok(answer) => self.read(&answer),
            Err(trouble) => Outcome::Failed(self.unreached(&trouble)),
        }
    }
}
