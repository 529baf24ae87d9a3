//! Changing the tags of one resource.

use collector::changes::Journal;
use collector::{Failure, fault};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::{Fault, FaultKind};
use serde_json::{Value, json};
use tables::plan::{ErrorSaid, KindPlan, KindScope, NodeCall, Scope, TagPlan};

use super::access::Access;
use super::hooks::Manner;
use super::judge::{Codes, Stop};
use super::perform::{Job, called};
use super::resource::Resource;

/// Tags to change.
#[derive(Debug)]
pub struct Tagging<'a> {
    /// Whose tags.
    pub resource: &'a Resource,
    /// Names of tags to remove, in this order.
    pub remove: &'a [String],
    /// Names and values of tags to set, in this order, when the others are removed.
    pub set: &'a [(String, String)],
}

/// One tag to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagChange<'a> {
    /// Remove the one of this name.
    Remove(&'a str),
    /// Set the one of this name to this value.
    Set(&'a str, &'a str),
}

impl<'a> Tagging<'a> {
    /// All changes in their order.
    pub fn changes(&self) -> impl Iterator<Item = TagChange<'a>> {
        let remove = self.remove.iter().map(|key| TagChange::Remove(key));
        remove.chain(self.set.iter().map(|(key, value)| TagChange::Set(key, value)))
    }
}

/// Why tags of this resource cannot be changed, if so; asked before anything is called.
pub fn no_tags(plan: Option<&KindPlan>, resource: &Resource) -> Option<Fault> {
    let kind = resource.kind();
    let Some(plan) = plan.filter(|plan| plan.tag.is_some()) else {
        let message = format!("resources of kind {kind} have no tags that can be changed");
        return Some(fault(FaultKind::Config, message));
    };
    // Without a region the call would go to the global one, where there may be one of the same id.
    (plan.scope == KindScope::Region && resource.is_global()).then(|| {
        let message = format!("the node of this {kind} does not say which region it is in");
        fault(FaultKind::Config, message)
    })
}

/// Changes tags as the table of the kind says; `gone` is what it says of one that is not there any more. An error is for
/// the user; changes before it were made.
pub async fn tag(
    plan: &TagPlan,
    gone: &[ErrorSaid],
    tagging: &Tagging<'_>,
    manner: Manner,
    access: &Access<'_>,
) -> Result<(), Failure> {
    match &plan.hook {
        Some(hook) => manner.hooks.tags(hook, access, tagging).await,
        None => by_calls(plan, gone, tagging, manner, access).await.map_err(for_user),
    }
}

async fn by_calls(
    plan: &TagPlan,
    gone: &[ErrorSaid],
    tagging: &Tagging<'_>,
    manner: Manner,
    access: &Access<'_>,
) -> Result<(), Stop> {
    let scope = Scope::new(tagging.resource.document(), tagging.resource.place());
    let codes = Codes { gone, later: &[], sayings: manner.sayings };
    let job = Job { hooks: manner.hooks, access, journal: &Silent, dry_run: false, codes, done: None };
    for change in tagging.changes() {
        let (calls, key, value) = match change {
            TagChange::Remove(key) => (&plan.remove, Value::from(key), Value::Null),
            TagChange::Set(key, value) => (&plan.set, Value::from(key), Value::from(value)),
        };
        job.change(calls, scope.with_tag(&key, &value)).await.map_err(unless_gone)?;
    }
    Ok(())
}

impl Job<'_> {
    /// Makes the calls for one tag.
    async fn change(&self, calls: &[NodeCall], scope: Scope<'_>) -> Result<(), Stop> {
        let mut made = 0;
        for call in calls {
            let report = self.perform(call, scope).await?;
            if let Some(told) = report.gone.filter(|_| report.made == 0) {
                return Err(Failure::from(fault(FaultKind::Resource, not_there(&told))).into());
            }
            if let Some(missing) = report.missing.filter(|_| report.made == 0) {
                let message = format!("{} cannot be called: {missing}", called(&call.call));
                return Err(Failure::from(fault(FaultKind::Resource, message)).into());
            }
            made += report.made;
        }
        if made == 0 {
            let message = "none of the calls that change tags of such resources fits this one";
            return Err(Failure::from(fault(FaultKind::Resource, message)).into());
        }
        Ok(())
    }
}

/// All tags (`Key`, `Value`) as they are to be, for services that only take all of them at once. Others stay as they
/// are, those of the cloud itself among them.
pub fn applied(mut tags: Vec<Value>, tagging: &Tagging<'_>) -> Result<Vec<Value>, Failure> {
    for change in tagging.changes() {
        let (TagChange::Remove(key) | TagChange::Set(key, _)) = change;
        let place = tags.iter().position(|tag| tag["Key"] == key);
        match (change, place) {
            (TagChange::Remove(_), Some(place)) => drop(tags.remove(place)),
            (TagChange::Remove(key), None) => return Err(no_such_tag(key)),
            (TagChange::Set(_, value), Some(place)) => tags[place]["Value"] = value.into(),
            (TagChange::Set(key, value), None) => tags.push(json!({"Key": key, "Value": value})),
        }
    }
    Ok(tags)
}

/// The fault of a tag that is to be removed and is not there.
pub fn no_such_tag(key: &str) -> Failure {
    fault(
        FaultKind::Config,
        format!("there is no tag {key:?} to remove; it may be gone since the last collect"),
    )
    .into()
}

fn not_there(told: &str) -> String {
    format!("it does not exist any more: {told}")
}

/// The words for what services say of something that does not exist; which thing that is, only their message tells.
fn unless_gone(stop: Stop) -> Stop {
    match stop {
        Stop::Failure(Failure::Fault(mut fault)) if says_gone(&fault.message) => {
            fault.message = not_there(&fault.message);
            fault.kind = FaultKind::Resource;
            Stop::Failure(Failure::Fault(fault))
        }
        other => other,
    }
}

/// Whether the code in the message says that.
fn says_gone(message: &str) -> bool {
    let ends = ["NotFound", "NotFoundException", "NotFoundFault", "DoesNotExistException", "NotExist"];
    let mut words = message.split(|c: char| !(c.is_alphanumeric() || c == '.'));
    words.any(|code| code.starts_with("NoSuch") || ends.iter().any(|end| code.ends_with(end)))
}

/// What ends a deletion, said to somebody who waits for a tag.
fn for_user(stop: Stop) -> Failure {
    match stop {
        Stop::Failure(failure) => failure,
        Stop::Held(reason) => fault(FaultKind::Unavailable, reason).into(),
        Stop::Outcome(outcome) => outcome_for_user(&outcome),
    }
}

/// The outcome of a call that did not change tags, said to somebody who waits for it.
pub fn outcome_for_user(outcome: &CleanOutcome) -> Failure {
    let kind = match outcome {
        CleanOutcome::Later { .. } => FaultKind::Unavailable,
        _ => FaultKind::Resource,
    };
    fault(kind, outcome.reason().unwrap_or_default()).into()
}

/// Tags have no log: the answer is the node.
#[derive(Debug)]
pub struct Silent;

impl Journal for Silent {
    fn done(&self, message: String) {
        tracing::info!("{message}");
    }

    fn failed(&self, message: String) {
        tracing::warn!("{message}");
    }
}
