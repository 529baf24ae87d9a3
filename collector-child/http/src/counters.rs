//! What was done so far, for progress and summaries.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What was done with one service, over all accounts and regions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServiceCounters {
    /// Calls; a page is a call.
    pub calls: u64,
    /// Calls that ended with an error.
    pub failed: u64,
    /// Attempts beyond the first of each call.
    pub retries: u64,
    /// Attempts that were answered with "slow down".
    pub throttled: u64,
    /// Bytes of the bodies of all answers.
    pub bytes: u64,
    /// From sending to the end of the answer, over all attempts.
    pub waited: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    services: Mutex<BTreeMap<String, ServiceCounters>>,
    answers: AtomicU64,
}

impl Counters {
    pub(crate) fn count(&self, service: &str, count: impl FnOnce(&mut ServiceCounters)) {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        match services.get_mut(service) {
            Some(known) => count(known),
            None => count(services.entry(service.to_owned()).or_default()),
        }
    }

    pub(crate) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    pub(crate) fn all(&self) -> BTreeMap<String, ServiceCounters> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
