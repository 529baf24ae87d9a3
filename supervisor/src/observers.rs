//! Who watches a run: the log, fixcore, metrics, and several at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fixworker_fixcore::messages::{Action, Level, Progress};
use fixworker_fixcore::ws::actions::ActionReplies;
use fixworker_surface::metrics;
use fixworker_surface::scrub::scrub;
use ipc_proto::fault;

use crate::collect::feedback::{Feedback, Note};
use crate::work::event::{Observer, RunEvent};

/// Several observers as one.
pub struct Observers(pub Vec<Arc<dyn Observer>>);

impl std::fmt::Debug for Observers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Observers").field(&self.0.len()).finish()
    }
}

impl Observer for Observers {
    fn event(&self, event: &RunEvent) {
        self.0.iter().for_each(|observer| observer.event(event));
    }
}

/// Tells fixcore, live.
#[derive(Debug)]
pub struct CoreObserver {
    replies: ActionReplies,
    action: Action,
    feedback: Mutex<Feedback>,
}

impl CoreObserver {
    /// Tells fixcore about the run that `action` has asked for.
    pub fn new(replies: ActionReplies, action: Action) -> Self {
        Self { replies, action, feedback: Mutex::default() }
    }

    /// Sends the progress that has gathered; to be called a few times a second at most.
    pub fn flush(&self) {
        let notes = self.feedback.lock().unwrap_or_else(PoisonError::into_inner).flush();
        self.send(notes);
    }

    fn send(&self, notes: Vec<Note>) {
        for note in notes {
            match note {
                Note::Progress(progress) => {
                    self.replies.progress(&self.action, &[], &scrub_progress(progress));
                }
                Note::Info { error, context, message } => {
                    let level = if error { Level::Error } else { Level::Info };
                    let context: Vec<_> = context.into_iter().map(scrub).collect();
                    let message = scrub(message);
                    self.replies.info(&self.action, level, &context, &message);
                }
            }
        }
    }
}

impl Observer for CoreObserver {
    fn event(&self, event: &RunEvent) {
        let notes = self.feedback.lock().unwrap_or_else(PoisonError::into_inner).event(event);
        self.send(notes);
    }
}

fn scrub_progress(progress: Progress) -> Progress {
    let all = |path: Vec<String>| path.into_iter().map(scrub).collect();
    match progress {
        Progress::Done { name, path, current, total } => {
            Progress::Done { name: scrub(name), path: all(path), current, total }
        }
        Progress::Tree { name, path, parts } => {
            let parts = parts.into_iter().map(scrub_progress).collect();
            Progress::Tree { name: scrub(name), path: all(path), parts }
        }
    }
}

/// Counts what only events tell.
#[derive(Debug, Default)]
pub struct MetricsObserver {
    /// When the accounts of a collector began.
    began: Mutex<BTreeMap<String, Instant>>,
}

impl Observer for MetricsObserver {
    fn event(&self, event: &RunEvent) {
        let mut began = self.began.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            RunEvent::Fault { collector, fault, .. } => {
                metrics::faults(collector, fault.kind.name(), fault.count.max(1).into());
            }
            RunEvent::AccountsListed { collector, accounts } if !accounts.is_empty() => {
                began.insert(collector.clone(), Instant::now());
            }
            RunEvent::CollectorFinished { collector } => {
                if let Some(began) = began.remove(collector) {
                    metrics::collector_ended(collector, began.elapsed());
                }
            }
            _ => {}
        }
    }
}

/// Writes the log.
#[derive(Debug, Default)]
pub struct LogObserver {
    faults: Mutex<Rate>,
}

/// Faults in the log in one span of time; fixcore and the report get all of them.
const FAULTS: u32 = 1000;
/// The span.
const SPAN: Duration = Duration::from_mins(1);

/// Bounds how many lines are written. Pure.
#[derive(Debug, Default)]
struct Rate {
    began: Option<Instant>,
    written: u32,
    skipped: u32,
}

impl Rate {
    /// Whether one more may be written at `now`, and how many were skipped in the span that has just ended.
    fn admit(&mut self, now: Instant) -> (bool, u32) {
        let mut skipped = 0;
        if self.began.is_none_or(|began| now.duration_since(began) >= SPAN) {
            skipped = self.skipped;
            *self = Self { began: Some(now), ..Self::default() };
        }
        let fits = self.written < FAULTS;
        if fits {
            self.written += 1;
        } else {
            self.skipped += 1;
        }
        (fits, skipped)
    }
}

impl Observer for LogObserver {
    fn event(&self, event: &RunEvent) {
        match event {
            RunEvent::CollectorStarted { collector } => {
                tracing::debug!("collector {collector} lists its accounts");
            }
            RunEvent::AccountsListed { collector, accounts } => {
                tracing::info!("collector {collector}: {} accounts to collect", accounts.len());
            }
            RunEvent::CollectorFinished { collector } => tracing::info!("collector {collector} has finished"),
            RunEvent::AccountStarted { account, attempt, pid } => {
                tracing::debug!("{account}: attempt {attempt} started, pid {}", pid.unwrap_or_default());
            }
            RunEvent::Progress { .. }
            | RunEvent::Heartbeat { .. }
            | RunEvent::Denied { .. }
            | RunEvent::AccountLanded { .. } => {}
            RunEvent::Fault { account, collector, fault } => {
                let mut rate = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
                let (fits, skipped) = rate.admit(Instant::now());
                if skipped > 0 {
                    tracing::warn!("{skipped} more faults of children were not logged");
                }
                if fits {
                    log_fault(account.as_ref(), collector, fault);
                }
            }
            RunEvent::AttemptFailed { account, attempt, message, retry_in } => {
                tracing::warn!(
                    "{account}: attempt {attempt} failed: {message}; trying again in {retry_in:.1?}"
                );
            }
            RunEvent::ListingFailed { collector, message } => {
                tracing::error!("collector {collector}: the accounts could not be listed: {message}");
            }
            RunEvent::AccountCollected { account, nodes, edges, faults: _, duration } => {
                tracing::info!("{account}: collected {nodes} nodes and {edges} edges in {duration:.1?}");
            }
            RunEvent::AccountFailed { account, trouble } => {
                let hint = trouble.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                if trouble.cancelled {
                    tracing::info!("{account}: {}{hint}", trouble.message);
                } else {
                    tracing::error!("{account}: {}{hint}", trouble.message);
                }
            }
            RunEvent::Message { error: true, context, text } => {
                tracing::error!("{}: {text}", context.join(":"));
            }
            RunEvent::Message { error: false, context, text } => {
                tracing::info!("{}: {text}", context.join(":"));
            }
            RunEvent::Notice { error: true, message } => tracing::error!("{message}"),
            RunEvent::Notice { error: false, message } => tracing::info!("{message}"),
        }
    }
}

fn log_fault(account: Option<&crate::work::event::CollectorAccount>, collector: &str, fault: &fault::Fault) {
    let whom = account.map_or_else(|| format!("collector {collector}"), ToString::to_string);
    let region = fault.scope.region.as_deref().map(|region| format!(" in {region}")).unwrap_or_default();
    let hint = fault.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let text = format!("{whom}{region}: [{}] {}{hint}", fault.kind.name(), fault.message);
    match fault.level {
        fault::Level::Info => tracing::info!(count = fault.count, "{text}"),
        fault::Level::Error => tracing::warn!(count = fault.count, "{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_faults_are_counted_and_told_later() {
        let (mut rate, began) = (Rate::default(), Instant::now());
        assert!((0..FAULTS).all(|_| rate.admit(began) == (true, 0)));
        assert_eq!(rate.admit(began), (false, 0));
        assert_eq!(rate.admit(began + SPAN / 2), (false, 0));
        assert_eq!(rate.admit(began + SPAN), (true, 2));
        assert_eq!(rate.admit(began + SPAN), (true, 0));
    }
}
