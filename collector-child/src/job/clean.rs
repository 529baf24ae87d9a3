//! The Clean job: refuses what must not be deleted, and has the collector delete the rest.

use std::time::Duration;

use collector::changes::{Change, CleanLog, CleanRequest, CleanTarget, RelatedNode};
use collector::identity::{self, Errand};
use collector::node::{NodeError, StoredNode};
use collector::{BoxFuture, Collector, Failure, fault};
use futures_util::StreamExt as _;
use futures_util::stream;
use ipc_proto::clean::{CleanJob, CleanOutcome, CleanResource, Cleaned};
use ipc_proto::fault::{Fault, FaultKind, Retry};

use super::{Collectors, config, find};
use crate::output::Output;
use crate::panics::CatchPanic;

/// Deletes the resources of a pass, and sends what became of each.
pub(super) async fn run(
    collectors: &Collectors,
    job: CleanJob,
    remaining: Option<Duration>,
    output: &Output,
) -> Result<(), Failure> {
    let collector = find(collectors, &job.collector)?;
    output.step("starting");
    let (request, above) = request(&job, remaining, output)?;
    let pass = Pass { collector, name: &job.collector, request: &request, above: &above, output };
    // Polled by this task, so that a cancelled job drops all of them at once.
    let work: Vec<_> = job.resources.iter().map(|resource| pass.begin(resource)).collect();
    let mut done = stream::iter(work).buffer_unordered(job.parallel.max(1) as usize);
    while let Some(cleaned) = done.next().await {
        output.cleaned(cleaned?).await?;
    }
    Ok(())
}

fn request(
    job: &CleanJob,
    remaining: Option<Duration>,
    output: &Output,
) -> Result<(CleanRequest, Vec<StoredNode>), Failure> {
    let request = CleanRequest {
        config: config(&job.collector, &job.config, output)?,
        account: job.account.clone(),
        dry_run: job.dry_run,
        remaining,
    };
    let above = job.ancestors_json.iter().map(|json| read(json)).collect::<Result<_, _>>()?;
    Ok((request, above))
}

/// The request with the first resource that would not be refused, for which credentials are needed.
pub(super) fn errand(
    collector: &dyn Collector,
    job: &CleanJob,
    remaining: Option<Duration>,
    output: &Output,
) -> Result<Option<(CleanRequest, StoredNode)>, Failure> {
    let (request, above) = request(job, remaining, output)?;
    let pass = Pass { collector, name: &job.collector, request: &request, above: &above, output };
    let mut first = None;
    for resource in &job.resources {
        let node = pass.target(resource)?.node;
        if pass.refusal(&node).is_none() {
            first = Some(node);
            break;
        }
    }
    Ok(first.map(|node| (request, node)))
}

/// What the resources of a job share.
struct Pass<'a> {
    collector: &'a dyn Collector,
    name: &'a str,
    request: &'a CleanRequest,
    above: &'a [StoredNode],
    output: &'a Output,
}

impl Pass<'_> {
    fn begin<'b>(&'b self, resource: &'b CleanResource) -> BoxFuture<'b, Result<Cleaned, Failure>> {
        Box::pin(self.resource(resource))
    }

    /// One resource. An error ends the job.
    async fn resource(&self, resource: &CleanResource) -> Result<Cleaned, Failure> {
        let target = self.target(resource)?;
        let log = CleanLog::default();
        let outcome = if let Some(reason) = self.refusal(&target.node) {
            CleanOutcome::Refused { reason }
        } else {
            // Whatever is wrong with it is wrong for the whole account.
            identity::verify(self.collector, Errand::Clean(self.request, &target.node), self.output).await?;
            self.delete(&target, &log).await?
        };
        Ok(Cleaned { node_id: target.node.id, outcome, log: log.take() })
    }

    fn target(&self, resource: &CleanResource) -> Result<CleanTarget, Failure> {
        let mut node = read(&resource.node_json)?;
        node.ancestors.complete(&self.request.account.node_id, self.above);
        let related = resource.related_json.iter().map(|related| {
            let node = read(&related.node_json)?;
            Ok(RelatedNode { edge: related.edge, outgoing: related.outgoing, node })
        });
        let related = related.collect::<Result<_, Failure>>()?;
        Ok(CleanTarget { node, related, related_cut: resource.related_cut })
    }

    /// Why the resource must not be deleted. The supervisor does not ask for such; whoever deletes makes sure.
    fn refusal(&self, node: &StoredNode) -> Option<String> {
        let account = &self.request.account;
        if node.is_protected() {
            return Some("it is protected".to_owned());
        }
        if !node.marked {
            return Some("it is not marked for cleanup".to_owned());
        }
        match node.ancestors.account_id() {
            Some(id) if id == account.id => {}
            Some(other) => return Some(format!("it belongs to the account {other}, not to {}", account.id)),
            None => return Some("it is not known which account it belongs to".to_owned()),
        }
        if let Some(other) = self.account_of_its_node().filter(|other| *other != account.id) {
            let id = &account.id;
            return Some(format!(
                "fixcore says that its account is {id}, and that the node of {id} is {other}"
            ));
        }
        let ability = self.collector.ability(Change::Clean, &node.kind);
        ability.refusal(Change::Clean, self.name, &node.kind)
    }

    /// What the node of the account says of itself.
    fn account_of_its_node(&self) -> Option<&str> {
        let node = self.above.iter().find(|node| node.id == self.request.account.node_id)?;
        Some(node.cloud_id())
    }

    async fn delete(&self, target: &CleanTarget, log: &CleanLog) -> Result<CleanOutcome, Failure> {
        let title = target.node.title();
        self.output.step(format!("deleting {title}"));
        tracing::info!(dry_run = self.request.dry_run, "deleting {title}");
        let work = CatchPanic(self.collector.clean(self.request, target, log, self.output));
        let ended = work.await.unwrap_or_else(|panic| Err(panic.into()));
        match ended {
            Ok(outcome) => Ok(self.as_planned(outcome, log)),
            Err(Failure::Fault(fault)) => outcome_of(*fault),
            Err(Failure::Stopped) => Err(Failure::Stopped),
        }
    }

    /// A dry run deletes nothing, so nothing of it may look as if it had.
    fn as_planned(&self, outcome: CleanOutcome, log: &CleanLog) -> CleanOutcome {
        match outcome {
            CleanOutcome::Gone | CleanOutcome::Later { .. } if self.request.dry_run => {
                if let Some(reason) = outcome.reason() {
                    log.done(format!("would have to wait: {reason}"));
                }
                CleanOutcome::Planned
            }
            outcome => outcome,
        }
    }
}

/// What a fault of one resource means.
fn outcome_of(fault: Fault) -> Result<CleanOutcome, Failure> {
    match fault.kind {
        // The next resource would end the same.
        FaultKind::Credentials | FaultKind::Config | FaultKind::WrongAccount => Err(fault.into()),
        FaultKind::AccessDenied
        | FaultKind::Throttled
        | FaultKind::Unavailable
        | FaultKind::InvalidAnswer
        | FaultKind::Property
        | FaultKind::Resource
        | FaultKind::Input
        | FaultKind::Limit
        | FaultKind::Internal => Ok(match fault.retry {
            Retry::Later => CleanOutcome::Later { reason: sentence(fault) },
            Retry::Never => CleanOutcome::Failed { reason: sentence(fault) },
        }),
    }
}

fn sentence(fault: Fault) -> String {
    match fault.hint {
        Some(hint) => format!("{} ({hint})", fault.message),
        None => fault.message,
    }
}

fn read(json: &str) -> Result<StoredNode, Failure> {
    StoredNode::parse(json).map_err(|error: NodeError| {
        fault(FaultKind::InvalidAnswer, format!("a node to clean up: {error}")).into()
    })
}
