//! What is told of troubles, and which of them cost the account.

use collector::{Failure, fault};
use http_client::{CallError, Class};
use inventory::PropertyFault;
use ipc_proto::fault::{Fault, FaultKind, FaultScope, Level};
use tables::plan::{Call, KindPlan};

use super::check;
use super::context::{Context, lock};
use crate::faults::{Meaning, meaning};

impl Context<'_> {
    /// Reports a trouble of this region; the collection goes on.
    pub fn report(self, trouble: Fault) {
        let region = trouble.scope.region.clone().or_else(|| Some(self.region().id.clone()));
        self.job.sink.fault(Fault { scope: FaultScope { region, ..trouble.scope }, ..trouble });
    }

    /// Reports a resource that cannot be made, or not completely. That costs the account if it is
    /// wanted without holes.
    pub(crate) fn spoiled(self, trouble: Fault) -> Result<(), Failure> {
        if self.job.wanted.without_holes() {
            let region = Some(self.region().id.clone());
            let hint = Some(format!("{} is set", self.job.facts.holes_setting));
            return Err(Fault { scope: FaultScope { region, ..trouble.scope }, hint, ..trouble }.into());
        }
        self.report(trouble);
        Ok(())
    }

    /// Notes a property that was left out, for one sentence about all of its kind.
    pub(crate) fn misfit(self, misfit: &PropertyFault) -> Result<(), Failure> {
        if self.job.wanted.without_holes() {
            return self.spoiled(fault(FaultKind::Property, format!("a property was left out: {misfit}")));
        }
        lock(&self.job.odd).misfit(misfit);
        Ok(())
    }

    /// Notes a failed call. An error if it costs the account: when it must not have any holes, or when the credentials are not valid any more, which would let
    /// the rest of the account look empty.
    pub async fn failed(self, error: CallError) -> Result<(), Failure> {
        tracing::debug!(region = self.region().id, "{error}");
        if self.listing {
            lock(&self.job.reach).failed(self.job.facts, self.region, &error);
        }
        if meaning(&error) == Meaning::Nothing {
            return Ok(());
        }
        if matches!(error.class, Class::Credentials(_)) {
            check::credentials_still_valid(self.job).await?;
        }
        let fatal = match error.class {
            Class::Throttled
            | Class::Unavailable
            | Class::Network
            | Class::Garbage
            | Class::RepeatedToken
            | Class::NoToken
            | Class::EndlessPages
            | Class::Config
            | Class::Deadline
            | Class::Input => self.job.wanted.without_holes(),
            Class::AccessDenied { .. }
            | Class::Expected
            | Class::Credentials(_)
            | Class::NoEndpoint
            | Class::RegionDisabled
            | Class::RegionRefuses
            | Class::Service => false,
        };
        if fatal {
            return Err(Fault { level: Level::Error, ..error.to_fault() }.into());
        }
        lock(&self.job.errors).add(&self.region().id, &error);
        Ok(())
    }
}

/// The fault of an item that was listed and is left out, because a call that has to tell about it was not refused and does
/// not.
pub(super) fn untold(plan: &KindPlan, call: &Call, why: &str) -> Fault {
    let message =
        format!("an {} was left out: it is listed, but {}:{} {why}", plan.kind, call.service, call.operation);
    let scope = FaultScope {
        service: Some(call.service.clone()),
        action: Some(call.operation.clone()),
        kind: Some(plan.kind.clone()),
        ..FaultScope::default()
    };
    Fault { scope, ..fault(FaultKind::InvalidAnswer, message) }
}

pub(super) fn no_id(plan: &KindPlan) -> Fault {
    let trouble =
        fault(FaultKind::Resource, format!("an {} was left out: the answer has no id for it", plan.kind));
    let scope = FaultScope {
        service: Some(plan.service.clone()),
        kind: Some(plan.kind.clone()),
        ..FaultScope::default()
    };
    Fault { scope, ..trouble }
}
