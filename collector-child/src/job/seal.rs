//! The Seal job: makes the credentials for a job that another process does.

use std::time::Duration;

use collector::identity::{self, Errand};
use collector::{Collector, Failure, fault};
use ipc_proto::fault::FaultKind;
use ipc_proto::message::Report;
use ipc_proto::seal::{AccountJob, Seal, SealJob};

use super::{Collectors, clean, collect_request, find, tasks};
use crate::output::Output;

/// Makes sure that the credentials are those of the account, as the job itself would, and sends them.
pub(super) async fn run(
    collectors: &Collectors,
    job: SealJob,
    remaining: Option<Duration>,
    output: &Output,
) -> Result<(), Failure> {
    let SealJob { job, again } = job;
    let collector = find(collectors, job.collector())?;
    if collector.brokering().is_none() {
        let message = format!("the collector {} makes no credentials of accounts", collector.name());
        return Err(fault(FaultKind::Internal, message).into());
    }
    output.step("making credentials");
    let maker = Maker { collector, again, output };
    let seal = match job {
        AccountJob::Collect(job) => {
            maker.make(Errand::Collect(&collect_request(*job, remaining, output)?)).await?
        }
        AccountJob::Clean(job) => match clean::errand(collector, &job, remaining, output)? {
            Some((request, node)) => maker.make(Errand::Clean(&request, &node)).await?,
            // All of them will be refused, so there is nothing to reach.
            None => Seal { bytes: Vec::new().into(), remaining: None, shared: None },
        },
        AccountJob::Tag(job) => {
            maker.make(Errand::Tag(&tasks::tag_request(*job, remaining, output)?)).await?
        }
        AccountJob::Command(job) => {
            maker.make(Errand::Command(&tasks::command_request(*job, remaining, output)?)).await?
        }
    };
    output.work(1);
    output.send(Report::Sealed(Box::new(seal))).await
}

struct Maker<'a> {
    collector: &'a dyn Collector,
    again: bool,
    output: &'a Output,
}

impl Maker<'_> {
    async fn make(&self, errand: Errand<'_>) -> Result<Seal, Failure> {
        identity::verify(self.collector, errand, self.output).await?;
        self.collector.seal(&errand, self.again, self.output).await
    }
}
