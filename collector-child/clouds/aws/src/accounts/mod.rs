//! Finding the accounts.

mod identity;
pub(crate) mod known;
pub(crate) mod regions;
mod scope;
mod select;
pub(crate) mod sessions;
#[cfg(test)]
mod tests;

use aws_client::{CallError, Class, Client, Session};
use collector::{Failure, FaultExt, Sink, config_fault, fault};
use engine::listed;
use futures_util::stream::{self, StreamExt};
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::job::Account;
use serde_json::{Map, Value};

use crate::api::Api;
use crate::cloud::FACTS;
use crate::config::AwsConfig;
use crate::partition::global_region;
use identity::Owner;
pub(crate) use scope::Scope;
use select::{Asked, Names, Way};
pub(crate) use sessions::Identity;

/// Profiles that are asked at once.
const PROFILES_AT_ONCE: usize = 8;
/// Accounts whose names are asked for at once.
const NAMES_AT_ONCE: usize = 32;

/// An account that was found, before it has a name.
struct Found {
    id: String,
    scope: Scope,
    /// What the organization calls it, if that was told already.
    organization: Option<String>,
}

/// What the accounts of one profile share.
struct Source {
    partition: String,
    base: Session,
    organization: Session,
    found: Vec<Found>,
}

/// Lists the accounts that the settings give access to, each with the credentials that lead into it. A profile that fails is a fault, and its accounts are
/// missing; if all fail there is no listing.
pub(crate) async fn list(
    client: &Client,
    config: &AwsConfig,
    key_in_environment: bool,
    sink: &dyn Sink,
) -> Result<Vec<(Account, Session)>, Failure> {
    let said_by_environment = key_in_environment || client.named_profile().is_some();
    let profiles = select::profiles(config, said_by_environment, client.profiles());
    known::check_regions(client, config, profiles.first().and_then(Option::as_deref), sink).await?;
    let several = profiles.len() > 1;
    let sources = stream::iter(profiles)
        .map(async |profile| {
            let found = find(client, config, profile.as_deref(), sink).await;
            found.map_err(|trouble| named(trouble, profile.as_deref().filter(|_| several)))
        })
        .buffered(PROFILES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let mut accounts = Vec::new();
    let mut troubles = foreign(config, &sources);
    for source in sources {
        match source {
            Ok(source) => accounts.extend(name_all(client, config, source, sink).await),
            Err(trouble) => troubles.push(trouble),
        }
    }
    if accounts.is_empty()
        && let Some(trouble) = troubles.pop()
    {
        report(troubles, sink);
        return Err(trouble.into());
    }
    report(troubles, sink);
    Ok(accounts)
}

/// The fault of configured regions that are in the partition of none of the credentials.
fn foreign(config: &AwsConfig, sources: &[Result<Source, Fault>]) -> Vec<Fault> {
    let configured = config.region.as_deref().unwrap_or_default();
    let partitions: Vec<&str> = sources.iter().flatten().map(|source| source.partition.as_str()).collect();
    let foreign = select::foreign(configured, &partitions);
    if partitions.is_empty() || foreign.is_empty() {
        return Vec::new();
    }
    let mut known = partitions;
    known.dedup();
    vec![of_another_partition(&foreign, &listed(&known), "left out")]
}

fn of_another_partition(foreign: &[(&str, &str)], own: &str, what_happens: &str) -> Fault {
    let named: Vec<String> =
        foreign.iter().map(|(region, partition)| format!("{region} ({partition})")).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let regions =
        if foreign.len() == 1 { "a region of another partition" } else { "regions of other partitions" };
    config_fault(
        format!(
            "aws.region names {}, {regions} than that of the credentials, which is {own}: {what_happens}",
            listed(&named)
        ),
        "take what belongs to another partition out of aws.region, and collect it with credentials of that one",
    )
}

fn report(troubles: Vec<Fault>, sink: &dyn Sink) {
    for trouble in troubles {
        sink.fault(trouble);
    }
}

/// The fault of a profile that gives no accounts.
fn named(trouble: Fault, profile: Option<&str>) -> Fault {
    match profile {
        Some(profile) => Fault {
            message: format!("no accounts of the profile {profile:?}: {}", trouble.message),
            ..trouble
        },
        None => trouble,
    }
}

async fn find(
    client: &Client,
    config: &AwsConfig,
    profile: Option<&str>,
    sink: &dyn Sink,
) -> Result<Source, Fault> {
    let base = sessions::base(client, config, profile).await.map_err(|error| error.to_fault())?;
    let owner = identity::owner(client, config, &base, sink).await;
    let Owner { account: current, partition } = owner.map_err(|error| error.to_fault())?;
    let organization = sessions::of_organization(client, config, &base, &partition, &current);
    // Each account is asked for its own when it is collected.
    let configured = config.region.as_deref().unwrap_or_default();
    let regions = select::regions_in(configured, &partition);
    if regions.is_empty() && !configured.is_empty() {
        let foreign = select::foreign(configured, &[&partition]);
        return Err(of_another_partition(&foreign, &partition, "nothing is left to be collected"));
    }
    let scope = |role: Option<&String>| Scope {
        role: role.cloned(),
        profile: profile.map(str::to_owned),
        partition: partition.clone(),
        regions: regions.clone(),
    };
    let mut found = Vec::new();
    match select::way(config) {
        Way::Current => found.push(Found { id: current, scope: scope(None), organization: None }),
        Way::Listed { role, accounts } => found.extend(accounts.into_iter().map(|id| Found {
            id,
            scope: scope(Some(&role)),
            organization: None,
        })),
        Way::Organization { role } => {
            let members = members(client, config, &organization, &partition, &current, sink).await;
            let members = members.map_err(|error| error.to_fault())?;
            found.extend(members.into_iter().map(|member| Found {
                id: member.id,
                scope: scope(Some(&role)),
                organization: member.name,
            }));
            if !config.do_not_scrape_current {
                found.push(Found { id: current, scope: scope(None), organization: None });
            }
        }
    }
    Ok(Source { partition, base, organization, found })
}

async fn members(
    client: &Client,
    config: &AwsConfig,
    organization: &Session,
    partition: &str,
    current: &str,
    sink: &dyn Sink,
) -> Result<Vec<select::Member>, CallError> {
    let api = Api::new(client.clone(), organization.clone(), current);
    match api.all(global_region(partition), "organizations", "ListAccounts", "Accounts").await {
        Ok(listed) => {
            let (members, inactive) = select::members(config, current, &listed);
            if !inactive.is_empty() {
                sink.fault(left_out(&inactive));
            }
            Ok(members)
        }
        // The current account may still be collected.
        Err(error) if matches!(error.class, Class::AccessDenied { .. }) && !config.do_not_scrape_current => {
            let trouble = error.to_fault();
            let message = format!("the accounts of the organization cannot be listed: {}", trouble.message);
            sink.fault(Fault { message, ..trouble });
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Accounts that are suspended or being closed have nothing that could be read.
fn left_out(inactive: &[select::Inactive]) -> Fault {
    let named: Vec<String> =
        inactive.iter().map(|account| format!("{} ({})", account.id, account.state)).collect();
    let (what, are) = if named.len() == 1 { ("account", "is") } else { ("accounts", "are") };
    let message = format!(
        "{} {what} of the organization {are} not active and left out: {}",
        named.len(),
        named.join(", ")
    );
    let count = u32::try_from(named.len()).unwrap_or(u32::MAX);
    Fault { count, ..fault(FaultKind::Resource, message).info() }
}

/// Gives all accounts of a source their names.
async fn name_all(
    client: &Client,
    config: &AwsConfig,
    source: Source,
    sink: &dyn Sink,
) -> Vec<(Account, Session)> {
    let Source { partition: _, base, organization, found } = source;
    sink.step("looking up the names of accounts".to_owned());
    stream::iter(found)
        .map(async |found| {
            let session = sessions::in_account(client, config, &base, &found.id, &found.scope);
            let names = ask_names(client, config, &session, &organization, &found).await;
            sink.work(1);
            let name = select::name(config, &found.id, &names);
            (account(found.id, name, &found.scope), session)
        })
        .buffered(NAMES_AT_ONCE)
        .collect()
        .await
}

/// Asks for the names of an account, as far as they are needed. What fails gives no name: the collection will
/// say what is wrong with the account.
async fn ask_names(
    client: &Client,
    config: &AwsConfig,
    own: &Session,
    organization: &Session,
    found: &Found,
) -> Names {
    let Found { id, scope, organization: told } = found;
    // The profile of AWS_PROFILE is a name too; it is not in the scope, as other variables may go before it.
    let of_environment = || client.named_profile().filter(|_| config.keys().is_none()).map(str::to_owned);
    let profile = scope.profile.clone().or_else(of_environment);
    let mut names = Names { profile, ..Names::default() };
    let region = global_region(&scope.partition);
    for asked in select::order(config, names.profile.as_deref()) {
        let answer = match asked {
            Asked::Alias => {
                let api = Api::new(client.clone(), own.clone(), id);
                let answer = api.call(region, "iam", "ListAccountAliases", Map::new()).await;
                answer.map(|answer| answer["AccountAliases"][0].as_str().map(str::to_owned))
            }
            Asked::Organization if told.is_some() => Ok(told.clone()),
            Asked::Organization => {
                let api = Api::new(client.clone(), organization.clone(), id);
                let params = Map::from_iter([("AccountId".to_owned(), Value::from(id.as_str()))]);
                let answer = api.call(region, "organizations", "DescribeAccount", params).await;
                answer.map(|answer| answer["Account"]["Name"].as_str().map(str::to_owned))
            }
        };
        let name = answer.unwrap_or_else(|error| {
            tracing::debug!("no name from there: {error}");
            None
        });
        let place = match asked {
            Asked::Alias => &mut names.alias,
            Asked::Organization => &mut names.organization,
        };
        *place = name.filter(|name| !name.is_empty());
        if place.is_some() {
            break;
        }
    }
    names
}

fn account(id: String, name: String, scope: &Scope) -> Account {
    FACTS.account(id, name, scope.to_bytes())
}

/// The scope of an account that is to be collected.
pub(crate) fn scope_of(account: &Account) -> Result<Scope, Failure> {
    Scope::from_bytes(account.scope.expose()).ok_or_else(|| {
        fault(FaultKind::Internal, "the scope of an AWS account is not what its listing made").into()
    })
}
