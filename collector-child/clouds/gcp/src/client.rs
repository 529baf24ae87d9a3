//! Calls of tables, and what is measured.

use std::time::Duration;

use collector::{BoxFuture, Failure};
use engine::metrics::Query;
use engine::{Client, Context, Region};
use http_client::{CallError, Pages};
use jiff::Timestamp;
use rest_client::TableClient;
use serde_json::{Map, Value};

use crate::metrics;

/// Calls with the credentials of one project.
#[derive(Debug)]
pub(crate) struct GcpClient(pub(crate) TableClient);

impl Client for GcpClient {
    fn call<'a>(
        &'a self,
        region: &'a Region,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> BoxFuture<'a, Result<Value, CallError>> {
        self.0.call(region, service, operation, params)
    }

    fn pages<'a>(
        &'a self,
        region: &'a Region,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> Pages<'a> {
        self.0.pages(region, service, operation, params)
    }

    fn still_valid(&self) -> BoxFuture<'_, Result<(), CallError>> {
        self.0.still_valid()
    }

    fn measure<'a>(
        &'a self,
        context: Context<'a>,
        now: Timestamp,
        length: Duration,
        queries: &'a [Query<'a>],
    ) -> BoxFuture<'a, Result<Vec<Vec<f64>>, Failure>> {
        Box::pin(metrics::ask(context, now, length, queries))
    }
}
