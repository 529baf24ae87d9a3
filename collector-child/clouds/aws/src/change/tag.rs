//! Changing the tags of one resource.

use std::time::Duration;

use collector::changes::Journal;
use collector::{Failure, Sink, fault};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::FaultKind;
use serde_json::{Value, json};
use tables::plan::{KindScope, NodeCall, Scope, TagPlan};

use super::Resource;
use super::access::{Access, Changer};
use super::hooks;
use super::judge::{Codes, Stop};
use super::perform::Job;
use crate::built_in;
use crate::config::AwsConfig;

/// Tags to change.
#[derive(Debug)]
pub(crate) struct Tagging<'a> {
    /// The settings.
    pub config: &'a AwsConfig,
    /// Whose tags.
    pub resource: &'a Resource,
    /// Names of tags to remove, in this order.
    pub remove: &'a [String],
    /// Names and values of tags to set, in this order, when the others are removed.
    pub set: &'a [(String, String)],
    /// Time that is left; `None` is no limit.
    pub remaining: Option<Duration>,
}

/// One tag to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagChange<'a> {
    Remove(&'a str),
    Set(&'a str, &'a str),
}

impl<'a> Tagging<'a> {
    /// All changes in their order.
    pub(super) fn changes(&self) -> impl Iterator<Item = TagChange<'a>> {
        let remove = self.remove.iter().map(|key| TagChange::Remove(key));
        remove.chain(self.set.iter().map(|(key, value)| TagChange::Set(key, value)))
    }
}

impl Changer {
    /// Changes tags as the table of the kind says. An error is for the user; changes before it were made.
    pub(crate) async fn tag(&self, tagging: &Tagging<'_>, sink: &dyn Sink) -> Result<(), Failure> {
        let kind = tagging.resource.kind();
        let of_kind = built_in::plans()?.get(kind);
        let Some(plan) = of_kind.and_then(|of_kind| of_kind.tag.as_ref()) else {
            let message = format!("resources of kind {kind} have no tags that can be changed");
            return Err(fault(FaultKind::Config, message).into());
        };
        // Without a region the call would go to the global one, where there may be one of the same id.
        if of_kind.is_some_and(|of_kind| of_kind.scope == KindScope::Region) && tagging.resource.is_global() {
            let message = format!("the node of this {kind} does not say which region it is in");
            return Err(fault(FaultKind::Config, message).into());
        }
        self.tag_by_plan(plan, tagging, sink).await
    }

    pub(super) async fn tag_by_plan(
        &self,
        plan: &TagPlan,
        tagging: &Tagging<'_>,
        sink: &dyn Sink,
    ) -> Result<(), Failure> {
        let Tagging { config, resource, remaining, .. } = *tagging;
        resource.check_region()?;
        let reached = resource.scope(config);
        let access =
            self.access(config, resource.account()?, &reached, resource.region(), remaining, sink).await?;
        match &plan.hook {
            Some(hook) => hooks::Tags::of(hook)?.run(&access, tagging).await,
            None => by_calls(plan, tagging, &access).await.map_err(for_user),
        }
    }
}

async fn by_calls(plan: &TagPlan, tagging: &Tagging<'_>, access: &Access<'_>) -> Result<(), Stop> {
    let place = tagging.resource.place();
    let scope = Scope::new(tagging.resource.document(), &place);
    let job = Job { access, journal: &Silent, dry_run: false, codes: Codes::default(), done: None };
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
            let name = format!("{}:{}", call.call.service, call.call.operation);
            if let Some(missing) = report.missing.filter(|_| report.made == 0) {
                let message = format!("{name} cannot be called: {missing}");
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
pub(super) fn applied(mut tags: Vec<Value>, tagging: &Tagging<'_>) -> Result<Vec<Value>, Failure> {
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
pub(super) fn no_such_tag(key: &str) -> Failure {
    fault(
        FaultKind::Config,
        format!("there is no tag {key:?} to remove; it may be gone since the last collect"),
    )
    .into()
}

/// The words for what services say of something that does not exist; which thing that is, only their message tells.
fn unless_gone(stop: Stop) -> Stop {
    match stop {
        Stop::Failure(Failure::Fault(mut fault)) if says_gone(&fault.message) => {
            fault.message = format!("it does not exist any more: {}", fault.message);
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
pub(super) fn for_user(stop: Stop) -> Failure {
    match stop {
        Stop::Failure(failure) => failure,
        Stop::Held(reason) => fault(FaultKind::Unavailable, reason).into(),
        Stop::Outcome(outcome) => {
            let kind = match outcome {
                CleanOutcome::Later { .. } => FaultKind::Unavailable,
                _ => FaultKind::Resource,
            };
            fault(kind, outcome.reason().unwrap_or_default()).into()
        }
    }
}

/// Tags have no log: the answer is the node.
struct Silent;

impl Journal for Silent {
    fn done(&self, message: String) {
        tracing::info!("{message}");
    }

    fn failed(&self, message: String) {
        tracing::warn!("{message}");
    }
}
