//! Changing the tags of one resource of AWS.

use std::time::Duration;

use collector::{Failure, Sink, fault};
use engine::change::{self, gone, no_tags};
use ipc_proto::fault::FaultKind;
use tables::plan::TagPlan;

use super::Resource;
use super::access::Changer;
use super::manner::MANNER;
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

impl Changer {
    /// Changes tags as the table of the kind says. An error is for the user; changes before it were made.
    pub(crate) async fn tag(&self, tagging: &Tagging<'_>, sink: &dyn Sink) -> Result<(), Failure> {
        let of_kind = built_in::plans()?.get(tagging.resource.kind());
        if let Some(fault) = no_tags(of_kind, tagging.resource) {
            return Err(fault.into());
        }
        match of_kind.and_then(|of_kind| of_kind.tag.as_ref()) {
            Some(plan) => self.tag_by_plan(plan, tagging, sink).await,
            None => Ok(()),
        }
    }

    pub(super) async fn tag_by_plan(
        &self,
        plan: &TagPlan,
        tagging: &Tagging<'_>,
        sink: &dyn Sink,
    ) -> Result<(), Failure> {
        let Tagging { config, resource, remove, set, remaining } = *tagging;
        if let Some(reason) = resource.of_another_account() {
            return Err(fault(FaultKind::Resource, format!("nothing is changed: {reason}")).into());
        }
        let access = self.access_to(config, resource, remaining, sink).await?;
        let gone = gone(built_in::plans()?.get(resource.kind()));
        change::tag(plan, gone, &change::Tagging { resource, remove, set }, MANNER, &access).await
    }
}
