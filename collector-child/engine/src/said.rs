//! What errors say, in the words of tables.

use http_client::CallError;
use tables::plan::ErrorSaid;

/// Whether an error says one of these: by its code, or by its status where a table names one.
pub(crate) fn says(error: &CallError, said: &[ErrorSaid]) -> bool {
    let status = error.status.map(|status| status.to_string());
    let is = |said: &ErrorSaid| {
        error.code.as_ref().is_some_and(|code| said.is(code, &error.message))
            || status.as_ref().is_some_and(|status| said.is_status(status, &error.message))
    };
    said.iter().any(is)
}
