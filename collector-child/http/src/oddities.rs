//! Values that were left out of answers, gathered by where they belong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use shapes::Oddity;

use crate::error::CallPlace;

/// Different ones that are remembered; a service that answers with nothing but oddities is told anyway.
const MOST: usize = 1_000;

/// A value that was left out of answers of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// Where that happened.
    pub regions: BTreeSet<String>,
    /// What was left out the first time; how often it was altogether.
    pub oddity: Oddity,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    account: String,
    service: String,
    operation: String,
    path: String,
    expected: &'static str,
}

/// What was left out so far.
#[derive(Debug, Default)]
pub(crate) struct Oddities(Mutex<BTreeMap<Key, LeftOut>>);

impl Oddities {
    pub(crate) fn note(&self, place: CallPlace<'_>, odd: Vec<Oddity>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for oddity in odd {
            let key = Key {
                account: place.account.to_owned(),
                service: place.service.to_owned(),
                operation: place.operation.to_owned(),
                path: oddity.path.clone(),
                expected: oddity.expected,
            };
            if let Some(known) = known.get_mut(&key) {
                known.regions.insert(place.region.to_owned());
                known.oddity.times = known.oddity.times.saturating_add(oddity.times);
            } else if known.len() < MOST {
                let regions = BTreeSet::from([place.region.to_owned()]);
                let (service, operation) = (key.service.clone(), key.operation.clone());
                known.insert(key, LeftOut { service, operation, regions, oddity });
            }
        }
    }

    /// What was left out of the answers to an account since this was asked last.
    pub(crate) fn take(&self, account: &str) -> Vec<LeftOut> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, rest) =
            std::mem::take(&mut *known).into_iter().partition(|(key, _)| key.account == account);
        *known = rest;
        let taken: BTreeMap<Key, LeftOut> = taken;
        taken.into_values().collect()
    }
}
