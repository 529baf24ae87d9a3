//! What a collector is: the interface between the child's machinery and the code that knows a cloud.

use std::borrow::Cow;
use std::time::Duration;

use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described, PathGrant};
use ipc_proto::seal::{Brokering, Seal};
use serde_json::Value;

use crate::changes::{
    Ability, Change, CleanLog, CleanRequest, CleanTarget, CommandRequest, TagRequest, refused,
};
use crate::config::ConfigSection;
use crate::fault::{Failure, fault};
use crate::identity::{Errand, Identity};
use crate::sink::{BoxFuture, Sink};

/// Collects accounts of one cloud.
///
/// One value serves all jobs of the process, several at once. A collector that calls a cloud awaits its
/// calls; blocking work goes through `tokio::task::spawn_blocking`. Futures may be dropped at any `await`
/// (a cancelled job), so whatever must be undone is undone by `Drop`.
pub trait Collector: Send + Sync {
    /// Its name, as in `fixworker.collector` and in its description. Asked of every collector at the start of every job.
    fn name(&self) -> Cow<'static, str>;

    /// What the collector is: name, kinds, config section, environment. No I/O.
    fn describe(&self) -> Described;

    /// Paths it must reach: those of its description, which every child would otherwise make at its start.
    fn paths(&self) -> Vec<PathGrant> {
        Vec::new()
    }

    /// The accounts that `config` gives access to. Troubles that cost some of them but not all go to
    /// `sink` as faults.
    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>>;

    /// What a process still needs that has the credentials of one account; `None` if this collector cannot make such, and
    /// every process gets all credentials. No I/O.
    fn brokering(&self) -> Option<Brokering> {
        None
    }

    /// Makes the credentials for an errand that another process does: they reach the account of the errand, as far as
    /// the cloud can say so. [`Self::identity`] was asked before. `again` replaces those that this process has made
    /// before. In that process they are [`ConfigSection::credentials`].
    fn seal<'a>(
        &'a self,
        errand: &'a Errand<'a>,
        again: bool,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Seal, Failure>> {
        let _ = (errand, again, sink);
        let message = format!("the collector {} makes no credentials of accounts", self.name());
        Box::pin(async { Err(fault(FaultKind::Internal, message).into()) })
    }

    /// To which account the credentials belong that an errand would be done with. Asked before every errand, and there
    /// is no default: whose account they are has to be known before anything is changed. The machinery compares, and
    /// refuses what is for another account.
    ///
    /// The cloud is asked once for the same credentials, and again when others have replaced them; the answer holds
    /// for those that [`Self::collect`], [`Self::clean`], [`Self::tag`] and [`Self::command`] use, or they fail.
    /// Credentials that do not get into the account are [`FaultKind::WrongAccount`], with a sentence that says whose
    /// they are.
    fn identity<'a>(
        &'a self,
        errand: &'a Errand<'a>,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Identity, Failure>>;

    /// Begins to collect one account and goes no further than to learn that it lets the credentials in; nothing is sent.
    /// [`Self::identity`] was asked before, and has answered it for collectors that ask their cloud for that.
    fn reach<'a>(
        &'a self,
        request: &'a CollectRequest,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        let _ = (request, sink);
        Box::pin(async { Ok(()) })
    }

    /// Puts the graph of one account into `sink`: graph root, cloud, the account and everything below it,
    /// with the edges that join them.
    ///
    /// Troubles that cost some resources are faults; an error costs the account.
    fn collect<'a>(
        &'a self,
        request: &'a CollectRequest,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// Whether `change` can be made to resources of `kind`. No I/O. Unless it says `Yes`, [`Self::clean`] and
    /// [`Self::tag`] are not called.
    fn ability(&self, change: Change, kind: &str) -> Ability {
        let _ = (change, kind);
        Ability::Unsupported
    }

    /// Deletes one resource with everything the cloud demands before; several calls run at once.
    ///
    /// Not found is `Gone`. What something else still depends on, or what is on its way out, is `Later`. In a
    /// dry run nothing may be changed, the log says what would be done, and the answer is `Planned`. An error
    /// costs the resource; of kind Credentials or Config it ends the whole job, because the next resource
    /// would end the same. What is kept from one resource to the next (sessions) is in `self`.
    fn clean<'a>(
        &'a self,
        request: &'a CleanRequest,
        target: &'a CleanTarget,
        log: &'a CleanLog,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<CleanOutcome, Failure>> {
        let _ = (request, log, sink);
        let reason = Ability::Unsupported.refusal(Change::Clean, &self.name(), &target.node.kind);
        Box::pin(async { Ok(CleanOutcome::Refused { reason: reason.unwrap_or_default() }) })
    }

    /// Changes tags in the cloud: removes, then sets. The node that goes back is changed by the caller.
    fn tag<'a>(&'a self, request: &'a TagRequest, sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>> {
        let _ = sink;
        let reason = Ability::Unsupported.refusal(Change::Tag, &self.name(), &request.node.kind);
        Box::pin(async { Err(refused(reason.unwrap_or_default()).into()) })
    }

    /// Executes a command. The answer goes to the user as it is.
    fn command<'a>(
        &'a self,
        request: &'a CommandRequest,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        let _ = sink;
        let unknown = request.unknown_to(&self.name());
        Box::pin(async { Err(unknown.into()) })
    }
}

/// One account to collect.
#[derive(Debug)]
pub struct CollectRequest {
    /// The collector's config section.
    pub config: ConfigSection,
    /// The account, as [`Collector::accounts`] listed it.
    pub account: Account,
    /// How long ago the last run started; `None` on the first one. Bounds the window of usage metrics.
    pub last_run_started_ago: Option<Duration>,
    /// Time left for the job when it started; `None` is no limit. Only advice: the supervisor ends a job that
    /// takes longer.
    pub remaining: Option<Duration>,
}
