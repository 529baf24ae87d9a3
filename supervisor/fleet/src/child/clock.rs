//! The one clock of a process machine: armed, paused, run out. Pure.

use std::time::{Duration, Instant};

use super::event::Timer;

/// At most one timer at a time. Each arming has an epoch, so that an expiry that comes late is nobody's.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    armed: Option<Armed>,
    epoch: u64,
    reading: bool,
}

#[derive(Debug, Clone, Copy)]
struct Armed {
    timer: Timer,
    run: Run,
}

#[derive(Debug, Clone, Copy)]
enum Run {
    Until(Instant),
    Paused(Duration),
}

impl Clock {
    /// No timer yet; we read from the child.
    pub(super) fn new() -> Self {
        Self { armed: None, epoch: 0, reading: true }
    }

    /// Replaces whatever ran.
    pub(super) fn arm(&mut self, timer: Timer, length: Duration, now: Instant) {
        self.epoch += 1;
        let paused = timer.pauses() && !self.reading;
        let run = if paused { Run::Paused(length) } else { Run::Until(now + length) };
        self.armed = Some(Armed { timer, run });
    }

    /// Nothing runs any more.
    pub(super) fn disarm(&mut self) {
        self.armed = None;
    }

    pub(super) fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    /// Whether this expiry is that of the current timer, which is then over.
    pub(super) fn fired(&mut self, timer: Timer, epoch: u64) -> bool {
        let current = self.epoch == epoch && self.armed.is_some_and(|armed| armed.timer == timer);
        if current {
            self.disarm();
        }
        current
    }

    /// We stop reading: a timer that measures the child stands still.
    pub(super) fn pause(&mut self, now: Instant) {
        self.reading = false;
        if let Some(Armed { timer, run }) = &mut self.armed
            && timer.pauses()
            && let Run::Until(at) = *run
        {
            *run = Run::Paused(at.saturating_duration_since(now));
        }
    }

    /// We read again: it goes on with what was left.
    pub(super) fn resume(&mut self, now: Instant) {
        self.reading = true;
        if let Some(Armed { timer, run: Run::Paused(left) }) = self.armed {
            self.arm(timer, left, now);
        }
    }

    /// What runs, and when it runs out.
    pub(super) fn due(&self) -> Option<(Timer, u64, Instant)> {
        match self.armed? {
            Armed { timer, run: Run::Until(at) } => Some((timer, self.epoch, at)),
            Armed { run: Run::Paused(_), .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(10);

    #[test]
    fn a_late_expiry_is_nobodys() {
        let now = Instant::now();
        let mut clock = Clock::new();
        clock.arm(Timer::Stall, LENGTH, now);
        let (timer, epoch, _) = clock.due().unwrap();
        clock.arm(Timer::Stall, LENGTH, now);
        assert!(!clock.fired(timer, epoch), "armed again meanwhile");
        let (timer, epoch, _) = clock.due().unwrap();
        assert!(!clock.fired(Timer::Drain, epoch));
        assert!(clock.fired(timer, epoch));
        assert!(!clock.fired(timer, epoch), "only once");
    }

    #[test]
    fn a_pause_keeps_what_is_left() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut clock = Clock::new();
        clock.arm(Timer::Stall, LENGTH, now);
        clock.pause(now + 4 * second);
        assert_eq!(clock.due(), None);
        clock.pause(now + 5 * second);
        clock.resume(now + 100 * second);
        assert_eq!(clock.due().unwrap().2, now + 106 * second);
    }

    #[test]
    fn what_is_armed_in_a_pause_begins_after_it() {
        let now = Instant::now();
        let mut clock = Clock::new();
        clock.pause(now);
        clock.arm(Timer::Stall, LENGTH, now);
        assert_eq!(clock.due(), None);
        clock.resume(now + LENGTH);
        assert_eq!(clock.due().unwrap().2, now + 2 * LENGTH);
    }

    #[test]
    fn the_stages_of_a_stop_do_not_pause() {
        let now = Instant::now();
        for timer in [Timer::Spawn, Timer::Asked, Timer::Grace, Timer::Killed] {
            let mut clock = Clock::new();
            clock.arm(timer, LENGTH, now);
            clock.pause(now);
            assert_eq!(clock.due().unwrap().2, now + LENGTH);
        }
    }
}
