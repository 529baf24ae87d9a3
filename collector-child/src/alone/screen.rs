//! What the user sees while a job runs: a progress bar on a terminal, and faults as they come.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ipc_proto::fault::{Fault, Level};
use ipc_proto::message::{Heartbeat, Progress};

use super::{fault_text, say};

/// Standard error, with a bar at its end if it is a terminal.
pub(super) struct Screen {
    bar: ProgressBar,
    places: HashMap<(Vec<String>, String), (u64, u64)>,
    faults: u32,
    step: String,
}

impl Screen {
    /// A screen for a job called `title`.
    pub(super) fn new(title: &str) -> Self {
        // Hidden by itself when standard error is no terminal.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        bar.set_style(style("{spinner} {prefix} {elapsed} {wide_msg}"));
        bar.set_prefix(title.to_owned());
        bar.enable_steady_tick(Duration::from_millis(125));
        Self { bar, places: HashMap::new(), faults: 0, step: String::new() }
    }

    /// Prints a fault.
    pub(super) fn fault(&mut self, fault: &Fault) {
        self.faults = self.faults.saturating_add(u32::from(fault.costs()));
        let level = match fault.level {
            Level::Info => "note",
            Level::Error => "fault",
        };
        self.line(&format!("{level}: {}", fault_text(fault)));
    }

    /// Prints a line above the bar.
    pub(super) fn line(&self, line: &str) {
        self.bar.suspend(|| say(line));
    }

    /// Moves the bar.
    pub(super) fn progress(&mut self, lines: Vec<Progress>) {
        for Progress { path, name, current, total } in lines {
            self.places.insert((path, name), (current.into(), total.into()));
        }
        // A place that has others below it repeats them.
        let paths: Vec<&Vec<String>> = self.places.keys().map(|(path, _)| path).collect();
        let leaves = self.places.iter().filter(|((path, name), _)| {
            !paths.iter().any(|other| {
                other.len() == path.len() + 1 && other.starts_with(path) && other.last() == Some(name)
            })
        });
        let (current, total) = leaves.fold((0, 0), |(current, total), (_, (c, t))| (current + c, total + t));
        if self.bar.length() != Some(total) && total > 1 {
            self.bar.set_style(style("{spinner} {prefix} {elapsed} [{bar:24}] {pos}/{len} {wide_msg}"));
            self.bar.set_length(total);
        }
        self.bar.set_position(current);
    }

    /// Notes what the job does now.
    pub(super) fn heartbeat(&mut self, beat: Heartbeat) {
        self.step = beat.step;
    }

    /// Shows how much there is.
    pub(super) fn counts(&self, nodes: u64, edges: u64) {
        let step = if self.step.is_empty() { String::new() } else { format!(" | {}", self.step) };
        self.bar.set_message(format!("{nodes} nodes, {edges} edges{step}"));
    }

    /// Removes the bar. Returns how many faults were printed that cost something.
    pub(super) fn end(&self) -> u32 {
        self.bar.finish_and_clear();
        self.faults
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .progress_chars("=> ")
}
