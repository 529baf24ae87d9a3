//! What is to be collected, as it follows from what the collectors have listed. Pure.

use std::collections::{BTreeMap, BTreeSet};

use fixworker_graph::account::AccountKey;
use fixworker_settings::Shard;
use fixworker_settings::suggest::{Close, close_to};
use ipc_proto::account::AccountName;
use ipc_proto::job::Account;

use crate::work::event::CollectorAccount;
use crate::work::shard::is_ours;

/// What one collector has answered.
#[derive(Debug)]
pub struct Listing {
    /// Its name.
    pub collector: String,
    /// Its accounts; on failure none.
    pub accounts: Vec<Account>,
    /// Whether accounts may be missing: it failed, or reported a fault.
    pub faulty: bool,
    /// Why it failed, as a sentence.
    pub failure: Option<String>,
    /// What kind of trouble that was, by the names of the report.
    pub kind: &'static str,
    /// It did not fail by itself: the run was stopped.
    pub cancelled: bool,
}

/// An account to collect.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name.
    pub name: CollectorAccount,
    /// What the child gets.
    pub account: Account,
}

/// What is to be collected. Pure.
#[derive(Debug, Default)]
pub struct Targets {
    /// Accounts to collect, in the order of the collectors.
    pub collect: Vec<Wanted>,
    /// How many were delivered by an earlier process.
    pub resumed: usize,
    /// Accounts that a second source listed too: the name that is left out, and the collector that has it.
    pub duplicates: Vec<(CollectorAccount, String)>,
    /// Wanted ids that nobody has listed, each with those that may have been meant.
    pub unknown: Vec<(String, Close)>,
    /// Accounts of ours by cloud, delivered ones included.
    pub listed: BTreeMap<String, usize>,
}

/// Sorts what was listed: the first source of an account wins, but a collector of clouds of its own
/// (`has_own`) before one that reads what others have exported; other shards' accounts are left to them.
pub fn sort_out(
    has_own: impl Fn(&str) -> bool,
    listings: &[Listing],
    only: &[String],
    delivered_before: &BTreeSet<AccountKey>,
    shard: Option<Shard>,
) -> Targets {
    let mut targets = Targets::default();
    let mut seen: BTreeMap<AccountKey, String> = BTreeMap::new();
    let mut nodes: BTreeMap<&str, AccountKey> = BTreeMap::new();
    for (collector, account) in by_right(has_own, listings) {
        let wanted = only.is_empty() || only.contains(&account.id);
        if !wanted || !is_ours(shard, &account.cloud, &account.id) {
            continue;
        }
        let name = CollectorAccount::of(collector, account);
        let key = AccountKey::from(account);
        // Two accounts with one node would be one in fixcore.
        let twin = nodes.entry(account.node_id.as_str()).or_insert_with(|| key.clone()).clone();
        if let Some(first) = seen.get(&twin) {
            targets.duplicates.push((name, first.clone()));
            continue;
        }
        if let Some(first) = seen.get(&key) {
            targets.duplicates.push((name, first.clone()));
            continue;
        }
        seen.insert(key.clone(), collector.clone());
        *targets.listed.entry(account.cloud.clone()).or_default() += 1;
        if delivered_before.contains(&key) {
            targets.resumed += 1;
        } else {
            targets.collect.push(Wanted { name, account: account.clone() });
        }
    }
    let found = |id: &&String| !seen.keys().any(|key| key.id == **id);
    let near = |id: &String| (id.clone(), close_accounts(id, listings));
    targets.unknown = only.iter().filter(found).map(near).collect();
    targets
}

/// Listed accounts that somebody may have meant: by id, or by name in place of the id.
pub(crate) fn close_accounts(wanted: &str, listings: &[Listing]) -> Close {
    let all: Vec<&Account> = listings.iter().flat_map(|one| &one.accounts).collect();
    let near = close_to(wanted, all.iter().flat_map(|account| [account.id.as_str(), account.name.as_str()]));
    let mut titles: Vec<String> = Vec::new();
    for text in near.0 {
        let meant = all.iter().find(|account| account.id == text || account.name == text);
        let title = meant.map_or(text, |account| AccountName::from(*account).title());
        if !titles.contains(&title) {
            titles.push(title);
        }
    }
    Close(titles)
}

/// All accounts, those that collectors list of their own cloud first.
pub(super) fn by_right(
    has_own: impl Fn(&str) -> bool,
    listings: &[Listing],
) -> impl Iterator<Item = (&String, &Account)> {
    let (own, others): (Vec<_>, Vec<_>) = listings.iter().partition(|one| has_own(&one.collector));
    let all = own.into_iter().chain(others);
    all.flat_map(|one| one.accounts.iter().map(move |account| (&one.collector, account)))
}

#[cfg(test)]
mod tests {
    use ipc_proto::secret::Secret;

    use super::*;

    fn account(cloud: &str, id: &str) -> Account {
        Account {
            cloud: cloud.into(),
            id: id.into(),
            name: id.into(),
            node_id: format!("{cloud}{id}"),
            scope: Secret::new(Vec::new()),
        }
    }

    /// `file` reads exports of any cloud.
    fn own(collector: &str) -> bool {
        collector != "file"
    }

    fn listing(collector: &str, accounts: &[(&str, &str)]) -> Listing {
        let accounts = accounts.iter().map(|(cloud, id)| account(cloud, id)).collect();
        Listing {
            collector: collector.into(),
            accounts,
            faulty: false,
            failure: None,
            kind: "",
            cancelled: false,
        }
    }

    #[test]
    fn the_first_source_of_an_account_wins_and_the_same_id_in_two_clouds_is_two_accounts() {
        let listings = [listing("aws", &[("aws", "1")]), listing("file", &[("aws", "1"), ("gcp", "1")])];
        let targets = sort_out(own, &listings, &[], &BTreeSet::new(), None);
        let names: Vec<_> = targets.collect.iter().map(|target| target.name.to_string()).collect();
        assert_eq!(names, ["aws:1", "gcp:1"]);
        assert_eq!(targets.duplicates.len(), 1);
        assert_eq!(
            (targets.duplicates[0].0.collector.as_str(), targets.duplicates[0].1.as_str()),
            ("file", "aws")
        );
    }

    #[test]
    fn exports_of_others_come_last_and_two_accounts_never_share_a_node() {
        let listings = [listing("file", &[("aws", "1"), ("gcp", "2")]), listing("aws", &[("aws", "1")])];
        let targets = sort_out(own, &listings, &[], &BTreeSet::new(), None);
        let names: Vec<_> =
            targets.collect.iter().map(|t| format!("{} {}", t.name.collector, t.name)).collect();
        assert_eq!(names, ["aws aws:1", "file gcp:2"]);
        let mut listings = [listing("aws", &[("aws", "1")]), listing("file", &[("gcp", "2"), ("gcp", "3")])];
        listings[1].accounts[0].node_id = "aws1".into();
        let targets = sort_out(own, &listings, &[], &BTreeSet::new(), None);
        let names: Vec<_> = targets.collect.iter().map(|target| target.name.to_string()).collect();
        assert_eq!(names, ["aws:1", "gcp:3"]);
        assert_eq!(targets.duplicates[0].1, "aws");
    }

    #[test]
    fn delivered_accounts_count_as_listed_and_are_not_collected_again() {
        let before = BTreeSet::from([AccountKey { cloud: "aws".into(), id: "1".into() }]);
        let targets = sort_out(own, &[listing("aws", &[("aws", "1"), ("aws", "2")])], &[], &before, None);
        assert_eq!((targets.resumed, targets.collect.len(), targets.listed["aws"]), (1, 1, 2));
    }

    #[test]
    fn wanted_accounts_that_nobody_lists_are_named() {
        let only = ["2".to_owned(), "9".to_owned()];
        let targets =
            sort_out(own, &[listing("aws", &[("aws", "1"), ("aws", "2")])], &only, &BTreeSet::new(), None);
        assert_eq!(targets.collect.len(), 1);
        assert_eq!(targets.unknown, [("9".to_owned(), Close(vec!["1".to_owned(), "2".to_owned()]))]);
    }

    #[test]
    fn accounts_that_may_have_been_meant_are_found_by_id_and_by_name() {
        let mut listed = listing("aws", &[("aws", "123456789012"), ("aws", "999999999999")]);
        listed.accounts[0].name = "production".to_owned();
        let near = |wanted: &str| close_accounts(wanted, std::slice::from_ref(&listed)).0;
        assert_eq!(near("123456789021"), ["production (123456789012)"]);
        assert_eq!(near("productoin"), ["production (123456789012)"]);
        assert_eq!(near("production"), ["production (123456789012)"], "the name is not the id");
        assert!(near("somebody").is_empty());
    }
}
