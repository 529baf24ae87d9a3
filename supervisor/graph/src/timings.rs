//! How long each account took the last time, so that the slowest start first.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::account::AccountKey;
use crate::spool::{SpoolDir, SpoolError};

const NAME: &str = "timings.json";
const VERSION: u32 = 1;
const MAX_SIZE: u64 = 64 << 20;
/// Accounts that were not seen for this many runs are forgotten.
const MAX_AGE: u32 = 50;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Timing {
    millis: u64,
    /// Runs since it was recorded.
    age: u32,
}

#[derive(Default, Serialize, Deserialize)]
struct Document {
    version: u32,
    /// By cloud and account id.
    accounts: BTreeMap<String, BTreeMap<String, Timing>>,
}

/// How long each account took the last time.
#[derive(Debug, Default)]
pub struct Timings {
    accounts: BTreeMap<String, BTreeMap<String, Timing>>,
}

impl Timings {
    /// Reads what was saved. A damaged or foreign file is only worth a warning: it costs the order of one run.
    pub fn load(dir: &SpoolDir) -> Self {
        let ignored = |reason: &dyn std::fmt::Display| {
            tracing::warn!(path = %dir.path().join(NAME).display(), %reason, "the timings of the last run are ignored");
            Self::default()
        };
        match dir
            .read(NAME, MAX_SIZE)
            .map(|bytes| bytes.map(|bytes| serde_json::from_slice::<Document>(&bytes)))
        {
            Ok(None) => Self::default(),
            Ok(Some(Ok(document))) if document.version == VERSION => Self { accounts: document.accounts },
            Ok(Some(Ok(document))) => ignored(&format!("version {} is unknown", document.version)),
            Ok(Some(Err(error))) => ignored(&error),
            Err(error) => ignored(&error),
        }
    }

    /// Notes how long an account took.
    pub fn record(&mut self, account: &AccountKey, took: Duration) {
        let timing = Timing { millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX), age: 0 };
        self.accounts.entry(account.cloud.clone()).or_default().insert(account.id.clone(), timing);
    }

    /// How long an account took the last time.
    pub fn last(&self, account: &AccountKey) -> Option<Duration> {
        let timing = self.accounts.get(&account.cloud)?.get(&account.id)?;
        Some(Duration::from_millis(timing.millis))
    }

    /// Saves, once at the end of each run.
    pub fn save(&mut self, dir: &SpoolDir) -> Result<(), SpoolError> {
        for accounts in self.accounts.values_mut() {
            accounts.retain(|_, timing| timing.age < MAX_AGE);
            for timing in accounts.values_mut() {
                timing.age += 1;
            }
        }
        self.accounts.retain(|_, accounts| !accounts.is_empty());
        let document = Document { version: VERSION, accounts: self.accounts.clone() };
        // Strings and numbers always serialize.
        dir.replace(NAME, &serde_json::to_vec(&document).unwrap_or_default())
    }

    /// Sorts so that the slowest of the last run come first, and before them those of which nothing is known:
    /// they may be the slowest of all.
    pub fn slowest_first<T>(&self, accounts: &mut [T], key: impl Fn(&T) -> AccountKey) {
        accounts.sort_by_cached_key(|account| {
            let last = self.last(&key(account));
            std::cmp::Reverse(last.unwrap_or(Duration::MAX))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::MemoryLimits;

    fn key(id: &str) -> AccountKey {
        AccountKey { cloud: "aws".into(), id: id.into() }
    }

    #[test]
    fn the_slowest_come_first_and_the_unknown_before() {
        let temp = tempfile::tempdir().unwrap();
        let dir = SpoolDir::open(&temp.path().join("spool"), MemoryLimits::default()).unwrap();
        let mut timings = Timings::load(&dir);
        for (id, seconds) in [("fast", 1), ("slow", 100), ("middle", 50)] {
            timings.record(&key(id), Duration::from_secs(seconds));
        }
        timings.save(&dir).unwrap();
        let timings = Timings::load(&dir);
        let mut accounts = ["fast", "new1", "middle", "slow", "new2"];
        timings.slowest_first(&mut accounts, |id| key(id));
        assert_eq!(accounts, ["new1", "new2", "slow", "middle", "fast"]);
    }

    #[test]
    fn accounts_that_are_gone_are_forgotten() {
        let temp = tempfile::tempdir().unwrap();
        let dir = SpoolDir::open(&temp.path().join("spool"), MemoryLimits::default()).unwrap();
        let mut timings = Timings::default();
        timings.record(&key("gone"), Duration::from_secs(1));
        for _ in 0..=MAX_AGE {
            timings.record(&key("stays"), Duration::from_secs(1));
            timings.save(&dir).unwrap();
        }
        let timings = Timings::load(&dir);
        assert_eq!(
            (timings.last(&key("gone")), timings.last(&key("stays"))),
            (None, Some(Duration::from_secs(1)))
        );
    }

    #[test]
    fn a_damaged_file_is_no_trouble() {
        let temp = tempfile::tempdir().unwrap();
        let dir = SpoolDir::open(&temp.path().join("spool"), MemoryLimits::default()).unwrap();
        for content in [&b"{"[..], b"{\"version\": 9, \"accounts\": {}}", b"\xff"] {
            dir.replace(NAME, content).unwrap();
            assert_eq!(Timings::load(&dir).last(&key("a")), None);
        }
    }
}
