//! The jobs that one user waits for: tags and commands.

use std::time::Duration;

use collector::changes::{Change, CommandRequest, TagRequest, refused};
use collector::identity::{self, Errand};
use collector::node::{StoredNode, TagChange};
use collector::{Failure, FaultExt, fault};
use ipc_proto::clean::{CommandJob, TagJob};
use ipc_proto::fault::FaultKind;
use ipc_proto::message::Report;
use serde_json::Value;

use super::{Collectors, config, find};
use crate::output::Output;

/// Changes tags in the cloud, and sends the node as it is now.
pub(super) async fn tag(
    collectors: &Collectors,
    job: TagJob,
    remaining: Option<Duration>,
    output: &Output,
) -> Result<(), Failure> {
    let collector = find(collectors, &job.collector)?;
    let name = job.collector.clone();
    let request = tag_request(job, remaining, output)?;
    let (node, change) = (&request.node, &request.change);
    output.step(format!("changing tags of {}", node.title()));
    if node.is_protected() {
        return Err(refused(format!("{} is protected, its tags stay as they are", node.title())).into());
    }
    if let Some(reason) = collector.ability(Change::Tag, &node.kind).refusal(Change::Tag, &name, &node.kind) {
        return Err(refused(reason).scope_kind(&node.kind).into());
    }
    node.check_tags(change).map_err(|error| refused(format!("{}: {error}", node.title())))?;
    identity::verify(collector, Errand::Tag(&request), output).await?;
    collector.tag(&request, output).await?;
    let TagRequest { mut node, change, .. } = request;
    node.change_tags(&change);
    output.work(1);
    output.answer(node.into_answer().to_string(), Report::Tagged, "the changed node").await
}

pub(super) fn tag_request(
    job: TagJob,
    remaining: Option<Duration>,
    output: &Output,
) -> Result<TagRequest, Failure> {
    let node = read(&job.node_json)?;
    let change = TagChange { remove: job.remove, set: job.set };
    Ok(TagRequest { config: config(&job.collector, &job.config, output)?, node, change, remaining })
}

/// Executes a command, and sends its answer.
pub(super) async fn command(
    collectors: &Collectors,
    job: CommandJob,
    remaining: Option<Duration>,
    output: &Output,
) -> Result<(), Failure> {
    let collector = find(collectors, &job.collector)?;
    output.step(format!("executing {}", job.name));
    let request = command_request(job, remaining, output)?;
    identity::verify(collector, Errand::Command(&request), output).await?;
    let answer: Value = collector.command(&request, output).await?;
    output.work(1);
    output.answer(answer.to_string(), Report::Output, "the answer of the command").await
}

pub(super) fn command_request(
    job: CommandJob,
    remaining: Option<Duration>,
    output: &Output,
) -> Result<CommandRequest, Failure> {
    Ok(CommandRequest {
        config: config(&job.collector, &job.config, output)?,
        name: job.name,
        args: job.args,
        node: job.node_json.as_deref().map(read).transpose()?,
        remaining,
    })
}

fn read(json: &str) -> Result<StoredNode, Failure> {
    StoredNode::parse(json)
        .map_err(|error| fault(FaultKind::InvalidAnswer, format!("the node of the task: {error}")).into())
}
