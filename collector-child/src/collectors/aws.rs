//! The collector `aws`: the crate `aws-collector` behind the interface of this program.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_collector::change::{self, Above, Changer, Command, Deletion, Journal, Memory, Resource, Tagging};
use aws_collector::{
    AwsConfig, BoxFuture as AwsFuture, Collect, Failure as AwsFailure, Identity as AwsIdentity, Sink, Way,
};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::graph::{DeferredEdge, Edge, Node};
use ipc_proto::job::{Account, Described, PathGrant};
use ipc_proto::message::{Denied, Progress};
use serde_json::{Value, json};

use super::imaginary;
use crate::changes::{
    Ability, Change, CleanLog, CleanRequest, CleanTarget, CommandRequest, TagRequest, refused,
};
use crate::collector::{BoxFuture, CollectRequest, Collector, ConfigSection, Failure};
use crate::fault::fault;
use crate::identity::{Errand, Identity, Owner};
use crate::node::{Ancestor, StoredNode};
use crate::output::Output;

/// The collector `aws`.
#[derive(Debug, Default)]
pub(super) struct Aws {
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
                let way = Way::open(&config, &request.account).await.map_err(failure)?;
                let identity = way.identity(&config).await.map_err(failure)?;
                lock(&self.ways).insert(key_of(&request.account), way);
                Ok(owner(identity, None))
            }
            Errand::Clean(CleanRequest { config, .. }, node)
            | Errand::Tag(TagRequest { config, node, .. }) => {
                let identity = self.changer.identity(&config.to()?, &resource(node)).await;
                Ok(owner(identity.map_err(failure)?, None))
            }
            Errand::Command(request) => {
                let config: AwsConfig = request.config.to()?;
                let resource = request.node.as_ref().map(resource);
                let command = aws_command(&config, request, resource.as_ref())?;
                match self.changer.identity_of_command(&command).await.map_err(failure)? {
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

/// The request as the crate sees it.
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
        aws_collector::paths()
    }

    fn describe(&self) -> Described {
        let tasks = json!([imaginary::tag_handler("aws"), change::command_definition()]);
        Described { tasks_json: tasks.to_string(), ..aws_collector::describe() }
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        output: &'a Output,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: AwsConfig = config.to()?;
            aws_collector::accounts(&config, &ToOutput(output)).await.map_err(failure)
        })
    }

    fn identity<'a>(
        &'a self,
        errand: &'a Errand<'a>,
        _output: &'a Output,
    ) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(self.whose(errand))
    }

    fn collect<'a>(
        &'a self,
        request: &'a CollectRequest,
        output: &'a Output,
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
            aws_collector::collect(job, way, &ToOutput(output)).await.map_err(failure)
        })
    }

    fn ability(&self, change: Change, kind: &str) -> Ability {
        let change = match change {
            Change::Clean => change::Change::Clean,
            Change::Tag => change::Change::Tag,
        };
        match change::ability(change, kind) {
            change::Ability::Yes => Ability::Yes,
            change::Ability::No => Ability::No,
            change::Ability::Phantom => Ability::Phantom,
            change::Ability::Unknown => Ability::Unknown,
        }
    }

    fn clean<'a>(
        &'a self,
        request: &'a CleanRequest,
        target: &'a CleanTarget,
        log: &'a CleanLog,
        output: &'a Output,
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
            self.changer.clean(&deletion, &ToLog(log), &ToOutput(output)).await.map_err(failure)
        })
    }

    fn tag<'a>(&'a self, request: &'a TagRequest, output: &'a Output) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let config: AwsConfig = request.config.to()?;
            let tagging = Tagging {
                config: &config,
                resource: &resource(&request.node),
                remove: &request.change.remove,
                set: &request.change.set,
                remaining: request.remaining,
            };
            self.changer.tag(&tagging, &ToOutput(output)).await.map_err(failure)
        })
    }

    fn command<'a>(
        &'a self,
        request: &'a CommandRequest,
        output: &'a Output,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let config: AwsConfig = request.config.to()?;
            let resource = request.node.as_ref().map(resource);
            let command = aws_command(&config, request, resource.as_ref())?;
            self.changer.command(&command, &ToOutput(output)).await.map_err(failure)
        })
    }
}

/// A node as the crate sees it.
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

/// The event log of a deletion, as the crate sees it.
struct ToLog<'a>(&'a CleanLog);

impl Journal for ToLog<'_> {
    fn done(&self, message: String) {
        self.0.done(message);
    }

    fn failed(&self, message: String) {
        self.0.failed(message);
    }
}

fn failure(failure: AwsFailure) -> Failure {
    match failure {
        AwsFailure::Stopped => Failure::Stopped,
        AwsFailure::Fault(fault) => Failure::Fault(fault),
    }
}

fn aws_failure(failure: Failure) -> AwsFailure {
    match failure {
        Failure::Stopped => AwsFailure::Stopped,
        Failure::Fault(fault) => AwsFailure::Fault(fault),
    }
}

/// The output of a job, as the collector sees it.
struct ToOutput<'a>(&'a Output);

impl Sink for ToOutput<'_> {
    fn node<'a>(&'a self, node: Node<'a>) -> AwsFuture<'a, Result<(), AwsFailure>> {
        Box::pin(async move { self.0.node(node).await.map_err(aws_failure) })
    }

    fn edge<'a>(&'a self, edge: Edge<'a>) -> AwsFuture<'a, Result<(), AwsFailure>> {
        Box::pin(async move { self.0.edge(edge).await.map_err(aws_failure) })
    }

    fn deferred_edge<'a>(&'a self, edge: DeferredEdge<'a>) -> AwsFuture<'a, Result<(), AwsFailure>> {
        Box::pin(async move { self.0.deferred_edge(edge).await.map_err(aws_failure) })
    }

    fn fault(&self, fault: Fault) {
        self.0.fault(fault);
    }

    fn denied(&self, calls: Vec<Denied>) {
        self.0.denied(calls);
    }

    fn progress(&self, progress: Progress) {
        self.0.progress(progress);
    }

    fn step(&self, step: String) {
        self.0.step(step);
    }

    fn work(&self, amount: u64) {
        self.0.work(amount);
    }
}
