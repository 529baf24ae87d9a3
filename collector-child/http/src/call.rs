//! One call: attempts until there is an answer or no hope for one.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::SemaphorePermit;

use crate::budget::Lane;
use crate::error::{CallError, CallPlace, Class};
use crate::hub::Hub;
use crate::retry::{Cause, Decision, Key, Situation, decide};
use crate::throttled::given_up;

/// A future that may hop between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A call that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Where it goes.
    pub place: CallPlace<'a>,
    /// When there is no more time: no attempt starts after it, and a wait that would pass it is not begun.
    pub deadline: Option<Instant>,
    /// Whether it takes a place among those of its lane.
    pub queue: Queue,
}

/// Whether a call takes a place among those of its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// It does.
    Lane,
    /// It does not: calls with a place wait for it.
    None,
}

/// How one attempt of a call is made: by who knows the cloud.
pub trait Exchange: Send {
    /// What is throttled by itself.
    fn key(&self) -> Key<'_>;

    /// One attempt: signs, sends, reads the answer and says what it means.
    fn attempt(&mut self, lane: &Lane) -> impl Future<Output = Outcome> + Send;
}

/// What an attempt leads to.
#[derive(Debug)]
pub enum Outcome {
    /// The answer.
    Answer(Value),
    /// The next attempt is made in another way (region, clock, credentials); at most once for each.
    AnotherWay,
    /// No answer.
    Failed(Failed),
}

/// An attempt without an answer.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: CallError,
    /// What that means for the next attempt.
    pub cause: Cause,
    /// The wait that the answer ordered.
    pub ordered: Option<Duration>,
    /// Time was what ran out.
    pub timeout: bool,
}

impl Failed {
    /// Another attempt would end the same.
    pub fn finally(error: CallError) -> Self {
        Self { error, cause: Cause::Final, ordered: None, timeout: false }
    }
}

impl Hub {
    /// Makes a call. Tries again where that makes sense.
    pub async fn call(&self, call: Call<'_>, exchange: &mut impl Exchange) -> Result<Value, CallError> {
        let CallPlace { account, region, service, .. } = call.place;
        let lane = self.lanes.lane(account, region, service);
        let _wanted = lane.road.want(call.queue == Queue::None);
        let _place = match call.queue {
            Queue::Lane => {
                let entered = call.enter(&lane).await?;
                let now = self.lanes.now();
                lane.admit(now, call.place)?;
                self.throttled.admit(now, call.place, exchange.key())?;
                Some(entered)
            }
            Queue::None => None,
        };
        let (result, attempts) = self.attempts(call, &lane, exchange).await;
        self.counters.count(service, |count| {
            count.calls += 1;
            count.failed += u64::from(result.is_err());
            count.retries += u64::from(attempts.saturating_sub(1));
        });
        result.map_err(|error| error.change(|trouble| trouble.attempts = attempts))
    }

    async fn attempts(
        &self,
        call: Call<'_>,
        lane: &Lane,
        exchange: &mut impl Exchange,
    ) -> (Result<Value, CallError>, u32) {
        let operation = call.place.operation;
        let (mut attempts, mut taken) = (0, None);
        let began = self.lanes.now();
        loop {
            if let Err(error) = self.keep_pace(call, lane, exchange.key()).await {
                return (Err(error), attempts);
            }
            attempts += 1;
            let failed = match exchange.attempt(lane).await {
                Outcome::Answer(value) => {
                    lane.earn(taken);
                    return (Ok(value), attempts);
                }
                Outcome::AnotherWay => continue,
                Outcome::Failed(failed) => failed,
            };
            let situation = Situation {
                attempts,
                cause: failed.cause,
                ordered: failed.ordered,
                remaining: call.remaining(),
                chance: self.chance.next(),
            };
            let again = match decide(&self.policy, situation) {
                Decision::Again(wait) => Some(wait),
                // Too little time says nothing about the service.
                Decision::GiveUp if attempts < self.policy.attempts => {
                    return (Err(failed.error), attempts);
                }
                Decision::GiveUp => None,
            };
            if failed.cause != Cause::Transient {
                let Some(wait) = again else { return (Err(failed.error), attempts) };
                tracing::debug!(?wait, "trying again: {}", failed.error);
                if self.throttled.pause(wait, call.place, exchange.key()).await {
                    continue;
                }
                return (Err(failed.error), attempts);
            }
            if let Some(wait) = again.filter(|_| lane.may_retry(operation)) {
                taken = lane.take(failed.timeout);
                tracing::debug!(?wait, "trying again: {}", failed.error);
                if taken.is_some() && lane.pause(wait, operation).await {
                    continue;
                }
            }
            let error = failed.error.change(|trouble| trouble.attempts = attempts);
            lane.in_vain(began, self.lanes.now(), operation, &error);
            return (Err(error), attempts);
        }
    }

    /// Waits as long as the rate of the service asks for.
    async fn keep_pace(&self, call: Call<'_>, lane: &Lane, key: Key<'_>) -> Result<(), CallError> {
        let wait = lane.reserve(self.lanes.now(), key);
        if let Some(remaining) = call.remaining()
            && wait >= remaining
        {
            let class = if wait.is_zero() { Class::Deadline } else { Class::Throttled };
            return Err(CallError::new(class, call.place, "there is no time left to wait for the service"));
        }
        if wait.is_zero() || self.throttled.pause(wait, call.place, key).await {
            return Ok(());
        }
        Err(given_up(call.place))
    }
}

impl Call<'_> {
    fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    async fn enter<'l>(&self, lane: &'l Lane) -> Result<SemaphorePermit<'l>, CallError> {
        let over = || CallError::new(Class::Deadline, self.place, "other calls to the service took it");
        let entered = match self.remaining() {
            None => lane.calls.acquire().await,
            Some(Duration::ZERO) => return Err(over()),
            Some(remaining) => {
                tokio::time::timeout(remaining, lane.calls.acquire()).await.map_err(|_| over())?
            }
        };
        // A lane is never closed.
        entered.map_err(|_| over())
    }
}
