//! Hetzner Cloud as the engine sees it.

use std::sync::Arc;

use collector::changes::tag_handler;
use collector::identity::{Identity, Owner};
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, Kinds, Sink, fault};
use engine::{Changes, Cloud, CloudFacts, Entered, Everything, Places, Plans, Region, TopNode, Way, places};
use http_client::{Advisor, Class, Trouble};
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described};
use rest_client::{Bearer, Built, Rest, TableClient};
use serde_json::json;
use tables::plan::Place;

use crate::changes::HetznerChanges;
use crate::config::{HetznerConfig, Project, section};

/// The id of the cloud.
pub(crate) const CLOUD: &str = "hetzner";
/// A call that every token may make.
const PROBE: (&str, &str) = ("hcloud", "GET /locations");

/// What is the same for all projects.
static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "Hetzner",
    account_kind: "hcloud_project",
    region_kind: "hcloud_location",
    zone_kind: Some("hcloud_datacenter"),
    resource_kind: "hcloud_resource",
    below_region: true,
    denials_told: &["forbidden"],
    ..CloudFacts::PLAIN
};

static KINDS: Kinds = Kinds::of(&["base", "hetzner"]);
static BUILT: Built = Built::new(
    include_str!(concat!(env!("OUT_DIR"), "/cloud.json")),
    include!(concat!(env!("OUT_DIR"), "/plans.rs")),
);

pub(crate) fn plans() -> Result<&'static Plans, Failure> {
    BUILT.plans()
}

pub(crate) fn kinds() -> &'static Kinds {
    &KINDS
}

/// A client with the token of a project.
fn rest(project: Project<'_>) -> Result<Rest, Failure> {
    let rest = BUILT.client(project.name)?;
    Ok(rest.with_auth("bearer", Arc::new(Bearer::new(project.token))).with_advisor(Advisor(advice)))
}

/// What to do about a trouble.
fn advice(trouble: &Trouble) -> Option<String> {
    let name = &trouble.account;
    match trouble.class {
        Class::Credentials(_) => Some(format!(
            "make a new token in the project {name} (Security, API tokens) and put it into hetzner.hcloud_tokens, at the place of its name"
        )),
        Class::AccessDenied { .. } if trouble.code.as_deref() == Some("token_readonly") => {
            Some(format!("give the project {name} a token that may read and write"))
        }
        Class::Network => Some(
            "look whether the worker reaches api.hetzner.cloud; proxies are taken from HTTPS_PROXY"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Whose account a token is: as the settings say, because the API does not.
pub(crate) fn owner(name: &str) -> Identity {
    Identity::Of(Owner {
        account: name.to_owned(),
        credentials: format!("the token beside the name {name}"),
        wanted: None,
        remedy: "put the token of the project into hetzner.hcloud_tokens, at the place of its name"
            .to_owned(),
    })
}

/// Hetzner Cloud.
#[derive(Debug, Default)]
pub(crate) struct Hetzner {
    changes: HetznerChanges,
}

impl Cloud for Hetzner {
    fn facts(&self) -> &'static CloudFacts {
        &FACTS
    }

    fn kinds(&self) -> &'static Kinds {
        &KINDS
    }

    fn plans(&self) -> Result<&'static Plans, Failure> {
        plans()
    }

    fn describe(&self) -> Described {
        Described {
            tasks_json: json!([tag_handler(CLOUD)]).to_string(),
            environment: ["HCLOUD_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
                .map(str::to_owned)
                .to_vec(),
            ..FACTS.described("project", &KINDS, section())
        }
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: HetznerConfig = config.to()?;
            let account = |name: &str| FACTS.account(name.to_owned(), name.to_owned(), Vec::new());
            Ok(config.projects()?.iter().map(|project| account(project.name)).collect())
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigSection,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>> {
        Box::pin(async move {
            let config: HetznerConfig = config.to()?;
            let rest = of_project(&config, &account.id)?;
            Ok(Box::new(Opened { rest, project: account.id.clone() }) as Box<dyn Way>)
        })
    }

    fn changes(&self) -> Option<&dyn Changes> {
        Some(&self.changes)
    }
}

/// The client of the project that the settings call so.
pub(crate) fn of_project(config: &HetznerConfig, name: &str) -> Result<Rest, Failure> {
    if let Some(project) = config.project(name)? {
        return rest(project);
    }
    let message = format!("the settings have no token of the project {name}");
    let hint = "add its name to hetzner.hcloud_project_names and its token to hetzner.hcloud_tokens, or leave it to a worker that has it";
    Err(fault(FaultKind::WrongAccount, message).with_hint(hint).into())
}

/// The way into a project.
struct Opened {
    rest: Rest,
    project: String,
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async { Ok(owner(&self.project)) })
    }

    fn enter(self: Box<Self>, sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let Self { rest, project } = *self;
            let plans = plans()?;
            let place = Place::new(&project, "", "", "");
            let client = TableClient::new(rest, place.clone(), plans, PROBE);
            sink.step("asking for the locations".to_owned());
            let global = Region { id: String::new(), name: "project".to_owned(), place };
            let Places { regions, region_nodes, zone_nodes } = places(&client, plans, global, sink).await?;
            Ok(Entered {
                client: Box::new(client),
                regions,
                account: TopNode { id: project, properties: Vec::new(), key: Vec::new() },
                region_nodes,
                zone_nodes,
                wanted: Box::new(Everything),
            })
        })
    }
}
