//! Metrics of what is, rather than of what happens.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fixworker_fixcore::CancellationToken;
use fixworker_fixcore::ws::LinkHealth;
use fixworker_surface::metrics;
use fixworker_surface::status::Phase;
use fixworker_surface::web::WebState;
use tokio::sync::watch;

use super::web::State;
use crate::work::Tools;

const INTERVAL: Duration = Duration::from_secs(5);

/// Measures memory and spool every few seconds until `stop`.
pub(super) async fn measure(tools: Tools, state: Arc<State>, stop: CancellationToken) {
    metrics::build_info(env!("CARGO_PKG_VERSION"));
    loop {
        what_the_page_shows(&state, &tools);
        let rss = tools.fleet.running().iter().filter_map(|child| child.rss).sum();
        metrics::children_rss(rss);
        let spool = tools.spool.path().to_owned();
        // A dead network file system must not hold more than this task.
        if let Ok(bytes) = tokio::task::spawn_blocking(move || used(&spool)).await {
            metrics::spool_bytes(bytes);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// The accounts of the run that is on, and what is not as it should be.
fn what_the_page_shows(state: &State, tools: &Tools) {
    let counts = state.board().counts();
    for phase in Phase::ALL {
        metrics::run_accounts(phase.name(), counts[phase as usize]);
    }
    let bytes = (tools.spool.in_memory() as u64).saturating_add(tools.spool.on_disk());
    metrics::merge_backlog(counts[Phase::Sending as usize], bytes);
    let condition = state.condition();
    metrics::problems("failing", condition.all_failing().len());
    metrics::problems("degraded", condition.degraded.len());
}

/// The size of the files in a directory, in bytes; files that vanish meanwhile have none.
fn used(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|m| m.len())
        .sum()
}

/// Tells whether a websocket is connected, and counts how often it is connected again, as long as it lives.
pub(super) async fn watch_connection(name: &'static str, mut health: watch::Receiver<LinkHealth>) {
    let mut last = None;
    loop {
        let since = match &*health.borrow_and_update() {
            LinkHealth::Connected { since } => Some(*since),
            LinkHealth::Idle | LinkHealth::Disconnected { .. } | LinkHealth::Stopped => None,
        };
        metrics::connected(name, since.is_some());
        if since.is_some() && since != last {
            if last.is_some() {
                metrics::reconnected(name);
            }
            last = since;
        }
        if health.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spool_is_as_large_as_its_files() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(used(directory.path()), 0);
        std::fs::write(directory.path().join("a"), "123").unwrap();
        std::fs::write(directory.path().join("b"), "4567").unwrap();
        assert_eq!(used(directory.path()), 7);
        assert_eq!(used(&directory.path().join("missing")), 0);
    }
}
