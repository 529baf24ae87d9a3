//! Calls that change a resource: the engine decides which, as tables say.

use std::time::{Duration, Instant};

use collector::changes::{CleanLog, CleanRequest, CleanTarget, Journal, TagRequest};
use collector::node::{Ancestor, StoredNode};
use collector::{BoxFuture, Failure, Sink};
use engine::Plans;
use engine::change::{
    Above, Access, Calls, Codes, Job, Listed, Manner, Memory, Removal, Resource, Silent, Stop, Tagging,
    deletion, goes_by_itself, gone, no_tags, outcome, remove, tag,
};
use http_client::{CallError, Pages};
use ipc_proto::clean::CleanOutcome;
use serde_json::{Map, Value};
use tables::plan::{EachOf, KindPlan, Place, Scope};

use crate::changes::Door;
use crate::rest::{Asked, Rest};

/// Changes resources of one account, with these credentials.
#[derive(Clone)]
pub struct TableChanger<'a> {
    rest: Rest,
    plans: &'a Plans,
    door: &'a dyn Door,
    deadline: Option<Instant>,
    sink: &'a dyn Sink,
}

impl std::fmt::Debug for TableChanger<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableChanger").field("rest", &self.rest).finish_non_exhaustive()
    }
}

/// Calls about one resource.
struct TableCalls<'a> {
    rest: &'a Rest,
    plan: Option<&'a KindPlan>,
    place: &'a Place,
}

impl<'a> TableChanger<'a> {
    /// With a client that came through this door, by these tables. `remaining` is the time that is left; `None` is no limit.
    pub fn new(
        door: &'a dyn Door,
        rest: Rest,
        plans: &'a Plans,
        remaining: Option<Duration>,
        sink: &'a dyn Sink,
    ) -> Self {
        let deadline = remaining.and_then(|remaining| Instant::now().checked_add(remaining));
        Self { rest: rest.until(deadline), plans, door, deadline, sink }
    }

    /// The first call that reads the resource before a change, made by itself: whether it is there. `None` if the table
    /// of its kind has no such call.
    pub async fn is_there(&self, node: &StoredNode) -> Result<Option<bool>, Failure> {
        let plan = self.plans.get(&node.kind);
        let tags = plan.and_then(|plan| plan.tag.as_ref());
        let Some(EachOf::Call(list)) = tags.and_then(|tag| tag.set.first()?.each.as_ref()) else {
            return Ok(None);
        };
        let resource = self.resource(node);
        let access = self.access(&resource);
        let Manner { hooks, sayings } = self.door.manner();
        let codes = Codes { gone: gone(plan), later: &[], sayings };
        let job = Job { hooks, access: &access, journal: &Silent, dry_run: true, codes, done: None };
        match job.list(list, Scope::new(resource.document(), resource.place())).await {
            Listed::Items(items) => Ok(Some(!items.is_empty())),
            Listed::Gone(_) => Ok(Some(false)),
            // Nothing can be asked about it.
            Listed::Missing(_) => Ok(None),
            Listed::Failed(error, _) => Err(error.to_fault().into()),
        }
    }

    /// Deletes a resource, or tells in a dry run what would be done.
    pub async fn clean(
        &self,
        request: &CleanRequest,
        target: &CleanTarget,
        log: &CleanLog,
        memory: &Memory,
    ) -> Result<CleanOutcome, Failure> {
        outcome(self.remove(target, log, memory, request.dry_run).await, request.dry_run)
    }

    async fn remove(
        &self,
        target: &CleanTarget,
        journal: &dyn Journal,
        memory: &Memory,
        dry_run: bool,
    ) -> Result<(), Stop> {
        let plan = deletion(self.plans, &target.node.kind)?;
        let resource = self.resource(&target.node);
        goes_by_itself(plan, &resource, &Above::of(target), journal)?;
        let removal = Removal { plan, resource: &resource, dry_run, memory };
        remove(removal, self.door.manner(), &self.access(&resource), journal).await
    }

    /// Removes tags, then sets others.
    pub async fn tag(&self, request: &TagRequest) -> Result<(), Failure> {
        let resource = self.resource(&request.node);
        let plan = self.plans.get(&request.node.kind);
        if let Some(fault) = no_tags(plan, &resource) {
            return Err(fault.into());
        }
        let Some(tags) = plan.and_then(|plan| plan.tag.as_ref()) else { return Ok(()) };
        let change = &request.change;
        let tagging = Tagging { resource: &resource, remove: &change.remove, set: &change.set };
        tag(tags, gone(plan), &tagging, self.door.manner(), &self.access(&resource)).await
    }

    /// The resource that a node stands for. Where a table needs a region and the node does not say it, no address can be
    /// made.
    fn resource(&self, node: &StoredNode) -> Resource {
        let id = |ancestor: &Option<Ancestor>| {
            ancestor.as_ref().map(|ancestor| ancestor.id().to_owned()).unwrap_or_default()
        };
        let above = &node.ancestors;
        let (account, region) = (id(&above.account), id(&above.region));
        let place = Place::new(&account, &region, &region, "").with("zone", id(&above.zone));
        Resource::new(&node.kind, node.reported.clone(), self.door.place(node, place), false)
    }

    fn access<'b>(&'b self, resource: &'b Resource) -> Access<'b> {
        let plan = self.plans.get(resource.kind());
        let calls = TableCalls { rest: &self.rest, plan, place: resource.place() };
        Access::new(calls, self.deadline, self.sink)
    }
}

impl TableCalls<'_> {
    fn asked<'b>(&'b self, service: &'b str, operation: &'b str) -> Asked<'b> {
        let is = |call: &&tables::plan::Call| call.service == service && call.operation == operation;
        let call = self.plan.and_then(|plan| plan.changes().find(is));
        let paging = call.and_then(|call| call.paging.as_deref());
        Asked { service, operation, paging, list: None, place: self.place }
    }
}

impl Calls for TableCalls<'_> {
    fn call<'a>(
        &'a self,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(async move { self.rest.call(self.asked(service, operation), &params).await })
    }

    fn pages<'a>(&'a self, service: &'a str, operation: &'a str, params: Map<String, Value>) -> Pages<'a> {
        Pages::of(self.rest.pages(self.asked(service, operation), params))
    }
}
