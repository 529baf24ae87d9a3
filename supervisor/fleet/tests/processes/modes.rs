//! Every mode of the rogue against the model, and that nothing stays behind.

use decisions::attempt::{Class, Tally, Verdict, decide};
use fixworker_fleet::child::state::Stage;
use fixworker_fleet::{ChildEnd, Exit};

use crate::model::{End, Row, table};
use crate::observe::{eventually, living_members, open_files, sleepers_of};
use crate::rogue::Mode;
use crate::support::{ALONE, Bench, Ran, Recorder, spec};

fn name(mode: Mode) -> &'static str {
    Mode::ALL.iter().find(|(known, _)| *known == mode).unwrap().1
}

/// Runs one mode and compares everything with its row.
async fn check(row: Row) {
    let bench = Bench::alone(row.tune);
    let child = bench.child(name(row.mode));
    let ran = child.run(spec(name(row.mode), row.deadline), Recorder::default()).await;
    let ended = child.close().await;
    let pid = ended.pid.unwrap();
    let mode = row.mode;

    check_end(row, &ran);
    assert!(row.force.fits(ended.stage), "{mode:?}: {:?} {ended:?}", row.force);
    assert!(!ended.leaked, "{mode:?}: what it has started ends with it");
    check_exit(mode, &ended);
    eventually("the group is gone", || living_members(pid).is_empty()).await;
    bench.assert_nothing_is_left().await;
    eventually("nothing is left of what it has started", || sleepers_of(pid).is_empty()).await;
}

fn check_end(row: Row, ran: &Ran) {
    let mode = row.mode;
    match (row.end, ran) {
        (End::Completed { faults }, Ok(completed)) => {
            assert_eq!(completed.done.faults, faults, "{mode:?}");
            assert_eq!(completed.done.totals.nodes, 1, "{mode:?}");
            assert!(completed.peak_rss.unwrap() > 0, "{mode:?}");
        }
        (End::Failed { kind, class, says }, Err(failure)) => {
            let report = failure.report();
            assert_eq!(failure.outcome.kind(), kind, "{mode:?}: {report}");
            assert_eq!(failure.outcome.class(), class, "{mode:?}: {report}");
            assert!(report.contains(says), "{mode:?}: {report:?} does not say {says:?}");
            assert!(
                report.starts_with(&format!("account The {0} ({0}) of collector rogue", name(mode))),
                "{report}"
            );
            assert!(report.contains(", pid "), "{report}");
            assert_eq!(is_retried(class), !matches!(class, Class::Lasting | Class::Deadline), "{mode:?}");
        }
        (expected, got) => panic!("{mode:?}: {expected:?} expected, got {got:?}"),
    }
}

fn is_retried(class: Class) -> bool {
    let policy = fixworker_fleet::Settings::new("").policy();
    let tally = Tally { failed: 1, out_of_memory: u32::from(class == Class::OutOfMemory) };
    matches!(decide(policy, tally, class, 1.0), Verdict::Retry(_))
}

fn check_exit(mode: Mode, ended: &ChildEnd) {
    match (mode, ended.stage) {
        (Mode::ExitAfterDoneNonzero, _) => assert_eq!(ended.exit, Some(Exit::Code(70))),
        (Mode::KillSelf, _) | (_, Some(Stage::Killed)) => {
            assert_eq!(ended.exit, Some(Exit::Signal(9)), "{mode:?}");
        }
        _ => assert!(ended.exit.is_some(), "{mode:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mode_ends_as_the_model_says_and_leaves_nothing() {
    let _alone = ALONE.write().await;
    // Its connection lives as long as the program.
    fixworker_fleet::prepare().unwrap();
    let sockets = || open_files().into_iter().filter(|file| file == "socket").count();
    // Whoever started the tests may have left some of its own open.
    let inherited = sockets();
    // The first child brings what lives as long as the program: the spawn thread, the runtime's own files.
    check(table()[0]).await;
    // Tasks that were aborted let go of their sockets a moment later.
    eventually("sockets are closed", || sockets() == inherited).await;
    let before = open_files();
    for rows in table().chunks(6) {
        let checks: Vec<_> = rows.iter().map(|row| tokio::spawn(check(*row))).collect();
        for (row, check) in rows.iter().zip(checks) {
            assert!(check.await.is_ok(), "{:?} failed, see above", row.mode);
        }
    }
    eventually("as many descriptors as before", || open_files() == before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_grace_sigkill_comes_without_sigterm() {
    let bench = Bench::new(|settings| {
        settings.stall_timeout = crate::support::SOON;
        settings.asked_timeout = crate::support::SOON;
        settings.grace = std::time::Duration::ZERO;
    })
    .await;
    // It would obey SIGTERM.
    let child = bench.child("silent");
    let failure = child.run(spec("silent", None), Recorder::default()).await.unwrap_err();
    assert_eq!(failure.exit, Some(Exit::Signal(9)));
    assert_eq!(child.close().await.stage, Some(Stage::Killed));
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_is_gentle_first_and_kill_now_is_not() {
    let bench = Bench::new(|_| {}).await;
    let (gentle, harsh) = (bench.child("silent-but-obeys"), bench.child("ignore-term"));
    let both_collect =
        || bench.fleet.running().iter().filter(|child| child.state == "collecting").count() == 2;
    let runs = async {
        tokio::join!(
            gentle.run(spec("silent-but-obeys", None), Recorder::default()),
            harsh.run(spec("ignore-term", None), Recorder::default())
        )
    };
    let stops = async {
        eventually("both collect", both_collect).await;
        gentle.stop("the user wants it");
        harsh.stop("first");
        harsh.kill_now("second");
    };
    let ((asked, killed), ()) = tokio::join!(runs, stops);
    assert_eq!(asked.unwrap_err().message(), "cancelled: the user wants it");
    assert_eq!(killed.unwrap_err().message(), "cancelled: first", "the first reason is kept");
    assert_eq!(gentle.close().await.stage, Some(Stage::Asked));
    assert_eq!(harsh.close().await.stage, Some(Stage::Killed));
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_runs_several_jobs_one_after_the_other() {
    let bench = Bench::new(|_| {}).await;
    let child = bench.child("ok");
    let mut pids = Vec::new();
    for _ in 0..3 {
        pids.push(child.run(spec("ok", None), Recorder::default()).await.unwrap().pid.unwrap());
    }
    assert_eq!(pids, [pids[0]; 3]);
    assert!(child.accepts_jobs());
    assert_eq!(child.close().await.stage, None);
    assert!(!child.accepts_jobs());
    let late = child.run(spec("ok", None), Recorder::default()).await.unwrap_err();
    assert_eq!(late.outcome.kind(), "collateral");
    bench.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_handle_or_the_future_stops_the_process() {
    let bench = Bench::new(|settings| settings.asked_timeout = crate::support::SOON).await;
    let child = bench.child("heartbeat-only");
    let collecting = || bench.fleet.running().first().is_some_and(|child| child.state == "collecting");
    let run = child.run(spec("heartbeat-only", None), Recorder::default());
    tokio::select! {
        _ = run => panic!("it never ends by itself"),
        () = eventually("it collects", collecting) => {}
    }
    let ended = child.ended().await;
    assert_eq!(ended.stage, Some(Stage::Termed), "nobody waits for the job, and it ignores Cancel");

    drop(bench.child("never-hello"));
    eventually("nothing runs", || bench.fleet.running().is_empty()).await;
    bench.assert_nothing_is_left().await;
}
