//! SIGTERM and SIGINT become stages of a shutdown that everything else watches.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit_code::ExitCode;

/// How urgently the worker has to end. Stages only go up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No shutdown.
    Running,
    /// First signal: graceful, within the shutdown budget.
    Graceful,
    /// Second signal, or the budget is spent: children get SIGKILL.
    Kill,
}

/// The stage after one more signal; `None` means: end at once.
pub fn after_signal(stage: Stage) -> Option<Stage> {
    match stage {
        Stage::Running => Some(Stage::Graceful),
        Stage::Graceful => Some(Stage::Kill),
        Stage::Kill => None,
    }
}

/// The receiving end of the stages.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<Stage>);

impl Shutdown {
    /// A shutdown that somebody else drives.
    pub fn new(receiver: watch::Receiver<Stage>) -> Self {
        Self(receiver)
    }

    /// The stage now.
    pub fn stage(&self) -> Stage {
        *self.0.borrow()
    }

    /// Waits until `stage` or a later one. Never returns if the sender is gone before.
    pub async fn reached(&mut self, stage: Stage) {
        if self.0.wait_for(|now| *now >= stage).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Starts to listen for signals. The sender is returned too, for a shutdown without signal.
pub fn listen() -> io::Result<(watch::Sender<Stage>, Shutdown)> {
    let (sender, receiver) = watch::channel(Stage::Running);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stages = sender.clone();
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                Some(()) = terminate.recv() => "SIGTERM",
                Some(()) = interrupt.recv() => "SIGINT",
                else => return,
            };
            on_signal(&stages, name);
        }
    });
    Ok((sender, Shutdown(receiver)))
}

fn on_signal(stages: &watch::Sender<Stage>, name: &str) {
    let now = *stages.borrow();
    match after_signal(now) {
        Some(Stage::Graceful) => {
            tracing::info!("{name} received: shutting down; repeat it to kill the children at once");
            raise(stages, Stage::Graceful);
        }
        Some(stage) => {
            tracing::warn!("{name} received again: killing the children; repeat it to end at once");
            raise(stages, stage);
        }
        None => end_at_once(name),
    }
}

/// Moves to `stage` unless a later one has been reached.
pub fn raise(stages: &watch::Sender<Stage>, stage: Stage) {
    stages.send_if_modified(|now| {
        let raise = stage > *now;
        if raise {
            *now = stage;
        }
        raise
    });
}

#[expect(clippy::exit, reason = "the third signal asks for exactly this; children die with us")]
fn end_at_once(name: &str) -> ! {
    tracing::error!("{name} received a third time: ending at once");
    std::process::exit(i32::from(ExitCode::Forced as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_escalate() {
        assert_eq!(after_signal(Stage::Running), Some(Stage::Graceful));
        assert_eq!(after_signal(Stage::Graceful), Some(Stage::Kill));
        assert_eq!(after_signal(Stage::Kill), None);
    }

    #[test]
    fn stages_never_go_back() {
        let (sender, receiver) = watch::channel(Stage::Kill);
        raise(&sender, Stage::Graceful);
        assert_eq!(*receiver.borrow(), Stage::Kill);
    }

    #[tokio::test]
    async fn waiting_for_a_stage_that_has_passed_returns() {
        let (_sender, receiver) = watch::channel(Stage::Kill);
        Shutdown::new(receiver).reached(Stage::Graceful).await;
    }
}
