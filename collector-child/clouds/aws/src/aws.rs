//! The collector `aws`: the interface of the program around it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use collector::changes::{
    Ability, Change, CleanLog, CleanRequest, CleanTarget, CommandRequest, TagRequest, refused, tag_handler,
};
use collector::identity::{Errand, Identity, Owner};
use collector::node::{Ancestor, StoredNode};
use collector::{BoxFuture, CollectRequest, Collector, ConfigSection, Failure, Sink, fault};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described, PathGrant};
use serde_json::{Value, json};

use crate::accounts::Identity as AwsIdentity;
use crate::change::{self, Above, Changer, Command, Deletion, Memory, Resource, Tagging};
use crate::config::AwsConfig;
use crate::describe;
use crate::job::{self, Collect, Way};

/// The collector `aws`.
#[derive(Debug, Default)]
pub struct Aws {
    /// Its sessions live as long as the process.
    changer: Changer,
    /// Into accounts that are to be collected, from the question whose the credentials are to the collection with them.
    ways: Mutex<HashMap<WayKey, Way>>,
    /// What cleanups have done so far.
    memory: Memory,
}

/// The id of an account and how it is reached.
type WayKey = (String, Vec<u8>);

fn key_of(account: &Account) -> WayKey {
    (account.id.clone(), account.scope.expose().clone())
}

fn lock(ways: &Mutex<HashMap<WayKey, Way>>) -> MutexGuard<'_, HashMap<WayKey, Way>> {
    ways.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Aws {
    async fn whose(&self, errand: &Errand<'_>) -> Result<Identity, Failure> {
        match *errand {
            Errand::Collect(request) => {
                let config: AwsConfig = request.config.to()?;
                let way = Way::open(&config, &request.account).await?;
                let identity = way.identity(&config).await?;
                lock(&self.ways).insert(key_of(&request.account), way);
                Ok(owner(identity, None))
            }
            Errand::Clean(CleanRequest { config, .. }, node)
            | Errand::Tag(TagRequest { config, node, .. }) => {
                let identity = self.changer.identity(&config.to()?, &resource(node)).await;
                Ok(owner(identity?, None))
            }
            Errand::Command(request) => {
                let config: AwsConfig = request.config.to()?;
                let resource = request.node.as_ref().map(resource);
                let command = aws_command(&config, request, resource.as_ref())?;
                match self.changer.identity_of_command(&command).await? {
                    Some((wanted, identity)) => Ok(owner(identity, Some(wanted))),
                    None => Ok(Identity::AnyAccount),
                }
            }
        }
    }
}

fn owner(identity: AwsIdentity, wanted: Option<String>) -> Identity {
    let AwsIdentity { account, credentials, .. } = identity;
    let remedy = "set aws.role to a role that these credentials may assume there".to_owned();
    Identity::Of(Owner { account, credentials, wanted, remedy })
}

/// The request as changes see it.
fn aws_command<'a>(
    config: &'a AwsConfig,
    request: &'a CommandRequest,
    resource: Option<&'a Resource>,
) -> Result<Command<'a>, Failure> {
    if request.name != "aws" {
        return Err(refused(format!("the collector aws has no command {:?}", request.name)).into());
    }
    Ok(Command { config, args: &request.args, resource, remaining: request.remaining })
}

impl Collector for Aws {
    fn name(&self) -> Cow<'static, str> {
        "aws".into()
    }

    fn paths(&self) -> Vec<PathGrant> {
        describe::paths()
    }

    fn describe(&self) -> Described {
        let tasks = json!([tag_handler("aws"), change::command_definition()]);
        Described { tasks_json: tasks.to_string(), ..describe::describe() }
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: AwsConfig = config.to()?;
            job::accounts(&config, sink).await
        })
    }

    fn identity<'a>(
        &'a self,
        errand: &'a Errand<'a>,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(self.whose(errand))
    }

    fn collect<'a>(
        &'a self,
        request: &'a CollectRequest,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let config: AwsConfig = request.config.to()?;
            let job = Collect {
                config: &config,
                account: &request.account,
                last_run_started_ago: request.last_run_started_ago,
            };
            let way = lock(&self.ways).remove(&key_of(&request.account));
            let Some(way) = way else {
                return Err(fault(FaultKind::Internal, "nobody asked whose the credentials are").into());
            };
            job::collect(job, way, sink).await
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
            let config: AwsConfig = request.config.to()?;
            let deletion = Deletion {
                config: &config,
                resource: &resource(&target.node),
                above: &above(target),
                dry_run: request.dry_run,
                remaining: request.remaining,
                memory: &self.memory,
            };
            self.changer.clean(&deletion, log, sink).await
        })
    }

    fn tag<'a>(&'a self, request: &'a TagRequest, sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let config: AwsConfig = request.config.to()?;
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
            let config: AwsConfig = request.config.to()?;
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

/// What the resource belongs to, and what may go only after it: delete edges lead to what goes before, the others from
/// the whole to its part.
fn above(target: &CleanTarget) -> Vec<Above> {
    let after = target.related.iter().filter(|other| !other.outgoing);
    let above = after.map(|other| Above {
        node_id: other.node.id.clone(),
        kind: other.node.kind.clone(),
        title: other.node.title(),
        goes: other.node.marked && !other.node.is_protected(),
    });
    above.collect()
}
