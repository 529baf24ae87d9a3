//! What a child writes to stdout and stderr: drained as long as somebody holds the pipes, passed on to our
//! log within a rate, the end of stderr kept for the failure report. It is never protocol.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::unix::pipe::Receiver;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, error, info, trace, warn};

use super::border::is_unseen;

/// Lines of stderr that are kept.
const TAIL_LINES: usize = 20;
/// Longer lines are cut, in bytes.
const MAX_LINE: usize = 4 << 10;
/// Lines that pass at once, and lines that pass each second after that.
const BURST: u32 = 200;
const PER_SECOND: u32 = 20;

/// The end of standard error.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Stdout,
    Stderr,
}

/// Reads both pipes until all who hold them are gone. Aborting it closes our ends.
pub(crate) fn drain(
    stdout: OwnedFd,
    stderr: OwnedFd,
    label: String,
    pid: i32,
    tail: &Tail,
) -> JoinHandle<()> {
    let label: Arc<str> = label.into();
    let relay =
        |source| Relay { source, label: Arc::clone(&label), pid, tail: tail.clone(), rate: Rate::new() };
    let (out, err) = (relay(Source::Stdout), relay(Source::Stderr));
    tokio::spawn(async move {
        tokio::join!(read(stdout, out), read(stderr, err));
    })
}

async fn read(pipe: OwnedFd, relay: Relay) {
    match Receiver::from_owned_fd(pipe) {
        Ok(pipe) => pump(pipe, relay).await,
        Err(error) => warn!(child = %relay.label, "cannot read the output of a child: {error}"),
    }
}

async fn pump(mut pipe: impl AsyncRead + Unpin, mut relay: Relay) {
    let mut lines = Lines::default();
    let mut buffer = [0; 4096];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(n) => lines.feed(&buffer[..n], |line| relay.line(line)),
        }
    }
    lines.finish(|line| relay.line(line));
    relay.report_suppressed();
}

/// Cuts bytes into lines without ever holding more than one of the longest.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    cut: bool,
}

impl Lines {
    fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.cut |= text.len() > room;
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                self.finish(&mut each);
            }
        }
    }

    fn finish(&mut self, mut each: impl FnMut(&str)) {
        let mut text = String::from_utf8_lossy(&self.line).into_owned();
        if self.cut {
            text.push_str(" [cut]");
        }
        let text = text.trim_end();
        if !text.is_empty() {
            each(text);
        }
        self.line.clear();
        self.cut = false;
    }
}

/// A bucket of lines that refills with time.
#[derive(Debug)]
struct Rate {
    left: u32,
    refilled: Instant,
    suppressed: u64,
}

impl Rate {
    fn new() -> Self {
        Self { left: BURST, refilled: Instant::now(), suppressed: 0 }
    }

    /// Whether one more line may pass at `now`.
    fn admit(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.refilled);
        let refill = since.as_millis() * u128::from(PER_SECOND) / 1000;
        if refill > 0 {
            let refill = u32::try_from(refill).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(refill).min(BURST);
            self.refilled += (Duration::from_secs(1) * refill / PER_SECOND).min(since);
        }
        if self.left == 0 {
            self.suppressed += 1;
            return false;
        }
        self.left -= 1;
        true
    }
}

struct Relay {
    source: Source,
    label: Arc<str>,
    pid: i32,
    tail: Tail,
    rate: Rate,
}

impl Relay {
    fn line(&mut self, line: &str) {
        let parsed = Parsed::new(line, self.source);
        if self.source == Source::Stderr {
            self.tail.push(parsed.for_tail());
        }
        if self.rate.admit(Instant::now()) {
            self.report_suppressed();
            self.log(&parsed);
        }
    }

    fn log(&self, parsed: &Parsed) {
        let (child, pid, text) = (&*self.label, self.pid, parsed.text.as_str());
        match parsed.level {
            Level::Error => error!(target: "child", child, pid, "{text}"),
            Level::Warn => warn!(target: "child", child, pid, "{text}"),
            Level::Info => info!(target: "child", child, pid, "{text}"),
            Level::Debug => debug!(target: "child", child, pid, "{text}"),
            Level::Trace => trace!(target: "child", child, pid, "{text}"),
        }
    }

    fn report_suppressed(&mut self) {
        let count = std::mem::take(&mut self.rate.suppressed);
        if count > 0 {
            warn!(target: "child", child = &*self.label, pid = self.pid, "left out {count} lines of output");
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// A line of output: a log record of our own child, or any text.
#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    level: Level,
    text: String,
    structured: bool,
}

impl Parsed {
    fn new(line: &str, source: Source) -> Self {
        let structured = line.starts_with('{').then(|| serde_json::from_str::<Value>(line).ok()).flatten();
        let record = structured.as_ref().and_then(|value| {
            let level = level(value.get("level")?.as_str()?)?;
            Some(Self { level, text: value.get("message")?.as_str()?.to_owned(), structured: true })
        });
        let level = if source == Source::Stdout { Level::Info } else { Level::Warn };
        let parsed = record.unwrap_or_else(|| Self { level, text: line.to_owned(), structured: false });
        Self { text: seen(parsed.text), ..parsed }
    }

    fn for_tail(&self) -> String {
        if self.structured { format!("{:?}: {}", self.level, self.text) } else { self.text.clone() }
    }
}

/// `text` without what a terminal obeys: what of it has a code above those of ASCII, no form of log escapes. Messages may
/// have several lines.
fn seen(text: String) -> String {
    let obeyed = |c: char| is_unseen(c) && !matches!(c, '\n' | '\t');
    if text.contains(obeyed) { text.replace(obeyed, " ") } else { text }
}

fn level(name: &str) -> Option<Level> {
    match name.to_ascii_lowercase().as_str() {
        "error" | "critical" | "fatal" => Some(Level::Error),
        "warn" | "warning" => Some(Level::Warn),
        "info" => Some(Level::Info),
        "debug" => Some(Level::Debug),
        "trace" => Some(Level::Trace),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&[u8]]) -> Vec<String> {
        let mut out = Vec::new();
        let mut lines = Lines::default();
        for piece in pieces {
            lines.feed(piece, |line| out.push(line.to_owned()));
        }
        lines.finish(|line| out.push(line.to_owned()));
        out
    }

    #[test]
    fn lines_are_cut_wherever_the_pieces_end() {
        assert_eq!(cut(&[b"a\nb", b"c\r\n\n", b"d"]), ["a", "bc", "d"]);
        assert_eq!(cut(&[b"\xff\n"]), ["\u{fffd}"]);
    }

    #[test]
    fn long_lines_are_cut_and_the_next_one_is_whole() {
        let long = vec![b'x'; 3 * MAX_LINE];
        let lines = cut(&[&long[..MAX_LINE - 1], &long, b"\nshort\n"]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], format!("{} [cut]", "x".repeat(MAX_LINE)));
        assert_eq!(lines[1], "short");
    }

    #[test]
    fn the_rate_has_a_burst_and_refills() {
        let mut rate = Rate::new();
        let start = rate.refilled;
        let admitted = (0..1000).filter(|_| rate.admit(start)).count();
        assert_eq!(admitted, BURST as usize);
        assert_eq!(rate.suppressed, 1000 - u64::from(BURST));
        let later = start + Duration::from_secs(2);
        assert_eq!((0..1000).filter(|_| rate.admit(later)).count(), 2 * PER_SECOND as usize);
        let much_later = start + Duration::from_secs(100_000);
        assert_eq!((0..1000).filter(|_| rate.admit(much_later)).count(), BURST as usize);
    }

    #[test]
    fn records_of_our_child_keep_their_level() {
        let line = r#"{"timestamp":"2026-01-01","level":"ERROR","message":"boom","pid":7}"#;
        let parsed = Parsed::new(line, Source::Stderr);
        assert_eq!((parsed.level, parsed.text.as_str()), (Level::Error, "boom"));
        assert_eq!(parsed.for_tail(), "Error: boom");
        for text in ["{\"level\":\"odd\"}", "{not json", "plain"] {
            assert_eq!(Parsed::new(text, Source::Stderr).level, Level::Warn, "{text}");
            assert_eq!(Parsed::new(text, Source::Stdout).level, Level::Info, "{text}");
        }
    }

    #[test]
    fn no_line_carries_what_a_terminal_obeys() {
        let record = "{\"level\":\"info\",\"message\":\"a\\u001b[2J\u{9b}1m\\nb\u{202e}c\"}";
        for line in ["a\u{1b}[2J\u{9b}1m\u{202e}c", record] {
            let text = Parsed::new(line, Source::Stderr).text;
            assert!(
                !text.contains(['\u{1b}', '\u{9b}', '\u{202e}']) && text.starts_with("a [2J 1m"),
                "{text:?}"
            );
        }
    }

    #[tokio::test]
    async fn the_tail_is_the_end_of_stderr_even_above_the_rate() {
        let tail = Tail::default();
        let lines: Vec<_> = (0..5000).map(|n| format!("line {n}")).collect();
        let text = lines.join("\n");
        let relay =
            |source| Relay { source, label: "a/b".into(), pid: 1, tail: tail.clone(), rate: Rate::new() };
        pump(text.as_bytes(), relay(Source::Stderr)).await;
        pump(&b"not this\n"[..], relay(Source::Stdout)).await;
        let lines = tail.lines();
        assert_eq!(lines.len(), TAIL_LINES);
        assert_eq!(lines.last().unwrap(), "line 4999");
    }
}
