//! Metrics of what is, rather than of what happens.

use std::path::Path;
use std::time::Duration;

use fixworker_fixcore::CancellationToken;
use fixworker_fixcore::ws::LinkHealth;
use fixworker_surface::metrics;
use tokio::sync::watch;

use crate::work::Tools;

const INTERVAL: Duration = Duration::from_secs(5);

/// Measures memory and spool every few seconds until `stop`.
pub(super) async fn measure(tools: Tools, stop: CancellationToken) {
    loop {
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

/// The size of the files in a directory, in bytes; files that vanish meanwhile have none.
fn used(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|m| m.len())
        .sum()
}

/// Counts how often a websocket is connected again, as long as it lives.
pub(super) async fn count_reconnects(name: &'static str, mut health: watch::Receiver<LinkHealth>) {
    let mut last = None;
    loop {
        let since = match &*health.borrow_and_update() {
            LinkHealth::Connected { since } => Some(*since),
            LinkHealth::Idle | LinkHealth::Disconnected { .. } | LinkHealth::Stopped => None,
        };
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
