//! Deleting one resource.

use collector::Failure;
use collector::changes::{CleanTarget, Journal};
use ipc_proto::clean::CleanOutcome;
use tables::plan::{Condition, DeletePlan, ErrorSaid, GoesWith, KindPlan, NodeCall, Scope};

use super::access::Access;
use super::hooks::Manner;
use super::judge::{Codes, Stop, explained, later};
use super::memory::{Done, Memory, Who};
use super::perform::{Job, called};
use super::prepare::{Prepared, Unread};
use super::resource::Resource;
use crate::plans::Plans;

/// Things that are named in the reason of a resource that stays without them.
const TAKEN: usize = 20;

/// A resource to delete.
#[derive(Debug, Clone, Copy)]
pub struct Removal<'a> {
    /// What the table of its kind says.
    pub plan: &'a DeletePlan,
    /// What is to be deleted.
    pub resource: &'a Resource,
    /// Nothing is changed; the journal says what would be.
    pub dry_run: bool,
    /// What the process has done so far.
    pub memory: &'a Memory,
}

/// A node with an edge to the one that is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Above {
    /// Its node id.
    pub node_id: String,
    /// Its kind.
    pub kind: String,
    /// Kind, name and id for people.
    pub title: String,
    /// It is deleted in the same run.
    pub goes: bool,
}

impl Above {
    /// What the resource belongs to, and what may go only after it: delete edges lead to what goes before, the others
    /// from the whole to its part.
    pub fn of(target: &CleanTarget) -> Vec<Self> {
        let after = target.related.iter().filter(|other| !other.outgoing);
        let above = after.map(|other| Self {
            node_id: other.node.id.clone(),
            kind: other.node.kind.clone(),
            title: other.node.title(),
            goes: other.node.marked && !other.node.is_protected(),
        });
        above.collect()
    }
}

/// What the table of a kind says about its deletion; an error if it cannot be deleted.
pub fn deletion<'p>(plans: &'p Plans, kind: &str) -> Result<&'p DeletePlan, Stop> {
    plans.get(kind).and_then(|plan| plan.delete.as_ref()).ok_or_else(|| {
        let reason = format!("resources of kind {kind} cannot be deleted");
        Stop::Outcome(CleanOutcome::Refused { reason })
    })
}

/// What the table of a kind says of one that is not there any more.
pub fn gone(plan: Option<&KindPlan>) -> &[ErrorSaid] {
    plan.and_then(|plan| plan.delete.as_ref()).map_or(&[], |delete| &delete.gone)
}

/// What came of a deletion that ended so.
pub fn outcome(ended: Result<(), Stop>, dry_run: bool) -> Result<CleanOutcome, Failure> {
    match ended {
        Ok(()) if dry_run => Ok(CleanOutcome::Planned),
        Ok(()) => Ok(CleanOutcome::Gone),
        Err(Stop::Held(reason)) => Ok(CleanOutcome::Later { reason }),
        Err(Stop::Outcome(outcome)) => Ok(outcome),
        Err(Stop::Failure(failure)) => Err(failure),
    }
}

/// Whether the resource needs no calls: it goes away with another one, or stays. To be asked before anything is called;
/// `above` has edges to it: it belongs to that, or that may go only after it.
pub fn goes_by_itself(
    plan: &DeletePlan,
    resource: &Resource,
    above: &[Above],
    journal: &dyn Journal,
) -> Result<(), Stop> {
    let scope = Scope::new(resource.document(), resource.place());
    if let Some(owner) = goes_with(plan, above, &scope)? {
        journal.done(format!("goes away with {}", owner.title));
        return Err(Stop::Outcome(CleanOutcome::GoesWith { node_id: owner.node_id.clone() }));
    }
    Ok(())
}

/// Deletes a resource with everything that the cloud demands before. Ends well if it is gone or on its way out, or would
/// be.
pub async fn remove(
    removal: Removal<'_>,
    manner: Manner,
    access: &Access<'_>,
    journal: &dyn Journal,
) -> Result<(), Stop> {
    let Removal { plan, resource, dry_run, memory } = removal;
    let scope = Scope::new(resource.document(), resource.place());
    let codes = Codes { gone: &plan.gone, later: &plan.later, sayings: manner.sayings };
    let who = Who::of(resource);
    let known = (memory, &who);
    let job = Job { hooks: manner.hooks, access, journal, dry_run, codes, done: None };
    let attempt = Attempt { plan, job, resource, scope, known };
    if dry_run {
        return attempt.told().await;
    }
    memory.asks(&who);
    let ended = attempt.made().await.map_err(|stop| without(stop, &memory.taken(&who)));
    if ended.is_ok() {
        memory.forgets(&who);
    }
    ended
}

/// The deletion of one resource in one pass.
struct Attempt<'a> {
    plan: &'a DeletePlan,
    job: Job<'a>,
    resource: &'a Resource,
    scope: Scope<'a>,
    known: (&'a Memory, &'a Who),
}

impl Attempt<'_> {
    /// A dry run: what would be taken away, then what would be called.
    async fn told(&self) -> Result<(), Stop> {
        if self.plan.first {
            self.free().await?;
        }
        self.prepare().await?;
        self.decide().await
    }

    /// The cloud is asked first, so that nothing is taken away from what it does not let go anyway. When it says that
    /// something is in the way, that is taken away, unless more is in the way than that.
    async fn made(&self) -> Result<(), Stop> {
        if self.plan.first {
            self.free().await?;
            let prepared = self.prepare().await?;
            return self.decide().await.map_err(|stop| explained(stop, &prepared.troubles));
        }
        let refused = match self.decide().await {
            Err(Stop::Held(refused)) => refused,
            ended => return ended,
        };
        if let Some(keeps) = self.job.held(&self.plan.holds, self.scope, Unread::Passes).await? {
            return Err(later(format!("{refused}; {keeps}")));
        }
        let prepared = self.prepare().await?;
        let again = if prepared.made == 0 { Err(Stop::Held(refused)) } else { self.decide().await };
        again.map_err(|stop| explained(stop, &prepared.troubles))
    }

    /// Nothing keeps it, as far as the cloud says: where its table wants to know that first, because the deletion would
    /// take along what keeps it, and what cannot be read may be such a thing.
    async fn free(&self) -> Result<(), Stop> {
        match self.job.held(&self.plan.holds, self.scope, Unread::Keeps).await? {
            Some(keeps) => Err(later(keeps)),
            None => Ok(()),
        }
    }

    async fn prepare(&self) -> Result<Prepared, Stop> {
        let (memory, who) = self.known;
        let taking = Taking { journal: self.job.journal, memory, who };
        let journal: &dyn Journal = if self.job.dry_run { self.job.journal } else { &taking };
        let job = Job { done: Some(Done::of(self.known)), journal, ..self.job };
        job.prepare(self.plan, self.resource, self.scope, self.known).await
    }

    /// The calls that delete.
    async fn decide(&self) -> Result<(), Stop> {
        let (mut made, mut needless) = (0, 0);
        for call in &self.plan.calls {
            let report = self.job.perform(call, self.scope).await?;
            (made, needless) = (made + report.made, needless + report.needless);
            if report.gone.is_some() && report.made == 0 {
                if made == 0 {
                    self.job.journal.done("it is gone already".to_owned());
                }
                return Ok(());
            }
            if let Some(missing) = report.missing.filter(|_| report.made == 0) {
                return Err(failed(call, &format!("cannot be called: {missing}")));
            }
            if report.made + report.needless == 0 {
                return Err(failed(call, "cannot be called: the service told nothing about the resource"));
            }
        }
        if made == 0 && needless > 0 {
            self.job.journal.done("nothing has to be called, it is on its way out already".to_owned());
        }
        Ok(())
    }
}

/// Remembers what is taken away: if the resource stays after all, it has to be told.
struct Taking<'a> {
    journal: &'a dyn Journal,
    memory: &'a Memory,
    who: &'a Who,
}

impl Journal for Taking<'_> {
    fn done(&self, message: String) {
        let words = message.strip_prefix("called ").unwrap_or(&message);
        self.memory.takes(self.who, words.to_owned());
        self.journal.done(message);
    }

    fn failed(&self, message: String) {
        self.journal.failed(message);
    }
}

/// The end of a deletion after which the resource is there, without what was taken away from it.
fn without(stop: Stop, taken: &[String]) -> Stop {
    if taken.is_empty() {
        return stop;
    }
    let more = taken.len().saturating_sub(TAKEN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = taken[..taken.len().min(TAKEN)].join(", ");
    stop.retold(|reason| format!("{reason}; taken away before that and not put back: {shown}{more}"))
}

fn failed(call: &NodeCall, why: &str) -> Stop {
    let reason = format!("{} {why}", called(&call.call));
    Stop::Outcome(CleanOutcome::Failed { reason })
}

/// What the resource goes away with, if it does not have to be deleted itself; an error if it stays.
fn goes_with<'a>(
    plan: &DeletePlan,
    above: &'a [Above],
    scope: &Scope<'_>,
) -> Result<Option<&'a Above>, Stop> {
    let refused = |reason: String| Err(Stop::Outcome(CleanOutcome::Refused { reason }));
    if let Some(refusal) = plan.refuse.iter().find(|refusal| Condition::all(&refusal.when, scope)) {
        return refused(refusal.reason.clone());
    }
    let Some(with) = plan.with.iter().find(|with| Condition::all(&with.when, scope)) else {
        return Ok(None);
    };
    match above.iter().find(|node| node.kind == with.kind && node.goes) {
        Some(node) => Ok(Some(node)),
        None => refused(stays(with)),
    }
}

fn stays(with: &GoesWith) -> String {
    let alone = format!("it only goes away with its {}, which is not deleted in this run", with.kind);
    with.reason.as_ref().map_or_else(|| alone.clone(), |reason| format!("{reason}; {alone}"))
}
