//! Asks fixcore what is to be deleted, as often as it takes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fixworker_cleanup::Found;
use fixworker_cleanup::query::query;
use fixworker_fixcore::http::search::SearchLimits;
use fixworker_fixcore::{CoreClient, CoreError};

/// fixcore takes no longer lines, so it has none.
const MAX_LINE: usize = 16 << 20;
/// Everything that is marked, with its surroundings, in bytes.
const MAX_TOTAL: usize = 1 << 30;
/// The first pause after a search that failed, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// So many lines are told apart in the log.
const LOGGED: u64 = 20;

/// What a search has brought.
#[derive(Debug, Default)]
pub(super) struct Searched {
    pub(super) found: Found,
    /// Lines that are not understood, or too long.
    pub(super) unusable: u64,
}

/// Searches until it works, fixcore refuses, or the time is over.
pub(super) async fn search(
    client: &CoreClient,
    graph: &str,
    collectors: &BTreeMap<String, String>,
    until: Instant,
) -> Result<Searched, String> {
    let query = query(collectors.keys().map(String::as_str));
    let mut pause = PAUSE;
    loop {
        let error = match once(client, graph, &query, until).await {
            Ok(searched) => return Ok(searched),
            Err(error) => error,
        };
        if !error.is_transient() || Instant::now() + pause >= until {
            return Err(error.to_string());
        }
        tracing::warn!("{error}; trying again in {pause:?}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn once(client: &CoreClient, graph: &str, query: &str, until: Instant) -> Result<Searched, CoreError> {
    let mut searched = Searched::default();
    let time = until.saturating_duration_since(Instant::now());
    let limits = SearchLimits { line: MAX_LINE, total: MAX_TOTAL, time };
    let take = |line: &str| {
        if let Err(error) = searched.found.line(line) {
            searched.unusable += 1;
            if searched.unusable <= LOGGED {
                tracing::error!("a line of fixcore's answer is not used: {error}");
            }
        }
    };
    let end = client.search_graph(graph, query, limits, take).await?;
    if end.too_long > 0 {
        tracing::error!("{} lines of fixcore's answer have more than {MAX_LINE} bytes", end.too_long);
    }
    searched.unusable += end.too_long;
    Ok(searched)
}
