//! Spreads a collection over a time.

use std::time::Duration;

use collector::{Failure, Sink};
use tokio::time::{Instant, sleep};

/// The longest sleep without a sign of work.
const TICK: Duration = Duration::from_secs(1);
/// Being ahead by less is not worth a sleep.
const SLACK: Duration = Duration::from_millis(20);

/// When the steps of a collection are due: evenly spread over a duration.
#[derive(Debug)]
pub(super) struct Pace {
    start: Instant,
    duration: Duration,
    steps: u64,
    done: u64,
}

impl Pace {
    /// `steps` over `duration`, from now on.
    pub(super) fn new(duration: Duration, steps: u64) -> Self {
        Self { start: Instant::now(), duration, steps: steps.max(1), done: 0 }
    }

    /// Waits until the next step may be taken. Sleeping counts as work: who asked for a slow collection does not
    /// want it to be taken for a stuck one.
    pub(super) async fn step(&mut self, output: &dyn Sink) -> Result<(), Failure> {
        self.done += 1;
        if self.duration.is_zero() {
            return Ok(());
        }
        self.sleep_until(due(self.duration, self.done - 1, self.steps), SLACK, output).await
    }

    /// Waits until the whole time has passed.
    pub(super) async fn end(&self, output: &dyn Sink) -> Result<(), Failure> {
        self.sleep_until(self.duration, Duration::ZERO, output).await
    }

    async fn sleep_until(&self, due: Duration, slack: Duration, output: &dyn Sink) -> Result<(), Failure> {
        loop {
            let left = due.saturating_sub(self.start.elapsed());
            if left <= slack {
                return Ok(());
            }
            output.check()?;
            sleep(left.min(TICK)).await;
            output.work(1);
        }
    }
}

/// When step `index` of `steps` is due.
fn due(duration: Duration, index: u64, steps: u64) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "a share of the time need not be exact")]
    duration.mul_f64((index as f64 / steps as f64).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_spread_evenly() {
        let minute = Duration::from_mins(1);
        assert_eq!(due(minute, 0, 4), Duration::ZERO);
        assert_eq!(due(minute, 1, 4), Duration::from_secs(15));
        assert_eq!(due(minute, 9, 4), minute);
    }
}
