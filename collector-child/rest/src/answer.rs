//! What an answer says: a document, or an error and what it means.

use http_client::{Cause, Class, CredentialsTrouble, Verdict};
use serde_json::{Map, Value};
use shapes::ServiceError;
use tables::plan::{ErrorMeaning, ErrorRules, Path, Step};

/// An answer that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Read {
    /// A document.
    Good(Value),
    /// The service has refused.
    Refused(Refused),
    /// It is not the service that has answered, or not completely. Whether it may be better the next time.
    Garbage { told: String, passes: bool },
}

/// An error that a service has answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
    pub(crate) verdict: Verdict,
}

impl Refused {
    /// An error that was read by its shape.
    pub(crate) fn by(rules: &ErrorRules, error: ServiceError) -> Self {
        let ServiceError { code, message, status, request_id, .. } = error;
        let verdict = verdict(rules.meaning(&code, status, &message), status);
        Self { code, message, request_id, verdict }
    }
}

/// Reads an answer by the rules of its service.
pub(crate) fn read(rules: &ErrorRules, status: u16, media: Option<&str>, body: &[u8]) -> Read {
    let parsed = parsed(body);
    let good = (200..300).contains(&status);
    match parsed {
        Ok(document) if good => {
            let refused = rules.in_ok.iter().any(|condition| condition.holds_in(&document));
            if !refused {
                Read::Good(document)
            } else if first(&rules.code, &document).is_some() {
                Read::Refused(refusal(rules, status, &document))
            } else {
                let told = "it says neither that the call was good nor what was wrong with it".to_owned();
                Read::Garbage { told, passes: true }
            }
        }
        Ok(document) if status >= 400 => Read::Refused(refusal(rules, status, &document)),
        Ok(_) => Read::Garbage { told: format!("an answer with status {status}"), passes: false },
        Err(_) if good => {
            let told = format!("it ends too early, or is no JSON ({} bytes)", body.len());
            Read::Garbage { told, passes: true }
        }
        // A short text is a message; a page is not of the service.
        Err(_) if status >= 400 && !is_page(media, body) => {
            let text = String::from_utf8_lossy(body).trim().to_owned();
            Read::Refused(refusal(
                rules,
                status,
                &Value::Object(Map::from_iter([("message".to_owned(), text.into())])),
            ))
        }
        Err(_) => of_page(rules, status),
    }
}

/// Whether a listing has its list, be it empty. Where a list is in lists, the outermost one counts.
pub(crate) fn has_list(document: &Value, list: &Path) -> bool {
    let steps = list.steps.iter().take_while(|step| !step.is_many()).cloned().collect();
    let found =
        Path { root: list.root.clone(), steps }.get_in(document).is_some_and(|found| found.is_array());
    found || list.steps.contains(&Step::Keys)
}

/// What a page means, which is not of the service: a proxy is in the way, or the rules know the page of a host that has no such
/// service (`404: a page`).
fn of_page(rules: &ErrorRules, status: u16) -> Read {
    let told = format!("a page with status {status}, which is not of the service");
    if rules.meaning("", status, &told) == Some(ErrorMeaning::Absent) {
        let verdict = verdict(Some(ErrorMeaning::Absent), status);
        let code = status.to_string();
        return Read::Refused(Refused { code, message: told, request_id: None, verdict });
    }
    Read::Garbage { told, passes: status >= 500 }
}

/// No body is an empty object. What is nearly JSON costs a value, not the page.
fn parsed(body: &[u8]) -> Result<Value, serde_json::Error> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    shapes::any_json(body)
}

fn is_page(media: Option<&str>, body: &[u8]) -> bool {
    media.is_some_and(|media| media.contains("html")) || body.trim_ascii_start().starts_with(b"<")
}

fn refusal(rules: &ErrorRules, status: u16, document: &Value) -> Refused {
    let code = first(&rules.code, document).unwrap_or_else(|| status.to_string());
    let message = first(&rules.message, document).or_else(|| text(document.get("message")?));
    let message = message.unwrap_or_default();
    let verdict = verdict(rules.meaning(&code, status, &message), status);
    Refused { request_id: first(&rules.request_id, document), code, message, verdict }
}

fn first(paths: &[Path], document: &Value) -> Option<String> {
    paths.iter().find_map(|path| text(&*path.get_in(document)?))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What an error means for the caller and for the next attempt.
fn verdict(meaning: Option<ErrorMeaning>, status: u16) -> Verdict {
    let finally = |class| Verdict { class, cause: Cause::Final };
    match meaning {
        Some(ErrorMeaning::Denied) => finally(Class::AccessDenied { by_organization: false }),
        Some(ErrorMeaning::Throttled) => Verdict { class: Class::Throttled, cause: Cause::Throttled },
        Some(ErrorMeaning::Expired) => finally(Class::Credentials(CredentialsTrouble::Expired)),
        Some(ErrorMeaning::Invalid) => finally(Class::Credentials(CredentialsTrouble::Invalid)),
        Some(ErrorMeaning::Disabled) => finally(Class::RegionDisabled),
        Some(ErrorMeaning::Absent) => finally(Class::NoEndpoint),
        Some(ErrorMeaning::Unavailable) => Verdict { class: Class::Unavailable, cause: Cause::Transient },
        Some(ErrorMeaning::Gone | ErrorMeaning::Later) => finally(Class::Service),
        None => match status {
            429 => Verdict { class: Class::Throttled, cause: Cause::Throttled },
            408 | 500.. => Verdict { class: Class::Unavailable, cause: Cause::Transient },
            _ => finally(Class::Service),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tables::plan::ErrorSaid;

    use super::*;

    fn rules() -> ErrorRules {
        let said = |meaning, said: &str| (meaning, ErrorSaid::from(said.to_owned()));
        ErrorRules {
            code: vec!["error.code".parse().unwrap(), "error".parse().unwrap()],
            message: vec!["error.message".parse().unwrap()],
            request_id: vec!["error.id".parse().unwrap()],
            unreached: Vec::new(),
            in_ok: vec!["ok == false".parse().unwrap(), "error.id".parse().unwrap()],
            rules: vec![
                said(ErrorMeaning::Invalid, "401"),
                said(ErrorMeaning::Denied, "forbidden"),
                said(ErrorMeaning::Gone, "404"),
                said(ErrorMeaning::Throttled, "ratelimited"),
            ],
        }
    }

    fn said(status: u16, body: &str) -> (String, String, Class, Cause) {
        match read(&rules(), status, None, body.as_bytes()) {
            Read::Refused(Refused { code, message, verdict, .. }) => {
                (code, message, verdict.class, verdict.cause)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn documents_are_read() {
        assert_eq!(read(&rules(), 200, None, b"{\"a\": 1}"), Read::Good(json!({"a": 1})));
        assert_eq!(read(&rules(), 204, None, b""), Read::Good(json!({})));
        assert_eq!(read(&rules(), 200, None, b"[1]"), Read::Good(json!([1])));
    }

    #[test]
    fn errors_have_code_message_and_class() {
        let denied = Class::AccessDenied { by_organization: false };
        assert_eq!(
            said(403, r#"{"error": {"code": "forbidden", "message": "no", "id": "i"}}"#),
            ("forbidden".into(), "no".into(), denied, Cause::Final)
        );
        assert_eq!(said(404, r#"{"error": {"code": "not_found"}}"#).2, Class::Service);
        assert_eq!(said(401, "").2, Class::Credentials(CredentialsTrouble::Invalid));
        assert_eq!(said(401, ""), ("401".into(), String::new(), said(401, "").2, Cause::Final));
        assert_eq!(said(429, "{}").2, Class::Throttled);
        assert_eq!(said(503, "{}").3, Cause::Transient);
        assert_eq!(said(400, "{\"message\": \"why\"}").1, "why");
        // An error with a good status, and one that is a text.
        assert_eq!(said(200, r#"{"ok": false, "error": "ratelimited"}"#).2, Class::Throttled);
        assert_eq!(said(400, "bad id\n").1, "bad id");
        assert_eq!(
            said(200, r#"{"items": [], "error": {"code": "forbidden", "id": "i"}}"#).2,
            said(403, r#"{"error": "forbidden"}"#).2
        );
    }

    #[test]
    fn a_listing_has_a_list() {
        let has = |document: Value, list: &str| has_list(&document, &list.parse().unwrap());
        assert!(has(json!({"things": []}), "things"));
        assert!(has(json!([]), "."));
        assert!(has(json!({"groups": []}), "groups[].things"));
        for (document, list) in [
            (json!({}), "things"),
            (json!({"things": null}), "things"),
            (json!({"things": {"0": "a"}}), "things"),
            (json!({}), "."),
            (json!([]), "things"),
        ] {
            assert!(!has(document.clone(), list), "{document} {list}");
        }
    }

    #[test]
    fn what_is_not_of_the_service_is_garbage() {
        let garbage = |status, media, body: &str| match read(&rules(), status, media, body.as_bytes()) {
            Read::Garbage { passes, .. } => passes,
            other => panic!("{other:?}"),
        };
        assert!(garbage(200, None, "{\"a\": "), "cut off");
        assert!(garbage(200, None, "{\"ok\": false}"), "an error without a code");
        assert!(garbage(502, Some("text/html"), "<html>"));
        assert!(!garbage(403, None, "<html>"), "a proxy that refuses goes on refusing");
        assert!(!garbage(302, None, "{}"), "no redirect is followed");
        // A host without the service says so with a page, where the rules know it.
        let absent = (ErrorMeaning::Absent, ErrorSaid::from("404: a page".to_owned()));
        let rules = ErrorRules { rules: vec![absent], ..rules() };
        let read = |status| read(&rules, status, Some("text/html"), b"<html>");
        assert!(matches!(
            read(404),
            Read::Refused(Refused { verdict: Verdict { class: Class::NoEndpoint, .. }, .. })
        ));
        assert!(matches!(read(403), Read::Garbage { .. }));
    }
}
