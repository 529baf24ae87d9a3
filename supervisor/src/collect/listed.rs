//! What a collector may list: accounts of its own cloud, each under its own node id. Pure.

use fixworker_graph::id::CompactId;
use fixworker_graph::rule::{account_node_id, cloud_node_id};
use ipc_proto::job::{Account, Described};

/// The longest id of an account, a cloud or a node, and the longest name, in bytes.
pub(super) const MAX_TEXT: usize = 256;
/// The most bytes that a collector may keep about an account.
const MAX_SCOPE: usize = 64 << 10;

/// Refuses an account that is not the collector's; the sentence fits after "it ".
pub(super) fn check(described: &Described, account: &Account) -> Result<(), String> {
    let Account { cloud, id, name: _, node_id, scope } = account;
    for (what, text) in [("id", id), ("cloud", cloud), ("node id", node_id)] {
        if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(format!("listed an account whose {what} is {:?}", short(text)));
        }
    }
    if scope.expose().len() > MAX_SCOPE {
        return Err(format!("listed account {id} with more than {MAX_SCOPE} bytes of scope"));
    }
    if cloud_node_id(cloud).is_none() {
        return Err(format!("listed account {id} of cloud {cloud:?}, which no cloud is called"));
    }
    if CompactId::parse(node_id).is_err() {
        return Err(format!("listed account {id} with the node id {node_id:?}, which is none"));
    }
    // A collector without a cloud of its own reads what others have exported.
    if !described.has_own_clouds() {
        return Ok(());
    }
    if !described.may_serve(cloud) {
        let own = described.clouds.join(" and ");
        return Err(format!("listed account {id} of cloud {cloud}, but it collects cloud {own} only"));
    }
    let by_rule: Vec<_> =
        described.account_kinds.iter().map(|kind| account_node_id(kind, cloud, id)).collect();
    if by_rule.iter().any(|known| known.as_ref().is_none_or(|known| known == node_id)) {
        return Ok(());
    }
    Err(format!("listed account {id} with the node id {node_id}, which is not the one of this account"))
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(clouds: &[&str]) -> Described {
        Described {
            collector: "random".into(),
            clouds: clouds.iter().map(|cloud| (*cloud).to_owned()).collect(),
            account_noun: String::new(),
            kinds_json: "[]".into(),
            section: None,
            pool_setting: None,
            tasks_json: "[]".into(),
            environment: Vec::new(),
            paths: Vec::new(),
            auto_enable: Vec::new(),
            account_kinds: vec!["other_account".into(), "random_account".into()],
        }
    }

    fn account(cloud: &str, id: &str) -> Account {
        let node_id = account_node_id("random_account", cloud, id).unwrap_or("x".into());
        Account { cloud: cloud.into(), id: id.into(), name: id.into(), node_id, scope: Vec::new().into() }
    }

    #[test]
    fn accounts_of_other_clouds_and_other_nodes_are_refused() {
        let own = described(&["random"]);
        assert_eq!(check(&own, &account("random", "1")), Ok(()));
        assert_eq!(check(&own, &account("random", "Zürich")), Ok(()), "its node id cannot be told");
        let foreign = check(&own, &account("example", "1")).unwrap_err();
        assert!(foreign.contains("it collects cloud random only"), "{foreign}");
        let mut stolen = account("random", "1");
        stolen.node_id = account("random", "2").node_id;
        assert!(check(&own, &stolen).unwrap_err().contains("not the one of this account"));
        assert_eq!(check(&described(&[]), &account("example", "1")), Ok(()));
    }

    #[test]
    fn texts_are_short_and_plain() {
        let own = described(&[]);
        let long = "x".repeat(MAX_TEXT + 1);
        for change in [
            |account: &mut Account, long: &str| account.id = long.into(),
            |account: &mut Account, long: &str| account.cloud = long.into(),
            |account: &mut Account, long: &str| account.node_id = long.into(),
            |account: &mut Account, _: &str| account.id = "a\u{1b}[2J".into(),
            |account: &mut Account, _: &str| account.id.clear(),
            |account: &mut Account, _: &str| account.cloud = "it's".into(),
            |account: &mut Account, _: &str| account.node_id = "a b".into(),
            |account: &mut Account, _: &str| account.scope = vec![0; MAX_SCOPE + 1].into(),
        ] {
            let mut account = account("random", "1");
            change(&mut account, &long);
            let why = check(&own, &account).unwrap_err();
            assert!(why.starts_with("listed a") && why.len() < 512, "{why}");
        }
    }
}
