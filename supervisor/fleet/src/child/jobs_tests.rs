//! The jobs of a process.

use std::time::{Duration, Instant};

use ipc_proto::graph::{Chunk, Totals};
use ipc_proto::message::{Done, Heartbeat, JobId, Report};
use proptest::prelude::*;

use super::jobs::{GivenUp, JobLimits, Jobs, Overdue, Verdict};

const SECOND: Duration = Duration::from_secs(1);

fn limits(exclusive: bool) -> JobLimits {
    JobLimits { ready: 10 * SECOND, no_progress: 100 * SECOND, obey: 5 * SECOND, exclusive }
}

fn beat(work: u64) -> Report<'static> {
    Report::Heartbeat(Heartbeat { rss: 1, step: "x".into(), work })
}

fn done() -> Report<'static> {
    Report::Done(Done { totals: Totals::default(), faults: 0 })
}

fn running(exclusive: bool, time: Option<Duration>) -> (Jobs, JobId, Instant) {
    let now = Instant::now();
    let mut jobs = Jobs::new(limits(exclusive));
    let id = jobs.open(time, now);
    jobs.start(id, now);
    assert_eq!(jobs.hear(id, &Report::Ready, now), Verdict::Deliver);
    (jobs, id, now)
}

fn is_violation(verdict: &Verdict, text: &str) -> bool {
    matches!(verdict, Verdict::Violation(what) if what.contains(text))
}

#[test]
fn ready_comes_first_and_once() {
    let now = Instant::now();
    let mut jobs = Jobs::new(limits(true));
    let id = jobs.open(None, now);
    assert!(is_violation(&jobs.hear(id, &Report::Ready, now), "not started"));
    assert_eq!(jobs.start(id, now), None);
    assert_eq!(jobs.hear(id, &beat(0), now), Verdict::Deliver);
    assert!(is_violation(&jobs.hear(id, &Report::Chunk(Chunk::default()), now), "Chunk before Ready"));
    assert!(is_violation(&jobs.hear(id, &done(), now), "Done before Ready"));
    assert_eq!(jobs.hear(id, &Report::Ready, now), Verdict::Deliver);
    assert!(is_violation(&jobs.hear(id, &Report::Ready, now), "Ready twice"));
}

#[test]
fn after_its_end_only_a_heartbeat_may_cross() {
    let (mut jobs, id, now) = running(true, None);
    jobs.close(id);
    assert_eq!(jobs.hear(id, &beat(1), now), Verdict::Discard);
    assert!(is_violation(&jobs.hear(id, &done(), now), "had ended"));
    assert!(is_violation(&jobs.hear(JobId(9), &beat(1), now), "job 9, which does not exist"));
    assert!(is_violation(&jobs.hear(JobId(0), &beat(1), now), "does not exist"));
}

#[test]
fn start_tells_the_time_that_is_left() {
    let now = Instant::now();
    let mut jobs = Jobs::new(limits(true));
    let id = jobs.open(Some(60 * SECOND), now);
    assert_eq!(jobs.queued(), [id]);
    assert_eq!(jobs.start(id, now + 20 * SECOND), Some(40 * SECOND));
    assert!(jobs.queued().is_empty());
}

#[test]
fn a_heartbeat_that_counts_nothing_is_no_progress() {
    let (mut jobs, id, now) = running(true, None);
    jobs.hear(id, &beat(7), now + 50 * SECOND);
    jobs.hear(id, &beat(7), now + 120 * SECOND);
    assert_eq!(jobs.due(), Some(now + 150 * SECOND));
    jobs.hear(id, &Report::Chunk(Chunk::default()), now + 140 * SECOND);
    jobs.hear(id, &Report::Progress(Vec::new()), now + 200 * SECOND);
    assert_eq!(jobs.due(), Some(now + 240 * SECOND));
    assert_eq!(jobs.overdue(now + 240 * SECOND), [Overdue::Late(id, GivenUp::NoProgress)]);
}

#[test]
fn an_exclusive_job_is_late_once() {
    let (mut jobs, id, now) = running(true, Some(SECOND));
    assert!(jobs.overdue(now).is_empty());
    assert_eq!(jobs.overdue(now + SECOND), [Overdue::Late(id, GivenUp::Deadline)]);
    assert_eq!(jobs.due(), None, "the process is stopped now");
    assert!(jobs.overdue(now + 1000 * SECOND).is_empty());
}

#[test]
fn a_shared_job_must_obey() {
    let (mut jobs, id, now) = running(false, Some(SECOND));
    assert_eq!(jobs.overdue(now + SECOND), [Overdue::Late(id, GivenUp::Deadline)]);
    assert_eq!(jobs.due(), Some(now + 6 * SECOND));
    assert_eq!(jobs.overdue(now + 6 * SECOND), [Overdue::Disobeyed(id, GivenUp::Deadline)]);
    assert_eq!(jobs.due(), None);
}

#[test]
fn what_is_late_is_still_welcome_and_what_is_unwanted_is_not() {
    let (mut jobs, id, now) = running(false, Some(SECOND));
    jobs.overdue(now + SECOND);
    assert_eq!(jobs.hear(id, &Report::Chunk(Chunk::default()), now), Verdict::Deliver);
    let (mut jobs, id, now) = running(false, None);
    jobs.give_up(id, GivenUp::Abandoned, now);
    jobs.give_up(id, GivenUp::Host, now);
    assert_eq!(jobs.why_given_up(id), Some(GivenUp::Abandoned), "the first reason is kept");
    assert_eq!(jobs.hear(id, &Report::Chunk(Chunk::default()), now), Verdict::Discard);
    assert_eq!(jobs.hear(id, &done(), now), Verdict::Deliver, "it answers the Cancel");
}

#[test]
fn the_deadline_is_named_when_both_fall_together() {
    let (mut jobs, id, now) = running(true, Some(100 * SECOND));
    assert_eq!(jobs.overdue(now + 100 * SECOND), [Overdue::Late(id, GivenUp::Deadline)]);
}

proptest! {
    /// Each job is late at most once and disobeys at most once, and no clock is left behind.
    #[test]
    fn clocks_run_out_once(
        times in prop::collection::vec(prop::option::of(1_u32..300), 1..6),
        pauses in prop::collection::vec(0_u32..50, 0..20),
        exclusive: bool,
    ) {
        let mut now = Instant::now();
        let mut jobs = Jobs::new(limits(exclusive));
        for time in &times {
            let id = jobs.open(time.map(|time| time * SECOND), now);
            jobs.start(id, now);
        }
        for pause in pauses {
            let before = jobs.due();
            jobs.shift(pause * SECOND);
            prop_assert_eq!(jobs.due(), before.map(|at| at + pause * SECOND));
        }
        let mut late = 0;
        let mut disobeyed = 0;
        while let Some(at) = jobs.due() {
            prop_assert!(at >= now);
            now = at;
            let overdue = jobs.overdue(now);
            prop_assert!(!overdue.is_empty(), "what is due is overdue");
            late += overdue.iter().filter(|overdue| matches!(overdue, Overdue::Late(..))).count();
            disobeyed += overdue.iter().filter(|overdue| matches!(overdue, Overdue::Disobeyed(..))).count();
        }
        prop_assert_eq!(late, times.len());
        prop_assert_eq!(disobeyed, if exclusive { 0 } else { times.len() });
    }
}
