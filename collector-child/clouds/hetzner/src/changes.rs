//! Deletes and labels resources.
//!
//! The API does not tell the project of a token. What is not found may as well be of another project, whose token stands at
//! the wrong place in the settings. So a token is believed to be that of a project only when it knows one of its resources,
//! by the number that no other resource has: the one that is to be changed, or a neighbour of it. Until then nothing is
//! changed, and nothing is taken for gone.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use collector::changes::{Ability, Change, CleanLog, CleanRequest, CleanTarget, CommandRequest, TagRequest};
use collector::identity::{Errand, Identity};
use collector::node::StoredNode;
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, Sink, fault};
use engine::change::ability;
use engine::{Changes, no_change};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::FaultKind;
use rest_client::{Changed, Rest};
use serde_json::Value;

use crate::cloud::{CLOUD, kinds, of_project, owner, plans};
use crate::config::HetznerConfig;

/// Changes of Hetzner Cloud.
#[derive(Debug, Default)]
pub(crate) struct HetznerChanges {
    /// Projects whose token knows one of their resources.
    proven: Mutex<HashSet<String>>,
}

impl HetznerChanges {
    fn is_proven(&self, project: &str) -> bool {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).contains(project)
    }

    /// Makes sure that the token knows one of these resources of the project; the error is for people.
    async fn prove<'n>(
        &self,
        rest: &Rest,
        project: &str,
        nodes: impl Iterator<Item = &'n StoredNode>,
    ) -> Result<(), Failure> {
        if self.is_proven(project) {
            return Ok(());
        }
        for node in nodes.filter(|node| node.reported.get("hcloud_id").is_some_and(Value::is_number)) {
            if Changed::new(rest.clone(), node).is_there(plans()?).await? == Some(true) {
                let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
                proven.insert(project.to_owned());
                return Ok(());
            }
        }
        let message = format!(
            "the token of the project {project} knows neither the resource nor its neighbours: they are gone, or it is the token of another project"
        );
        let hint = "look whether names and tokens in the section hetzner are in the same order; the next collect shows what is still there";
        Err(fault(FaultKind::WrongAccount, message).with_hint(hint).into())
    }
}

fn client(config: &ConfigSection, node: &StoredNode) -> Result<(Rest, String), Failure> {
    let config: HetznerConfig = config.to()?;
    let project = node.account_id("project")?;
    Ok((of_project(&config, project)?, project.to_owned()))
}

impl Changes for HetznerChanges {
    fn identity<'a>(&'a self, errand: &'a Errand<'a>) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async move {
            match *errand {
                Errand::Collect(_) => Err(no_change()),
                Errand::Clean(CleanRequest { config, .. }, node)
                | Errand::Tag(TagRequest { config, node, .. }) => {
                    client(config, node).map(|(_, project)| owner(&project))
                }
                Errand::Command(_) => Ok(Identity::AnyAccount),
            }
        })
    }

    fn ability(&self, change: Change, kind: &str) -> Ability {
        let (Ok(kinds), Ok(plans)) = (kinds().table(), plans()) else { return Ability::Unknown };
        ability(kinds, plans, change, kind)
    }

    fn clean<'a>(
        &'a self,
        request: &'a CleanRequest,
        target: &'a CleanTarget,
        log: &'a CleanLog,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<CleanOutcome, Failure>> {
        Box::pin(async move {
            let (rest, project) = client(&request.config, &target.node)?;
            let related = target.related.iter().map(|related| &related.node);
            self.prove(&rest, &project, std::iter::once(&target.node).chain(related)).await?;
            Changed::new(rest, &target.node).delete(plans()?, log, request.dry_run).await
        })
    }

    fn tag<'a>(&'a self, request: &'a TagRequest, _sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let (rest, project) = client(&request.config, &request.node)?;
            self.prove(&rest, &project, std::iter::once(&request.node)).await?;
            let change = &request.change;
            Changed::new(rest, &request.node).tag(plans()?, &change.remove, &change.set).await
        })
    }

    fn command<'a>(
        &'a self,
        request: &'a CommandRequest,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async { Err(request.unknown_to(CLOUD).into()) })
    }
}
