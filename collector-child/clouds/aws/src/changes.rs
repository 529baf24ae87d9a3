//! What changes AWS, as the engine sees it.

use collector::changes::{Ability, Change, CleanLog, CleanRequest, CleanTarget, CommandRequest, TagRequest};
use collector::identity::{Errand, Identity};
use collector::node::{Ancestor, StoredNode};
use collector::{BoxFuture, Failure, Sink};
use engine::change::{Above, Memory};
use engine::{Changes, no_change};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::seal::Seal;
use serde_json::Value;

use crate::change::{self, Changer, Command, Deletion, Resource, Tagging};
use crate::cloud::{CLOUD, owner};
use crate::config::AwsConfig;
use crate::handed::{self, settings};

/// Changes of AWS.
#[derive(Debug, Default)]
pub(crate) struct AwsChanges {
    /// Its sessions live as long as the process.
    changer: Changer,
    /// What cleanups have done so far.
    memory: Memory,
}

/// The request as changes see it.
fn aws_command<'a>(
    config: &'a AwsConfig,
    request: &'a CommandRequest,
    resource: Option<&'a Resource>,
) -> Result<Command<'a>, Failure> {
    if request.name != "aws" {
        return Err(request.unknown_to(CLOUD).into());
    }
    Ok(Command { config, args: &request.args, resource, remaining: request.remaining })
}

impl Changes for AwsChanges {
    fn identity<'a>(&'a self, errand: &'a Errand<'a>) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async move {
            match *errand {
                Errand::Collect(_) => Err(no_change()),
                Errand::Clean(CleanRequest { config, .. }, node)
                | Errand::Tag(TagRequest { config, node, .. }) => {
                    let identity = self.changer.identity(&settings(config)?, &resource(node)).await?;
                    Ok(owner(identity, None))
                }
                Errand::Command(request) => {
                    let config = settings(&request.config)?;
                    let resource = request.node.as_ref().map(resource);
                    let command = aws_command(&config, request, resource.as_ref())?;
                    match self.changer.identity_of_command(&command).await? {
                        Some((wanted, identity)) => Ok(owner(identity, Some(wanted))),
                        None => Ok(Identity::AnyAccount),
                    }
                }
            }
        })
    }

    fn seal<'a>(&'a self, errand: &'a Errand<'a>, again: bool) -> BoxFuture<'a, Result<Seal, Failure>> {
        Box::pin(async move {
            let made = match *errand {
                Errand::Collect(_) => return Err(no_change()),
                Errand::Clean(CleanRequest { config, .. }, node)
                | Errand::Tag(TagRequest { config, node, .. }) => {
                    self.changer.credentials(&settings(config)?, &resource(node), again).await?
                }
                Errand::Command(request) => {
                    let config = settings(&request.config)?;
                    let resource = request.node.as_ref().map(resource);
                    let command = aws_command(&config, request, resource.as_ref())?;
                    self.changer.credentials_of_command(&command, again).await?
                }
            };
            Ok(handed::seal(made))
        })
    }

    fn ability(&self, change: Change, kind: &str) -> Ability {
        change::ability(change, kind)
    }

    fn clean<'a>(
        &'a self,
        request: &'a CleanRequest,
        target: &'a CleanTarget,
        log: &'a CleanLog,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<CleanOutcome, Failure>> {
        Box::pin(async move {
            let config = settings(&request.config)?;
            let deletion = Deletion {
                config: &config,
                resource: &resource(&target.node),
                above: &Above::of(target),
                dry_run: request.dry_run,
                remaining: request.remaining,
                memory: &self.memory,
            };
            self.changer.clean(&deletion, log, sink).await
        })
    }

    fn tag<'a>(&'a self, request: &'a TagRequest, sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let config = settings(&request.config)?;
            let tagging = Tagging {
                config: &config,
                resource: &resource(&request.node),
                remove: &request.change.remove,
                set: &request.change.set,
                remaining: request.remaining,
            };
            self.changer.tag(&tagging, sink).await
        })
    }

    fn command<'a>(
        &'a self,
        request: &'a CommandRequest,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let config = settings(&request.config)?;
            let resource = request.node.as_ref().map(resource);
            let command = aws_command(&config, request, resource.as_ref())?;
            self.changer.command(&command, sink).await
        })
    }
}

/// A node as changes see it.
fn resource(node: &StoredNode) -> Resource {
    let reported = |ancestor: &Option<Ancestor>| {
        ancestor.as_ref().map(|ancestor| ancestor.reported.clone()).unwrap_or_default()
    };
    let above = &node.ancestors;
    Resource::new(&node.kind, node.reported.clone(), reported(&above.account), reported(&above.region))
}
