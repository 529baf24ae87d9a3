//! Credentials that somebody else has made: handed over by [`Session::hand_over`] in one process, used in another one
//! that has nothing else, and renewed by asking for them again.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::chain::Trouble;
use super::role::{Role, account_of_role};
use super::session::{Session, Source};
use super::whose::expect_account;
use crate::client::{Client, Target};
use crate::environment::Environment;
use http_client::{BoxFuture, CallError, Class, CredentialsTrouble};

/// Whoever hands credentials over.
pub trait Giver: Send + Sync {
    /// Tells givers from each other as long as both live.
    fn id(&self) -> usize;

    /// Those that are at hand, as [`HandedOver::bytes`].
    fn now(&self) -> Zeroizing<Vec<u8>>;

    /// New ones, or why there are none.
    fn renew(&self) -> BoxFuture<'_, Result<Zeroizing<Vec<u8>>, String>>;
}

/// A [`Giver`]. Clones share it.
#[derive(Clone)]
pub struct Given(Arc<dyn Giver>);

impl Given {
    /// Credentials of this giver.
    pub fn new(giver: impl Giver + 'static) -> Self {
        Self(Arc::new(giver))
    }

    /// The arn of the role that the credentials at hand are those of, if they are those of one.
    pub(super) fn role(&self) -> Option<String> {
        read(&self.0.now())?.role.clone()
    }

    /// The settings of the profile that the credentials came with.
    pub(crate) fn settings(&self) -> String {
        read(&self.0.now()).map(|handed| handed.settings.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given")
    }
}

impl PartialEq for Given {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

/// Credentials for another process.
#[derive(Debug)]
pub struct HandedOver {
    /// What [`Giver::now`] gives there: the credentials, and what the profile says about regions and addresses.
    pub bytes: Zeroizing<Vec<u8>>,
    /// When they end; `None` if that is not known, or never.
    pub ends: Option<SystemTime>,
    /// They are the keys of a user, which have no end.
    pub lasting: bool,
}

/// What travels.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Handed {
    id: String,
    secret: String,
    token: Option<String>,
    /// Seconds since 1970.
    ends: Option<u64>,
    /// The arn of the role that was assumed for them: they belong to its account, whoever else they are given to.
    role: Option<String>,
    /// A profile file.
    settings: String,
}

impl Handed {
    /// Who has made them says that they are those of a role of this account.
    fn are_of(&self, account: &str) -> bool {
        self.role.as_deref().and_then(account_of_role) == Some(account)
    }
}

impl HandedOver {
    pub(super) fn new(credentials: &Credentials, role: Option<&Role>, environment: &Environment) -> Self {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let handed = Handed {
            id: credentials.access_key_id().to_owned(),
            secret: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
            ends: credentials.expiry().map(seconds),
            role: role.map(|role| role.arn.clone()),
            settings: environment.settings(),
        };
        let bytes = Zeroizing::new(serde_json::to_vec(&handed).unwrap_or_default());
        Self { bytes, ends: credentials.expiry(), lasting: credentials.session_token().is_none() }
    }
}

fn read(bytes: &[u8]) -> Option<Handed> {
    serde_json::from_slice(bytes).ok()
}

/// Where a session of handed credentials has them from.
pub(crate) struct GivenSource {
    client: Client,
    given: Given,
    /// Those that were at hand at first are used.
    taken: AtomicBool,
    owner: OnceLock<Owner>,
}

/// The account that the credentials belong to, and the region where that can be asked.
struct Owner {
    account: String,
    region: String,
}

impl GivenSource {
    pub(crate) fn new(client: &Client, given: Given) -> Self {
        Self { client: client.clone(), given, taken: AtomicBool::new(false), owner: OnceLock::new() }
    }

    /// The arn of the role that those at hand are of.
    pub(super) fn role(&self) -> Option<String> {
        self.given.role()
    }

    /// Whatever replaces them must belong to this account too.
    pub(super) fn belongs_to(&self, account: &str, region: &str) {
        let owner = Owner { account: account.to_owned(), region: region.to_owned() };
        // The first answer is the one that everything was done by.
        drop(self.owner.set(owner));
    }

    pub(super) async fn fetch(&self, environment: &Arc<Environment>) -> Result<Credentials, CallError> {
        let not_renewed = |why: String| Trouble::new(CredentialsTrouble::NotRenewed, why).error();
        let renewed = self.taken.swap(true, Ordering::Relaxed);
        let bytes = if renewed {
            tracing::debug!("asking for new credentials");
            self.given.0.renew().await.map_err(not_renewed)?
        } else {
            self.given.0.now()
        };
        let Some(handed) = read(&bytes) else {
            return Err(not_renewed("what was handed over holds none".to_owned()));
        };
        let ends = handed.ends.map(|ends| UNIX_EPOCH + Duration::from_secs(ends));
        let credentials = Credentials::new(&handed.id, &handed.secret, handed.token.clone(), ends, "given");
        // Of the first ones STS is asked by whoever uses them.
        if let Some(owner) = self.owner.get()
            && (renewed || !handed.are_of(&owner.account))
        {
            self.check(&credentials, owner, environment, handed.are_of(&owner.account)).await?;
        }
        Ok(credentials)
    }

    /// They replace others, and who hands them over may be wrong, whatever role is said to be theirs.
    async fn check(
        &self,
        credentials: &Credentials,
        owner: &Owner,
        environment: &Arc<Environment>,
        said_so: bool,
    ) -> Result<(), CallError> {
        let session = Session::new(Source::Keys(credentials.clone()), environment.clone());
        let target = Target { session: &session, region: &owner.region, account: "", deadline: None };
        let answer = self.client.call_apart(&target, "sts", "GetCallerIdentity", json!({})).await;
        let at_stand_in = said_so && session.asks_sts_elsewhere();
        let checked =
            answer.and_then(|answer| expect_account(&answer, &owner.account, &owner.region, at_stand_in));
        let wrong = match checked {
            Ok(()) => return Ok(()),
            Err(error) if error.class == Class::Credentials(CredentialsTrouble::OtherAccount) => {
                format!("the new ones are not the account's: {}", error.message)
            }
            // They are good for nothing, whosever they are.
            Err(error) if matches!(error.class, Class::Credentials(_)) => return Err(error),
            Err(error) => format!("it cannot be learned whose the new ones are: {error}"),
        };
        Err(Trouble::new(CredentialsTrouble::NotRenewed, wrong).error())
    }
}
