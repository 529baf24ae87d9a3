//! Calls of one change.

use std::fmt;
use std::time::{Duration, Instant};

use collector::{BoxFuture, Sink};
use http_client::{CallError, Pages};
use serde_json::{Map, Value};

/// Calls to a cloud with credentials that belong to the account of a resource, in its region.
pub trait Calls: Send + Sync {
    /// One call; the first page of an answer that has many.
    fn call<'a>(
        &'a self,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> BoxFuture<'a, Result<Value, CallError>>;

    /// Page after page.
    fn pages<'a>(&'a self, service: &'a str, operation: &'a str, params: Map<String, Value>) -> Pages<'a>;
}

/// Calls of one change.
pub struct Access<'a> {
    calls: Box<dyn Calls + 'a>,
    deadline: Option<Instant>,
    sink: &'a dyn Sink,
}

impl fmt::Debug for Access<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl<'a> Access<'a> {
    /// By these calls. `deadline` is when there is no more time for the change.
    pub fn new(calls: impl Calls + 'a, deadline: Option<Instant>, sink: &'a dyn Sink) -> Self {
        Self { calls: Box::new(calls), deadline, sink }
    }

    /// One call; the first page of an answer that has many.
    pub async fn call(
        &self,
        service: &str,
        operation: &str,
        params: Map<String, Value>,
    ) -> Result<Value, CallError> {
        let answer = self.calls.call(service, operation, params).await;
        self.sink.work(1);
        answer
    }

    /// Page after page. Whoever reads them tells of the [`Access::progress`].
    pub fn pages<'b>(
        &'b self,
        service: &'b str,
        operation: &'b str,
        params: Map<String, Value>,
    ) -> Pages<'b> {
        self.calls.pages(service, operation, params)
    }

    /// Something was answered, so the change goes on.
    pub fn progress(&self) {
        self.sink.work(1);
    }

    /// How much time is left; `None` is no limit.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}
