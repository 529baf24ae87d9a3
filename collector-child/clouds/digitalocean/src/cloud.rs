//! DigitalOcean as the engine sees it.

use std::sync::LazyLock;

use collector::changes::tag_handler;
use collector::identity::{Identity, Owner};
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, Kinds, Sink, config_fault, fault};
use engine::hooks::Hooks;
use engine::{Changes, Cloud, CloudFacts, Entered, Places, Plans, Region, TopNode, Wanted, Way, places};
use http_client::{Advisor, Class, Trouble};
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described};
use rest_client::{Built, Rest, TableClient};
use serde_json::json;
use tables::plan::Place;

use crate::changes::DigitalOceanChanges;
use crate::config::{DigitalOceanConfig, section};
use crate::droplets::Droplets;
use crate::measure;
use crate::registry::Registry;
use crate::spaces::{ENDPOINT, SERVICE as SPACES, Spaces};
use crate::team::{PROBE, client, of_team, team};

/// The id of the cloud.
pub(crate) const CLOUD: &str = "digitalocean";

/// What is the same for all teams.
static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "DigitalOcean",
    account_kind: "digitalocean_team",
    // What a team is called in the graph, besides its number.
    account_key: "do:team:{id}",
    region_kind: "digitalocean_region",
    resource_kind: "digitalocean_resource",
    denials_told: &["forbidden", "403", "AccessDenied"],
    only_above: &["digitalocean_region"],
    // Minimum, average and maximum of the two that a droplet has.
    measuring: engine::Measuring::InRegion(6),
    ..CloudFacts::PLAIN
};

static KINDS: Kinds = Kinds::of(&["base", "digitalocean"]);
static HOOKS: LazyLock<Hooks> =
    LazyLock::new(|| Hooks::new(vec![Box::new(Droplets), Box::new(Registry), Box::new(Spaces)]));
pub(crate) static BUILT: Built = Built::new(
    include_str!(concat!(env!("OUT_DIR"), "/cloud.json")),
    include!(concat!(env!("OUT_DIR"), "/plans.rs")),
);

pub(crate) fn kinds() -> &'static Kinds {
    &KINDS
}

pub(crate) fn advisor() -> Advisor {
    Advisor(advice)
}

/// What to do about a trouble.
fn advice(trouble: &Trouble) -> Option<String> {
    let spaces = trouble.service == SPACES;
    match trouble.class {
        Class::Credentials(_) if spaces => Some(
            "make new keys (Spaces Object Storage, Access Keys) and put them into spaces_keys beside the token of their team".to_owned(),
        ),
        Class::Credentials(_) => {
            Some("make a new token (API, Tokens) and put it into digitalocean.credentials".to_owned())
        }
        Class::AccessDenied { .. } if spaces => Some("give the keys access to all Spaces".to_owned()),
        Class::AccessDenied { .. } => Some(
            "give the token full access, or the scopes for reading what it is missing; deleting and tagging needs those for writing".to_owned(),
        ),
        Class::Network => Some(
            "look whether the worker reaches api.digitalocean.com, and for Spaces REGION.digitaloceanspaces.com; proxies are taken from HTTPS_PROXY".to_owned(),
        ),
        _ => None,
    }
}

/// Whose credentials are, as the API has told.
pub(crate) fn owner(team: String) -> Identity {
    Identity::Of(Owner {
        account: team,
        credentials: "the token in the section digitalocean".to_owned(),
        wanted: None,
        remedy: "add a token of the team to digitalocean.credentials".to_owned(),
    })
}

/// DigitalOcean.
#[derive(Debug, Default)]
pub(crate) struct DigitalOcean {
    changes: DigitalOceanChanges,
}

impl Cloud for DigitalOcean {
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
            tasks_json: json!([tag_handler(CLOUD)]).to_string(),
            environment: ["DIGITALOCEAN_API_URL", ENDPOINT, "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
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
            let config: DigitalOceanConfig = config.to()?;
            let (mut teams, mut failures) = (Vec::new(), Vec::new());
            for (at, credentials) in config.all()?.into_iter().enumerate() {
                match team(&client(credentials, "")?).await {
                    Ok(team) if teams.contains(&team) => {
                        let number = at + 1;
                        let told = format!(
                            "the credentials number {number} are of the team {team}, as others before them; those are used"
                        );
                        sink.fault(
                            config_fault(told, "leave one of them out of the section digitalocean").info(),
                        );
                    }
                    Ok(team) => teams.push(team),
                    Err(failure) => failures.push(failure),
                }
            }
            if teams.is_empty() && !failures.is_empty() {
                return Err(failures.remove(0));
            }
            for failure in failures {
                match failure {
                    Failure::Fault(fault) => sink.fault(*fault),
                    other @ Failure::Stopped => return Err(other),
                }
            }
            Ok(teams.into_iter().map(|team| FACTS.account(team.clone(), team, Vec::new())).collect())
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigSection,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>> {
        Box::pin(async move {
            let config: DigitalOceanConfig = config.to()?;
            let found = of_team(&config, &account.id).await?;
            let has_keys = found.credentials.keys.is_some();
            Ok(Box::new(Opened { rest: found.rest, team: account.id.clone(), has_keys }) as Box<dyn Way>)
        })
    }

    fn changes(&self) -> Option<&dyn Changes> {
        Some(&self.changes)
    }
}

/// The way into a team.
struct Opened {
    rest: Rest,
    team: String,
    has_keys: bool,
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async { Ok(owner(team(&self.rest).await?)) })
    }

    fn enter(self: Box<Self>, sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let Self { rest, team, has_keys } = *self;
            let plans = BUILT.plans()?;
            let place = Place::new(&team, "", "", "");
            let client = TableClient::new(rest, place.clone(), plans, PROBE);
            sink.step("asking for the regions".to_owned());
            let global = Region { id: String::new(), name: "team".to_owned(), place };
            let Places { regions, region_nodes, zone_nodes } = places(&client, plans, global, sink).await?;
            let urn = FACTS.key_of_account(&team);
            Ok(Entered {
                client: Box::new(client.measuring(measure::ask)),
                regions,
                account: TopNode { id: team, properties: vec![("urn", json!(urn))], key: vec![urn] },
                region_nodes,
                zone_nodes,
                wanted: Box::new(Own { has_keys }),
            })
        })
    }
}

/// Everything is wanted; Spaces if there are keys for them.
pub(crate) struct Own {
    pub(crate) has_keys: bool,
}

impl Wanted for Own {
    fn collects(&self, _kind: &str) -> bool {
        true
    }

    fn usage_metrics(&self) -> bool {
        true
    }

    fn empty_regions(&self) -> bool {
        true
    }
}

/// The fault of a Space without keys for it.
pub(crate) fn no_keys(team: &str) -> Failure {
    let message = format!("the settings have no keys of Spaces for the team {team}");
    let hint = "set spaces_keys beside the token of the team in digitalocean.credentials";
    fault(FaultKind::Credentials, message).with_hint(hint).into()
}
