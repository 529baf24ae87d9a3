//! What a log line looks like.

use jiff::Zoned;
use serde_json::{Map, Value};

use crate::text::one_line;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// JSON lines.
    Json,
    /// Text for people.
    Text {
        /// Levels have colors.
        color: bool,
    },
}

/// One event.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) time: Zoned,
    pub(super) level: &'static str,
    pub(super) message: String,
    pub(super) pid: u32,
    pub(super) thread: &'a str,
    pub(super) process: &'a str,
    /// Fields of the event and of the spans around it.
    pub(super) fields: Map<String, Value>,
}

// The peer's keys, in its order.
const KEYS: [&str; 6] = ["timestamp", "level", "message", "pid", "thread", "process"];

/// The line of `record`, without a line break.
pub(super) fn render(record: Record<'_>, style: Style) -> String {
    match style {
        Style::Json => json(record),
        Style::Text { color } => text(&record, color),
    }
}

fn json(record: Record<'_>) -> String {
    let values: [Value; KEYS.len()] = [
        record.time.strftime("%Y-%m-%dT%H:%M:%S").to_string().into(),
        record.level.into(),
        record.message.into(),
        record.pid.into(),
        record.thread.into(),
        record.process.into(),
    ];
    let mut object: Map<String, Value> = KEYS.into_iter().map(str::to_owned).zip(values).collect();
    for (key, value) in record.fields {
        // An event about a child has a pid of its own; the line's must stay what log pipelines expect.
        let key = if KEYS.contains(&key.as_str()) { format!("event_{key}") } else { key };
        object.insert(key, value);
    }
    Value::Object(object).to_string()
}

fn text(record: &Record<'_>, color: bool) -> String {
    let (begin, end) = if color { (color_of(record.level), "\x1b[0m") } else { ("", "") };
    let mut line = format!(
        "{}|{}|{begin}{:>5}{end}|{}|{:>10}  {}",
        record.time.strftime("%y-%m-%d %H:%M:%S"),
        record.process,
        record.level,
        record.pid,
        record.thread,
        one_line(&record.message),
    );
    for (key, value) in &record.fields {
        let value = match value {
            Value::String(plain) if !plain.is_empty() && !plain.contains([' ', '"', '=']) => {
                one_line(plain).into_owned()
            }
            other => one_line(&other.to_string()).into_owned(),
        };
        line.extend([" ", key, "=", &value]);
    }
    line
}

fn color_of(level: &str) -> &'static str {
    match level {
        "CRITICAL" | "ERROR" => "\x1b[31m",
        "WARNING" => "\x1b[33m",
        "INFO" => "\x1b[32m",
        _ => "\x1b[2m",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(message: &str, fields: &Value) -> Record<'static> {
        Record {
            time: jiff::civil::datetime(2026, 11, 22, 15, 47, 3, 999_000_000)
                .to_zoned(jiff::tz::TimeZone::UTC)
                .expect("a time"),
            level: "INFO",
            message: message.to_owned(),
            pid: 15361,
            thread: "MainThread",
            process: "fixworker",
            fields: fields.as_object().cloned().unwrap_or_default(),
        }
    }

    #[test]
    fn json_lines_have_the_peers_fields_in_its_order() {
        let line = render(record("Shutdown \"complete\"\n", &json!({})), Style::Json);
        assert_eq!(
            line,
            r#"{"timestamp":"2026-11-22T15:47:03","level":"INFO","message":"Shutdown \"complete\"\n","pid":15361,"thread":"MainThread","process":"fixworker"}"#
        );
    }

    #[test]
    fn fields_follow_and_never_replace_those_of_the_line() {
        let fields = json!({"account": "aws/1", "attempt": 2, "pid": 77, "level": "x"});
        let line = render(record("m", &fields), Style::Json);
        let parsed: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(parsed["pid"], 15361);
        assert_eq!(parsed["event_pid"], 77);
        assert_eq!((&parsed["level"], &parsed["event_level"]), (&json!("INFO"), &json!("x")));
        assert!(
            line.ends_with(r#""account":"aws/1","attempt":2,"event_pid":77,"event_level":"x"}"#),
            "{line}"
        );
    }

    #[test]
    fn text_lines_look_like_the_peers() {
        let fields = json!({"account": "aws/1", "hint": "set \"a b\"", "n": 3, "empty": ""});
        assert_eq!(
            render(record("done", &fields), Style::Text { color: false }),
            r#"26-11-22 15:47:03|fixworker| INFO|15361|MainThread  done account=aws/1 hint="set \"a b\"" n=3 empty="""#
        );
        let colored = render(record("done", &json!({})), Style::Text { color: true });
        assert_eq!(colored, "26-11-22 15:47:03|fixworker|\x1b[32m INFO\x1b[0m|15361|MainThread  done");
    }

    #[test]
    fn nobody_can_forge_a_second_text_line() {
        let line =
            render(record("a\n26-11-22|b\x1b[2J", &json!({"stderr": "x\ny"})), Style::Text { color: false });
        assert!(!line.contains(['\n', '\x1b']), "{line:?}");
        assert!(line.contains(r"a\n26-11-22|b\u{1b}[2J stderr=x\ny"), "{line:?}");
    }
}
