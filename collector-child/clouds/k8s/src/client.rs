//! Calls to a cluster: lists begin anew when the cluster has forgotten where they were.

use engine::{Client, Region};
use http_client::{BoxFuture, CallError, CallPlace, Class, Pages, Source};
use rest_client::TableClient;
use serde_json::{Map, Value};

/// A list that takes longer than the cluster remembers (five minutes in general) begins anew so often.
const RESTARTS: u32 = 5;

/// Calls of tables to one cluster.
#[derive(Debug)]
pub(crate) struct ClusterClient(pub(crate) TableClient);

impl Client for ClusterClient {
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
        let begin = move || self.0.pages(region, service, operation, params.clone());
        Pages::of(Restarting { pages: begin(), begin, left: RESTARTS })
    }

    /// Who may not even ask for the version is known to the cluster.
    fn still_valid(&self) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(async {
            match self.0.still_valid().await {
                Err(error) if matches!(error.class, Class::AccessDenied { .. }) => Ok(()),
                other => other,
            }
        })
    }
}

/// The pages of a list from its beginning, again and again. What came twice is known by its uid.
struct Restarting<'a, B> {
    pages: Pages<'a>,
    begin: B,
    left: u32,
}

impl<'a, B: Fn() -> Pages<'a> + Send + Sync> Source for Restarting<'a, B> {
    fn place(&self) -> CallPlace<'_> {
        CallPlace::default()
    }

    fn next(&mut self) -> BoxFuture<'_, Option<Result<Value, CallError>>> {
        Box::pin(async {
            loop {
                match self.pages.next().await {
                    Some(Err(error)) if error.status == Some(410) && self.left > 0 => {
                        tracing::debug!("the list begins anew: {error}");
                        self.left -= 1;
                        self.pages = (self.begin)();
                    }
                    other => return other,
                }
            }
        })
    }
}
