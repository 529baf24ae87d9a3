//! Waiting for things to become true, with generous limits: a limit is for hangs, never for speed.

use std::thread;
use std::time::{Duration, Instant};

/// For a step that takes a moment.
pub const STEP: Duration = Duration::from_mins(1);
/// For a process to come up, or a whole collect run.
pub const RUN: Duration = Duration::from_mins(3);

const PAUSE: Duration = Duration::from_millis(50);

/// Asks `probe` until it answers, and returns the answer; panics with `what` when [`RUN`] is over.
#[track_caller]
pub fn eventually<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    within(RUN, what, probe)
}

/// Waits until `probe` is true; panics with `what` when [`RUN`] is over.
#[track_caller]
pub fn until(what: &str, mut probe: impl FnMut() -> bool) {
    within(RUN, what, || probe().then_some(()));
}

/// Asks `probe` until it answers, and returns the answer; panics with `what` when `limit` is over.
#[track_caller]
pub fn within<T>(limit: Duration, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} in vain: {what}");
        thread::sleep(PAUSE);
    }
}

/// Lets time pass in which something must *not* happen.
pub fn idle(time: Duration) {
    thread::sleep(time);
}
