//! The life of a websocket, without the websocket.
//!
//! ```text
//!            Tick(due)          Opened                Stop
//!  Waiting ------------> Opening ------------> Open ----------> Closing
//!     ^                   |                     |                  |  Lost, Tick(due)
//!     |    Failed,        |   Lost, no pong,    |                  v
//!     +---Tick(due)-------+   too slow ---------+               Stopped   (Stop leads here from
//!                                                                          Waiting and Opening)
//! ```
//!
//! Every state answers every event; events of a connection that was given up change nothing.

use std::time::Duration;

use tokio::time::Instant;

/// A ping goes out this often. Fixcore does the same.
pub const PING_EVERY: Duration = Duration::from_secs(20);
/// Without a pong in this time the connection is given up.
pub const PONG_WITHIN: Duration = Duration::from_secs(10);
/// Connecting, subscriptions included, takes no longer.
pub const OPEN_WITHIN: Duration = Duration::from_secs(45);
/// After our close frame fixcore has this time for its own.
pub const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// The first delay before a connection is made again.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest one; jitter adds up to a half.
const LAST_DELAY: Duration = Duration::from_secs(20);
/// The longest one while fixcore is there but still holds our last connection (it notices within 30 s).
const BUSY_DELAY: Duration = Duration::from_secs(3);
/// A connection that lived this long was a good one.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The time of [`Link::wake_at`] has come.
    Tick,
    /// The connection is there.
    Opened,
    /// The connection was not made.
    Failed(Failure),
    /// The connection is gone, or was given up by its user.
    Lost,
    /// Anything arrived: the other side lives.
    Heard,
    /// We are to stop.
    Stop,
}

/// Why a connection was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Fixcore still has our last connection (429), or does not know the subscription yet (404): soon again.
    Busy,
    /// Not reachable, or refused.
    Other,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Make a connection.
    Open,
    /// Send a ping.
    Ping,
    /// Send a close frame with code 1000.
    Close,
    /// Drop the connection, or the attempt to make one, without further words.
    Drop(Why),
}

/// Why a connection is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is over anyway.
    Ended,
    /// No pong.
    Silent,
    /// It took too long to connect.
    TooSlow,
}

/// Where the link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Until the next attempt.
    Waiting {
        /// When it starts.
        until: Instant,
    },
    /// An attempt is under way.
    Opening {
        /// When it is given up.
        until: Instant,
    },
    /// Connected.
    Open {
        /// Since when.
        since: Instant,
        /// When the next ping goes out.
        next_ping: Instant,
        /// When the connection is given up unless something is heard.
        pong_until: Option<Instant>,
    },
    /// Our close frame is out.
    Closing {
        /// When we leave without fixcore's.
        until: Instant,
    },
    /// The end.
    Stopped,
}

/// The state and what survives a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    state: State,
    failures: u32,
}

impl Link {
    /// A link that connects at its first tick.
    pub fn new(now: Instant) -> Self {
        Self { state: State::Waiting { until: now }, failures: 0 }
    }

    /// Where it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// Attempts that failed since the last good connection.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// When [`Event::Tick`] is due.
    pub fn wake_at(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } | State::Opening { until } | State::Closing { until } => Some(until),
            State::Open { next_ping, pong_until, .. } => {
                Some(pong_until.map_or(next_ping, |pong| pong.min(next_ping)))
            }
            State::Stopped => None,
        }
    }

    /// Takes one step. `jitter` is a random number from 0 to 1. At most one command per step.
    pub fn step(&mut self, event: Event, now: Instant, jitter: f64) -> Option<Command> {
        let (state, command) = match self.state {
            State::Waiting { until } => match event {
                Event::Tick if now >= until => {
                    (State::Opening { until: now + OPEN_WITHIN }, Some(Command::Open))
                }
                Event::Stop => (State::Stopped, None),
                Event::Opened => (self.state, Some(Command::Drop(Why::Ended))),
                Event::Tick | Event::Failed(_) | Event::Lost | Event::Heard => (self.state, None),
            },
            State::Opening { until } => match event {
                Event::Opened => (open(now), None),
                Event::Failed(failure) => (self.failed(failure, now, jitter), None),
                Event::Tick if now >= until => {
                    (self.failed(Failure::Other, now, jitter), Some(Command::Drop(Why::TooSlow)))
                }
                Event::Stop => (State::Stopped, Some(Command::Drop(Why::Ended))),
                Event::Tick | Event::Lost | Event::Heard => (self.state, None),
            },
            State::Open { since, next_ping, pong_until } => match event {
                Event::Tick if pong_until.is_some_and(|until| now >= until) => {
                    (self.lost(since, now, jitter), Some(Command::Drop(Why::Silent)))
                }
                Event::Tick if now >= next_ping => {
                    let pong_until = Some(pong_until.unwrap_or(now + PONG_WITHIN));
                    (State::Open { since, next_ping: now + PING_EVERY, pong_until }, Some(Command::Ping))
                }
                Event::Heard => (State::Open { since, next_ping, pong_until: None }, None),
                Event::Lost => (self.lost(since, now, jitter), Some(Command::Drop(Why::Ended))),
                Event::Stop => (State::Closing { until: now + CLOSE_WITHIN }, Some(Command::Close)),
                Event::Tick | Event::Opened | Event::Failed(_) => (self.state, None),
            },
            State::Closing { until } => match event {
                Event::Lost => (State::Stopped, Some(Command::Drop(Why::Ended))),
                Event::Tick if now >= until => (State::Stopped, Some(Command::Drop(Why::Ended))),
                Event::Tick | Event::Opened | Event::Failed(_) | Event::Heard | Event::Stop => {
                    (self.state, None)
                }
            },
            State::Stopped => match event {
                Event::Opened => (State::Stopped, Some(Command::Drop(Why::Ended))),
                Event::Tick | Event::Failed(_) | Event::Lost | Event::Heard | Event::Stop => {
                    (State::Stopped, None)
                }
            },
        };
        self.state = state;
        command
    }

    fn failed(&mut self, failure: Failure, now: Instant, jitter: f64) -> State {
        let until = now + delay(self.failures, failure, jitter);
        self.failures = self.failures.saturating_add(1);
        State::Waiting { until }
    }

    /// A connection that died young counts as a failure, so that one that is accepted and thrown out over and
    /// over is not made every second forever.
    fn lost(&mut self, since: Instant, now: Instant, jitter: f64) -> State {
        if now.saturating_duration_since(since) >= GOOD_AFTER {
            self.failures = 0;
        }
        self.failed(Failure::Other, now, jitter)
    }
}

fn open(now: Instant) -> State {
    State::Open { since: now, next_ping: now + PING_EVERY, pong_until: None }
}

/// The delay before the next attempt: 1 s doubled for each failure, up to 20 s, plus up to a half of it.
pub fn delay(failures: u32, failure: Failure, jitter: f64) -> Duration {
    let cap = match failure {
        Failure::Busy => BUSY_DELAY,
        Failure::Other => LAST_DELAY,
    };
    let base = FIRST_DELAY.saturating_mul(1 << failures.min(10)).min(cap);
    base + base.mul_f64(jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn opened() -> (Link, Instant) {
        let now = Instant::now();
        let mut link = Link::new(now);
        assert_eq!(link.step(Event::Tick, now, 0.0), Some(Command::Open));
        assert_eq!(link.step(Event::Opened, now, 0.0), None);
        (link, now)
    }

    #[test]
    fn a_ping_without_pong_ends_the_connection() {
        let (mut link, start) = opened();
        assert_eq!(link.step(Event::Tick, start + SECOND, 0.0), None);
        assert_eq!(link.wake_at(), Some(start + PING_EVERY));
        assert_eq!(link.step(Event::Tick, start + PING_EVERY, 0.0), Some(Command::Ping));
        let given_up = start + PING_EVERY + PONG_WITHIN;
        assert_eq!(link.wake_at(), Some(given_up));
        assert_eq!(link.step(Event::Tick, given_up, 0.0), Some(Command::Drop(Why::Silent)));
        assert_eq!(link.state(), State::Waiting { until: given_up + SECOND });
    }

    #[test]
    fn a_pong_keeps_it() {
        let (mut link, mut now) = opened();
        for _ in 0..100 {
            now += PING_EVERY;
            assert_eq!(link.step(Event::Tick, now, 0.0), Some(Command::Ping));
            assert_eq!(link.step(Event::Heard, now + SECOND, 0.0), None);
        }
        assert_eq!(link.wake_at(), Some(now + PING_EVERY));
    }

    #[test]
    fn a_connection_that_lived_comes_back_after_a_second() {
        let (mut link, start) = opened();
        let lost = start + GOOD_AFTER;
        assert_eq!(link.step(Event::Lost, lost, 1.0), Some(Command::Drop(Why::Ended)));
        assert_eq!(link.state(), State::Waiting { until: lost + SECOND * 3 / 2 });
        assert_eq!(link.failures(), 1);
    }

    #[test]
    fn delays_grow_to_thirty_seconds_at_most() {
        let millis = |failure, jitter| [0, 1, 2, 3, 4, 5, 40].map(|n| delay(n, failure, jitter).as_millis());
        assert_eq!(millis(Failure::Other, 0.0), [1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
        assert_eq!(millis(Failure::Other, 1.0), [1_500, 3_000, 6_000, 12_000, 24_000, 30_000, 30_000]);
        assert_eq!(millis(Failure::Busy, 0.0), [1_000, 2_000, 3_000, 3_000, 3_000, 3_000, 3_000]);
    }

    #[test]
    fn connections_that_die_young_are_made_ever_more_slowly() {
        let now = Instant::now();
        let mut link = Link::new(now);
        for expected in [1, 2, 4, 8, 16, 20] {
            link = Link { state: State::Waiting { until: now }, ..link };
            link.step(Event::Tick, now, 0.0);
            link.step(Event::Opened, now, 0.0);
            link.step(Event::Lost, now + SECOND, 0.0);
            assert_eq!(link.state(), State::Waiting { until: now + SECOND + SECOND * expected });
        }
    }

    #[test]
    fn stop_says_goodbye_and_does_not_wait_forever() {
        let (mut link, now) = opened();
        assert_eq!(link.step(Event::Stop, now, 0.0), Some(Command::Close));
        assert_eq!(link.step(Event::Tick, now + CLOSE_WITHIN, 0.0), Some(Command::Drop(Why::Ended)));
        assert_eq!(link.state(), State::Stopped);
        assert_eq!(link.wake_at(), None);
        let mut waiting = Link::new(now);
        assert_eq!(waiting.step(Event::Stop, now, 0.0), None);
        assert_eq!(waiting.state(), State::Stopped);
        assert_eq!(waiting.step(Event::Opened, now, 0.0), Some(Command::Drop(Why::Ended)), "a late one");
    }

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => Just(Event::Tick),
            2 => Just(Event::Opened),
            1 => Just(Event::Failed(Failure::Busy)),
            1 => Just(Event::Failed(Failure::Other)),
            1 => Just(Event::Lost),
            2 => Just(Event::Heard),
        ]
    }

    proptest! {
        /// Whatever happens: pings only on open connections, never two attempts at once, a Stop ends it, and
        /// ticks at the promised times never stand still.
        #[test]
        fn whatever_happens_it_stays_sane(events in proptest::collection::vec((any_event(), 0_u64..40, 0.0..1.0), 0..200)) {
            let mut now = Instant::now();
            let mut link = Link::new(now);
            for (event, seconds, jitter) in events {
                now += Duration::from_secs(seconds);
                let before = link.state();
                let command = link.step(event, now, jitter);
                match command {
                    Some(Command::Open) => {
                        let waiting = matches!(before, State::Waiting { .. });
                        prop_assert!(waiting);
                    }
                    Some(Command::Ping) => {
                        let open = matches!(before, State::Open { .. });
                        prop_assert!(open);
                    }
                    Some(Command::Close) => prop_assert!(false, "nobody asked to stop"),
                    Some(Command::Drop(_)) | None => {}
                }
                if event == Event::Tick {
                    prop_assert!(link.wake_at().is_some_and(|wake| wake > now || before == link.state()));
                    prop_assert!(link.wake_at().is_some_and(|wake| wake > now));
                }
            }
            link.step(Event::Stop, now, 0.0);
            link.step(Event::Tick, now + CLOSE_WITHIN, 0.0);
            prop_assert_eq!(link.state(), State::Stopped);
        }
    }
}
