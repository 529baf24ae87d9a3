//! Logs, always on stderr: JSON lines under the supervisor, text for people.

use std::io;
use std::panic::PanicHookInfo;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON object per line with `level`, `message` and the fields of the event; the supervisor adds time
    /// and account.
    Json,
    /// For people.
    Text,
}

/// Starts logging. `verbose` counts `-v`. A second call is ignored.
pub(crate) fn init(format: Format, verbose: u8) {
    let level = match verbose {
        0 if format == Format::Text => LevelFilter::WARN,
        0 | 1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let registry = tracing_subscriber::registry().with(level);
    let layer = fmt::layer().with_writer(io::stderr).without_time();
    let started = match format {
        Format::Json => registry.with(layer.json().flatten_event(true).with_span_list(false)).try_init(),
        Format::Text => registry.with(layer.compact().with_target(false)).try_init(),
    };
    // Only tests start it twice.
    drop(started);
}

/// Writes panics to the log instead of as bare text, and remembers the place for the report of the job.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let place = crate::panics::note(panic);
        tracing::error!(place, "a panic: {}", crate::panics::text(panic.payload()));
    }));
}
