//! Values that the configuration took from the environment do not leave through words: wherever one stands in a log
//! line or in a message to fixcore, the placeholder that it came from stands instead.
//!
//! Whoever may change the configuration may name any variable of the worker in it, and every message about the
//! setting would show the value.

use std::sync::{PoisonError, RwLock};

/// Shorter values are no secrets, and would be found everywhere.
const SHORTEST: usize = 6;

/// Placeholders and the values they stand for, the longest value first.
static HIDDEN: RwLock<Vec<(String, String)>> = RwLock::new(Vec::new());

/// Hides a value from now on, in the whole process; `name` is the variable that it came from.
pub fn hide(name: &str, value: &str) {
    if value.len() < SHORTEST {
        return;
    }
    let escaped = serde_json::Value::from(value).to_string();
    let mut hidden = HIDDEN.write().unwrap_or_else(PoisonError::into_inner);
    for form in [value, &escaped[1..escaped.len() - 1]] {
        if !hidden.iter().any(|(known, _)| known == form) {
            hidden.push((form.to_owned(), format!("$({name})")));
        }
    }
    hidden.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
}

/// `text` without hidden values.
pub fn scrub(text: String) -> String {
    let hidden = HIDDEN.read().unwrap_or_else(PoisonError::into_inner);
    scrubbed(text, &hidden)
}

fn scrubbed(mut text: String, hidden: &[(String, String)]) -> String {
    for (value, placeholder) in hidden {
        if text.contains(value.as_str()) {
            text = text.replace(value.as_str(), placeholder);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_give_way_to_their_placeholders_in_any_form() {
        hide("MY_SECRET", "hunter2-cloud\"secret");
        hide("LONGER", "hunter2-cloud\"secret-and-more");
        hide("SHORT", "abc");
        for (text, expected) in [
            ("/tmp/hunter2-cloud\"secret does not exist", "/tmp/$(MY_SECRET) does not exist"),
            (r#"{"message": "hunter2-cloud\"secret"}"#, r#"{"message": "$(MY_SECRET)"}"#),
            ("hunter2-cloud\"secret-and-more", "$(LONGER)"),
            ("abc", "abc"),
        ] {
            assert_eq!(scrub(text.to_owned()), expected);
        }
    }
}
