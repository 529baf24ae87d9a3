//! How a run is told to stop.

use std::sync::Arc;

use tokio::sync::watch;

/// How far a run is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Level {
    /// Not at all.
    Run,
    /// Stage by stage, for this reason.
    Graceful(String),
    /// SIGKILL now, for this reason.
    Now(String),
}

impl Level {
    fn rank(&self) -> u8 {
        match self {
            Self::Run => 0,
            Self::Graceful(_) => 1,
            Self::Now(_) => 2,
        }
    }
}

/// Stops what holds its [`StopToken`]. It only ever escalates; the first reason of each level is kept. Dropping
/// it stops nothing.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<watch::Sender<Level>>);

/// Hears from a [`Stopper`].
#[derive(Debug, Clone)]
pub struct StopToken(watch::Receiver<Level>);

/// A stopper and its token, which may be cloned.
pub fn stopper() -> (Stopper, StopToken) {
    let (sender, receiver) = watch::channel(Level::Run);
    (Stopper(Arc::new(sender)), StopToken(receiver))
}

impl Stopper {
    /// Starts nothing more; children get Cancel, SIGTERM, SIGKILL in turn.
    pub fn stop(&self, reason: &str) {
        self.raise(Level::Graceful(reason.to_owned()));
    }

    /// Starts nothing more; children get SIGKILL.
    pub fn kill_now(&self, reason: &str) {
        self.raise(Level::Now(reason.to_owned()));
    }

    fn raise(&self, level: Level) {
        self.0.send_if_modified(|now| {
            let higher = level.rank() > now.rank();
            if higher {
                *now = level;
            }
            higher
        });
    }
}

impl StopToken {
    /// A token that nobody will ever use.
    pub fn never() -> Self {
        stopper().1
    }

    /// Whether a stop was asked for.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow() != Level::Run
    }

    /// The level as it is, and marks it as seen.
    pub(crate) fn level(&mut self) -> Level {
        self.0.borrow_and_update().clone()
    }

    /// Waits until the level is raised. Without a stopper that is never.
    pub(crate) async fn raised(&mut self) -> Level {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.level()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_only_rise_and_keep_their_first_reason() {
        let (stopper, mut token) = stopper();
        assert!(!token.is_stopped());
        stopper.stop("a");
        stopper.stop("b");
        assert_eq!(token.level(), Level::Graceful("a".into()));
        stopper.kill_now("c");
        stopper.stop("d");
        assert_eq!(token.level(), Level::Now("c".into()));
        assert!(token.is_stopped());
    }

    #[tokio::test]
    async fn a_token_hears_what_was_said_before_it_listened() {
        let (stopper, mut token) = stopper();
        stopper.stop("a");
        drop(stopper);
        assert_eq!(token.raised().await, Level::Graceful("a".into()));
    }
}
