//! PostHog as the engine sees it.

use std::sync::Arc;

use collector::identity::{Identity, Owner};
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, Kinds, Sink, fault};
use engine::{Cloud, CloudFacts, Entered, Plans, TopNode, Way};
use http_client::{Advisor, Class, Trouble};
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described};
use rest_client::{Bearer, Built, Endpoints, Rest, TableClient};
use serde_json::{Map, Value, json};
use tables::plan::Place;

use crate::config::{PostHogConfig, section};
use crate::projects::{PROJECTS, find};

/// The id of the cloud.
const CLOUD: &str = "posthog";
const PROJECT: (&str, &str) = ("posthog", "GET /api/projects/{project}");
/// Properties of a project that have the name of the member that they come from.
const MEMBERS: [&str; 17] = [
    "name",
    "app_urls",
    "slack_incoming_webhook",
    "anonymize_ips",
    "completed_snippet_onboarding",
    "timezone",
    "test_account_filters",
    "test_account_filters_default_checked",
    "path_cleaning_filters",
    "data_attributes",
    "person_display_name_properties",
    "correlation_config",
    "session_recording_opt_in",
    "access_control",
    "primary_dashboard",
    "live_events_columns",
    "recording_domains",
];

/// What is the same for all projects.
static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "PostHog",
    account_kind: "posthog_project",
    region_kind: "region",
    resource_kind: "posthog_resource",
    denials_told: &["permission_denied", "403"],
    ..CloudFacts::PLAIN
};

static KINDS: Kinds = Kinds::of(&["base", "posthog"]);
static BUILT: Built = Built::new(
    include_str!(concat!(env!("OUT_DIR"), "/cloud.json")),
    include!(concat!(env!("OUT_DIR"), "/plans.rs")),
);

/// What to do about a trouble.
fn advice(trouble: &Trouble) -> Option<String> {
    match trouble.class {
        Class::Credentials(_) => Some(
            "make a personal API key (Settings, Personal API keys) and put it into posthog.api_key; posthog.url has to be the address where it was made".to_owned(),
        ),
        Class::AccessDenied { .. } => Some(
            "give the key the scopes project:read, event_definition:read and insight:read, and access to the project".to_owned(),
        ),
        Class::Network => Some(
            "look whether the worker reaches the address in posthog.url; proxies are taken from HTTPS_PROXY".to_owned(),
        ),
        _ => None,
    }
}

fn client(config: &PostHogConfig, key: &str, account: &str) -> Result<Rest, Failure> {
    let endpoints = Endpoints::default().with(PROJECT.0, config.url()?);
    let hub = BUILT.hub(http_client::Roots::default())?;
    let rest = Rest::new(hub, BUILT.cloud()?, account, endpoints);
    Ok(rest.with_auth("bearer", Arc::new(Bearer::new(key))).with_advisor(Advisor(advice)))
}

/// PostHog.
#[derive(Debug)]
pub(crate) struct PostHog;

impl Cloud for PostHog {
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
            environment: ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].map(str::to_owned).to_vec(),
            ..FACTS.described("project", &KINDS, section())
        }
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: PostHogConfig = config.to()?;
            let names = config.projects();
            let Some(key) = config.key().filter(|_| !names.is_empty()) else { return Ok(Vec::new()) };
            let found = find(&client(&config, key, "")?, BUILT.cloud()?, &names, sink).await?;
            let number = |number: u64| number.to_string().into_bytes();
            Ok(found.into_iter().map(|one| FACTS.account(one.uuid, one.name, number(one.number))).collect())
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigSection,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>> {
        Box::pin(async move {
            let config: PostHogConfig = config.to()?;
            let Some(key) = config.key() else {
                let told = fault(FaultKind::Credentials, "there is no key of PostHog");
                return Err(told.with_hint("set posthog.api_key").into());
            };
            let number = String::from_utf8_lossy(account.scope.expose()).into_owned();
            let name = if account.name.is_empty() { &account.id } else { &account.name };
            let rest = client(&config, key, name)?;
            let place = Place::new(&account.id, "", "", "").with("project", number.as_str());
            Ok(Box::new(Opened { rest, place, number }) as Box<dyn Way>)
        })
    }
}

/// The way into a project.
struct Opened {
    rest: Rest,
    place: Place,
    number: String,
}

impl Opened {
    /// What PostHog says of the project with this number.
    async fn project(&self) -> Result<Value, Failure> {
        let params = Map::from_iter([("path".to_owned(), json!({"project": self.number}))]);
        let told = self.rest.ask(PROJECT, &params, &self.place, "uuid").await;
        told.map_err(|error| error.to_fault().into())
    }
}

fn uuid(project: &Value) -> String {
    project.get("uuid").and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async {
            Ok(Identity::Of(Owner {
                account: uuid(&self.project().await?),
                credentials: "the key in posthog.api_key".to_owned(),
                wanted: None,
                remedy: "put a key that sees the project into posthog.api_key".to_owned(),
            }))
        })
    }

    fn enter(self: Box<Self>, sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            sink.step("asking for the project".to_owned());
            let project = self.project().await?;
            let Self { rest, place, number: _ } = *self;
            let told = |member: &str| project.get(member).cloned().unwrap_or_default();
            let mut properties: Vec<_> = MEMBERS.iter().map(|name| (*name, told(name))).collect();
            properties.extend([
                ("project_id", told("id")),
                ("ctime", told("created_at")),
                ("mtime", told("updated_at")),
            ]);
            let account = TopNode { id: uuid(&project), properties, key: Vec::new() };
            let client = TableClient::new(rest, place.clone(), BUILT.plans()?, PROJECTS);
            Ok(Entered::without_regions(Box::new(client), place, "project", account))
        })
    }
}
