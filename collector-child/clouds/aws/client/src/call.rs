//! One call: attempts until there is an answer or no hope for one.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use shapes::{Operation, Service, service};
use tokio::sync::SemaphorePermit;

use crate::attempt::{Outcome, Trial};
use crate::budget::Lane;
use crate::client::{Client, Target};
use crate::error::{CallError, Class, Place};
use crate::retry::{Cause, Decision, Key, Situation, decide};

/// A call whose operation is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) service: &'static Service,
    pub(crate) operation: &'static Operation,
}

/// Whether a call takes a place among those of its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    Lane,
    None,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(target: &Target<'a>, name: &str, operation: &str) -> Result<Self, CallError> {
        let place = Place { account: target.account, region: target.region, service: name, operation };
        let wrong = |message| CallError::new(Class::Input, place, message);
        let service = service(name).map_err(|unknown| wrong(unknown.to_string()))?;
        let operation =
            service.operation(operation).ok_or_else(|| wrong("there is no such operation".to_owned()))?;
        Ok(Self { target: *target, service, operation })
    }

    pub(crate) fn place(&self) -> Place<'a> {
        let Target { account, region, .. } = self.target;
        Place { account, region, service: self.service.name, operation: self.operation.name }
    }

    pub(crate) fn parameters(&self, params: Value) -> Result<Map<String, Value>, CallError> {
        match params {
            Value::Object(params) => Ok(params),
            Value::Null => Ok(Map::new()),
            _ => Err(CallError::new(Class::Input, self.place(), "the parameters are not an object")),
        }
    }

    pub(crate) async fn call(
        &self,
        client: &Client,
        params: Value,
        queue: Queue,
    ) -> Result<Value, CallError> {
        let params = self.parameters(params)?;
        let request = shapes::build(self.service, self.operation, &params, &client.unique())
            .map_err(|fault| CallError::new(Class::Input, self.place(), fault.to_string()))?;
        let lane = client.0.lanes.lane(self.target.account, self.target.region, self.service.name);
        let _place = match queue {
            Queue::Lane => {
                let entered = self.enter(&lane).await?;
                lane.admit(client.0.lanes.now(), self.place())?;
                Some(entered)
            }
            Queue::None => None,
        };
        let bucket = params.get("Bucket").and_then(Value::as_str).filter(|_| self.service.name == "s3");
        let trial = Trial::new(client, self, &lane, request, bucket);
        let (result, attempts) = self.attempts(client, &lane, trial).await;
        client.0.counters.count(self.service.name, |count| {
            count.calls += 1;
            count.failed += u64::from(result.is_err());
            count.retries += u64::from(attempts.saturating_sub(1));
        });
        result.map_err(|error| error.change(|trouble| trouble.attempts = attempts))
    }

    async fn attempts(
        &self,
        client: &Client,
        lane: &Lane,
        mut trial: Trial<'_>,
    ) -> (Result<Value, CallError>, u32) {
        let operation = self.operation.name;
        let (mut attempts, mut taken) = (0, None);
        let began = client.0.lanes.now();
        loop {
            if let Err(error) = self.keep_pace(client, lane, trial.key()).await {
                return (Err(error), attempts);
            }
            attempts += 1;
            let failed = match trial.go().await {
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
                remaining: self.remaining(),
                chance: client.0.chance.next(),
            };
            let again = match decide(&client.0.policy, situation) {
                Decision::Again(wait) => Some(wait),
                // Too little time says nothing about the service.
                Decision::GiveUp if attempts < client.0.policy.attempts => {
                    return (Err(failed.error), attempts);
                }
                Decision::GiveUp => None,
            };
            if failed.cause != Cause::Transient {
                let Some(wait) = again else { return (Err(failed.error), attempts) };
                tracing::debug!(?wait, "trying again: {}", failed.error);
                tokio::time::sleep(wait).await;
                continue;
            }
            if let Some(wait) = again.filter(|_| lane.may_retry(operation)) {
                taken = lane.take(failed.timeout);
                tracing::debug!(?wait, "trying again: {}", failed.error);
                if taken.is_some() && lane.pause(wait, operation).await {
                    continue;
                }
            }
            let error = failed.error.change(|trouble| trouble.attempts = attempts);
            lane.in_vain(began, client.0.lanes.now(), operation, &error);
            return (Err(error), attempts);
        }
    }

    fn remaining(&self) -> Option<Duration> {
        self.target.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    async fn enter<'l>(&self, lane: &'l Lane) -> Result<SemaphorePermit<'l>, CallError> {
        let over = || CallError::new(Class::Deadline, self.place(), "other calls to the service took it");
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

    /// Waits as long as the rate of the service asks for.
    async fn keep_pace(&self, client: &Client, lane: &Lane, key: Key<'_>) -> Result<(), CallError> {
        let wait = lane.reserve(client.0.lanes.now(), key);
        if let Some(remaining) = self.remaining()
            && wait >= remaining
        {
            let class = if wait.is_zero() { Class::Deadline } else { Class::Throttled };
            return Err(CallError::new(class, self.place(), "there is no time left to wait for the service"));
        }
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }
}
