//! What can be seen from outside.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process as /proc/PID/stat has it.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) state: char,
    pub(crate) parent: i32,
    pub(crate) group: i32,
}

/// Parses a line of /proc/PID/stat. The name in parentheses may hold anything.
pub(crate) fn parse_stat(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let rest = rest.rsplit_once(") ")?.1;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    let mut number = || fields.next()?.parse().ok();
    Some(Process { pid: pid.parse().ok()?, state, parent: number()?, group: number()? })
}

pub(crate) fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap();
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    stats.filter_map(|stat| parse_stat(&stat)).collect()
}

pub(crate) fn living_members(group: i32) -> Vec<Process> {
    processes().into_iter().filter(|process| process.group == group && process.state != 'Z').collect()
}

pub(crate) fn own_zombies() -> Vec<Process> {
    let us = i32::try_from(std::process::id()).unwrap();
    processes().into_iter().filter(|process| process.parent == us && process.state == 'Z').collect()
}

pub(crate) fn open_files() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(fs::read_link(entry.ok()?.path()).ok()?.display().to_string()))
        .filter(|target| !target.ends_with("/fd"))
        .map(|target| target.split(':').next().unwrap_or_default().to_owned())
        .collect();
    files.sort();
    files
}

/// What the rogue with this id has started: processes that sleep for a time that names it.
pub(crate) fn sleepers_of(pid: i32) -> Vec<i32> {
    with_arguments(&["sleep", &format!("1000.{pid}")])
}

/// The process that starts children for this one.
pub(crate) fn fork_server() -> Option<i32> {
    let us = i32::try_from(std::process::id()).unwrap();
    let name = |pid: i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let ours = |process: &Process| process.parent == us && name(process.pid) == "fixworker-fork\n";
    processes().into_iter().find(ours).map(|process| process.pid)
}

/// Processes with exactly these arguments.
fn with_arguments(arguments: &[&str]) -> Vec<i32> {
    let wanted: String = arguments.iter().flat_map(|argument| [*argument, "\0"]).collect();
    let is_it =
        |pid: i32| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == wanted);
    processes().into_iter().map(|process| process.pid).filter(|pid| is_it(*pid)).collect()
}

pub(crate) fn end(pid: i32) {
    #[expect(clippy::disallowed_methods, reason = "the test cleans up what the rogue left on purpose")]
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

/// Waits until something holds. The limit is only there so that a failing test ends.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never happened: {what}");
}
