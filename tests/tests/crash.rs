//! Processes are killed: children, and the supervisor itself. Nothing is lost, nothing is left.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use fixworker_tests::core::Fixcore;
use fixworker_tests::oneshot::Alone;
use fixworker_tests::process;
use fixworker_tests::procfs;
use fixworker_tests::wait;
use fixworker_tests::worker::{Worker, WorkerOptions};
use nix::sys::signal::Signal;

fn attempts(worker: &Worker, account: &str) -> usize {
    let path = worker.scratch().path().join("markers").join(account);
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

fn supervisor_killed(core: &Fixcore) {
    let good = ["good-1", "good-2", "good-3"];
    let modes = [&good[..], &["hold-1", "hold_deaf"]].concat();
    let mut worker = WorkerOptions::new(core, "rogue").rogue(&modes).start(core);
    let task = core.start_workflow("collect");
    wait::until("the good accounts are stored", || core.graph().accounts() == good);
    wait::until("their merges are acknowledged", || core.merged().len() == core.merges().len());
    worker.await_children(2);
    // The journal is written when the answer has come, which takes the supervisor a moment more.
    wait::idle(Duration::from_secs(1));
    worker.process().kill_hard();
    wait::within(Duration::from_secs(5), "children are gone 5 s after their supervisor", || {
        worker.scratch().collectors().is_empty().then_some(())
    });
    assert_eq!(procfs::mentioning(worker.scratch().path()), [], "nothing is left");

    let merges = core.merges().len();
    worker.start_again(core);
    worker.await_children(2);
    worker.scratch().file("markers/release", "");
    core.await_workflow(&task);
    assert_eq!(core.answers(&task), [("collect".to_owned(), "action_done".to_owned())]);
    let mut expected = modes.clone();
    expected.sort_unstable();
    assert_eq!(core.graph().accounts(), expected);
    for account in good {
        assert_eq!(attempts(&worker, account), 1, "{account} had been acknowledged");
    }
    assert_eq!(attempts(&worker, "hold-1"), 2);
    let later = core.merges().split_off(merges);
    let replaced: Vec<_> =
        later.iter().flat_map(|merge| merge["replaced"].as_array().unwrap().clone()).collect();
    assert_eq!(replaced.len(), 2, "{replaced:?}");
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_killed_supervisor_resumes_over_http() {
    let Some(core) = Fixcore::http() else { return };
    supervisor_killed(&core);
}

#[test]
fn a_killed_supervisor_resumes_over_https_with_psk() {
    let Some(core) = Fixcore::https() else { return };
    supervisor_killed(&core);
}

#[test]
fn a_killed_child_is_tried_once_more() {
    let Some(core) = Fixcore::http() else { return };
    let mut worker = WorkerOptions::new(&core, "rogue").rogue(&["hold-1", "hold-2", "hold-3"]).start(&core);
    let task = core.start_workflow("collect");
    let all_in_attempt =
        |number| ["hold-1", "hold-2", "hold-3"].iter().all(|account| attempts(&worker, account) == number);
    // A child that is killed before it has noted its attempt would not be counted.
    wait::until("each is in its first attempt", || all_in_attempt(1));
    for child in worker.await_children(3) {
        process::signal(child.pid, Signal::SIGKILL);
    }
    wait::until("each is tried again", || all_in_attempt(2));
    worker.scratch().file("markers/release", "");
    let run = core.await_workflow(&task);
    assert_eq!(run["has_error"], false, "{run}");
    assert_eq!(core.graph().accounts(), ["hold-1", "hold-2", "hold-3"]);
    assert_eq!(worker.stop(), 0);
}

/// Random kills over a whole run with real children: everything that fixcore has in the end is whole.
#[test]
fn kills_at_random_moments_never_give_half_an_account() {
    let Some(core) = Fixcore::http() else { return };
    let settings = ["random.accounts=8", "random.resources_per_account=100", "random.seconds_per_account=2"];
    let worker = WorkerOptions::new(&core, "random").set_all(&settings).set("supervisor.max_attempts=20");
    let mut worker = worker.start(&core);
    let task = core.start_workflow("collect");
    let mut killed = std::collections::BTreeSet::new();
    while core.workflow(&task)["done"] != true {
        // Each account loses its first child only: a SIGKILL from outside is tried once more.
        for child in worker.children() {
            let label = child.label().unwrap().to_owned();
            if killed.insert(label) {
                process::signal(child.pid, Signal::SIGKILL);
            }
        }
        wait::idle(Duration::from_millis(130));
    }
    assert_eq!(killed.len(), 8);
    core.graph().assert_is(&Alone::collect_all("random", &settings[..2]));
    assert_eq!(worker.stop(), 0);
}

#[test]
fn a_supervisor_leaves_no_descriptors_and_zombies_behind() {
    let Some(core) = Fixcore::http() else { return };
    let settings = ["random.accounts=20", "random.resources_per_account=30"];
    let mut worker = WorkerOptions::new(&core, "random").set_all(&settings).start(&core);
    core.collect();
    let quiet = || {
        wait::within(wait::STEP, "the run has settled", || {
            let descriptors = procfs::descriptors(worker.pid())?;
            wait::idle(Duration::from_millis(300));
            (procfs::descriptors(worker.pid()) == Some(descriptors)).then_some(descriptors)
        })
    };
    let before = quiet();
    for _ in 0..3 {
        core.collect();
    }
    let after = quiet();
    assert!(after <= before + 5, "{before} descriptors became {after}");
    assert_eq!(procfs::zombies_of(worker.pid()), 0);
    assert_eq!(worker.stop(), 0);
}

/// Secrets never appear where other users or crash reports could see them.
#[test]
fn a_child_shows_no_secret() {
    let Some(core) = Fixcore::https() else { return };
    let worker = WorkerOptions::new(&core, "rogue").rogue(&["hold"]).env("AWS_SECRET_ACCESS_KEY", "hunter2");
    let mut worker = worker.start(&core);
    core.start_workflow("collect");
    let child = worker.await_children(1).remove(0);
    assert_eq!(child.label(), Some("rogue/hold"));
    assert!(!child.args.iter().any(|arg| arg.contains("correct horse") || arg.contains("hunter2")));
    let names: Vec<_> = procfs::environment(child.pid).unwrap().into_iter().map(|(name, _)| name).collect();
    let allowed = |name: &str| {
        let name = name.to_ascii_uppercase();
        ["PATH", "HOME", "TZ", "LANG", "TMPDIR"].contains(&name.as_str())
            || ["LC_", "SSL_CERT"].iter().any(|prefix| name.starts_with(prefix))
            || ["_PROXY", "CA_BUNDLE"].iter().any(|suffix| name.ends_with(suffix))
    };
    let foreign: Vec<_> = names.iter().filter(|name| !allowed(name)).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert_ne!(child.group, worker.pid(), "a group of its own");
    worker.process().kill_hard();
    worker.scratch().await_no_collectors();
    assert!(!worker.log().contains("correct horse"), "the key is not in the log");
}
