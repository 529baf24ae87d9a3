//! Logs: JSON lines with the peer's fields, or text for people, to standard error.

mod layer;
mod line;

use std::env;
use std::io::{IsTerminal, stderr};
use std::str::FromStr;

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use self::layer::LineLayer;
use self::line::Style;

/// The target of events that say why the program ends. They have the level `CRITICAL`: `tracing::error!(target: telemetry::CRITICAL, "...")`.
pub const CRITICAL: &str = "critical";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object in each line.
    Json,
}

impl FromStr for LogFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(UnknownFormat(other.to_owned())),
        }
    }
}

/// A name that is no format.
#[derive(Debug, Error)]
#[error("'{0}' is no log format: use text or json")]
pub struct UnknownFormat(String);

/// How much is logged, by the peer's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `--quiet`: errors only.
    Quiet,
    /// Info, warnings, errors.
    Normal,
    /// `--verbose`: debug as well.
    Verbose,
    /// `--trace`: everything of ours, and what libraries say up to debug.
    Trace,
}

/// Logging was set up before, or by somebody else.
#[derive(Debug, Error)]
#[error("logging is set up already: {0}")]
pub struct InitError(#[from] tracing_subscriber::util::TryInitError);

impl LogFormat {
    /// The format by the rules of the command line: `--log-format`, then `FIX_LOG_TEXT=true`, then text exactly
    /// when standard error is a terminal.
    pub fn choose(flag: Option<Self>, fix_log_text: Option<&str>, is_terminal: bool) -> Self {
        let forced = fix_log_text.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        flag.unwrap_or(if forced || is_terminal { Self::Text } else { Self::Json })
    }

    /// [`choose`](Self::choose) with the environment and standard error of this process.
    pub fn detect(flag: Option<Self>) -> Self {
        Self::choose(flag, env::var("FIX_LOG_TEXT").ok().as_deref(), stderr().is_terminal())
    }
}

impl Level {
    /// The level by the flags `--trace`, `--verbose`, `--quiet`, in this order, each of which may also be given
    /// as an environment variable of the peer (`FIX_TRACE`, `FIX_VERBOSE`, `FIX_QUIET` with the value `true`).
    pub fn choose(
        trace: bool,
        verbose: bool,
        quiet: bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let is_on = |name| variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if trace || is_on("FIX_TRACE") {
            Self::Trace
        } else if verbose || is_on("FIX_VERBOSE") {
            Self::Verbose
        } else if quiet || is_on("FIX_QUIET") {
            Self::Quiet
        } else {
            Self::Normal
        }
    }

    /// What passes: ours by prefix of the target, and libraries.
    fn filter(self) -> Targets {
        let (ours, libraries) = match self {
            Self::Quiet => (LevelFilter::ERROR, LevelFilter::ERROR),
            Self::Normal => (LevelFilter::INFO, LevelFilter::WARN),
            Self::Verbose => (LevelFilter::DEBUG, LevelFilter::WARN),
            // Below debug the websocket library writes whole requests with their tokens.
            Self::Trace => (LevelFilter::TRACE, LevelFilter::DEBUG),
        };
        Targets::new()
            .with_default(libraries)
            .with_target("fixworker", ours)
            .with_target("ipc_proto", ours)
            .with_target(CRITICAL, LevelFilter::ERROR)
    }
}

/// Sends all events of this process to standard error. Once per process.
pub fn init(format: LogFormat, level: Level) -> Result<(), InitError> {
    let style = match format {
        LogFormat::Json => Style::Json,
        LogFormat::Text => Style::Text { color: stderr().is_terminal() && env::var_os("NO_COLOR").is_none() },
    };
    let layer = LineLayer::new(style, crate::stderr::write_line);
    tracing_subscriber::registry().with(layer.with_filter(level.filter())).try_init()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_then_the_variable_then_the_terminal() {
        use LogFormat::{Json, Text};
        for (flag, variable, is_terminal, expected) in [
            (None, None, true, Text),
            (None, None, false, Json),
            (None, Some("true"), false, Text),
            (None, Some("TRUE"), false, Text),
            (None, Some("false"), true, Text),
            (None, Some("false"), false, Json),
            (None, Some("1"), false, Json),
            (Some(Json), Some("true"), true, Json),
            (Some(Text), None, false, Text),
        ] {
            assert_eq!(
                LogFormat::choose(flag, variable, is_terminal),
                expected,
                "{flag:?} {variable:?} {is_terminal}"
            );
        }
    }

    #[test]
    fn formats_have_names() {
        assert_eq!("text".parse::<LogFormat>().expect("known"), LogFormat::Text);
        assert_eq!("json".parse::<LogFormat>().expect("known"), LogFormat::Json);
        let error = "xml".parse::<LogFormat>().expect_err("unknown");
        assert_eq!(error.to_string(), "'xml' is no log format: use text or json");
    }

    #[test]
    fn the_loudest_flag_wins_and_variables_count_as_flags() {
        let none = |_: &str| None;
        assert_eq!(Level::choose(false, false, false, none), Level::Normal);
        assert_eq!(Level::choose(true, true, true, none), Level::Trace);
        assert_eq!(Level::choose(false, true, true, none), Level::Verbose);
        assert_eq!(Level::choose(false, false, true, none), Level::Quiet);
        for (name, level) in
            [("FIX_TRACE", Level::Trace), ("FIX_VERBOSE", Level::Verbose), ("FIX_QUIET", Level::Quiet)]
        {
            let set = |value: &'static str| move |asked: &str| (asked == name).then(|| value.to_owned());
            assert_eq!(Level::choose(false, false, false, set("True")), level);
            assert_eq!(Level::choose(false, false, false, set("no")), Level::Normal);
        }
    }

    #[test]
    fn what_passes_at_each_level() {
        use tracing::Level as L;
        let passes = |level: Level, target, at| level.filter().would_enable(target, &at);
        for (level, ours, theirs) in [
            (Level::Quiet, Some(L::ERROR), Some(L::ERROR)),
            (Level::Normal, Some(L::INFO), Some(L::WARN)),
            (Level::Verbose, Some(L::DEBUG), Some(L::WARN)),
            (Level::Trace, Some(L::TRACE), Some(L::DEBUG)),
        ] {
            for at in [L::ERROR, L::WARN, L::INFO, L::DEBUG, L::TRACE] {
                for target in ["fixworker", "fixworker_fleet::child", "fixworker_surface::web", "ipc_proto"] {
                    assert_eq!(
                        passes(level, target, at),
                        ours.is_some_and(|most| at <= most),
                        "{level:?} {target} {at}"
                    );
                }
                for target in ["hyper::proto", "rustls::client", "tungstenite"] {
                    assert_eq!(
                        passes(level, target, at),
                        theirs.is_some_and(|most| at <= most),
                        "{level:?} {target} {at}"
                    );
                }
            }
            assert!(passes(level, CRITICAL, L::ERROR), "{level:?}");
        }
    }
}
