//! One process for all accounts of a collector (`fork_process: false`).

use std::collections::{BTreeMap, BTreeSet};

use fixworker_fleet::{RunSpec, StopToken, Task};

use crate::runs::Story;
use crate::support::{Bench, SOON, task};

fn shared(pool_size: usize) -> RunSpec {
    RunSpec { pool_size, collector_pools: BTreeMap::new(), fork: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_serves_all_accounts() {
    let bench = Bench::new(|_| {}).await;
    let tasks: Vec<_> = (0..20).map(|n| task(&format!("ok@{n}"))).collect();
    let story = Story::of(&bench.fleet, shared(4), tasks, StopToken::never()).await;
    assert_eq!(story.summary.completed, 20);
    let pids: BTreeSet<_> = story.ends.iter().map(|end| end.result.as_ref().unwrap().pid).collect();
    assert_eq!(pids.len(), 1, "{pids:?}");
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_costs_the_jobs_in_flight_one_attempt() {
    let bench = Bench::new(|_| {}).await;
    let mut tasks =
        vec![task(&format!("crash-once@{}/crashed", bench.dir.path().display())), task("fatal-credentials")];
    tasks.extend((0..8).map(|n| task(&format!("ok@{n}"))));
    let story = Story::of(&bench.fleet, shared(3), tasks, StopToken::never()).await;
    assert_eq!((story.kind(0), story.ends[0].attempts), ("completed", 2));
    assert_eq!(story.kind(1), "credentials");
    // A job that comes while the process dies is refused; it has not even begun.
    let kinds: BTreeSet<_> = story.retries.values().flatten().copied().collect();
    assert!(kinds.is_subset(&["killed", "collateral"].into()), "{kinds:?}");
    assert_eq!((story.summary.completed, story.summary.failed), (9, 1));
    let pids: BTreeSet<_> = story.ends.iter().filter_map(|end| Some(end.result.as_ref().ok()?.pid)).collect();
    assert!(pids.len() <= 2, "{pids:?}");
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_knows_which_of_several_jobs_took_the_memory() {
    let bench = Bench::new(|settings| settings.max_attempts = 1).await;
    let tasks = vec![task("silent-but-obeys@1"), task("silent-but-obeys@2"), task("ok")];
    let kill = async {
        let two_run = || {
            let running = bench.fleet.running();
            running.iter().any(|child| child.jobs.len() == 2 && child.pid.is_some())
        };
        crate::observe::eventually("both run", two_run).await;
        crate::observe::end(bench.fleet.running()[0].pid.unwrap());
    };
    let (story, ()) = tokio::join!(Story::of(&bench.fleet, shared(2), tasks, StopToken::never()), kill);
    assert_eq!([story.kind(0), story.kind(1), story.kind(2)], ["collateral", "collateral", "completed"]);
    let message = story.ends[0].result.as_ref().unwrap_err().message();
    assert!(message.contains("likely out of memory"), "{message}");
    bench.assert_nothing_is_left().await;
}

fn late(account: &str) -> Task {
    Task { deadline: Some(SOON), ..task(account) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_job_that_obeys_costs_nobody_else() {
    let bench = Bench::new(|_| {}).await;
    let mut tasks = vec![late("silent-but-obeys")];
    tasks.extend((0..8).map(|n| task(&format!("ok@{n}"))));
    let story = Story::of(&bench.fleet, shared(2), tasks, StopToken::never()).await;
    assert_eq!(story.kind(0), "deadline");
    assert_eq!((story.summary.completed, story.summary.failed), (8, 1));
    assert!(story.retries.is_empty(), "{:?}", story.retries);
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_job_that_does_not_obey_takes_the_process_with_it() {
    let bench = Bench::new(|settings| {
        settings.asked_timeout = SOON;
        settings.grace = SOON;
        settings.max_attempts = 2;
    })
    .await;
    // The second one would run forever; it is stopped for the sake of the first, and again as it is alone.
    let tasks = vec![late("silent@1"), task("silent-but-obeys@2")];
    let (stopper, token) = fixworker_fleet::stopper();
    let watch = async {
        let second_attempt = || {
            let running = bench.fleet.running();
            running.iter().flat_map(|child| &child.jobs).any(|job| job.attempt == 2)
        };
        crate::observe::eventually("a new process takes over", second_attempt).await;
        stopper.stop("enough");
    };
    let (story, ()) = tokio::join!(Story::of(&bench.fleet, shared(2), tasks, token), watch);
    assert_eq!(story.kind(0), "deadline", "not retried");
    assert_eq!(story.retries[&1], ["collateral"]);
    assert!(story.ends[1].result.as_ref().unwrap_err().is_cancelled());
    bench.assert_nothing_is_left().await;
}
