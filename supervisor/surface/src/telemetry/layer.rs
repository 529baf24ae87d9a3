//! From tracing's events to lines.

use std::fmt::Debug;
use std::{error, process, thread};

use jiff::Zoned;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::CRITICAL;
use super::line::{Record, Style, render};
use crate::scrub::scrub;

/// Renders each event and hands the line to `write`.
pub(super) struct LineLayer<W> {
    style: Style,
    write: W,
}

impl<W: Fn(&str)> LineLayer<W> {
    pub(super) fn new(style: Style, write: W) -> Self {
        Self { style, write }
    }
}

/// The fields of a span, kept with it.
struct SpanFields(Map<String, Value>);

impl<S, W> Layer<S> for LineLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(SpanFields(fields.values));
        }
    }

    fn on_record(&self, id: &Id, values: &SpanRecord<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = context.span(id)
            && let Some(known) = span.extensions_mut().get_mut::<SpanFields>()
        {
            known.0.extend(fields.values);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut own = Fields::default();
        event.record(&mut own);
        let mut fields = Map::new();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(known) = span.extensions().get::<SpanFields>() {
                fields.extend(known.0.clone());
            }
        }
        fields.extend(own.values);
        let target = own.log_target.as_deref().unwrap_or(event.metadata().target());
        if !is_ours(target) {
            fields.insert("target".to_owned(), target.into());
        }
        let thread = thread::current();
        let record = Record {
            time: Zoned::now(),
            level: level_name(*event.metadata().level(), target),
            message: own.message,
            pid: process::id(),
            thread: thread_name(thread.name()),
            process: "fixworker",
            fields,
        };
        (self.write)(&scrub(render(record, self.style)));
    }
}

fn is_ours(target: &str) -> bool {
    target.starts_with("fixworker") || target.starts_with("ipc_proto") || target == CRITICAL
}

/// The peer's names of levels.
fn level_name(level: Level, target: &str) -> &'static str {
    match level {
        Level::ERROR if target == CRITICAL => "CRITICAL",
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

/// The peer's name for the main thread; others keep theirs.
fn thread_name(name: Option<&str>) -> &str {
    match name {
        Some("main") => "MainThread",
        Some(name) => name,
        None => "unnamed",
    }
}

/// Collects the fields of an event or span.
#[derive(Default)]
struct Fields {
    message: String,
    /// Where a record of the log crate came from; tracing-log adds it as a field.
    log_target: Option<String>,
    values: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            ("message", other) => self.message = other.to_string(),
            ("log.target", Value::String(target)) => self.log_target = Some(target),
            (name, _) if name.starts_with("log.") => {}
            // Raw identifiers such as r#type.
            (name, value) => {
                self.values.insert(name.trim_start_matches("r#").to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn error::Error + 'static)) {
        self.put(field, value.to_string().into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no number for NaN and the infinities.
        let value = if value.is_finite() { value.into() } else { value.to_string().into() };
        self.put(field, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::telemetry::Level as Verbosity;

    /// The JSON lines that `work` logs at `level`.
    fn lines_of(level: Verbosity, work: impl FnOnce()) -> Vec<Value> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        let layer = LineLayer::new(Style::Json, move |line: &str| {
            sink.lock().expect("no panic").push(serde_json::from_str(line).expect("a JSON line"));
        });
        let subscriber = tracing_subscriber::registry().with(layer.with_filter(level.filter()));
        tracing::subscriber::with_default(subscriber, work);
        Arc::into_inner(lines).expect("the only one left").into_inner().expect("no panic")
    }

    #[test]
    fn levels_have_the_peers_names() {
        let lines = lines_of(Verbosity::Trace, || {
            tracing::error!("1");
            tracing::warn!("2");
            tracing::info!("3");
            tracing::debug!("4");
            tracing::trace!("5");
            tracing::error!(target: CRITICAL, "6");
        });
        let levels: Vec<_> = lines.iter().map(|line| line["level"].as_str().expect("a level")).collect();
        assert_eq!(levels, ["ERROR", "WARNING", "INFO", "DEBUG", "TRACE", "CRITICAL"]);
        assert!(lines.iter().all(|line| line.get("target").is_none()), "{lines:?}");
    }

    #[test]
    fn quiet_leaves_errors() {
        let lines = lines_of(Verbosity::Quiet, || {
            tracing::warn!("a warning");
            tracing::error!("an error");
            tracing::info!("news");
            tracing::error!(target: CRITICAL, "the end");
        });
        let said: Vec<_> = lines.iter().map(|line| line["message"].as_str().expect("a text")).collect();
        assert_eq!(said, ["an error", "the end"]);
    }

    #[test]
    fn fields_keep_their_types_and_spans_add_theirs() {
        let lines = lines_of(Verbosity::Normal, || {
            let outer = tracing::info_span!("run", task = "t1", account = tracing::field::Empty).entered();
            outer.record("account", "aws/1");
            let _inner = tracing::info_span!("attempt", attempt = 2).entered();
            let error = std::io::Error::other("gone");
            let error: &(dyn error::Error + 'static) = &error;
            tracing::info!(bytes = 7u64, ratio = 0.5, bad = f64::NAN, ok = true, error, r#type = ?Some(1), "done {}", 1);
        });
        let line = &lines[0];
        assert_eq!(line["message"], "done 1");
        assert_eq!(
            (&line["task"], &line["account"], &line["attempt"]),
            (&"t1".into(), &"aws/1".into(), &2.into())
        );
        assert_eq!((&line["bytes"], &line["ratio"], &line["bad"]), (&7.into(), &0.5.into(), &"NaN".into()));
        assert_eq!(
            (&line["ok"], &line["error"], &line["type"]),
            (&true.into(), &"gone".into(), &"Some(1)".into())
        );
    }

    #[test]
    fn the_line_says_who_speaks() {
        let lines = lines_of(Verbosity::Normal, || tracing::warn!(target: "hyper::client", "slow"));
        let line = lines[0].as_object().expect("an object");
        let keys: Vec<_> = line.keys().map(String::as_str).collect();
        assert_eq!(keys, ["timestamp", "level", "message", "pid", "thread", "process", "target"]);
        assert_eq!(line["pid"], process::id());
        assert_eq!(line["process"], "fixworker");
        assert_eq!(line["target"], "hyper::client");
        let timestamp = line["timestamp"].as_str().expect("text");
        timestamp.parse::<jiff::civil::DateTime>().expect("a local time");
        assert_eq!(timestamp.len(), "2026-11-22T15:47:03".len());
    }

    #[test]
    fn the_main_thread_has_the_peers_name() {
        assert_eq!(thread_name(Some("main")), "MainThread");
        assert_eq!(thread_name(Some("spawner")), "spawner");
        assert_eq!(thread_name(None), "unnamed");
    }
}
