//! `/live`, `/ready`, `/health`: three questions that ask for three answers.
//!
//! - live: does the process answer? Whoever asks restarts it if not, so nothing else counts, least of all fixcore.
//! - ready: would it take on work now? Connected, and neither starting nor going.
//! - health: is all as it should be? The peer's answer, with the names of what is not.

use axum::http::StatusCode;
use axum::http::header::{ACCEPT, HeaderMap};
use axum::response::Response;
use serde::Serialize;

use super::route::{json_with, text};
use crate::status::{Condition, Degraded};
use crate::text::one_line;

#[derive(Serialize)]
struct Body<'a> {
    status: &'static str,
    failing: &'a [Degraded],
    degraded: &'a [Degraded],
}

/// Whether the client would rather have JSON than text.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("application/json")
}

pub(super) fn live() -> Response {
    text(StatusCode::OK, "ok\r\n".to_owned())
}

pub(super) fn ready(condition: &Condition, headers: &HeaderMap) -> Response {
    answer(&condition.not_ready(), &condition.degraded, headers)
}

pub(super) fn health(condition: &Condition, headers: &HeaderMap) -> Response {
    answer(&condition.all_failing(), &condition.degraded, headers)
}

fn answer(failing: &[Degraded], degraded: &[Degraded], headers: &HeaderMap) -> Response {
    let code = if failing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if wants_json(headers) {
        let status = match (failing, degraded) {
            ([], []) => "ok",
            ([], _) => "degraded",
            _ => "failing",
        };
        return json_with(code, &Body { status, failing, degraded });
    }
    // The peer's answer, to the byte, wherever it has one.
    let mut body = if failing.is_empty() { "ok\r\n".to_owned() } else { "not ok\r\n\r\n".to_owned() };
    list(&mut body, failing);
    if !degraded.is_empty() {
        body.push_str("\r\ndegraded\r\n\r\n");
        list(&mut body, degraded);
    }
    text(code, body)
}

fn list(body: &mut String, what: &[Degraded]) {
    for Degraded { name, why } in what {
        body.extend(["- ", &one_line(name), ": ", &one_line(why), "\r\n"]);
    }
}
