//! Asks fixcore whether it knows ids that no rule explains as those of another account, before it is made to
//! overwrite them.
//!
//! Two accounts of one run cannot both have such an id (`graph::owners`). This is about accounts that are not in the run:
//! collected by another worker, or failed today.

use std::time::{Duration, Instant};

use fixworker_fixcore::http::search::SearchLimits;
use fixworker_fixcore::{CoreClient, CoreError};
use fixworker_graph::merge::StagedAccount;
use ipc_proto::account::AccountName;
use serde_json::Value;

/// Ids in one search.
const AT_ONCE: usize = 2000;
/// Answers are looked at for the first node only, which is never longer.
const MAX_LINE: usize = 16 << 20;
/// What comes back is a conflict, and one is enough.
const MAX_TOTAL: usize = 64 << 20;
/// The first pause after a search that failed, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// Why a graph must not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotOurs {
    /// fixcore has the node already, in another place.
    #[error(
        "the graph holds the node {id}, which fixcore knows as one of {owner}; nothing tells whose it is, so that it is not sent"
    )]
    Known {
        /// The node.
        id: String,
        /// Whose it is.
        owner: String,
    },
    /// It cannot be told.
    #[error("whether its nodes belong to other accounts cannot be asked: {0}")]
    Unknown(String),
}

/// The search for those of `ids` that are not below `account`.
fn query(account: &AccountName, ids: &[String]) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let ids: Vec<_> = ids.iter().map(|id| quoted(id)).collect();
    format!(
        "id([{}]) and (/ancestors.account.reported.id != {} or /ancestors.cloud.reported.id != {}) limit 1",
        ids.join(", "),
        quoted(&account.id),
        quoted(&account.cloud)
    )
}

/// Whose the node of a line is.
fn known(line: &str) -> Option<NotOurs> {
    let node: Value = serde_json::from_str(line).ok()?;
    let id = node["id"].as_str()?.to_owned();
    let word = |of: &str, what: &str| node["ancestors"][of]["reported"][what].as_str().map(str::to_owned);
    let owner = match (word("cloud", "id"), word("account", "id")) {
        (Some(cloud), Some(id)) => {
            let name = word("account", "name").unwrap_or_else(|| id.clone());
            AccountName { cloud, id, name }.to_string()
        }
        _ => "no account".to_owned(),
    };
    Some(NotOurs::Known { id, owner })
}

/// Asks, as often as it takes until `until`. A graph that is certain costs nothing.
pub(super) async fn ask(
    client: &CoreClient,
    graph: &str,
    staged: &StagedAccount,
    until: Instant,
) -> Result<(), NotOurs> {
    let unreadable = |error: std::io::Error| NotOurs::Unknown(error.to_string());
    for ids in staged.doubtful(AT_ONCE).map_err(unreadable)? {
        search(client, graph, &query(staged.account(), &ids.map_err(unreadable)?), until).await?;
    }
    Ok(())
}

async fn search(client: &CoreClient, graph: &str, query: &str, until: Instant) -> Result<(), NotOurs> {
    let mut pause = PAUSE;
    loop {
        let error = match once(client, graph, query, until).await {
            Ok(None) => return Ok(()),
            Ok(Some(known)) => return Err(known),
            Err(error) => error,
        };
        if !error.is_transient() || Instant::now() + pause >= until {
            return Err(NotOurs::Unknown(error.to_string()));
        }
        tracing::warn!("{error}; trying again in {pause:?}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn once(
    client: &CoreClient,
    graph: &str,
    query: &str,
    until: Instant,
) -> Result<Option<NotOurs>, CoreError> {
    let time = until.saturating_duration_since(Instant::now());
    let limits = SearchLimits { line: MAX_LINE, total: MAX_TOTAL, time };
    let mut found = None;
    let end = client
        .search_graph(graph, query, limits, |line| found = found.take().or_else(|| known(line)))
        .await?;
    let untold =
        || NotOurs::Known { id: "(too long to read)".to_owned(), owner: "another account".to_owned() };
    Ok(found.or_else(|| (end.lines + end.too_long > 0).then(untold)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixcore_is_asked_for_what_is_not_below_the_account() {
        let key = AccountName { cloud: "aws".into(), id: "1\"2".into(), name: String::new() };
        assert_eq!(
            query(&key, &["a".to_owned(), "b".to_owned()]),
            r#"id(["a", "b"]) and (/ancestors.account.reported.id != "1\"2" or /ancestors.cloud.reported.id != "aws") limit 1"#
        );
    }

    #[test]
    fn the_owner_is_named_as_far_as_fixcore_knows_it() {
        let line = r#"{"id": "n", "ancestors": {"cloud": {"reported": {"id": "aws"}},
            "account": {"reported": {"id": "7", "name": "prod"}}}}"#;
        let told = known(line).unwrap().to_string();
        assert!(told.contains("the node n, which fixcore knows as one of aws account prod (7)"), "{told}");
        assert!(known(r#"{"id": "n"}"#).unwrap().to_string().contains("one of no account"));
        assert_eq!(known("no json"), None);
    }
}
