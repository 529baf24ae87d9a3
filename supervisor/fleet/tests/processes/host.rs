//! A supervisor that is killed leaves nothing, and one whose fork server is killed goes on.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use fixworker_fleet::Exit;

use crate::observe::{end, eventually, fork_server, living_members, sleepers_of};
use crate::support::{ALONE, Bench, Recorder, rogue, spec};

#[tokio::test]
async fn sigkill_to_the_supervisor_ends_all_children() {
    let _together = ALONE.read().await;
    #[expect(clippy::disallowed_methods, reason = "the supervisor of this test is a process of its own")]
    let mut host = Command::new(rogue()).arg("host").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pids: Vec<i32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 5, "{line}");
    for pid in &pids {
        assert!(!living_members(*pid).is_empty(), "{pid} runs");
    }
    // One of them has left processes in its group, in another one, in another session, and without a parent. The
    // fork server ends that last one as soon as it looks, and it looks when another child stops itself.
    eventually("the sleepers sleep", || pids.iter().any(|pid| sleepers_of(*pid).len() >= 3)).await;
    host.kill().unwrap();
    host.wait().unwrap();
    for pid in pids {
        eventually("the child is gone", || living_members(pid).is_empty()).await;
        eventually("what it has started is gone", || sleepers_of(pid).is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_server_that_is_killed_takes_its_children_along_and_is_replaced() {
    let _alone = ALONE.write().await;
    let bench = Bench::alone(|_| {});
    let child = bench.child("setsid-survivor");
    let run = child.run(spec("setsid-survivor", None), Recorder::default());
    let kill = async {
        let pid = || bench.fleet.running().first().and_then(|child| child.pid);
        eventually("the sleepers sleep", || pid().is_some_and(|pid| sleepers_of(pid).len() == 4)).await;
        end(fork_server().unwrap());
        pid().unwrap()
    };
    let (ran, pid) = tokio::join!(run, kill);
    let failure = ran.unwrap_err();
    assert_eq!(failure.exit, Some(Exit::Signal(9)), "{}", failure.report());
    child.close().await;
    // The next child has a new one, which is asked for when the old one is missed.
    let child = bench.child("ok");
    child.run(spec("ok", None), Recorder::default()).await.unwrap();
    child.close().await;
    eventually("nothing is left of the first", || sleepers_of(pid).is_empty()).await;
    bench.assert_nothing_is_left().await;
}

/// An order that cannot be sent, because it is too long or the kernel takes no more descriptors, never came there.
#[tokio::test]
async fn an_order_that_cannot_be_sent_costs_one_start() {
    let bench = Bench::new(|settings| settings.binary = "/".repeat(300_000).into()).await;
    let other = Bench::new(|_| {}).await;
    let living = other.child("ok");
    living.run(spec("ok", None), Recorder::default()).await.unwrap();
    let before = fork_server().unwrap();
    let child = bench.child("ok");
    let failure = child.run(spec("ok", None), Recorder::default()).await.unwrap_err();
    assert!(failure.report().contains("too long"), "{}", failure.report());
    assert_eq!(fork_server(), Some(before));
    living.run(spec("ok", None), Recorder::default()).await.unwrap();
    living.close().await;
    child.close().await;
}
