//! Counting attempts.

use fixworker_fleet::Failure;
use fixworker_fleet::child::state::Stage;
use fixworker_surface::metrics;

/// Counts an attempt of `collector` that failed.
pub(crate) fn failed_attempt(collector: &str, failure: &Failure) {
    metrics::child_ended(collector, failure.outcome.kind(), failure.elapsed);
    match failure.stage {
        Some(Stage::Asked) => metrics::child_killed("asked"),
        Some(Stage::Termed) => metrics::child_killed("term"),
        Some(Stage::Killed) => metrics::child_killed("kill"),
        None => {}
    }
}
