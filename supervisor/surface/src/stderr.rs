//! The one way to standard error, so that log lines and live bars do not overwrite each other.

use std::io::{self, Write};
use std::sync::{PoisonError, RwLock};

use indicatif::MultiProgress;

static BARS: RwLock<Option<MultiProgress>> = RwLock::new(None);

/// From now on lines appear above `bars`; without bars they are written as they come.
pub(crate) fn set_bars(bars: Option<MultiProgress>) {
    *BARS.write().unwrap_or_else(PoisonError::into_inner) = bars;
}

/// Writes `line` and a line break. There is nobody to tell when standard error is gone.
pub(crate) fn write_line(line: &str) {
    let write = || {
        let mut text = String::with_capacity(line.len() + 1);
        text.push_str(line);
        text.push('\n');
        // One call, so that lines of several processes on one pipe do not mix.
        io::stderr().lock().write_all(text.as_bytes()).unwrap_or_default();
    };
    match &*BARS.read().unwrap_or_else(PoisonError::into_inner) {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}
