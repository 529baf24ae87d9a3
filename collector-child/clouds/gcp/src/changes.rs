//! Deletes and labels resources, with the first credentials of the settings that may see the project.

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

use crate::access::{access, plans};
use crate::cloud::{CLOUD, kinds};
use crate::config::GcpConfig;
use crate::entrance::identity;

/// Changes of Google Cloud.
#[derive(Debug, Default)]
pub(crate) struct GcpChanges;

/// The first credentials that may see the project of a node, and whose they are.
async fn entrance(config: &ConfigSection, node: &StoredNode) -> Result<(Rest, Identity), Failure> {
    let config: GcpConfig = config.to()?;
    let project = node.account_id("project")?;
    let mut refused = None;
    for setting in &config.service_account {
        let access = access(setting, project)?;
        match identity(&access, project).await {
            Ok(identity) => return Ok((access.rest, identity)),
            Err(failure) => refused = Some(failure),
        }
    }
    Err(refused.unwrap_or_else(|| {
        let message = format!("there are no credentials for the project {project}");
        fault(FaultKind::Credentials, message).with_hint("name some in gcp.service_account").into()
    }))
}

impl Changes for GcpChanges {
    fn identity<'a>(&'a self, errand: &'a Errand<'a>) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async move {
            match *errand {
                Errand::Collect(_) => Err(no_change()),
                Errand::Clean(CleanRequest { config, .. }, node)
                | Errand::Tag(TagRequest { config, node, .. }) => {
                    entrance(config, node).await.map(|(_, identity)| identity)
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
            let (rest, _) = entrance(&request.config, &target.node).await?;
            Changed::new(rest, &target.node).delete(plans()?, log, request.dry_run).await
        })
    }

    fn tag<'a>(&'a self, request: &'a TagRequest, _sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let (rest, _) = entrance(&request.config, &request.node).await?;
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
