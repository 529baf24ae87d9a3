//! The client that the engine makes the calls of tables with.

use std::collections::HashMap;
use std::time::Duration;

use collector::Failure;
use engine::metrics::Query;
use engine::{Client, Context, Plans, Region};
use http_client::{BoxFuture, CallError, Pages};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tables::plan::{Call, KindPlan, ListCall, Paging, Path, Place, Source};

use crate::rest::{Asked, Rest};

/// How a cloud tells what it has measured, as [`Client::measure`].
pub type Measure = for<'a> fn(
    Context<'a>,
    Timestamp,
    Duration,
    &'a [Query<'a>],
) -> BoxFuture<'a, Result<Vec<Vec<f64>>, Failure>>;

/// Calls of tables with the credentials of one account.
#[derive(Debug)]
pub struct TableClient {
    rest: Rest,
    /// Where nothing in particular is asked.
    place: Place,
    /// A call that works with credentials that do: service and operation.
    probe: (&'static str, &'static str),
    /// What the probe asks about.
    about: Map<String, Value>,
    /// Not every server has the probe.
    may_lack: bool,
    /// Operations whose pages follow each other in a way of their own.
    paging: HashMap<(&'static str, &'static str), &'static Paging>,
    /// Listings that are none without their list, and where it is.
    lists: HashMap<(&'static str, &'static str), &'static Path>,
    measure: Measure,
}

impl TableClient {
    /// A client for the calls of these tables. `probe` is asked whether the credentials work.
    pub fn new(rest: Rest, place: Place, plans: &'static Plans, probe: (&'static str, &'static str)) -> Self {
        let paging = plans
            .all()
            .flat_map(calls)
            .filter_map(|call| Some((key(call), call.paging.as_deref()?)))
            .collect();
        let lists = plans
            .all()
            .flat_map(lists)
            .filter(|list| rest.always_lists(&list.call.service))
            .filter_map(|list| Some((key(&list.call), list.items.as_ref()?)))
            .collect();
        Self { rest, place, probe, about: Map::new(), may_lack: false, paging, lists, measure: nothing }
    }

    /// With a probe that asks about something: `path`, `query`, as of any call.
    #[must_use]
    pub fn probing(self, about: Map<String, Value>) -> Self {
        Self { about, ..self }
    }

    /// With a probe that not every server has: one that says so has looked at the credentials before.
    #[must_use]
    pub fn that_may_lack(self) -> Self {
        Self { may_lack: true, ..self }
    }

    /// With a way to what the cloud has measured.
    #[must_use]
    pub fn measuring(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }

    fn asked<'a>(&'a self, service: &'a str, operation: &'a str, place: &'a Place) -> Asked<'a> {
        let (paging, list) = (self.paging.get(&(service, operation)), self.lists.get(&(service, operation)));
        Asked { service, operation, paging: paging.copied(), list: list.copied(), place }
    }
}

/// A cloud that measures nothing.
fn nothing<'a>(
    _context: Context<'a>,
    _now: Timestamp,
    _length: Duration,
    queries: &'a [Query<'a>],
) -> BoxFuture<'a, Result<Vec<Vec<f64>>, Failure>> {
    Box::pin(async { Ok(queries.iter().map(|_| Vec::new()).collect()) })
}

fn key(call: &'static Call) -> (&'static str, &'static str) {
    (call.service.as_str(), call.operation.as_str())
}

/// The calls that list a kind.
fn lists(plan: &'static KindPlan) -> &'static [ListCall] {
    match &plan.source {
        Source::List { calls, .. } => calls.as_slice(),
        _ => &[],
    }
}

/// All calls that collect a kind.
fn calls(plan: &'static KindPlan) -> impl Iterator<Item = &'static Call> {
    let lists = lists(plan).iter().map(|list| &list.call);
    lists
        .chain(plan.batches.iter().map(|batch| &batch.call))
        .chain(plan.calls.iter().map(|follow| &follow.call))
}

impl Client for TableClient {
    fn call<'a>(
        &'a self,
        region: &'a Region,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(async move { self.rest.call(self.asked(service, operation, &region.place), &params).await })
    }

    fn pages<'a>(
        &'a self,
        region: &'a Region,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> Pages<'a> {
        Pages::of(self.rest.pages(self.asked(service, operation, &region.place), params))
    }

    fn still_valid(&self) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(async {
            let asked = self.asked(self.probe.0, self.probe.1, &self.place);
            match self.rest.call(asked, &self.about).await {
                Err(error) if self.may_lack && error.status == Some(404) => Ok(()),
                answer => answer.map(drop),
            }
        })
    }

    fn measure<'a>(
        &'a self,
        context: Context<'a>,
        now: Timestamp,
        length: Duration,
        queries: &'a [Query<'a>],
    ) -> BoxFuture<'a, Result<Vec<Vec<f64>>, Failure>> {
        (self.measure)(context, now, length, queries)
    }
}
