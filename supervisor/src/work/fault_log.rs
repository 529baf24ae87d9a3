//! Which faults of an account are told.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipc_proto::fault::{Fault, FaultScope};

/// The most faults of one account that are told to people; the rest is counted.
const MAX_FAULTS: usize = 1000;

/// Faults of an account over all its attempts: a repeated attempt does not repeat them.
#[derive(Debug, Clone, Default)]
pub struct FaultLog(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    texts: HashSet<(FaultScope, String)>,
    count: u64,
}

impl FaultLog {
    /// Whether the fault is new and worth telling.
    pub(crate) fn admit(&self, fault: &Fault) -> bool {
        let mut seen = self.lock();
        let text = (fault.scope.clone(), fault.message.clone());
        if seen.texts.contains(&text) {
            return false;
        }
        seen.count += u64::from(fault.count.max(1));
        seen.texts.len() < MAX_FAULTS && seen.texts.insert(text)
    }

    /// The account has ended: forgets the texts, and says how many troubles there were.
    pub(crate) fn close(&self) -> u64 {
        let mut seen = self.lock();
        seen.texts = HashSet::new();
        seen.count
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ipc_proto::fault::{FaultKind, FaultSource, Level, Retry};

    use super::*;

    #[test]
    fn a_repeated_fault_is_told_once_and_too_many_are_only_counted() {
        let log = FaultLog::default();
        let fault = |text: String| Fault {
            scope: FaultScope::default(),
            kind: FaultKind::AccessDenied,
            source: FaultSource::User,
            retry: Retry::Never,
            level: Level::Error,
            message: text,
            hint: None,
            count: 1,
        };
        assert!(log.admit(&fault("0".into())));
        assert!(!log.admit(&fault("0".into())), "the next attempt says the same");
        for number in 1..MAX_FAULTS {
            assert!(log.admit(&fault(number.to_string())));
        }
        assert!(!log.admit(&fault("one more".into())));
        assert_eq!(log.close(), MAX_FAULTS as u64 + 1);
    }
}
