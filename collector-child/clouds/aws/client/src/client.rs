//! The client: what all calls of the process share.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use aws_credential_types::Credentials;
use http_client::{
    BoxFuture, CallError, CallPlace, Class, Hub, LeftOut, Pages, Queue, Roots, ServiceCounters, Settings,
    Transport,
};
use serde_json::Value;

use crate::PLACE;
use crate::asked::{self, Asked};
use crate::credentials::{Chain, Given, GivenSource, Login, Role, Session, Source};
use crate::endpoint::plausible;
use crate::environment::Environment;

/// Where a call goes, and as whom.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// As whom.
    pub session: &'a Session,
    /// The region. Services without regions are called with any region of the partition.
    pub region: &'a str,
    /// The account, for errors and for the pace; empty while it is not known.
    pub account: &'a str,
    /// When there is no more time: no attempt starts after it, and a wait that would pass it is not begun.
    pub deadline: Option<Instant>,
}

/// Makes calls. One per process; clones share everything.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) hub: Hub,
    pub(crate) buckets: Buckets,
    pub(crate) environment: Arc<Environment>,
    wished_regions: OnceLock<Vec<String>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("hub", &self.0.hub).finish_non_exhaustive()
    }
}

impl Client {
    /// Reads the environment and the profile files; opens no connection. Fails if the files are broken, or a
    /// variable names a proxy that is none.
    pub async fn new(settings: Settings) -> Result<Self, CallError> {
        let environment = Arc::new(Environment::load(None).await?);
        Self::with_environment(settings, environment)
    }

    /// A client of a process that has these credentials only: no profile file is read.
    pub async fn with_given(settings: Settings, given: &Given) -> Result<Self, CallError> {
        let environment = Arc::new(Environment::of_settings(&given.settings()).await?);
        Self::with_environment(settings, environment)
    }

    /// A client for tests of others: it sees these variables in place of those of the process, and no files.
    pub async fn with_variables(settings: Settings, variables: &[(&str, &str)]) -> Result<Self, CallError> {
        let environment = Arc::new(Environment::of_variables(variables).await?);
        Self::with_environment(settings, environment)
    }

    pub(crate) fn with_environment(
        settings: Settings,
        environment: Arc<Environment>,
    ) -> Result<Self, CallError> {
        let roots = Roots { bundle: environment.ca_bundle(), named_by: "AWS_CA_BUNDLE" };
        let transport = Transport::new(settings.limits, roots, &|name| environment.variable(name));
        let transport = transport.map_err(|wrong| {
            let place = CallPlace { service: "network", operation: "proxy", ..PLACE };
            let advice = "write it like http://proxy.example:3128, or unset it";
            CallError::new(Class::Config, place, wrong).advising(advice)
        })?;
        let hub = Hub::new(settings.budgets, settings.retry, transport);
        let (buckets, wished_regions) = (Buckets::default(), OnceLock::new());
        Ok(Self(Arc::new(Shared { hub, buckets, environment, wished_regions })))
    }

    /// The regions that the settings name: STS is asked there for roles of profiles and of web identities where neither
    /// environment nor profile name a region. To be said once, before the first session.
    #[must_use]
    pub fn wishing(self, regions: &[String]) -> Self {
        self.0.wished_regions.get_or_init(|| regions.to_vec());
        self
    }

    pub(crate) fn wished_regions(&self) -> &[String] {
        self.0.wished_regions.get().map_or(&[], Vec::as_slice)
    }

    /// A session. Nothing is looked up before its first call (or [`Session::check`]), but a profile that is asked
    /// for, be it by `AWS_PROFILE`, must exist.
    pub async fn session(&self, login: Login) -> Result<Session, CallError> {
        let environment = match &login {
            Login::Profile(name) => Arc::new(Environment::load(Some(name)).await?),
            Login::Environment | Login::Keys { .. } | Login::Given(_) => self.0.environment.clone(),
        };
        environment.check_profile()?;
        let source = match login {
            Login::Keys { access_key_id, secret_access_key } => {
                let secret = secret_access_key.trim();
                Source::Keys(Credentials::new(access_key_id.trim(), secret, None, None, "config"))
            }
            Login::Given(given) => Source::Given(GivenSource::new(self, given)),
            Login::Environment => Source::Chain(Chain::new(self, &environment, false)),
            Login::Profile(_) => Source::Chain(Chain::new(self, &environment, true)),
        };
        Ok(Session::new(source, environment))
    }

    /// A session of a role, which is assumed when its first call is made, and again before it ends.
    pub fn assume(&self, base: &Session, role: Role) -> Session {
        let environment = base.environment().clone();
        Session::new(Source::Role { client: self.clone(), base: base.clone(), role }, environment)
    }

    /// The names of all profiles in the profile files, sorted.
    pub fn profiles(&self) -> Vec<String> {
        self.0.environment.profiles().to_vec()
    }

    /// The profile that `AWS_PROFILE` names, unless variables with keys go before it.
    pub fn named_profile(&self) -> Option<&str> {
        let environment = &self.0.environment;
        let keys = environment.variable("AWS_ACCESS_KEY_ID").is_some();
        environment.named_profile.as_deref().filter(|_| !keys)
    }

    /// A text that no other call gives, for names of sessions: a random UUID.
    pub fn unique(&self) -> String {
        self.0.hub.unique()
    }

    /// One call: `operation` as AWS writes it (`DescribeInstances`), `params` and the answer by boto3's names.
    /// Tries again where that makes sense. Of an operation with pages it gives the page that `params` ask for.
    pub async fn call(
        &self,
        target: &Target<'_>,
        service: &str,
        operation: &str,
        params: Value,
    ) -> Result<Value, CallError> {
        let asked = Asked::new(target, service, operation)?;
        asked.call(self, &asked.parameters(params)?, Queue::Lane).await
    }

    /// As [`Self::call`], without a place in the lane: for calls that calls with a place wait for.
    pub(crate) fn call_apart<'a>(
        &'a self,
        target: &'a Target<'a>,
        service: &'a str,
        operation: &'a str,
        params: Value,
    ) -> BoxFuture<'a, Result<Value, CallError>> {
        // Attempts may make such calls themselves.
        Box::pin(async move {
            let asked = Asked::new(target, service, operation)?;
            asked.call(self, &asked.parameters(params)?, Queue::None).await
        })
    }

    /// All pages of a listing, one after the other; one page if the operation has no pages.
    pub fn pages<'a>(
        &'a self,
        target: &Target<'a>,
        service: &'a str,
        operation: &'a str,
        params: Value,
    ) -> Pages<'a> {
        asked::pages(self, target, service, operation, params)
    }

    /// Answers so far, of any kind: as long as it grows, the work goes on.
    pub fn answers(&self) -> u64 {
        self.0.hub.answers()
    }

    /// Values that were left out of the answers to calls for this account, since this was asked last.
    pub fn left_out(&self, account: &str) -> Vec<LeftOut> {
        self.0.hub.left_out(account)
    }

    /// The region of a bucket, as far as answers have told it.
    pub fn region_of_bucket(&self, bucket: &str) -> Option<String> {
        self.0.buckets.region(bucket)
    }

    /// What was done so far, by service.
    pub fn counters(&self) -> BTreeMap<String, ServiceCounters> {
        self.0.hub.counters()
    }
}

/// Regions of buckets, as answers have told them.
#[derive(Debug, Default)]
pub(crate) struct Buckets(Mutex<HashMap<String, String>>);

impl Buckets {
    pub(crate) fn region(&self, bucket: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned()
    }

    /// Answers contradict each other.
    pub(crate) fn forget(&self, bucket: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(bucket);
    }

    pub(crate) fn learn(&self, bucket: &str, region: &str) {
        if !plausible(region) {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(bucket.to_owned(), region.to_owned());
    }
}
