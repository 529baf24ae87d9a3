//! Scarf as the engine sees it.

use std::sync::{Arc, LazyLock};

use collector::identity::{Identity, Owner};
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, Kinds, Sink, config_fault, fault};
use engine::hooks::Hooks;
use engine::{Cloud, CloudFacts, Entered, Plans, TopNode, Way};
use http_client::{Advisor, CallError, Class, Trouble, tape};
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described};
use jiff::{Timestamp, tz::TimeZone};
use rest_client::{Built, Rest, TableClient, Tokens};
use serde_json::{Map, json};
use tables::plan::Place;

use crate::config::{Login, ScarfConfig, section};
use crate::names::PackageNames;

/// The id of the cloud.
const CLOUD: &str = "scarf";
const LOGIN: (&str, &str) = ("login", "POST /login");
const ORGANIZATION: (&str, &str) = ("scarf", "GET /organizations/{organization}");
/// A call that every user may make.
const PROBE: (&str, &str) = ("scarf", "GET /packages");

/// What is the same for all organizations.
static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "Scarf",
    account_kind: "scarf_organization",
    region_kind: "region",
    resource_kind: "scarf_resource",
    denials_told: &["403"],
    ..CloudFacts::PLAIN
};

static KINDS: Kinds = Kinds::of(&["base", "scarf"]);
static HOOKS: LazyLock<Hooks> = LazyLock::new(|| Hooks::new(vec![Box::new(PackageNames)]));
static BUILT: Built = Built::new(
    include_str!(concat!(env!("OUT_DIR"), "/cloud.json")),
    include!(concat!(env!("OUT_DIR"), "/plans.rs")),
);

/// What to do about a trouble.
fn advice(trouble: &Trouble) -> Option<String> {
    match trouble.class {
        Class::Credentials(_) => {
            Some("put e-mail and password of a user of Scarf into scarf.email and scarf.password".to_owned())
        }
        Class::AccessDenied { .. } => Some("make the user a member of the organization".to_owned()),
        Class::Network => Some(
            "look whether the worker reaches scarf.sh and api.scarf.sh; proxies are taken from HTTPS_PROXY"
                .to_owned(),
        ),
        _ => None,
    }
}

/// A client that logs in when it needs a token.
fn client(login: Login<'_>, account: &str, place: &Place) -> Result<Rest, Failure> {
    let Login { email, password } = login;
    let params = Map::from_iter([("body".to_owned(), json!({"email": email, "password": password}))]);
    let outside = BUILT.client(account)?.with_advisor(Advisor(advice));
    let tokens = Tokens::new(outside, LOGIN, params, place.clone()).called("token");
    Ok(BUILT.client(account)?.with_auth("token", Arc::new(tokens)).with_advisor(Advisor(advice)))
}

/// The day that it is, as the one who counts sees it.
fn today() -> String {
    let now = Timestamp::try_from(tape::now()).unwrap_or_default();
    now.to_zoned(TimeZone::UTC).date().to_string()
}

/// Scarf.
#[derive(Debug)]
pub(crate) struct Scarf;

impl Cloud for Scarf {
    fn facts(&self) -> &'static CloudFacts {
        &FACTS
    }

    fn kinds(&self) -> &'static Kinds {
        &KINDS
    }

    fn plans(&self) -> Result<&'static Plans, Failure> {
        BUILT.plans()
    }

    fn hooks(&self) -> &'static Hooks {
        &HOOKS
    }

    fn describe(&self) -> Described {
        Described {
            environment: ["SCARF_API_URL", "SCARF_INTERNAL_API_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
                .map(str::to_owned)
                .to_vec(),
            ..FACTS.described("organization", &KINDS, section())
        }
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: ScarfConfig = config.to()?;
            if config.login()?.is_none() {
                return Ok(Vec::new());
            }
            let account = |name: &str| FACTS.account(name.to_owned(), name.to_owned(), Vec::new());
            Ok(config.organizations().into_iter().map(account).collect())
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigSection,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>> {
        Box::pin(async move {
            let config: ScarfConfig = config.to()?;
            let Some(login) = config.login()? else {
                let told = fault(FaultKind::Credentials, "nobody logs into Scarf");
                return Err(told.with_hint("set scarf.email and scarf.password").into());
            };
            let place = Place::new(&account.id, "", "", "").with("today", today());
            let rest = client(login, &account.id, &place)?;
            Ok(Box::new(Opened { rest, place, organization: account.id.clone() }) as Box<dyn Way>)
        })
    }
}

/// The way into an organization.
struct Opened {
    rest: Rest,
    place: Place,
    organization: String,
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async {
            Ok(Identity::Of(Owner {
                account: self.organization.clone(),
                credentials: "the user in scarf.email".to_owned(),
                wanted: None,
                remedy: "add the organization to scarf.organizations".to_owned(),
            }))
        })
    }

    fn enter(self: Box<Self>, sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let Self { rest, place, organization } = *self;
            sink.step("asking for the organization".to_owned());
            let params = Map::from_iter([("path".to_owned(), json!({"organization": organization}))]);
            let known = rest.ask(ORGANIZATION, &params, &place, "name").await;
            let known = known.map_err(|error| trouble(&organization, &error))?;
            let told = |member: &str| known.get(member).cloned().unwrap_or_default();
            let properties = vec![
                ("description", told("description")),
                ("billing_email", told("billingEmail")),
                ("website", told("website")),
                ("ctime", told("createdAt")),
                ("mtime", told("updatedAt")),
            ];
            let account = TopNode { id: organization, properties, key: Vec::new() };
            let client = TableClient::new(rest, place.clone(), BUILT.plans()?, PROBE);
            Ok(Entered::without_regions(Box::new(client), place, "organization", account))
        })
    }
}

/// An organization that is not there is a slip in the settings.
fn trouble(organization: &str, error: &CallError) -> Failure {
    if error.status != Some(404) {
        return error.to_fault().into();
    }
    let message = format!("Scarf has no organization {organization}, or does not show it to this user");
    config_fault(message, "correct the name in scarf.organizations, or take it out").into()
}
