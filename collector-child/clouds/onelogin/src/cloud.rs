//! OneLogin as the engine sees it.

use std::sync::Arc;

use collector::identity::{Identity, Owner};
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, Kinds, Sink, fault};
use engine::{Cloud, CloudFacts, Entered, Everything, Plans, Region, Regions, TopNode, Way};
use http_client::{Advisor, Class, Trouble};
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described};
use rest_client::{Built, Header, Rest, TableClient, Tokens};
use serde_json::{Map, json};
use tables::plan::Place;

use crate::config::{ApiClient, OneLoginConfig, section};

/// The id of the cloud.
const CLOUD: &str = "onelogin";
/// A call that every API client may make that this collector is of use to.
const PROBE: (&str, &str) = ("onelogin", "GET /api/2/users");
/// Where tokens come from.
const TOKEN: (&str, &str) = ("tokens", "POST /auth/oauth2/v2/token");

/// What is the same for all accounts.
static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "OneLogin",
    account_kind: "onelogin_account",
    region_kind: "onelogin_region",
    resource_kind: "onelogin_resource",
    region_setting: "onelogin.region",
    denials_told: &["ForbiddenError", "403"],
    ..CloudFacts::PLAIN
};

static KINDS: Kinds = Kinds::of(&["base", "onelogin"]);
static BUILT: Built = Built::new(
    include_str!(concat!(env!("OUT_DIR"), "/cloud.json")),
    include!(concat!(env!("OUT_DIR"), "/plans.rs")),
);

/// What to do about a trouble.
fn advice(trouble: &Trouble) -> Option<String> {
    match trouble.class {
        Class::Credentials(_) => Some(
            "make an API client (Developers, API Credentials) and put its id and secret into onelogin.client_id and onelogin.client_secret; onelogin.region has to be its region"
                .to_owned(),
        ),
        Class::AccessDenied { .. } => {
            Some("give the API client the scope \"Read users\"".to_owned())
        }
        Class::Network => Some(
            "look whether the worker reaches the API of onelogin.region; proxies are taken from HTTPS_PROXY"
                .to_owned(),
        ),
        _ => None,
    }
}

/// A client for the account of this API client, which gets tokens as it needs them.
fn rest(client: ApiClient<'_>, place: &Place) -> Result<Rest, Failure> {
    let ApiClient { id, secret } = client;
    let header = Header::new(format!("client_id:{id}, client_secret:{secret}"));
    let with_secret = BUILT.client(id)?.with_auth("client", Arc::new(header)).with_advisor(Advisor(advice));
    let mut params = Map::new();
    params.insert("body".to_owned(), json!({"grant_type": "client_credentials"}));
    let tokens = Tokens::new(with_secret, TOKEN, params, place.clone());
    Ok(BUILT.client(id)?.with_auth("token", Arc::new(tokens)).with_advisor(Advisor(advice)))
}

/// OneLogin.
#[derive(Debug)]
pub(crate) struct OneLogin;

impl Cloud for OneLogin {
    fn facts(&self) -> &'static CloudFacts {
        &FACTS
    }

    fn kinds(&self) -> &'static Kinds {
        &KINDS
    }

    fn plans(&self) -> Result<&'static Plans, Failure> {
        BUILT.plans()
    }

    fn describe(&self) -> Described {
        Described {
            environment: ["ONELOGIN_API_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
                .map(str::to_owned)
                .to_vec(),
            ..FACTS.described("account", &KINDS, section())
        }
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: OneLoginConfig = config.to()?;
            let _ = config.region()?;
            let id = config.client()?.map(|client| client.id.to_owned());
            let account = |id: String| FACTS.account(id.clone(), id, Vec::new());
            Ok(id.map(account).into_iter().collect())
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigSection,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>> {
        Box::pin(async move {
            let config: OneLoginConfig = config.to()?;
            let region = config.region()?.to_owned();
            let Some(client) = config.client()?.filter(|client| client.id == account.id) else {
                let message = format!("the settings have no secret of the API client {}", account.id);
                let hint = "set onelogin.client_id and onelogin.client_secret";
                return Err(fault(FaultKind::WrongAccount, message).with_hint(hint).into());
            };
            let place = Place::new(client.id, &region, &region, "");
            let rest = rest(client, &place)?;
            Ok(Box::new(Opened { rest, place, client: client.id.to_owned(), region }) as Box<dyn Way>)
        })
    }
}

/// The way into an account.
struct Opened {
    rest: Rest,
    place: Place,
    client: String,
    region: String,
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async {
            Ok(Identity::Of(Owner {
                account: self.client.clone(),
                credentials: "the API client in the section onelogin".to_owned(),
                wanted: None,
                remedy: "put the API client of the account into the section onelogin".to_owned(),
            }))
        })
    }

    fn enter(self: Box<Self>, _sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let Self { rest, place, client, region } = *self;
            let named = |id: &str, name: &str| Region {
                id: id.to_owned(),
                name: name.to_owned(),
                place: place.clone(),
            };
            let regions = Regions::new(named("", "account"), [named(&region, &region)]);
            Ok(Entered {
                client: Box::new(TableClient::new(rest, place, BUILT.plans()?, PROBE)),
                regions,
                account: TopNode { id: client, properties: Vec::new(), key: Vec::new() },
                region_nodes: vec![TopNode { id: region, properties: Vec::new(), key: Vec::new() }],
                zone_nodes: Vec::new(),
                wanted: Box::new(Everything),
            })
        })
    }
}
