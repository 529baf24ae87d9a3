//! Whole runs: retries, bounds, the breaker, stopping.

use std::collections::BTreeMap;

use decisions::attempt::GiveUp;
use fixworker_fleet::{
    Fleet, FleetEvent, RunSpec, RunSummary, Settings, SinkError, StopToken, Task, TaskEnd, stopper,
};
use tokio::sync::mpsc;

use crate::observe::eventually;
use crate::support::{Bench, Recorder, SOON, task};

pub(crate) fn forked(pool_size: usize) -> RunSpec {
    RunSpec { pool_size, collector_pools: BTreeMap::new(), fork: true }
}

/// Runs to the end and sorts the events.
pub(crate) struct Story {
    pub(crate) summary: RunSummary,
    /// By task; exactly one each, which is checked.
    pub(crate) ends: Vec<TaskEnd<Recorder>>,
    pub(crate) retries: BTreeMap<usize, Vec<&'static str>>,
    pub(crate) breaker: Vec<String>,
}

impl Story {
    pub(crate) async fn of(fleet: &Fleet, spec: RunSpec, tasks: Vec<Task>, stop: StopToken) -> Self {
        let (events, mut receiver) = mpsc::unbounded_channel();
        let count = tasks.len();
        let summary = fleet.run(spec, tasks, |_, _| Ok(Recorder::default()), events, stop).await;
        let (mut retries, mut breaker, mut ends) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        while let Some(event) = receiver.recv().await {
            match event {
                FleetEvent::Retrying { index, failure, .. } => {
                    assert!(!ends.contains_key(&index), "a retry after the end");
                    retries.entry(index).or_insert_with(Vec::new).push(failure.outcome.kind());
                }
                FleetEvent::Ended(end) => assert!(ends.insert(end.index, end).is_none(), "a second end"),
                FleetEvent::BreakerOpened { message } => breaker.push(message),
                FleetEvent::BreakerClosed => breaker.push("closed".to_owned()),
                FleetEvent::Started { .. } | FleetEvent::Ready { .. } => {}
            }
        }
        assert_eq!(ends.len(), count, "each task has its end");
        Self { summary, ends: ends.into_values().collect(), retries, breaker }
    }

    pub(crate) fn kind(&self, index: usize) -> &'static str {
        self.ends[index].result.as_ref().map_or_else(fixworker_fleet::NotCompleted::kind, |_| "completed")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_account_has_its_attempts_and_one_end() {
    let bench = Bench::new(|_| {}).await;
    let accounts = [
        ("ok@1", 1, "completed"),
        ("exit-75", 3, "exited"),
        ("fatal-credentials", 1, "credentials"),
        ("kill-self", 2, "out_of_memory"),
        ("exit-78", 1, "config"),
        ("ok-with-faults", 1, "completed"),
        ("junk", 3, "protocol_violation"),
        ("fatal-try-again", 3, "unavailable"),
        ("wrong-version", 1, "version"),
        ("ok@2", 1, "completed"),
    ];
    let tasks = accounts.iter().map(|(account, ..)| task(account)).collect();
    let story = Story::of(&bench.fleet, forked(4), tasks, StopToken::never()).await;
    for (index, (account, attempts, kind)) in accounts.into_iter().enumerate() {
        assert_eq!((story.ends[index].attempts, story.kind(index)), (attempts, kind), "{account}");
        let retries = story.retries.get(&index).cloned().unwrap_or_default();
        assert_eq!(retries, vec![kind; attempts as usize - 1], "{account}");
    }
    let summary = RunSummary { completed: 3, failed: 7, ..RunSummary::default() };
    assert_eq!(story.summary, summary);
    assert!(story.breaker.is_empty());
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_accounts_start_smoothly() {
    let bench = Bench::new(|_| {}).await;
    let tasks: Vec<_> = (0..200).map(|n| task(&format!("ok@{n}"))).collect();
    let story = Story::of(&bench.fleet, forked(16), tasks, StopToken::never()).await;
    assert_eq!(story.summary, RunSummary { completed: 200, ..RunSummary::default() });
    assert!(story.retries.is_empty(), "{:?}", story.retries);
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_program_opens_the_breaker_once() {
    let bench = Bench::new(|settings: &mut Settings| {
        settings.binary = "/no/such/collector".into();
        settings.max_attempts = 1;
        settings.breaker_pause = SOON;
    })
    .await;
    let tasks = (0..6).map(|n| task(&format!("ok@{n}"))).collect();
    let story = Story::of(&bench.fleet, forked(1), tasks, StopToken::never()).await;
    assert_eq!(story.summary, RunSummary { failed: 6, ..RunSummary::default() });
    let kinds: Vec<_> = (0..6).map(|index| story.kind(index)).collect();
    assert_eq!(kinds, ["spawn_failed"; 6]);
    let [message] = &story.breaker[..] else { panic!("{:?}", story.breaker) };
    assert!(message.contains("3 different accounts") && message.contains("/no/such/collector"), "{message}");
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_breaker_closes_when_a_child_is_ready() {
    let bench = Bench::new(|settings| {
        settings.max_attempts = 1;
        settings.breaker_pause = SOON;
    })
    .await;
    let accounts = ["wrong-token@1", "wrong-token@2", "bad-magic", "ok@1", "ok@2"];
    let tasks = accounts.into_iter().map(task).collect();
    let story = Story::of(&bench.fleet, forked(1), tasks, StopToken::never()).await;
    assert_eq!((story.summary.completed, story.summary.failed), (2, 3));
    assert_eq!(story.breaker.len(), 2, "{:?}", story.breaker);
    assert_eq!(story.breaker[1], "closed");
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graceful_stop_ends_running_and_waiting_accounts() {
    let bench = Bench::new(|settings| settings.asked_timeout = SOON).await;
    let (stopper, token) = stopper();
    let tasks = (0..6).map(|n| task(&format!("silent@{n}"))).collect();
    let stop = async {
        let all_collect =
            || bench.fleet.running().iter().filter(|child| child.state == "collecting").count() == 3;
        eventually("three collect", all_collect).await;
        let description = bench.fleet.running()[0].describe();
        assert!(description.starts_with("account The silent@"), "{description}");
        assert!(description.contains("collecting"), "{description}");
        stopper.stop("the worker shuts down");
    };
    let (story, ()) = tokio::join!(Story::of(&bench.fleet, forked(3), tasks, token), stop);
    assert_eq!(story.summary, RunSummary { cancelled: 6, ..RunSummary::default() });
    let messages: Vec<_> = story.ends.iter().map(|end| end.result.as_ref().unwrap_err().message()).collect();
    assert_eq!(messages[0], "cancelled: the worker shuts down");
    assert_eq!(messages.iter().filter(|message| *message == "cancelled before it began").count(), 3);
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_stop_kills() {
    let bench = Bench::new(|settings| settings.asked_timeout = SOON).await;
    let (stopper, token) = stopper();
    let stop = async {
        let collects = || bench.fleet.running().iter().any(|child| child.state == "collecting");
        eventually("it collects", collects).await;
        stopper.stop("once");
        let termed = || bench.fleet.running().iter().any(|child| child.state == "stopping (terminated)");
        eventually("it is terminated and stays", termed).await;
        stopper.kill_now("twice");
    };
    let run = Story::of(&bench.fleet, forked(1), vec![task("ignore-term")], token);
    let (story, ()) = tokio::join!(run, stop);
    assert_eq!(story.summary, RunSummary { cancelled: 1, killed: 1, ..RunSummary::default() });
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_stopped_before_it_begins_starts_nothing() {
    let bench = Bench::new(|_| {}).await;
    let (stopper, token) = stopper();
    stopper.stop("too late");
    let story = Story::of(&bench.fleet, forked(1), vec![task("ok"), task("ok")], token).await;
    assert!(story.ends.iter().all(|end| end.attempts == 0));
    assert_eq!(story.summary.cancelled, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_cannot_be_made_is_retried_and_reported() {
    let bench = Bench::new(|_| {}).await;
    let mut calls = 0;
    let make = |_| {
        calls += 1;
        if calls < 3 { Err(SinkError::Host("the spool is full".to_owned())) } else { Ok(Recorder::default()) }
    };
    let end = bench.fleet.run_one(task("ok"), make, StopToken::never()).await;
    assert_eq!(end.attempts, 3);
    assert_eq!(end.result.unwrap().attempt, 3);
    let never = |_| Err::<Recorder, _>(SinkError::Host("the spool is full".to_owned()));
    let end = bench.fleet.run_one(task("ok"), never, StopToken::never()).await;
    let not = end.result.unwrap_err();
    assert_eq!(
        (not.kind(), not.why, not.message().as_str()),
        ("host", GiveUp::Attempts, "the spool is full")
    );
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_dropped_leaves_nothing() {
    let bench = Bench::new(|settings| settings.asked_timeout = SOON).await;
    let tasks = (0..3).map(|n| task(&format!("silent@{n}"))).collect();
    let run = Story::of(&bench.fleet, forked(3), tasks, StopToken::never());
    let collecting = || bench.fleet.running().iter().filter(|child| child.state == "collecting").count() == 3;
    tokio::select! {
        _ = run => panic!("it never ends by itself"),
        () = eventually("all collect", collecting) => {}
    }
    eventually("nothing runs", || bench.fleet.running().is_empty()).await;
    bench.assert_nothing_is_left().await;
}
