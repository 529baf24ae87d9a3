//! What /health and metrics say about a websocket.

use jiff::Timestamp;

/// How a websocket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkHealth {
    /// There is nothing to connect for (no tasks to offer).
    Idle,
    /// Connected.
    Connected {
        /// Since when.
        since: Timestamp,
    },
    /// Not connected, and trying.
    Disconnected {
        /// Since when.
        since: Timestamp,
        /// Why, in a sentence without the end; before the first attempt `not connected yet`.
        why: String,
        /// Attempts since then.
        attempts: u32,
    },
    /// Stopped on purpose.
    Stopped,
}

impl LinkHealth {
    pub(crate) fn starting() -> Self {
        Self::Disconnected { since: Timestamp::now(), why: "not connected yet".to_owned(), attempts: 0 }
    }

    /// True unless it is disconnected.
    pub fn is_healthy(&self) -> bool {
        match self {
            Self::Idle | Self::Connected { .. } | Self::Stopped => true,
            Self::Disconnected { .. } => false,
        }
    }

    /// The same with one more failure; keeps since when.
    pub(crate) fn after_failure(&self, why: String, now: Timestamp) -> Self {
        match self {
            Self::Disconnected { since, attempts, .. } => {
                Self::Disconnected { since: *since, why, attempts: attempts.saturating_add(1) }
            }
            Self::Idle | Self::Connected { .. } | Self::Stopped => {
                Self::Disconnected { since: now, why, attempts: 0 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_keep_the_time_of_the_first() {
        let at = |s| Timestamp::from_second(s).unwrap();
        let lost = LinkHealth::Connected { since: at(1) }.after_failure("reset".into(), at(2));
        let again = lost.after_failure("refused".into(), at(3));
        assert_eq!(again, LinkHealth::Disconnected { since: at(2), why: "refused".into(), attempts: 1 });
        assert!(!again.is_healthy() && LinkHealth::Idle.is_healthy());
    }
}
