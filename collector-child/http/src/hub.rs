//! What all calls of the process share.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use shapes::Oddity;

use crate::budget::{Budgets, Lane, Lanes};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::counters::{Counters, ServiceCounters};
use crate::error::{CallPlace, Class, Verdict};
use crate::oddities::{LeftOut, Oddities};
use crate::retry::{Cause, Key, RetryPolicy};
use crate::road::Permit;
use crate::throttled::Throttled;
use crate::transport::{Answer, Limits, Transport, TransportTrouble};

/// A request that is not answered for so long (a host that cannot be reached, say) leaves its place to others.
const HANGS: Duration = Duration::from_secs(2);

/// What a hub is made with.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How much goes on at once.
    pub budgets: Budgets,
    /// When calls are tried again.
    pub retry: RetryPolicy,
    /// Limits of one attempt.
    pub limits: Limits,
}

/// What all calls share: connections, budgets, what was learned about services. One per process.
pub struct Hub {
    /// The way to all hosts.
    pub transport: Transport,
    /// The time to sign with.
    pub clock: Clock,
    pub(crate) policy: RetryPolicy,
    pub(crate) lanes: Lanes,
    pub(crate) throttled: Throttled,
    pub(crate) chance: Chance,
    pub(crate) counters: Counters,
    oddities: Oddities,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, transport, lanes, .. } = self;
        f.debug_struct("Hub")
            .field("retry", policy)
            .field("transport", transport)
            .field("lanes", lanes)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// A hub. Opens no connection.
    pub fn new(budgets: Budgets, policy: RetryPolicy, transport: Transport) -> Self {
        Self {
            transport,
            clock: Clock::default(),
            policy,
            lanes: Lanes::new(budgets),
            throttled: Throttled::default(),
            chance: Chance::new(),
            counters: Counters::default(),
            oddities: Oddities::default(),
        }
    }

    /// Waits until a request of this lane may be sent. What is signed is made after that: a signature is good for minutes
    /// only. What an attempt has to call for before (a token, say) comes before that.
    pub async fn permit(&self, lane: &Lane) -> Permit {
        lane.road.permit().await
    }

    /// Sends a request and reads the answer. For one attempt of a call to `service`; the permit is for what is under way,
    /// not for what waits to be tried again.
    pub async fn send(
        &self,
        mut permit: Permit,
        service: &str,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, TransportTrouble> {
        let begin = Instant::now();
        let mut sending = pin!(self.transport.send(request));
        let sent = if let Ok(sent) = tokio::time::timeout(HANGS, &mut sending).await {
            sent
        } else {
            permit.step_aside();
            sending.await
        };
        self.counters.count(service, |count| count.waited += begin.elapsed());
        if sent.is_ok() {
            self.counters.answered();
        }
        sent
    }

    /// Learns from an answer that was read: `verdict` is what follows from it, `None` if it was no answer of the service
    /// or a good one; `good` tells these two apart.
    pub fn learn(
        &self,
        lane: &Lane,
        place: CallPlace<'_>,
        key: Key<'_>,
        bytes: usize,
        good: bool,
        verdict: Option<Verdict>,
    ) {
        let throttled = verdict.is_some_and(|verdict| verdict.class == Class::Throttled);
        let now = self.lanes.now();
        lane.answered(now, key, throttled);
        self.throttled.answered(now, place, key, throttled, self.policy.patience);
        if good || verdict.is_some_and(|verdict| verdict.cause == Cause::Final) {
            lane.alive(now, place.operation);
        }
        self.counters.count(place.service, |count| {
            count.bytes += bytes as u64;
            count.throttled += u64::from(throttled);
        });
    }

    /// Notes values that were left out of an answer.
    pub fn note(&self, place: CallPlace<'_>, odd: Vec<Oddity>) {
        self.oddities.note(place, odd);
    }

    /// Values that were left out of the answers to calls for this account, since this was asked last.
    pub fn left_out(&self, account: &str) -> Vec<LeftOut> {
        self.oddities.take(account)
    }

    /// What calls of one account to one service in one region share.
    pub fn lane(&self, account: &str, region: &str, service: &str) -> Arc<Lane> {
        self.lanes.lane(account, region, service)
    }

    /// Since the hub was made.
    pub fn now(&self) -> Duration {
        self.lanes.now()
    }

    /// A number that nobody can foresee, at least 0, below 1: to spread waits. Not for keys.
    pub fn chance(&self) -> f64 {
        self.chance.next()
    }

    /// A text that no other call gives, for names of sessions and the like: a random UUID.
    pub fn unique(&self) -> String {
        uuid(self.chance.bits(), self.chance.bits())
    }

    /// Answers so far, of any kind: as long as it grows, the work goes on.
    pub fn answers(&self) -> u64 {
        self.counters.answers()
    }

    /// What was done so far, by service.
    pub fn counters(&self) -> BTreeMap<String, ServiceCounters> {
        self.counters.all()
    }
}

/// A random UUID of the version that says so.
fn uuid(high: u64, low: u64) -> String {
    let (time, version) = (high >> 16, 0x4000 | (high & 0x0fff));
    let variant = 0x8000 | (low >> 48 & 0x3fff);
    format!(
        "{:08x}-{:04x}-{version:04x}-{variant:04x}-{:012x}",
        time >> 16,
        time & 0xffff,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_texts_are_random_uuids() {
        assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u64::MAX, u64::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(
            uuid(0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef),
            "01234567-89ab-4def-8123-456789abcdef"
        );
    }
}
