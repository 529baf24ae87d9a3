//! Whether the credentials get into each account: what a collection asks first, and nothing of what it does then.

use fixworker_fleet::{JobSink, SinkError, StopToken};
use futures_util::StreamExt;
use futures_util::stream;
use ipc_proto::message::{Done, Report};

use super::wanted::Wanted;
use super::{RunPlan, jobs, trouble};
use crate::work::Tools;
use crate::work::event::{CollectorAccount, Trouble};

/// What is wrong with an account; `None` is nothing.
pub(crate) type Reached = (CollectorAccount, Option<Trouble>);

/// Asks for each account, at most `at_once` of them at a time. The answers are in the order of the accounts.
pub(crate) async fn identify(
    tools: &Tools,
    plan: &RunPlan,
    accounts: &[Wanted],
    at_once: usize,
    stop: &StopToken,
) -> Vec<Reached> {
    let asked = accounts.iter().map(|target| async move {
        (target.name.clone(), identify_one(tools, plan, target, stop).await.err())
    });
    stream::iter(asked).buffered(at_once.max(1)).collect().await
}

async fn identify_one(
    tools: &Tools,
    plan: &RunPlan,
    target: &Wanted,
    stop: &StopToken,
) -> Result<(), Trouble> {
    let settings = |message| Trouble { kind: "config".to_owned(), message, hint: None, cancelled: false };
    if stop.is_stopped() {
        return Err(trouble::not_asked());
    }
    if let Some(keys) = jobs::identify_by_broker(tools, plan, target).map_err(settings)? {
        let made = keys.seal(false, jobs::IDENTITY_TIMEOUT).await;
        return made.map(drop).map_err(|failure| trouble::of_failure(&failure));
    }
    let task = jobs::identify(tools, plan, target).map_err(settings)?;
    let end = tools.fleet.run_one(task, |_attempt| Ok(IdentitySink), stop.clone()).await;
    end.result.map(drop).map_err(|end| trouble::of_end(&end, false))
}

/// Nothing is answered but that it is done.
#[derive(Debug)]
struct IdentitySink;

impl JobSink for IdentitySink {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        match report {
            Report::Ready
            | Report::Heartbeat(_)
            | Report::Progress(_)
            | Report::Fault(_)
            | Report::Denied(_)
            | Report::Done(_)
            | Report::Fatal(_) => Ok(()),
            Report::Described(_)
            | Report::Brokering(_)
            | Report::Accounts(_)
            | Report::Chunk(_)
            | Report::Cleaned(_)
            | Report::Tagged(_)
            | Report::Output(_)
            | Report::Sealed(_)
            | Report::Renew => Err(SinkError::Violation("answered a job that it was not given".to_owned())),
        }
    }

    fn done(&mut self, _done: &Done) -> Result<(), SinkError> {
        Ok(())
    }
}
