//! The book of a run: what became of each account. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use indexmap::IndexMap;

use crate::work::event::{CollectorAccount, Trouble};

/// Where an account stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Standing {
    /// Not collected yet.
    #[default]
    Open,
    /// Collected and checked, not delivered yet.
    Collected,
    /// Delivered: fixcore has merged it, or it is in the file.
    Landed,
    /// fixcore has it and will not say what became of it.
    Queued,
    /// Over without result.
    Failed(Trouble),
}

impl Standing {
    fn is_undecided(&self) -> bool {
        match self {
            Self::Open | Self::Collected => true,
            Self::Landed | Self::Queued | Self::Failed(_) => false,
        }
    }
}

/// One account in the book.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Where it stands.
    pub standing: Standing,
    /// Processes that worked on it.
    pub attempts: u32,
    /// Nodes collected.
    pub nodes: u64,
    /// Edges collected.
    pub edges: u64,
    /// Troubles that did not end it.
    pub faults: u64,
    /// Time of the last attempt.
    pub duration: Duration,
    /// The most memory that one of its children was seen with, in bytes.
    pub peak_rss: u64,
}

/// How a run ended as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything landed, or there was nothing to collect.
    Fine,
    /// Some accounts failed.
    SomeFailed,
    /// There were accounts, and none landed; or nothing could be listed. One sentence.
    Nothing(String),
}

/// A collector whose accounts could not be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedListing {
    /// Its name.
    pub collector: String,
    /// What kind of trouble it was, by the names of the report.
    pub kind: &'static str,
    /// One sentence.
    pub why: String,
}

/// The book.
#[derive(Debug, Default)]
pub struct Ledger {
    records: IndexMap<CollectorAccount, Record>,
    failed_listings: Vec<FailedListing>,
    resumed: usize,
    cut: bool,
}

impl Ledger {
    /// The run was stopped before all accounts were known.
    pub fn cut(&mut self) {
        self.cut = true;
    }

    /// An account that will be collected.
    pub fn open(&mut self, account: CollectorAccount) {
        self.records.entry(account).or_default();
    }

    /// Accounts that an earlier process of the same run has delivered.
    pub fn resumed(&mut self, accounts: usize) {
        self.resumed += accounts;
    }

    /// How many accounts an earlier process of the same run has delivered.
    pub fn resumed_accounts(&self) -> u64 {
        self.resumed as u64
    }

    /// A collector whose accounts could not be listed, and why; `kind` is that of the trouble, by the names of the report.
    pub fn listing_failed(&mut self, collector: &str, kind: &'static str, why: &str) {
        self.failed_listings.push(FailedListing {
            collector: collector.to_owned(),
            kind,
            why: why.to_owned(),
        });
    }

    /// Collectors whose accounts could not be listed.
    pub fn failed_listings(&self) -> &[FailedListing] {
        &self.failed_listings
    }

    /// The record of an account, made if it is new.
    pub fn record(&mut self, account: &CollectorAccount) -> &mut Record {
        self.records.entry(account.clone()).or_default()
    }

    /// Collectors of which everything was delivered: something, and all of it.
    pub fn whole_collectors(&self) -> BTreeSet<&str> {
        let of = |record: &Record| matches!(record.standing, Standing::Landed | Standing::Queued);
        let mut whole: BTreeMap<&str, bool> = BTreeMap::new();
        for (account, record) in &self.records {
            *whole.entry(&account.collector).or_insert(true) &= of(record);
        }
        for failed in &self.failed_listings {
            whole.insert(&failed.collector, false);
        }
        whole.into_iter().filter(|(_, whole)| *whole).map(|(collector, _)| collector).collect()
    }

    /// All accounts in the order of their listing.
    pub fn records(&self) -> impl Iterator<Item = (&CollectorAccount, &Record)> {
        self.records.iter()
    }

    /// Accounts that have neither failed nor been delivered, and where they stand.
    pub fn undecided(&self) -> Vec<(CollectorAccount, Standing)> {
        let open = self.records.iter().filter(|(_, record)| record.standing.is_undecided());
        open.map(|(account, record)| (account.clone(), record.standing.clone())).collect()
    }

    /// How many accounts were delivered, in this process or before.
    pub fn landed(&self) -> usize {
        self.resumed + self.count(|standing| matches!(standing, Standing::Landed | Standing::Queued))
    }

    /// How many accounts failed.
    pub fn failed(&self) -> usize {
        self.count(|standing| !matches!(standing, Standing::Landed | Standing::Queued))
    }

    fn count(&self, matches: impl Fn(&Standing) -> bool) -> usize {
        self.records.values().filter(|record| matches(&record.standing)).count()
    }

    /// The end of the run: at least one account that landed is a success for fixcore, and so is a run that had
    /// nothing to do.
    pub fn verdict(&self) -> Verdict {
        let (landed, failed) = (self.landed(), self.failed());
        match (landed, failed, self.failed_listings.as_slice()) {
            (_, 0, []) => Verdict::Fine,
            (0, 0, collectors) => {
                let names: Vec<_> = collectors.iter().map(|failed| failed.collector.as_str()).collect();
                Verdict::Nothing(format!("the accounts of {} could not be listed", names.join(", ")))
            }
            (0, failed, _) => Verdict::Nothing(match failed {
                1 => "the only account failed".to_owned(),
                _ => format!("all {failed} accounts failed"),
            }),
            (_, _, _) => Verdict::SomeFailed,
        }
    }

    /// Whether everything was tried that there was to do: no account was called off.
    pub fn is_complete(&self) -> bool {
        let cut = |standing: &Standing| match standing {
            Standing::Open | Standing::Collected => true,
            Standing::Failed(trouble) => trouble.cancelled,
            Standing::Landed | Standing::Queued => false,
        };
        self.count(cut) == 0 && !self.cut
    }

    /// One line for the log at the end of the run.
    pub fn summary(&self) -> String {
        let nodes: u64 = self.records.values().map(|record| record.nodes).sum();
        let edges: u64 = self.records.values().map(|record| record.edges).sum();
        let resumed = match self.resumed {
            0 => String::new(),
            count => format!(" ({count} of them before the worker was restarted)"),
        };
        format!(
            "{} accounts landed{resumed}, {} failed; {nodes} nodes, {edges} edges",
            self.landed(),
            self.failed()
        )
    }
}

#[cfg(test)]
mod tests {
    use ipc_proto::account::AccountName;

    use super::*;

    fn account(id: &str) -> CollectorAccount {
        let account = AccountName { cloud: "c".into(), id: id.into(), name: id.into() };
        CollectorAccount { collector: "c".into(), account }
    }

    fn failed() -> Standing {
        let text = String::new;
        Standing::Failed(Trouble { kind: text(), message: text(), hint: None, cancelled: false })
    }

    fn verdict(standings: &[Standing], failed_listings: usize) -> Verdict {
        let mut ledger = Ledger::default();
        for (id, standing) in standings.iter().enumerate() {
            ledger.record(&account(&id.to_string())).standing = standing.clone();
        }
        (0..failed_listings).for_each(|_| ledger.listing_failed("aws", "listing", "no"));
        ledger.verdict()
    }

    #[test]
    fn one_account_that_landed_is_enough() {
        assert_eq!(verdict(&[], 0), Verdict::Fine);
        assert_eq!(verdict(&[Standing::Landed, Standing::Queued], 0), Verdict::Fine);
        assert_eq!(verdict(&[Standing::Landed, failed()], 0), Verdict::SomeFailed);
        assert_eq!(verdict(&[Standing::Landed], 1), Verdict::SomeFailed);
        assert_eq!(verdict(&[failed()], 0), Verdict::Nothing("the only account failed".into()));
        assert_eq!(verdict(&[], 1), Verdict::Nothing("the accounts of aws could not be listed".into()));
        let open = verdict(&[Standing::Open, Standing::Collected], 0);
        assert_eq!(
            open,
            Verdict::Nothing("all 2 accounts failed".into()),
            "what was not delivered has failed"
        );
    }

    #[test]
    fn a_collector_is_whole_when_all_its_accounts_landed() {
        let of = |collector: &str, id: &str| CollectorAccount { collector: collector.into(), ..account(id) };
        let mut ledger = Ledger::default();
        ledger.record(&of("a", "1")).standing = Standing::Landed;
        ledger.record(&of("a", "2")).standing = Standing::Queued;
        ledger.record(&of("b", "1")).standing = Standing::Landed;
        ledger.record(&of("b", "2")).standing = failed();
        ledger.record(&of("c", "1")).standing = Standing::Landed;
        ledger.listing_failed("c", "listing", "no");
        assert_eq!(ledger.whole_collectors(), ["a"].into());
    }

    #[test]
    fn accounts_of_an_earlier_process_count() {
        let mut ledger = Ledger::default();
        ledger.resumed(1);
        ledger.record(&account("1")).standing = failed();
        assert_eq!(ledger.verdict(), Verdict::SomeFailed);
    }

    #[test]
    fn a_run_is_complete_when_nothing_was_called_off() {
        let complete = |standing: Standing| {
            let mut ledger = Ledger::default();
            ledger.record(&account("1")).standing = standing;
            (ledger.is_complete(), ledger.undecided().len())
        };
        let Standing::Failed(trouble) = failed() else { unreachable!() };
        assert_eq!(complete(Standing::Landed), (true, 0));
        assert_eq!(complete(failed()), (true, 0));
        assert_eq!(complete(Standing::Failed(Trouble { cancelled: true, ..trouble })), (false, 0));
        assert_eq!(complete(Standing::Open), (false, 1));
        assert_eq!(complete(Standing::Collected), (false, 1));
        let mut ledger = Ledger::default();
        assert!(ledger.is_complete());
        ledger.cut();
        assert!(!ledger.is_complete());
    }
}
