//! A supervisor that is killed leaves no child.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::observe::{eventually, living_members};
use crate::support::{ALONE, rogue};

#[tokio::test]
async fn sigkill_to_the_supervisor_ends_all_children() {
    let _together = ALONE.read().await;
    let dir = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the supervisor of this test is a process of its own")]
    let mut host =
        Command::new(rogue()).arg("host").arg(dir.path().join("run")).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pids: Vec<i32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 4, "{line}");
    for pid in &pids {
        assert!(!living_members(*pid).is_empty(), "{pid} runs");
    }
    host.kill().unwrap();
    host.wait().unwrap();
    for pid in pids {
        eventually("the child is gone", || living_members(pid).is_empty()).await;
    }
}
