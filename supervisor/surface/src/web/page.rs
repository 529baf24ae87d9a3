//! The status page and the stream that keeps it live.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::WebState;
use super::route::text;
use crate::history::RunRecord;
use crate::page::{self, Page};
use crate::status::Query;

/// Pages that are kept live at once, of all clients together: each is rendered once a second.
const STREAMS: usize = 32;
/// How often a page is looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// A stream without news says at least so often that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What all answers about the page share.
const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, page::POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
];

/// Makes pages and streams.
pub(super) struct Pages {
    state: Arc<dyn WebState>,
    streams: Arc<Semaphore>,
    /// True when the server goes: streams would never end by themselves.
    stopping: watch::Receiver<bool>,
}

impl Pages {
    pub(super) fn new(state: Arc<dyn WebState>, stopping: watch::Receiver<bool>) -> Self {
        Self { state, streams: Arc::new(Semaphore::new(STREAMS)), stopping }
    }

    /// The page.
    pub(super) async fn index(&self, query: &str) -> Response {
        let query = Query::parse(query);
        let past = past(&self.state, &query).await;
        let body = render(&*self.state, &query, past.as_ref(), Part::Whole);
        (HEADERS, [(CONTENT_TYPE, "text/html;charset=utf-8")], body).into_response()
    }

    /// The part of it that changes, again and again.
    pub(super) async fn events(&self, query: &str) -> Response {
        let Ok(permit) = Arc::clone(&self.streams).try_acquire_owned() else {
            let message = "too many pages are kept live already; this one is not\r\n";
            return text(StatusCode::SERVICE_UNAVAILABLE, message.to_owned());
        };
        let query = Query::parse(query);
        let past = past(&self.state, &query).await;
        let live = Live {
            state: Arc::clone(&self.state),
            stopping: self.stopping.clone(),
            query,
            past,
            sent: String::new(),
            silent_since: Instant::now(),
            is_first: true,
            _permit: permit,
        };
        let body = Body::from_stream(stream::unfold(live, Live::next));
        (HEADERS, [(CONTENT_TYPE, "text/event-stream")], body).into_response()
    }
}

/// A file of the page.
pub(super) fn asset(content_type: &'static str, text: &'static str) -> Response {
    (HEADERS, [(CONTENT_TYPE, content_type)], text).into_response()
}

/// The run of the past that is asked for.
async fn past(state: &Arc<dyn WebState>, query: &Query) -> Option<RunRecord> {
    let (id, history) = (query.run.clone()?, state.history()?);
    let read = tokio::task::spawn_blocking(move || history.read(&id)).await;
    match read {
        Ok(Ok(record)) => record,
        Ok(Err(error)) => {
            tracing::warn!("{error}");
            None
        }
        Err(error) => {
            tracing::warn!("reading a run failed: {error}");
            None
        }
    }
}

/// How much of the page is wanted.
#[derive(Clone, Copy)]
enum Part {
    Whole,
    Changing,
}

fn render(state: &dyn WebState, query: &Query, past: Option<&RunRecord>, wanted: Part) -> String {
    let (condition, board) = (state.condition(), state.board());
    let view = past.map_or_else(|| board.view(query), |past| board.view_of(past, query));
    let runs = state.history().map(|history| history.summaries()).unwrap_or_default();
    let now = Timestamp::now();
    let page = Page { condition: &condition, view: &view, past, runs: &runs, query, now };
    match wanted {
        Part::Whole => page.document(),
        Part::Changing => page.main(),
    }
}

/// One stream.
struct Live {
    state: Arc<dyn WebState>,
    stopping: watch::Receiver<bool>,
    query: Query,
    past: Option<RunRecord>,
    sent: String,
    silent_since: Instant,
    is_first: bool,
    _permit: OwnedSemaphorePermit,
}

impl Live {
    /// The next thing to send, when there is one; `None` when the server goes.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            if !std::mem::take(&mut self.is_first) {
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => {}
                    _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                }
            }
            let main = render(&*self.state, &self.query, self.past.as_ref(), Part::Changing);
            if main != self.sent {
                let event = format!("data: {main}\n\n");
                (self.sent, self.silent_since) = (main, Instant::now());
                return Some((Ok(event.into()), self));
            }
            if self.silent_since.elapsed() >= KEEP_ALIVE {
                self.silent_since = Instant::now();
                return Some((Ok(Bytes::from_static(b":\n\n")), self));
            }
        }
    }
}
