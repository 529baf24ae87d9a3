//! Deleting one resource of AWS.

use std::time::Duration;

use collector::changes::Journal;
use collector::{Failure, Sink};
use engine::change::{self, Above, Memory, Removal, Stop, goes_by_itself, outcome, remove};
use ipc_proto::clean::CleanOutcome;
use tables::plan::DeletePlan;

use super::Resource;
use super::access::Changer;
use super::manner::MANNER;
use crate::built_in;
use crate::config::AwsConfig;

/// A resource to delete.
#[derive(Debug)]
pub(crate) struct Deletion<'a> {
    /// The settings.
    pub config: &'a AwsConfig,
    /// What is to be deleted.
    pub resource: &'a Resource,
    /// What has edges to it: it belongs to that, or that may go only after it.
    pub above: &'a [Above],
    /// Nothing is changed; the journal says what would be.
    pub dry_run: bool,
    /// Time that is left; `None` is no limit.
    pub remaining: Option<Duration>,
    /// What the process has done so far.
    pub memory: &'a Memory,
}

impl Changer {
    /// Deletes a resource with everything that AWS demands before, as the table of its kind says.
    pub(crate) async fn clean(
        &self,
        deletion: &Deletion<'_>,
        journal: &dyn Journal,
        sink: &dyn Sink,
    ) -> Result<CleanOutcome, Failure> {
        let ended = match change::deletion(built_in::plans()?, deletion.resource.kind()) {
            Ok(plan) => self.by_plan(plan, deletion, journal, sink).await,
            Err(stop) => Err(stop),
        };
        outcome(ended, deletion.dry_run)
    }

    /// Ends well if the resource is gone or on its way out, or would be.
    pub(super) async fn by_plan(
        &self,
        plan: &DeletePlan,
        deletion: &Deletion<'_>,
        journal: &dyn Journal,
        sink: &dyn Sink,
    ) -> Result<(), Stop> {
        let Deletion { config, resource, above, dry_run, remaining, memory } = *deletion;
        if let Some(reason) = resource.of_another_account() {
            return Err(Stop::Outcome(CleanOutcome::Refused { reason }));
        }
        goes_by_itself(plan, resource, above, journal)?;
        let access = self.access_to(config, resource, remaining, sink).await?;
        remove(Removal { plan, resource, dry_run, memory }, MANNER, &access, journal).await
    }
}
