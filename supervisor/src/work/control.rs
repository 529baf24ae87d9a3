//! Stopping work from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fixworker_fixcore::CancellationToken;
use fixworker_fleet::{StopToken, Stopper, stopper};

/// Stops a run from outside. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RunControl {
    pub(crate) children: Stopper,
    pub(crate) token: StopToken,
    stop: CancellationToken,
    pub(crate) discard: CancellationToken,
    killed: CancellationToken,
    over: Arc<AtomicBool>,
}

impl Default for RunControl {
    fn default() -> Self {
        let (children, token) = stopper();
        let (stop, discard, killed) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        Self { children, token, stop, discard, killed, over: Arc::default() }
    }
}

impl RunControl {
    /// Stops the children within their grace; what is collected is still delivered. Another process may resume
    /// the run.
    pub fn stop(&self, reason: &str) {
        self.children.stop(reason);
        self.stop.cancel();
    }

    /// Stops the children within their grace, and delivers nothing more. The run is over for good, even if it
    /// was to be resumed.
    pub fn discard(&self, reason: &str) {
        self.over.store(true, Ordering::Release);
        self.children.stop(reason);
        self.stop.cancel();
        self.discard.cancel();
    }

    /// Kills the children, and delivers nothing more.
    pub fn kill(&self, reason: &str) {
        self.children.kill_now(reason);
        self.stop.cancel();
        self.discard.cancel();
        self.killed.cancel();
    }

    /// Kills the children; what is collected is still delivered.
    pub fn kill_children(&self, reason: &str) {
        self.children.kill_now(reason);
        self.stop.cancel();
        self.killed.cancel();
    }

    /// Whether nobody waits for the result any more: there is nothing to resume.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Waits until it is stopped in any way.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Waits until its children are to be killed.
    pub async fn killed(&self) {
        self.killed.cancelled().await;
    }
}
