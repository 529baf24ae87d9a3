//! A session: credentials that are fetched when they are first wanted, kept, and renewed in time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::identity::Identity;
use http_client::{CallError, CallPlace, Class, CredentialsTrouble, Freshness, Use, tape};
use s3::identity;
use tokio::sync::Mutex;

use super::chain::Trouble;
use super::owner::Owner;
use super::{Chain, GivenSource, HandedOver, Role};
use crate::client::{Client, Target};
use crate::environment::Environment;

/// A look-up that failed is not repeated for so long: all calls of an account would do it one after the other.
const REMEMBERED: Duration = Duration::from_secs(10);

const PLACE: CallPlace<'static> = CallPlace { service: "credentials", operation: "look-up", ..crate::PLACE };

/// Credentials of one account or role. Clones share them.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
    /// No other key is used.
    only: Option<Arc<str>>,
}

struct Inner {
    source: Source,
    environment: Arc<Environment>,
    state: Mutex<State>,
    proven: AtomicBool,
    /// Whose those are that everything was done by so far.
    owner: OnceLock<Owner>,
}

type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Credentials, CallError>> + Send + 'a>>;

/// Where the credentials come from.
pub(crate) enum Source {
    /// They are the configuration's, and stay as they are.
    Keys(Credentials),
    /// The places where the SDKs look.
    Chain(Chain),
    /// Another process, which made them.
    Given(GivenSource),
    /// None: for calls that are not signed.
    Nobody,
    /// A role, assumed with the credentials of another session.
    Role { client: Client, base: Session, role: Role },
}

#[derive(Default)]
enum State {
    #[default]
    Nothing,
    Held(Held),
    Failed(CallError, Instant),
}

#[derive(Clone)]
struct Held {
    key: Arc<str>,
    identity: Identity,
    freshness: Freshness,
}

/// Credentials to sign one request with.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    /// The id of the key, to say which one was refused.
    pub(crate) key: Arc<str>,
    pub(crate) identity: Identity,
}

impl Signer {
    /// They are those of a session, not the keys of a user.
    pub(crate) fn is_of_session(&self) -> bool {
        self.identity.data::<Credentials>().is_some_and(|credentials| credentials.session_token().is_some())
    }
}

/// Shows the kind of source only.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.label()).finish()
    }
}

impl Session {
    pub(crate) fn new(source: Source, environment: Arc<Environment>) -> Self {
        let state = Mutex::default();
        let (proven, owner) = (AtomicBool::new(false), OnceLock::new());
        let inner = Arc::new(Inner { source, environment, state, proven, owner });
        Self { inner, only: None }
    }

    /// Tells sessions of one run from each other, and is the same in every run.
    pub(crate) fn label(&self) -> &str {
        match &self.inner.source {
            Source::Keys(_) => "keys",
            Source::Chain(_) => self.inner.environment.named_profile.as_deref().unwrap_or("environment"),
            Source::Given(_) => "given",
            Source::Nobody => "nobody",
            Source::Role { role, .. } => &role.arn,
        }
    }

    /// The id of the access key of the credentials now, which are fetched if there are none. It tells credentials from
    /// those that replace them.
    pub async fn key(&self) -> Result<Arc<str>, CallError> {
        self.signer(SystemTime::now(), 0.5).await.map(|signer| signer.key)
    }

    /// The same credentials as long as they have this key: when they are replaced, calls fail as
    /// [`Class::Unavailable`]. Those of a role may be replaced, because they never belong to another account, and so
    /// may those that another process has made, see [`Session::belongs_to`].
    #[must_use]
    pub fn bound_to(&self, key: Arc<str>) -> Self {
        let is_given = matches!(self.inner.source, Source::Given(_));
        let only = Some(key).filter(|_| !self.is_of_role() && !is_given);
        Self { inner: Arc::clone(&self.inner), only }
    }

    /// They are those of a role that was assumed for this session.
    pub fn is_of_role(&self) -> bool {
        matches!(self.inner.source, Source::Role { .. })
    }

    /// The arn of the role that was assumed for them, here or by whoever handed them over. Its account is theirs.
    pub fn assumed_role(&self) -> Option<String> {
        match &self.inner.source {
            Source::Role { role, .. } => Some(role.arn.clone()),
            Source::Given(given) => given.role(),
            Source::Keys(_) | Source::Chain(_) | Source::Nobody => None,
        }
    }

    /// Environment or profile name another address for STS than AWS's own.
    pub fn asks_sts_elsewhere(&self) -> bool {
        self.inner.environment.endpoint_url("STS").is_some()
    }

    /// They are known to belong to this account, which can be asked again in this region. Credentials that another
    /// process has made are replaced only by others of the same account from now on.
    pub fn belongs_to(&self, account: &str, region: &str) {
        if let Source::Given(given) = &self.inner.source {
            given.belongs_to(account, region);
        }
    }

    /// From now on those with this key, which are known to belong to this account, are replaced only by others of the same
    /// account: what a profile, a program or the machine gives later may be somebody else's. STS is asked in this region.
    /// Those of a role cannot be, and whoever hands them over is asked by [`Session::belongs_to`].
    pub fn stays_with(&self, account: &str, key: &Arc<str>, region: &str) {
        if matches!(self.inner.source, Source::Chain(_)) {
            // The first answer is the one that everything was done by.
            drop(self.inner.owner.set(Owner::new(account, key, region)));
        }
    }

    /// The credentials for another process, with what the profile says about regions and addresses. Those of a role
    /// are made anew each time; the others are those that this session uses, and with `again` they are looked up anew.
    pub async fn hand_over(&self, again: bool) -> Result<HandedOver, CallError> {
        let now = SystemTime::now();
        let environment = &self.inner.environment;
        if let Source::Role { role, .. } = &self.inner.source {
            return Ok(HandedOver::new(&self.fetch(now).await?, Some(role), environment));
        }
        if again && let State::Held(held) = &mut *self.inner.state.lock().await {
            held.freshness = held.freshness.due(now);
        }
        let signer = self.any_signer(now, 0.5).await?;
        match signer.identity.data::<Credentials>() {
            Some(credentials) => Ok(HandedOver::new(credentials, None, environment)),
            None => Err(Trouble::new(CredentialsTrouble::Broken, "they cannot be handed over").error()),
        }
    }

    /// Fetches the credentials if there are none yet. Errors say what was looked for.
    pub async fn check(&self) -> Result<(), CallError> {
        self.signer(SystemTime::now(), 0.5).await.map(|_| ())
    }

    /// The region that the environment or the profile means when none is said.
    pub fn default_region(&self) -> Option<String> {
        self.inner.environment.region()
    }

    /// The region of the instance whose credentials these are. Known only after they were used.
    pub async fn region_of_instance(&self) -> Option<String> {
        match &self.inner.source {
            Source::Chain(chain) => chain.region_of_instance().await,
            Source::Role { base, .. } => Box::pin(base.region_of_instance()).await,
            Source::Keys(_) | Source::Given(_) | Source::Nobody => None,
        }
    }

    pub(crate) fn environment(&self) -> &Arc<Environment> {
        &self.inner.environment
    }

    /// AWS has accepted them once.
    pub(crate) fn proven(&self) -> bool {
        self.inner.proven.load(Ordering::Relaxed)
    }

    pub(crate) fn prove(&self) {
        self.inner.proven.store(true, Ordering::Relaxed);
    }

    /// Credentials for a request now. All callers wait for one renewal.
    pub(crate) async fn signer(&self, now: SystemTime, chance: f64) -> Result<Signer, CallError> {
        let signer = self.any_signer(now, chance).await?;
        match &self.only {
            Some(only) if *only != signer.key => {
                let message = "the credentials were replaced by others in the meantime; try again";
                Err(CallError::new(Class::Unavailable, PLACE, message))
            }
            _ => Ok(signer),
        }
    }

    async fn any_signer(&self, now: SystemTime, chance: f64) -> Result<Signer, CallError> {
        let mut state = self.inner.state.lock().await;
        let old = match &*state {
            // Nobody has looked whose they are that came in the meantime.
            State::Held(held) if self.inner.owner.get().is_some_and(|owner| !owner.knows(&held.key)) => None,
            State::Held(held) => match held.freshness.now(now) {
                Use::Fresh => return Ok(held.signer()),
                Use::Due => Some(held.clone()),
                Use::Over => None,
            },
            State::Failed(error, at) if at.elapsed() < REMEMBERED => return Err(error.clone()),
            State::Failed(..) | State::Nothing => None,
        };
        let held = match (self.fetch_of_owner(now).await, old) {
            // New ones that are over are so by a clock that is wrong: they are used until AWS says so, too.
            (Ok(credentials), _) => Held {
                key: credentials.access_key_id().into(),
                identity: identity(&credentials),
                freshness: Freshness::new(now, credentials.expiry().filter(|ends| *ends > now), chance),
            },
            (Err(error), Some(old)) => {
                tracing::warn!("credentials could not be renewed, the old ones are used on: {error}");
                Held { freshness: old.freshness.postponed(now), ..old }
            }
            (Err(error), None) => {
                *state = State::Failed(error.clone(), Instant::now());
                return Err(error);
            }
        };
        let signer = held.signer();
        *state = State::Held(held);
        Ok(signer)
    }

    /// AWS said of this key that it has expired: the next caller renews it. False if there is nothing to renew.
    pub(crate) async fn refused(&self, key: &str, now: SystemTime) -> bool {
        if matches!(self.inner.source, Source::Keys(_)) {
            return false;
        }
        if let State::Held(held) = &mut *self.inner.state.lock().await
            && *held.key == *key
        {
            held.freshness = Freshness::ended(now);
        }
        true
    }

    /// New credentials, which are those of the same account as before.
    async fn fetch_of_owner(&self, now: SystemTime) -> Result<Credentials, CallError> {
        let credentials = self.fetch(now).await?;
        if let (Source::Chain(chain), Some(owner)) = (&self.inner.source, self.inner.owner.get()) {
            owner.check(chain.client(), &self.inner.environment, &credentials).await?;
        }
        Ok(credentials)
    }

    /// New credentials, whatever is held. A future of a type with a name, as a profile with roles has sessions of
    /// its own.
    pub(super) fn fetch(&self, now: SystemTime) -> Fetching<'_> {
        Box::pin(async move {
            if tape::is_replaying() {
                return Ok(Credentials::new("REPLAYED", tape::STAND_IN, None, None, "recording"));
            }
            match &self.inner.source {
                Source::Keys(credentials) => Ok(credentials.clone()),
                Source::Chain(chain) => chain.look(now).await,
                Source::Given(given) => given.fetch(&self.inner.environment).await,
                Source::Nobody => Err(Trouble::new(CredentialsTrouble::Missing, "there are none").error()),
                Source::Role { client, base, role } => {
                    tracing::debug!(role = role.arn, "assuming a role");
                    let target = Target {
                        session: base,
                        region: &role.region,
                        account: &role.account,
                        deadline: None,
                    };
                    let call = client.call_apart(&target, "sts", "AssumeRole", role.parameters());
                    let answer = call.await.map_err(|error| role.refused(error))?;
                    role.credentials(&answer)
                }
            }
        })
    }
}

impl Held {
    fn signer(&self) -> Signer {
        Signer { key: self.key.clone(), identity: self.identity.clone() }
    }
}
