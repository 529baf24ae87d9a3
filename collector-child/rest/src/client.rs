//! The client that the engine makes the calls of tables with.

use std::collections::HashMap;

use engine::{Client, Plans, Region};
use http_client::{BoxFuture, CallError, Pages};
use serde_json::{Map, Value};
use tables::plan::{Call, KindPlan, Paging, Place, Source};

use crate::rest::{Asked, Rest};

/// Calls of tables with the credentials of one account.
#[derive(Debug)]
pub struct TableClient {
    rest: Rest,
    /// Where nothing in particular is asked.
    place: Place,
    /// A call that works with credentials that do: service and operation.
    probe: (&'static str, &'static str),
    /// Operations whose pages follow each other in a way of their own.
    paging: HashMap<(&'static str, &'static str), &'static Paging>,
}

impl TableClient {
    /// A client for the calls of these tables. `probe` is asked whether the credentials work.
    pub fn new(rest: Rest, place: Place, plans: &'static Plans, probe: (&'static str, &'static str)) -> Self {
        let paging = plans
            .all()
            .flat_map(calls)
            .filter_map(|call| {
                Some(((call.service.as_str(), call.operation.as_str()), call.paging.as_deref()?))
            })
            .collect();
        Self { rest, place, probe, paging }
    }

    fn asked<'a>(&'a self, service: &'a str, operation: &'a str, place: &'a Place) -> Asked<'a> {
        Asked { service, operation, paging: self.paging.get(&(service, operation)).copied(), place }
    }
}

/// All calls that collect a kind.
fn calls(plan: &'static KindPlan) -> impl Iterator<Item = &'static Call> {
    let lists = match &plan.source {
        Source::List { calls, .. } => calls.as_slice(),
        _ => &[],
    };
    let lists = lists.iter().map(|list| &list.call);
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
            self.rest.call(asked, &Map::new()).await.map(drop)
        })
    }
}
