//! Waiting for what throttles, until it is given up; see [`crate::retry::Droughts`].

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::error::{CallError, CallPlace, Class};
use crate::retry::{DroughtLane, Droughts, Key};

/// The droughts of the process, and who waits for their end.
#[derive(Debug, Default)]
pub(crate) struct Throttled {
    droughts: Mutex<Droughts>,
    /// Something was given up: whoever waits looks whether that makes sense.
    gave_up: Notify,
}

impl Throttled {
    /// The error of a call that is not made.
    pub(crate) fn admit(&self, now: Duration, place: CallPlace<'_>, key: Key<'_>) -> Result<(), CallError> {
        let admitted = self.droughts(|droughts| droughts.admits(now, &lane(place), key));
        if admitted { Ok(()) } else { Err(given_up(place)) }
    }

    /// An answer came; see [`Droughts::throttled`].
    pub(crate) fn answered(
        &self,
        now: Duration,
        place: CallPlace<'_>,
        key: Key<'_>,
        throttled: bool,
        patience: Duration,
    ) {
        let gave_up = self.droughts(|droughts| {
            if throttled {
                return droughts.throttled(now, &lane(place), key, patience);
            }
            droughts.answered(&lane(place), key);
            false
        });
        if gave_up {
            self.gave_up.notify_waiters();
        }
    }

    /// Waits. `false`, and at once, if that makes no sense any more.
    pub(crate) async fn pause(&self, wait: Duration, place: CallPlace<'_>, key: Key<'_>) -> bool {
        let lane = lane(place);
        let over = tokio::time::sleep(wait);
        tokio::pin!(over);
        loop {
            let gave_up = self.gave_up.notified();
            if !self.droughts(|droughts| droughts.may_retry(&lane, key)) {
                return false;
            }
            tokio::select! {
                () = &mut over => return true,
                () = gave_up => {}
            }
        }
    }

    fn droughts<T>(&self, ask: impl FnOnce(&mut Droughts) -> T) -> T {
        ask(&mut self.droughts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The error of a call that is not made, or not once more, because nothing but throttling is answered.
pub(crate) fn given_up(place: CallPlace<'_>) -> CallError {
    let error = CallError::new(Class::Throttled, place, "nothing else was answered for a while");
    error.change(|trouble| trouble.given_up = true)
}

fn lane(place: CallPlace<'_>) -> DroughtLane {
    (place.account.to_owned(), place.region.to_owned(), place.service.to_owned())
}
