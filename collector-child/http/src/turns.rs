//! Who may send a request next, of all lanes together: a plain function of who waits.
//!
//! A lane takes so many calls at once and no more, so one with many calls still to make needs many rounds, whatever the
//! other lanes do. It goes first: begun last, it would go on alone when all others are done. Among lanes that need
//! equally many rounds, and within a lane, who came first goes first. Before all of them go lanes in which a call is made that
//! others wait for, and who was passed by [`PATIENCE`] times.

use std::collections::VecDeque;

/// Nobody waits while more than so many come later.
const PATIENCE: u64 = 1_000;

/// The places for requests, and who waits for one.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    free: usize,
    /// Free places aside: for requests that hang, as many as there are places.
    aside: usize,
    lanes: Vec<Demand<T>>,
    /// Lanes in which somebody waits.
    waiting: Vec<usize>,
    arrived: u64,
}

/// What is wanted of one lane.
#[derive(Debug)]
struct Demand<T> {
    /// Calls at once.
    limit: usize,
    /// Calls that are not over yet, those that wait for their lane among them.
    wanted: usize,
    /// Calls among them that calls with a place in their lanes wait for.
    urgent: usize,
    /// Those that have a place in the lane and wait for one among all requests, with the order in which they came.
    queue: VecDeque<(u64, T)>,
}

impl<T> Demand<T> {
    fn rounds(&self) -> usize {
        self.wanted.div_ceil(self.limit)
    }
}

impl<T> Turns<T> {
    /// So many places for requests, and no lane yet.
    pub(crate) fn new(places: usize) -> Self {
        Self { free: places, aside: places, lanes: Vec::new(), waiting: Vec::new(), arrived: 0 }
    }

    /// A new lane that takes `limit` calls at once; its number.
    pub(crate) fn lane(&mut self, limit: usize) -> usize {
        self.lanes.push(Demand { limit: limit.max(1), wanted: 0, urgent: 0, queue: VecDeque::new() });
        self.lanes.len() - 1
    }

    /// A call is wanted of a lane; urgent is one that calls with a place in their lanes wait for.
    pub(crate) fn begin(&mut self, lane: usize, urgent: bool) {
        let lane = &mut self.lanes[lane];
        lane.wanted += 1;
        lane.urgent += usize::from(urgent);
    }

    /// A call that was wanted is over.
    pub(crate) fn end(&mut self, lane: usize, urgent: bool) {
        let lane = &mut self.lanes[lane];
        lane.wanted = lane.wanted.saturating_sub(1);
        lane.urgent = lane.urgent.saturating_sub(usize::from(urgent));
    }

    /// Takes a place, if one is free.
    pub(crate) fn take(&mut self) -> bool {
        let free = self.free > 0;
        self.free -= usize::from(free);
        free
    }

    /// Somebody waits for a place, because none was free.
    pub(crate) fn wait(&mut self, lane: usize, who: T) {
        let queue = &mut self.lanes[lane].queue;
        if queue.is_empty() {
            self.waiting.push(lane);
        }
        queue.push_back((self.arrived, who));
        self.arrived += 1;
    }

    /// A place is given back: who takes it, or nobody.
    pub(crate) fn give_back(&mut self) -> Option<T> {
        let next = self.next();
        self.free += usize::from(next.is_none());
        next
    }

    /// Takes a place aside, if one is free: the other one can be given back then.
    pub(crate) fn step_aside(&mut self) -> bool {
        let free = self.aside > 0;
        self.aside -= usize::from(free);
        free
    }

    /// Gives back a place aside.
    pub(crate) fn leave_aside(&mut self) {
        self.aside += 1;
    }

    fn next(&mut self) -> Option<T> {
        let rank = |lane: &Demand<T>| {
            let first = lane.queue.front().map_or(u64::MAX, |(came, _)| *came);
            let first_of_all = lane.urgent > 0 || self.arrived.saturating_sub(first) > PATIENCE;
            (first_of_all, if first_of_all { 0 } else { lane.rounds() }, std::cmp::Reverse(first))
        };
        let (at, lane) =
            self.waiting.iter().copied().enumerate().max_by_key(|(_, lane)| rank(&self.lanes[*lane]))?;
        let queue = &mut self.lanes[lane].queue;
        let (_, next) = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.swap_remove(at);
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Turns with lanes of these limits, of which so many calls each wait for a place.
    fn waiting(lanes: &[(usize, usize)]) -> Turns<(usize, usize)> {
        let mut turns = Turns::new(0);
        for (limit, calls) in lanes {
            let lane = turns.lane(*limit);
            for call in 0..*calls {
                turns.begin(lane, false);
                turns.wait(lane, (lane, call));
            }
        }
        turns
    }

    /// The lanes in the order in which they get the places that come back, each call being over at once.
    fn order(mut turns: Turns<(usize, usize)>) -> Vec<usize> {
        std::iter::from_fn(move || {
            let (lane, _) = turns.give_back()?;
            turns.end(lane, false);
            Some(lane)
        })
        .collect()
    }

    #[test]
    fn the_lane_that_needs_most_rounds_goes_first() {
        // Two rounds, five rounds, one round.
        assert_eq!(order(waiting(&[(2, 4), (1, 5), (20, 3)])), [1, 1, 1, 0, 0, 1, 0, 0, 1, 2, 2, 2]);
    }

    #[test]
    fn who_came_first_goes_first_where_lanes_need_equally_long() {
        let mut turns = Turns::new(1);
        let lanes = [turns.lane(9), turns.lane(9)];
        assert!(turns.take() && !turns.take());
        for (who, lane) in [lanes[1], lanes[0], lanes[1]].into_iter().enumerate() {
            turns.begin(lane, false);
            turns.wait(lane, who);
        }
        assert_eq!([turns.give_back(), turns.give_back(), turns.give_back()], [Some(0), Some(1), Some(2)]);
        assert_eq!(turns.give_back(), None);
        assert!(turns.take() && !turns.take(), "what nobody took is free");
    }

    #[test]
    fn calls_that_wait_for_their_lane_count() {
        let mut turns = waiting(&[(6, 1), (6, 2)]);
        (0..30).for_each(|_| turns.begin(0, false));
        assert_eq!(turns.give_back(), Some((0, 0)));
    }

    #[test]
    fn calls_that_others_wait_for_go_first() {
        let mut turns = waiting(&[(1, 9), (9, 0)]);
        turns.begin(1, true);
        turns.wait(1, (1, 0));
        assert_eq!([turns.give_back(), turns.give_back()], [Some((1, 0)), Some((0, 0))]);
        turns.wait(1, (1, 1));
        turns.end(1, true);
        assert_eq!(turns.give_back(), Some((0, 1)), "it is over");
    }

    #[test]
    fn nobody_waits_for_ever() {
        let mut turns = waiting(&[(9, 1), (1, 50)]);
        let mut passed_by = 0;
        while turns.give_back() != Some((0, 0)) {
            passed_by += 1;
            turns.wait(1, (1, 0));
            assert!(passed_by <= PATIENCE);
        }
        assert!(passed_by > 900, "{passed_by}");
    }

    proptest! {
        #[test]
        fn everybody_gets_a_place_once(lanes in prop::collection::vec((1..8_usize, 0..20_usize), 0..12)) {
            let mut turns = waiting(&lanes);
            let mut seen: Vec<(usize, usize)> = std::iter::from_fn(|| turns.give_back()).collect();
            let within_lane = |lane: usize| seen.iter().filter(move |(of, _)| *of == lane).map(|(_, call)| *call);
            for lane in 0..lanes.len() {
                prop_assert!(within_lane(lane).is_sorted());
            }
            seen.sort_unstable();
            let all = lanes.iter().enumerate().flat_map(|(lane, (_, calls))| (0..*calls).map(move |call| (lane, call)));
            prop_assert_eq!(seen, all.collect::<Vec<_>>());
            prop_assert_eq!(turns.free, 1);
        }
    }
}
