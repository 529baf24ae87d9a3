//! How much may go on at once, and how fast: one lane per account, region and service, and one road for all.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};

use crate::error::{CallError, CallPlace};
use crate::retry::{Breaker, Key, Pace, Quota};
use crate::road::{OnRoad, Road};

/// Bounds of what goes on at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets {
    /// Requests under way at once, over all regions and services, and as many more that are not answered for two
    /// seconds. The setting `resource_pool_size`.
    pub overall: usize,
    /// Calls at once per region and service, unless the next setting knows the service. The setting
    /// `resource_pool_tasks_per_service_default`.
    pub per_service: usize,
    /// Calls at once per region, by service (the catalog's name for its client); more than `per_service` has no
    /// effect. The setting `resource_pool_tasks_per_service`.
    pub services: HashMap<String, usize>,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { overall: 64, per_service: 20, services: HashMap::new() }
    }
}

impl Budgets {
    /// Calls at once to `service` in one region: at least one.
    pub fn of(&self, service: &str) -> usize {
        self.services.get(service).copied().unwrap_or(self.per_service).min(self.per_service).max(1)
    }
}

/// All lanes of the process.
pub(crate) struct Lanes {
    budgets: Budgets,
    road: Road,
    known: Mutex<HashMap<String, Arc<Lane>>>,
    start: Instant,
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("budgets", &self.budgets).finish_non_exhaustive()
    }
}

/// What calls of one account to one service in one region share.
#[derive(Debug)]
pub struct Lane {
    /// Calls that may be under way, their waits included: a service that throttles gets no new calls
    /// meanwhile. First come, first served.
    pub(crate) calls: Semaphore,
    /// Its place among the others.
    pub(crate) road: OnRoad,
    learned: Mutex<Learned>,
    /// Something was given up: whoever waits to try again looks whether that makes sense.
    gave_up: Notify,
}

#[derive(Debug, Default)]
struct Learned {
    pace: Pace,
    quota: Quota,
    breaker: Breaker,
    /// The last call in vain.
    in_vain: Option<CallError>,
}

impl Lanes {
    pub(crate) fn new(budgets: Budgets) -> Self {
        let road = Road::new(budgets.overall.max(1));
        Self { budgets, road, known: Mutex::default(), start: Instant::now() }
    }

    pub(crate) fn lane(&self, account: &str, region: &str, service: &str) -> Arc<Lane> {
        let key = [account, region, service].join("/");
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = known.entry(key).or_insert_with(|| {
            let limit = self.budgets.of(service).min(Semaphore::MAX_PERMITS);
            let (calls, road) = (Semaphore::new(limit), self.road.lane(limit));
            Arc::new(Lane { calls, road, learned: Mutex::default(), gave_up: Notify::new() })
        });
        lane.clone()
    }

    /// The time that lanes count in.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Lane {
    /// The place in the queue for one request: how long to wait before sending it.
    pub fn reserve(&self, now: Duration, key: Key<'_>) -> Duration {
        self.learned(|learned| learned.pace.reserve(now, key))
    }

    /// An answer came.
    pub(crate) fn answered(&self, now: Duration, key: Key<'_>, throttled: bool) {
        self.learned(|learned| learned.pace.answered(now, key, throttled));
    }

    /// See [`Quota::take`].
    pub(crate) fn take(&self, timeout: bool) -> Option<u32> {
        self.learned(|learned| learned.quota.take(timeout))
    }

    /// See [`Quota::earn`].
    pub(crate) fn earn(&self, taken: Option<u32>) {
        self.learned(|learned| {
            learned.quota.earn(taken);
            if taken.is_some() {
                learned.breaker.retry_helped();
            }
        });
    }

    /// See [`Breaker::admits`]; the error of a call that is not made.
    pub(crate) fn admit(&self, now: Duration, place: CallPlace<'_>) -> Result<(), CallError> {
        self.learned(|learned| match &learned.in_vain {
            Some(error) if !learned.breaker.admits(now, place.operation) => Err(error.given_up_at(place)),
            _ => Ok(()),
        })
    }

    /// See [`Breaker::alive`].
    pub(crate) fn alive(&self, now: Duration, operation: &str) {
        self.learned(|learned| learned.breaker.alive(now, operation));
    }

    /// See [`Breaker::in_vain`].
    pub(crate) fn in_vain(&self, began: Duration, now: Duration, operation: &str, error: &CallError) {
        self.learned(|learned| {
            learned.breaker.in_vain(began, now, operation);
            learned.in_vain = Some(error.clone());
        });
        self.gave_up.notify_waiters();
    }

    /// See [`Breaker::may_retry`].
    pub(crate) fn may_retry(&self, operation: &str) -> bool {
        self.learned(|learned| learned.breaker.may_retry(operation))
    }

    /// Waits to try again. `false`, and at once, if that makes no sense any more.
    pub(crate) async fn pause(&self, wait: Duration, operation: &str) -> bool {
        let over = tokio::time::sleep(wait);
        tokio::pin!(over);
        loop {
            let gave_up = self.gave_up.notified();
            if !self.may_retry(operation) {
                return false;
            }
            tokio::select! {
                () = &mut over => return true,
                () = gave_up => {}
            }
        }
    }

    fn learned<T>(&self, change: impl FnOnce(&mut Learned) -> T) -> T {
        change(&mut self.learned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_with_a_number_of_their_own_get_it_within_the_default() {
        let services = HashMap::from([("sagemaker".to_owned(), 6), ("elb".to_owned(), 6)]);
        let budgets = Budgets { services, ..Budgets::default() };
        assert_eq!((budgets.of("ec2"), budgets.of("sagemaker"), budgets.of("elb")), (20, 6, 6));
        let services = HashMap::from([("rds".to_owned(), 50), ("ec2".to_owned(), 0)]);
        let budgets = Budgets { overall: 64, per_service: 8, services };
        assert_eq!((budgets.of("rds"), budgets.of("ec2"), budgets.of("elb")), (8, 1, 8));
        assert_eq!(Budgets { per_service: 0, ..budgets }.of("elb"), 1, "nothing would never end");
    }

    #[test]
    fn a_lane_is_for_one_account_region_and_service() {
        let services = HashMap::from([("elb".to_owned(), 6)]);
        let lanes = Lanes::new(Budgets { services, ..Budgets::default() });
        let lane = lanes.lane("1", "eu-west-1", "elb");
        assert!(Arc::ptr_eq(&lane, &lanes.lane("1", "eu-west-1", "elb")));
        for other in [("2", "eu-west-1", "elb"), ("1", "eu-west-2", "elb"), ("1", "eu-west-1", "ec2")] {
            assert!(!Arc::ptr_eq(&lane, &lanes.lane(other.0, other.1, other.2)), "{other:?}");
        }
        assert_eq!(lane.calls.available_permits(), 6);
    }

    #[test]
    fn throttling_slows_its_own_lane_only() {
        let lanes = Lanes::new(Budgets::default());
        let (slow, other) = (lanes.lane("1", "r", "ec2"), lanes.lane("1", "r", "rds"));
        let key = Key { operation: "Describe", bucket: None };
        slow.answered(Duration::from_secs(1), key, true);
        let wait = (0..3).map(|_| slow.reserve(Duration::from_secs(1), key)).max();
        assert!(wait > Some(Duration::from_millis(500)));
        assert!((0..50).all(|_| other.reserve(Duration::from_secs(1), key).is_zero()));
    }
}
