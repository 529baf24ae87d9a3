//! Deletes and tags resources. Whose a token is, the API is asked before anything is changed.

use std::sync::{Mutex, PoisonError};

use collector::identity::Identity;
use collector::node::StoredNode;
use collector::{BoxFuture, ConfigSection, Failure, fault};
use engine::Plans;
use engine::change::{Access, ChangeHooks, Job, Manner, Memory, Resource, Sayings, Stop, Tagging, Who};
use inventory::KindTable;
use ipc_proto::fault::FaultKind;
use rest_client::{Door, Rest, TableChanges};

use crate::cloud::{BUILT, CLOUD, kinds, no_keys, owner};
use crate::config::DigitalOceanConfig;
use crate::spaces::SERVICE as SPACES;
use crate::tags;
use crate::team::{client, of_team};

/// Changes of DigitalOcean.
pub(crate) type DigitalOceanChanges = TableChanges<DigitalOceanDoor>;

/// How it is changed.
const MANNER: Manner = Manner { hooks: &Hooks, sayings: Sayings { held: &[], in_use: &[], passing: &[] } };

/// The way to a resource.
#[derive(Default)]
pub(crate) struct DigitalOceanDoor {
    /// The team that was asked about last, and the settings with which it was found: a cleanup is about one.
    last: Mutex<Option<(DigitalOceanConfig, String, usize)>>,
}

impl std::fmt::Debug for DigitalOceanDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DigitalOceanDoor").finish_non_exhaustive()
    }
}

impl DigitalOceanDoor {
    /// The client for a team; the API says whose the credentials are, once for these settings.
    async fn rest(&self, config: DigitalOceanConfig, team: &str, keys: bool) -> Result<Rest, Failure> {
        let at = match self.known(&config, team) {
            Some(at) => at,
            None => of_team(&config, team).await?.at,
        };
        let credentials = config.all()?.get(at).copied();
        let credentials = credentials.ok_or_else(|| fault(FaultKind::Internal, "credentials are lost"))?;
        if keys && credentials.keys.is_none() {
            return Err(no_keys(team));
        }
        let rest = client(credentials, team)?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((config, team.to_owned(), at));
        Ok(rest)
    }

    fn known(&self, config: &DigitalOceanConfig, team: &str) -> Option<usize> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(of, known, _)| of == config && known == team).map(|(.., at)| *at)
    }
}

impl Door for DigitalOceanDoor {
    fn cloud(&self) -> &'static str {
        CLOUD
    }

    fn tables(&self) -> Result<(&'static KindTable, &'static Plans), Failure> {
        Ok((kinds().table()?, BUILT.plans()?))
    }

    fn manner(&self) -> Manner {
        MANNER
    }

    fn enter<'a>(
        &'a self,
        config: &'a ConfigSection,
        node: &'a StoredNode,
    ) -> BoxFuture<'a, Result<(Rest, Identity), Failure>> {
        Box::pin(async move {
            let team = node.account_id("team")?;
            let rest = self.rest(config.to()?, team, node.kind == "digitalocean_space").await?;
            Ok((rest, owner(team.to_owned())))
        })
    }
}

/// What tables cannot say.
struct Hooks;

impl ChangeHooks for Hooks {
    fn before<'a>(
        &'a self,
        name: &'a str,
        job: Job<'a>,
        resource: &'a Resource,
        _known: (&'a Memory, &'a Who),
    ) -> BoxFuture<'a, Result<usize, Stop>> {
        Box::pin(async move {
            match name {
                "empty_space" => s3::empty(job, SPACES, &resource.document()["name"]).await,
                _ => Err(unknown(name).into()),
            }
        })
    }

    fn tags<'a>(
        &'a self,
        name: &'a str,
        access: &'a Access<'a>,
        tagging: &'a Tagging<'a>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match name {
                "tags" => tags::change(access, tagging).await,
                _ => Err(unknown(name)),
            }
        })
    }
}

fn unknown(name: &str) -> Failure {
    fault(FaultKind::Internal, format!("a kind table names the hook {name}, which does not exist")).into()
}
