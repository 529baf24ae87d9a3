//! The collector `aws`: the crate `aws-collector` behind the interface of this program.

use std::borrow::Cow;

use aws_collector::{AwsConfig, BoxFuture as AwsFuture, Collect, Failure as AwsFailure, Sink};
use ipc_proto::fault::Fault;
use ipc_proto::graph::{DeferredEdge, Edge, Node};
use ipc_proto::job::{Account, Described};
use ipc_proto::message::Progress;

use crate::collector::{BoxFuture, CollectRequest, Collector, ConfigSection, Failure};
use crate::output::Output;

/// The collector `aws`.
#[derive(Debug, Default)]
pub(super) struct Aws;

impl Collector for Aws {
    fn name(&self) -> Cow<'static, str> {
        "aws".into()
    }

    fn describe(&self) -> Described {
        aws_collector::describe()
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
            aws_collector::collect(job, &ToOutput(output)).await.map_err(failure)
        })
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
