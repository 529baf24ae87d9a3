//! Deleting one resource.

use std::time::Duration;

use aws_tables::plan::{Condition, DeletePlan, GoesWith, Scope};
use ipc_proto::clean::CleanOutcome;

use super::access::Changer;
use super::hooks;
use super::judge::{Codes, Stop};
use super::perform::Job;
use super::{Journal, Resource};
use crate::config::AwsConfig;
use crate::failure::Failure;
use crate::sink::Sink;
use crate::tables;

/// A resource to delete.
#[derive(Debug)]
pub struct Deletion<'a> {
    /// The settings.
    pub config: &'a AwsConfig,
    /// What is to be deleted.
    pub resource: &'a Resource,
    /// What has delete edges to it, so that it may go only after it.
    pub above: &'a [Above],
    /// Nothing is changed; the journal says what would be.
    pub dry_run: bool,
    /// Time that is left; `None` is no limit.
    pub remaining: Option<Duration>,
}

/// A node that may go only after the one that is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Above {
    /// Its kind.
    pub kind: String,
    /// Kind, name and id for people.
    pub title: String,
    /// It is deleted in the same run.
    pub goes: bool,
}

impl Changer {
    /// Deletes a resource with everything that AWS demands before, as the table of its kind says.
    pub async fn clean(
        &self,
        deletion: &Deletion<'_>,
        journal: &dyn Journal,
        sink: &dyn Sink,
    ) -> Result<CleanOutcome, Failure> {
        let kind = deletion.resource.kind();
        let Some(plan) = tables::plans()?.get(kind).and_then(|plan| plan.delete.as_ref()) else {
            return Ok(CleanOutcome::Refused {
                reason: format!("resources of kind {kind} cannot be deleted"),
            });
        };
        match self.by_plan(plan, deletion, journal, sink).await {
            Ok(()) if deletion.dry_run => Ok(CleanOutcome::Planned),
            Ok(()) => Ok(CleanOutcome::Gone),
            Err(Stop::Outcome(outcome)) => Ok(outcome),
            Err(Stop::Failure(failure)) => Err(failure),
        }
    }

    /// Ends well if the resource is gone or on its way out, or would be.
    pub(super) async fn by_plan(
        &self,
        plan: &DeletePlan,
        deletion: &Deletion<'_>,
        journal: &dyn Journal,
        sink: &dyn Sink,
    ) -> Result<(), Stop> {
        let Deletion { config, resource, above, dry_run, remaining } = *deletion;
        let place = resource.place();
        let scope = Scope::new(resource.document(), &place);
        if let Some(with) = goes_by_itself(plan, above, &scope)? {
            journal.done(format!("goes away with {with}"));
            return Ok(());
        }
        let reached = resource.scope(config);
        let access =
            self.access(config, resource.account()?, &reached, resource.region(), remaining, sink).await?;
        let codes = Codes { gone: &plan.gone, later: &plan.later };
        let job = Job { access: &access, journal, dry_run, codes };
        if let Some(hook) = &plan.hook {
            hooks::Before::of(hook)?.run(job, resource).await?;
        }
        for call in &plan.before {
            job.perform(call, scope).await?;
        }
        let mut made = 0;
        for call in &plan.calls {
            let report = job.perform(call, scope).await?;
            made += report.made;
            if report.gone > 0 && report.made == 0 {
                journal.done("it is gone already".to_owned());
                return Ok(());
            }
            if let Some(missing) = report.missing.filter(|_| report.made == 0) {
                let reason =
                    format!("{}:{} cannot be called: {missing}", call.call.service, call.call.operation);
                return Err(Stop::Outcome(CleanOutcome::Failed { reason }));
            }
        }
        if made == 0 {
            journal.done("nothing has to be called, it is on its way out already".to_owned());
        }
        Ok(())
    }
}

/// What the resource goes away with, if it does not have to be deleted itself; an error if it stays.
fn goes_by_itself<'a>(
    plan: &DeletePlan,
    above: &'a [Above],
    scope: &Scope<'_>,
) -> Result<Option<&'a str>, Stop> {
    let refused = |reason: String| Err(Stop::Outcome(CleanOutcome::Refused { reason }));
    if let Some(refusal) = plan.refuse.iter().find(|refusal| Condition::all(&refusal.when, scope)) {
        return refused(refusal.reason.clone());
    }
    let Some(with) = plan.with.iter().find(|with| Condition::all(&with.when, scope)) else {
        return Ok(None);
    };
    match above.iter().find(|node| node.kind == with.kind && node.goes) {
        Some(node) => Ok(Some(&node.title)),
        None => refused(stays(with)),
    }
}

fn stays(with: &GoesWith) -> String {
    let alone = format!("it only goes away with its {}, which is not deleted in this run", with.kind);
    with.reason.as_ref().map_or_else(|| alone.clone(), |reason| format!("{reason}; {alone}"))
}
