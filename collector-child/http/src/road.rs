//! The road that the requests of all lanes share: so many may be under way at once. [`Turns`] says who is next.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::turns::Turns;

/// The road. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Road(Arc<Mutex<Turns<oneshot::Sender<Permit>>>>);

/// A lane of the road.
#[derive(Debug, Clone)]
pub(crate) struct OnRoad {
    road: Road,
    lane: usize,
}

/// A place for one request; dropped, it is free.
#[derive(Debug)]
pub struct Permit {
    /// `None` if it was not taken.
    road: Option<Road>,
    aside: bool,
}

/// A call that is wanted; dropped, it is over.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    lane: &'a OnRoad,
    urgent: bool,
}

impl fmt::Debug for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Road")
    }
}

impl Road {
    pub(crate) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(Turns::new(places))))
    }

    /// A new lane that takes so many calls at once.
    pub(crate) fn lane(&self, limit: usize) -> OnRoad {
        OnRoad { road: self.clone(), lane: self.turns(|turns| turns.lane(limit)) }
    }

    fn turns<R>(&self, change: impl FnOnce(&mut Turns<oneshot::Sender<Permit>>) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl OnRoad {
    /// A call is wanted of the lane, be it that it has to wait for it. Urgent is one that calls with a place in their
    /// lanes wait for.
    pub(crate) fn want(&self, urgent: bool) -> Wanted<'_> {
        self.road.turns(|turns| turns.begin(self.lane, urgent));
        Wanted { lane: self, urgent }
    }

    /// A place for a request.
    pub(crate) async fn permit(&self) -> Permit {
        let waiting = self.road.turns(|turns| {
            if turns.take() {
                return None;
            }
            let (turn, waiting) = oneshot::channel();
            turns.wait(self.lane, turn);
            Some(waiting)
        });
        let own = || Permit::on(&self.road);
        match waiting {
            None => own(),
            // The road keeps the other end until it has sent something.
            Some(waiting) => waiting.await.unwrap_or_else(|_| own()),
        }
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.lane.road.turns(|turns| turns.end(self.lane.lane, self.urgent));
    }
}

impl Permit {
    fn on(road: &Road) -> Self {
        Self { road: Some(road.clone()), aside: false }
    }

    /// The request hangs: leaves the place to others, if there is room aside.
    pub(crate) fn step_aside(&mut self) {
        if let Some(road) = self.road.as_ref().filter(|_| !self.aside) {
            self.aside = road.turns(Turns::step_aside);
            if self.aside {
                road.hand_on();
            }
        }
    }
}

impl Road {
    /// Gives a place that is free to whoever is next.
    fn hand_on(&self) {
        while let Some(next) = self.turns(Turns::give_back) {
            // Whoever does not wait any more leaves it to the next one.
            match next.send(Permit::on(self)) {
                Ok(()) => return,
                Err(mut permit) => permit.road = None,
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match self.road.take() {
            Some(road) if self.aside => road.turns(Turns::leave_aside),
            Some(road) => road.hand_on(),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_place_goes_to_whoever_still_waits() {
        let road = Road::new(1);
        let lane = road.lane(9);
        let first = lane.permit().await;
        let mut gone = Box::pin(lane.permit());
        let mut next = pin!(lane.permit());
        assert!(gone.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
        drop(gone);
        drop(first);
        let second = next.now_or_never().unwrap();
        // A place that was given to somebody who does not come for it.
        let mut last = Box::pin(lane.permit());
        assert!(last.as_mut().now_or_never().is_none());
        drop(second);
        drop(last);
        assert!(lane.permit().now_or_never().is_some());
    }

    #[tokio::test]
    async fn requests_that_hang_are_in_nobodys_way() {
        let road = Road::new(1);
        let lane = road.lane(9);
        let mut slow = lane.permit().await;
        let mut second = pin!(lane.permit());
        assert!(second.as_mut().now_or_never().is_none());
        slow.step_aside();
        let mut second = second.now_or_never().unwrap();
        let mut third = pin!(lane.permit());
        assert!(third.as_mut().now_or_never().is_none());
        second.step_aside();
        assert!(third.as_mut().now_or_never().is_none(), "there is one place aside, and it is taken");
        drop(slow);
        assert!(third.as_mut().now_or_never().is_none(), "that place was aside");
        second.step_aside();
        let third = third.now_or_never().unwrap();
        drop(second);
        drop(third);
        assert!(lane.permit().now_or_never().is_some());
    }
}
