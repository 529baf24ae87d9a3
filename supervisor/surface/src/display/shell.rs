//! The thread that shows what the model says.

use std::env;
use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{DisplayModel, Event, Line, LineKind, View};

/// How often the bars are drawn.
const REFRESH: Duration = Duration::from_millis(100);

/// How the display appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Bars at the bottom of the terminal, and lines that scroll away above them.
    Bars,
    /// Lines on standard error.
    Lines,
    /// Events in the log, so that standard error stays JSON lines.
    Log,
}

impl Output {
    /// Bars on a terminal, log events where the log is JSON, else lines.
    pub fn choose(is_terminal: bool, log_is_json: bool) -> Self {
        match (is_terminal, log_is_json) {
            (_, true) => Self::Log,
            (true, false) => Self::Bars,
            (false, false) => Self::Lines,
        }
    }

    /// [`choose`](Self::choose) with standard error of this process. A terminal that cannot move its cursor
    /// (`TERM=dumb`) is none.
    pub fn detect(log_is_json: bool) -> Self {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self::choose(stderr().is_terminal() && !is_dumb, log_is_json)
    }
}

/// The live display. It ends when this is dropped.
#[derive(Debug)]
pub struct Display {
    events: Option<Sender<Event>>,
    thread: Option<JoinHandle<()>>,
}

impl Display {
    /// Starts to show. The run starts now.
    pub fn start(output: Output) -> std::io::Result<Self> {
        let (events, receiver) = channel();
        let thread =
            thread::Builder::new().name("display".to_owned()).spawn(move || run(output, &receiver))?;
        Ok(Self { events: Some(events), thread: Some(thread) })
    }

    /// Shows `event`. It never waits.
    pub fn show(&self, event: Event) {
        if let Some(events) = &self.events {
            // The thread is gone only if it has panicked, and a run does not end for want of a display.
            events.send(event).unwrap_or_default();
        }
    }

    /// Shows what is left, and leaves the terminal as it was.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.events = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the live display has failed; the run was not affected");
        }
        crate::stderr::set_bars(None);
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(output: Output, events: &Receiver<Event>) {
    let begin = Instant::now();
    let mut model = DisplayModel::default();
    let mut bars = (output == Output::Bars).then(Bars::new);
    let mut drawn = Duration::ZERO;
    loop {
        let event = events.recv_timeout(REFRESH);
        let now = begin.elapsed();
        match event {
            Ok(event) => {
                if let Some(line) = model.apply(now, event) {
                    write(output, &line);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        match &mut bars {
            Some(bars) if now >= drawn + REFRESH => {
                drawn = now;
                bars.draw(model.view(now));
            }
            Some(_) => {}
            None => {
                if let Some(line) = model.status_line(now) {
                    write(output, &line);
                }
            }
        }
    }
    if let Some(bars) = bars {
        bars.clear();
    }
}

fn write(output: Output, Line { kind, word, text }: &Line) {
    if output == Output::Log {
        let text = format!("{word} {text}");
        match kind {
            LineKind::Bad => tracing::error!("{}", text.trim_start()),
            LineKind::Warning => tracing::warn!("{}", text.trim_start()),
            LineKind::Good | LineKind::Plain => tracing::info!("{}", text.trim_start()),
        }
        return;
    }
    let colored = output == Output::Bars && env::var_os("NO_COLOR").is_none();
    // Only the word, so that the text is legible on any background.
    let (begin, end) = match kind {
        LineKind::Good if colored => ("\x1b[32m", "\x1b[0m"),
        LineKind::Bad if colored => ("\x1b[31m", "\x1b[0m"),
        LineKind::Warning if colored => ("\x1b[33m", "\x1b[0m"),
        _ => ("", ""),
    };
    crate::stderr::write_line(&match *word {
        "" => text.clone(),
        word => format!("{begin}{word:<7}{end} {text}"),
    });
}

/// The rows at the bottom of the terminal.
struct Bars {
    all: MultiProgress,
    rows: Vec<ProgressBar>,
    status: ProgressBar,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let status = all.add(ProgressBar::new(0));
        status.set_style(style("[{bar:10}] {wide_msg}").progress_chars("=> "));
        crate::stderr::set_bars(Some(all.clone()));
        Self { all, rows: Vec::new(), status }
    }

    fn draw(&mut self, view: View) {
        while self.rows.len() > view.rows.len() {
            if let Some(row) = self.rows.pop() {
                self.all.remove(&row);
            }
        }
        while self.rows.len() < view.rows.len() {
            let row = self.all.insert_before(&self.status, ProgressBar::new_spinner());
            row.set_style(style("{wide_msg}"));
            self.rows.push(row);
        }
        for (row, text) in self.rows.iter().zip(view.rows) {
            if row.message() != text {
                row.set_message(text);
            }
        }
        self.status.set_length(view.length);
        self.status.set_position(view.position);
        self.status.set_message(view.status);
    }

    fn clear(self) {
        // An error means that the terminal is gone, and nobody sees it.
        self.all.clear().unwrap_or_default();
    }
}

/// A template of this file; a test draws all of them.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_need_a_terminal_and_json_stays_json() {
        assert_eq!(Output::choose(true, false), Output::Bars);
        assert_eq!(Output::choose(false, false), Output::Lines);
        assert_eq!(Output::choose(true, true), Output::Log);
        assert_eq!(Output::choose(false, true), Output::Log);
    }

    #[test]
    fn templates_are_valid() {
        for template in ["[{bar:10}] {wide_msg}", "{wide_msg}"] {
            ProgressStyle::with_template(template).expect(template);
        }
    }

    #[test]
    fn rows_come_and_go_with_the_view() {
        let mut bars = Bars::new();
        bars.all.set_draw_target(ProgressDrawTarget::hidden());
        let view = |rows: &[&str]| View {
            rows: rows.iter().map(|&row| row.to_owned()).collect(),
            position: 1,
            length: 5,
            status: "s".to_owned(),
        };
        for rows in [&["a", "b", "c"][..], &["b"], &[], &["d", "e"]] {
            bars.draw(view(rows));
            let shown: Vec<_> = bars.rows.iter().map(ProgressBar::message).collect();
            assert_eq!(shown, rows);
            assert_eq!((bars.status.position(), bars.status.length()), (1, Some(5)));
        }
        bars.clear();
        crate::stderr::set_bars(None);
    }

    #[test]
    fn it_ends_with_all_events_shown_and_can_be_dropped() {
        let display = Display::start(Output::Log).expect("a thread");
        for n in 0..1000 {
            display.show(Event::Note(n.to_string()));
        }
        display.finish();
        drop(Display::start(Output::Log).expect("a thread"));
    }
}
