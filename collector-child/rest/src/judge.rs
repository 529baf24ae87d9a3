//! What a failed call means for the resource that is changed.

use collector::Failure;
use http_client::{CallError, Class};
use ipc_proto::clean::CleanOutcome;
use tables::plan::ErrorSaid;

/// Why a change ends before its last call.
#[derive(Debug)]
pub(crate) enum Stop {
    /// What was to be changed is not there.
    Gone(String),
    /// With this outcome.
    Outcome(CleanOutcome),
    /// With an error that the next resource would meet, too.
    Failure(Failure),
}

/// What the table of a kind says about codes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Codes<'a> {
    /// It is not there any more.
    pub(crate) gone: &'a [ErrorSaid],
    /// Something depends on it still.
    pub(crate) later: &'a [ErrorSaid],
}

/// What a failed call leads to; `None` if nothing has to be done.
pub(crate) fn judge(codes: Codes<'_>, expected: &[String], error: &CallError) -> Option<Stop> {
    let outcome = |outcome| Some(Stop::Outcome(outcome));
    match error.class {
        // Credentials that do not work say nothing about the resource.
        Class::Credentials(_) | Class::Config => return Some(Stop::Failure(error.to_fault().into())),
        Class::Throttled | Class::Unavailable | Class::Network | Class::Garbage | Class::Deadline => {
            return outcome(CleanOutcome::Later { reason: error.to_string() });
        }
        _ => {}
    }
    if error.has_code(expected) {
        None
    } else if says(codes.gone, error) {
        Some(Stop::Gone(error.to_string()))
    } else if says(codes.later, error) {
        outcome(CleanOutcome::Later { reason: error.to_string() })
    } else {
        outcome(CleanOutcome::Failed { reason: told(error) })
    }
}

/// The error, and what to do about it.
fn told(error: &CallError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}

fn says(said: &[ErrorSaid], error: &CallError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    let status = error.status.map(|status| status.to_string()).unwrap_or_default();
    said.iter().any(|said| said.is(code, &error.message) || said.is_status(&status, &error.message))
}
