//! Who is whose child, by what /proc says.

use std::fs;

use nix::unistd::Pid;

/// The direct children of this process, dead ones included, whichever of its threads they belong to.
pub(super) fn own_children() -> Vec<Pid> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists: Result<Vec<_>, _> =
        tasks.map(|task| fs::read_to_string(task.path().join("children"))).collect();
    if let Ok(lists) = lists {
        let pids = lists.iter().flat_map(|list| list.split_whitespace());
        return pids.filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect();
    }
    // A kernel without these files.
    let us = Pid::this();
    all().into_iter().filter(|process| process.parent == us).map(|process| process.pid).collect()
}

/// The session of a process, zombies included.
pub(crate) fn session_of(pid: Pid) -> Option<Pid> {
    nix::unistd::getsid(Some(pid)).ok()
}

struct Process {
    pid: Pid,
    parent: Pid,
}

fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Process { pid: Pid::from_raw(pid), parent: Pid::from_raw(parent(&stat)?) })
    })
    .collect()
}

/// The name in parentheses may hold anything, so fields are counted behind the last one.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_whatever_the_name_is() {
        assert_eq!(parent("7 (a) S 9 (b) R 3 1 1 0"), Some(3));
        assert_eq!(parent("7 (cat) S 1 7 7 0"), Some(1));
        assert_eq!(parent("garbage"), None);
    }

    #[test]
    fn both_ways_to_find_children_agree() {
        #[expect(clippy::disallowed_methods, reason = "a test")]
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let scanned = all().into_iter().any(|process| process.pid == pid && process.parent == Pid::this());
        let listed = own_children().contains(&pid);
        let session = session_of(pid);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(scanned && listed);
        assert_eq!(session, session_of(Pid::this()));
    }
}
