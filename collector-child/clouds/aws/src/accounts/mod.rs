//! Finding the accounts.

mod identity;
mod known;
pub(crate) mod regions;
mod scope;
mod select;
pub(crate) mod sessions;
#[cfg(test)]
mod tests;

use aws_client::{CallError, Class, Client, Session};
use collector::{Failure, FaultExt, Sink, fault};
use futures_util::stream::{self, StreamExt};
use inventory::NodeKey;
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::job::Account;
use ipc_proto::secret::Secret;
use serde_json::{Map, Value};

use crate::api::Api;
use crate::cloud::CLOUD;
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
    base: Session,
    organization: Session,
    found: Vec<Found>,
}

/// Lists the accounts that the settings give access to. A profile that fails is a fault, and its accounts are
/// missing; if all fail there is no listing.
pub(crate) async fn list(
    client: &Client,
    config: &AwsConfig,
    key_in_environment: bool,
    sink: &dyn Sink,
) -> Result<Vec<Account>, Failure> {
    let said_by_environment = key_in_environment || client.named_profile().is_some();
    let profiles = select::profiles(config, said_by_environment, client.profiles());
    known::check_regions(client, config, profiles.first().and_then(Option::as_deref), sink).await?;
    let several = profiles.len() > 1;
    let sources = stream::iter(profiles)
        .map(async |profile| {
            let found = find(client, config, profile.as_deref(), sink).await;
            found.map_err(|error| named(&error, profile.as_deref().filter(|_| several)))
        })
        .buffered(PROFILES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let mut accounts = Vec::new();
    let mut troubles = Vec::new();
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

fn report(troubles: Vec<Fault>, sink: &dyn Sink) {
    for trouble in troubles {
        sink.fault(trouble);
    }
}

/// The fault of a profile that gives no accounts.
fn named(error: &CallError, profile: Option<&str>) -> Fault {
    let trouble = error.to_fault();
    match profile {
        Some(profile) => {
            Fault { message: format!("no accounts of the profile {profile}: {}", trouble.message), ..trouble }
        }
        None => trouble,
    }
}

async fn find(
    client: &Client,
    config: &AwsConfig,
    profile: Option<&str>,
    sink: &dyn Sink,
) -> Result<Source, CallError> {
    let base = sessions::base(client, config, profile).await?;
    let Owner { account: current, partition } = identity::owner(client, config, &base, sink).await?;
    let organization = sessions::of_organization(client, config, &base, &partition, &current);
    // Each account is asked for its own when it is collected.
    let regions = config.region.clone().unwrap_or_default();
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
            let members = members(client, config, &organization, &partition, &current, sink).await?;
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
    Ok(Source { base, organization, found })
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
async fn name_all(client: &Client, config: &AwsConfig, source: Source, sink: &dyn Sink) -> Vec<Account> {
    let Source { base, organization, found } = source;
    sink.step("looking up the names of accounts".to_owned());
    stream::iter(found)
        .map(async |found| {
            let names = ask_names(client, config, &base, &organization, &found).await;
            sink.work(1);
            let name = select::name(config, &found.id, &names);
            account(found.id, name, &found.scope)
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
    base: &Session,
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
                let session = sessions::in_account(client, config, base, id, scope);
                let api = Api::new(client.clone(), session, id);
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
    Account {
        cloud: CLOUD.to_owned(),
        node_id: NodeKey::of("aws_account", Some(CLOUD), Some(&id), None, None, &id).id().to_string(),
        scope: Secret::new(scope.to_bytes()),
        id,
        name,
    }
}

/// The scope of an account that is to be collected.
pub(crate) fn scope_of(account: &Account) -> Result<Scope, Failure> {
    Scope::from_bytes(account.scope.expose()).ok_or_else(|| {
        fault(FaultKind::Internal, "the scope of an AWS account is not what its listing made").into()
    })
}
