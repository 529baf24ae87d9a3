//! Uploads of graphs.
//!
//! Whether a merge happened is what decides about the next attempt, so the outcome says exactly what is known:
//! fixcore's answer, or whether it may have got the whole body before the connection was lost.

use std::io::{self, Read};
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

use super::client::{CoreClient, MAX_ERROR_BODY};
use super::error::CoreError;
use super::transport::read_start;
use super::upload::{self, Progress};

/// An upload.
#[derive(Debug, Clone)]
pub struct MergeRequest {
    /// Name of the graph.
    pub graph: String,
    /// The `task` of the action this belongs to; without it fixcore's workflow does not wait for the merge.
    pub task_id: Option<String>,
    /// Number of node lines, for fixcore's log.
    pub nodes: u64,
    /// Number of edge lines, for fixcore's log.
    pub edges: u64,
    /// True to learn the outcome; false to have it queued.
    pub wait_for_result: bool,
    /// Compress the body.
    pub gzip: bool,
    /// Give up after this time; there is no other limit on the time that fixcore may take.
    pub time_left: Option<Duration>,
}

/// What became of an upload.
#[derive(Debug)]
pub enum MergeOutcome {
    /// Fixcore, or something in between, answered. What that means is not decided here.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The text, or the first 64 KiB of it; less if the connection was lost inside of it.
        body: String,
    },
    /// Nothing was sent.
    NotSent(CoreError),
    /// The connection was lost.
    Lost {
        /// Fixcore may have the whole graph and merge it.
        body_fully_sent: bool,
        /// What the network says.
        cause: String,
    },
    /// `time_left` is over.
    OutOfTime {
        /// Fixcore may have the whole graph and merge it.
        body_fully_sent: bool,
    },
    /// Our own file can not be read; fixcore got a part at most and forgets it.
    Unreadable(io::Error),
}

impl CoreClient {
    /// Uploads a graph. `open` gives the lines (NDJSON) from their beginning; it is called once, on a blocking
    /// thread. There is no second attempt in here.
    pub async fn merge<F, R>(&self, request: &MergeRequest, open: F) -> MergeOutcome
    where
        F: FnOnce() -> io::Result<R> + Send + 'static,
        R: Read + Send + 'static,
    {
        let action = format!("send a graph to {}", request.graph);
        let (body, progress) = upload::start(open, request.gzip);
        let exchange = async {
            let url = self.endpoint().call_url(&["graph", &request.graph, "merge"]);
            let wait = if request.wait_for_result { "true" } else { "false" };
            let mut http = self.http().post(url).query(&[("wait_for_result", wait)]);
            http = http.headers(headers(request)?);
            if let Some(token) = self.authorization().await {
                http = http.header(AUTHORIZATION, token);
            }
            let sent = http.body(body).send().await;
            let response = sent.map_err(|error| CoreError::from_transport(&action, error, None))?;
            Ok(outcome(response).await)
        };
        let result = match request.time_left {
            Some(left) => tokio::time::timeout(left, exchange).await,
            None => Ok(exchange.await),
        };
        let outcome = match result {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => failure(error, &progress),
            Err(_elapsed) => MergeOutcome::OutOfTime { body_fully_sent: progress.is_complete() },
        };
        match &outcome {
            MergeOutcome::Answered { status: 401, .. } => self.renew_token().await,
            MergeOutcome::NotSent(CoreError::Certificate { .. }) => drop(self.renew_trust().await),
            _ => {}
        }
        outcome
    }
}

fn headers(request: &MergeRequest) -> Result<HeaderMap, CoreError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, reqwest::header::HeaderValue::from_static("application/x-ndjson"));
    headers.insert("Fix-Worker-Nodes", request.nodes.into());
    headers.insert("Fix-Worker-Edges", request.edges.into());
    if request.gzip {
        headers.insert(CONTENT_ENCODING, reqwest::header::HeaderValue::from_static("gzip"));
    }
    if let Some(task) = &request.task_id {
        let value = task.parse().map_err(|_| CoreError::Unsendable {
            action: "send a graph".to_owned(),
            cause: format!("the task id {task:?} of fixcore cannot stand in a header"),
        })?;
        headers.insert("Fix-Worker-Task-Id", value);
    }
    Ok(headers)
}

async fn outcome(response: Response) -> MergeOutcome {
    let status = response.status().as_u16();
    let body = read_start(response, MAX_ERROR_BODY).await;
    MergeOutcome::Answered { status, body: String::from_utf8_lossy(&body).into_owned() }
}

fn failure(error: CoreError, progress: &Progress) -> MergeOutcome {
    if let Some(error) = progress.take_failure() {
        return MergeOutcome::Unreadable(error);
    }
    match error {
        CoreError::Unreachable { .. } | CoreError::Certificate { .. } | CoreError::Unsendable { .. } => {
            MergeOutcome::NotSent(error)
        }
        CoreError::Lost { cause, .. } => {
            MergeOutcome::Lost { body_fully_sent: progress.is_complete(), cause }
        }
        CoreError::TimedOut { .. }
        | CoreError::Unauthorized { .. }
        | CoreError::Refused { .. }
        | CoreError::TooLarge { .. }
        | CoreError::BadAnswer { .. } => {
            MergeOutcome::Lost { body_fully_sent: progress.is_complete(), cause: error.to_string() }
        }
    }
}
