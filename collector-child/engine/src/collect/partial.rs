//! Good answers that tell what is missing from them: which of the things asked about were not found, or may not be seen.

use http_client::{Class, is_about_what_is_not_there};
use serde_json::{Map, Value};
use tables::plan::Path;

/// Members that say why, the best first; letters only, in lower case.
const WHY: [&str; 5] = ["code", "errorcode", "reason", "error", "statuscode"];
/// Members that say it in a sentence.
const WORDS: [&str; 4] = ["detail", "message", "errormessage", "description"];
/// What is said of something that nobody says more of.
const NOT_WORKED_ON: &str = "NotWorkedOn";

/// One thing that is missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) class: Class,
    pub(super) code: String,
    pub(super) message: String,
}

/// What an answer says at this path. What was deleted meanwhile is of class [`Class::Expected`].
pub(super) fn troubles(path: &Path, answer: &Value) -> Vec<Missing> {
    match path.get_in(answer).as_deref() {
        Some(Value::Array(all)) => all.iter().map(missing).collect(),
        Some(Value::Object(all)) => all.keys().map(|name| missing(&Value::String(name.clone()))).collect(),
        _ => Vec::new(),
    }
}

fn missing(told: &Value) -> Missing {
    let Value::Object(members) = told else {
        let message = match told {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        return Missing { class: Class::Service, code: NOT_WORKED_ON.to_owned(), message };
    };
    let code = text_of(members, &WHY).unwrap_or(NOT_WORKED_ON);
    let known = |name: &str| WHY.contains(&&*folded(name)) || WORDS.contains(&&*folded(name));
    let others = members.iter().filter(|(name, _)| !known(name)).filter_map(|(_, value)| value.as_str());
    let mut words: Vec<&str> = others.collect();
    words.push(text_of(members, &WORDS).unwrap_or(code));
    Missing { class: class(code), code: code.to_owned(), message: words.join(": ") }
}

fn class(code: &str) -> Class {
    let folded = folded(code);
    if folded == "missing" || is_about_what_is_not_there(code) {
        return Class::Expected;
    }
    let denied = ["accessdenied", "forbidden", "unauthorized", "notauthorized"];
    if denied.iter().any(|words| folded.contains(words)) {
        return Class::AccessDenied { by_organization: false };
    }
    Class::Service
}

fn text_of<'m>(members: &'m Map<String, Value>, names: &[&str]) -> Option<&'m str> {
    let of = |name: &&str| members.iter().find(|(member, _)| folded(member) == **name);
    let mut texts = names.iter().filter_map(of).filter_map(|(_, value)| value.as_str());
    texts.find(|text| !text.is_empty())
}

fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(value: &Value) -> Vec<(Class, String, String)> {
        let path: Path = "failures".parse().unwrap();
        let found = troubles(&path, &json!({"failures": value}));
        found.into_iter().map(|missing| (missing.class, missing.code, missing.message)).collect()
    }

    fn one(class: Class, code: &str, message: &str) -> Vec<(Class, String, String)> {
        vec![(class, code.to_owned(), message.to_owned())]
    }

    #[test]
    fn what_was_deleted_is_nothing_and_what_is_hidden_is_denied() {
        let denied = Class::AccessDenied { by_organization: false };
        assert_eq!(
            told(&json!([{"arn": "a", "reason": "MISSING"}])),
            one(Class::Expected, "MISSING", "a: MISSING")
        );
        assert_eq!(
            told(&json!([{"arn": "a", "reason": "ACCESS_DENIED", "detail": "no"}])),
            one(denied, "ACCESS_DENIED", "a: no")
        );
        assert_eq!(
            told(&json!([{"ErrorCode": "InternalFault", "Id": "x"}])),
            one(Class::Service, "InternalFault", "x: InternalFault")
        );
        assert_eq!(
            told(&json!([{"Id": "x", "Code": "ResourceNotFoundException"}])),
            one(Class::Expected, "ResourceNotFoundException", "x: ResourceNotFoundException")
        );
    }

    #[test]
    fn names_and_maps_are_what_was_not_worked_on() {
        assert_eq!(told(&json!(["i-1"])), one(Class::Service, NOT_WORKED_ON, "i-1"));
        assert_eq!(told(&json!({"t": {"Keys": []}})), one(Class::Service, NOT_WORKED_ON, "t"));
        assert!(told(&json!([])).is_empty() && told(&Value::Null).is_empty());
    }
}
