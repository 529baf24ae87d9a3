//! The places where the SDKs look for credentials, one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use http_client::{CallError, CallPlace, Class, CredentialsTrouble, tape};

use super::plan::{Base, Plan, Step, plan};
use super::role::Role;
use super::session::{Session, Source};
use super::web_identity::WebIdentity;
use super::{container, helpers, instance};
use crate::client::Client;
use crate::environment::Environment;

const PLACE: CallPlace<'static> = CallPlace { service: "credentials", operation: "look-up", ..crate::PLACE };

/// What recordings call the region of the instance.
const REGION_OF_INSTANCE: &str = "region of the instance";

/// The places that are looked at.
#[derive(Debug)]
pub(crate) struct Chain {
    client: Client,
    environment: Arc<Environment>,
    extent: Extent,
    /// What was found last is the instance's.
    of_instance: AtomicBool,
}

#[derive(Debug)]
enum Extent {
    /// All places.
    Everywhere,
    /// The selected profile, and what the machine itself has.
    Profile,
    /// What a role of a profile is assumed with.
    Base(Base),
}

/// The places, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    Variables,
    Profile,
    WebIdentity,
    Container,
    Instance,
}

/// What a place has.
#[derive(Debug)]
pub(super) enum Found {
    Credentials(Credentials),
    /// Nothing: why, if that is worth a word, and what to do about it.
    Nothing(String, Option<String>),
}

impl Found {
    pub(super) fn nothing(why: impl Into<String>) -> Self {
        Self::Nothing(why.into(), None)
    }
}

/// Why a place that should have credentials gave none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) kind: CredentialsTrouble,
    pub(super) message: String,
    pub(super) advice: Option<String>,
}

impl Trouble {
    pub(super) fn new(kind: CredentialsTrouble, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), advice: None }
    }

    pub(super) fn advising(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    pub(super) fn error(self) -> CallError {
        let error = CallError::new(Class::Credentials(self.kind), PLACE, self.message);
        match self.advice {
            Some(advice) => error.advising(advice),
            None => error,
        }
    }
}

impl Chain {
    /// All places; only those behind the profile of the environment if it was asked for by the configuration.
    pub(crate) fn new(client: &Client, environment: &Arc<Environment>, profile_only: bool) -> Self {
        let extent = if profile_only { Extent::Profile } else { Extent::Everywhere };
        Self::of(client, environment, extent)
    }

    fn of(client: &Client, environment: &Arc<Environment>, extent: Extent) -> Self {
        let (client, environment) = (client.clone(), environment.clone());
        Self { client, environment, extent, of_instance: AtomicBool::new(false) }
    }

    /// What asks STS.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The credentials of the first place that has some.
    pub(crate) async fn look(&self, now: SystemTime) -> Result<Credentials, CallError> {
        let spots: &[Spot] = match &self.extent {
            Extent::Base(base) => return self.look_at_base(base, now).await,
            Extent::Everywhere => {
                &[Spot::Variables, Spot::Profile, Spot::WebIdentity, Spot::Container, Spot::Instance]
            }
            Extent::Profile => &[Spot::Profile, Spot::Container, Spot::Instance],
        };
        let (mut looked, mut advice) = (Vec::new(), None);
        for spot in spots {
            match self.look_at(*spot, now).await? {
                Found::Credentials(credentials) => {
                    self.of_instance.store(*spot == Spot::Instance, Ordering::Relaxed);
                    return in_time(credentials, spot.name(), now);
                }
                Found::Nothing(why, what_to_do) => {
                    let why = if why.is_empty() { why } else { format!(" ({why})") };
                    looked.push(format!("{}{why}", spot.name()));
                    advice = advice.or(what_to_do);
                }
            }
        }
        let message = format!("there are none in {}", looked.join(", "));
        Err(Trouble { kind: CredentialsTrouble::Missing, message, advice }.error())
    }

    /// The region of the instance, if the credentials are its own: it is in the partition that they are of.
    pub(crate) async fn region_of_instance(&self) -> Option<String> {
        if tape::is_replaying() {
            return tape::recalled(REGION_OF_INSTANCE);
        }
        if !self.of_instance.load(Ordering::Relaxed) {
            return None;
        }
        let region =
            instance::region(&self.environment, &self.client.0.hub.transport.for_credentials()).await;
        tape::remember(REGION_OF_INSTANCE, || region.clone());
        region
    }

    async fn look_at(&self, spot: Spot, now: SystemTime) -> Result<Found, CallError> {
        let (environment, transport) = (&*self.environment, &self.client.0.hub.transport.for_credentials());
        match spot {
            Spot::Variables => variables(environment).map_err(Trouble::error),
            Spot::Profile => self.look_at_profile(now).await,
            Spot::WebIdentity => {
                let region = |arn: &str| self.sts_region(arn);
                let found = WebIdentity::of_variables(environment, region, &self.client.unique());
                match found.map_err(Trouble::error)? {
                    Some(identity) => self.exchange(&identity).await.map(Found::Credentials),
                    None => Ok(Found::nothing("")),
                }
            }
            Spot::Container => container::look(environment, transport).await.map_err(Trouble::error),
            Spot::Instance => instance::look(environment, transport, now).await.map_err(Trouble::error),
        }
    }

    async fn look_at_profile(&self, now: SystemTime) -> Result<Found, CallError> {
        self.environment.check_profile()?;
        let planned = plan(self.environment.sections()).map_err(|wrong| {
            let trouble = Trouble::new(CredentialsTrouble::Broken, wrong.message);
            Trouble { advice: wrong.advice, ..trouble }.error()
        })?;
        let Some(Plan { base, roles }) = planned else { return Ok(Found::nothing("")) };
        if roles.is_empty() {
            return self.look_at_base(&base, now).await.map(Found::Credentials);
        }
        let chain = Self::of(&self.client, &self.environment, Extent::Base(base));
        let base = Session::new(Source::Chain(chain), self.environment.clone());
        let session = roles.into_iter().fold(base, |base, step| self.client.assume(&base, self.role(step)));
        session.fetch(now).await.map(Found::Credentials)
    }

    /// The region whose STS is asked for a role.
    fn sts_region(&self, role_arn: &str) -> String {
        self.environment.sts_region(role_arn, self.client.wished_regions())
    }

    fn role(&self, step: Step) -> Role {
        let Step { profile: _, arn, session_name, external_id, seconds } = step;
        let mut role = Role::of_arn(&arn, &self.sts_region(&arn), &self.client.unique());
        role.external_id = external_id;
        role.session_name = session_name.unwrap_or(role.session_name);
        role.seconds = seconds.unwrap_or(role.seconds);
        role
    }

    async fn look_at_base(&self, base: &Base, now: SystemTime) -> Result<Credentials, CallError> {
        let (environment, transport) = (&*self.environment, &self.client.0.hub.transport.for_credentials());
        let spot = match base {
            Base::Keys { id, secret, token, .. } => {
                return Ok(Credentials::new(id, secret, token.clone(), None, "profile"));
            }
            Base::Process { profile, command } => {
                let found = helpers::process(profile, command).await.map_err(Trouble::error)?;
                return in_time(found, &format!("the credential_process of the profile {profile}"), now);
            }
            Base::SignOn(sign_on) => {
                let found =
                    helpers::sign_on(sign_on, environment, transport).await.map_err(Trouble::error)?;
                return in_time(
                    found,
                    &format!("the single sign-on of the profile {}", sign_on.profile),
                    now,
                );
            }
            Base::WebIdentity { profile, token_file, role_arn, session_name } => {
                let region = self.sts_region(role_arn);
                let mut role = Role::of_arn(role_arn, &region, &self.client.unique());
                role.session_name = session_name.clone().unwrap_or(role.session_name);
                let named_by = format!("the profile {profile}");
                return self.exchange(&WebIdentity { token_file: token_file.clone(), named_by, role }).await;
            }
            Base::Environment => Spot::Variables,
            Base::Container => Spot::Container,
            Base::Instance => Spot::Instance,
        };
        match Box::pin(self.look_at(spot, now)).await? {
            Found::Credentials(credentials) => in_time(credentials, spot.name(), now),
            Found::Nothing(why, advice) => {
                let why = if why.is_empty() { "not set".to_owned() } else { why };
                let message = format!("the profile takes its credentials from {}: {why}", spot.name());
                Err(Trouble { kind: CredentialsTrouble::Missing, message, advice }.error())
            }
        }
    }

    async fn exchange(&self, identity: &WebIdentity) -> Result<Credentials, CallError> {
        let nobody = Session::new(Source::Nobody, self.environment.clone());
        identity.exchange(&self.client, &nobody).await
    }
}

impl Spot {
    fn name(self) -> &'static str {
        match self {
            Self::Variables => "the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            Self::Profile => "the profile files",
            Self::WebIdentity => "the web identity of AWS_WEB_IDENTITY_TOKEN_FILE",
            Self::Container => "the container (AWS_CONTAINER_CREDENTIALS_...)",
            Self::Instance => "the metadata of the instance",
        }
    }
}

/// The keys of the variables. A key without its secret is an error, as with all SDKs; a secret alone is nothing.
fn variables(environment: &Environment) -> Result<Found, Trouble> {
    let variable = |name: &str| environment.variable(name).map(|value| value.trim().to_owned());
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let token = variable("AWS_SESSION_TOKEN").or_else(|| variable("AWS_SECURITY_TOKEN"));
    match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => {
            let ends =
                variable("AWS_CREDENTIAL_EXPIRATION").and_then(|ends| ends.parse::<jiff::Timestamp>().ok());
            Ok(Found::Credentials(Credentials::new(id, secret, token, ends.map(Into::into), "variables")))
        }
        (Some(_), None) => Err(Trouble::new(
            CredentialsTrouble::Broken,
            "the variable AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is missing",
        )
        .advising("set both variables, or none")),
        (None, Some(_)) => Ok(Found::nothing("AWS_ACCESS_KEY_ID is missing")),
        (None, None) => Ok(Found::nothing("")),
    }
}

/// The credentials, unless they are over already: whoever hands them out did not renew them.
fn in_time(credentials: Credentials, place: &str, now: SystemTime) -> Result<Credentials, CallError> {
    match credentials.expiry().filter(|ends| *ends <= now) {
        None => Ok(credentials),
        Some(ends) => {
            let ends =
                jiff::Timestamp::try_from(ends).map_or_else(|_| "before".to_owned(), |ends| ends.to_string());
            let message = format!("{place} gave credentials that were over at {ends}");
            Err(Trouble::new(CredentialsTrouble::Expired, message).error())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    async fn found(values: &[(&str, &str)]) -> Result<Found, Trouble> {
        variables(&Environment::of_test(values, "", None).await.unwrap())
    }

    #[tokio::test]
    async fn half_a_pair_of_variables_says_which_half_is_missing() {
        let told = found(&[("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", " ")]).await.unwrap_err();
        assert!(told.message.ends_with("AWS_SECRET_ACCESS_KEY is missing"), "{told:?}");
        let secret = found(&[("AWS_SECRET_ACCESS_KEY", "s")]).await.unwrap();
        assert!(matches!(secret, Found::Nothing(why, _) if why == "AWS_ACCESS_KEY_ID is missing"));
        assert!(matches!(found(&[]).await.unwrap(), Found::Nothing(why, _) if why.is_empty()));
    }

    #[tokio::test]
    async fn blanks_around_keys_do_no_harm() {
        let set =
            [("AWS_ACCESS_KEY_ID", " A\n"), ("AWS_SECRET_ACCESS_KEY", "s\n"), ("AWS_SESSION_TOKEN", "\n")];
        let Found::Credentials(keys) = found(&set).await.unwrap() else { panic!() };
        assert_eq!((keys.access_key_id(), keys.secret_access_key(), keys.session_token()), ("A", "s", None));
    }

    #[test]
    fn credentials_that_are_over_are_refused_with_their_end() {
        let now = UNIX_EPOCH + Duration::from_hours(24);
        let of = |ends| Credentials::new("A", "s", None, ends, "x");
        assert!(in_time(of(None), "x", now).is_ok());
        assert!(in_time(of(Some(now + Duration::from_secs(1))), "x", now).is_ok());
        let told = in_time(of(Some(now)), "the credential_process of the profile p", now).unwrap_err();
        assert_eq!(told.class, Class::Credentials(CredentialsTrouble::Expired));
        assert!(
            told.message.contains("profile p gave credentials that were over at 1970-01-02T00:00:00Z"),
            "{told}"
        );
    }
}
