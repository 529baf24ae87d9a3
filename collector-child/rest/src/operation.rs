//! Changes that take their time: the address that an answer names is asked until it says that it is over.

use std::time::{Duration, Instant};

use http::HeaderMap;
use http_client::{CallError, Class, ordered_wait};
use serde_json::Value;
use tables::plan::OperationPlan;

use crate::answer::{Read, read};
use crate::request::{Prepared, follow};
use crate::rest::{Answered, Asked, Rest};

/// Between two questions, where the service orders nothing.
const PAUSE: Duration = Duration::from_secs(5);
/// Nobody waits longer, even if there is no deadline.
const PATIENCE: Duration = Duration::from_mins(30);

/// How a change is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing more is to be waited for.
    Done,
    /// It goes on.
    Running,
    /// It has come to nothing.
    Failed,
}

/// What an answer of the address says.
fn state(plan: &OperationPlan, status: u16, document: &Value) -> State {
    let told = plan.status.get_in(document);
    let is = |words: &[String], text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match told.as_ref().and_then(|told| told.as_str()) {
        Some(text) if is(&plan.failed, text) => State::Failed,
        Some(text) if is(&plan.done, text) => State::Done,
        Some(_) => State::Running,
        None if status == 202 => State::Running,
        None => State::Done,
    }
}

/// The address that tells how it is going. `None`: there is nothing to wait for.
fn address(plan: &OperationPlan, status: u16, headers: &HeaderMap) -> Option<String> {
    let named = plan.headers.iter().find_map(|name| headers.get(name.as_str())?.to_str().ok());
    named.filter(|_| matches!(status, 201 | 202)).map(str::to_owned)
}

/// Waits until a change is over. The answer is that of the change itself.
pub(crate) async fn finished(
    rest: &Rest,
    asked: Asked<'_>,
    plan: &OperationPlan,
    from: &str,
    answered: Answered,
) -> Result<Value, CallError> {
    let Some(link) = address(plan, answered.status, &answered.headers) else { return Ok(answered.document) };
    let place = rest.place(asked);
    let address = follow(from, &link).map_err(|host| {
        let told = format!("how it is going is told by another host, which is not asked: {host}");
        CallError::new(Class::Garbage, place, told)
    })?;
    let question = Prepared { method: "GET".to_owned(), address, headers: Vec::new(), body: None };
    let end = rest.deadline().unwrap_or_else(|| Instant::now() + PATIENCE);
    let mut wait = pause(&answered.headers);
    loop {
        if Instant::now() + wait >= end {
            let told = "it was accepted and is not done yet; whether it will be is not known";
            return Err(CallError::new(Class::Deadline, place, told));
        }
        tokio::time::sleep(wait).await;
        let told = rest.send(asked, &question).await?;
        match state(plan, told.status, &told.document) {
            State::Done => return Ok(answered.document),
            State::Running => wait = pause(&told.headers),
            State::Failed => return Err(failed(rest, asked, &told.document)?),
        }
    }
}

fn pause(headers: &HeaderMap) -> Duration {
    ordered_wait(|name| headers.get(name)?.to_str().ok()).unwrap_or(PAUSE).min(Duration::from_mins(1))
}

/// The error that the answer tells, as if the change itself had been answered with it.
fn failed(rest: &Rest, asked: Asked<'_>, document: &Value) -> Result<CallError, CallError> {
    let rules = &rest.service(asked)?.errors;
    let place = rest.place(asked);
    Ok(match read(rules, 400, None, document.to_string().as_bytes()) {
        Read::Refused(refused) => CallError::new(refused.verdict.class, place, refused.message)
            .change(|trouble| trouble.code = Some(refused.code)),
        _ => CallError::new(Class::Service, place, "it has failed, and the service does not say why"),
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn plan() -> OperationPlan {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        OperationPlan {
            headers: texts(&["Operation", "Location"]),
            status: "status".parse().unwrap(),
            done: texts(&["Succeeded"]),
            failed: texts(&["Failed", "Canceled"]),
        }
    }

    #[test]
    fn answers_say_how_it_is_going() {
        for (status, document, expected) in [
            (200, json!({"status": "InProgress"}), State::Running),
            (202, json!({"status": "Succeeded"}), State::Done),
            (200, json!({"status": "canceled", "error": {"code": "x"}}), State::Failed),
            (202, json!({}), State::Running),
            (204, json!({}), State::Done),
            (200, json!({"status": {"a": 1}}), State::Done),
        ] {
            assert_eq!(state(&plan(), status, &document), expected, "{status} {document}");
        }
    }

    #[test]
    fn only_what_was_accepted_is_waited_for() {
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_static("/l"));
        assert_eq!(address(&plan(), 202, &headers).as_deref(), Some("/l"));
        headers.insert("operation", HeaderValue::from_static("/o"));
        assert_eq!(address(&plan(), 201, &headers).as_deref(), Some("/o"));
        assert_eq!(address(&plan(), 200, &headers), None);
        assert_eq!(address(&plan(), 202, &HeaderMap::new()), None);
    }

    #[test]
    fn the_service_says_how_long_to_wait() {
        let mut headers = HeaderMap::new();
        assert_eq!(pause(&headers), PAUSE);
        headers.insert("retry-after", HeaderValue::from_static("0"));
        assert_eq!(pause(&headers), Duration::ZERO);
        headers.insert("retry-after", HeaderValue::from_static("86400"));
        assert_eq!(pause(&headers), Duration::from_mins(1));
    }
}
