//! What fixcore is told about one node: whether it is gone, and what happened.

use decisions::cleanup::Fate;
use ipc_proto::clean::CleanEvent;
use ipc_proto::limits::MAX_LOG;
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

/// What happened to one resource in this run.
#[derive(Debug, Clone, Default)]
pub struct EventLog {
    entries: Vec<Value>,
}

impl EventLog {
    /// Adds what a child has told.
    pub fn add(&mut self, events: &[CleanEvent], at: Timestamp) {
        for CleanEvent { message, failed } in events {
            self.push(message, failed.then_some(message), at);
        }
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// In the peer's form.
    fn push(&mut self, message: &str, exception: Option<&String>, at: Timestamp) {
        let at = at.round(Unit::Second).unwrap_or(at);
        let entry = json!({"timestamp": at.to_string(), "msg": message, "exception": exception});
        if self.entries.len() >= MAX_LOG {
            self.entries.remove(0);
        }
        self.entries.push(entry);
    }

    fn clean(&mut self, clean: impl Fn(String) -> String) {
        for entry in &mut self.entries {
            for key in ["msg", "exception"] {
                if let Some(Value::String(text)) = entry.get_mut(key) {
                    *text = clean(std::mem::take(text));
                }
            }
        }
    }

    fn close(&mut self, fate: &Fate, at: Timestamp) {
        let (message, why) = match fate {
            Fate::Gone => ("deleted", None),
            Fate::Planned | Fate::Elsewhere(_) => return,
            Fate::Failed(why) => ("not deleted", Some(why)),
            Fate::Refused(why) => ("deletion refused", Some(why)),
            Fate::Skipped(why) => ("not touched", Some(why)),
            Fate::Unfinished(why) => ("not deleted in this run", Some(why)),
        };
        let message = why.map_or_else(|| message.to_owned(), |why| format!("{message}: {why}"));
        self.push(&message, why, at);
    }
}

/// The line for `PATCH /graph/.../nodes` about the node `id` that ended with `fate`, behind what is stored of
/// earlier runs. `None` if there is nothing to tell: a dry run, a run that ended before anything happened, or an account
/// that other workers look after, whose words must not be overwritten. `clean` takes out what must not be told.
pub fn line(
    id: &str,
    fate: &Fate,
    mut log: EventLog,
    stored: &[Value],
    at: Timestamp,
    clean: impl Fn(String) -> String,
) -> Option<String> {
    match fate {
        Fate::Planned | Fate::Elsewhere(_) => return None,
        Fate::Unfinished(_) if log.is_empty() => return None,
        _ => {}
    }
    log.close(fate, at);
    log.clean(clean);
    let kept = stored.len().min(MAX_LOG.saturating_sub(log.entries.len()));
    let entries: Vec<&Value> = stored[stored.len() - kept..].iter().chain(&log.entries).collect();
    let metadata = match fate {
        Fate::Gone => json!({"cleaned": true, "event_log": entries}),
        _ => json!({"event_log": entries}),
    };
    Some(json!({"id": id, "metadata": metadata}).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-01-01T00:00:00.4Z".parse().unwrap()
    }

    fn plain(text: String) -> String {
        text
    }

    fn log(events: &[CleanEvent]) -> EventLog {
        let mut log = EventLog::default();
        log.add(events, at());
        log
    }

    #[test]
    fn what_is_gone_is_marked_with_its_log_in_the_form_of_the_peer() {
        let line = line("n1", &Fate::Gone, log(&[CleanEvent::done("detached")]), &[], at(), plain).unwrap();
        assert_eq!(
            line,
            r#"{"id":"n1","metadata":{"cleaned":true,"event_log":[{"timestamp":"2026-01-01T00:00:00Z","msg":"detached","exception":null},{"timestamp":"2026-01-01T00:00:00Z","msg":"deleted","exception":null}]}}"#
        );
    }

    #[test]
    fn what_stays_is_not_marked_and_says_why_behind_what_was_known() {
        let stored = [json!({"msg": "earlier"})];
        let fate = Fate::Failed("in use".into());
        let line = line("n1", &fate, log(&[CleanEvent::failed("tried")]), &stored, at(), plain).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["metadata"].get("cleaned"), None);
        let log = line["metadata"]["event_log"].as_array().unwrap();
        assert_eq!((log.len(), &log[0]["msg"]), (3, &json!("earlier")));
        assert_eq!((&log[1]["msg"], &log[1]["exception"]), (&json!("tried"), &json!("tried")));
        assert_eq!((&log[2]["msg"], &log[2]["exception"]), (&json!("not deleted: in use"), &json!("in use")));
    }

    #[test]
    fn nothing_is_said_where_nothing_happened() {
        let unfinished = Fate::Unfinished("stopped".into());
        assert_eq!(line("n1", &unfinished, EventLog::default(), &[], at(), plain), None);
        assert!(line("n1", &unfinished, log(&[CleanEvent::done("x")]), &[], at(), plain).is_some());
        assert_eq!(line("n1", &Fate::Planned, log(&[CleanEvent::done("x")]), &[], at(), plain), None);
        assert!(line("n1", &Fate::Skipped("x".into()), EventLog::default(), &[], at(), plain).is_some());
    }

    #[test]
    fn a_log_does_not_grow_without_end() {
        let stored = vec![json!({"msg": "old"}); 500];
        let events = vec![CleanEvent::done("new"); 300];
        let line = line("n1", &Fate::Gone, log(&events), &stored, at(), plain).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        let log = line["metadata"]["event_log"].as_array().unwrap();
        assert_eq!(log.len(), MAX_LOG);
        assert_eq!((&log[0]["msg"], &log[MAX_LOG - 1]["msg"]), (&json!("new"), &json!("deleted")));
    }

    #[test]
    fn what_must_not_be_told_is_taken_out_of_words_only() {
        let fate = Fate::Failed("no access with metadata".into());
        let clean = |text: String| text.replace("metadata", "$(SECRET)");
        let line = line("n1", &fate, log(&[CleanEvent::failed("metadata")]), &[], at(), clean).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        let log = &line["metadata"]["event_log"];
        assert_eq!((&log[0]["msg"], &log[0]["exception"]), (&json!("$(SECRET)"), &json!("$(SECRET)")));
        assert_eq!(log[1]["msg"], "not deleted: no access with $(SECRET)");
    }
}
