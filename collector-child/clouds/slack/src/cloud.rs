//! Slack as the engine sees it.

use std::sync::Arc;

use collector::identity::{Identity, Owner};
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, Kinds, Sink, fault};
use engine::{Cloud, CloudFacts, Entered, Everything, Plans, Region, Regions, TopNode, Way};
use http_client::{Advisor, Class, Trouble};
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described};
use rest_client::{Asked, Bearer, Built, Rest, TableClient};
use serde_json::{Map, Value};
use tables::plan::Place;

use crate::config::{SlackConfig, section};

/// The id of the cloud.
const CLOUD: &str = "slack";
/// A call that every token may make: it tells the team.
const PROBE: (&str, &str) = ("slack", "GET /auth.test");
const TEAM: (&str, &str) = ("slack", "GET /team.info");
/// The lists of a team. They are not regions, but the Python worker makes them such.
const LISTS: [&str; 3] = ["members", "usergroups", "conversations"];

/// What is the same for all teams.
static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "Slack",
    account_kind: "slack_team",
    region_kind: "slack_region",
    resource_kind: "slack_resource",
    denials_told: &["missing_scope", "not_allowed_token_type", "access_denied", "no_permission"],
    ..CloudFacts::PLAIN
};

static KINDS: Kinds = Kinds::of(&["base", "slack"]);
static BUILT: Built = Built::new(
    include_str!(concat!(env!("OUT_DIR"), "/cloud.json")),
    include!(concat!(env!("OUT_DIR"), "/plans.rs")),
);

/// What to do about a trouble.
fn advice(trouble: &Trouble) -> Option<String> {
    match trouble.class {
        Class::Credentials(_) => {
            Some("put the bot token of the app (OAuth & Permissions) into slack.bot_token".to_owned())
        }
        Class::AccessDenied { .. } => {
            Some("give the app the scopes users:read, users:read.email, usergroups:read, channels:read, groups:read and team:read, and install it again".to_owned())
        }
        Class::Network => Some(
            "look whether the worker reaches slack.com; proxies are taken from HTTPS_PROXY".to_owned(),
        ),
        _ => None,
    }
}

fn client(token: &str, account: &str) -> Result<Rest, Failure> {
    let rest = BUILT.client(account)?;
    Ok(rest.with_auth("bearer", Arc::new(Bearer::new(token))).with_advisor(Advisor(advice)))
}

/// What the team is that a token is of.
async fn team(rest: &Rest) -> Result<Map<String, Value>, Failure> {
    let place = Place::new("", "", "", "");
    let asked = Asked { service: TEAM.0, operation: TEAM.1, paging: None, list: None, place: &place };
    let answer = rest.call(asked, &Map::new()).await.map_err(|error| error.to_fault())?;
    match answer.get("team").and_then(Value::as_object) {
        Some(team) if team.get("id").is_some_and(Value::is_string) => Ok(team.clone()),
        _ => Err(fault(FaultKind::InvalidAnswer, "the answer of team.info has no team").into()),
    }
}

fn text(team: &Map<String, Value>, name: &str) -> String {
    team.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Slack.
#[derive(Debug)]
pub(crate) struct Slack;

impl Cloud for Slack {
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
            environment: ["SLACK_API_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
                .map(str::to_owned)
                .to_vec(),
            ..FACTS.described("team", &KINDS, section())
        }
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: SlackConfig = config.to()?;
            let Some(token) = config.token() else { return Ok(Vec::new()) };
            if config.do_not_verify_ssl {
                let told = "slack.do_not_verify_ssl is without effect: certificates are always verified";
                let hint =
                    "set it to false; an authority of your own belongs to those that the machine trusts";
                sink.fault(fault(FaultKind::Config, told).with_hint(hint).info());
            }
            let team = team(&client(token, "")?).await?;
            Ok(vec![FACTS.account(text(&team, "id"), text(&team, "name"), Vec::new())])
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigSection,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>> {
        Box::pin(async move {
            let config: SlackConfig = config.to()?;
            let Some(token) = config.token() else {
                let hint = "set slack.bot_token";
                return Err(fault(FaultKind::Credentials, "there is no token of Slack")
                    .with_hint(hint)
                    .into());
            };
            let rest = client(token, &account.id)?;
            Ok(Box::new(Opened { rest, include_archived: config.include_archived }) as Box<dyn Way>)
        })
    }
}

/// The way into a team.
struct Opened {
    rest: Rest,
    include_archived: bool,
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async {
            Ok(Identity::Of(Owner {
                account: text(&team(&self.rest).await?, "id"),
                credentials: "the token in slack.bot_token".to_owned(),
                wanted: None,
                remedy: "put the bot token of the team into slack.bot_token".to_owned(),
            }))
        })
    }

    fn enter(self: Box<Self>, sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let Self { rest, include_archived } = *self;
            sink.step("asking for the team".to_owned());
            let team = team(&rest).await?;
            let id = text(&team, "id");
            let archived = if include_archived { "false" } else { "true" };
            let place = |list: &str| Place::new(&id, list, list, "").with("exclude_archived", archived);
            let region =
                |list: &str| Region { id: list.to_owned(), name: list.to_owned(), place: place(list) };
            let global = Region { id: String::new(), name: "team".to_owned(), place: place("") };
            let client = TableClient::new(rest, place(""), BUILT.plans()?, PROBE);
            let icon = team.get("icon").and_then(|icon| icon.get("image_original"));
            let property = |name: &'static str| (name, team.get(name).cloned().unwrap_or_default());
            let properties = vec![
                property("name"),
                property("domain"),
                property("email_domain"),
                ("icon", icon.cloned().unwrap_or_default()),
            ];
            Ok(Entered {
                client: Box::new(client),
                regions: Regions::new(global, LISTS.map(region)),
                account: TopNode { id: id.clone(), properties, key: Vec::new() },
                region_nodes: LISTS
                    .map(|list| TopNode { id: list.to_owned(), properties: Vec::new(), key: Vec::new() })
                    .to_vec(),
                zone_nodes: Vec::new(),
                wanted: Box::new(Everything),
            })
        })
    }
}
